"""The decisions of a node about changes of protocol configurations. Pure.

In: the configurations in force before and after, each at its epoch. Out: decisions, each made once: on a change of what
is to come, and when another configuration holds.
"""

from collections.abc import Iterator

from chain_reader.node.kinds import Decision, DecisionKind
from datum.configuration.markers import ConfigurationMarker, decoded
from datum.configuration.readable import configuration_document
from datum.configuration.values import EpochConfiguration, configuration_at, schedule
from eras import Epoch

Markers = tuple[ConfigurationMarker, ...]


def configuration_decisions(
    before: Markers | None, told_at: Epoch | None, after: Markers, epoch: Epoch
) -> tuple[Decision, ...]:
    """The decisions when ``after`` is in force at ``epoch``.

    Args:
        before: what was in force; ``None`` before the first.
        told_at: the epoch of that.
        after: what is in force now.
        epoch: the current epoch.
    """
    old, new = decoded(before or ()), decoded(after)
    decisions: list[Decision] = []
    was = None if told_at is None else configuration_at(old, told_at)
    now = configuration_at(new, epoch)
    if now is not None and now != was:
        began = max(item.epoch for item in new if item.epoch <= epoch)
        changes = list(was.differences(now)) if was is not None else []
        facts: dict[str, object] = {"began": began, "changes": changes}
        facts["configuration"] = configuration_document(now)
        decisions.append(Decision(DecisionKind.CONFIGURATION_CHANGED.value, facts, epoch))
    decisions += _announced(old, new, epoch)
    return tuple(decisions)


def _announced(
    old: tuple[EpochConfiguration, ...], new: tuple[EpochConfiguration, ...], epoch: Epoch
) -> Iterator[Decision]:
    """The configurations of later epochs that differ from before."""
    for at in sorted({item.epoch for item in (*schedule(old), *schedule(new)) if item.epoch > epoch}):
        was, now = configuration_at(old, at), configuration_at(new, at)
        if was == now:
            continue
        facts: dict[str, object] = {"begins": at, "epochs_left": at - epoch, "changes": []}
        if now is None:
            facts["configuration"] = None
        else:
            current = configuration_at(new, Epoch(at - 1))
            facts["changes"] = [] if current is None else list(current.differences(now))
            facts["configuration"] = configuration_document(now)
        yield Decision(DecisionKind.CONFIGURATION_ANNOUNCED.value, facts, epoch)
