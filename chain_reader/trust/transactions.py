"""Lasting facts about transactions at the era address: asked for once, kept in the store, the empty answer too.

In: an observer, and the transactions of outputs. Out: who published each, proved by its bytes or reported by the
provider; or why that is unknown. What could not be read is remembered, too, and asked for again, each time after twice
the pause: by this process or the next.

Publications are kept with their bytes, so that a history can be verified without any provider.
"""

import json
import logging
import time
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from chain_reader.authorship import SignedBy, TransactionBytesError, signed_by
from chain_reader.ports import UNKNOWN_ADDRESS, BytesObserver, ChainObserver, DatumOutput
from era_store import CachedVerdict, Store, TrustKey
from eras import ChainReadError, StoreError

_log = logging.getLogger(__name__)

SIGNED, UNSIGNED, TOLD = "TransactionSigned", "TransactionUnsigned", "TransactionTold"
MADE, UNREADABLE = "TransactionMade", "TransactionUnreadable"
_KINDS = (SIGNED, UNSIGNED, TOLD, MADE, UNREADABLE)
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 10.0, 3_600.0
_LONGEST_REASON = 500
_UNKNOWN_INPUTS = "the provider does not know where an input of its transaction was"


@dataclass(frozen=True, slots=True)
class Author:
    """The publisher of a transaction.

    Attributes:
        addresses: those of the era address and the announcers whose owner signed it, or which it reportedly spends
            from.
        is_proved: whether its bytes show that; else it is the word of the provider.
        data: the bytes of a publication.
    """

    addresses: frozenset[str]
    is_proved: bool
    data: bytes | None = None


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why the publisher is unknown; ``is_false`` if the bytes show that its transaction did not make the output."""

    why: str
    is_false: bool = False


class Transactions:
    """Knows the authors of transactions.

    Args:
        store: where they are kept.
        key: what they are kept under.
        addresses: the era address, and the announcers'.
        kept: what the store has, as ``kept_verdicts`` gives it.
    """

    def __init__(
        self, store: Store, key: TrustKey, addresses: Iterable[str], kept: Mapping[str, CachedVerdict]
    ) -> None:
        self._store = store
        self._key = key
        self._addresses = tuple(addresses)
        self._asked_of = zlib.crc32(" ".join(self._addresses).encode())  # of other announcers it was another question
        self._known = {
            name: fact for name, fact in kept.items() if fact.kind in _KINDS and fact.fingerprint == self._asked_of
        }
        self._new: dict[str, CachedVerdict] = {}
        self._shown: dict[str, SignedBy] = {}

    def known(self, observer: ChainObserver, output: DatumOutput) -> Author | Doubt | None:
        """Return the proof from before, this very observer's report, or why it could show neither; ``None`` to ask it.

        A transaction that could not be read need not be asked for again yet.
        """
        kept, transaction = self._known, output.transaction
        found = kept.get(transaction) or kept.get(_told_by(observer, transaction))
        if found is None:
            return self.failure(observer, transaction)
        if found.kind == SIGNED and found.content is not None:
            return self._judged(found.content, output)
        return Author(frozenset(found.reason.split()), found.kind != TOLD)

    def failure(self, observer: ChainObserver, place: str) -> Doubt | None:
        """Return why something could not be read, as long as it need not be asked for again."""
        return self._not_yet(_failed_at(observer, place))

    def fail(self, observer: ChainObserver, place: str, why: str) -> None:
        """Remember that something cannot be read, and until when it is not asked for again."""
        self._fail(_failed_at(observer, place), Doubt(why))

    def had(self, observer: ChainObserver, place: str) -> None:
        """Forget that something could not be read."""
        place = _failed_at(observer, place)
        kept = self._known.get(place)
        if kept is not None and kept.content is not None and json.loads(kept.content)[0] > 0:
            self._keep(kept._replace(content=json.dumps([0, _FIRST_PAUSE_S / 2, False]).encode()))

    def ask(self, observer: ChainObserver, output: DatumOutput) -> Author | Doubt:
        """Return who published the transaction of an output, or why that is unknown."""
        transaction = output.transaction
        is_had = True
        try:
            found = self._proved(observer, output) or self._told(observer, transaction)
        except ChainReadError as error:
            found, is_had = Doubt(f"its transaction could not be read: {error}"), False
        if isinstance(found, Doubt):
            self._fail(_failed_at(observer, transaction), found, is_kept=not is_had)
            return found
        kind = TOLD if not found.is_proved else SIGNED if found.addresses else UNSIGNED
        place = transaction if found.is_proved else _told_by(observer, transaction)
        self._keep(CachedVerdict(place, self._asked_of, kind, " ".join(sorted(found.addresses)), found.data))
        return found

    @cached_property
    def made(self) -> dict[str, tuple[DatumOutput, ...]]:
        """Transaction → its outputs with a datum at the era address, of all that were asked for, none too."""
        found = {}
        for place in [place for place, kept in self._known.items() if kept.kind == MADE]:
            transaction, _, _ = place.partition("/")
            parts = json.loads(self._known.pop(place).content or "[]")
            found[transaction] = tuple(DatumOutput(transaction, *part) for part in parts)
        return found

    def unreadable(self, observer: ChainObserver) -> dict[str, tuple[DatumOutput, ...]]:
        """Return transaction → an unreadable output, of those whose outputs need not be asked for again yet."""
        found: dict[str, tuple[DatumOutput, ...]] = {}
        ending = _failed_at(observer, "")
        for place in self._known:
            transaction, slash, end = place.partition("/")
            if slash and end == f"made{ending}" and (doubt := self._not_yet(place)) is not None:
                found[transaction] = (DatumOutput(transaction, 0, "", 0, unreadable=doubt.why),)
        return found

    def learn(self, observer: ChainObserver, made: Mapping[str, Sequence[DatumOutput]]) -> None:
        """Keep what transactions made, or that it could not be read."""
        for transaction, outputs in made.items():
            place = f"{transaction}/made"
            failed = next((output.unreadable for output in outputs if output.unreadable is not None), None)
            if failed is not None:
                self._fail(_failed_at(observer, place), Doubt(failed))
                continue
            self.made[transaction] = tuple(outputs)
            content = json.dumps([[one.index, one.datum, one.lovelace] for one in outputs]).encode()
            self._new[place] = CachedVerdict(place, self._asked_of, MADE, "", content)

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
            name: kept.content for name, kept in self._known.items() if kept.kind == SIGNED and kept.content is not None
        }

    def _keep(self, kept: CachedVerdict) -> None:
        self._known[kept.reference] = self._new[kept.reference] = kept

    def _fail(self, place: str, doubt: Doubt, *, is_kept: bool = True) -> None:
        """Remember until when something is not asked for again; in the store, too, if it could not be read."""
        before = self._known.get(place)
        pause_s = _FIRST_PAUSE_S
        if before is not None and before.content is not None:
            pause_s = min(2 * json.loads(before.content)[1], _LONGEST_PAUSE_S)
        content = json.dumps([time.time() + pause_s, pause_s, doubt.is_false]).encode()
        failed = CachedVerdict(place, self._asked_of, UNREADABLE, doubt.why[:_LONGEST_REASON], content)
        self._known[place] = failed
        if is_kept:
            self._new[place] = failed

    def _not_yet(self, place: str) -> Doubt | None:
        kept = self._known.get(place)
        if kept is None or kept.content is None:
            return None
        until_s, pause_s, is_false = json.loads(kept.content)
        is_waiting = 0 < until_s - time.time() <= pause_s  # more than the pause: the clock was put back
        return Doubt(kept.reason, is_false) if is_waiting else None

    def _proved(self, observer: ChainObserver, output: DatumOutput) -> Author | Doubt | None:
        """The signers, by its bytes; ``None`` if the provider does not show these, or they do not show it."""
        data = observer.transaction_bytes(output.transaction) if isinstance(observer, BytesObserver) else None
        return None if data is None else self._judged(data, output)

    def _judged(self, data: bytes, output: DatumOutput) -> Author | Doubt | None:
        shown = self._shown.get(output.transaction)
        if shown is None:
            try:
                shown = signed_by(data, output.transaction, self._addresses)
            except TransactionBytesError as error:
                return Doubt(f"the provider shows bytes of another transaction: {error}")
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
    """The key of a provider's word: a key of its own, so that a lie is not the answer of another one, too."""
    return f"{transaction}@{zlib.crc32(observer.name.encode()):08x}"


def _failed_at(observer: ChainObserver, place: str) -> str:
    """The key of a note that this provider cannot show something; another one may."""
    return f"{place}!{zlib.crc32(observer.name.encode()):08x}"


def makes(shown: SignedBy, output: DatumOutput) -> bool:
    """Return whether a transaction makes an output at the first of the addresses, with the datum that is reported."""
    made = shown.made.get(output.index)
    return made is not None and made.datum is not None and made.datum == output.datum.lower()
