"""marker announce, activate, postpone, cancel: what is shown, asked and refused."""

import json
from pathlib import Path

import pytest

from era_service.cli.shared.publication_view import progress
from release_tools.publishing.submission import Progress, Step
from tests.era_service.conftest import invoke
from tests.era_service.release_world import ADA, World


def test_a_rollout_by_commands(any_world: World) -> None:
    world = any_world
    assert world.show()["current_era"] is None
    for arguments, current, upcoming, left in (
        (("activate", "thales", "--at", "5"), "thales", None, None),
        (("announce", "pythagoras"), "thales", "pythagoras", None),
        (("activate", "pythagoras", "--at", "8"), "thales", "pythagoras", 3),
        (("postpone", "pythagoras", "--at", "9"), "thales", "pythagoras", 4),
        (("cancel", "pythagoras"), "thales", None, None),
        (("activate", "pythagoras", "--at", "7"), "thales", "pythagoras", 2),
    ):
        done = world.changed(*arguments)
        assert done["status"] == "published", arguments
        assert done["transaction"] == world.transactions()[-1]
        seen = done["nodes_see"]
        assert (seen["current_era"], seen["upcoming_era"], seen["epochs_to_upcoming"]) == (current, upcoming, left)
        shown = world.show()
        assert shown["markers"] == seen["markers"]
        assert shown["trusted"]["transaction"] == done["transaction"]
        assert shown["legacy"]["differs"] is False
        again = world.changed(*arguments)
        assert (again["status"], again["transaction"]) == ("done", done["transaction"])
    world.chain.advance_to_epoch(7)
    assert world.changed("retire", "thales")["nodes_see"]["current_era"] == "pythagoras"
    assert len(world.transactions()) == 7
    assert len([made for made in world.chain.utxos(world.address) if made.datum]) == 1


def test_in_words(world: World) -> None:
    world.change("activate", "thales", "--at", "5")
    result = world.change("activate", "pythagoras", "--at", "8")
    lines = result.stdout.splitlines()
    assert lines[:5] == [
        "Plan: activate pythagoras at epoch 8, 3 epochs from now (current epoch: 5)",
        "  network     rehearsal, magic 42",
        f"  at          {world.address}",
        "    thales      from epoch 5, as before",
        "  + pythagoras  new: from epoch 8",
    ]
    assert lines[5].startswith("Transaction ")
    assert any(line.startswith("  fee         0.1") for line in lines)
    assert lines[-2] == f"Done: transaction {world.transactions()[-1]}"
    assert lines[-1] == "Nodes see thales as the current era in epoch 5, and pythagoras coming in 3 epochs"
    told = result.stderr.splitlines()
    assert told[0].startswith("Warning: pythagoras was never announced")
    assert [line.strip().split(" ")[0] for line in told[1:]] == [
        "Signed", "Written", "Submitted", "In", "Confirmed", "Read", "Finished"
    ]  # fmt: skip


def test_no_more_blocks_are_told_of_than_are_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(quiet=False) as watch:
        watch(Progress(Step.SEEN, "ab", 19, 3))
    assert capsys.readouterr().err == "  In a block, 3 of 3 blocks on top of it\n"


def test_dry_run_does_nothing_at_all(world: World) -> None:
    result = invoke("marker", "activate", "thales", "--at", "5", "--dry-run", "--json")
    assert result.exit_code == 0
    planned = json.loads(result.stdout)
    assert (planned["status"], planned["drafted"], planned["transaction"]) == ("planned", None, None)
    assert planned["nodes_see"]["current_era"] == "thales"
    with_keys = invoke("marker", "activate", "thales", "--at", "5", "--dry-run", "--json", *world.keys)
    drafted = json.loads(with_keys.stdout)["drafted"]
    assert drafted["marker_lovelace"] + drafted["fee"] + drafted["change_lovelace"] == 100 * ADA
    assert world.transactions() == []
    assert not (Path.home() / ".local").exists()
    words = invoke("marker", "activate", "thales", "--at", "5", "--dry-run")
    assert "Nothing was done: this was a dry run; without an era key no transaction was built" in words.stdout


def test_it_asks_and_no_means_no(world: World) -> None:
    for answer, code in (("n\n", 1), ("", 1), ("y\n", 0)):
        result = invoke("marker", "activate", "thales", "--at", "5", *world.keys, *world.options, input=answer)
        assert "Sign this and submit it? [y/N]:" in result.stderr
        assert result.exit_code == code
        assert len(world.transactions()) == (code == 0)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("activate", "pythagoras", "--at", "6"), "RolloutRefused"),
        (("activate", "pythagoras", "--at", "5"), "RolloutRefused"),
        (("activate", "cauchy", "--at", "9"), "RolloutRefused"),
        (("announce", "thales"), "RolloutRefused"),
        (("cancel", "thales"), "RolloutRefused"),
        (("cancel", "pythagoras"), "RolloutRefused"),
        (("retire", "thales"), "RolloutRefused"),
        (("postpone", "pythagoras", "--at", "9"), "RolloutRefused"),
        (("activate", "pythagoras"), "Usage"),
        (("activate", "pythagoras", "--at", "x"), "Usage"),
        (("activate", "pythagoras", "--at", "9", "--lead-epochs", "0"), "Usage"),
        (("announce",), "Usage"),
    ],
)
def test_what_breaks_a_rule_is_refused_before_any_key_is_needed(
    world: World, arguments: tuple[str, ...], code: str
) -> None:
    world.change("activate", "thales", "--at", "5")
    result = invoke("marker", *arguments, "--yes", "--json")
    assert json.loads(result.stdout)["error"]["code"] == code
    assert result.exit_code == (2 if code == "Usage" else 1)
    assert len(world.transactions()) == 1


def test_rules_can_be_bent_only_by_name(world: World) -> None:
    world.change("activate", "thales", "--at", "5")
    assert world.change("activate", "pythagoras", "--at", "6").exit_code == 1
    assert world.change("announce", "cauchy").exit_code == 1
    assert world.changed("announce", "cauchy", "--force-name")["status"] == "published"
    assert world.changed("cancel", "cauchy")["status"] == "published"
    assert world.changed("activate", "pythagoras", "--at", "6", "--lead-epochs", "1")["status"] == "published"
