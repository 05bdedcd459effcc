"""The evidence of an answer as the event log holds it: what is the same as in the answer before is not written again.

In: ``Evidence``, one answer after the other. Out: facts, and from them, in the same order, equal evidence. A writer and
a reader belong to one node from one snapshot to the next; after a snapshot both begin again (``forget``).

1. An answer has tip, epoch and source. Where the rest equals that of an answer before, it names that one (``base``:
   how many answers with outputs were written before it).
2. Else it lists its outputs: those that the base has by their place there, as ranges ``[from, to]``, new ones in full.
3. Verdicts are not written: the reader screens every datum once.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from chain_reader.ports import ChainTip, DatumOutput, ScreenedOutput
from chain_reader.trust.evidence import Evidence
from chain_reader.trust.screening import screen_outputs
from chain_reader.trust.state import ChainFacts
from datum import ERA, MarkerKind, VerificationKey
from era_store.records import Facts
from eras import Epoch, require_epoch

Screened = tuple[ScreenedOutput, ...]


def output_facts(output: DatumOutput) -> list[Any]:
    """An output as a list, in the order of its fields."""
    return [getattr(output, name) for name in DatumOutput.__match_args__]


def output_of(facts: Sequence[Any]) -> DatumOutput:
    """The output that ``output_facts`` gave.

    Raises:
        TypeError, ValueError: these are not the facts of an output.
    """
    transaction, index, datum, lovelace, slot, height, spent, *rest = facts
    unreadable, assets = (*rest, None, ())[:2]  # logs of before do not have them
    whole = all(type(number) is int for number in (index, lovelace, slot or 0, height or 0))
    texts = isinstance(transaction, str) and isinstance(datum, str) and isinstance(unreadable, str | None)
    if not whole or not texts or spent not in (True, False, None):
        raise TypeError("an output has a field of another type")
    held = tuple((str(unit), int(quantity)) for unit, quantity in assets)
    return DatumOutput(transaction, index, datum, lovelace, slot, height, spent, unreadable, held)


class EvidenceWriter:
    """Writes answers, each against the last one that had outputs of its own."""

    _base = 0
    _last: Evidence | None = None
    _written: Evidence | None = None

    def facts_of(self, evidence: Evidence) -> Facts:
        """The facts of an answer; it counts as written once ``wrote`` is called."""
        last = self._last
        facts: Facts = {
            "source": evidence.source,
            "tip": _tip_facts(evidence.tip),
            "epoch": evidence.epoch,
            "base": self._base,
        }
        self._written = None
        if last is not None and _same_chain(evidence, last):
            return facts
        self._written = evidence
        places: dict[DatumOutput, int] = {}
        for place, item in enumerate(() if last is None else _pool(last)):
            places.setdefault(item.output, place)
        known = evidence.facts
        return facts | {
            "unspent": _parts(evidence.unspent, places),
            "considered": None if _is_all(evidence) else _parts(evidence.considered, places),
            "known": {
                "spends": None if known.spends is None else dict(known.spends),
                "unproven": dict(known.unproven),
                "false": dict(known.false),
                "proved": sorted(known.proved),
                "announced": sorted(known.announced),
                "published": dict(known.published),
                "newest_first": known.newest_first,
                "history": known.history,
                "holders": None if known.holders is None else sorted(known.holders),
            },
            "blocks": {transaction: _tip_facts(block) for transaction, block in evidence.blocks.items()},
            "history_missing": evidence.history_missing,
        }

    def wrote(self) -> None:
        """The last facts were written."""
        if self._written is not None:
            self._base, self._last, self._written = self._base + 1, self._written, None

    def abandon(self) -> None:
        """The last facts were not written."""
        self._written = None

    def forget(self) -> None:
        """The next answer is written in full."""
        self._base, self._last, self._written = 0, None, None


class EvidenceReader:
    """Reads answers as one writer wrote them.

    Args:
        keys: the verification keys that datums are screened with.
        kind: what is read.
    """

    def __init__(self, keys: tuple[VerificationKey, ...], kind: MarkerKind = ERA) -> None:
        self._keys = keys
        self._kind = kind
        self._base = 0
        self._last: Evidence | None = None

    def evidence_of(self, facts: Facts) -> Evidence:
        """The evidence of an answer.

        Raises:
            KeyError, TypeError, ValueError: these are not the facts of an answer, or its base is not the answer that
                was read before.
        """
        if facts["base"] != self._base:
            raise ValueError(f"it continues answer {facts['base']}, which is not the one before")
        tip, epoch = _tip_of(facts["tip"]), require_epoch(facts["epoch"])
        last = self._last
        if "unspent" not in facts:
            if last is None:
                raise ValueError("it names an answer before it, but there is none")
            return Evidence(
                facts["source"],
                tip,
                epoch,
                last.unspent,
                last.considered,
                last.facts,
                last.blocks,
                last.history_missing,
            )
        pool = () if last is None else _pool(last)
        unspent = self._screened(facts["unspent"], pool)
        considered = unspent if facts["considered"] is None else self._screened(facts["considered"], pool)
        known = facts["known"]
        evidence = Evidence(
            facts["source"],
            tip,
            epoch,
            unspent,
            considered,
            ChainFacts(
                spends=known["spends"],
                unproven=known.get("unproven", {}),
                false=known.get("false", {}),
                proved=frozenset(known.get("proved", ())),
                announced=frozenset(known["announced"]),
                published={transaction: Epoch(at) for transaction, at in known["published"].items()},
                newest_first=known["newest_first"],
                history=known["history"],
                holders=None if known.get("holders") is None else frozenset(known["holders"]),
            ),
            {transaction: _tip_of(block) for transaction, block in facts["blocks"].items()},
            facts["history_missing"],
        )
        self._base, self._last = self._base + 1, evidence
        return evidence

    def forget(self) -> None:
        """The next answer is in full."""
        self._base, self._last = 0, None

    def _screened(self, parts: Iterable[list[Any]], pool: Screened) -> Screened:
        listed: list[ScreenedOutput | DatumOutput] = []
        for part in parts:
            if len(part) == 2:  # a range has two ends, an output more fields
                listed.extend(pool[part[0] : part[1]])
            else:
                listed.append(output_of(part))
        new = [item for item in listed if isinstance(item, DatumOutput)]
        verdicts = iter(screen_outputs(new, self._keys, kind=self._kind))
        return tuple(ScreenedOutput(item, next(verdicts)) if isinstance(item, DatumOutput) else item for item in listed)


def _pool(evidence: Evidence) -> Screened:
    """The outputs that the next answer may refer to by their place."""
    return evidence.unspent if _is_all(evidence) else evidence.unspent + evidence.considered


def _is_all(evidence: Evidence) -> bool:
    """Whether the choice is made from what is unspent."""
    return evidence.considered is evidence.unspent or evidence.considered == evidence.unspent


def _parts(items: Screened, places: dict[DatumOutput, int]) -> list[list[Any]]:
    parts: list[list[Any]] = []
    end = -1
    for item in items:
        place = places.get(item.output)
        if place is None:
            parts.append(output_facts(item.output))
            end = -1
        elif place == end:
            end = parts[-1][1] = place + 1
        else:
            end = place + 1
            parts.append([place, end])
    return parts


def _same_chain(one: Evidence, other: Evidence) -> bool:
    """Whether two answers differ in nothing but tip, epoch and source."""
    return (
        (one.unspent is other.unspent or one.unspent == other.unspent)
        and (one.considered is other.considered or one.considered == other.considered)
        and one.facts == other.facts
        and one.blocks == other.blocks
        and one.history_missing == other.history_missing
    )


def _tip_facts(tip: ChainTip) -> list[Any]:
    return [tip.slot, tip.height, tip.block_hash, tip.epoch]


def _tip_of(facts: Sequence[Any]) -> ChainTip:
    slot, height, block_hash, epoch = facts
    if not all(type(number) is int for number in (slot, height or 0, epoch or 0)):
        raise TypeError("a tip has a field of another type")
    return ChainTip(slot, height, block_hash, epoch)
