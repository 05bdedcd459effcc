"""``eraswitch adoption ingest``, ``rejects``, ``rebuild`` and ``network-stake``."""

import json
import os
import pty
from pathlib import Path
from typing import Any

import pytest

from era_store import Registration, open_store
from eras import Epoch
from tests import forked
from tests.chain_reader.hostile import HostileHttp, reply
from tests.conftest import MithrilFile
from tests.era_service.conftest import Shell, invoke

CSV = "party_id,epoch,version,stake\n"


@pytest.fixture(autouse=True)
def store(own_folders: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = own_folders / "store.sqlite3"
    monkeypatch.setenv("ERASWITCH_STORE__URL", str(path))
    return path


def run(*arguments: str, exit_code: int = 0, **more: Any) -> Any:
    result = invoke("adoption", *arguments, "--json", **more)
    assert result.exit_code == exit_code, result.output
    return json.loads(result.stdout)


def test_an_event_store_goes_in_once(mithril: MithrilFile, store: Path) -> None:
    path = mithril("monitoring.sqlite3")
    first = invoke("adoption", "ingest", str(path))
    assert (first.exit_code, first.stdout) == (0, f"{path} (event store of an aggregator): 847 registrations added\n")
    again = invoke("adoption", "ingest", "--from", str(path))
    assert again.stdout == f"{path} (event store of an aggregator): 0 registrations added\n"
    with open_store(str(store)) as opened:
        assert opened.registrations.epochs()[0] == 485


def test_bad_rows_are_told_and_kept_apart(own_folders: Path) -> None:
    (own_folders / "some.csv").write_text(CSV + "a,5,1,10\nb,5,1,-1\nc,x,1,1\nd,5,1,1\n")
    result = invoke("adoption", "ingest", "some.csv")
    assert result.stdout.splitlines() == [
        f"{own_folders / 'some.csv'} (CSV): 2 registrations added",
        "  1 rejected: epoch is not a whole number of at least 0",
        "  1 rejected: stake is negative",
        "See what was rejected: eraswitch adoption rejects",
    ]
    shown = invoke("adoption", "rejects")
    assert "line 3: stake is negative\n    b,5,1,-1\n" in shown.stdout
    first, second = run("rejects")["rejects"]
    assert (first["place"], second["reason"]) == ("line 3", "epoch is not a whole number of at least 0")
    assert run("rejects", "--after", str(first["id"]))["rejects"] == [second]
    assert run("rejects", "--source", "other")["rejects"] == []
    assert invoke("adoption", "rejects", "--limit", "1").stdout.count("line") == 1


def test_nothing_was_rejected() -> None:
    assert invoke("adoption", "rejects").stdout == "Nothing was rejected\n"


def test_text_that_would_steer_the_terminal_is_escaped(own_folders: Path) -> None:
    (own_folders / "some.csv").write_text(CSV + "\x1b[2Ja,5,1,10\n")
    invoke("adoption", "ingest", "some.csv")
    assert "\x1b" not in invoke("adoption", "rejects").stdout


def test_standard_input_and_its_json(store: Path) -> None:
    row = {"party_id": "a", "epoch": 5, "stake": 1}
    summary = run("ingest", "-", input=json.dumps(row) + "\n{\n")
    assert summary == {
        "source": "lines:standard input", "dry_run": False, "accepted": 1, "repeated": 0, "rejected": 1,
        "reasons": {"is not JSON in UTF-8": 1}, "notes": {},
    }  # fmt: skip
    assert run("ingest", "-", input=json.dumps(row))["repeated"] == 1
    assert run("ingest", "-", "--as", "csv", input=CSV + "b,5,1,10\n")["accepted"] == 1


def test_a_dry_run_writes_nothing(own_folders: Path) -> None:
    (own_folders / "some.csv").write_text(CSV + "a,5,1,10\n")
    result = invoke("adoption", "ingest", "some.csv", "--dry-run")
    assert "1 registration could be added; nothing was written" in result.stdout
    assert run("ingest", "some.csv")["accepted"] == 1


def test_epochs_beyond_the_current_one_are_rejected(own_folders: Path) -> None:
    (own_folders / "some.csv").write_text(CSV + "a,5,1,10\na,12,1,10\n")
    assert run("ingest", "some.csv", "--current-epoch", "6")["reasons"] == {"epoch is in the far future": 1}


def test_on_a_public_network_the_clock_tells_the_current_epoch(own_folders: Path) -> None:
    (own_folders / "some.csv").write_text(CSV + "a,500,1,10\na,90000,1,10\n")
    hint = invoke("adoption", "ingest", "some.csv", "--network", "mainnet", "--dry-run").stdout
    assert "on release-mainnet. " in hint, "by whose epoch it is the far future"
    assert "--current-epoch N" in hint
    summary = run("ingest", "some.csv", "--network", "mainnet")
    assert (summary["accepted"], summary["rejected"]) == (1, 1)


def test_an_aggregator_is_asked_for_epochs(store: Path) -> None:
    def answer(path: str) -> Any:
        epoch = 9 if path.endswith("/status") else int(path.rpartition("/")[2])
        entries = [{"party_id": "a", "stake": epoch}]
        return reply({"epoch": 9} if path.endswith("/status") else {"registered_at": epoch, "registrations": entries})

    with HostileHttp(answer) as server:
        assert run("ingest", "--from-aggregator", server.url, "--epoch", "5", "--epoch", "6")["accepted"] == 2
        assert run("ingest", server.url)["accepted"] == 1
        assert run("ingest", server.url, "--epoch", "5")["repeated"] == 1
    with open_store(str(store)) as opened:
        assert opened.registrations.epochs() == (9, 6, 5)


def test_an_aggregator_that_is_down_is_an_error() -> None:
    error = run("ingest", "http://127.0.0.1:9", "--epoch", "1", exit_code=5)["error"]
    assert error["code"] == "ProviderUnreachable"
    assert error["facts"]["ingested"]["accepted"] == 0


def test_what_is_kept_of_an_aggregator_that_fails_in_between_is_said(store: Path) -> None:
    def answer(path: str) -> Any:
        if path.endswith("/8"):
            return reply({}, 404)
        return reply({"registered_at": 7, "registrations": [{"party_id": "a", "stake": 5}, {"party_id": "b"}]})

    with HostileHttp(answer) as server:
        result = invoke("adoption", "ingest", server.url, "--epoch", "7", "--epoch", "8")
        nothing = invoke("adoption", "ingest", server.url, "--epoch", "8")
    assert result.exit_code == 5
    assert result.stderr.startswith(
        "Before it ended: 1 registration added, 0 there already, 1 rejected. The same command"
    )
    assert nothing.stderr.startswith("Nothing was added\nError: ")


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("gone.sqlite3", None, "SourceMissing"),
        ("gone.csv", None, "SourceMissing"),
        ("bad.sqlite3", "no database" * 100, "SourceDamaged"),
        ("bad.csv", "party,epoch\n", "SourceFormat"),
    ],
)
def test_sources_that_cannot_be_read(own_folders: Path, name: str, content: str | None, code: str) -> None:
    if content is not None:
        (own_folders / name).write_text(content)
    error = run("ingest", name, exit_code=1)["error"]
    assert error["code"] == code
    assert error["next_step"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("ingest",),
        ("ingest", "a.csv", "--from", "b.csv"),
        ("ingest", "a.csv", "--epoch", "5"),
        ("ingest", "a.csv", "--as", "xml"),
        ("ingest", "a.csv", "--current-epoch", "-1"),
        ("network-stake",),
        ("network-stake", "5", "--from", "x.csv"),
        ("network-stake", "5", "much"),
        ("network-stake", "5", "7", "--from-chain"),
        ("network-stake", "--from", "x.csv", "--from-chain"),
    ],
)
def test_usage_errors(arguments: tuple[str, ...]) -> None:
    assert invoke("adoption", *arguments).exit_code == 2


def test_without_a_store_it_says_which_setting_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ERASWITCH_STORE__URL")
    result = invoke("adoption", "rebuild")
    assert result.exit_code == 2
    assert "store.url" in result.stderr
    assert invoke("adoption", "rebuild", "--store", str(tmp_path / "other.sqlite3")).exit_code == 0


def test_rebuild_repairs_what_is_wrong(own_folders: Path, store: Path) -> None:
    (own_folders / "some.csv").write_text(CSV + "a,5,1,10\nb,6,1,10\n")
    invoke("adoption", "ingest", "some.csv")
    assert invoke("adoption", "rebuild").stdout == "Recounted 2 epochs: the summary is correct\n"
    with open_store(str(store)) as opened, opened.database.raw() as driver:
        driver.execute("UPDATE registration_tally SET parties = 9 WHERE epoch = 5")
    assert "1 wrong figure of the summary corrected" in invoke("adoption", "rebuild").stdout
    assert run("rebuild") == {"epochs": 2, "repaired": 0}


def test_the_networks_stake(own_folders: Path, store: Path) -> None:
    assert invoke("adoption", "network-stake", "5").stdout == "Epoch 5: the network's stake is not known\n"
    assert invoke("adoption", "network-stake", "5", "21000000").stdout == "Epoch 5: 21,000,000 lovelace\n"
    (own_folders / "stake.csv").write_text("epoch,lovelace\n6,7\n5,8\n")
    assert run("network-stake", "--from", "stake.csv") == {
        "network_stake": [{"epoch": 6, "lovelace": 7}, {"epoch": 5, "lovelace": 8}]
    }
    assert run("network-stake", "5") == {"network_stake": [{"epoch": 5, "lovelace": 8}]}
    with open_store(str(store)) as opened:
        assert opened.registrations.network_stake(Epoch(6)) == 7


def test_the_networks_stake_from_the_chain(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(path: str) -> Any:
        known = path.endswith("/epochs/5")
        return reply({"epoch": 5, "active_stake": "22000000"} if known else {"epoch": 6, "active_stake": None})

    assert run("network-stake", "5", "--from-chain", exit_code=1)["error"]["got"] == "no Blockfrost provider"
    with HostileHttp(answer) as server:
        monkeypatch.setenv("ERASWITCH_READER__PROVIDERS", json.dumps([server.url]))
        assert run("network-stake", "5", "--from-chain")["network_stake"] == [{"epoch": 5, "lovelace": 22_000_000}]
        error = run("network-stake", "6", "--from-chain", exit_code=1)["error"]
    assert error["got"].startswith("none known to blockfrost http://127.0.0.1:")
    with open_store(str(store)) as opened:
        assert opened.registrations.network_stake(Epoch(5)) == 22_000_000


@pytest.mark.parametrize(
    "content",
    ["", "epoch,stake\n5,1\n", "epoch,lovelace\n5,x\n", "epoch,lovelace\n5\n", "epoch,lovelace\n5,-1\n",
     "epoch,lovelace\n5,45000000000000001\n", "epoch,lovelace\n99999999,1\n", 'epoch,lovelace\n"5,1\n'],
)  # fmt: skip
def test_figures_that_cannot_be_are_refused_whole(own_folders: Path, store: Path, content: str) -> None:
    (own_folders / "stake.csv").write_text(content.replace("\n5", "\n4,1\n5", 1))
    assert run("network-stake", "--from", "stake.csv", exit_code=1)["error"]["code"] == "NetworkStake"
    with open_store(str(store)) as opened:
        assert opened.registrations.network_stake(Epoch(4)) is None


def test_a_progress_bar_where_somebody_sees_it(mithril: MithrilFile, shell: Shell, own_folders: Path) -> None:
    ours, theirs = pty.openpty()
    path = mithril("monitoring.sqlite3")
    try:
        with forked.Forked(
            forked.COMMAND, "adoption", "ingest", str(path), "--store", "own.sqlite3",
            cwd=own_folders, env=shell.environment(TERM="xterm"), stderr=Path(os.ttyname(theirs)),
        ) as process:  # fmt: skip
            told = process.stdout.read()
            assert process.wait(60) == 0
        shown = os.read(ours, 100_000).decode()
    finally:
        os.close(ours)
        os.close(theirs)
    assert told == f"{path} (event store of an aggregator): 847 registrations added\n"
    assert "847 accepted" in shown


class TestWithdraw:
    @pytest.fixture(autouse=True)
    def registrations(self, store: Path) -> None:
        invoke("adoption", "ingest", "-", "--as", "csv", input=CSV + "a,5,1.0.0,10\n")
        false = [Registration("a", Epoch(epoch), "9.9.9", 90, 2.0, "api 1") for epoch in (5, 6)]
        with open_store(str(store)) as opened:
            opened.registrations.ingest(false, source="api 1", time_s=2.0)

    def withdraw(self, *options: str) -> Any:
        return invoke("adoption", "withdraw", "api 1", "--reason", "its token was stolen", *options)

    def test_what_a_stolen_token_registered_is_taken_back(self, store: Path) -> None:
        assert self.withdraw("--dry-run").stdout == (
            "api 1: 2 registrations of epochs 5 to 6 could be withdrawn; nothing was changed\n"
        )
        assert run("summary")["epochs"][0]["epoch"] == 6
        assert self.withdraw().stdout == "api 1: 2 registrations of epochs 5 to 6 withdrawn\n"
        (left,) = run("summary")["epochs"]
        assert (left["epoch"], [row["version"] for row in left["versions"]]) == (5, ["1.0.0"])
        assert self.withdraw().stdout == "api 1: there is nothing to withdraw\n"
        with open_store(str(store)) as opened:
            (event,) = opened.events.read()
        assert (event.kind, event.facts) == (
            "registrations-withdrawn",
            {"source": "api 1", "reason": "its token was stolen", "registrations": 2, "epochs": [5, 6]},
        )

    def test_by_json_and_from_an_epoch_on_and_back_again(self) -> None:
        found = run("withdraw", "api 1", "--reason", "x", "--from-epoch", "6")
        epochs = [{"epoch": 6, "registrations": 1}]
        assert found == {"source": "api 1", "dry_run": False, "withdrawn": 1, "epochs": epochs}
        (kept,) = run("rejects", "--source", "api 1")["rejects"]
        assert kept["reason"] == "withdrawn: x"
        assert run("ingest", "-", input=kept["content"])["accepted"] == 1

    def test_a_source_that_is_not_known_is_said_with_those_that_are(self) -> None:
        error = run("withdraw", "api 2", "--reason", "x", exit_code=2)["error"]
        assert (error["code"], error["got"]) == ("SourceNotFound", "api 2")
        assert error["expected"] == "api 1, csv:standard input"

    @pytest.mark.parametrize("options", [[], ["--reason", " "], ["--reason", "x", "--from-epoch", "-1"]])
    def test_usage_errors(self, options: list[str]) -> None:
        assert invoke("adoption", "withdraw", "api 1", *options).exit_code == 2
