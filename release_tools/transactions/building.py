"""Marker transactions: build (pure), sign, submit.

What is in: the datum's bytes, the outputs that may be spent, the protocol parameters, the slot. What comes out: an
unsigned transaction, as bytes; then a signed one. Building reads nothing and asks nobody, so a machine without keys
can do it, and signing needs no network. The rules:

1. An *update* spends the previous marker output, so that markers never pile up at the era address and each proves that
   the owner of the address wrote it (rule T2). The first one (*bootstrap*) spends another output there, if it can.
2. Only outputs of ada alone are chosen to pay. One that carries a token or a datum is spent only when it is named, and
   then its tokens go back in an output of their own, so that the change stays ada alone; one that carries a script
   never is, since its fee would depend on the script.
3. The marker output holds the least ada its size allows, and takes a remainder that is too small to be change.
4. The fee is the least that the ledger takes for the size of the signed transaction.
5. The datum is in the transaction byte for byte as given.
6. The transaction names its network, ends after a number of slots, and names in its metadata what made it.

7. The marker output holds the thread token, where there is one: that of the output before, or a new one, minted under
   a script of the era address's owner that is void with the transaction, a day from now at most (rule T0).

A *sweep* publishes nothing: all that it spends goes back to the payer.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from chain_reader.providers.gateway import SpendableOutput, TransactionGateway, TransactionParameters
from chain_reader.thread_token import spelled
from datum import ERA, MarkerKind
from eras import Slot, TransactionError
from release_tools.keys.payment_key import PaymentSigner
from release_tools.transactions.addresses import owner_of, parse_address
from release_tools.transactions.balancing import Draft, UnsignedTransaction, witness_set
from release_tools.transactions.scripts import MAX_LOCK_SLOTS, KeyScript, ThreadToken, signers_of

DEFAULT_VALIDITY_SLOTS = 7_200
"""How long a transaction stays valid: two hours on the public networks, time to carry it to a signer and back."""


class MissingSignatureError(TransactionError):
    """A key that the transaction needs was not given."""


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """A transaction ready to be submitted: its CBOR and its hash."""

    cbor: bytes
    hash: str


def build_marker_transaction(
    datum: bytes,
    *,
    era_address: str,
    change_address: str,
    payer_outputs: Sequence[SpendableOutput],
    parameters: TransactionParameters,
    network_id: int,
    slot: Slot,
    previous: SpendableOutput | None = None,
    also_spend: Sequence[SpendableOutput] = (),
    validity_slots: int = DEFAULT_VALIDITY_SLOTS,
    thread_token: str | None = None,
    mint_token: bool = False,
    kind: MarkerKind = ERA,
    replaces: str | None = None,
    era_script: KeyScript | None = None,
) -> UnsignedTransaction:
    """Build the transaction that puts ``datum`` at the era address, as output 0.

    Args:
        datum: the inline datum, CBOR, as ``datum.encode_datum`` gives it.
        era_address: where readers look.
        change_address: where what is left goes.
        payer_outputs: unspent outputs that may pay; of these only plain ones are spent.
        parameters: protocol parameters of the current epoch.
        network_id: 1 on mainnet, 0 elsewhere; every address must belong to it.
        slot: the newest slot of the chain.
        previous: the marker output that this one replaces; ``None`` for the first marker.
        also_spend: outputs to spend whatever they carry, tokens and datums included.
        validity_slots: slots from ``slot`` after which the transaction is void.
        thread_token: the token that readers are configured with, policy id and asset name in hex.
        mint_token: whether a thread token is minted; after this transaction nobody can mint it again.
        kind: of the markers, which names the token that is minted.
        replaces: the token that the new one takes the place of; the marker output holds none otherwise.
        era_script: the native script that owns the era address, where one does.

    Raises:
        TransactionError: the plain outputs hold too little.
        TransactionError: the transaction would exceed the protocol's size.
        TransactionError: the thread token is elsewhere, or there is one already.
        TransactionError: an address is unusable or of another network, ``previous`` is not at the era address, or
            one of ``also_spend`` carries a script.
    """
    era = parse_address(era_address, network_id, "era address", era_script)
    if previous is not None:
        _require_marker_output(previous, str(era))
    end = Slot(slot + (min(validity_slots, MAX_LOCK_SLOTS) if mint_token else validity_slots))
    held = _thread_token(previous, also_spend, thread_token, mint=mint_token, replaces=replaces)
    minted = None
    if mint_token:
        owner = owner_of(era_address, network_id, era_script).terms
        minted = ThreadToken.of(owner, end, kind)
        if minted.unit == replaces:  # the same slot as then, and so the same policy
            end = Slot(end - 1)
            minted = ThreadToken.of(owner, end, kind)
    draft = Draft(
        datum,
        era=era,
        change=parse_address(change_address, network_id, "change address", era_script),
        parameters=parameters,
        network_id=network_id,
        invalid_hereafter=end,
        thread=held,
        minted=minted,
        era_script=era_script,
    )
    for output in also_spend:
        _require_no_script(output)
    # Each once, or its ada would count twice.
    named = {output.reference: output for output in (*([] if previous is None else [previous]), *also_spend)}
    payers = {output.reference: output for output in payer_outputs if output.reference not in named}
    pool = _richest_first(payers.values())
    first = list(named.values())
    if not any(output.address == str(era) for output in first):
        first += [output for output in pool if output.address == str(era)][:1]
    others = [output for output in pool if output not in first]
    for count in range(len(others) + 1):
        if transaction := draft.balance(first + others[:count], with_change=True):
            return transaction
    if transaction := draft.balance(first + others, with_change=False):
        return transaction
    raise draft.insufficient(first + others, spared=len(payers) - len(pool))


def build_sweep_transaction(
    outputs: Sequence[SpendableOutput],
    *,
    era_address: str,
    change_address: str,
    payer_outputs: Sequence[SpendableOutput],
    parameters: TransactionParameters,
    network_id: int,
    slot: Slot,
    validity_slots: int = DEFAULT_VALIDITY_SLOTS,
    era_script: KeyScript | None = None,
) -> UnsignedTransaction:
    """Build the transaction that returns what ``outputs`` hold to ``change_address``, and publishes nothing.

    Args:
        outputs: what is swept, whatever it carries.
        era_address: where readers look.
        change_address: where it goes.
        payer_outputs: unspent outputs that may pay the fee; of these only plain ones are spent, and as few as needed.
        parameters: protocol parameters of the current epoch.
        network_id: 1 on mainnet, 0 elsewhere; every address must belong to it.
        slot: the newest slot of the chain.
        validity_slots: slots from ``slot`` after which the transaction is void.
        era_script: the native script that owns the era address, where one does.

    Raises:
        TransactionError: all of it holds too little.
        TransactionError: the transaction would exceed the protocol's size.
        TransactionError: an address is unusable or of another network, or one of ``outputs`` carries a script.
    """
    draft = Draft(
        None,
        era=parse_address(era_address, network_id, "era address", era_script),
        change=parse_address(change_address, network_id, "change address", era_script),
        parameters=parameters,
        network_id=network_id,
        invalid_hereafter=Slot(slot + validity_slots),
        era_script=era_script,
    )
    for output in outputs:
        _require_no_script(output)
    swept = {output.reference: output for output in outputs}
    payers = {output.reference: output for output in payer_outputs if output.reference not in swept}
    pool = _richest_first(payers.values())
    first = list(swept.values())
    for count in range(len(pool) + 1):
        if transaction := draft.balance(first + pool[:count], with_change=True):
            return transaction
    raise draft.insufficient(first + pool, spared=len(payers) - len(pool))


def _richest_first(outputs: Iterable[SpendableOutput]) -> list[SpendableOutput]:
    """Those that are plain, so that as few as possible are spent."""
    plain = (output for output in outputs if output.is_plain)
    return sorted(plain, key=lambda output: (-output.lovelace, output.reference))


def sign_transaction(
    transaction: UnsignedTransaction, keys: Iterable[PaymentSigner], words: Sequence[str] = ()
) -> SignedTransaction:
    """Sign with the keys that the transaction requires; others are left out, since each signature costs fee.

    Args:
        transaction: what is signed.
        keys: those that there are.
        words: what it does, for external signers.

    Raises:
        MissingSignatureError: a required key is not among ``keys``.
    """
    known = {key.key_hash: key for key in keys}
    signers = signers_among(transaction, known)
    digest = bytes.fromhex(transaction.hash)
    witnesses = [known[key_hash].witness(digest, transaction.body, words) for key_hash in signers]
    signed = witness_set(witnesses, [script.cbor for script in transaction.scripts])
    return SignedTransaction(transaction.cbor_with(signed), transaction.hash)


def signers_among(transaction: UnsignedTransaction, known: Collection[str]) -> list[str]:
    """Hashes of the keys that sign a transaction, no more than it needs, out of those ``known``.

    Raises:
        MissingSignatureError: a required key is not among them.
    """
    cosigners = signers_of(transaction.scripts, known, transaction.invalid_hereafter)
    wanted = transaction.required_keys if cosigners is not None else transaction.signing_keys
    missing = [key_hash for key_hash in wanted if key_hash not in known]
    if missing or cosigners is None:
        raise MissingSignatureError(
            "A transaction cannot be signed",
            expected=f"the keys with hash {', '.join(transaction.required_keys)}"
            if cosigners is not None
            else f"the keys with hash {transaction.signers}",
            got=f"no key for {', '.join(missing)}",
            next_step="Give the payment key of every address that the transaction spends from: --payment-key-file FILE",
        )
    return sorted({*transaction.required_keys, *cosigners})


def submit_transaction(gateway: TransactionGateway, transaction: SignedTransaction) -> str:
    """Submit a signed transaction; its hash.

    Raises:
        TransactionRefusedError: the ledger refused it.
        TransactionError: the chain took it under another hash.
        ChainReadError: the chain could not be reached; whether it has the transaction is unknown.
    """
    answered = gateway.submit(transaction.cbor)
    if answered != transaction.hash:
        raise TransactionError(
            f"{gateway.name} reported another hash for the transaction",
            expected=transaction.hash,
            got=answered[:80],
            next_step="Look up both hashes before submitting anything again",
        )
    return answered


def _require_no_script(output: SpendableOutput) -> None:
    if output.reference_script:
        raise TransactionError(
            f"The output {output.reference} cannot be spent",
            expected="an output without a reference script, whose fee would depend on the script",
            got=f"the script {output.reference_script}",
            next_step="Leave it out",
        )


def _require_marker_output(output: SpendableOutput, era_address: str) -> None:
    odd = len(output.assets) > 1 or any(quantity != 1 for _, quantity in output.assets)
    if output.address != era_address or odd or output.reference_script:
        holds = "tokens or a script" if odd or output.reference_script else "ada and a datum"
        raise TransactionError(
            "The marker output to replace cannot be spent",
            expected=f"an output of ada, a datum and at most a thread token at {era_address}",
            got=f"{output.reference} with {holds} at {output.address}",
            next_step="Give the marker output that readers trust now",
        )


def _thread_token(
    previous: SpendableOutput | None,
    also_spend: Sequence[SpendableOutput],
    configured: str | None,
    *,
    mint: bool,
    replaces: str | None,
) -> str | None:
    """The token that the marker output takes over: that of the one before, or the configured one from elsewhere."""
    held = None if previous is None or not previous.assets else previous.assets[0][0]
    if mint and held not in (None, replaces):
        raise TransactionError(
            "A thread token exists already",
            expected="a marker output without one",
            got=f"{previous.reference if previous else ''}, which holds {spelled(held or '')}",
            next_step="Publish without minting: every publication passes it on",
            code="ThreadToken",
        )
    if mint or configured is None or held == configured:
        return held
    if any(unit == configured for output in also_spend for unit, _ in output.assets):
        return configured
    raise TransactionError(
        "The thread token is not in the marker output in force, and readers would not trust one without it",
        expected=f"{spelled(configured)}, as trust.thread_token names it",
        got="no token" if held is None else spelled(held),
        next_step="Name the output that holds it with --spend; or mint one (marker adopt-token) and configure that",
        token=configured,
        code="ThreadToken",
    )
