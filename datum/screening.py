"""Screening: every datum at an address gets a verdict, each judged alone, so that a bad one never spoils the read (T1).

Most outputs at a flooded address are junk, which is recognised before anything is decoded. A signature is checked only
where there is one. Signatures are checked on several threads: libsodium runs outside the interpreter lock.
"""

import os
import re
import threading
from binascii import unhexlify
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import chain, islice
from typing import cast

from datum.keys import VerificationKey, verify_signature
from datum.kinds import ERA, MarkerKind, kinds_of
from datum.plutus import DatumFormatError, datum_content, decode_datum
from datum.signed_payload import PayloadFormatError, VerifiedMarkers
from datum.verdicts import Accepted, Malformed, OtherKind, Unusable, Verdict, WrongSigner

_SIGNATURE_DIGITS = 128
_SHORTEST_HEX = 2 * _SIGNATURE_DIGITS + 14
"""No signed payload fits into fewer hex digits: its signature's own digits, as text, are 256 already."""

_HEX_DIGITS = b"0123456789abcdefABCDEF"
_JUNK_BEGINS = frozenset(f"d8799f5840{byte:02x}" for byte in range(256) if byte not in b"{[ \t\n\r")
"""The commonest junk in hex: a full first field that begins neither as a JSON object or array nor with white space."""

_BEGIN = b'{"markers"'
"""How nearly all payloads begin, as writers of this format make them: what begins so is not searched for its key."""

_KEY = b'"markers"'

# Numbers, and the key is searched with ``find``: to look for bytes with ``in`` raises an error within, and drops it.
_QUOTE, _ARRAY = b'"['

_MAY_HIDE_A_KEY = re.compile(rb"(?s).*\\|\s*\[").match
"""Content without the key "markers" may still be a payload when it escapes characters or writes structs as arrays."""

_NOT_A_PAYLOAD = Malformed("not the datum of a signed payload")

_MOST_SIGNED = 1_000
"""So many datums with a true signature are known by themselves, whatever output has them."""

_FEW = 256
"""Fewer claims than these are not worth several threads."""

_PORTION = 16
"""Claims that a thread takes at a time: found in a row because that is faster, but few, for another thread whose
signature is checked meanwhile waits for the interpreter lock."""

_Claim = tuple[int, bytes, bytes, bytes]
"""The place of a datum that may be a payload, its content, the bytes that are signed, and the signature."""


class VerdictMemory:
    """Verdicts of outputs seen before, so that a second read of the same outputs costs a look-up each.

    An entry belongs to an output reference, the datum that was reported for it (a provider may lie about it) and the
    keys. The oldest entries go when ``capacity`` is reached.
    """

    def __init__(self, capacity: int = 200_000) -> None:
        self._capacity = capacity
        self._lock = threading.Lock()
        self._keys: tuple[VerificationKey, ...] = ()
        self._verdicts: dict[str, Verdict] = {}
        self._hashes: dict[str, int] = {}  # of their datums; beside them, for the garbage collector looks into pairs
        self._signed: dict[str, Verdict] = {}  # by datum: a copy of a true payload has the verdict on it

    def recall(
        self, keys: tuple[VerificationKey, ...], references: Sequence[str], datums: Sequence[str]
    ) -> list[Verdict | None]:
        """For each output its remembered verdict, or ``None``."""
        with self._lock:  # or what was judged by other keys could be taken for a verdict by these
            if keys != self._keys:
                return [None] * len(datums)
            verdicts, known, signed = self._verdicts, self._hashes.get, self._signed.get
            return [
                verdicts[reference] if known(reference) == hash(datum) else signed(datum)
                for reference, datum in zip(references, datums, strict=True)
            ]

    def remember(self, keys: tuple[VerificationKey, ...], entries: Iterable[tuple[str, str, Verdict]]) -> None:
        """Keep the verdicts of (reference, datum, verdict); those of other keys are forgotten."""
        with self._lock:
            if keys != self._keys:
                self._keys, self._verdicts, self._hashes, self._signed = keys, {}, {}, {}
            for reference, datum, verdict in entries:
                self._verdicts[reference], self._hashes[reference] = verdict, hash(datum)
                if isinstance(verdict, Accepted | Unusable) and len(self._signed) < _MOST_SIGNED:
                    self._signed[datum] = verdict
            beyond = len(self._verdicts) - self._capacity
            for reference in list(islice(self._verdicts, max(0, beyond))):
                del self._verdicts[reference], self._hashes[reference]

    def __len__(self) -> int:
        return len(self._verdicts)


def screen(
    datums: Iterable[str | bytes],
    keys: VerificationKey | Iterable[VerificationKey],
    *,
    kind: MarkerKind = ERA,
    references: Sequence[str] | None = None,
    memory: VerdictMemory | None = None,
) -> tuple[Verdict, ...]:
    """A verdict for every datum, in the order given. It never raises on what a datum holds.

    Args:
        datums: each ``cardano-cli`` JSON text, CBOR in hex, or CBOR.
        keys: a payload is accepted when one of these signed it.
        kind: what is read; payloads of other kinds are named as such.
        references: the output reference of each datum, needed for ``memory``.
        memory: verdicts of earlier reads of this kind, looked up first and added to.
    """
    wanted = (keys,) if isinstance(keys, VerificationKey) else tuple(keys)
    if memory is None or references is None:
        return tuple(_screen(datums if isinstance(datums, list) else list(datums), wanted, kind))
    texts = [datum if isinstance(datum, str) else datum.hex() for datum in datums]
    verdicts = memory.recall(wanted, references, texts)
    fresh = [index for index, verdict in enumerate(verdicts) if verdict is None]
    if fresh:
        new = list(dict.fromkeys([texts[index] for index in fresh]))  # copies have one verdict
        found = dict(zip(new, _screen(new, wanted, kind), strict=True))
        memory.remember(wanted, [(references[index], texts[index], found[texts[index]]) for index in fresh])
        for index in fresh:
            verdicts[index] = found[texts[index]]
    return tuple(cast("list[Verdict]", verdicts))


def _screen(datums: Sequence[str | bytes], keys: tuple[VerificationKey, ...], kind: MarkerKind) -> list[Verdict]:
    verdicts: list[Verdict] = [_NOT_A_PAYLOAD] * len(datums)
    claims = _claims(datums, kind, verdicts)

    def judge(some: Iterable[_Claim]) -> None:
        for index, content, message, signature in some:
            for key in keys:
                if verify_signature(message, signature, key):
                    verdicts[index] = _signed(content, message, signature, key, kind)
                    break
            else:
                verdicts[index] = WrongSigner("signed by none of the verification keys", content)

    first = list(islice(claims, _FEW))
    if len(first) < _FEW:
        judge(first)
    else:
        _share(chain(first, claims), judge)
    return verdicts


def _share(claims: Iterator[_Claim], judge: Callable[[Iterable[_Claim]], None]) -> None:
    """Have several threads judge the ``claims``; each finds its next ones while others check signatures."""
    from concurrent.futures import ThreadPoolExecutor

    lock = threading.Lock()

    def portion() -> list[_Claim]:
        with lock:
            return list(islice(claims, _PORTION))

    def work() -> None:
        for some in iter(portion, []):
            judge(some)

    workers = os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as pool:
        for worker in [pool.submit(work) for _ in range(workers)]:
            worker.result()


def _claims(datums: Iterable[str | bytes], kind: MarkerKind, verdicts: list[Verdict]) -> Iterator[_Claim]:
    """Yield the claims of the datums; the verdict on a datum without one is put into ``verdicts``."""
    for index, datum in enumerate(datums):
        text = datum if isinstance(datum, str) else datum.hex()
        if len(text) < _SHORTEST_HEX or text[:12] in _JUNK_BEGINS or (data := _candidate(text)) is None:
            continue
        try:
            content = datum_content(data) if isinstance(data, bytes) else decode_datum(data).content
            if content[:10] == _BEGIN or content.find(_KEY) >= 0 or _MAY_HIDE_A_KEY(content):
                message, signature = kind.claim(content)
                if signature is None:
                    verdicts[index] = Malformed("a payload without a signature")
                else:
                    yield index, content, message, signature
        except DatumFormatError as error:
            verdicts[index] = Malformed(error.got or error.what)
        except PayloadFormatError as error:
            verdicts[index] = _of_another_kind(content) or Malformed(error.got or error.what)


def _candidate(text: str) -> str | bytes | None:
    """The datum, as CBOR where it is, if it has what a payload cannot do without, however it is cut or escaped.

    That is an array, for the markers are in one, and hex digits enough for a signature. Whether what has markers is a
    payload is left to the reader proper, who gives the reason.
    """
    if text[0] not in "cCdD":
        return text if text.lstrip()[:1] == "{" else None
    try:
        data = unhexlify(text)
    except ValueError:
        bare = text.strip()
        if bare == text:
            return text  # the reader proper gives the reason
        return _candidate(bare) if len(bare) >= _SHORTEST_HEX else None
    if data[6] == _QUOTE and data[5:15] == _BEGIN:
        return data
    enough = _ARRAY in data and (
        data.find(_KEY) >= 0 or len(data) - len(data.translate(None, _HEX_DIGITS)) >= _SIGNATURE_DIGITS
    )
    return data if enough else None


def _signed(content: bytes, message: bytes, signature: bytes, key: VerificationKey, kind: MarkerKind) -> Verdict:
    """The verdict on a payload that a key has signed."""
    markers = kind.payload.from_bytes(content).markers
    verified = VerifiedMarkers(markers, signature, key, content, sha256(message).hexdigest())
    fault = None if kind.fault is None else kind.fault(markers)
    return (
        Accepted(f"signed by {key}", verified) if fault is None else Unusable(f"signed by {key}, but {fault}", verified)
    )


def _of_another_kind(content: bytes) -> OtherKind | None:
    """The verdict on a payload of a kind that was not asked for; ``None`` where it is not a payload at all."""
    found = next(iter(kinds_of(content)), None)
    return None if found is None else OtherKind(f"a payload of {found.payload.KIND}", found.name)
