"""A Conway transaction, from its bytes.

In: signed transaction CBOR. Out: ``SignedTransaction``: what it does, and what the rules judge it by. Strict where the
ledger's decoder is (duplicate keys and set members, unknown fields, empty optional sets), lenient where it is (set
tags, indefinite lengths, non-minimal integers). What the local chain does not model is refused here, by its name.
All is read from the original bytes, because pycardano's typed decoding drops zero amounts, merges duplicates and cannot
read an output of indefinite length.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn, TypeVar

from chain_reader.local_chain.ledger import cbor
from chain_reader.local_chain.ledger.addresses import AddressError, parse_address
from chain_reader.local_chain.ledger.cbor import CborError, Item, read_cbor
from chain_reader.local_chain.ledger.errors import LedgerRefusedError
from chain_reader.local_chain.ledger.model import NewOutput, NewTransaction
from chain_reader.local_chain.ledger.native_scripts import NativeScript, NativeScriptError, parse_native_script
from chain_reader.local_chain.ledger.plain_data import check_plutus_data, longest_metadata_string
from eras import Slot

T = TypeVar("T")

SET_TAG = 258
CBOR_TAG = 24
ALONZO_METADATA_TAG = 259

BODY_FIELDS = {0: "inputs", 1: "outputs", 2: "fee", 3: "validity end", 7: "auxiliary data hash", 8: "validity start",
               9: "mint", 14: "required signers", 15: "network id", 18: "reference inputs"}  # fmt: skip
BODY_NOT_MODELLED = {4: "certificates", 5: "withdrawals", 11: "script data hash", 13: "collateral inputs",
                     16: "collateral return", 17: "total collateral", 19: "votes", 20: "proposals",
                     21: "current treasury value", 22: "treasury donation"}  # fmt: skip
WITNESS_FIELDS = {0: "signatures", 1: "native scripts"}
WITNESSES_NOT_MODELLED = {2: "bootstrap witnesses", 3: "Plutus V1 scripts", 4: "datums in witnesses", 5: "redeemers",
                          6: "Plutus V2 scripts", 7: "Plutus V3 scripts"}  # fmt: skip
AUXILIARY_NOT_MODELLED = dict.fromkeys((1, 2, 3, 4), "scripts in auxiliary data")


@dataclass(frozen=True, slots=True)
class Signature:
    """An Ed25519 signature of the body's hash."""

    key: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """A decoded transaction, not yet judged.

    Attributes:
        new: what it does to the chain.
        valid: whether it is marked as valid.
        signatures: its signatures.
        scripts: the native scripts that it carries.
        required_signers: hashes of the keys that the body itself wants to see signing.
        network_id: the network that the body names, if it does.
        auxiliary_hash: the hash of auxiliary data that the body names, if it does.
        auxiliary: the original bytes of its auxiliary data, if it has any.
        longest_metadata: the length of the longest string in its metadata, in bytes.
    """

    new: NewTransaction
    valid: bool
    signatures: tuple[Signature, ...]
    scripts: tuple[NativeScript, ...]
    required_signers: tuple[bytes, ...]
    network_id: int | None
    auxiliary_hash: bytes | None
    auxiliary: bytes | None
    longest_metadata: int


def parse_transaction(data: bytes, *, max_bytes: int) -> SignedTransaction:
    """Decode ``data``; nothing above ``max_bytes`` is looked at.

    Raises:
        LedgerRefusedError: it is not a Conway transaction, too big, or uses what the local chain does not model.
    """
    if len(data) > max_bytes:
        raise LedgerRefusedError(
            "MaxTxSizeUTxO", expected=f"at most {max_bytes} bytes", got=str(len(data)), size=len(data), most=max_bytes
        )
    try:
        item = read_cbor(data)
    except CborError as error:
        raise LedgerRefusedError("DecodingFailure", got=str(error)) from error
    parts = _list(item, "the transaction")
    if len(parts) != 4:
        _undecodable("a transaction of body, witnesses, validity and auxiliary data", f"{len(parts)} parts")
    body, witnesses, valid, auxiliary = parts
    fields = _fields(body, "body", BODY_FIELDS, BODY_NOT_MODELLED)
    for key in (0, 1, 2):
        if key not in fields:
            _undecodable("a body with inputs, outputs and a fee", f"no {BODY_FIELDS[key]}")
    if valid.raw not in (cbor.FALSE, cbor.TRUE):
        _undecodable("a validity flag", valid.raw.hex())
    has_auxiliary = auxiliary.raw != cbor.NULL
    witness_fields = _fields(witnesses, "witnesses", WITNESS_FIELDS, WITNESSES_NOT_MODELLED)
    new = NewTransaction(
        hash=hashlib.blake2b(body.raw, digest_size=32).hexdigest(),
        inputs=_inputs(fields[0], "inputs"),
        reference_inputs=_optional(fields, 18, lambda found: _filled(_inputs(found, "reference inputs"), 18)) or (),
        outputs=tuple(_output(made, place) for place, made in enumerate(_list(fields[1], "outputs"))),
        fee=_uint(fields[2], "fee"),
        # the fee is for the transaction as a block has it, where the validity flag is kept elsewhere
        size=1 + len(body.raw) + len(witnesses.raw) + len(auxiliary.raw),
        minted=_optional(fields, 9, _minted) or (),
        invalid_before=_optional(fields, 8, lambda found: Slot(_uint(found, "validity start"))),
        invalid_hereafter=_optional(fields, 3, lambda found: Slot(_uint(found, "validity end"))),
        cbor=data,
    )
    return SignedTransaction(
        new=new,
        valid=valid.raw == cbor.TRUE,
        signatures=_optional(witness_fields, 0, _signatures) or (),
        scripts=_optional(witness_fields, 1, _scripts) or (),
        required_signers=_optional(fields, 14, _required_signers) or (),
        network_id=_optional(fields, 15, _network_id),
        auxiliary_hash=_optional(fields, 7, lambda found: _bytes(found, "the auxiliary data hash", 32)),
        auxiliary=auxiliary.raw if has_auxiliary else None,
        longest_metadata=_longest_metadata(auxiliary) if has_auxiliary else 0,
    )


def _undecodable(expected: str, got: str) -> NoReturn:
    raise LedgerRefusedError("DecodingFailure", expected=expected, got=got[:160])


def _not_modelled(part: str) -> NoReturn:
    raise LedgerRefusedError("NotModelled", got=part, next_step="Rehearse it on a public test network", part=part)


def _optional(fields: dict[int, Item], key: int, read: Callable[[Item], T]) -> T | None:
    return read(fields[key]) if key in fields else None


def _uint(item: Item, what: str, end: int = 2**64) -> int:
    if item.major != cbor.UINT or item.number >= end:
        _undecodable(f"{what} as an unsigned integer below {end}", item.raw.hex())
    return item.number


def _bytes(item: Item, what: str, length: int | None = None) -> bytes:
    if item.major != cbor.BYTES or length not in (None, len(item.data)):
        _undecodable(f"{what} as {'' if length is None else f'{length} '}bytes", item.raw.hex())
    return item.data


def _list(item: Item, what: str) -> tuple[Item, ...]:
    if item.major != cbor.LIST:
        _undecodable(f"{what} as a list", item.raw.hex())
    return item.items


def _set(item: Item, what: str) -> tuple[Item, ...]:
    if item.major == cbor.TAG and item.number == SET_TAG:
        item = item.items[0]
    return _list(item, what)


def _filled(members: tuple[T, ...], field: int) -> tuple[T, ...]:
    if not members:
        _undecodable(f"members in {BODY_FIELDS[field]}, or none of the field", "an empty set")
    return members


def _unique(members: tuple[T, ...], what: str) -> tuple[T, ...]:
    if len(set(members)) != len(members):
        _undecodable(f"each of {what} once", "a duplicate")
    return members


def _fields(item: Item, what: str, known: dict[int, str], not_modelled: dict[int, str]) -> dict[int, Item]:
    if item.major != cbor.MAP:
        _undecodable(f"{what} as a map", item.raw.hex())
    fields = {_uint(key, f"a key of the {what}"): value for key, value in item.pairs}
    if len(fields) != len(item.pairs):
        _undecodable(f"every key of the {what} once", "a duplicate key")
    for key in fields:
        if key in not_modelled:
            _not_modelled(f"{not_modelled[key]} ({what} field {key})")
        if key not in known:
            _undecodable(f"keys of a Conway {what}", f"key {key}")
    return fields


def _inputs(item: Item, what: str) -> tuple[tuple[str, int], ...]:
    found = []
    for member in _set(item, what):
        parts = _list(member, f"one of the {what}")
        if len(parts) != 2:
            _undecodable(f"each of {what} as a transaction hash and an index", member.raw.hex())
        found.append((_bytes(parts[0], "a transaction hash", 32).hex(), _uint(parts[1], "an output index", 2**16)))
    return _unique(tuple(found), what)


def _required_signers(item: Item) -> tuple[bytes, ...]:
    hashes = tuple(_bytes(member, "a required signer", 28) for member in _set(item, "required signers"))
    return _filled(_unique(hashes, "required signers"), 14)


def _network_id(item: Item) -> int:
    return _uint(item, "a network id", 2)


def _signatures(item: Item) -> tuple[Signature, ...]:
    found = []
    for member in _members(item, "signatures"):
        parts = _list(member, "a signature")
        if len(parts) != 2:
            _undecodable("a key and its signature", member.raw.hex())
        found.append(Signature(_bytes(parts[0], "a verification key", 32), _bytes(parts[1], "a signature", 64)))
    return tuple(found)


def _scripts(item: Item) -> tuple[NativeScript, ...]:
    try:
        return tuple(parse_native_script(member) for member in _members(item, "native scripts"))
    except NativeScriptError as error:
        raise LedgerRefusedError("DecodingFailure", expected="native scripts", got=str(error)) from error


def _members(item: Item, what: str) -> tuple[Item, ...]:
    found = _set(item, what)
    if not found:
        _undecodable(f"{what}, or none of the field", "an empty set")
    return found


def _output(item: Item, place: int) -> NewOutput:
    what = f"output {place}"
    if item.major == cbor.LIST:
        if len(item.items) not in (2, 3):
            _undecodable(f"{what} as address, value and perhaps datum hash", item.raw.hex())
        fields = dict(enumerate(item.items))
        datum, datum_hash = None, _optional(fields, 2, lambda found: _bytes(found, "a datum hash", 32).hex())
    else:
        fields = _fields(item, what, {0: "address", 1: "value", 2: "datum"}, {3: "a reference script"})
        if not {0, 1} <= fields.keys():
            _undecodable(f"{what} with address and value", item.raw.hex())
        datum, datum_hash = _optional(fields, 2, lambda found: _datum(found, what)) or (None, None)
    try:
        address = parse_address(_bytes(fields[0], f"the address of {what}"))
    except AddressError as error:
        if error.byron:
            _not_modelled(f"a Byron address ({what})")
        raise LedgerRefusedError("DecodingFailure", expected=f"an address in {what}", got=str(error)) from error
    lovelace, assets = _value(fields[1], what)
    return NewOutput(
        address=address.text,
        network_id=address.network_id,
        lovelace=lovelace,
        assets=assets,
        datum=datum,
        datum_hash=datum_hash,
        size=len(item.raw),
        value_size=len(fields[1].raw),
    )


def _value(item: Item, what: str) -> tuple[int, tuple[tuple[str, int], ...]]:
    if item.major == cbor.UINT:
        return item.number, ()
    parts = _list(item, f"the value of {what}")
    if len(parts) != 2:
        _undecodable(f"the value of {what} as lovelace and assets", item.raw.hex())
    return _uint(parts[0], f"the lovelace of {what}"), _assets(parts[1], f"the value of {what}", _quantity)


def _assets(item: Item, what: str, quantity: Callable[[Item], int]) -> tuple[tuple[str, int], ...]:
    if item.major != cbor.MAP:
        _undecodable(f"{what} as assets by their policies", item.raw.hex())
    assets = []
    for policy, names in item.pairs:
        policy_id = _bytes(policy, "a policy id", 28).hex()
        if names.major != cbor.MAP or not names.items:
            _undecodable(f"assets of the policy {policy_id}", names.raw.hex())
        for name, amount in names.pairs:
            if len(_bytes(name, "an asset name")) > 32:
                _undecodable("an asset name of at most 32 bytes", name.raw.hex())
            assets.append((policy_id + name.data.hex(), quantity(amount)))
    _unique(tuple(policy.data for policy, _ in item.pairs), f"the policies of {what}")
    _unique(tuple(unit for unit, _ in assets), f"the assets of {what}")
    return tuple(assets)


def _quantity(item: Item) -> int:
    if _uint(item, "the quantity of an asset") == 0:
        _undecodable("a positive quantity of an asset", "0")
    return item.number


def _minted(item: Item) -> tuple[tuple[str, int], ...]:
    def quantity(amount: Item) -> int:
        if amount.major not in (cbor.UINT, cbor.NINT) or not -(2**63) <= amount.number < 2**63 or amount.number == 0:
            _undecodable("a quantity to mint or burn, below 2^63 and not 0", amount.raw.hex())
        return amount.number

    return _filled(_assets(item, "the mint", quantity), 9)


def _datum(item: Item, what: str) -> tuple[str | None, str | None]:
    parts = _list(item, f"the datum of {what}")
    kind = _uint(parts[0], "a kind of datum", 2) if len(parts) == 2 else None
    if kind == 0:
        return None, _bytes(parts[1], "a datum hash", 32).hex()
    if kind is None or parts[1].major != cbor.TAG or parts[1].number != CBOR_TAG:
        _undecodable(f"the datum of {what} as a hash or as CBOR", item.raw.hex())
    data = _bytes(parts[1].items[0], "a datum")
    check_plutus_data(data, f"the datum of {what}")
    return data.hex(), None


def _longest_metadata(auxiliary: Item) -> int:
    if auxiliary.major == cbor.TAG and auxiliary.number == ALONZO_METADATA_TAG:
        fields = _fields(auxiliary.items[0], "auxiliary data", {0: "metadata"}, AUXILIARY_NOT_MODELLED)
        return longest_metadata_string(fields[0]) if 0 in fields else 0
    if auxiliary.major == cbor.LIST:
        if len(auxiliary.items) != 2:
            _undecodable("metadata and scripts in auxiliary data", f"{len(auxiliary.items)} parts")
        if _list(auxiliary.items[1], "scripts in auxiliary data"):
            _not_modelled("scripts in auxiliary data")
        return longest_metadata_string(auxiliary.items[0])
    return longest_metadata_string(auxiliary)
