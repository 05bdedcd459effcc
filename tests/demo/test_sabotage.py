"""The demo notices: each sabotage breaks one thing, and the story must end there, unverified."""

import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from chain_reader import BlockfrostObserver
from chain_reader.authorship import SignedBy, signed_by
from chain_reader.providers.blockfrost.gateway import BlockfrostGateway
from era_service.cli.app import cli
from era_service.demo.node import (
    CERTIFIERS,
    SECOND,
    SWITCH,
    DemoNode,
    Distribution,
    NodeReport,
    certify_like_pythagoras,
)
from era_service.demo.stage import Posted, Stage
from eras import Epoch, EraChecker, EraEpochToken, EraMarker
from tests.demo.conftest import play

Patch = pytest.MonkeyPatch


def provenance_is_ignored(patch: Patch) -> None:
    """Every transaction seems to be signed by the owner of the era address."""

    def by_all(data: bytes, transaction: str, addresses: Sequence[str]) -> SignedBy:
        return replace(signed_by(data, transaction, addresses), signed=frozenset(addresses))

    patch.setattr("chain_reader.trust.transactions.signed_by", by_all)


def signatures_are_not_checked(patch: Patch) -> None:
    provenance_is_ignored(patch)
    patch.setattr("datum.screening.verify_signature", lambda *_: True)


def an_upgrade_does_not_happen(patch: Patch) -> None:
    start = DemoNode.start

    def forgetful(node: DemoNode, distribution: Distribution) -> None:
        if (node.name, distribution) != ("lima", SECOND):
            start(node, distribution)

    patch.setattr(DemoNode, "start", forgetful)


def a_node_sleeps_through_the_switch(patch: Patch) -> None:
    turn = DemoNode.turn

    def sleepy(node: DemoNode) -> NodeReport:
        asleep = node.name == "cairo" and node._run is not None and node._run.observer.epoch() >= SWITCH
        return node._report if asleep else turn(node)

    patch.setattr(DemoNode, "turn", sleepy)


def a_node_switches_too_early(patch: Patch) -> None:
    change_era = EraChecker.change_era

    def hasty(checker: EraChecker, token: EraEpochToken) -> None:
        change_era(checker, token)
        if token.epoch == SWITCH - 1 and token.upcoming_supported:
            checker.advance_epoch(SWITCH)

    patch.setattr(EraChecker, "change_era", hasty)


def nodes_certify_each_in_its_own_way(patch: Patch) -> None:
    count = itertools.count()
    patch.setitem(CERTIFIERS, "pythagoras", lambda epoch: f"{certify_like_pythagoras(epoch)}-{next(count)}")


def an_unsupported_era_does_not_stop_a_node(patch: Patch) -> None:
    """As a registry with a default would have it: the last known behaviour goes on."""
    change_era = EraChecker.change_era

    def lenient(checker: EraChecker, token: EraEpochToken) -> None:
        if token.current_supported:
            change_era(checker, token)

    patch.setattr(EraChecker, "change_era", lenient)


def the_chain_writes_another_datum(patch: Patch) -> None:
    publish = Stage.publish

    def other(stage: Stage, markers: Any, *, replacing: Posted | None) -> Posted:
        posted = publish(stage, markers, replacing=replacing)
        return Posted(posted.transaction, posted.markers, b"\x80", posted.fee, posted.size, posted.spent)

    patch.setattr(Stage, "publish", other)


def a_transaction_never_arrives(patch: Patch) -> None:
    from hashlib import blake2b

    from pycardano import Transaction

    def swallow(gateway: BlockfrostGateway, cbor: bytes) -> str:
        return blake2b(Transaction.from_cbor(cbor).transaction_body.to_cbor(), digest_size=32).hexdigest()

    patch.setattr(BlockfrostGateway, "submit", swallow)


def markers_pile_up(patch: Patch) -> None:
    publish = Stage.publish
    patch.setattr(Stage, "publish", lambda stage, markers, replacing: publish(stage, markers, replacing=None))


def nodes_believe_another_key(patch: Patch) -> None:
    patch.setattr("era_service.demo.story.Source", lambda url, address, key: _other_source(url, address))


def _other_source(url: str, address: str) -> Any:
    from datum import SigningKey
    from era_service.demo.node import Source

    return Source(url, address, SigningKey.generate().verification_key)


def retirement_changes_the_schedule(patch: Patch) -> None:
    publish = Stage.publish

    def later(stage: Stage, markers: Any, *, replacing: Posted | None) -> Posted:
        markers = tuple(markers)
        if len(markers) == 1 and markers[0].name == "pythagoras":
            markers = (*markers, EraMarker("lagrange", Epoch(90)))
        return publish(stage, markers, replacing=replacing)

    patch.setattr(Stage, "publish", later)


SABOTAGES: list[tuple[Callable[[Patch], None], int, str]] = [
    (nodes_believe_another_key, 1, "every node that knows thales runs it"),
    (the_chain_writes_another_datum, 1, "the chain holds the signed datum, byte for byte"),
    (a_transaction_never_arrives, 1, "is in no block"),
    (an_unsupported_era_does_not_stop_a_node, 1, "the one that does not know it stops"),
    (markers_pile_up, 2, "the marker output before it is spent"),
    (an_upgrade_does_not_happen, 3, "lima is on 2.0.0"),
    (provenance_is_ignored, 5, "every running node refuses both"),
    (signatures_are_not_checked, 5, "every running node refuses both"),
    (a_node_switches_too_early, 5, "all continue in thales"),
    (a_node_sleeps_through_the_switch, 6, "all that know pythagoras switch in the same epoch"),
    (nodes_certify_each_in_its_own_way, 6, "one certificate"),
    (retirement_changes_the_schedule, 8, "nothing else changes on any node"),
]


@pytest.mark.parametrize(
    ("sabotage", "step", "words"), SABOTAGES, ids=[sabotage.__name__ for sabotage, _, _ in SABOTAGES]
)
def test_sabotage_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sabotage: Callable[[Patch], None], step: int, words: str
) -> None:
    sabotage(monkeypatch)
    verified, recorder = play(tmp_path / "stage")
    assert not verified
    (failed,) = recorder.of("failed")
    assert (failed.step, words in failed.text) == (step, True), failed.text
    finished = recorder.of("finished")[0]
    assert finished.facts["verified"] is False
    assert finished.facts["steps"] == step - 1
    assert finished.text == f"NOT verified: the demo ended in step {step}"


@pytest.mark.parametrize("arguments", [["demo"], ["demo", "--json"]])
def test_command_fails_with_what_was_expected_and_got(monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    an_unsupported_era_does_not_stop_a_node(monkeypatch)
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 1
    assert "expected hanoi: UnsupportedEra, got hanoi: EraNotReady" in result.output.replace('"', "")
    if "--json" in arguments:
        events = [json.loads(line) for line in result.stdout.splitlines()]
        assert [event["event"] for event in events[-2:]] == ["failed", "finished"]
        assert events[-1]["verified"] is False
        assert events[-2]["code"] == "StepFailed"


def test_provider_that_dies_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that cannot read stops with an error of reading, which is not what the story expects."""
    epoch = BlockfrostObserver.epoch

    def dead(observer: BlockfrostObserver) -> Epoch:
        observer._api._http._base_url = "http://127.0.0.1:1"
        return epoch(observer)

    monkeypatch.setattr(BlockfrostObserver, "epoch", dead)
    verified, recorder = play(tmp_path / "stage")
    assert not verified
    messages = [event.facts["node"]["message"] for event in recorder.of("node")]
    assert len(messages) == 6
    assert all("could not be sent" in message for message in messages)
