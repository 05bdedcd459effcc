"""Which payload wins: the rules of trust, as pure functions.

In: the outputs at the era address with the verdict on each datum, what is known of the transactions that made them,
and what was trusted before. Out: the same outputs with their final verdicts, and what is trusted now.

1. A true signature is not enough: anyone can send an old payload to the era address again.
2. Where the inputs of transactions are known, an output counts only if its transaction spends an input at the era
   address; the others are ``Impostor``. Of those that count the newest wins, and older ones are ``Superseded``.
3. Where they are not, the payload wins that is a successor of all others, which are then ``Replayed``.
4. A successor may append an era, give an announced one its epoch, move or cancel one that is still in the future,
   drop one that is past. It never alters or drops an activation that has happened, and appends none before the
   current one.
5. Where two payloads are successors of each other (a cancelled era looks like an old payload posted again), the one
   that only adds to the other wins, because schedules grow far more often than they shrink.
6. What contradicts the payload trusted before is a ``Conflict``, and so are payloads among which rules 3 and 5 find
   no winner; what was trusted before stays. Without such, the first valid one has to do.
7. What was superseded once never wins again: an output by its reference under rule 2, a payload by its markers under
   rule 3. What was trusted stays in force when it vanishes from the answers.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from chain_reader.ports import ScreenedOutput
from datum import Accepted, Verdict, VerifiedMarkers
from eras import Epoch, EraMarker

Markers = tuple[EraMarker, ...]


@dataclass(frozen=True, slots=True)
class Untrusted(Verdict):
    """A payload with a true signature that is not the one in force."""

    verified: VerifiedMarkers


@dataclass(frozen=True, slots=True)
class Impostor(Untrusted):
    """Its transaction spends nothing at the era address: somebody without the key to the address posted it."""


@dataclass(frozen=True, slots=True)
class Superseded(Untrusted):
    """A newer output, or one that was trusted before, took its place."""


@dataclass(frozen=True, slots=True)
class Replayed(Untrusted):
    """An old payload: the one in force is its successor."""


@dataclass(frozen=True, slots=True)
class Conflict(Untrusted):
    """It contradicts the payload in force: an activation that has happened would change, or no order can be told."""


@dataclass(frozen=True, slots=True)
class TrustState:
    """What a reader remembers between two readings.

    Attributes:
        trusted: the output whose payload is in force, its verdict ``Accepted``.
        superseded: what never wins again: output references (rule 2) or sets of markers (rule 3).
    """

    trusted: ScreenedOutput | None = None
    superseded: frozenset[str | frozenset[EraMarker]] = frozenset()


def is_successor(old: Iterable[EraMarker], new: Iterable[EraMarker], epoch: Epoch) -> bool:
    """Whether ``new`` may follow ``old`` at ``epoch`` (rule 4). Every payload may follow itself."""
    before, after = set(old), set(new)
    added = after - before
    current = max((begin for begin in _happened(before, epoch)), default=None)
    if current is not None and any(marker.epoch is not None and marker.epoch <= current for marker in added):
        return False
    renamed = {marker.name for marker in added}
    latest = max(_happened(after, epoch), default=None)
    return all(
        latest is not None and marker.epoch < latest and marker.name not in renamed
        for marker in before - after
        if marker.epoch is not None and marker.epoch <= epoch
    )


def only_adds(old: Iterable[EraMarker], new: Iterable[EraMarker], epoch: Epoch) -> bool:
    """Whether ``new`` follows ``old`` without moving or cancelling an era (rule 5)."""
    before, after = set(old), set(new)
    given = {marker.name for marker in after if marker.epoch is not None}
    dropped = before - after
    return is_successor(before, after, epoch) and all(
        marker.name in given if marker.epoch is None else marker.epoch <= epoch for marker in dropped
    )


def choose(
    screened: Sequence[ScreenedOutput],
    state: TrustState,
    epoch: Epoch,
    *,
    spends_era_address: Mapping[str, bool] | None = None,
    newest_first: bool = False,
) -> tuple[tuple[ScreenedOutput, ...], TrustState]:
    """Decide which payload is in force.

    Args:
        screened: every output with the verdict of ``datum.screen``.
        state: what is remembered from the reading before.
        epoch: the current epoch.
        spends_era_address: transaction hash → whether it spends an input at the era address; ``None`` where inputs
            cannot be known. A transaction left out was not asked about, because a newer output already won.
        newest_first: whether ``screened`` is in that order.

    Returns:
        The outputs with their final verdicts, in the same order, and what to remember.
    """
    verdicts: dict[str, Verdict] = {}
    valid = [item for item in screened if isinstance(item.verdict, Accepted)]
    if spends_era_address is not None:
        for item in valid:
            if spends_era_address.get(item.output.transaction) is False:
                verdicts[item.output.reference] = Impostor(
                    "its transaction spends nothing at the era address", _verified(item)
                )
        valid = [item for item in valid if item.output.reference not in verdicts]
    if spends_era_address is not None and newest_first:
        found, state = _newest(valid, state, epoch)
    else:
        found, state = _ratchet(valid, state, epoch)
    verdicts |= found
    judged = (
        replace(item, verdict=verdicts[item.output.reference]) if item.output.reference in verdicts else item
        for item in screened
    )
    return tuple(judged), state


def legacy_choice(screened: Iterable[ScreenedOutput]) -> VerifiedMarkers | None:
    """What a deployed Mithril reader makes of the same outputs in the same order: the first true signature wins."""
    signed = (item.verdict for item in screened)
    return next((verdict.verified for verdict in signed if isinstance(verdict, Accepted | Untrusted)), None)


def _newest(
    counted: Sequence[ScreenedOutput], state: TrustState, epoch: Epoch
) -> tuple[dict[str, Verdict], TrustState]:
    """Rule 2: the newest wins, unless it was superseded already or contradicts what was trusted before."""
    if not counted:
        return {}, state
    newest, trusted = counted[0], state.trusted
    in_force = newest
    verdicts: dict[str, Verdict] = {}
    if trusted is not None and newest.output.reference != trusted.output.reference:
        if newest.output.reference in state.superseded:
            in_force = trusted
        elif not is_successor(_markers(trusted), _markers(newest), epoch):
            in_force = trusted
            verdicts[newest.output.reference] = _conflict(newest, trusted)
    for item in counted:
        reference = item.output.reference
        if reference not in verdicts and reference != in_force.output.reference:
            verdicts[reference] = Superseded(f"{in_force.output.reference} took its place", _verified(item))
    old = {reference for reference, verdict in verdicts.items() if isinstance(verdict, Superseded)}
    if trusted is not None and in_force is newest and trusted.output.reference != newest.output.reference:
        old.add(trusted.output.reference)
    return verdicts, TrustState(in_force, state.superseded | old)


def _ratchet(valid: Sequence[ScreenedOutput], state: TrustState, epoch: Epoch) -> tuple[dict[str, Verdict], TrustState]:
    """Rules 3 to 6: the successor of all others wins, among those that may follow what was trusted before."""
    by_schedule: dict[frozenset[EraMarker], ScreenedOutput] = {}
    for item in valid:
        by_schedule.setdefault(frozenset(_markers(item)), item)
    trusted = state.trusted
    live = [schedule for schedule in by_schedule if schedule not in state.superseded]
    viable = [schedule for schedule in live if trusted is None or is_successor(_markers(trusted), schedule, epoch)]
    winner = _supreme(viable, epoch)
    if winner is not None and (trusted is None or frozenset(_markers(trusted)) != winner):
        in_force: ScreenedOutput | None = by_schedule[winner]
    else:
        in_force = trusted or (by_schedule[live[0]] if live else None)
    if in_force is None:
        return {}, state
    chosen = frozenset(_markers(in_force))
    verdicts: dict[str, Verdict] = {}
    old = set() if trusted is None else {frozenset(_markers(trusted))} - {chosen}
    for item in valid:
        schedule = frozenset(_markers(item))
        if schedule == chosen:
            continue
        clear = winner == chosen or not is_successor(chosen, schedule, epoch)
        if schedule in state.superseded or schedule in old or (clear and is_successor(schedule, chosen, epoch)):
            verdicts[item.output.reference] = Replayed(
                f"the payload of {in_force.output.reference} is its successor", _verified(item)
            )
            old.add(schedule)
        else:
            verdicts[item.output.reference] = _conflict(item, in_force)
    return verdicts, TrustState(in_force, state.superseded | old)


def _supreme(schedules: Sequence[frozenset[EraMarker]], epoch: Epoch) -> frozenset[EraMarker] | None:
    """The one schedule that follows all others, told from several by rule 5; ``None`` if there is no single one."""
    last = [new for new in schedules if all(is_successor(old, new, epoch) for old in schedules)]
    if len(last) > 1:
        last = [new for new in last if all(only_adds(old, new, epoch) for old in last)]
    return last[0] if len(last) == 1 else None


def _happened(markers: Iterable[EraMarker], epoch: Epoch) -> list[Epoch]:
    return [marker.epoch for marker in markers if marker.epoch is not None and marker.epoch <= epoch]


def _verified(item: ScreenedOutput) -> VerifiedMarkers:
    assert isinstance(item.verdict, Accepted)  # noqa: S101 - only valid ones come here
    return item.verdict.verified


def _markers(item: ScreenedOutput) -> Markers:
    return _verified(item).markers


def _conflict(item: ScreenedOutput, in_force: ScreenedOutput) -> Conflict:
    return Conflict(f"it contradicts the payload of {in_force.output.reference}, which stays in force", _verified(item))
