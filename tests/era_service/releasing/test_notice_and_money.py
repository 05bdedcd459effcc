"""Nothing is published too late, by an old epoch, or at a price that a provider makes up."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chain_reader import LocalObserver
from chain_reader.local_chain import FaucetOutput
from release_tools import LocalChainGateway
from tests.era_service.cli.marker.interruptions import interrupt_after
from tests.era_service.conftest import invoke
from tests.era_service.release_world import ADA, World, datum, payload, release_world


@pytest.fixture
def world(own_folders: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with release_world(own_folders, monkeypatch) as world:
        world.changed("activate", "thales", "--at", "5")
        yield world


@pytest.mark.parametrize(
    ("change", "at", "void"),
    [
        (("activate", "pythagoras", "--at", "8"), 6, 70),
        (("activate", "pythagoras", "--at", "8", "--lead-epochs", "1"), 7, 80),
        (("announce", "pythagoras"), None, 7_250),
        (("activate", "pythagoras", "--at", "8", "--validity-slots", "3"), 6, 53),
    ],
)
def test_a_transaction_is_void_once_it_would_give_too_little_notice(
    world: World, change: tuple[str, ...], at: int | None, void: int
) -> None:
    done = world.changed(*change)
    assert (done["plan"]["publish_by_epoch"], done["drafted"]["invalid_hereafter"]) == (at, void)


@pytest.mark.parametrize("change", [("postpone", "pythagoras", "--at", "20"), ("cancel", "pythagoras")])
def test_what_takes_an_activation_back_has_to_come_before_it_too(world: World, change: tuple[str, ...]) -> None:
    world.changed("activate", "pythagoras", "--at", "9")
    assert world.changed(*change)["drafted"]["invalid_hereafter"] == 80


def test_the_first_marker_and_the_last_retirement_are_free_of_it(world: World) -> None:
    world.changed("activate", "pythagoras", "--at", "7")
    world.chain.advance_to_epoch(8)
    assert world.changed("retire", "thales")["plan"]["publish_by_epoch"] is None


def test_an_interrupted_activation_is_not_gone_on_with_too_late(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was signed and never submitted; epochs later the same command must not switch the network at once."""
    with monkeypatch.context() as interrupted:
        interrupt_after(interrupted, "JOURNALED")
        assert world.change("activate", "pythagoras", "--at", "7").exit_code == 130
    world.chain.advance_to_epoch(7)
    result = world.change("activate", "pythagoras", "--at", "7", "--json")
    error = json.loads(result.stdout)["error"]
    assert (error["code"], error["facts"]["rules"]) == ("RolloutRefused", ["lead"])
    assert len(world.transactions()) == 1
    assert world.changed("activate", "pythagoras", "--at", "9")["status"] == "published"


def test_a_provider_that_makes_up_a_fee_costs_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    tell = LocalChainGateway.protocol_parameters
    monkeypatch.setattr(
        LocalChainGateway, "protocol_parameters", lambda self: replace(tell(self), min_fee_constant=60 * ADA)
    )
    result = world.change("announce", "pythagoras", "--json")
    error = json.loads(result.stdout)["error"]
    assert error["code"] == "FeeTooHigh"
    assert "expected a fee of at most 2000000 lovelace, got 60" in error["message"]
    assert len(world.transactions()) == 1
    assert invoke("marker", "announce", "pythagoras", "--dry-run").exit_code == 0, "the plan alone costs nothing"
    paid = world.changed("announce", "pythagoras", "--max-fee", "70000000")
    assert paid["drafted"]["fee"] > 60 * ADA


def test_nothing_is_published_by_what_a_provider_says_that_is_behind(world: World) -> None:
    """Its epoch is old, and so an activation that it calls far enough ahead may begin at once."""
    world.configure("system_start_s = 1700000000\nslot_length_s = 1.0\nepoch_length = 10")
    result = world.change("activate", "pythagoras", "--at", "8", "--json")
    error = json.loads(result.stdout)["error"]
    assert error["code"] == "UntimelyProvider"
    assert "behind the clock" in error["message"]
    assert len(world.transactions()) == 1
    assert "What nodes trust could not be confirmed" in invoke("marker", "announce", "pythagoras", "--dry-run").stderr


def test_an_earlier_run_that_was_overtaken_is_told_of(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else published meanwhile, perhaps to take the very same change back: who runs it again should know."""
    with monkeypatch.context() as interrupted:
        interrupt_after(interrupted, "JOURNALED")
        assert world.change("announce", "pythagoras").exit_code == 130
    assert world.changed("announce", "lagrange", "--journal", "of-another-machine")["status"] == "published"
    planned = invoke("marker", "announce", "pythagoras", *world.keys, "--dry-run")
    assert "An earlier run (announce pythagoras, transaction " in planned.stderr
    assert "was overtaken" in planned.stderr


def test_an_epoch_that_looks_like_a_slip_is_told_of(world: World) -> None:
    planned = invoke("marker", "activate", "pythagoras", "--at", "1000", "--dry-run")
    assert "Epoch 1000 is 995 epochs from now: nodes raise an alarm beyond 146" in planned.stderr


def test_yes_does_not_confirm_what_looks_like_a_slip(world: World) -> None:
    """Its own flag does, the same wherever markers are signed or a transaction is built."""
    far = ("activate", "pythagoras", "--at", "1000")
    alike = ("announce", "pythagors", "--force-name")
    Path("far.json").write_bytes(payload(("thales", 5), ("pythagoras", 1000)))
    before = world.transactions()
    for arguments in (
        ("marker", *far, *world.keys, "--yes"),
        ("marker", *alike, *world.keys, "--yes"),
        ("marker", *far, *world.keys, "--payload-out", "payload.json"),
        ("tx", "build", "far.json", "--out", "tx.unsigned"),
    ):
        refused = invoke(*arguments)
        assert (refused.exit_code, "--not-a-slip" in refused.stderr) == (1, True), refused.output
        assert "it looks like a slip" in refused.stderr
    assert world.transactions() == before
    assert not Path("payload.json").exists()
    assert invoke("tx", "build", "far.json", "--out", "tx.unsigned", "--not-a-slip").exit_code == 0
    assert world.change(*alike, "--not-a-slip").exit_code == 0


def test_copies_that_are_loaded_with_tokens_do_not_escape_a_sweep(world: World) -> None:
    """The tokens of all of them together are more than the ledger takes in an output: some have to wait."""
    tokens = [tuple((f"{n:056x}{i:064x}", 1) for i in range(60)) for n in range(4)]
    copies = [FaucetOutput(world.address, 20 * ADA, assets, datum=datum(("thales", 4))) for assets in (*tokens, ())]
    world.chain.place(copies)
    left = []
    for change in (("announce", "pythagoras"), ("announce", "lagrange"), ("cancel", "lagrange")):
        done = world.changed(*change, "--sweep")
        assert done["status"] == "published"
        left.append(world.show()["verdicts"].get("Impostor", 0))
    assert left == [2, 0, 0]


def test_what_a_sweep_leaves_is_told(world: World) -> None:
    tokens = [tuple((f"{n:056x}{i:064x}", 1) for i in range(60)) for n in range(3)]
    world.chain.place([FaucetOutput(world.address, 20 * ADA, assets, datum=datum(("thales", 4))) for assets in tokens])
    warned = world.changed("announce", "pythagoras", "--sweep")["warnings"]
    assert "the next change that sweeps spends more of them" in warned[0]


def test_tokens_that_come_along_do_not_lock_the_ada(world: World) -> None:
    """Somebody loads a copy with a token; after the sweep all the ada but a little can be spent as before."""
    world.chain.place([FaucetOutput(world.address, 3 * ADA, (("ab" * 28 + "6f", 7),), datum=datum(("thales", 4)))])
    plain = next(made for made in world.chain.utxos(world.address) if made.datum is None)
    named = f"{plain.transaction}#{plain.index}"
    swept = world.changed("announce", "pythagoras", "--sweep", "--spend", named)
    change = [made for made in world.chain.utxos(world.address) if made.datum is None]
    assert [bool(made.assets) for made in change] == [False, True]
    assert change[1].lovelace < 2 * ADA < 90 * ADA < change[0].lovelace
    assert sum(made.lovelace for made in change) == swept["drafted"]["change_lovelace"]
    assert world.changed("announce", "lagrange")["status"] == "published"


def test_a_network_whose_first_era_had_other_slots_has_no_made_up_deadline(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its provider tells the genesis as if it had not, and then an epoch seems to end far later than it does."""
    genesis = LocalObserver.genesis
    monkeypatch.setattr(LocalObserver, "genesis", lambda self: replace(genesis(self), epoch_length=1_000))
    done = world.changed("activate", "pythagoras", "--at", "8")
    assert done["drafted"]["invalid_hereafter"] == 7_250
    assert "the end of an epoch is not known" in caplog.text


def test_copies_keep_nobody_from_publishing(world: World) -> None:
    """Each is not deep enough at first; else one every few blocks would keep the team from taking anything back."""
    world.configure("[trust]\nconfirmations = 2")
    for _ in range(2):
        world.chain.advance_slots(1)
    world.post(datum(("thales", 5)), datum(("thales", 4)))
    assert world.show()["verdicts"] == {"Accepted": 1, "Unconfirmed": 2}
    for change in ("announce", "cancel"):
        waits = world.change(change, "pythagoras", "--timeout", "0.2")
        assert "a node does not trust it (Unconfirmed" in waits.stderr
        for _ in range(2):
            world.chain.advance_slots(1)
        assert world.changed(change, "pythagoras")["status"] == "published"
        world.post(datum(("thales", 5)))
