"""Small scenarios, and ways to break what they must hold."""

from typing import Any

import pytest

from chain_reader.node.core import Decided, NodeState, decide
from chain_reader.node.inputs import InputEvent
from release_tools.rehearsal import Scenario, rehearse
from release_tools.rehearsal.outcome import Outcome
from release_tools.rehearsal.scenario_files import find_scenario, shipped_names

ANNOUNCE = {"do": "announce", "at": 101, "era": "pythagoras"}
ACTIVATE = {"do": "activate", "at": 103, "era": "pythagoras", "epoch": 106}


@pytest.fixture(scope="session", params=shipped_names())
def shipped(request: pytest.FixtureRequest) -> tuple[str, Outcome]:
    """Each shipped story in turn, with its name; it is played once for all that is asked of it."""
    scenario = find_scenario(request.param)
    return request.param, rehearse(scenario.changed(nodes=min(scenario.nodes, 300)))


def small(**changes: Any) -> Scenario:
    """A rollout with few nodes, all of them ready."""
    tree: dict[str, Any] = {
        "title": "small",
        "nodes": 12,
        "epochs": 9,
        "versions": [
            {"name": "0.4.0", "eras": ["thales", "pythagoras"], "share": 0.75},
            {"name": "0.3.0", "eras": ["thales"], "share": 0.25},
        ],
        "quorum": {"k": 1944, "m": 16948, "phi_f": 0.2},
        "actions": [ANNOUNCE, ACTIVATE],
    }
    return Scenario.of(tree | changes)


def deciding(wrong: Any) -> Any:
    """The deciding core, except where ``wrong`` gives another state."""

    def decided(state: NodeState, event: InputEvent) -> Decided:
        after, decisions = decide(state, event)
        return wrong(state, event, after) or after, decisions

    return decided
