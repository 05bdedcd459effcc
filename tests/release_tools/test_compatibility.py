"""The table of eras and versions: what it vouches for, for which network, and how its mistakes are named."""

from pathlib import Path
from typing import Any

import pytest

from release_tools import Compatibility
from release_tools.adoption.compatibility import EraNotListedError
from tests.errors import raising

TABLE = {"thales": ">=0.1.0", "lagrange": ">=0.3.12, !=0.3.15"}
NETWORKS = {"preview": "pre-release-preview", "pre-release-preview": "pre-release-preview", "mainnet": "mainnet"}


@pytest.mark.parametrize(
    ("release", "supported"),
    [
        ("0.3.12", True),
        ("0.3.12+build.7", True),
        ("0.3.11", False),
        ("0.3.12-rc.1", False),
        ("0.3.13-rc.1", True),
        ("0.3.15", False),
        ("0.3.15+fixed", False),
        ("0.3.16", True),
        ("1.0.0", True),
        ("v0.3.16", True),
        (" v0.3.15 ", False),
        ("nightly", False),
        ("v nightly", False),
        ("", False),
        (None, False),
    ],
)
def test_what_supports_an_era(release: str | None, supported: bool) -> None:
    assert Compatibility.of(TABLE).supports(release, "lagrange") is supported


@pytest.mark.parametrize(
    ("requirement", "good", "bad", "words"),
    [
        (">=1.0.0", "1.0.0", "0.9.9", "1.0.0 or newer"),
        ("1.2.3", "1.2.4", "1.2.2", "1.2.3 or newer"),
        (">= v1.2.3", "v1.2.3", "v1.2.2", "1.2.3 or newer"),
        (">1.0.0", "1.0.1", "1.0.0", "newer than 1.0.0"),
        ("==1.0.0", "1.0.0+x", "1.0.1", "exactly 1.0.0"),
        (">=1.0.0, <2.0.0", "1.9.9", "2.0.0", "1.0.0 or newer and older than 2.0.0"),
        ("<=1.0.0", "1.0.0-rc.1", "1.0.1", "1.0.0 or older"),
        (
            ">=0.3.12, !=0.3.15, !=0.3.16+x",
            "0.3.17",
            "0.3.16",
            "0.3.12 or newer, but not 0.3.15 and not 0.3.16",
        ),
    ],
)
def test_requirements(requirement: str, good: str, bad: str, words: str) -> None:
    table = Compatibility.of({"e": requirement})
    assert (table.supports(good, "e"), table.supports(bad, "e")) == (True, False)
    assert table.minimum("e") == words


def test_nobody_vouches_for_an_era_that_is_not_listed() -> None:
    table = Compatibility.of(TABLE)
    assert not table.supports("9.9.9", "euler")
    assert table.minimum("euler") is None
    with pytest.raises(EraNotListedError) as caught:
        table.require_era("lagrnge")
    assert "Did you mean 'lagrange'?" in str(caught.value)
    assert caught.value.exit_code == 2
    table.require_era("lagrange")


def test_a_network_has_requirements_of_its_own() -> None:
    tree = {**TABLE, "networks": {"preview": {"lagrange": ">=0.3.11", "euler": ">=1.0.0"}, "mainnet": {}}}
    preview = Compatibility.of(tree, network="pre-release-preview", known_networks=NETWORKS)
    assert preview.supports("0.3.11", "lagrange"), "by its other name"
    assert preview.eras == ("thales", "lagrange", "euler")
    mainnet = Compatibility.of(tree, network="mainnet", known_networks=NETWORKS)
    assert not mainnet.supports("0.3.11", "lagrange")
    assert mainnet.eras == ("thales", "lagrange")


@pytest.mark.parametrize(
    ("tree", "key", "words"),
    [
        ({"lagrange": 3}, "lagrange", "expected a requirement such as"),
        ({"lagrange": "0.3"}, "lagrange", "got '0.3'. Did you mean \">=0.3.0\"?"),
        ({"lagrange": "=>0.3.12"}, "lagrange", 'Did you mean ">=0.3.12"?'),
        ({"lagrange": ">=0.3.12,"}, "lagrange", "got ''"),
        ({"lagrange": "~v0.3.12"}, "lagrange", 'Did you mean ">=0.3.12"?'),
        ({"lagrange": "latest"}, "lagrange", "got 'latest'"),
        ({"lagrange": "9" * 5000}, "lagrange", "got '999"),
        ({"lagrnge": ">=1.0.0"}, "lagrnge", "Did you mean 'lagrange'?"),
        ({"netwoks": {"preview": {}}}, "netwoks", "Did you mean 'networks'?"),
        ({"preview": {"lagrange": ">=1.0.0"}}, "preview", "Did you mean 'networks.preview'?"),
        ({"networks": {"prevew": {}}}, "networks.prevew", "Did you mean 'networks.preview'?"),
        ({"networks": {"preview": "x"}}, "networks.preview", "expected a table of eras"),
        ({"networks": {"preview": {"lagrnge": "1.0.0"}}}, "networks.preview.lagrnge", "'networks.preview.lagrange'"),
        ({"networks": {"preview": {"lagrange": "x"}}}, "networks.preview.lagrange", "got 'x'"),
    ],
)
def test_mistakes_name_the_key_and_the_nearest_right_one(tree: dict[str, Any], key: str, words: str) -> None:
    with raising("Compatibility") as caught:
        Compatibility.of(tree, known_eras=("thales", "lagrange"), known_networks=NETWORKS)
    assert caught.value.facts["key"] == key
    assert f"at {key}:" in str(caught.value)
    assert words in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_mistake_in_the_table_of_another_network_is_found_too() -> None:
    with raising("Compatibility"):
        Compatibility.of({"networks": {"preview": {"lagrange": "x"}}}, network="mainnet", known_networks=NETWORKS)


def test_eras_of_the_future_may_be_listed() -> None:
    assert Compatibility.of({"euler": "1.0.0"}, known_eras=("thales", "lagrange")).eras == ("euler",)
    both = {"lagrange": "1.0.0", "lagrange2": "2.0.0"}
    assert Compatibility.of(both, known_eras=("thales", "lagrange")).eras == ("lagrange", "lagrange2")


def test_file(tmp_path: Path) -> None:
    path = tmp_path / "compatibility.toml"
    path.write_text('lagrange = ">=0.3.12, !=0.3.15"\n[networks.preview]\nlagrange = "0.3.11"\n')
    assert Compatibility.load(path).minimum("lagrange") == "0.3.12 or newer, but not 0.3.15"
    assert Compatibility.load(path, network="preview").minimum("lagrange") == "0.3.11 or newer"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file"),
        (b"lagrange = ", "not TOML"),
        (b"\xff\xfe", "not UTF-8"),
        (b"#" * (1024 * 1024 + 1), "more than 1048576 bytes"),
        (b"a = " + b"[" * 20_000, "not TOML"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, content: bytes | None, words: str) -> None:
    path = tmp_path / "compatibility.toml"
    if content is not None:
        path.write_bytes(content)
    with raising("Compatibility") as caught:
        Compatibility.load(path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)
