"""``eraswitch marker``: a rollout by commands over every face, and everything that can stand in its way."""

import json
import os
import re
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from chain_reader.local_chain import FaucetOutput
from chain_reader.providers.gateway_from_url import NoGatewayError
from datum import SigningKey
from era_service.cli.shared.publication_view import progress
from release_tools import PaymentKey, TransactionGateway
from release_tools.publishing.submission import Progress, Step
from tests.conftest import ROOT
from tests.era_service.conftest import Shell, invoke
from tests.era_service.release_world import ADA, ERA_KEY, STRANGER, World, datum, payload, release_world


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
    assert re.fullmatch(r"  begins      epoch 8 \(\d{4}-\d\d-\d\d \d\d:\d\d UTC\), .+", lines.pop(1))
    assert lines[:5] == [
        "Plan: activate pythagoras at epoch 8 (now is epoch 5, 3 epochs from now)",
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


# --- the network


def test_the_network_is_always_named(own_folders: Path) -> None:
    for arguments in (["marker", "show"], ["marker", "announce", "thales", "--dry-run"]):
        result = invoke(*arguments, "--provider", "local:x", "--json")
        assert json.loads(result.stdout)["error"]["code"] == "NetworkNeeded"
        assert result.exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--network-magic", "7"), "NetworkContradiction", "expected network magic 42 of rehearsal, got 7"),
        (("--mainnet",), "NetworkContradiction", "got 764824073 by --mainnet"),
        (("--mainnet", "--network-magic", "42"), "Usage", "name different networks"),
        (("--network", "preprod"), "WrongNetwork", "is of another network: expected network magic 1, got 42"),
        (("--network", "mainnet"), "WrongNetwork", "expected network magic 764824073, got 42"),
    ],
)
def test_another_network_is_refused(world: World, arguments: tuple[str, ...], code: str, words: str) -> None:
    result = world.change("activate", "thales", "--at", "5", "--json", *arguments)
    error = json.loads(result.stdout)["error"]
    assert error["code"] == code
    assert words in error["message"]
    assert world.transactions() == []


def test_network_by_magic_alone(world: World) -> None:
    (world.folder / "eraswitch.toml").unlink()
    environ = {
        "ERASWITCH_NETWORK__ERA_ADDRESS": world.address,
        "ERASWITCH_NETWORK__VERIFICATION_KEY": ERA_KEY.verification_key.hex,
        "ERASWITCH_NETWORK__SUPPORTED_ERAS": "thales,pythagoras",
    }
    place = ("--provider", "local:chain.sqlite3", "--network-magic", "42")
    result = world.change("activate", "thales", "--at", "5", *place, env=environ)
    assert result.exit_code == 0, result.output
    assert world.change("activate", "thales", "--at", "5", *place[:2], env=environ).exit_code == 2


@pytest.mark.parametrize("which", ["era_address", "payment_address"])
def test_address_of_another_network_is_refused(world: World, which: str) -> None:
    mainnet = PaymentKey(bytes(range(32))).address(1)
    extra: tuple[str, ...] = ("--payment-address", mainnet)
    if which == "era_address":
        world.address, extra = mainnet, ()
        world.configure()
    result = world.change("activate", "thales", "--at", "5", *extra)
    assert result.exit_code == 1
    assert "is of another network: expected network id 0, got network id 1" in result.stderr


# --- keys and money


def test_missing_keys_are_found_before_anything_is_asked(world: World) -> None:
    without_era = invoke("marker", "activate", "thales", "--at", "5", "--payment-key-file", "payment.skey")
    assert "The era key is missing" in without_era.stderr
    without_payment = invoke("marker", "activate", "thales", "--at", "5", "--secret-key", "@keys/era.sk")
    assert "A payment key is missing" in without_payment.stderr
    for result, code in ((without_era, 2), (without_payment, 1)):
        assert result.exit_code == code
        assert "submit it?" not in result.stderr


def test_no_secret_shows_anywhere(world: World, caplog: pytest.LogCaptureFixture) -> None:
    seed = ERA_KEY.seed.hex()
    for given in (seed, ERA_KEY.to_json_hex()):
        result = invoke("marker", "activate", "thales", "--at", "5", "--secret-key", given, "--json", "--debug")
        assert result.exit_code == 2
        assert "expected @FILE: a key given here is seen by all" in result.stderr
        assert given not in result.output
    environ = {"ERA_MARKERS_SECRET_KEY": ERA_KEY.to_json_hex()}
    result = invoke(
        "marker", "activate", "thales", "--at", "5", "--payment-key-file", "payment.skey", *world.options,
        "--yes", "--json", "--debug", "--log-level", "debug", env=environ,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    shown = result.output + caplog.text + "".join(map(str, caplog.records))
    journal = "".join(path.read_text() for path in (Path.home() / ".local").rglob("*.json"))
    for secret in (seed, ERA_KEY.to_json_hex(), bytes(range(32)).hex()):
        assert secret not in shown + journal


def test_another_networks_era_key_is_refused(world: World) -> None:
    other = SigningKey(bytes(32))
    Path("other.sk").write_text(other.to_json_hex())
    result = invoke(
        "marker", "activate", "thales", "--at", "5", "--secret-key", "@other.sk", "--payment-key-file", "payment.skey"
    )
    assert "The era key is not the one of this network" in result.stderr
    assert ERA_KEY.verification_key.hex in result.stderr
    assert "others can read the secret key other.sk" in result.stderr


@pytest.mark.parametrize(
    ("file", "content"),
    [("payment.skey", ""), ("payment.skey", "{}"), ("keys/era.sk", ""), ("keys/era.sk", "5b5d"), ("keys/era.sk", None)],
)
def test_broken_key_files(world: World, file: str, content: str | None) -> None:
    Path(file).unlink()
    if content is not None:
        Path(file).write_text(content)
    result = world.change("activate", "thales", "--at", "5")
    assert result.exit_code == 2
    assert result.stderr.count("Error:") == 1
    assert "Traceback" not in result.output


def test_too_little_money_is_said(world: World) -> None:
    world.chain.rollback(2)
    world.chain.place(
        [FaucetOutput(world.address, ADA), FaucetOutput(world.address, 90 * ADA, assets=(("ab" * 28, 1),))]
    )
    result = world.change("activate", "thales", "--at", "0", "--json")
    assert json.loads(result.stdout)["error"]["code"] == "InsufficientFunds"
    assert "1 output with tokens, datums or scripts was left alone" in result.stderr
    assert world.transactions() == []


def test_a_payment_key_that_does_not_own_the_era_address_is_named(world: World) -> None:
    """Whether it holds nothing or enough, and beside the owner's it is no mistake."""
    STRANGER.save(Path("stranger.skey"))
    keys = ("--secret-key", "@keys/era.sk", "--payment-key-file", "stranger.skey", *world.options, "--yes")
    world.change("activate", "thales", "--at", "5")
    for funds in (0, 50 * ADA):
        if funds:
            world.chain.fund(STRANGER.address(0), funds)
        result = invoke("marker", "announce", "pythagoras", *keys)
        assert result.exit_code == 1
        assert f"The payment key does not own the era address {world.address}" in result.stderr
        assert f"got the key of {STRANGER.address(0)}" in result.stderr
        assert "--payment-key-file FILE" in result.stderr
    assert world.change("announce", "pythagoras", "--payment-key-file", "stranger.skey").exit_code == 0


def test_a_missing_payment_key_names_its_option_and_the_address(world: World) -> None:
    result = invoke("marker", "activate", "thales", "--at", "5", "--secret-key", "@keys/era.sk", "--yes")
    assert result.exit_code == 1
    assert f"A payment key is missing: expected the key of {world.address}, got no payment key" in result.stderr
    assert "--payment-key-file FILE" in result.stderr


def test_swapped_keys_are_recognised(world: World) -> None:
    for keys, words in (
        (("@payment.skey", "payment.skey"), "payment.skey is not an era key"),
        (("@keys/era.sk", "keys/era.sk"), "keys/era.sk is not a payment key"),
    ):
        secret, payment = keys
        arguments = ("--secret-key", secret, "--payment-key-file", payment, "--yes")
        result = invoke("marker", "activate", "thales", "--at", "5", *arguments)
        assert (result.exit_code, words in result.stderr) == (2, True), result.stderr
        assert "belongs to --" in result.stderr
        assert ERA_KEY.to_json_hex() not in result.output


def test_another_wallet_pays(world: World) -> None:
    """The era address is replaced by its owner, the fee comes from the stranger's address, and goes back there."""
    STRANGER.save(Path("payer.skey"))
    world.chain.fund(STRANGER.address(0), 50 * ADA)
    world.change("activate", "thales", "--at", "5")
    more = ("--payment-key-file", "payer.skey", "--payment-address", STRANGER.address(0))
    done = world.changed("announce", "pythagoras", *more)
    assert {spent["address"] for spent in done["drafted"]["spends"]} == {world.address, STRANGER.address(0)}
    assert len(done["drafted"]["required_keys"]) == 2
    assert sum(made.lovelace for made in world.chain.utxos(STRANGER.address(0))) == done["drafted"]["change_lovelace"]


def test_sweep_leaves_legacy_readers_one_choice(world: World) -> None:
    world.change("activate", "thales", "--at", "5")
    world.post(datum(("thales", 4)), datum(("thales", 5), ("pythagoras", 6)), "d87980")
    shown = world.show()
    assert shown["legacy"]["differs"]
    assert len(shown["legacy"]["possible"]) == 3
    words = invoke("marker", "show")
    assert "Legacy view   a Mithril reader could take" in words.stdout
    dry = invoke("marker", "announce", "pythagoras", *world.keys, "--dry-run")
    assert "2 other signed marker outputs stay at the era address" in dry.stderr
    swept = world.changed("announce", "pythagoras", "--sweep")
    assert len(swept["drafted"]["spends"]) == 3, "the one in force, and both others, which pay for it"
    assert world.show()["legacy"]["differs"] is False
    assert world.show()["verdicts"] == {"Accepted": 1, "Malformed": 1}


# --- interrupted


KILLER = """
import os, signal, sys
from release_tools.publishing.submission import Submission
STEP = sys.argv[1]
tell = Submission.tell
def kill(self, step, *rest, **options):
    tell(self, step, *rest, **options)
    if step.name == STEP:
        os.kill(os.getpid(), signal.SIGKILL)
Submission.tell = kill
from era_service.cli import main
sys.argv = ["eraswitch", *sys.argv[2:]]
sys.exit(main())
"""


def run_killed(step: str, command: list[str], world: World, shell: Shell) -> subprocess.CompletedProcess[str]:
    """The end of a command that the system kills at a step."""
    return subprocess.run(
        [sys.executable, "-c", KILLER, step, *command],
        cwd=world.folder,
        env=shell.environment(PYTHONPATH=str(ROOT)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


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
    assert (cut.exit_code, "The same command goes on with it" in cut.stderr) == (130, True)
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
    assert f"The transaction {transaction} is submitted. The same command goes on with it" in cut.stderr
    other = world.change("cancel", "thales")
    assert "Another change is in a block already" in other.stderr
    assert "Finish it first: eraswitch marker activate thales --at 5. Then run this again" in other.stderr
    assert "void" not in other.stderr


def interrupt_after(monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    from release_tools.publishing.submission import Submission

    tell = Submission.tell

    def interrupting(self: Submission, told: Any, *rest: Any) -> None:
        tell(self, told, *rest)
        if told.name == step:
            raise KeyboardInterrupt

    monkeypatch.setattr(Submission, "tell", interrupting)


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


# --- providers


def test_the_next_provider_is_asked_when_one_fails(world: World) -> None:
    world.configure()
    text = (world.folder / "eraswitch.toml").read_text()
    broken = text.replace('["local:', '["http://127.0.0.1:1/api/v0", "local:gone.sqlite3", "local:')
    (world.folder / "eraswitch.toml").write_text(broken)
    result = world.change("activate", "thales", "--at", "5")
    assert result.exit_code == 0, result.output
    assert "the next one is" in result.stderr


@pytest.mark.parametrize(
    ("provider", "code", "error"),
    [
        ("http://127.0.0.1:1/api/v0", 5, "ProviderUnreachable"),
        ("ws://127.0.0.1:1", 5, "ProviderUnreachable"),
        ("local:gone.sqlite3", 1, "Store"),
    ],
)
def test_no_provider_answers(world: World, provider: str, code: int, error: str) -> None:
    result = world.change("activate", "thales", "--at", "5", "--provider", provider, "--json")
    assert (result.exit_code, json.loads(result.stdout)["error"]["code"]) == (code, error)


def test_no_provider_at_all(world: World) -> None:
    text = (world.folder / "eraswitch.toml").read_text().replace('["local:chain.sqlite3"]', "[]")
    (world.folder / "eraswitch.toml").write_text(text)
    result = invoke("marker", "show", "--json")
    assert json.loads(result.stdout)["error"]["code"] == "ProviderNeeded"


def test_a_provider_that_takes_no_transactions_is_passed_over_when_publishing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading there is fine; what is to be submitted goes to the next one."""
    from era_service.wiring import providers as config_reader

    text = (world.folder / "eraswitch.toml").read_text()
    (world.folder / "eraswitch.toml").write_text(text.replace('["local:', '["local:./chain.sqlite3", "local:'))
    real = config_reader.open_gateway

    def open_gateway(provider: Any, settings: Any) -> TransactionGateway:
        if provider.url == "local:./chain.sqlite3":
            raise NoGatewayError("The provider takes no transactions")
        return real(provider, settings)

    monkeypatch.setattr(config_reader, "open_gateway", open_gateway)
    shown = invoke("marker", "show")
    assert (shown.exit_code, shown.stderr) == (0, "")
    result = world.change("activate", "thales", "--at", "5")
    assert result.exit_code == 0, result.output
    assert "the next one is: The provider takes no transactions" in result.stderr
    code = invoke("marker", "announce", "pythagoras", "--provider", "local:./chain.sqlite3").exit_code
    assert code == 2


def test_nothing_is_published_over_what_is_not_confirmed(world: World) -> None:
    """Nodes here wait for two blocks: until then a second change would undo the first unseen."""
    world.configure("[trust]\nconfirmations = 2")
    short = world.change("activate", "thales", "--at", "5", "--timeout", "0.3")
    assert "a node does not trust it (Unconfirmed" in short.stderr
    elsewhere = ("--journal", "elsewhere")
    result = world.change("activate", "thales", "--at", "5", "--json", *elsewhere)
    assert json.loads(result.stdout)["error"]["code"] == "UnconfirmedMarkers"
    world.chain.advance_slots(1)
    world.chain.advance_slots(1)
    assert world.changed("activate", "thales", "--at", "5")["status"] == "published"
    assert len(world.transactions()) == 1


# --- signing on a machine without a network


def test_signed_without_a_network_published_with_one(world: World) -> None:
    world.change("activate", "thales", "--at", "5")
    Path("trusted.json").write_text(invoke("marker", "show", "--json").stdout)
    offline = ("--provider", "http://127.0.0.1:1/api/v0")
    signed = invoke(
        "marker", "activate", "pythagoras", "--at", "8", "--from", "trusted.json", "--secret-key", "@keys/era.sk",
        "--payload-out", "payload.json", *offline,
    )  # fmt: skip
    assert signed.exit_code == 0, signed.output
    assert Path("payload.json").read_bytes().strip() == payload(("thales", 5), ("pythagoras", 8))
    result = invoke(
        "marker", "activate", "pythagoras", "--at", "8", "--payload-file", "payload.json",
        "--payment-key-file", "payment.skey", *world.options, "--yes",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert world.show()["upcoming_era"] == "pythagoras"
    wrong = invoke("marker", "announce", "lagrange", "--payload-file", "payload.json", "--json")
    assert json.loads(wrong.stdout)["error"]["code"] == "SignedPayload"


def test_what_was_carried_over_cannot_be_changed(world: World) -> None:
    world.change("activate", "thales", "--at", "5")
    shown = world.show()
    other = shown["network"] | {"magic": 1}
    forged = payload(("thales", 1), key=SigningKey(bytes(32))).decode()
    for change in (
        {"payload": shown["payload"].replace("5", "4", 1)},
        {"payload": forged},
        {"payload": None},
        {"payload": 7},
        {"network": other},
        {"network": None},
        {"epoch": "5"},
        {"epoch": -1},
    ):
        Path("trusted.json").write_text(json.dumps(shown | change))
        result = invoke(
            "marker", "announce", "pythagoras", "--from", "trusted.json", "--secret-key", "@keys/era.sk",
            "--payload-out", "p.json", "--json",
        )  # fmt: skip
        assert json.loads(result.stdout)["error"]["code"] == "Snapshot", change
        assert not Path("p.json").exists()
    for text in ("", "{", "[]", "7"):
        Path("trusted.json").write_text(text)
        result = invoke("marker", "announce", "pythagoras", "--from", "trusted.json", "--dry-run", "--json")
        assert json.loads(result.stdout)["error"]["code"] == "Snapshot"
    result = invoke("marker", "announce", "pythagoras", "--from", "trusted.json")
    assert "--from plans without a network" in result.stderr


@pytest.mark.parametrize("content", [b"", b"{}", b"junk", b"\xff\xfe", b'{"markers":[],"signature":null}', b"d87980"])
def test_payload_file_that_is_none(world: World, content: bytes) -> None:
    Path("payload.json").write_bytes(content)
    result = invoke("marker", "activate", "thales", "--at", "5", "--payload-file", "payload.json", "--json")
    assert json.loads(result.stdout)["error"]["code"] in ("InputFile", "PayloadFormat", "SignedPayload")
    assert "Traceback" not in result.output
    assert world.transactions() == []


def test_co_signed_payloads_where_one_key_is_not_enough(world: World) -> None:
    """Two of three sign the file that goes from hand to hand; the era key alone is refused."""
    signers = [SigningKey(bytes([number]) * 32) for number in (1, 2, 3)]
    listed = ", ".join(f'"{key.verification_key.hex}"' for key in signers)
    world.configure(f'[trust]\nmode = "extended"\nthreshold = 2\ncosigner_keys = [{listed}]')
    for number, key in enumerate(signers):
        Path(f"signer{number}.sk").write_text(key.to_json_hex())
        Path(f"signer{number}.sk").chmod(0o600)
    alone = world.change("activate", "thales", "--at", "5", "--json")
    assert json.loads(alone.stdout)["error"]["code"] == "EraKey"
    for number, arguments in enumerate((("activate", "thales", "--at", "5"), ("announce", "pythagoras"))):
        proposed = invoke(
            "marker",
            *arguments,
            "--secret-key",
            "@keys/era.sk",
            "--payload-out",
            "cosign.json",
            "--expires-epoch",
            "90",
        )
        assert "Pass it to the signers" in proposed.stdout, proposed.output
        publish = ("marker", *arguments, "--payload-file", "cosign.json", "--payment-key-file", "payment.skey")
        early = invoke(*publish, *world.options, "--yes")
        assert "The co-signing file is not complete" in early.stderr
        for signer in (0, 2):
            assert (
                invoke("marker", "cosign", "cosign.json", "--secret-key", f"@signer{signer}.sk", "--yes").exit_code == 0
            )
        done = invoke(*publish, *world.options, "--yes", "--json")
        assert done.exit_code == 0, done.output
        assert json.loads(done.stdout)["status"] == "published"
        assert len(world.transactions()) == number + 1
        Path("cosign.json").rename(f"cosign{number}.json")
    stale = invoke(
        "marker", "cancel", "pythagoras", "--payload-file", "cosign0.json", "--yes", "--json", *world.keys[2:]
    )
    error = json.loads(stale.stdout)["error"]
    assert (error["code"], error["facts"]["verdict"]) == ("SignedPayload", "RolledBack")
    assert len(world.transactions()) == 2


def cosigned(world: World, signers: list[SigningKey]) -> None:
    """A network on which two of the signers must co-sign, with thales in force until epoch 90."""
    listed = ", ".join(f'"{key.verification_key.hex}"' for key in signers)
    world.configure(f'[trust]\nmode = "extended"\nthreshold = 2\ncosigner_keys = [{listed}]')
    change = ("marker", "activate", "thales", "--at", "5")
    invoke(*change, "--secret-key", "@keys/era.sk", "--payload-out", "first.json", "--expires-epoch", "90")
    cosign("first.json", *signers[:2])
    done = invoke(*change, "--payload-file", "first.json", *world.keys[2:], *world.options, "--yes")
    assert done.exit_code == 0, done.output


def cosign(file: str, *signers: SigningKey) -> None:
    for key in signers:
        done = invoke("marker", "cosign", file, "--yes", env={"ERA_MARKERS_SECRET_KEY": key.to_json_hex()})
        assert done.exit_code == 0, done.output


RENEW = ("marker", "renew", "--secret-key", "@keys/era.sk", "--payload-out", "renewed.json")


@pytest.mark.parametrize("online", [True, False])
def test_co_signing_keys_are_rotated_and_nothing_switches(world: World, online: bool) -> None:
    stolen, ben, eva, new = (SigningKey(bytes([number]) * 32) for number in (1, 2, 3, 4))
    cosigned(world, [stolen, ben, eva])
    Path("trusted.json").write_text(invoke("marker", "show", "--json").stdout)
    remembering = {"ERASWITCH_STORE__URL": "node.sqlite3"}
    node = json.loads(invoke("status", "--json", env=remembering).stdout)
    assert node["trusted"]["transaction"] == world.transactions()[-1]
    keys = [part for key in (ben, eva, new) for part in ("--cosigner", key.verification_key.hex)]
    proposed = invoke(*RENEW, *keys, *(() if online else ("--from", "trusted.json")))
    assert proposed.exit_code == 0, proposed.output
    assert "  unchanged: thales at epoch 5" in proposed.stdout
    assert "Expires    after epoch 90" in proposed.stdout, "what is not named stays"
    assert "Keys       they change: the old keys and the new ones must both sign" in proposed.stdout
    cosign("renewed.json", ben)
    assert "is not complete" in invoke("tx", "build", "renewed.json", "--out", "tx.unsigned").stderr
    cosign("renewed.json", eva)
    for step in (
        ("build", "renewed.json", "--out", "tx.unsigned"),
        ("sign", "tx.unsigned", *world.keys[2:], "--out", "tx.signed", "--yes"),
        ("submit", "tx.signed", *world.options, "--yes"),
    ):
        done = invoke("tx", *step)
        assert done.exit_code == 0, done.output
    shown = json.loads(invoke("marker", "show", "--json").stdout)
    assert shown["markers"] == [{"name": "thales", "epoch": 5}]
    extension = json.loads(shown["payload"])["extension"]
    assert extension["keys"] == [key.verification_key.hex for key in (ben, eva, new)]
    assert (extension["sequence"], extension["threshold"]) == (2, 2)
    node = json.loads(invoke("status", "--json", env=remembering).stdout)
    assert (node["current_era"], node["stale"]) == ("thales", None)
    assert node["trusted"]["transaction"] == world.transactions()[-1], "a node that remembers follows the rotation"
    change = ("marker", "announce", "pythagoras")
    invoke(*change, "--secret-key", "@keys/era.sk", "--payload-out", "next.json")
    refused = invoke("marker", "cosign", "next.json", "--yes", env={"ERA_MARKERS_SECRET_KEY": stolen.to_json_hex()})
    assert refused.exit_code == 1
    cosign("next.json", ben, new)
    assert invoke(*change, "--payload-file", "next.json", *world.keys[2:], *world.options, "--yes").exit_code == 0


def test_a_payload_is_renewed_for_longer_by_the_same_keys(world: World) -> None:
    signers = [SigningKey(bytes([number]) * 32) for number in (1, 2, 3)]
    cosigned(world, signers)
    shown = invoke(*RENEW, "--expires-epoch", "200", "--dry-run")
    assert "Expires    after epoch 200" in shown.stdout
    assert not Path("renewed.json").exists()
    found = json.loads(invoke(*RENEW, "--expires-epoch", "200", "--json").stdout)
    assert (found["payload_file"], found["check"]["expires_epoch"]) == ("renewed.json", 200)
    assert [(group["who"], group["threshold"]) for group in found["check"]["signers"]] == [("keys", 2)]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "Nothing would be new: give --cosigner, --threshold or --expires-epoch"),
        (("--threshold", "4"), "expected a threshold from 1 to the number of keys, 3, got 4"),
        (("--cosigner", "ab"), "A verification key is not usable"),
    ],
)
def test_what_cannot_be_renewed_is_said(world: World, arguments: tuple[str, ...], words: str) -> None:
    cosigned(world, [SigningKey(bytes([number]) * 32) for number in (1, 2, 3)])
    result = invoke(*RENEW, *arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert not Path("renewed.json").exists()


def test_a_network_of_one_key_has_nothing_to_renew(world: World) -> None:
    world.change("activate", "thales", "--at", "5")
    result = invoke(*RENEW, "--threshold", "1")
    assert (result.exit_code, "There is no co-signed payload to renew" in result.stderr) == (2, True)


# --- looking


def test_show_when_nothing_is_there(world: World) -> None:
    result = invoke("marker", "show")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "Trusted       nothing"


def test_history_tells_place_author_and_verdict(world: World) -> None:
    world.change("activate", "thales", "--at", "5")
    world.chain.advance_slots(3)
    world.change("announce", "pythagoras")
    world.post(datum(("thales", 5)), datum(("lagrange", 5), key=SigningKey(bytes(32))), "d87980")
    found = json.loads(invoke("marker", "history", "--json").stdout)
    assert found["no_payload"] == 1
    entries = {entry["verdict"]: entry for entry in found["payloads"]}
    assert sorted(entries) == ["Accepted", "Impostor", "Superseded", "WrongSigner"]
    assert entries["Superseded"]["author"] == entries["Accepted"]["author"] == "the owner of the era address"
    assert entries["Impostor"]["author"] == "nobody: it spends nothing"
    assert (entries["Superseded"]["slot"], entries["Accepted"]["slot"]) == (50, 53)
    assert entries["Superseded"]["spent"] is True
    assert entries["WrongSigner"]["markers"] == [{"name": "lagrange", "epoch": 5}]
    assert [entry["transaction"] for entry in found["payloads"]][-1] == world.transactions()[0], "newest first"
    words = invoke("marker", "history", "--limit", "2").stdout
    assert "and 2 more (see --limit)" in words
    assert "and 1 outputs with a datum that is no payload" in words
    assert "  author   " in words


def test_history_over_http_has_slots_too(own_folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with release_world(own_folders, monkeypatch, "blockfrost") as world:
        world.changed("activate", "thales", "--at", "5")
        (entry,) = json.loads(invoke("marker", "history", "--json").stdout)["payloads"]
        assert (entry["slot"], entry["verdict"], entry["author"]) == (50, "Accepted", "the owner of the era address")


def test_history_needs_an_observer_that_knows_it(own_folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with release_world(own_folders, monkeypatch, "ogmios"):
        result = invoke("marker", "history", "--json")
        assert json.loads(result.stdout)["error"]["code"] == "HistoryUnknown"
        assert result.exit_code == 5


def test_empty_history(world: World) -> None:
    assert invoke("marker", "history").stdout == "There was never a payload at the era address\n"


def test_names_that_would_steer_a_terminal_are_escaped(world: World) -> None:
    world.chain.advance_slots(1)
    world.post(datum(("\x1b[31mred\nline", 5)))
    for arguments in (("marker", "show"), ("marker", "history"), ("marker", "announce", "\x1b[31m", "--dry-run")):
        result = invoke(*arguments)
        assert "\x1b" not in result.output
