"""What is known of transactions at the era address for good: asked for once, kept in the store, the empty answer too.

In: an observer, and the transactions of outputs. Out: who published each, proved by its bytes or told by the provider;
or why nobody can tell. Only what is known is remembered. What could not be had is asked for again, each time later.

Publications are kept with their bytes, so that a history can be verified without any provider.
"""

import json
import logging
import time
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from chain_reader.authorship import SignedBy, TransactionBytesError, signed_by
from chain_reader.ports import UNKNOWN_ADDRESS, BytesObserver, ChainObserver, DatumOutput
from era_store import CachedVerdict, Store, TrustKey
from eras import ChainReadError, StoreError

_log = logging.getLogger(__name__)

SIGNED, UNSIGNED, TOLD = "TransactionSigned", "TransactionUnsigned", "TransactionTold"
MADE = "TransactionMade"
_KINDS = (SIGNED, UNSIGNED, TOLD, MADE)
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 10.0, 3_600.0
_UNKNOWN_INPUTS = "the provider does not know where an input of its transaction was"


@dataclass(frozen=True, slots=True)
class Author:
    """Who published a transaction.

    Attributes:
        addresses: those of the era address and the announcers whose owner signed it, or which it is told to spend from.
        is_proved: whether its bytes show that; else it is the word of the provider.
        data: the bytes of a publication.
    """

    addresses: frozenset[str]
    is_proved: bool
    data: bytes | None = None


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why nobody can tell who published an output; ``is_false`` where the bytes show that its transaction made none."""

    why: str
    is_false: bool = False


@dataclass(slots=True)
class _Failure:
    doubt: Doubt
    until: float
    pause_s: float


class Transactions:
    """Knows the authors of transactions.

    Args:
        store: where they are kept.
        key: what they are kept under.
        addresses: the era address, and the announcers'.
    """

    def __init__(self, store: Store, key: TrustKey, addresses: Iterable[str]) -> None:
        self._store = store
        self._key = key
        self._addresses = tuple(addresses)
        self._asked_of = zlib.crc32(" ".join(self._addresses).encode())  # of other announcers it was another question
        self._kept: dict[str, CachedVerdict] | None = None
        self._new: dict[str, CachedVerdict] = {}
        self._failed: dict[str, _Failure] = {}
        self._shown: dict[str, SignedBy] = {}

    def known(self, observer: ChainObserver, output: DatumOutput) -> Author | Doubt | None:
        """Return what was proved before, or what this very observer told; ``None`` where neither was."""
        kept, transaction = self._known(), output.transaction
        found = kept.get(transaction) or kept.get(_told_by(observer, transaction))
        if found is None:
            return None
        if found.kind == SIGNED and found.content is not None:
            return self._judged(found.content, output)
        return Author(frozenset(found.reason.split()), found.kind != TOLD)

    def failure(self, transaction: str) -> Doubt | None:
        """Return why a transaction cannot be had, as long as it need not be asked for again."""
        failed = self._failed.get(transaction)
        return failed.doubt if failed is not None and time.monotonic() < failed.until else None

    def ask(self, observer: ChainObserver, output: DatumOutput) -> Author | Doubt:
        """Return who published the transaction of an output, or why nobody can tell."""
        transaction = output.transaction
        try:
            found = self._proved(observer, output) or self._told(observer, transaction)
        except ChainReadError as error:
            found = Doubt(f"its transaction could not be read: {error}")
        if isinstance(found, Doubt):
            before = self._failed.get(transaction)
            pause = _FIRST_PAUSE_S if before is None else min(2 * before.pause_s, _LONGEST_PAUSE_S)
            self._failed[transaction] = _Failure(found, time.monotonic() + pause, pause)
            return found
        self._failed.pop(transaction, None)
        kind = TOLD if not found.is_proved else SIGNED if found.addresses else UNSIGNED
        place = transaction if found.is_proved else _told_by(observer, transaction)
        kept = CachedVerdict(place, self._asked_of, kind, " ".join(sorted(found.addresses)), found.data)
        self._known()[place] = self._new[place] = kept
        return found

    def made(self) -> dict[str, tuple[DatumOutput, ...]]:
        """Return transaction → its outputs with a datum at the era address, of all that were asked for, none too."""
        found = {}
        for place, kept in self._known().items():
            transaction, slash, _ = place.partition("/")
            if slash and kept.content is not None:
                parts = json.loads(kept.content)
                found[transaction] = tuple(DatumOutput(transaction, *part) for part in parts)
        return found

    def learn(self, made: Mapping[str, Sequence[DatumOutput]]) -> None:
        """Keep what transactions made."""
        for transaction, outputs in made.items():
            content = json.dumps([[one.index, one.datum, one.lovelace] for one in outputs]).encode()
            place = f"{transaction}/made"
            kept = CachedVerdict(place, self._asked_of, MADE, "", content)
            self._known()[place] = self._new[place] = kept

    def save(self) -> None:
        """Keep what is new; a store that fails costs questions in the next process, and nothing else."""
        new, self._new = self._new, {}
        if not new:
            return
        try:
            self._store.verdicts.save(self._key, new.values())
        except StoreError as error:
            _log.warning("What is known of transactions could not be kept: %s", error)

    def publications(self) -> Mapping[str, bytes]:
        """Return transaction → bytes of every publication whose authorship was proved."""
        return {
            name: kept.content
            for name, kept in self._known().items()
            if kept.kind == SIGNED and kept.content is not None
        }

    def _known(self) -> dict[str, CachedVerdict]:
        if self._kept is None:
            try:
                loaded = self._store.verdicts.load(self._key)
            except StoreError as error:
                _log.warning("What is known of transactions could not be read: %s", error)
                loaded = {}
            self._kept = {
                name: kept
                for name, kept in loaded.items()
                if kept.kind in _KINDS and kept.fingerprint == self._asked_of
            }
        return self._kept

    def _proved(self, observer: ChainObserver, output: DatumOutput) -> Author | Doubt | None:
        """Who signed it, by its bytes; ``None`` where these cannot be had, or do not show it."""
        data = observer.transaction_bytes(output.transaction) if isinstance(observer, BytesObserver) else None
        return None if data is None else self._judged(data, output)

    def _judged(self, data: bytes, output: DatumOutput) -> Author | Doubt | None:
        shown = self._shown.get(output.transaction)
        if shown is None:
            try:
                shown = signed_by(data, output.transaction, self._addresses)
            except TransactionBytesError as error:
                return Doubt(f"the provider shows other bytes than those of its transaction: {error}")
        if not makes(shown, output):
            return Doubt("its transaction, by its bytes, does not make this output", is_false=True)
        if not shown.signed:
            return None if shown.open else Author(frozenset(), is_proved=True)
        self._shown[output.transaction] = shown
        return Author(shown.signed, is_proved=True, data=data)

    def _told(self, observer: ChainObserver, transaction: str) -> Author | Doubt:
        inputs = observer.input_addresses(transaction)
        told = frozenset(address for address in inputs if address in self._addresses)
        if UNKNOWN_ADDRESS in inputs and self._addresses[0] not in told:
            return Doubt(_UNKNOWN_INPUTS)
        return Author(told, is_proved=False)


def _told_by(observer: ChainObserver, transaction: str) -> str:
    """Where the word of a provider is kept: apart, so that a lie is not the answer of another one, too."""
    return f"{transaction}@{zlib.crc32(observer.name.encode()):08x}"


def makes(shown: SignedBy, output: DatumOutput) -> bool:
    """Return whether a transaction makes an output at the first of the addresses, with the datum that is reported."""
    made = shown.made.get(output.index)
    return made is not None and made.datum is not None and made.datum == output.datum.lower()
