"""The particulars of each kind of marker in the rules of trust, which are the same for all. Pure.

Authorship, order, thread, memory and staleness know nothing of what a payload means. They ask the kind: whether a
payload may follow another (the ratchet, rule T4), which of several follows all others, what has begun, and how an
operator is warned of it.

The ratchet of eras:

1. A successor may append an era, give an announced one its epoch, move or cancel one that is still in the future,
   drop one that is past. It never alters or drops an activation that has happened, and appends none before the
   current one.
2. Where two payloads are successors of each other (a cancelled era looks like an old payload posted again), the one
   that only adds to the other wins, because schedules grow far more often than they shrink. Where nothing else shows
   them apart, so does the one that adds to it or moves an era to a later epoch: nobody moves one to an earlier epoch,
   but by cancelling it first.

A configuration is not altered by name, as an era is: what counts is what an epoch resolves to.

3. Once a configuration is in force, no epoch that has begun resolves to another one, nor to one where it had none.
4. Configurations that no node needs any more may be left out: those before the last three epochs.
5. What later epochs resolve to may change.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from datum import CONFIGURATION, ERA, MarkerKind
from datum.configuration.imports import UNCHANGED_EPOCHS
from datum.configuration.markers import ConfigurationMarker
from datum.configuration.values import ProtocolConfiguration
from eras import Epoch, EraMarker

Markers = tuple[Any, ...]
"""Markers of one kind."""


@dataclass(frozen=True, slots=True)
class TrustKind:
    """One kind of marker, as the rules of trust see it.

    Attributes:
        markers: how its payloads are read and written.
        is_successor: (old, new, epoch) → whether ``new`` may follow ``old`` (T4).
        only_adds: (old, new, epoch) → whether it does so without changing what is to come.
        keeps_mark: (mark, markers, epoch) → whether they may follow whatever ended with this high-water mark.
        last_begun: (markers, epoch) → the marker that holds at the epoch, or ``None``.
        schedule: the content of markers, whatever their order.
        is_told: (markers, marker) → whether they state for its epoch what it states (T13).
        subject: what a marker is about, for alarms.
        described: (markers, epoch) → the schedule in words.
    """

    markers: MarkerKind
    is_successor: Callable[[Iterable[Any], Iterable[Any], Epoch], bool]
    only_adds: Callable[..., bool]
    keeps_mark: Callable[[Any, Sequence[Any], Epoch], bool]
    last_begun: Callable[[Iterable[Any], Epoch], Any]
    schedule: Callable[[Iterable[Any]], frozenset[Any]]
    is_told: Callable[[Sequence[Any], Any], bool]
    subject: Callable[[Any], str]
    described: Callable[[Markers, Epoch], str]

    def last_schedule(
        self, schedules: Sequence[frozenset[Any]], epoch: Epoch, *, or_postpones: bool = False
    ) -> frozenset[Any] | None:
        """The one schedule that follows all others; ``None`` if there is no single one.

        Of several, it is the one that only adds to the others; with ``or_postpones``, also one that moves further on.
        """
        last = [new for new in schedules if all(self.is_successor(old, new, epoch) for old in schedules)]
        for postpones in (False, True) if or_postpones else (False,):
            if len(last) > 1:
                adding = [
                    new for new in last if all(self.only_adds(old, new, epoch, or_postpones=postpones) for old in last)
                ]
                last = adding or last
        return last[0] if len(last) == 1 else None


# --- eras


def is_successor(old: Iterable[EraMarker], new: Iterable[EraMarker], epoch: Epoch) -> bool:
    """Whether ``new`` may follow ``old`` at ``epoch`` (rule 1). Every payload may follow itself."""
    before, after = set(old), set(new)
    added = after - before
    current = max(_happened(before, epoch), default=None)
    if current is not None and any(marker.epoch is not None and marker.epoch <= current for marker in added):
        return False
    renamed = {marker.name for marker in added}
    latest = max(_happened(after, epoch), default=None)
    return all(
        latest is not None and marker.epoch < latest and marker.name not in renamed
        for marker in before - after
        if marker.epoch is not None and marker.epoch <= epoch
    )


def only_adds(old: Iterable[EraMarker], new: Iterable[EraMarker], epoch: Epoch, *, or_postpones: bool = False) -> bool:
    """Whether ``new`` follows ``old`` and moves or cancels no era; with ``or_postpones`` it may move one further on."""
    before, after = set(old), set(new)
    given: dict[str, Epoch] = {}
    for marker in after:
        if marker.epoch is not None:
            given[marker.name] = max(marker.epoch, given.get(marker.name, marker.epoch))

    def is_kept(marker: EraMarker) -> bool:
        if marker.epoch is None:
            return marker.name in given
        return marker.epoch <= epoch or (or_postpones and given.get(marker.name, marker.epoch) > marker.epoch)

    return is_successor(before, after, epoch) and all(map(is_kept, before - after))


def keeps_mark(mark: EraMarker, markers: Sequence[EraMarker], epoch: Epoch) -> bool:
    """Whether ``markers`` may follow what ended with the activation ``mark``: they have it, or a later one."""
    if mark in markers:
        return True
    later = (marker.epoch for marker in markers if marker.epoch is not None and marker.epoch <= epoch)
    return mark.epoch is not None and max(later, default=Epoch(0)) > mark.epoch


def last_activation(markers: Iterable[EraMarker], epoch: Epoch) -> EraMarker | None:
    """The marker of the era that is current at ``epoch``."""
    begun = [marker for marker in markers if marker.epoch is not None and marker.epoch <= epoch]
    return max(begun, key=lambda marker: marker.epoch or 0, default=None)


def _happened(markers: Iterable[EraMarker], epoch: Epoch) -> list[Epoch]:
    return [marker.epoch for marker in markers if marker.epoch is not None and marker.epoch <= epoch]


def _eras_in_words(markers: Markers, epoch: Epoch) -> str:
    current = last_activation(markers, epoch)
    schedule = ", ".join(map(str, dict.fromkeys(markers)))
    return f"[{schedule}] (current era {'none' if current is None else current.name})"


# --- configurations


def _begun(markers: Iterable[ConfigurationMarker], epoch: Epoch) -> ConfigurationMarker | None:
    """The marker that holds at ``epoch``: of several for one epoch the last."""
    found = None
    for marker in markers:
        if marker.epoch <= epoch and (found is None or marker.epoch >= found.epoch):
            found = marker
    return found


def _resolved(markers: Iterable[ConfigurationMarker], epoch: Epoch) -> ProtocolConfiguration | None:
    found = _begun(markers, epoch)
    return None if found is None else found.configuration


def _holds_still(was: ProtocolConfiguration | None, now: ProtocolConfiguration | None, at: int, epoch: Epoch) -> bool:
    """Whether epoch ``at`` may resolve to ``now`` after it did to ``was`` (rules 3 and 4)."""
    if was is None or now is None:
        return was is now or (now is None and at < epoch - UNCHANGED_EPOCHS)
    return was == now or not was.differences(now)  # equal ones are told without words


def _may_follow(old: Iterable[ConfigurationMarker], new: Iterable[ConfigurationMarker], epoch: Epoch) -> bool:
    before, after = tuple(old), tuple(new)
    if _begun(before, epoch) is None:
        return True
    changes = {marker.epoch for marker in (*before, *after) if marker.epoch <= epoch}
    looked_at = changes | {Epoch(max(0, epoch - UNCHANGED_EPOCHS)), epoch}
    return all(_holds_still(_resolved(before, at), _resolved(after, at), at, epoch) for at in looked_at)


def _adds_only(
    old: Iterable[ConfigurationMarker], new: Iterable[ConfigurationMarker], epoch: Epoch, *, or_postpones: bool = False
) -> bool:
    before, after = tuple(old), tuple(new)
    is_kept = all(marker.epoch <= epoch or marker in after for marker in before)
    return is_kept and _may_follow(before, after, epoch)


def _keeps(mark: ConfigurationMarker, markers: Sequence[ConfigurationMarker], epoch: Epoch) -> bool:
    return _holds_still(mark.configuration, _resolved(markers, mark.epoch), mark.epoch, epoch)


def _told_last(markers: Iterable[ConfigurationMarker]) -> frozenset[ConfigurationMarker]:
    return frozenset({marker.epoch: marker for marker in markers}.values())


def _configurations_in_words(markers: Sequence[ConfigurationMarker], epoch: Epoch) -> str:
    told = []
    for marker in sorted(_told_last(markers), key=lambda one: one.epoch):
        try:
            found = marker.configuration.parameters
        except ValueError:
            told.append(f"one that cannot be read from epoch {marker.epoch}")
        else:
            told.append(f"k {found.k}, m {found.m}, phi_f {found.phi_f} from epoch {marker.epoch}")
    return f"[{'; '.join(told)}]"


ERAS = TrustKind(
    ERA,
    is_successor,
    only_adds,
    keeps_mark,
    last_activation,
    frozenset,
    lambda markers, marker: marker in markers,
    lambda marker: f"the era {marker.name}",
    _eras_in_words,
)
CONFIGURATIONS = TrustKind(
    CONFIGURATION,
    _may_follow,
    _adds_only,
    _keeps,
    _begun,
    _told_last,
    lambda markers, marker: _keeps(marker, markers, Epoch(0)),
    lambda marker: "the configuration",
    _configurations_in_words,
)
KINDS = (ERAS, CONFIGURATIONS)


def kind_named(name: str) -> TrustKind:
    """The kind of this name.

    Raises:
        ValueError: there is none.
    """
    for kind in KINDS:
        if kind.markers.name == name:
            return kind
    raise ValueError(f"a kind of marker named {name!r}")
