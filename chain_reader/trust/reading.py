"""A trusted reading, the legacy view beside it, and the events that it raises. Pure.

In: what was read and chosen. Out: ``TrustedReading``, and the difference between two readings as events for the log.

The legacy view (rule T11) is what a deployed Mithril reader could make of the same outputs. It takes the first true
signature in the order in which its provider lists the outputs. Providers differ in that order, so every true signature
among them may be the one; what is signed and cannot be used, too, on which it fails, or which it follows.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from chain_reader.ports import EraReading, ScreenedOutput
from chain_reader.trust.kinds import ERAS, Markers, TrustKind
from chain_reader.trust.policy import TrustPolicy
from chain_reader.trust.verdicts import Conflict
from datum import Accepted, Unusable, VerifiedMarkers
from datum.extension_rules import Equivocation
from era_store import NewEvent, StoredTrust
from eras import CurrentEraNotFoundError, Epoch
from eras.words import counted


@dataclass(frozen=True, slots=True)
class LegacyView:
    """The schedules that Mithril readers could take from the era address.

    Attributes:
        possible: the schedules that one could take, each once, in the order in which the outputs are listed.
        differs: whether one of them is another schedule than the trusted one, or there is none.
        words: how it differs, for an operator; ``None`` when it does not.
    """

    possible: tuple[VerifiedMarkers, ...]
    differs: bool
    words: str | None


def legacy_view(
    unspent: Iterable[ScreenedOutput], trusted: Markers, epoch: Epoch, kind: TrustKind = ERAS
) -> LegacyView:
    """The legacy view.

    Args:
        unspent: the unspent outputs with the verdicts of screening, not with the final ones.
        trusted: the markers in force; empty when nothing is trusted.
        epoch: the current epoch.
        kind: what is read.
    """
    possible: dict[Markers, VerifiedMarkers] = {}
    for item in unspent:
        if isinstance(item.verdict, Accepted | Unusable):
            possible.setdefault(item.verdict.verified.markers, item.verdict.verified)
    others = [markers for markers in possible if kind.schedule(markers) != kind.schedule(trusted)]
    if not possible:
        differs = bool(trusted)
        words = f"a Mithril reader would find no {'markers' if kind is ERAS else 'configurations'}" if differs else None
        return LegacyView((), differs, words)
    words = None
    if others:
        listed = "; or ".join(_described(markers, epoch, kind) for markers in others[:3])
        more = f"; or one of {len(others) - 3} others" if len(others) > 3 else ""
        words = f"a Mithril reader could take {listed}{more}, where this one trusts {_described(trusted, epoch, kind)}"
    return LegacyView(tuple(possible.values()), bool(others), words)


def _described(markers: Markers, epoch: Epoch, kind: TrustKind) -> str:
    return kind.described(markers, epoch) if markers else "nothing"


LISTED_EVENTS = 50
"""Refused outputs that get an event of their own in one reading; the rest is counted."""


class NothingTrustedError(CurrentEraNotFoundError):
    """The chain was read, nothing there is trusted, and nothing ever was.

    Attributes:
        reading: what was read, with every verdict.
    """

    reading: "TrustedReading"


@dataclass(frozen=True, slots=True)
class TrustedReading(EraReading):
    """The markers in force, by the rules of trust.

    Beside what an ``EraReading`` has:

    Attributes:
        why: why these are in force, in words; ``None`` when nothing is.
        how: the same without the signature, which ``provenance`` has; ``None`` where ``why`` has no such part.
        epoch: the epoch of the chain; ``None`` when it could not be read.
        stale: why what is in force could not be confirmed; ``None`` when it was.
        conflicts: the outputs that contradict what is in force.
        history: every output that was ever at the address, newest first, with its final verdict; empty where history is
            not known. ``screened`` holds the unspent ones only.
        legacy: what a Mithril reader could make of the same; ``None`` when the chain, or the list of what is unspent at
            the address, could not be read.
        odd: what an operator has to look at and no other field holds, in words.
        events: what is new since the reading before, as it was written into the event log.
    """

    why: str | None = None
    how: str | None = None
    epoch: Epoch | None = None
    stale: str | None = None
    conflicts: tuple[ScreenedOutput, ...] = ()
    history: tuple[ScreenedOutput, ...] = ()
    legacy: LegacyView | None = None
    odd: tuple[str, ...] = ()
    events: tuple[NewEvent, ...] = field(default=())

    @property
    def alarms(self) -> tuple[str, ...]:
        """All that an operator has to look at, in words."""
        return (*self.odd, *self.contradictions)

    @property
    def contradictions(self) -> tuple[str, ...]:
        """The outputs that contradict what is in force, and the view of a Mithril reader that differs, in words."""
        listed = (f"{item.output.reference} {item.verdict.name}: {item.verdict.reason}" for item in self.conflicts[:10])
        words = None if self.legacy is None else self.legacy.words
        return (*listed, *(() if words is None else (words,)))


def schedule_alarms(
    markers: Markers,
    published_in: Callable[[Any], Epoch | None],
    epoch: Epoch,
    policy: TrustPolicy,
) -> list[tuple[str, str]]:
    """The oddities of a schedule that is trusted all the same (T5): (kind, words).

    ``published_in`` is asked for the epoch in which an activation was published, where it begins soon.

    Refusing it would be worse: deployed readers accept it, so a reader that alone refuses it splits the network.
    """
    found = []
    for marker in markers:
        if marker.epoch is None or marker.epoch <= epoch:
            continue
        begins = f"{policy.kind.subject(marker)} is to begin at epoch {marker.epoch}"
        if marker.epoch > epoch + policy.max_lead_epochs:
            words = f"{begins}, more than {counted(policy.max_lead_epochs, 'epoch')} ahead: was the key stolen?"
            found.append(("absurd-epoch", words))
            continue
        if marker.epoch - epoch >= policy.notice_epochs:
            continue
        published = published_in(marker)
        if published is not None and marker.epoch - published < policy.notice_epochs:
            least = counted(policy.notice_epochs, "epoch")
            words = f"{begins}, and was published in epoch {published}: less than {least} of notice"
            found.append(("short-notice", words))
    return found


def events_between(
    before: StoredTrust,
    after: StoredTrust,
    *,
    epoch: Epoch,
    alarms: Iterable[tuple[str, str]],
    legacy: LegacyView | None,
    changed: Sequence[ScreenedOutput],
    kind: TrustKind = ERAS,
) -> tuple[NewEvent, ...]:
    """The events of a reading for the event log: only what is new since the one before.

    Args:
        before: what was remembered.
        after: what is remembered now.
        epoch: the current epoch.
        alarms: of the schedule in force, as ``schedule_alarms`` gives them.
        legacy: the legacy view; ``None`` where what is unspent could not be listed.
        changed: the outputs whose verdict is new.
        kind: what is read.
    """
    events: list[NewEvent] = []

    def tell(kind: str, **facts: Any) -> None:
        events.append(NewEvent(kind, facts, epoch))

    old, new = before.trusted, after.trusted
    if new is not None and (old is None or (old.transaction, old.index) != (new.transaction, new.index)):
        reference = f"{new.transaction}#{new.index}"
        tell("trusted", output=reference, slot=new.slot, markers=[marker.to_dict() for marker in new.markers])
        if old is not None and not kind.is_successor(old.markers, new.markers, before.epoch):
            tell("distrusted", output=f"{old.transaction}#{old.index}", successor=reference)
        for alarm, words in alarms:
            tell(alarm, output=reference, words=words)
    if after.stale is not None and before.stale is None:
        tell("stale", reason=after.stale)
    elif after.stale is None and before.stale is not None:
        tell("fresh", reason=before.stale)
    if legacy is not None and after.legacy_differs != before.legacy_differs:
        tell("legacy-differs" if after.legacy_differs else "legacy-agrees", words=legacy.words)
    _tell_refused(tell, changed)
    if after.malformed > before.malformed:
        tell("junk", count=after.malformed, before=before.malformed)
    return tuple(events)


def _tell_refused(tell: Callable[..., None], changed: Sequence[ScreenedOutput]) -> None:
    """Report each payload that is not in force, those too that a later one superseded or that wait for their depth."""
    refused = [item for item in changed if not isinstance(item.verdict, Accepted)]
    for item in refused[:LISTED_EVENTS]:
        kind = "conflict" if isinstance(item.verdict, Conflict | Equivocation) else "refused"
        tell(kind, output=item.output.reference, verdict=item.verdict.name, reason=item.verdict.reason)
    rest = refused[LISTED_EVENTS:]
    if rest:
        counts = Counter(item.verdict.name for item in rest)
        tell(
            "refused-many", verdicts=dict(sorted(counts.items())), examples=[item.output.reference for item in rest[:5]]
        )
