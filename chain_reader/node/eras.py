"""The decisions of a node about eras. Pure.

In: two views of ``eras.view``. Out: decisions, each made once: on a change of schedule, at an epoch, or at an
activation.
"""

from collections.abc import Iterator

from chain_reader.node.kinds import Decision, DecisionKind
from eras import Epoch, EraMarker, EraView


def era_decisions(before: EraView, after: EraView, notice_epochs: int) -> tuple[Decision, ...]:
    """The decisions when ``after`` takes the place of ``before``.

    Args:
        before: the view in force until now.
        after: the view in force from now on.
        notice_epochs: with fewer epochs than this left, a scheduled era is locked.
    """
    token, last = after.token, before.token
    if token is None or token is last:
        return ()
    decisions: list[Decision] = []
    if last is None:
        decisions.append(_tell(DecisionKind.ERA_KNOWN, token.epoch, _current(after)))
    elif last.current != token.current:
        previous = {"previous": last.current.name, "previous_began": last.current.epoch}
        decisions.append(_tell(DecisionKind.ACTIVATED, token.epoch, _current(after) | previous))
    if last is None or last.markers is not token.markers:
        decisions.extend(_schedule_decisions(before, after))
    upcoming = token.upcoming
    if last is not None and last.epoch != token.epoch and upcoming is not None and upcoming.epoch is not None:
        left = upcoming.epoch - token.epoch
        facts = upcoming_facts(after) | {"locked": left < notice_epochs}
        decisions.append(_tell(DecisionKind.ACTIVATING_IN, token.epoch, facts))
    if after.era is None and (last is None or last.current != token.current or before.era is not None):
        decisions.append(unsupported_current(after))
    return tuple(decisions)


def unsupported_current(view: EraView) -> Decision:
    """The decision that the current era of a view, which has one, is not supported."""
    token = view.token
    assert token is not None  # noqa: S101 - only asked with one
    facts = _current(view) | {"reason": view.message, "supported_eras": list(token.supported)}
    return _tell(DecisionKind.UNSUPPORTED_CURRENT, token.epoch, facts)


def upcoming_facts(view: EraView) -> dict[str, object]:
    """The upcoming era of a view that has one, as facts."""
    token = view.token
    if token is None or token.upcoming is None:
        return {}
    return _marker(token.upcoming, token.epoch) | {"supported": token.upcoming_supported}


def _schedule_decisions(before: EraView, after: EraView) -> Iterator[Decision]:
    """Eras announced, scheduled, moved and cancelled, in the order of the schedule."""
    token, last = after.token, before.token
    assert token is not None  # noqa: S101 - only asked with one
    known = {} if last is None else {marker.name: marker for marker in last.markers}
    for marker in token.markers:
        was = known.get(marker.name)
        if marker == was or (marker.epoch is not None and marker.epoch <= token.epoch):
            continue
        facts = _marker(marker, token.epoch) | {"supported": marker.name in token.supported}
        if was is not None and was.epoch is not None:
            yield _tell(DecisionKind.MOVED, token.epoch, facts | {"was": was.epoch})
        elif marker.epoch is not None:
            yield _tell(DecisionKind.SCHEDULED, token.epoch, facts)
        else:
            yield _tell(DecisionKind.ANNOUNCED, token.epoch, facts)
    for marker in after.cancelled:
        if marker not in before.cancelled:
            yield _tell(DecisionKind.CANCELLED, token.epoch, {"era": marker.name, "was": marker.epoch})


def _current(view: EraView) -> dict[str, object]:
    token = view.token
    assert token is not None  # noqa: S101 - only asked with one
    return {"era": token.current.name, "began": token.current.epoch, "supported": view.era is not None}


def _marker(marker: EraMarker, epoch: Epoch) -> dict[str, object]:
    left = None if marker.epoch is None else marker.epoch - epoch
    return {"era": marker.name, "begins": marker.epoch, "epochs_left": left}


def _tell(kind: DecisionKind, epoch: Epoch, facts: dict[str, object]) -> Decision:
    return Decision(kind.value, facts, epoch)
