"""A change that takes something back reaches nodes that see only what is unspent: it is signed anew (rule T4)."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from chain_reader import TrustedReader, TrustPolicy, observer_from_url
from datum import EraMarkersPayload
from era_store import open_store
from tests.era_service.conftest import invoke
from tests.era_service.release_world import ERA_KEY, MAGIC, World, payload, release_world


@pytest.fixture(params=["with memory", "without"])
def bare(own_folders: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[World]:
    """A release team whose provider knows the unspent outputs alone, with a store or without."""
    with release_world(own_folders, monkeypatch, "ogmios") as world:
        if request.param == "with memory":
            world.configure('[store]\nurl = "team.sqlite3"')
        yield world


def node_sees(world: World) -> list[tuple[str, int | None]]:
    """What a node trusts that reads through the same provider, and remembers."""
    policy = TrustPolicy(address=world.address, keys=(ERA_KEY.verification_key,), network_magic=MAGIC)
    with (
        closing(open_store("node.sqlite3")) as store,
        closing(observer_from_url(f"ogmios:{world.provider}", network_magic=MAGIC)) as observer,
    ):
        markers = TrustedReader(observer, policy, store).read().markers
    return list(dict.fromkeys((marker.name, marker.epoch) for marker in markers))


def test_a_cancellation_reaches_a_bare_node(bare: World) -> None:
    for arguments, seen in (
        (("activate", "thales", "--at", "5"), [("thales", 5)]),
        (("announce", "pythagoras"), [("thales", 5), ("pythagoras", None)]),
        (("cancel", "pythagoras"), [("thales", 5)]),
        (("activate", "pythagoras", "--at", "9"), [("thales", 5), ("pythagoras", 9)]),
    ):
        done = bare.changed(*arguments)
        assert done["status"] == "published"
        assert [(marker["name"], marker["epoch"]) for marker in done["nodes_see"]["markers"]] == seen
        assert node_sees(bare) == seen, arguments


def test_what_is_announced_again_reaches_a_bare_node(own_folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a memory the team knows that it has announced it before."""
    with release_world(own_folders, monkeypatch, "ogmios") as world:
        world.configure('[store]\nurl = "team.sqlite3"')
        world.change("activate", "thales", "--at", "5")
        for _ in range(2):
            world.changed("announce", "pythagoras")
            assert node_sees(world) == [("thales", 5), ("pythagoras", None)]
            world.changed("cancel", "pythagoras")
            assert node_sees(world) == [("thales", 5)]
        signed = {made.datum for made in world.chain.outputs(world.address) if made.datum is not None}
        assert len(signed) == len(world.transactions()) == 5


def test_signed_without_a_network_it_is_anew_too(bare: World) -> None:
    bare.change("activate", "thales", "--at", "5")
    bare.change("announce", "pythagoras")
    (bare.folder / "trusted.json").write_text(invoke("marker", "show", "--json").stdout)
    asked = ("marker", "cancel", "pythagoras", "--from", "trusted.json", *bare.keys[:2], "--payload-out", "p.json")
    assert invoke(*asked).exit_code == 0
    signed = EraMarkersPayload.from_bytes(Path("p.json").read_bytes())
    assert [str(marker) for marker in signed.markers] == ["thales at epoch 5", "thales at epoch 5"]
    done = invoke("marker", "cancel", "pythagoras", "--payload-file", "p.json", *bare.keys[2:], *bare.options, "--yes")
    assert done.exit_code == 0, done.output


def test_a_snapshot_of_an_older_version_still_serves(bare: World) -> None:
    bare.change("activate", "thales", "--at", "5")
    bare.change("announce", "pythagoras")
    snapshot: dict[str, Any] = json.loads(invoke("marker", "show", "--json").stdout)
    asked = ("marker", "cancel", "pythagoras", "--from", "t.json", *bare.keys[:2], "--payload-out", "p.json", "--json")
    del snapshot["published_before"]
    (bare.folder / "t.json").write_text(json.dumps(snapshot))
    assert len(json.loads(invoke(*asked).stdout)["plan"]["after"]) == 2
    wrong: tuple[object, ...] = (5, {"payloads": 5, "complete": True}, {"payloads": [["x"]], "complete": 1}, {"a": 1})
    for published in wrong:
        (bare.folder / "t.json").write_text(json.dumps({**snapshot, "published_before": published}))
        assert json.loads(invoke(*asked).stdout)["error"]["code"] == "Snapshot"
    (bare.folder / "t.json").write_text(json.dumps({**snapshot, "payload": "\ud800"}))
    assert json.loads(invoke(*asked).stdout)["error"]["code"] == "Snapshot"


def test_a_payload_that_was_published_before_is_not_taken(own_folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with release_world(own_folders, monkeypatch) as world:
        world.change("activate", "thales", "--at", "5")
        world.change("announce", "pythagoras")
        Path("old.json").write_bytes(payload(("thales", 5)))
        given = ("--payload-file", "old.json", *world.keys[2:], *world.options, "--yes", "--json")
        result = invoke("marker", "cancel", "pythagoras", *given)
        error = json.loads(result.stdout)["error"]
        assert error["code"] == "SignedPayload"
        assert error["expected"] == "thales at epoch 5, thales at epoch 5"
        Path("old.json").write_bytes(payload(*[("thales", 5)] * 3))
        assert json.loads(invoke("marker", "cancel", "pythagoras", *given).stdout)["status"] == "published"
