"""Native scripts of the ledger: who must sign, and when, before what they lock is spent or what they name is minted.

In: a script as CBOR. Out: a ``NativeScript`` with its hash, and whether signatures and a validity interval satisfy it.
A script's hash is over its bytes as they were sent, so that a script of the same meaning has another hash when it is
encoded differently.
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import NoReturn

from chain_reader.local_chain.ledger import cbor
from chain_reader.local_chain.ledger.cbor import Item

MAX_DEPTH = 64  # beyond any use; the ledger limits the size of a transaction only

SIGNATURE, ALL, ANY, AT_LEAST, AFTER, BEFORE = range(6)
KEY_HASH_BYTES = 28

_FORMS = {
    SIGNATURE: ((cbor.BYTES,),),
    ALL: ((cbor.LIST,),),
    ANY: ((cbor.LIST,),),
    AT_LEAST: ((cbor.UINT, cbor.LIST), (cbor.NINT, cbor.LIST)),
    AFTER: ((cbor.UINT,),),
    BEFORE: ((cbor.UINT,),),
}
_LANGUAGE = b"\x00"  # what the ledger puts before a native script when it hashes it


class NativeScriptError(ValueError):
    """The bytes are not a native script."""


@dataclass(frozen=True, slots=True)
class NativeScript:
    """A native script that was decoded; ``hash`` is its script hash, which is also the policy id of what it mints."""

    hash: bytes
    item: Item

    def satisfied_by(self, signers: Collection[bytes], start: int | None, end: int | None) -> bool:
        """Whether ``signers`` (key hashes) satisfy it in a transaction valid from slot ``start`` to before ``end``.

        A condition on time is judged by that interval alone, whatever the current slot is.
        """
        return _satisfied(self.item, signers, start, end)


def parse_native_script(item: Item) -> NativeScript:
    """The native script that ``item`` is.

    Raises:
        NativeScriptError: it is not a native script.
    """
    _check(item, 0)
    return NativeScript(hashlib.blake2b(_LANGUAGE + item.raw, digest_size=28).digest(), item)


def _check(item: Item, depth: int) -> None:
    if item.major != cbor.LIST or not item.items or item.items[0].major != cbor.UINT or depth > MAX_DEPTH:
        _refuse("a native script", item)
    kind, *parts = item.items
    majors = tuple(part.major for part in parts)
    if majors not in _FORMS.get(kind.number, ()):
        _refuse("a native script of a known kind", item)
    if kind.number == SIGNATURE and len(parts[0].data) != KEY_HASH_BYTES:
        _refuse(f"a key hash of {KEY_HASH_BYTES} bytes", parts[0])
    if kind.number == AT_LEAST and not -(2**63) <= parts[0].number < 2**63:
        _refuse("a number of scripts", parts[0])
    if majors[-1] == cbor.LIST:
        for part in parts[-1].items:
            _check(part, depth + 1)


def _satisfied(item: Item, signers: Collection[bytes], start: int | None, end: int | None) -> bool:
    kind, *parts = item.items
    if kind.number == SIGNATURE:
        return parts[0].data in signers
    if kind.number == AFTER:
        return start is not None and parts[0].number <= start
    if kind.number == BEFORE:
        return end is not None and end <= parts[0].number
    met = sum(_satisfied(part, signers, start, end) for part in parts[-1].items)
    if kind.number == ALL:
        return met == len(parts[-1].items)
    return met >= (1 if kind.number == ANY else parts[0].number)


def _refuse(expected: str, item: Item) -> NoReturn:
    raise NativeScriptError(f"expected {expected}, got {item.raw.hex()[:80]}")
