"""A change of markers that is interrupted, and goes on."""

import json
import os
import signal
import stat
from pathlib import Path

import pytest

from tests.era_service.cli.marker.interruptions import interrupt_after, run_killed
from tests.era_service.conftest import Shell, invoke
from tests.era_service.release_world import World


@pytest.mark.parametrize("step", ["SIGNED", "JOURNALED", "SUBMITTED", "SEEN", "CONFIRMED", "READ_BACK", "FINISHED"])
def test_killed_between_any_two_steps_the_same_command_finishes_it(world: World, shell: Shell, step: str) -> None:
    """The real command, killed by the system; run again it goes on or says that it is done, with one transaction."""
    command = ["marker", "activate", "thales", "--at", "5", *world.keys, *world.options, "--yes", "--json"]
    killed = run_killed(step, command, world, shell)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    unfinished = invoke(*command, "--dry-run")
    assert json.loads(unfinished.stdout)["status"] == {"SIGNED": "planned", "FINISHED": "done"}.get(step, "unfinished")
    before = len(world.transactions())
    done = json.loads(invoke(*command).stdout)
    assert done["status"] == ("done" if step == "FINISHED" else "published")
    assert world.transactions() == [done["transaction"]]
    assert before == (step not in ("SIGNED", "JOURNALED"))
    assert json.loads(invoke(*command).stdout)["status"] == "done"
    assert len(world.transactions()) == 1


def test_an_unfinished_change_goes_on_without_keys_and_without_asking(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as interrupted:
        interrupt_after(interrupted, "JOURNALED")
        cut = world.change("activate", "thales", "--at", "5")
    assert (cut.exit_code, "The same command continues it" in cut.stderr) == (130, True)
    other = world.change("announce", "pythagoras")
    assert other.exit_code == 1
    assert "Another change is on its way" in other.stderr
    result = invoke("marker", "activate", "thales", "--at", "5", *world.options)
    assert result.exit_code == 0, result.output
    assert "An earlier run was interrupted: activate thales at epoch 5" in result.stdout
    assert len(world.transactions()) == 1


def test_what_cuts_a_wait_short_leaves_the_transaction_and_how_to_go_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also once it is in a block: then nothing advises to wait until it is void."""
    with monkeypatch.context() as interrupted:
        interrupt_after(interrupted, "CONFIRMED")
        cut = world.change("activate", "thales", "--at", "5", "--json")
    assert cut.exit_code == 130
    (transaction,) = world.transactions()
    assert f"The transaction {transaction} is submitted. The same command continues it" in cut.stderr
    other = world.change("cancel", "thales")
    assert "Another change is in a block already" in other.stderr
    assert "Finish it first: eraswitch marker activate thales --at 5. Then run this again" in other.stderr
    assert "void" not in other.stderr


def test_time_over_is_an_error_that_the_next_run_heals(world: World) -> None:
    arguments = ("activate", "thales", "--at", "5", "--confirmations", "2", "--timeout", "0.3")
    result = world.change(*arguments, "--json")
    assert json.loads(result.stdout)["error"]["code"] == "PublicationUnfinished"
    assert result.exit_code == 1
    world.chain.advance_slots(1)
    world.chain.advance_slots(1)
    done = world.changed(*arguments)
    assert (done["status"], done["depth"]) == ("published", 2)
    assert len(world.transactions()) == 1


def test_two_at_once(world: World) -> None:
    """One of two processes publishes, the other says so; in the end there is one transaction."""
    from release_tools.publishing.journal import Journal

    root = Path.home() / ".local" / "state" / "eraswitch" / "publications"
    with Journal(root, 42, world.address).held():
        result = world.change("activate", "thales", "--at", "5", "--json")
    assert json.loads(result.stdout)["error"]["code"] == "JournalHeld"
    assert world.changed("activate", "thales", "--at", "5")["status"] == "published"


def test_the_journal_can_be_elsewhere_and_is_private(world: World) -> None:
    world.changed("activate", "thales", "--at", "5", "--journal", "journal")
    files = [path for path in Path("journal").rglob("*") if path.is_file()]
    assert len(files) == 2
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    Path("journal").rename("moved")
    assert world.changed("activate", "thales", "--at", "5", "--journal", "journal")["status"] == "done"
    os.mkfifo("pipe")
    broken = world.change("announce", "pythagoras", "--journal", "payment.skey")
    assert "cannot be opened" in broken.stderr
    assert len(world.transactions()) == 1
