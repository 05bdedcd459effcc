"""``eraswitch marker sweep``: what others put at the era address goes back, and the marker output in force stays."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from chain_reader.local_chain import FaucetOutput, LocalChain
from datum import SigningKey, encode_datum
from datum.configuration import DEFAULT_CONFIGURATIONS, ConfigurationMarkersPayload
from release_tools import LocalChainGateway, SpendableOutput
from tests.era_service.cli.marker.interruptions import interrupt_after, run_killed
from tests.era_service.conftest import Shell, invoke
from tests.era_service.release_world import ADA, ERA_KEY, STRANGER, World, datum, release_world

JUNK = "d8799f41aaff"


@pytest.fixture
def world(world: World) -> World:
    world.changed("activate", "thales", "--at", "5")
    return world


def sweep(world: World, *more: str, **options: Any) -> Result:
    """The command, agreed to, with the payment key alone."""
    keys = ("--payment-key-file", "payment.skey")
    return invoke("marker", "sweep", *keys, *world.options, "--yes", *more, **options)


def swept(world: World, *more: str) -> dict[str, Any]:
    """The document of a sweep that succeeds."""
    result = sweep(world, "--json", *more)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def refusal(result: Result) -> tuple[str, str]:
    """The code of an error, and its words."""
    error = json.loads(result.stdout)["error"]
    return error["code"], error["message"]


def with_datum(world: World) -> list[str]:
    """What readers have to look at."""
    return [f"{made.transaction}#{made.index}" for made in world.chain.utxos(world.address) if made.datum is not None]


def configurations(*, key: SigningKey = ERA_KEY) -> str:
    """The datum of a payload of the other kind, in hex."""
    return encode_datum(ConfigurationMarkersPayload.of(DEFAULT_CONFIGURATIONS).sign(key).to_bytes()).hex()


def test_a_sweep_leaves_markers_of_another_kind(world: World) -> None:
    world.post(configurations(), configurations(key=SigningKey(bytes(32))), JUNK)
    theirs = with_datum(world)[1:3]
    assert swept(world)["warnings"] == ["2 outputs with markers of another kind: left alone, unless --spend names them"]
    left = with_datum(world)
    assert (len(left), left[1:]) == (3, theirs)
    swept(world, "--spend", theirs[1])
    assert with_datum(world) == left[:2]


def test_a_change_that_sweeps_leaves_markers_of_another_kind(world: World) -> None:
    world.post(configurations(), datum(("thales", 4)))
    theirs = with_datum(world)[1]
    world.changed("activate", "pythagoras", "--at", "8", "--sweep")
    assert theirs in with_datum(world)
    assert len(with_datum(world)) == 2


def test_everything_but_the_marker_in_force_goes_back(any_world: World) -> None:
    world = any_world
    first = world.changed("activate", "thales", "--at", "5")
    before = sum(made.lovelace for made in world.chain.utxos(world.address))
    world.post(datum(("thales", 5)), datum(("thales", 4)), JUNK)
    done = swept(world, "--copies")
    assert (done["status"], done["plan"]["change"], done["plan"]["before"]) == ("published", "sweep", [
        {"name": "thales", "epoch": 5}
    ])  # fmt: skip
    assert done["plan"]["after"] == done["plan"]["before"]
    assert with_datum(world) == [f"{first['transaction']}#0"]
    after = sum(made.lovelace for made in world.chain.utxos(world.address))
    assert after == before + 6 * ADA - done["drafted"]["fee"], "what strangers have spent is the team's"
    shown = world.show()
    assert (shown["trusted"]["transaction"], shown["current_era"]) == (first["transaction"], "thales")
    assert (shown["verdicts"], shown["stale"]) == ({"Accepted": 1}, None)
    again = swept(world)
    assert (again["status"], again["drafted"]) == ("done", None)
    assert world.changed("announce", "pythagoras")["status"] == "published"


def test_in_words(world: World) -> None:
    world.post(datum(("thales", 4)))
    result = sweep(world)
    lines = result.stdout.splitlines()
    assert lines[0] == "Plan: sweep the era address (current epoch: 5)"
    assert "    thales  from epoch 5, as before" in lines
    assert any(line.startswith("  spends      ") and "2.0 ADA with a datum, " in line for line in lines)
    assert not any(line.startswith("  marker ") for line in lines)
    assert lines[-1] == "Nodes see thales as the current era in epoch 5, and none coming"
    assert sweep(world).stdout.splitlines()[-2].startswith("Nothing to do: the era address holds nothing to sweep")


def test_dry_run_and_no_do_nothing(world: World) -> None:
    world.post(datum(("thales", 4)))
    there = with_datum(world)
    planned = swept(world, "--dry-run")
    assert (planned["status"], planned["transaction"]) == ("planned", None)
    result = invoke("marker", "sweep", "--payment-key-file", "payment.skey", *world.options, input="n\n")
    assert "Sign this and submit it? [y/N]:" in result.stderr
    assert result.exit_code == 1
    assert with_datum(world) == there


def test_the_output_in_force_is_never_swept(world: World) -> None:
    in_force = f"{world.show()['trusted']['transaction']}#0"
    code, words = refusal(sweep(world, "--json", "--spend", in_force))
    assert (code, in_force in words) == ("MarkerInForce", True)
    assert with_datum(world) == [in_force]


def test_ada_and_tokens_stay_unless_named(world: World) -> None:
    token = (("ab" * 28 + "6f", 7),)
    (made,) = world.chain.place([FaucetOutput(world.address, 3 * ADA, token)])
    plain = [one for one in world.chain.utxos(world.address) if one.datum is None and not one.assets]
    assert swept(world)["status"] == "done"
    done = swept(world, "--spend", f"{made.transaction}#{made.index}", "--payment-address", STRANGER.address(0))
    assert done["status"] == "published"
    assert [one.assets for one in world.chain.utxos(STRANGER.address(0))] == [(), token]
    assert [one for one in world.chain.utxos(world.address) if one.datum is None] == plain


def test_what_is_swept_pays_and_the_purse_only_where_that_is_too_little(world: World) -> None:
    world.chain.place([FaucetOutput(world.address, 1_000_000, datum=JUNK)])
    world.chain.fund(STRANGER.address(0), 50 * ADA)
    STRANGER.save(Path("payer.skey"))
    payer = ("--payment-address", STRANGER.address(0), "--payment-key-file", "payer.skey")
    done = swept(world, *payer)
    assert len(done["drafted"]["spends"]) == 2, "1 ada less the fee is no output"
    world.post(JUNK)
    assert len(swept(world, *payer)["drafted"]["spends"]) == 1
    assert sum(one.lovelace for one in world.chain.utxos(STRANGER.address(0))) > 52 * ADA


def test_copies_of_the_markers_in_force_stay_unless_asked_for(world: World) -> None:
    """Where nodes see only what is unspent, one that is gone says that the team takes these markers back."""
    world.post(datum(("thales", 5)), datum(("thales", 4)))
    done = swept(world)
    assert done["warnings"][0].startswith("1 copy of the markers in force: left alone")
    assert (len(done["drafted"]["spends"]), len(with_datum(world))) == (1, 2)
    again = swept(world)
    assert (again["status"], again["warnings"][0][:6]) == ("done", "1 copy")
    assert swept(world, "--copies")["status"] == "published"
    assert len(with_datum(world)) == 1


def test_a_flood_is_swept_in_several_goes_and_copies_come_first(world: World) -> None:
    world.chain.place([FaucetOutput(world.address, 3 * ADA, datum=f"d8799f42{n:04x}ff") for n in range(120)])
    world.post(datum(("thales", 4)))
    left = []
    for _ in range(3):
        done = swept(world)
        left.append((len(with_datum(world)) - 1, "Impostor" in world.show()["verdicts"]))
    assert left == [(21, False), (0, False), (0, False)]
    assert done["status"] == "done"


def test_it_is_told_that_more_is_left(world: World) -> None:
    world.post(*[datum(("thales", 4))] * 101)
    assert "1 output more than this transaction can take along" in swept(world, "--dry-run")["warnings"][0]


def test_without_markers_in_force_nothing_is_swept(own_folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with release_world(own_folders, monkeypatch) as world:
        world.post(JUNK)
        assert refusal(sweep(world, "--json"))[0] == "SweepRefused"
        assert len(with_datum(world)) == 1


def test_a_bare_provider_does_not_make_the_team_sweep_its_own_marker(
    own_folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy of an old schedule may be what a machine without memory takes for the one in force."""
    with release_world(own_folders, monkeypatch, "ogmios") as world:
        world.changed("activate", "thales", "--at", "5")
        world.changed("activate", "pythagoras", "--at", "8")
        own = world.changed("cancel", "pythagoras")["transaction"]
        world.post(datum(("thales", 5), ("pythagoras", 8)), JUNK)
        assert world.show()["upcoming_era"] == "pythagoras", "it was fooled"
        done = swept(world, "--journal", "of-another-machine")
        assert "does not show which signed output" in done["warnings"][1]
        assert f"{own}#0" in with_datum(world)
        assert len(with_datum(world)) == 2, "only what is no marker was swept"
        code, words = refusal(sweep(world, "--json", "--journal", "of-another-machine"))
        assert (code, "Blockfrost" in words) == ("SweepRefused", True)
        for wrong in (f"{own}#1", f"{'ab' * 32}#0"):
            assert refusal(sweep(world, "--json", "--beside", wrong))[0] == "SweepRefused"
        knowing = ("--provider", "local:chain.sqlite3")
        assert swept(world, *knowing)["status"] == "published"
        assert with_datum(world) == [f"{own}#0"]
        assert world.show()["upcoming_era"] is None


def test_who_knows_the_own_output_names_it_where_the_provider_cannot_tell(
    own_folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with release_world(own_folders, monkeypatch, "ogmios") as world:
        own = f"{world.changed('activate', 'thales', '--at', '5')['transaction']}#0"
        world.post(*[datum(("thales", 5))] * 9)
        elsewhere = ("--journal", "of-another-machine")
        assert refusal(sweep(world, "--json", *elsewhere, "--copies"))[0] == "SweepRefused"
        copy = next(one for one in with_datum(world) if one != own)
        code, words = refusal(sweep(world, "--json", "--beside", copy, "--provider", "local:chain.sqlite3"))
        assert (code, f"expected {own}, got {copy}" in words) == ("SweepRefused", True)
        assert swept(world, *elsewhere, "--beside", own, "--copies")["status"] == "published"
        assert with_datum(world) == [own]
        assert world.changed("announce", "pythagoras", *elsewhere)["status"] == "published"


def test_a_copy_that_is_not_deep_yet_holds_no_change_up_and_is_swept_later(world: World) -> None:
    """Else whoever posts one every few blocks keeps the team from taking anything back."""
    world.configure("[trust]\nconfirmations = 2")
    world.chain.advance_slots(1)
    world.chain.advance_slots(1)
    world.post(datum(("thales", 4)))
    assert world.show()["verdicts"] == {"Accepted": 1, "Unconfirmed": 1}
    assert refusal(sweep(world, "--json"))[0] == "SweepRefused"
    change = world.change("announce", "pythagoras", "--timeout", "0.3")
    assert "(Unconfirmed" in change.stderr, "it is on the chain, and waits for its blocks alone"
    assert len(world.transactions()) == 3
    for _ in range(2):
        world.chain.advance_slots(1)
    assert world.changed("announce", "pythagoras")["status"] == "published"
    assert swept(world, "--timeout", "5")["status"] == "published"
    assert len(with_datum(world)) == 1


@pytest.mark.parametrize("step", ["JOURNALED", "SUBMITTED", "CONFIRMED", "READ_BACK"])
def test_killed_between_two_steps_the_same_command_finishes_it(world: World, shell: Shell, step: str) -> None:
    world.post(datum(("thales", 4)))
    command = ["marker", "sweep", *world.keys[2:], *world.options, "--yes", "--json"]
    killed = run_killed(step, command, world, shell)
    assert killed.returncode < 0, killed.stderr
    height = world.chain.tip().height
    assert json.loads(invoke(*command, "--dry-run").stdout)["status"] == "unfinished"
    assert json.loads(invoke(*command).stdout)["status"] == "published"
    assert world.chain.tip().height == height + (step == "JOURNALED"), "never a second transaction"
    assert json.loads(invoke(*command).stdout)["status"] == "done"


def test_an_unfinished_sweep_gives_way_to_a_change_and_a_change_to_no_sweep(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What takes a switch back must not wait for housekeeping."""
    world.post(datum(("thales", 4)))
    with monkeypatch.context() as interrupted:
        interrupt_after(interrupted, "JOURNALED")
        assert sweep(world).exit_code == 130
    assert world.changed("announce", "pythagoras")["status"] == "published"
    with monkeypatch.context() as interrupted:
        interrupt_after(interrupted, "JOURNALED")
        assert world.change("announce", "lagrange").exit_code == 130
    assert refusal(sweep(world, "--json"))[0] == "OtherPublication"
    assert world.changed("announce", "lagrange")["status"] == "published"
    assert swept(world)["status"] == "published"


def test_an_unfinished_sweep_gives_way_to_the_minting_of_a_token(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.post(datum(("thales", 4)))
    with monkeypatch.context() as interrupted:
        interrupt_after(interrupted, "JOURNALED")
        assert sweep(world).exit_code == 130
    keys = ("--payment-key-file", "payment.skey")
    minted = invoke("marker", "adopt-token", *keys, *world.options, "--yes", "--json")
    assert json.loads(minted.stdout)["status"] == "published"
    assert swept(world)["status"] == "published"


def test_built_here_signed_there_submitted_by_anyone(world: World) -> None:
    in_force = f"{world.show()['trusted']['transaction']}#0"
    world.post(datum(("thales", 4)))
    built = invoke("marker", "sweep", "--out", "tx.unsigned")
    assert built.exit_code == 0, built.output
    assert "Written to tx.unsigned. It must be signed by: " in built.stdout
    sign = ("tx", "sign", "tx.unsigned", "--payment-key-file", "payment.skey", "--out", "tx.signed", "--yes", "--json")
    code, words = refusal(invoke(*sign))
    assert (code, "publishes no markers" in words) == ("TransactionFile", True)
    assert invoke(*sign, "--sweep-beside", "junk").exit_code == 2
    spent = json.loads(invoke(*sign, "--sweep-beside", in_force, "--dry-run").stdout)["inputs"][0]["output"]
    code, words = refusal(invoke(*sign, "--sweep-beside", spent))
    assert (code, "got one that spends it" in words) == ("TransactionFile", True)
    assert not Path("tx.signed").exists()
    assert invoke(*sign, "--sweep-beside", in_force).exit_code == 0
    done = invoke("tx", "submit", "tx.signed", *world.options, "--yes")
    assert (done.exit_code, "do not trust" in done.output) == (0, False)
    assert with_datum(world) == [in_force]
    assert invoke("marker", "sweep", "--out", "x").stdout == "Nothing to build\n"
    assert not Path("x").exists()


def test_a_transaction_with_markers_is_no_sweep(world: World) -> None:
    planned = invoke(
        "marker", "announce", "pythagoras", "--secret-key", "@keys/era.sk", "--payload-out", "payload.json"
    )
    assert planned.exit_code == 0
    assert invoke("tx", "build", "payload.json", "--out", "tx.unsigned").exit_code == 0
    sign = ("tx", "sign", "tx.unsigned", "--payment-key-file", "payment.skey", "--out", "x", "--yes", "--json")
    code, words = refusal(invoke(*sign, "--sweep-beside", f"{'ab' * 32}#0"))
    assert (code, "an output with a datum" in words) == ("TransactionFile", True)


def test_it_is_done_only_when_the_provider_shows_nothing_of_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.post(datum(("thales", 4)))
    real, late = LocalChainGateway.spendable_outputs, []
    with LocalChain.open(world.chain.path) as chain:
        before = real(LocalChainGateway(chain), world.address)

    def lagging(gateway: LocalChainGateway, address: str) -> tuple[SpendableOutput, ...]:
        found = real(gateway, address)
        if {output.reference for output in found} == {output.reference for output in before} or len(late) == 3:
            return found
        late.append(address)
        return before

    monkeypatch.setattr(LocalChainGateway, "spendable_outputs", lagging)
    assert swept(world)["status"] == "published"
    assert len(late) == 3


def test_a_bare_machine_that_held_to_a_copy_goes_on_when_it_was_swept(
    own_folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with release_world(own_folders, monkeypatch, "ogmios") as world:
        world.changed("activate", "thales", "--at", "5")
        world.post(datum(("thales", 5)))
        world.changed("announce", "pythagoras")
        own = world.changed("cancel", "pythagoras")["transaction"]
        world.configure('[store]\nurl = "store.sqlite3"')
        assert world.show()["trusted"]["transaction"] != own, "the copy is older, and says the same"
        remembering = Path("eraswitch.toml").read_text()
        world.configure()
        assert swept(world, "--copies", "--provider", "local:chain.sqlite3")["status"] == "published"
        Path("eraswitch.toml").write_text(remembering)
        assert world.show()["trusted"]["transaction"] != own
        done = world.changed("announce", "pythagoras")
        assert (done["status"], done["drafted"]["spends"][0]["output"]) == ("published", f"{own}#0")
