"""Proved authorship (rule T2): a transaction is a message that the owner of an address signed. Pure.

In: the bytes of a transaction, its id, and addresses. Out: ``SignedBy``: which of the addresses' owners signed it, and
what it makes at the first of them. No provider can invent or hide that, and nothing that a stranger refers to makes the
bytes any longer: the ledger allows 16 KiB.

1. The id is the blake2b-256 hash of the body, as the bytes have it.
2. The owner of a key address signed if one of the witnesses is a true signature of the id by the key that the address
   names. The owners of a native script's address did if the script is among the witnesses, and the keys that signed and
   the body's validity interval satisfy it, at least one key among them. A script that is elsewhere leaves it open.
3. What else a transaction does is not looked at: it may well use what no rule here knows.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from nacl.bindings import crypto_sign_open
from nacl.exceptions import BadSignatureError

from chain_reader.bech32 import PaymentCredential, decode_bech32, payment_credential
from chain_reader.local_chain.ledger import cbor
from chain_reader.local_chain.ledger.cbor import CborError, Item, read_cbor
from chain_reader.local_chain.ledger.native_scripts import NativeScript, NativeScriptError, parse_native_script

MAX_TRANSACTION_BYTES = 1 << 16
"""Four times the ledger's limit of today."""

_INPUTS, _OUTPUTS, _VALID_BEFORE, _VALID_FROM = 0, 1, 3, 8
_SIGNATURES, _SCRIPTS = 0, 1
_SET_TAG, _CBOR_TAG = 258, 24


class TransactionBytesError(ValueError):
    """The bytes are not those of the transaction."""


@dataclass(frozen=True, slots=True)
class MadeOutput:
    """An output of a transaction: its inline datum (CBOR in hex), where it has one, and its ada."""

    datum: str | None
    lovelace: int


@dataclass(frozen=True, slots=True)
class SignedBy:
    """The facts that the bytes of a transaction show.

    Attributes:
        signed: the addresses whose owner signed it.
        open: those of which the bytes do not show it, because their script is not among the witnesses.
        spends: references of the outputs that it spends.
        made: index → what it makes at the first of the addresses.
    """

    signed: frozenset[str]
    open: frozenset[str]
    spends: tuple[str, ...]
    made: Mapping[int, MadeOutput]


def transaction_id(data: bytes) -> str:
    """Return the id of the transaction that ``data`` is.

    Raises:
        TransactionBytesError: it is not a transaction.
    """
    return _id(_parts(data)[0])


def signed_by(data: bytes, transaction: str, addresses: Sequence[str]) -> SignedBy:
    """Return whose owners signed a transaction, and what it makes at the first of ``addresses``.

    Raises:
        TransactionBytesError: the bytes are not those of ``transaction``.
    """
    parts = _parts(data)
    body, witnesses, valid = parts[0], parts[1], parts[2]
    if _id(body) != transaction:
        raise TransactionBytesError(f"they are those of {_id(body)}")
    try:
        fields, shown = _fields(body), _fields(witnesses)
        signers = _signers(shown, bytes.fromhex(transaction))
        scripts = _scripts(shown)
        start, end = _slot(fields, _VALID_FROM), _slot(fields, _VALID_BEFORE)
        verdicts: dict[bool | None, list[str]] = {True: [], False: [], None: []}
        for address in addresses:
            verdicts[_has_signed(_owner(address)[1], signers, scripts, start, end)].append(address)
        made = _made(fields, _owner(addresses[0])[0]) if addresses and valid.raw == cbor.TRUE else {}
        spends = tuple([_reference(item) for item in _members(fields[_INPUTS])])
    except (KeyError, IndexError, NativeScriptError) as error:
        raise TransactionBytesError("a part of them is not part of a transaction") from error
    return SignedBy(frozenset(verdicts[True]), frozenset(verdicts[None]), spends, made)


def _parts(data: bytes) -> tuple[Item, ...]:
    if len(data) > MAX_TRANSACTION_BYTES:
        raise TransactionBytesError(f"they are {len(data)}, more than any ledger accepts")
    try:
        item = read_cbor(data)
    except CborError as error:
        raise TransactionBytesError(f"they are not CBOR: {error}") from error
    parts = item.items if item.major == cbor.LIST else ()
    if len(parts) != 4 or parts[0].major != cbor.MAP or parts[1].major != cbor.MAP:
        raise TransactionBytesError("they are not a transaction")
    return parts


def _id(body: Item) -> str:
    return hashlib.blake2b(body.raw, digest_size=32).hexdigest()


def _fields(item: Item) -> dict[int, Item]:
    """The parts of a map with whole numbers as keys; a doubled key would let two readers see two transactions."""
    fields: dict[int, Item] = {}
    for key, value in item.pairs:
        if key.major != cbor.UINT or key.number in fields:
            raise TransactionBytesError("a key appears twice, or is not a number")
        fields[key.number] = value
    return fields


def _members(item: Item) -> tuple[Item, ...]:
    if item.major == cbor.TAG and item.number == _SET_TAG:
        item = item.items[0]
    if item.major != cbor.LIST:
        raise TransactionBytesError("a list is something else")
    return item.items


def _signers(witnesses: Mapping[int, Item], body_hash: bytes) -> frozenset[bytes]:
    """The hashes of the keys whose signature is true."""
    found = set()
    for member in _members(witnesses[_SIGNATURES]) if _SIGNATURES in witnesses else ():
        key, signature = member.items[0].data, member.items[1].data
        try:
            crypto_sign_open(signature + body_hash, key)
        except (BadSignatureError, ValueError, TypeError):
            continue
        found.add(hashlib.blake2b(key, digest_size=28).digest())
    return frozenset(found)


def _scripts(witnesses: Mapping[int, Item]) -> dict[bytes, NativeScript]:
    """The native scripts among the witnesses, by hash."""
    if _SCRIPTS not in witnesses:
        return {}
    return {script.hash: script for script in map(parse_native_script, _members(witnesses[_SCRIPTS]))}


def _slot(fields: Mapping[int, Item], key: int) -> int | None:
    return fields[key].number if key in fields and fields[key].major == cbor.UINT else None


def _has_signed(
    owner: PaymentCredential | None,
    signers: frozenset[bytes],
    scripts: Mapping[bytes, NativeScript],
    start: int | None,
    end: int | None,
) -> bool | None:
    if owner is None:
        return None
    if not owner.is_script:
        return owner.hash in signers
    script = scripts.get(owner.hash)
    if script is None:
        return None
    # A script that is satisfied without any signature proves no signer.
    return script.satisfied_by(signers, start, end) and not script.satisfied_by((), start, end)


@lru_cache(maxsize=256)  # a node asks about its era address and the announcers all its life
def _owner(address: str) -> tuple[bytes | None, PaymentCredential | None]:
    """The bytes of an address, and its owner."""
    try:
        raw = decode_bech32(address)[1]
    except ValueError:
        return None, None
    return raw, payment_credential(raw)


def _made(fields: Mapping[int, Item], address: bytes | None) -> dict[int, MadeOutput]:
    made = {}
    for index, output in enumerate(_members(fields[_OUTPUTS])):
        parts = _fields(output) if output.major == cbor.MAP else dict(enumerate(output.items))
        if parts[0].major == cbor.BYTES and parts[0].data == address:
            value = parts[1] if parts[1].major == cbor.UINT else parts[1].items[0]
            datum = _inline_datum(parts[2]) if output.major == cbor.MAP and 2 in parts else None
            made[index] = MadeOutput(datum, value.number)
    return made


def _inline_datum(option: Item) -> str | None:
    """The CBOR of an inline datum, in hex; ``None`` where the output has the hash of one."""
    if len(option.items) != 2:
        return None
    kind, content = option.items
    if kind.number != 1 or content.major != cbor.TAG or content.number != _CBOR_TAG:
        return None
    return content.items[0].data.hex()


def _reference(item: Item) -> str:
    transaction, index = item.items[0], item.items[1]
    return f"{transaction.data.hex()}#{index.number}"
