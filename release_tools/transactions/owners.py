"""Owners of addresses: payment keys, and native scripts of them, which also allow the minting of a thread token. Pure.

In: an address; and a script file as cardano-cli writes it (``{"type":"atLeast","required":2,"scripts":[…]}``) where a
script owns it. Out: the ``Owner``, and its ``KeyScript``: its bytes, its hash, the signatures that satisfy it, and how
many of them the fee must cover.
"""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import cbor2

from chain_reader.local_chain.ledger.cbor import LIST, Item, read_cbor
from chain_reader.local_chain.ledger.native_scripts import (
    ALL,
    ANY,
    AT_LEAST,
    BEFORE,
    KEY_HASH_BYTES,
    MAX_DEPTH,
    SIGNATURE,
    NativeScript,
    parse_native_script,
)
from datum import ERA, MarkerKind
from datum.strict_json import short_whole
from eras import Slot, TransactionError

if TYPE_CHECKING:
    from pycardano import Address

MAX_LOCK_SLOTS = 86_400
"""A thread token can be minted for so long at most: a day on the public networks."""

_KNOWN_ADDRESSES = 256
"""An address is decoded once, as often as a transaction and its checks ask about it."""

_MAX_FILE_CHARS = 65_536
_ALL_OF_TWO = bytes([0x82, ALL, 0x82])  # the head of an "all" script with a list of two
_GROUPS = {"all": ALL, "any": ANY}


@dataclass(frozen=True, slots=True)
class KeyScript:
    """A native script of payment keys, optionally with a slot before which it must be satisfied.

    Attributes:
        cbor: the bytes that are hashed.
    """

    cbor: bytes

    @classmethod
    def of_key(cls, key_hash: str) -> "KeyScript":
        """Return the script that the key with this hash satisfies."""
        return cls(cbor2.dumps([SIGNATURE, bytes.fromhex(key_hash)]))

    @classmethod
    def of_item(cls, item: Item) -> "KeyScript":
        """Return a script that was decoded from a transaction."""
        return cls(item.raw)

    @classmethod
    def parse(cls, text: str, source: str = "The script file") -> "KeyScript":
        """Parse the text of a script file of cardano-cli; ``source`` names the file in errors.

        Raises:
            TransactionError: it is not a native script of payment keys.
        """
        try:
            script = cls(cbor2.dumps(_from_json(json.loads(text[:_MAX_FILE_CHARS], parse_int=short_whole), 0)))
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise TransactionError(
                f"{source} is not a native script of payment keys",
                expected='{"type":"atLeast","required":K,"scripts":[{"type":"sig","keyHash":"…"},…]}, or all, any, sig',
                got=f"{type(error).__name__}: {error}"[:120],
                next_step="Give the script file of the era address; time locks are not supported in it",
                code="ScriptFile",
            ) from error
        if not script.key_hashes or not script.satisfied_by(script.key_hashes):
            raise TransactionError(
                f"{source} cannot be satisfied by signatures",
                expected="at most as many required keys as there are, and at least one key",
                got=f"{len(script.key_hashes)} keys",
                next_step="Correct the script, and derive the address from it again",
                code="ScriptFile",
            )
        return script

    def before(self, slot: Slot) -> "KeyScript":
        """Return a script that requires this one, in a transaction that is void from ``slot`` on."""
        return KeyScript(_ALL_OF_TWO + self.cbor + cbor2.dumps([BEFORE, slot]))

    @property
    def hash(self) -> str:
        """The hash, 56 hex digits: the credential of an address, or a policy id."""
        return self._native.hash.hex()

    @property
    def key_hashes(self) -> tuple[str, ...]:
        """The hashes of all keys, each once, in their order."""
        leaves = _leaves(self._native.item)
        return tuple(dict.fromkeys(one.items[1].data.hex() for one in leaves if one.items[0].number == SIGNATURE))

    @property
    def lock(self) -> Slot | None:
        """The slot before which it must be satisfied; ``None`` if there is none."""
        leaves = _leaves(self._native.item)
        return min((Slot(one.items[1].number) for one in leaves if one.items[0].number == BEFORE), default=None)

    @property
    def most_signatures(self) -> int:
        """The highest number of signatures that a transaction needs for it."""
        return _most(self._native.item)

    def satisfied_by(self, key_hashes: Collection[str], end: Slot | None = None) -> bool:
        """Return whether these keys satisfy it in a transaction that is void from ``end`` on."""
        return self._native.satisfied_by({bytes.fromhex(one) for one in key_hashes}, None, end)

    @property
    def _native(self) -> NativeScript:
        return parse_native_script(read_cbor(self.cbor))


@dataclass(frozen=True, slots=True)
class Owner:
    """The owner of an address: a payment key, or a native script of several.

    Attributes:
        key_hash: the hash of the key; ``None`` where a script owns it.
        script: the script; ``None`` where a key owns it.
    """

    key_hash: str | None = None
    script: KeyScript | None = None

    @property
    def terms(self) -> KeyScript:
        """The owner's conditions for spending, as a script."""
        return self.script if self.script is not None else KeyScript.of_key(self.key_hash or "")

    @property
    def key_hashes(self) -> tuple[str, ...]:
        """The hashes of the keys that can sign for the owner."""
        return (self.key_hash or "",) if self.script is None else self.script.key_hashes

    def satisfied_by(self, key_hashes: Collection[str]) -> bool:
        """Return whether these keys are enough to sign for the owner."""
        return self.key_hash in key_hashes if self.script is None else self.script.satisfied_by(key_hashes)


@dataclass(frozen=True, slots=True)
class EraAddress:
    """The address where markers are published.

    Attributes:
        text: the address, bech32.
        script: the native script that owns it; ``None`` where a payment key does.
    """

    text: str
    script: KeyScript | None = None

    def parse(self, network_id: int) -> "Address":
        """Return the address, parsed.

        Raises:
            TransactionError: it is not an address of this network that a payment key, or the script, owns.
        """
        return parse_address(self.text, network_id, "era address", self.script)

    def owner(self, network_id: int) -> Owner:
        """Return its owner.

        Raises:
            TransactionError: as ``owner_of``.
        """
        return owner_of(self.text, network_id, self.script)


@dataclass(frozen=True, slots=True)
class ThreadToken:
    """A thread token to mint, under a script that allows it only until the transaction is void (rule T0)."""

    script: KeyScript
    kind: MarkerKind = ERA

    @classmethod
    def of(cls, owner: KeyScript, before: Slot, kind: MarkerKind = ERA) -> "ThreadToken":
        """Return the token that the owner of an era address mints in a transaction that is void from ``before`` on.

        Its name contains the kind of marker: ``era-thread`` for eras.
        """
        return cls(owner.before(before), kind)

    @property
    def unit(self) -> str:
        """Policy id and asset name in hex, without a separator."""
        return self.script.hash + f"{self.kind.name}-thread".encode().hex()


@dataclass(frozen=True, slots=True)
class TokenMint:
    """The order to mint a thread token.

    Attributes:
        kind: the kind of marker, which is part of the token's name.
        replaces: the token to replace, the only one that the previous marker output may hold.
    """

    kind: MarkerKind = ERA
    replaces: str | None = None


@lru_cache(maxsize=_KNOWN_ADDRESSES)
def owner_of(text: str, network_id: int, script: KeyScript | None = None) -> Owner:
    """Return the owner of the address ``text``.

    Raises:
        TransactionError: it is not an address of this network that a payment key, or ``script``, owns.
    """
    owner = bytes(parse_address(text, network_id, "address of an output to spend", script).payment_part).hex()
    return Owner(script=script) if script is not None and script.hash == owner else Owner(owner)


@lru_cache(maxsize=_KNOWN_ADDRESSES)
def parse_address(text: str, network_id: int, what: str, script: KeyScript | None = None) -> "Address":
    """Parse an address of this network that a payment key, or ``script``, owns; ``what`` names it in errors.

    Raises:
        TransactionError: ``text`` is not such an address.
    """
    from pycardano import Address, ScriptHash, VerificationKeyHash

    try:
        address = Address.from_primitive(text)
    except Exception as error:  # pycardano passes on whatever its decoders raise
        raise TransactionError(
            f"The {what} is not usable",
            expected="a bech32 address",
            got=f"{text!r}"[:120],
            next_step="Correct the address",
        ) from error
    if address.network.value != network_id:
        raise TransactionError(
            f"The {what} belongs to another network",
            expected=f"network id {network_id}",
            got=f"network id {address.network.value} in {text}",
            next_step="Use an address of the network that the chain belongs to",
        )
    if isinstance(address.payment_part, ScriptHash):
        if script is None or script.hash != bytes(address.payment_part).hex():
            raise TransactionError(
                f"The {what} is not owned by a payment key",
                expected=f"a payment key's address, or the native script with hash {bytes(address.payment_part).hex()}",
                got="no script" if script is None else f"the script with hash {script.hash}",
                next_step="Give its script file, as cardano-cli reads it: network.era_script_file",
            )
    elif not isinstance(address.payment_part, VerificationKeyHash):
        raise TransactionError(
            f"The {what} is not owned by a payment key",
            expected="an address that begins with the hash of a payment key, or of a native script",
            got=text,
            next_step="Stake addresses are not supported here",
        )
    return address


def signers_of(
    scripts: Iterable[KeyScript], available: Collection[str], end: Slot | None, *, beside: Collection[str] = ()
) -> tuple[str, ...] | None:
    """Return as few of the ``available`` keys as satisfy all ``scripts`` in a transaction that is void from ``end`` on.

    The keys ``beside`` them sign in any case. ``None`` if even all available keys do not satisfy the scripts.
    """
    listed = tuple(scripts)
    chosen = [one for one in dict.fromkeys(key for script in listed for key in script.key_hashes) if one in available]
    if not all(script.satisfied_by({*chosen, *beside}, end) for script in listed):
        return None
    for one in reversed(chosen.copy()):
        fewer = [other for other in chosen if other != one]
        if all(script.satisfied_by({*fewer, *beside}, end) for script in listed):
            chosen = fewer
    return tuple(chosen)


def some_of(count: int, keys: Collection[str]) -> str:
    """Return "2 of KEY, KEY, KEY", or only the keys if all of them are meant."""
    return ", ".join(keys) if count == len(keys) else f"{count} of {', '.join(keys)}"


def _from_json(value: Any, depth: int) -> list[object]:
    kind = value["type"]
    if depth > MAX_DEPTH:
        raise ValueError("it is nested too deeply")
    if kind == "sig":
        key_hash = bytes.fromhex(value["keyHash"])
        if len(key_hash) != KEY_HASH_BYTES:
            raise ValueError(f"a key hash of {len(key_hash)} bytes")
        return [SIGNATURE, key_hash]
    parts = [_from_json(part, depth + 1) for part in value["scripts"]]
    if kind in _GROUPS:
        return [_GROUPS[kind], parts]
    if kind != "atLeast":
        raise ValueError(f"the type {kind!r}")
    required = value["required"]
    if type(required) is not int or required < 1:
        raise ValueError(f"required: {required!r}")
    return [AT_LEAST, required, parts]


def _leaves(script: Item) -> Iterable[Item]:
    """The signatures and time locks in a script."""
    last = script.items[-1]
    if last.major != LIST:
        yield script
    else:
        for part in last.items:
            yield from _leaves(part)


def _most(script: Item) -> int:
    """The most signatures that satisfying a script can take."""
    kind, last = script.items[0].number, script.items[-1]
    if last.major != LIST:
        return int(kind == SIGNATURE)
    counts = sorted(map(_most, last.items), reverse=True)
    wanted = {ALL: len(counts), ANY: 1}.get(kind, script.items[1].number)
    return sum(counts[:wanted])
