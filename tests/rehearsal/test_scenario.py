"""Scenarios: what is taken, and how mistakes are told."""

import tomllib
from pathlib import Path

import pytest

from release_tools.rehearsal import Scenario
from release_tools.rehearsal.population import draw_nodes, draw_stakes, read_stakes
from release_tools.rehearsal.scenario_files import find_scenario, scenario_toml, shipped_names
from tests.errors import raising
from tests.rehearsal.conftest import ACTIVATE, small


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"titel": "x"}, "titel: expected a key of the scenario, got an unknown name. Did you mean 'title'?"),
        ({"nodes": 0}, "nodes: expected at least 1, got 0"),
        ({"nodes": 100_001}, "nodes: expected at most 100000"),
        ({"quorum": {"k": 1, "m": 2}}, "quorum.phi_f: expected a value, got nothing"),
        ({"quorum": {"k": 1, "m": 2, "phi_f": float("nan")}}, "quorum.phi_f: expected a finite number"),
        (
            {"stake": {"distribution": "lognormal"}},
            "expected one of 'log-normal', 'equal' or 'file'",
        ),
        ({"stake": {"distribution": "file"}}, 'stake: expected file together with distribution = "file"'),
        (
            {"clocks": {"wrng": 0.1}},
            "clocks.wrng: expected a key of the scenario, got an unknown name. Did",
        ),
        ({"actions": [{"do": "anounce", "at": 101, "era": "x"}]}, "got 'anounce'. Did you mean 'announce'?"),
        ({"actions": [{"at": 101}]}, "actions.0.do: expected a value, got nothing"),
        (
            {"actions": [ACTIVATE | {"epock": 3}]},
            "an unknown name. Did you mean 'actions.0.epoch'?",
        ),
        ({"actions": [ACTIVATE | {"at": 99}]}, "actions.0.at: expected an epoch from 100 to before 109"),
        ({"actions": [ACTIVATE | {"at": 109}]}, "actions.0.at: expected an epoch from 100 to before 109"),
        (
            {"actions": [{"do": "outage", "at": 101, "provider": "provder"}]},
            "actions.0.provider: expected one of provider, not 'provder' (did you mean 'provider'?)",
        ),
        ({"versions": [{"name": "1.0.0", "eras": ["x"], "share": 0.5}]}, "shares that make 1 together, not 0.5"),
        ({"versions": [{"name": "1.0.0", "eras": ["x"], "share": 1}]}, "one that knows the first era, thales"),
        ({"upgrades": [{"to": "0.5.0", "after": 101}]}, "upgrades.0.to: expected one of 0.4.0, 0.3.0, not '0.5.0'"),
        ({"versions": 3}, "versions: expected a list, got 3"),
        (
            {"versions": [{"name": "my build", "eras": ["thales"], "share": 1}]},
            "versions.0.name: expected a semantic version, as 0.4.0",
        ),
        (
            {"actions": [ACTIVATE | {"era": "pythagorsa"}]},
            "actions.0.era: expected one of thales, pythagoras, not 'pythagorsa' (did you mean 'pythagoras'?)",
        ),
        ({"actions": [ACTIVATE | {"gate": 95}]}, "actions.0.gate: expected at most 1.0, got 95"),
        ({"expect": {"current": "pytagoras"}}, "expect.current: expected one of thales, pythagoras, not 'pytagoras'"),
        ({"expect": {"told": ["activatd"]}}, "not 'activatd' (did you mean 'activated'?)"),
        ({"expect": {"not_told": ["conflicts"]}}, "not 'conflicts' (did you mean 'conflict'?)"),
        ({"expect": {"quorum_lost_epochs": [3, 1]}}, "the least before the most, not 3 and 1"),
    ],
)
def test_a_mistake_is_named_with_what_would_be_right(change: dict, words: str):
    with raising("Scenario") as caught:
        small(**change)
    assert words in str(caught.value)


def test_every_mistake_is_named_at_once():
    with raising("Scenario") as caught:
        small(nodes=0, epochs=0, titel="x")
    assert "has 3 mistakes" in str(caught.value)
    assert str(caught.value).endswith("'title'?\nCorrect it; docs/rehearsal.md has every key")


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "a file that can be read"), (b"\xff", "TOML"), (b"a = ", "TOML"), (b"x" * 2_000_000, "at most")],
)
def test_a_file_that_is_no_scenario(tmp_path: Path, content: bytes | None, words: str):
    path = tmp_path / "scenario.toml"
    if content is not None:
        path.write_bytes(content)
    with raising("Scenario", match=words):
        Scenario.load(path)
    with raising("Scenario"):
        Scenario.load(tmp_path)


def test_a_shipped_scenario_is_found_by_name_and_the_nearest_is_named():
    assert find_scenario("healthy").title == "A rollout as it should be"
    with raising("Scenario", match="Did you mean 'healthy'"):
        find_scenario("healty")
    with raising("Scenario", match="could not be read|a file that can be read"):
        find_scenario("no/such/file.toml")


@pytest.mark.parametrize("name", shipped_names())
def test_every_shipped_scenario_says_what_it_shows_and_expects(name: str):
    scenario = find_scenario(name)
    assert len(scenario.story) > 80
    assert scenario.expect.current == "pythagoras"
    assert scenario.expect.told


def test_stake_comes_from_a_file_in_turn(tmp_path: Path):
    (tmp_path / "stake.csv").write_text("pool,stake\na,300\nb,200\n")
    (tmp_path / "scenario.toml").write_text(
        'title = "x"\nnodes = 5\n[stake]\ndistribution = "file"\nfile = "stake.csv"\n'
        "[quorum]\nk = 1\nm = 2\nphi_f = 0.2\n"
        '[[versions]]\nname = "1.0.0"\neras = ["thales"]\nshare = 1.0\n'
    )
    scenario = Scenario.load(tmp_path / "scenario.toml")
    assert [node.stake for node in draw_nodes(scenario)] == [300, 200, 300, 200, 300]
    (tmp_path / "stake.csv").write_text("100\n\n50\n")
    assert read_stakes(tmp_path / "stake.csv") == (100, 50)


@pytest.mark.parametrize("content", ["", "pool,stak\na,1\n", "1\n-2\n", "1\nx\n", "0\n", "1\n" + "9" * 30 + "\n"])
def test_a_file_of_stakes_that_cannot_be_used(tmp_path: Path, content: str):
    path = tmp_path / "stake.csv"
    path.write_text(content)
    with raising("Scenario", match="file of stakes"):
        read_stakes(path)


def test_drawn_stake_is_uneven_but_nobody_has_more_than_the_largest_share():
    stakes = draw_stakes(small(nodes=1000, stake={"sigma": 2.0, "largest_share": 0.01}))
    total = sum(stakes)
    assert max(stakes) <= 0.0101 * total
    assert max(stakes) > 20 * sorted(stakes)[500]
    assert abs(total / 20_000_000_000e6 - 1) < 1e-6


def test_each_version_and_provider_has_its_share_exactly():
    scenario = small(nodes=1000, providers=[{"name": "a", "share": 0.7}, {"name": "b", "share": 0.3}])
    nodes = draw_nodes(scenario)
    assert [sum(node.version == index for node in nodes) for index in (0, 1)] == [750, 250]
    assert [sum(node.provider == index for node in nodes) for index in (0, 1)] == [700, 300]


def test_the_largest_upgrade_first_or_never():
    upgrade = {"to": "0.4.0", "after": 101, "never": 0.1}
    first = draw_nodes(small(nodes=100, upgrades=[upgrade | {"largest_first": True}]))
    waits = [node.upgrades[0][0] for node in sorted(first, key=lambda node: -node.stake) if node.upgrades]
    assert waits == sorted(waits)
    assert len(waits) == 90
    nodes = draw_nodes(small(nodes=100, upgrades=[upgrade | {"never_are": "largest"}]))
    sleeping = [node for node in nodes if not node.upgrades]
    assert min(node.stake for node in sleeping) >= max(node.stake for node in nodes if node.upgrades)


@pytest.mark.parametrize("name", shipped_names())
def test_a_scenario_as_text_is_the_same_scenario(name: str):
    found = find_scenario(name).changed(title='A "title" \\ with ünïcode\n\x7f')
    assert Scenario.of(tomllib.loads(scenario_toml(found))) == found


def test_a_file_of_stakes_is_found_from_wherever_the_text_is_put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "stake.csv").write_text("1\n2\n")
    scenario = small(stake={"distribution": "file", "file": "stake.csv"})
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "short.toml").write_text(scenario_toml(scenario))
    found = Scenario.load(tmp_path / "elsewhere" / "short.toml").stake.file
    assert found == tmp_path / "stake.csv"
