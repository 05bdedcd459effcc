"""Which name is suggested for one that is not known."""

from pathlib import Path

import pytest

from eras.nearest import nearest

HOOKS = ("announced", "activating_in", "activated", "before_switch", "unsupported_upcoming", "unsupported_current")


@pytest.mark.parametrize(
    ("name", "known", "meant"),
    [
        ("activatd", HOOKS, "activated"),
        ("unsuported_upcomming", HOOKS, "unsupported_upcoming"),
        ("before-switch", HOOKS, "before_switch"),
        ("on_switch", HOOKS, None),
        ("after_switch", HOOKS, None),
        ("poll_interval", ("spread_s", "poll_interval_s"), "poll_interval_s"),
        ("request_timeout_s", ("read_timeout_s", "max_pages"), None),
        ("preprd", ("release-preprod", "preprod"), "preprod"),
        ("mainet", ("release-mainnet",), "release-mainnet"),
        ("LOG_FORMAT", ("LOG__LEVEL", "LOG__FORMAT"), "LOG__FORMAT"),
        ("", HOOKS, None),
    ],
)
def test_a_slip_is_recognised_and_another_meaning_is_not_suggested(name, known, meant):
    assert nearest(name, known, cutoff=0.5) == meant


def test_every_suggestion_is_made_here():
    root = Path(__file__).resolve().parents[2]
    packages = ("eras", "datum", "era_store", "chain_reader", "release_tools", "era_service", "eraswitch")
    users = {
        str(path.relative_to(root))
        for package in packages
        for path in (root / package).rglob("*.py")
        if "difflib" in path.read_text(encoding="utf-8")
    }
    assert users == {"eras/nearest.py"}
