"""Shrinks a failing scenario as long as it fails in the same way.

In: a scenario whose rehearsal broke a rule or missed an expectation. Out: a smaller one that fails in the same way, and
its outcome. The attempts, repeated until none succeeds or the budget is used up: end right after the failure, fewer
nodes, one action less, one kind of fault less. Each attempt is a rehearsal.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from eras import EraSwitchError
from release_tools.rehearsal.outcome import Outcome
from release_tools.rehearsal.scenario import Clocks, Scenario, Stake

Play = Callable[[Scenario], Outcome]


@dataclass(frozen=True, slots=True)
class Shrunk:
    """The smallest failing scenario that was found.

    Attributes:
        outcome: its outcome; the scenario is in it.
        trials: how many rehearsals it took.
        finished: whether no smaller scenario fails; otherwise the budget was used up.
    """

    outcome: Outcome
    trials: int
    finished: bool


def shrink(failing: Outcome, play: Play, *, trials: int = 60) -> Shrunk:
    """Make the scenario of ``failing`` smaller.

    Args:
        failing: a failed rehearsal.
        play: rehearses a scenario.
        trials: the number of rehearsals at most.

    Raises:
        ValueError: ``failing`` did not fail.
    """
    wanted = _failure(failing)
    if wanted is None:
        raise ValueError("a rehearsal that went well cannot be shrunk")
    best, used = failing, 0
    progress = True
    while progress:
        progress = False
        for smaller in _smaller(best):
            if used >= trials:
                return Shrunk(best, used, finished=False)
            used += 1
            outcome = _play(play, smaller)
            if outcome is not None and _failure(outcome) == wanted:
                best, progress = outcome, True
                break
    return Shrunk(best, used, finished=True)


def _failure(outcome: Outcome) -> tuple[str, ...] | None:
    """The kind of failure."""
    if outcome.violations:
        return ("rule", outcome.violations[0].rule)
    missed = [one.expected for one in outcome.checked if not one.met]
    return ("expected", missed[0]) if missed else None


def _play(play: Play, scenario: Scenario) -> Outcome | None:
    try:
        return play(scenario)
    except EraSwitchError:
        return None  # the remaining actions need the removed one


def _smaller(outcome: Outcome) -> Iterator[Scenario]:
    """Scenarios that are a step smaller, the largest steps first."""
    scenario = outcome.scenario
    if outcome.violations:
        last = max(violation.epoch for violation in outcome.violations[:1])
        played = last - scenario.first_epoch + 1
        if 0 < played < scenario.epochs:
            kept = tuple(action for action in scenario.actions if action.at < scenario.first_epoch + played)
            yield scenario.changed(epochs=played, actions=kept)
    for nodes in (2, scenario.nodes // 10, scenario.nodes // 2, scenario.nodes - 1):
        if 1 <= nodes < scenario.nodes:
            yield scenario.changed(nodes=nodes)
    for index in range(len(scenario.actions)):
        yield scenario.changed(actions=scenario.actions[:index] + scenario.actions[index + 1 :])
    if scenario.keys is not None:
        yield scenario.changed(keys=None)
    if scenario.clocks != Clocks():
        yield scenario.changed(clocks=Clocks())
    if scenario.stake != Stake(distribution="equal"):
        yield scenario.changed(stake=Stake(distribution="equal"))
    for index in range(len(scenario.upgrades)):
        yield scenario.changed(upgrades=scenario.upgrades[:index] + scenario.upgrades[index + 1 :])
    for provider in scenario.providers if len(scenario.providers) > 1 else ():
        named = {getattr(action, "provider", provider.name) for action in scenario.actions}
        if named <= {provider.name}:
            yield scenario.changed(providers=(provider.model_copy(update={"share": 1.0}),))
