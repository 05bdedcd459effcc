"""``eraswitch local-chain``: one file, steered by commands, also while it is served."""

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from chain_reader.local_chain import Genesis, LocalChain
from era_service.cli.local_chain import parse_amount
from era_service.config.networks import NETWORKS
from tests.era_service.conftest import ERASWITCH, Shell, invoke

ADDRESS = NETWORKS["release-preprod"].era_address


@pytest.fixture
def chain(own_folders: Path) -> Path:
    path = own_folders / "chain.sqlite3"
    LocalChain.create(path, genesis=Genesis(epoch_length=10, system_start_s=1_000)).close()
    return path


def run(*arguments: str) -> dict[str, Any]:
    result = invoke("local-chain", *arguments, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_advance_fund_show_and_roll_back(chain: Path) -> None:
    file = str(chain)
    assert run("advance", file, "--slots", "3")["slot"] == 3
    assert run("advance", file, "--epochs", "2")["slot"] == 20
    assert run("advance", file, "--to-epoch", "7")["epoch"] == 7
    made = run("fund", file, ADDRESS, "100", "ada")
    assert (made["lovelace"], made["address"]) == (100_000_000, ADDRESS)
    shown = run("show", file, "--address", ADDRESS)
    assert (shown["epoch"], shown["epoch_length"], shown["tip"]["height"]) == (7, 10, 4)
    assert [output["transaction"] for output in shown["outputs"]] == [made["transaction"]]
    assert run("rollback", file, "2", "--yes")["height"] == 2
    assert run("show", file, "--address", ADDRESS)["outputs"] == []


def test_the_same_in_words(chain: Path) -> None:
    file = str(chain)
    assert invoke("local-chain", "advance", file, "--slots", "12").stdout == "Now in epoch 1, slot 12, block 1\n"
    funded = invoke("local-chain", "fund", file, ADDRESS, "1500000").stdout
    assert funded.endswith(f"#0: 1.5 ADA at {ADDRESS}\n")
    shown = invoke("local-chain", "show", file, "--address", ADDRESS).stdout
    assert "epoch 1, slot 12 (manual clock)" in shown
    assert "1.5 ADA\n  1 unspent output in all\n" in shown


def test_a_long_list_is_cut(chain: Path) -> None:
    for _ in range(3):
        run("fund", str(chain), ADDRESS, "5000000")
    shown = run("show", str(chain), "--address", ADDRESS, "--limit", "2")
    assert (len(shown["outputs"]), shown["more_outputs"]) == (2, True)
    assert "and more" in invoke("local-chain", "show", str(chain), "--address", ADDRESS, "--limit", "2").stdout


def test_rollback_asks(chain: Path) -> None:
    run("advance", str(chain), "--slots", "1")
    for answer in ("n\n", ""):
        result = invoke("local-chain", "rollback", str(chain), "1", input=answer)
        assert result.exit_code == 1
        assert "Aborted: nothing was done" in result.stderr
        assert run("show", str(chain))["tip"]["height"] == 1
    assert invoke("local-chain", "rollback", str(chain), "1", input="y\n").exit_code == 0
    assert run("show", str(chain))["tip"]["height"] == 0


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["advance", "{}"], 2, "Give one of --slots, --epochs and --to-epoch"),
        (["advance", "{}", "--slots", "1", "--epochs", "1"], 2, "Give one of"),
        (["advance", "{}", "--slots", "0"], 2, "--slots"),
        (["advance", "{}", "--to-epoch", "0"], 2, "cannot be advanced"),
        (["advance", "{}", "--to-epoch", "18446744073709551615"], 2, "cannot be advanced"),
        (["fund", "{}", "addr1nonsense", "1 ada"], 2, "cannot use this address"),
        (["fund", "{}", ADDRESS, "0.0000001 ada"], 2, "expected whole lovelace"),
        (["fund", "{}", ADDRESS, "46000000000 ada"], 2, "faucet cannot use this amount"),
        (["show", "{}", "--address", ADDRESS[:-1]], 2, f"{ADDRESS[:-1]} is not an address"),
        (["rollback", "{}", "1", "--yes"], 2, "cannot be rolled back"),
        (["show", "nowhere.sqlite3"], 1, "cannot be opened"),
        (["advance", ".", "--slots", "1"], 1, "cannot be opened"),
    ],
)
def test_what_cannot_be_done(chain: Path, arguments: list[str], code: int, message: str) -> None:
    result = invoke("local-chain", *(argument.format(chain) for argument in arguments))
    assert (result.exit_code, result.stdout) == (code, "")
    assert message in result.stderr
    assert run("show", str(chain))["tip"]["height"] == 0


@pytest.mark.parametrize(
    ("text", "lovelace"),
    [("5000000", 5_000_000), ("100 ada", 100_000_000), ("1.5ADA", 1_500_000), ("7 lovelace", 7), ("1_000 ada", 10**9)],
)
def test_amounts(text: str, lovelace: int) -> None:
    assert parse_amount(text) == lovelace


@pytest.mark.parametrize(
    "text", ["", "ada", "1.5", "-1", "0", "nan", "inf", "1 btc", "0.0000001 ada", "1e30", "1e9999999"]
)
def test_no_amounts(text: str) -> None:
    with pytest.raises(click.BadParameter, match="expected whole lovelace"):
        parse_amount(text)


def test_start_takes_the_file_as_the_other_commands_do_or_as_an_option(tmp_path: Path) -> None:
    for named in ([str(tmp_path)], ["--path", str(tmp_path)], [str(tmp_path), "--path", str(tmp_path)]):
        assert str(tmp_path) in invoke("local-chain", "start", *named).stderr, "a folder is no chain"
    two = invoke("local-chain", "start", str(tmp_path), "--path", "other.sqlite3")
    assert (two.exit_code, "FILE and --path name different files" in two.stderr) == (2, True)


@pytest.fixture
def served(shell: Shell) -> Iterator[dict[str, str]]:
    """A served chain: what ``start --json`` printed."""
    arguments = ["local-chain", "start", "--path", "served.sqlite3", "--epoch-length", "50", "--json"]
    server = subprocess.Popen(
        [ERASWITCH, *arguments],
        cwd=shell.folder,
        env=shell.environment(),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert server.stdout is not None
    try:
        yield json.loads(server.stdout.readline())
    finally:
        server.terminate()
        server.communicate(timeout=60)
    assert server.returncode == 0


def test_commands_beside_a_server(served: dict[str, str], shell: Shell) -> None:
    def epoch() -> int:
        with urllib.request.urlopen(f"{served['blockfrost']}/epochs/latest", timeout=60) as answer:
            return int(json.load(answer)["epoch"])

    assert epoch() == 0
    assert shell("local-chain", "advance", served["path"], "--to-epoch", "4").returncode == 0
    assert epoch() == 4
    assert json.loads(shell("local-chain", "show", served["path"], "--json").stdout)["epoch_length"] == 50


def test_start_refuses_another_genesis_and_a_port_in_use(served: dict[str, str], shell: Shell) -> None:
    other = shell("local-chain", "start", served["path"], "--epoch-length", "60")
    assert other.returncode == 2
    assert "expected epoch_length 50, which it was created with, got 60" in other.stderr
    port = served["blockfrost"].removesuffix("/api/v0").rpartition(":")[2]
    busy = shell("local-chain", "start", "--path", served["path"], "--port", port)
    assert busy.returncode == 1
    assert "cannot listen" in busy.stderr
