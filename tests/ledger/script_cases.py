"""The part of the table that is about native scripts: spending from their addresses, minting and burning by them."""

from typing import Any

from cbor2 import CBORTag
from nacl.signing import SigningKey

from tests.ledger.cases import bad, good, junk, tokens
from tests.ledger.wallet import (
    END,
    HASH,
    KEY,
    MINT,
    NATIVE_SCRIPT,
    OTHER_HASH,
    OTHER_KEY,
    SCRIPT_HASH,
    SCRIPTS,
    SIGNERS,
    SLOT,
    START,
    STRANGER,
    Wallet,
    output,
    script_hash,
)

FAILING, MISSING, EXTRA = (
    f"{rule}UTXOW" for rule in ("ScriptWitnessNotValidating", "MissingScriptWitnesses", "ExtraneousScriptWitnesses")
)


def spend(w: Wallet, name: str, *keys: SigningKey, also: tuple[str, ...] = (), **body: int) -> bytes:
    """A payment from the address of a script, signed with ``keys``; ``body`` has ``start`` and ``end``."""
    interval = {{"start": START, "end": END}[which]: slot for which, slot in body.items()}
    return w.pay(
        spend=(f"at {name}", *also),
        keys=keys,
        body=interval,
        witnesses=None if keys else {1: [SCRIPTS[name]]},
        scripts={1: [SCRIPTS[name]]},
    )


def mint(w: Wallet, script: Any = NATIVE_SCRIPT, quantity: int = 1, *, left: int | None = None, **kinds: Any) -> bytes:
    """A transaction that mints ``quantity`` of a token by ``script`` and keeps them (or ``left``)."""
    policy = script_hash(script)
    kept = quantity if left is None else left
    first = output(..., assets={policy: {b"t": kept}}) if kept else output(...)
    body = {MINT: {policy: {b"t": quantity}}, **kinds.pop("body", {})}
    return w.pay(first=first, body=body, **{"scripts": {1: [script]}, **kinds})


def burn(w: Wallet, quantity: int, *keys: SigningKey, left: int, **kinds: Any) -> bytes:
    """A transaction that burns ``quantity`` of the five tokens at the other key's address."""
    return mint(w, quantity=-quantity, left=left, spend=("minted",), keys=keys or (KEY, OTHER_KEY), **kinds)


def nested(depth: int) -> Any:
    script: Any = NATIVE_SCRIPT
    for _ in range(depth):
        script = [1, [script]]
    return script


CASES = (
    # --- spending from the address of a script
    good("from a script of one signature", lambda w: spend(w, "key", KEY)),
    good("from the script address of the wallet", lambda w: w.pay(spend=("script",), scripts={1: [NATIVE_SCRIPT]})),
    bad("from a script without its signature", FAILING, lambda w: spend(w, "key", OTHER_KEY)),
    bad("from a script with no signature at all", FAILING, lambda w: spend(w, "key")),
    bad("from a script address without the script", MISSING, lambda w: w.pay(spend=("at key",))),
    bad(
        "from a script address with another script",
        MISSING,
        lambda w: w.pay(spend=("at key",), scripts={1: [SCRIPTS["any"]]}),
    ),
    good("all of three signatures", lambda w: spend(w, "all", KEY, OTHER_KEY, STRANGER)),
    bad("two of all three signatures", FAILING, lambda w: spend(w, "all", KEY, OTHER_KEY)),
    good("one of any three signatures", lambda w: spend(w, "any", STRANGER)),
    bad("none of any three signatures", FAILING, lambda w: spend(w, "any")),
    good("two of three signatures", lambda w: spend(w, "two", KEY, STRANGER)),
    good("three of three signatures where two suffice", lambda w: spend(w, "two", KEY, OTHER_KEY, STRANGER)),
    bad("one of three signatures where two are wanted", FAILING, lambda w: spend(w, "two", OTHER_KEY)),
    bad("one of three signatures twice", FAILING, lambda w: spend(w, "two", OTHER_KEY, OTHER_KEY)),
    good("a script that wants nobody's signature", lambda w: spend(w, "everybody")),
    bad("a script that nobody satisfies", FAILING, lambda w: spend(w, "nobody", KEY)),
    good("none of one signature", lambda w: spend(w, "none needed")),
    good("at least minus one", lambda w: spend(w, "below none")),
    bad("four of three signatures", FAILING, lambda w: spend(w, "too many", KEY, OTHER_KEY, STRANGER)),
    # --- time
    good("after its slot", lambda w: spend(w, "after", start=SLOT - 10)),
    good("after its slot, and later", lambda w: spend(w, "after", start=SLOT)),
    bad("after a slot, valid from the slot before", FAILING, lambda w: spend(w, "after", start=SLOT - 11)),
    bad("after a slot, with no start", FAILING, lambda w: spend(w, "after")),
    bad("after a slot, with an end only", FAILING, lambda w: spend(w, "after", end=SLOT + 1)),
    good("before its slot", lambda w: spend(w, "before", end=SLOT + 10)),
    good("before its slot, and earlier", lambda w: spend(w, "before", end=SLOT + 1)),
    bad("before a slot, valid through it", FAILING, lambda w: spend(w, "before", end=SLOT + 11)),
    bad("before a slot, with no end", FAILING, lambda w: spend(w, "before")),
    bad("before a slot, with a start only", FAILING, lambda w: spend(w, "before", start=SLOT)),
    good("a signature before a slot", lambda w: spend(w, "lock", KEY, end=SLOT + 10)),
    bad("a signature, and the slot has no end", FAILING, lambda w: spend(w, "lock", KEY)),
    bad(
        "before a slot, and the signature is a stranger's", FAILING, lambda w: spend(w, "lock", STRANGER, end=SLOT + 10)
    ),
    good("the spare key once its time has come", lambda w: spend(w, "spare", OTHER_KEY, start=SLOT)),
    bad("the spare key before its time", FAILING, lambda w: spend(w, "spare", OTHER_KEY, start=SLOT - 1)),
    good("the first key at any time", lambda w: spend(w, "spare", KEY)),
    # --- scripts beside keys
    good("from a script and from a key", lambda w: spend(w, "two", KEY, OTHER_KEY, also=("funds",))),
    bad(
        "from a script and from a key that does not sign",
        "MissingVKeyWitnessesUTXOW",
        lambda w: spend(w, "two", OTHER_KEY, STRANGER, also=("funds",)),
    ),
    good(
        "from two scripts", lambda w: w.pay(spend=("at key", "at any"), scripts={1: [SCRIPTS["key"], SCRIPTS["any"]]})
    ),
    bad(
        "from two scripts with one of them",
        MISSING,
        lambda w: w.pay(spend=("at key", "at any"), scripts={1: [SCRIPTS["key"]]}),
    ),
    good("from a script twice", lambda w: w.pay(spend=("at key", "script"), scripts={1: [NATIVE_SCRIPT]})),
    good(
        "a required signer beside a script",
        lambda w: w.pay(
            spend=("at key",), keys=(KEY, OTHER_KEY), body={SIGNERS: [OTHER_HASH]}, scripts={1: [NATIVE_SCRIPT]}
        ),
    ),
    bad("a script that nothing requires", EXTRA, lambda w: w.pay(scripts={1: [NATIVE_SCRIPT]})),
    bad(
        "a script more than is required",
        EXTRA,
        lambda w: w.pay(spend=("at key",), scripts={1: [SCRIPTS["key"], SCRIPTS["any"]]}),
    ),
    good("reading an output of a script requires nothing", lambda w: w.pay(body={18: [w.ref("at two")]})),
    bad(
        "a wrong signature for a script",
        "InvalidWitnessesUTXOW",
        lambda w: w.pay(spend=("at key",), witnesses={0: [[bytes(KEY.verify_key), b"\x01" * 64]], 1: [NATIVE_SCRIPT]}),
    ),
    # --- minting and burning
    good("a mint", mint),
    good("a mint of many", lambda w: mint(w, quantity=2**63 - 1)),
    good("a mint under a lock, in time", lambda w: mint(w, SCRIPTS["lock"], body={END: SLOT + 10})),
    bad("a mint under a lock, too late", FAILING, lambda w: mint(w, SCRIPTS["lock"], body={END: SLOT + 11})),
    bad("a mint under a lock, with no end", FAILING, lambda w: mint(w, SCRIPTS["lock"])),
    good("a mint by two of three", lambda w: mint(w, SCRIPTS["two"], keys=(KEY, STRANGER))),
    bad("a mint by one of three where two are wanted", FAILING, lambda w: mint(w, SCRIPTS["two"])),
    bad(
        "a mint by a stranger",
        FAILING,
        lambda w: mint(w, SCRIPTS["lock"], spend=("other",), keys=(OTHER_KEY,), body={END: SLOT + 10}),
    ),
    bad("a mint without its script", MISSING, lambda w: mint(w, scripts={})),
    bad(
        "a mint of a policy of nowhere",
        MISSING,
        lambda w: w.pay(first=output(..., assets=tokens(aa=1)), body={MINT: tokens(aa=1)}, spend=("funds",)),
    ),
    good(
        "a mint of two names",
        lambda w: w.pay(
            first=output(..., assets={SCRIPT_HASH: {b"a": 1, b"b": 2}}),
            body={MINT: {SCRIPT_HASH: {b"a": 1, b"b": 2}}},
            scripts={1: [NATIVE_SCRIPT]},
        ),
    ),
    good(
        "a mint of two policies",
        lambda w: w.pay(
            first=output(..., assets={SCRIPT_HASH: {b"": 1}, script_hash(SCRIPTS["any"]): {b"": 2}}),
            body={MINT: {SCRIPT_HASH: {b"": 1}, script_hash(SCRIPTS["any"]): {b"": 2}}},
            scripts={1: [NATIVE_SCRIPT, SCRIPTS["any"]]},
        ),
    ),
    good("a mint by the script that is spent from", lambda w: mint(w, spend=("at key",))),
    good(
        "a mint sent to the address of a script",
        lambda w: w.pay(
            first=output(..., to=bytes.fromhex("70") + SCRIPT_HASH, assets={SCRIPT_HASH: {b"t": 1}}),
            body={MINT: {SCRIPT_HASH: {b"t": 1}}},
            scripts={1: [NATIVE_SCRIPT]},
        ),
    ),
    bad("a mint that nobody keeps", "ValueNotConservedUTxO", lambda w: mint(w, left=0)),
    bad("a token more than is minted", "ValueNotConservedUTxO", lambda w: mint(w, left=2)),
    good("a burn", lambda w: burn(w, 5, left=0)),
    good("a burn of some", lambda w: burn(w, 2, left=3)),
    bad("a burn of more than there is", "ValueNotConservedUTxO", lambda w: burn(w, 6, left=0)),
    bad("a burn of what is kept", "ValueNotConservedUTxO", lambda w: burn(w, 5, left=5)),
    bad("a burn without its script", MISSING, lambda w: burn(w, 5, left=0, scripts={})),
    bad("a burn by whoever holds the tokens", FAILING, lambda w: burn(w, 5, OTHER_KEY, left=0)),
    bad(
        "a burn by the policy's key without the holder's",
        "MissingVKeyWitnessesUTXOW",
        lambda w: burn(w, 5, KEY, left=0),
    ),
    # --- the form of scripts and mints
    good("scripts as a tagged set", lambda w: w.pay(spend=("at key",), scripts={1: CBORTag(258, [NATIVE_SCRIPT])})),
    junk("no members in the scripts", "Empty list found", lambda w: w.pay(scripts={1: []})),
    junk("a script of an unknown kind", "Invalid", lambda w: w.pay(scripts={1: [[6, 1]]})),
    junk("a script with a key hash of 27 bytes", "Hash must be 28", lambda w: w.pay(scripts={1: [[0, HASH[:-1]]]})),
    junk("a script without its scripts", "Expected", lambda w: w.pay(scripts={1: [[1]]})),
    junk("a script with a number for a signature", "Expected", lambda w: w.pay(scripts={1: [[0, 1]]})),
    junk("a script that is a number", "Expected", lambda w: w.pay(scripts={1: [7]})),
    junk("a script before a slot below 0", "Missing or extra script hashes", lambda w: w.pay(scripts={1: [[5, -1]]})),
    junk("a mint of nothing", "Mint cannot be empty", lambda w: w.pay(body={MINT: {}})),
    junk("a mint of none of a token", "Mint cannot be empty", lambda w: mint(w, quantity=0)),
    junk(
        "a mint of a policy with no token",
        "Mint cannot be empty",
        lambda w: w.pay(body={MINT: {SCRIPT_HASH: {}}}, scripts={1: [NATIVE_SCRIPT]}),
    ),
    junk("a mint of 2^63", "Expected Long", lambda w: mint(w, quantity=2**63)),
    junk(
        "a mint of a policy id of 27 bytes",
        "Hash must be 28",
        lambda w: w.pay(body={MINT: {SCRIPT_HASH[:-1]: {b"t": 1}}}),
    ),
    good("scripts in scripts", lambda w: mint(w, nested(20))),
)
# fmt: on
