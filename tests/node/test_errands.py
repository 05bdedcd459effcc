"""What a node tells and asks a service: once for each occasion, again where it fails, in nobody's way."""

import json
import threading
from collections.abc import Hashable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from chain_reader.node.kinds import DecisionKind
from chain_reader.providers.transport.bounded_process import Finished
from datum import SigningKey
from era_service.cli.shared import passphrases
from era_service.cli.shared.key_loading import read_secret_key
from era_service.config.schema import Settings
from era_service.node.configured_errands import configured_errands
from era_service.node.errand import Errand
from era_service.node.reactions import severity, words
from era_service.node.service_works import Registering
from era_store import Capability, NewEvent
from eras import BehaviourSwitches, ChainReadError, Epoch, EraChecker, EraView, SupportedEras
from release_tools.keys import encrypted, signers
from release_tools.registrations.signed import Statement, pool_id
from tests.errors import raising
from tests.node.world import ADDRESS, PYTHAGORAS, THALES, Watched, publish

KEY = SigningKey(bytes(range(32)))
OWN = ("registered", "not-registered")


SAID = {"party": "p", "service": "s", "eras": "thales", "stake": "not stated"}


@dataclass
class Saying:
    """A work that notes its occasions, and fails as long as it is told to."""

    said: list[Hashable] = field(default_factory=list)
    failing: str | None = None
    holding: threading.Event | None = None
    failed: DecisionKind = DecisionKind.NOT_REGISTERED
    delay_s: float = 7.0

    def occasion(self, view: EraView) -> Hashable | None:
        return None if view.token is None else view.token.epoch

    def wait_s(self, occasion: Hashable) -> float:
        return self.delay_s

    def run(self, occasion: Hashable) -> tuple[DecisionKind, dict[str, str]]:
        if self.holding is not None:
            self.holding.wait(30)
        self.said.append(occasion)
        if self.failing is not None:
            raise ChainReadError(self.failing, next_step="Wait")
        return DecisionKind.REGISTERED, SAID | {"for": str(occasion)}


@pytest.fixture(autouse=True)
def published(node: Watched) -> None:
    publish(node.chain, (THALES, 0))


def settle(errand: Errand, watcher) -> None:
    """Let a run that is under way end, and the watcher hear of it."""
    errand.wait(30)
    watcher.step()


def told(node: Watched) -> list[tuple[str, str | None]]:
    found = [(str(one.kind), one.facts.get("for")) for one in node.told if one.kind in OWN]
    node.told.clear()
    return found


def test_it_is_done_once_an_epoch_at_a_moment_of_its_own_and_recorded(node: Watched) -> None:
    work = Saying()
    errand = Errand(work, clock=node.time.clock)
    watcher = node.watcher(errands=[errand])
    node.until(watcher, 6.0)
    assert (work.said, told(node)) == ([], [])
    node.until(watcher, 30.0, lambda: settle(errand, watcher))
    settle(errand, watcher)
    (first,) = work.said
    assert told(node) == [("registered", str(first))]
    node.to_epoch(watcher, first + 1)
    settle(errand, watcher)
    assert (work.said, told(node)) == ([first, first + 1], [("registered", str(first + 1))])
    recorded = [one for one in node.store.events.read() if one.kind == "registered"]
    assert [(one.epoch, one.facts) for one in recorded] == [(at, SAID | {"for": str(at)}) for at in work.said]


def test_a_failure_is_recorded_once_and_tried_again_ever_more_seldom(node: Watched) -> None:
    work = Saying(failing="The service is down")
    errand = Errand(work, clock=node.time.clock, longest_wait_s=60.0)
    watcher = node.watcher(errands=[errand])
    node.until(watcher, 600.0, lambda: settle(errand, watcher))
    attempts = len(work.said)
    assert 600 / 60 <= attempts < 600 / 60 + 6, "5, 10, 20, 40 and then 60 seconds apart"
    work.failing = "It is another thing"
    node.until(watcher, 130.0, lambda: settle(errand, watcher))
    work.failing = None
    node.until(watcher, 130.0, lambda: settle(errand, watcher))
    assert told(node) == [("not-registered", None)] * 2 + [("registered", str(work.said[0]))]
    node.until(watcher, 600.0, lambda: settle(errand, watcher))
    assert told(node) == [], "done is done"


def test_a_service_that_hangs_holds_up_no_switch(node: Watched) -> None:
    hanging = Saying(holding=threading.Event(), delay_s=0.0)
    watcher = node.watcher(errands=[Errand(hanging, clock=node.time.clock)])
    node.until(watcher, 10.0)
    node.to_epoch(watcher, 7)
    assert watcher.checker.view.token is not None
    assert (watcher.checker.view.token.epoch, hanging.said) == (7, [])
    hanging.holding.set()


def test_one_check_does_it_at_once(node: Watched) -> None:
    work = Saying(delay_s=1_000.0)
    node.watcher(errands=[Errand(work, clock=node.time.clock)]).check()
    assert told(node) == [("registered", str(work.said[0]))]


def test_a_node_registers_anew_when_what_it_can_do_changes() -> None:
    checker = EraChecker(SupportedEras((PYTHAGORAS, THALES)))
    switches = BehaviourSwitches(checker)
    switches.behaviour("hash", since=PYTHAGORAS)(len)
    switches.seal()
    loaded = [THALES, "unknown"]
    work = Registering(
        "http://x", KEY, KEY.verification_key, checker.supported, switches=switches, loaded=lambda: loaded
    )
    able = work.capability()
    assert (able.eras, able.loaded, len(able.switches or "")) == ((PYTHAGORAS, THALES), (THALES,), 64)
    assert work.party_id == pool_id(KEY.verification_key.hex)
    assert "seed" not in repr(work)
    assert str(KEY.seed.hex()) not in repr(work)
    loaded.append(PYTHAGORAS)
    assert work.capability() != able
    assert Registering("http://x", KEY, KEY.verification_key, checker.supported).capability() == Capability(
        (PYTHAGORAS, THALES)
    )


def test_a_key_that_does_not_speak_for_the_node_is_refused_before_it_runs(tmp_path: Path) -> None:
    with raising("RegisterKey", match="is not the party's"):
        Registering("http://x", KEY, KEY.verification_key, SupportedEras((THALES,)), party_id="pool1other")
    file = tmp_path / "party.sk"
    section = {"register_url": "http://127.0.0.1:1", "register_key_file": file}
    network = {"era_address": ADDRESS, "magic": 1,
               "verification_key": KEY.verification_key.hex}  # fmt: skip
    for content, code in (("nothing", "KeyFormat"), (KEY.to_json_hex(), None)):
        file.write_text(content)
        file.chmod(0o600)
        settings = Settings.model_validate({"network": network, "watch": section})
        if code is None:
            assert len(configured_errands(settings, read_secret_key)) == 1
        else:
            with raising(code, match="secret key"):
                configured_errands(settings, read_secret_key)
    settings = Settings.model_validate({"network": network, "watch": {"register_url": "http://127.0.0.1:1"}})
    with raising("RegisterKey", match="--register-key FILE"):
        configured_errands(settings, read_secret_key)


def test_the_key_may_be_encrypted_or_a_signers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encrypted, "COST", encrypted.Cost(1, 8192))
    file = tmp_path / "party.sk"
    network = {"era_address": ADDRESS, "magic": 1, "verification_key": KEY.verification_key.hex}
    watch = {"register_url": "http://127.0.0.1:1", "register_key_file": file}

    def registering(content: str) -> Registering:
        file.write_text(content)
        file.chmod(0o600)
        (errand,) = configured_errands(Settings.model_validate({"network": network, "watch": watch}), read_secret_key)
        assert isinstance(errand.work, Registering)
        return errand.work

    closed = encrypted.encrypt("era", KEY.seed, b"open sesame")
    with raising("Passphrase"):
        registering(closed)
    with monkeypatch.context() as given:
        given.setattr(passphrases, "given_passphrase", lambda: b"open sesame")
        assert registering(closed).key == KEY
    own = {"eraswitch_signer": 1, "kind": "era", "public": KEY.verification_key.hex, "program": ["/sign"]}
    asked = []

    def sign(_program: object, _environment: object, *, stdin: bytes, **_limits: object) -> Finished:
        asked.append(json.loads(stdin))
        signature = KEY.sign(bytes.fromhex(asked[0]["bytes"])).hex()
        return Finished(0, json.dumps({"signature": signature}).encode(), "")

    monkeypatch.setattr(signers, "run_bounded", sign)
    work = registering(json.dumps(own))
    said = Statement(1, work.party_id, Epoch(4), None, 0, 1_700_000_000, work.capability())
    said.sign(work.key).verify(said)
    assert asked[0]["what"] == "registration"
    assert {"epoch: 4", f"party id: {work.party_id}"} <= set(asked[0]["words"])


@pytest.mark.parametrize(("kind", "level", "said"), [
    ("thin-support", 40, "ONLY 40.0 % of the registered stake supports the era thales, which is in force, by s"),
    ("supported", 20, "40.0 % of the registered stake supports the era thales, by s"),
    ("registered", 20, "p is registered with s for epoch 4: it supports thales; stake not stated"),
    ("not-registered", 30, "The node could not be registered, and will retry: because"),
    ("support-unknown", 30, "How much stake supports the era in force is not known: because"),
])  # fmt: skip
def test_each_has_its_words(kind: str, level: int, said: str) -> None:
    facts = {"era": "thales", "share": "40.0 %", "base": "registered", "service": "s", "threshold": "75.0 %"}
    facts |= {"party": "p", "for": "4", "eras": "thales", "stake": "not stated", "reason": "because", "code": "X"}
    decision = NewEvent(kind, facts, Epoch(4))
    assert words(decision, lambda _: None).startswith(said)
    assert severity(decision) == level
