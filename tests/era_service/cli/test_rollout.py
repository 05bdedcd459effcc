"""``eraswitch rollout``: a plan is made, followed step by step on a chain, and never half-applied."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from era_store import Registration, open_store
from eras import Epoch
from release_tools.publishing.journal import Journal
from release_tools.rollout.plan import PlannedRollout
from tests.era_service.conftest import invoke
from tests.era_service.release_world import NETWORK, World, release_world

PLAN = "rollout-pythagoras.toml"
LOTTERY = ("--k", "1944", "--m", "16948", "--phi-f", "0.2")


@pytest.fixture
def world(own_folders: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Epoch 5, thales active, a store for registrations, a table of versions."""
    with release_world(own_folders, monkeypatch) as world:
        world.changed("activate", "thales", "--at", "5")
        (own_folders / "compatibility.toml").write_text('pythagoras = ">=2.0.0"\n')
        configuration = own_folders / "eraswitch.toml"
        configuration.write_text(
            configuration.read_text()
            + '[store]\nurl = "store.sqlite3"\n[adoption]\ncompatibility_file = "compatibility.toml"\n'
        )
        yield world


def register(epoch: int, ready: int) -> None:
    """Of 100 stake, ``ready`` registers with a version that knows the era."""
    rows = [
        Registration("ready", Epoch(epoch), "2.0.0", ready, 0.0, "t"),
        Registration("other", Epoch(epoch), "1.0.0", 100 - ready, 0.0, "t"),
    ]
    with open_store("store.sqlite3", network=NETWORK) as store:
        store.registrations.ingest(rows, source="t", time_s=0.0)


def planned(*arguments: str) -> Result:
    return invoke("rollout", "plan", "pythagoras", "--threshold", "95%", *arguments)


def step(world: World, *arguments: str) -> Result:
    return invoke("rollout", "next", PLAN, *world.keys, *world.options, *arguments)


def document(result: Result, code: int = 0) -> dict[str, Any]:
    assert result.exit_code == code, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_a_rollout_by_its_plan(world: World) -> None:
    assert planned("--announce-at", "6", "--at", "10", "--tell", "Ops <ops@example.org>").exit_code == 0
    waiting = document(step(world, "--yes", "--json"), 6)
    assert waiting["status"] == "waiting"
    world.chain.advance_to_epoch(6)
    assert document(step(world, "--dry-run", "--json"))["status"] == "planned"
    assert len(world.transactions()) == 1
    announced = step(world, "--yes", "--json")
    assert document(announced)["nodes_see"]["upcoming_era"] == "pythagoras"
    assert announced.stderr.splitlines()[-1] == "Inform: Ops <ops@example.org>"
    register(6, 94)
    blocked = document(step(world, "--yes", "--json"), 6)
    assert blocked["status"] == "blocked"
    assert blocked["standing"]["gate"]["whom"][0]["party_id"] == "other"
    world.chain.advance_to_epoch(7)
    register(7, 96)
    done = document(step(world, "--yes", "--json"))
    assert (done["status"], done["plan"]["epoch"], done["nodes_see"]["epochs_to_upcoming"]) == ("published", 10, 3)
    assert document(step(world, "--yes", "--json"))["status"] == "done"
    world.chain.advance_to_epoch(10)
    assert "Next: Nothing is left to do: pythagoras has begun, in epoch 10" in invoke("rollout", "status", PLAN).stdout
    assert len(world.transactions()) == 3


def test_status_in_words(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    planned("--announce-at", "5", "--at", "10", "--tell", "Ops")
    register(5, 94)
    result = invoke("rollout", "status", PLAN)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[:6] == [
        "Rollout of pythagoras, in epoch 5",
        "  on the chain  no marker",
        "  announce      in epoch 5 or later",
        "  activate      at epoch 10",
        "  decide by     epoch 8",
        "  gate          The gate of pythagoras is not met: it asks for 95 % of the registered stake",
    ]
    assert result.stdout.splitlines()[-2:] == ["Next: Announce pythagoras", "Inform: Ops"]
    monkeypatch.setattr("era_service.cli.shared.output.terminal_width", lambda **_: 80)
    narrow = invoke("rollout", "status", PLAN).stdout
    assert max(map(len, narrow.splitlines())) <= 80
    assert "\n                registered stake\n" in narrow
    found = document(invoke("rollout", "status", PLAN, "--json"))
    assert (found["epoch"], found["decide_by"], found["step"]["state"]) == (5, 8, "due")


def test_old_registrations_open_no_gate(world: World) -> None:
    planned("--announce-at", "5", "--at", "12")
    assert step(world, "--yes").exit_code == 0
    register(5, 100)
    world.chain.advance_to_epoch(8)
    blocked = document(step(world, "--yes", "--json"), 6)
    assert blocked["standing"]["step"]["lacks"] == ["the newest registrations are of epoch 5, older than epoch 7"]


def test_registrations_of_later_epochs_open_no_gate(world: World) -> None:
    planned("--announce-at", "5", "--at", "12", "--quorum-probability", "0.5", *LOTTERY)
    assert step(world, "--yes").exit_code == 0
    register(5, 40)
    register(9, 100)
    blocked = document(step(world, "--yes", "--json"), 6)
    assert blocked["standing"]["gate"]["epoch"] == 5
    assert blocked["standing"]["forecast"]["now"]["epoch"] == 5
    assert "whole network's" not in invoke("rollout", "status", PLAN).stdout


def test_status_says_what_is_odd_about_the_registrations(world: World) -> None:
    planned("--announce-at", "5", "--at", "12")
    with open_store("store.sqlite3", network=NETWORK) as store:
        row = Registration("whale", Epoch(4), "1.0.0", 900, 0.0, "t")
        store.registrations.ingest([row], source="t", time_s=0.0)
    register(5, 100)
    assert "              ! The registered stake went from" in invoke("rollout", "status", PLAN).stdout


def test_no_registrations_open_no_gate(world: World) -> None:
    planned("--announce-at", "5", "--at", "12")
    assert step(world, "--yes").exit_code == 0
    blocked = document(step(world, "--yes", "--json"), 6)
    assert "there are no registrations at all" in blocked["standing"]["step"]["lacks"][0]


def test_the_chance_of_a_quorum_as_a_gate(world: World) -> None:
    gate = ("--quorum-probability", "0.999", "--k", "1944", "--m", "16948", "--phi-f", "0.2")
    assert invoke("rollout", "plan", "pythagoras", "--threshold", "50%", *gate, "--at", "12").exit_code == 0
    assert step(world, "--yes").exit_code == 0
    register(5, 57)
    blocked = document(step(world, "--yes", "--json"), 6)
    assert "the chance of a quorum in epoch 12 is 0.9725" in blocked["standing"]["step"]["lacks"][0]
    shown = invoke("rollout", "status", PLAN).stdout
    assert "quorum        97.25 %" in shown
    assert "! No trend can be derived from 1 epoch" in shown
    world.chain.advance_to_epoch(6)
    register(6, 60)
    assert document(step(world, "--yes", "--json"))["status"] == "published"


def test_an_interrupted_step_is_gone_on_with(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The announcement is in a block, and the run is killed before it was told so."""
    planned("--announce-at", "5", "--at", "12")
    with monkeypatch.context() as killed:
        killed.setattr(Journal, "finish", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        assert step(world, "--yes").exit_code == 130
    assert len(world.transactions()) == 2
    register(5, 100)
    again = step(world, "--yes", "--json")
    assert document(again)["status"] == "published"
    assert "An earlier run was interrupted: announce pythagoras" in again.stderr
    assert len(world.transactions()) == 2
    assert document(step(world, "--yes", "--json"))["plan"]["change"] == "activate"


def test_too_late_and_off_the_plan(world: World) -> None:
    planned("--announce-at", "5", "--at", "8")
    world.chain.advance_to_epoch(7)
    late = document(step(world, "--yes", "--json"), 1)
    assert late["status"] == "late"
    world.changed("activate", "pythagoras", "--at", "9")
    deviated = step(world, "--yes")
    assert deviated.exit_code == 1
    assert "The chain has pythagoras at epoch 9, the plan has 8" in deviated.stdout


def test_a_mistake_in_the_plan_changes_nothing(world: World) -> None:
    planned("--announce-at", "5", "--at", "12")
    path = Path(PLAN)
    path.write_text(path.read_text().replace("for_epochs", "for_epoch"))
    for command in ("status", "next", "announcement"):
        result = invoke("rollout", command, PLAN)
        assert result.exit_code == 2
        assert "Did you mean 'activate.gate.for_epochs'?" in result.stderr
        assert "Traceback" not in result.output
    assert len(world.transactions()) == 1


def test_a_plan_of_another_network_is_refused(world: World) -> None:
    planned("--announce-at", "5", "--at", "12")
    path = Path(PLAN)
    path.write_text(path.read_text().replace("network_magic = 42", "network_magic = 1"))
    for command in ("status", "next"):
        result = invoke("rollout", command, PLAN, "--json")
        assert json.loads(result.stdout)["error"]["code"] == "WrongPlan"
        assert result.exit_code == 2


# --- network after network


def waiting_for_preprod(magic: int = 1) -> None:
    path = Path(PLAN)
    entry = f'[[before]]\nnetwork = "preprod"\nnetwork_magic = {magic}\nverified = "preprod.json"\n\n[announce]'
    path.write_text(path.read_text().replace("[announce]", entry, 1))


def verified_on_preprod(**changes: Any) -> None:
    """The document that ``rollout verify --json`` writes, with what is given in place of its own."""
    shown = document(invoke("rollout", "verify", PLAN, "--json"), 6)
    Path("preprod.json").write_text(json.dumps(shown | {"network_magic": 1, "before": []} | changes))


def test_a_network_waits_for_the_one_before_it(world: World) -> None:
    planned("--announce-at", "5", "--at", "12")
    waiting_for_preprod()
    assert "waits for preprod: not verified yet" in invoke("rollout", "status", PLAN).stdout
    verified_on_preprod()
    for command in ("status", "next"):
        result = invoke("rollout", command, PLAN)
        assert result.exit_code == 6, result.output
        assert "  waits for preprod: not recovered yet in epoch 5. pythagoras is not active" in result.stdout
    blocked = document(step(world, "--yes", "--json"), 6)
    assert (blocked["status"], len(blocked["standing"]["waits"])) == ("blocked", 1)
    assert len(world.transactions()) == 1
    verified_on_preprod(recovered=True, wanted=0.01)
    lax = invoke("rollout", "status", PLAN)
    assert lax.exit_code == 6
    assert "made with --share 1 %, and this plan wants 90 %" in " ".join(lax.stdout.split())
    verified_on_preprod(recovered=True)
    assert invoke("rollout", "status", PLAN).exit_code == 0
    assert step(world, "--yes").exit_code == 0
    Path("preprod.json").unlink()
    register(5, 100)
    assert step(world, "--yes").exit_code == 6
    verified_on_preprod(recovered=True)
    assert step(world, "--yes").exit_code == 0
    Path("preprod.json").unlink()
    assert invoke("rollout", "status", PLAN).exit_code == 0, "nothing is left to do"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"era": "thales"}, "expected the era pythagoras"),
        ({"network_magic": 2}, "expected network magic 1, as the plan has for preprod, got 2"),
        ({"before": [42]}, "each would wait for the other"),
        ({"recovered": "yes"}, "got recovered: Input should be a valid boolean"),
        ({"words": None}, "got words: Input should be a valid string"),
    ],
)
def test_what_is_not_the_recovery_of_the_network_before(world: World, changes: dict[str, Any], words: str) -> None:
    planned("--announce-at", "5", "--at", "12")
    waiting_for_preprod()
    verified_on_preprod(**changes)
    for command in ("status", "next", "announcement"):
        result = invoke("rollout", command, PLAN)
        assert result.exit_code == 2
        assert words in " ".join(result.stderr.split())
        assert "rollout verify PLAN --json" in " ".join(result.stderr.split())


def test_files_that_are_no_recovery(world: World) -> None:
    planned("--announce-at", "5", "--at", "12")
    waiting_for_preprod()
    for content in (b"", b"[" * 9999, b"\xff\xfe", b"[]"):
        Path("preprod.json").write_bytes(content)
        result = invoke("rollout", "status", PLAN, "--json")
        assert result.exit_code == 2, result.output
        assert json.loads(result.stdout)["error"]["next_step"]


def test_a_plan_that_waits_for_itself_is_refused(world: World) -> None:
    planned("--announce-at", "5", "--at", "12")
    waiting_for_preprod(42)
    result = invoke("rollout", "status", PLAN)
    assert result.exit_code == 2
    assert "network magic 42 is there twice" in " ".join(result.stderr.split())


# --- making plans


def test_a_plan_without_epochs_begins_now(world: World) -> None:
    made = document(planned("--json"))
    assert made["file"] == PLAN
    found = PlannedRollout.from_text(Path(PLAN).read_text())
    assert (found.announce.epoch, found.activate.at, found.network_magic) == (5, 15, 42)
    assert found.quorum is None


def test_a_plan_is_not_overwritten_unasked(world: World) -> None:
    assert planned("--announce-at", "5").exit_code == 0
    before = Path(PLAN).read_bytes()
    again = planned("--announce-at", "6")
    assert (again.exit_code, Path(PLAN).read_bytes()) == (1, before)
    assert "replace it with --yes" in again.stderr
    assert planned("--announce-at", "6", "--yes").exit_code == 0
    assert Path(PLAN).read_bytes() != before


def test_a_plan_to_standard_output(world: World) -> None:
    printed = planned("--announce-at", "5", "--out", "-", "--quorum-probability", "0.99", "--model", "cosmos").stdout
    found = PlannedRollout.from_text(printed)
    assert found.quorum is not None
    assert (found.quorum.model, found.quorum.k, found.quorum.source) == ("cosmos", None, "given on the command line")
    assert not Path(PLAN).exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("pythagorsa", "--threshold", "95%"), "Did you mean 'pythagoras'?"),
        (("pythagoras",), "Give --threshold, or set adoption.gate_threshold"),
        (("pythagoras", "--threshold", "0"), "activate.gate.threshold: expected more than 0%"),
        (("pythagoras", "--threshold", "95%", "--at", "7"), "expected activate.at at epoch 8 or later"),
        (("pythagoras", "--threshold", "95%", "--k", "5"), "belong to --quorum-probability"),
        (("pythagoras", "--threshold", "95%", "--quorum-probability", "0.9"), "The quorum is not configured"),
        (("pythagoras", "--threshold", "95%", "--tell", "<x>"), "people.0.name"),
        (("a/b", "--threshold", "95%", "--force-name"), "give --out FILE"),
    ],
)
def test_what_cannot_be_planned(world: World, arguments: tuple[str, ...], words: str) -> None:
    result = invoke("rollout", "plan", "--announce-at", "5", *arguments)
    assert result.exit_code == 2, result.output
    assert words in result.stderr
    assert not list(Path().glob("rollout-*"))


# --- the text to send out


def test_the_announcement(world: World) -> None:
    planned("--announce-at", "5", "--at", "12", "--tell", "Ops")
    register(5, 94)
    text = invoke("rollout", "announcement", PLAN).stdout
    assert text.startswith("pythagoras is announced on rehearsal\n")
    assert "run version 2.0.0 or newer" in text
    assert "Ready in epoch 5: 94.0 % of the registered stake. Required: 95 %." in text
    Path("template.txt").write_text("$era at $activate_at, ask $people\n")
    assert invoke("rollout", "announcement", PLAN, "--template", "template.txt").stdout == "pythagoras at 12, ask Ops\n"
    Path("template.txt").write_text("$ear")
    wrong = invoke("rollout", "announcement", PLAN, "--template", "template.txt")
    assert (wrong.exit_code, wrong.stdout) == (2, "")
    assert "Did you mean $era?" in wrong.stderr
    world.changed("activate", "pythagoras", "--at", "12")
    begins = invoke("rollout", "announcement", PLAN, env={"ERASWITCH_QUORUM__LAG_EPOCHS": "3"}).stdout
    assert begins.startswith("pythagoras begins on rehearsal at epoch 12\n")
    assert "signs again 3 epochs after" in begins


def test_after_the_switch(world: World) -> None:
    planned("--announce-at", "5", "--at", "9", "--tell", "Ops", "--threshold", "90%")
    closing = ("rollout", "announcement", PLAN, "--phase", "completed", "--certificates", "certificates.csv")
    Path("certificates.csv").write_text("epoch,certificates\n6,10\n7,10\n8,10\n9,2\n10,9\n11,1\n")
    assert step(world, "--yes").exit_code == 0
    unplanned = document(invoke("rollout", "verify", PLAN, "--json"), 6)
    assert unplanned["words"] == "pythagoras is not active on the chain: its marker has no epoch"
    shown = invoke("rollout", "verify", PLAN).stdout
    assert "certificates" not in shown, "no heading over a table without rows"
    for epoch in (5, 6, 7, 8):
        register(epoch, 95)
    world.chain.advance_to_epoch(7)
    assert step(world, "--yes").exit_code == 0
    early = invoke("rollout", "verify", PLAN)
    assert (early.exit_code, early.stdout.splitlines()[0]) == (
        6,
        "The era has not begun: it begins at epoch 9, and the current epoch is 7.",
    )
    world.chain.advance_to_epoch(10)
    refused = invoke(*closing)
    assert (refused.exit_code, refused.stdout) == (6, "")
    assert "epoch 9 has 20.0 % of the certificates" in refused.stderr
    world.chain.advance_to_epoch(11)
    with open_store("store.sqlite3", network=NETWORK) as store:
        back = [Registration("ready", Epoch(epoch), "2.0.0", 95, 0.0, "t") for epoch in (9, 10)]
        store.registrations.ingest(back, source="t", time_s=0.0)
    found = document(invoke("rollout", "verify", PLAN, "--certificates", "certificates.csv", "--json"))
    assert (found["certificates"], found["stake"], found["judged"]) == (0.9, 0.95, 10)
    assert found["missing"] == [{"party_id": "other", "stake": 5}]
    shown = invoke("rollout", "verify", PLAN, "--certificates", "certificates.csv")
    assert shown.exit_code == 0, shown.output
    assert "Stopped and not back (1 party):\n  other  0.000005 ADA" in shown.stdout
    by_registrations = invoke("rollout", "verify", PLAN, "--share", "96%")
    assert by_registrations.exit_code == 6, by_registrations.output
    text = invoke(*closing)
    assert text.exit_code == 0, text.output
    assert "in epoch 10, 90.0 % of the certificates" in " ".join(text.stdout.split())
    assert "Stopped and not back: 1 party with 0.000005 ADA." in text.stdout
    Path("own.txt").write_text("$nobody")
    assert "Correct the template" in invoke(*closing, "--template", "own.txt").output
    both = invoke("rollout", "verify", PLAN, "--certificates", "c", "--aggregator", "http://127.0.0.1:1")
    assert both.exit_code == 2


LOTTERY_NOW = {"k": 1944, "m": 16948, "phi_f": 0.2}


def _joined(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return " ".join(result.stdout.split())


def configure(world: World, *configurations: tuple[int, int]) -> None:
    """Publish parameters of the lottery, ``(epoch, k)`` each."""
    listed = [
        {"epoch": epoch, "protocol_parameters": LOTTERY_NOW | {"k": k}, "enabled_signed_entity_types": []}
        for epoch, k in configurations
    ]
    Path("wanted.json").write_text(json.dumps(listed))
    keys = ("--protocol-configuration-markers-secret-key-file", "keys/era.sk", "--payment-key-file", "payment.skey")
    done = invoke("marker", "configuration", "publish", "wanted.json", *keys, *world.options, "--yes")
    assert done.exit_code == 0, done.output


def test_a_change_of_parameters_beside_the_era(world: World) -> None:
    file = Path("eraswitch.toml")
    file.write_text(file.read_text() + "[protocol_configuration]\nenabled = true\n")
    configure(world, (0, 1944))
    register(5, 96)
    change = ("--configuration", "9:2600,16948,0.2")
    made = planned("--announce-at", "5", "--at", "10", "--quorum-probability", "0.99", *change)
    assert made.exit_code == 0, made.output
    assert (
        "with the protocol configuration of epoch 9 in the chain, as it is trusted, with the changes of" in made.stdout
    )
    effect = "with k 2600 instead of 1944 at epoch 9 the chance of a quorum with today's ready stake (96.0 %) is"
    assert effect in made.stdout
    assert "[quorum]" not in Path(PLAN).read_text()
    shown = invoke("rollout", "status", PLAN).stdout
    assert "to be changed: k 1944 → 2600" in shown
    assert effect in shown
    assert "Also: Publish the protocol configuration of epoch 9 by epoch 7, before nodes register for it" in shown
    forecast = document(invoke("rollout", "status", PLAN, "--json"))["forecast"]["quorum"]
    assert (forecast["k"], forecast["source"].partition(",")[0]) == (
        2600,
        "the protocol configuration of epoch 9 in the chain",
    )
    asked = ("adoption", "forecast", "pythagoras", "--at", "10")
    assert "k=1944, m=16948, phi_f=0.2, the protocol configuration of epoch 9 in the chain" in _joined(invoke(*asked))
    next_one = [{"epoch": 9, "protocol_parameters": LOTTERY_NOW | {"k": 2600}, "enabled_signed_entity_types": []}]
    Path("next.json").write_text(json.dumps(next_one))
    assert f"As planned: {effect}" in _joined(invoke(*asked, "--with-configuration", "next.json"))
    step(world, "--yes")
    world.chain.advance_to_epoch(6)
    register(6, 96)
    step(world, "--yes")
    due = document(step(world, "--yes", "--json"), 6)
    assert (due["status"], due["standing"]["configurations"][0]["state"]) == ("done", "due")
    configure(world, (0, 1944), (9, 2600))
    done = document(step(world, "--yes", "--json"))
    assert done["standing"]["configurations"][0]["state"] == "done"
    assert "on the chain as planned" in invoke("rollout", "status", PLAN).stdout
    world.chain.advance_to_epoch(9)
    text = Path(PLAN).read_text()
    Path(PLAN).write_text(text.replace("k = 2600", "k = 2500"))
    late = step(world, "--yes")
    assert late.exit_code == 1
    assert "It is too late to publish the protocol configuration of epoch 9" in late.stdout


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("9", "expected EPOCH:FILE or EPOCH:K,M,PHI, got '9'"),
        ("9:20000,16948,0.2", "configuration.0: expected k of at most m, which is 16948, got 20000"),
        ("9:wanted.json", "expected a configuration from epoch 9 in wanted.json, got ones from epoch 0"),
        ("9:nowhere.json", "nowhere.json"),
    ],
)
def test_a_change_of_parameters_with_a_mistake(world: World, change: str, words: str) -> None:
    one = {"epoch": 0, "protocol_parameters": LOTTERY_NOW, "enabled_signed_entity_types": []}
    Path("wanted.json").write_text(json.dumps([one]))
    refused = planned("--announce-at", "5", "--at", "10", "--configuration", change)
    assert refused.exit_code in (1, 2)
    assert words in refused.stderr
    assert not Path(PLAN).exists()
