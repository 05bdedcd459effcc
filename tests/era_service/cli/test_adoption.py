"""``eraswitch adoption``: the summary in every form, the gate, the export and the live view."""

import csv
import json
import os
import pty
import select
import signal
import time
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console, RenderableType

from era_service.cli.adoption.watch import _views
from era_service.config.schema import Settings
from era_service.wiring.adoption import open_registrations
from era_service.wiring.genesis import clock_epoch
from era_store import SqlStore, open_store
from eras import Epoch
from release_tools import AdoptionRules
from tests import forked
from tests.chain_reader.hostile import HostileHttp, reply
from tests.conftest import MithrilFile
from tests.era_service.conftest import Shell, invoke

FILES = [("monitoring.sqlite3", "adoption_expected.csv"), ("runbook_monitoring.sqlite3", "runbook_published.csv")]
ROWS = [
    {"party_id": "whale", "epoch": 7, "version": "0.3.0", "stake": 500_000_000},
    {"party_id": "whale", "epoch": 8, "version": "0.3.0+x", "stake": 500_000_000},
    {"party_id": "bear", "epoch": 7, "version": "0.2.0", "stake": 300_000_000},
    {"party_id": "bear", "epoch": 8, "version": "0.3.0", "stake": 300_000_000},
    {"party_id": "cat", "epoch": 8, "version": None, "stake": 200_000_000},
]
COUNT = ("--from", "rows.jsonl", "--compatibility", "compatibility.toml")


@pytest.fixture
def folder(own_folders: Path) -> Path:
    write_rows(own_folders / "rows.jsonl", ROWS)
    (own_folders / "compatibility.toml").write_text('thales = "0.1.0"\nlagrange = ">=0.3.0, !=0.3.5"\n')
    return own_folders


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def documents(*arguments: str, code: int = 0) -> Any:
    result = invoke("adoption", *arguments, "--json")
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


# --- summary


@pytest.mark.parametrize(("store", "published"), FILES)
def test_mithrils_view_to_the_letter(own_folders: Path, mithril: MithrilFile, store: str, published: str) -> None:
    asked = ("mithril", "--from", str(mithril(store)))
    expected = mithril(published).read_bytes()
    assert invoke("adoption", *asked, "--csv").stdout_bytes == expected
    with StringIO(expected.decode(), newline="") as text:
        rows = [
            {name: int(value) if name not in ("version", "stakes_ratio") else value for name, value in row.items()}
            for row in csv.DictReader(text)
        ]
    assert documents(*asked) == rows
    newest = documents(*asked, "--last", "1")
    assert newest == [row for row in rows if row["epoch"] == rows[0]["epoch"]]
    assert f" {rows[0]['total_epoch_stakes']} " in invoke("adoption", *asked).stdout
    assert invoke("adoption", *asked, "--markdown").exit_code == 2


def test_from_the_store_as_from_the_file(own_folders: Path, mithril: MithrilFile) -> None:
    path = str(mithril(FILES[0][0]))
    assert invoke("adoption", "ingest", path, "--store", "s.sqlite3").exit_code == 0
    stored = invoke("adoption", "summary", "--store", "s.sqlite3", "--json")
    assert stored.stdout == invoke("adoption", "summary", "--from", path, "--json").stdout
    environ = {"ERASWITCH_STORE__URL": "s.sqlite3"}
    assert invoke("adoption", "summary", "--json", env=environ).stdout == stored.stdout


def test_large_files_are_counted_outside_memory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = ("adoption", "summary", *COUNT, "--json")
    small = invoke(*asked).stdout
    monkeypatch.setattr("era_service.wiring.adoption.LARGE_BYTES", 0)
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    made: list[str] = []

    def opened(url: str) -> SqlStore:
        made.append(url)
        return open_store(url)

    monkeypatch.setattr("era_store.open_store", opened)
    assert invoke(*asked).stdout == small
    assert [Path(url).name for url in made] == ["registrations.sqlite3"]
    assert sorted(path.name for path in folder.iterdir()) == ["compatibility.toml", "rows.jsonl"], "nothing is left"


def test_a_large_file_shows_how_far_it_is_read(folder: Path, shell: Shell) -> None:
    ours, theirs = pty.openpty()
    program = f"from era_service.wiring import adoption\nadoption.LARGE_BYTES = 0\n{forked.COMMAND}"
    try:
        with forked.Forked(
            program, "adoption", "summary", *COUNT,
            cwd=folder, env=shell.environment(TERM="xterm"), stderr=Path(os.ttyname(theirs)),
        ) as process:  # fmt: skip
            process.stdout.read()
            assert process.wait(60) == 0
        shown = os.read(ours, 100_000).decode()
    finally:
        os.close(ours)
        os.close(theirs)
    assert "5 accepted" in shown


def test_epochs_that_have_not_begun_are_not_shown_unless_asked_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever says what epoch it will be would be all that counts."""
    monkeypatch.setattr("era_service.wiring.adoption.clock_epoch", lambda _: 7)
    assert [one["epoch"] for one in documents("summary", *COUNT)["epochs"]] == [7]
    assert [one["epoch"] for one in documents("summary", *COUNT, "--epoch", "8")["epochs"]] == [8, 7]
    monkeypatch.setattr("era_service.wiring.adoption.clock_epoch", lambda _: 8)
    assert [one["epoch"] for one in documents("summary", *COUNT)["epochs"]] == [8, 7]


def test_summary_for_machines(folder: Path) -> None:
    newest, before = documents("summary", *COUNT)["epochs"]
    assert (newest["epoch"], before["epoch"]) == (8, 7)
    assert [(row["version"], row["stake"], row["known"]) for row in newest["versions"]] == [
        ("0.3.0", 800_000_000, True),
        (None, 200_000_000, False),
    ]
    lagrange = newest["eras"][1]
    assert (lagrange["era"], lagrange["minimum"]) == ("lagrange", "0.3.0 or newer, but not 0.3.5")
    parts = {"by_capability": 0, "by_version": 800_000_000}
    assert lagrange["registered"] == {"stake": 800_000_000, "total": 1_000_000_000, "share": 0.8, **parts}
    assert [party["party_id"] for party in lagrange["not_ready"]] == ["cat"]
    assert newest["changes"]["upgraded"]["parties"] == newest["changes"]["new"]["parties"] == 1
    assert [alarm["kind"] for alarm in newest["alarms"]] == ["unknown-share", "unknown-growth"]
    (only,) = documents("summary", *COUNT, "--epoch", "7", "--era", "lagrange")["epochs"]
    assert [era["era"] for era in only["eras"]] == ["lagrange"]


def test_summary_in_words(folder: Path) -> None:
    result = invoke("adoption", "summary", *COUNT)
    assert result.exit_code == 0, result.output
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    for line in (
        "Epoch 8: 3 parties registered 1,000.0 ADA; the network's stake is not known",
        "0.3.0 800.0 ADA 80.0 % 2 thales, lagrange ████████████████░░░░",
        "none given (unknown) 200.0 ADA 20.0 % 1 ████░░░░░░░░░░░░░░░░",
        "lagrange 0.3.0 or newer, but not 0.3.5 80.0 % not known 80.0 %",
        "cat 200.0 ADA none given 8",
        "Since epoch 7: 1 new (200.0 ADA), 1 upgraded (300.0 ADA), 0 downgraded, 0 gone",
        "7 800.0 ADA 2 100.0 % 62.5 %",
    ):
        assert line in lines, f"{line}\n{result.stdout}"
    assert "\x1b" not in result.stdout, "no colours into a pipe"


def test_on_a_narrow_terminal_bars_give_way_and_not_figures(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("era_service.cli.adoption.view._PLAIN_WIDTH", 60)
    lines = invoke("adoption", "summary", *COUNT).stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert [line.split()[:6] for line in lines if line.startswith(" 0.3.0 ")] == [
        ["0.3.0", "800.0", "ADA", "80.0", "%", "2"]
    ]


def test_who_is_ready_by_capability_and_by_version_is_shown_apart(folder: Path) -> None:
    able = ROWS[3] | {"version": "0.2.0", "capability": {"eras": ["lagrange", "newton"], "switches": None}}
    write_rows(folder / "able.jsonl", [ROWS[1], able, ROWS[4]])
    count = ("--from", "able.jsonl", "--compatibility", "compatibility.toml")
    lines = [line.strip() for line in invoke("adoption", "summary", *count).stdout.splitlines()]
    heading = next(line for line in lines if line.startswith("era"))
    assert heading.split()[2:] == ["registered", "by", "capability", "by", "version", "network", "recent"]
    row = next(line for line in lines if line.startswith("lagrange"))
    assert row.split("  ", 1)[1].split()[-10::2][:3] == ["80.0", "30.0", "50.0"]
    apart = "30.0 % by capability, 50.0 % by version"
    assert apart in invoke("adoption", "gate", "lagrange", "--threshold", "80%", *count).stdout
    assert apart in invoke("adoption", "gate", "lagrange", "--threshold", "81%", *count).stdout
    assert f"80.0 % ({apart})" in invoke("adoption", "summary", *count, "--markdown").stdout
    (shares,) = documents("summary", *count, "--era", "newton")["epochs"][0]["eras"]
    assert (shares["minimum"], shares["registered"]["by_capability"]) == (None, 300_000_000)
    assert invoke("adoption", "summary", *count, "--era", "curie").exit_code == 2, "nobody tells of it"


def test_markdown_and_csv(folder: Path) -> None:
    assert "| 0.3.0 | 800.0 ADA | 80.0 % | 2 |" in invoke("adoption", "summary", *COUNT, "--markdown").stdout
    assert invoke("adoption", "summary", *COUNT, "--csv").stdout.startswith("epoch,version,known,parties,stake,")
    assert invoke("adoption", "summary", *COUNT, "--csv", "--json").exit_code == 2


def test_chart(folder: Path) -> None:
    result = invoke("adoption", "chart", "versions.svg", *COUNT)
    assert result.exit_code == 0
    assert "Chart: versions.svg" in result.stderr
    ET.parse(folder / "versions.svg")
    assert "var(" not in (folder / "versions.svg").read_text(), "a file has plain colours, for any program"
    assert "<title>7: 0.2.0 37.5 %</title>" in (folder / "versions.svg").read_text()
    of_era = ("support.svg", "--era", "lagrange", "--threshold", "95%")
    assert invoke("adoption", "chart", *COUNT, *of_era).exit_code == 0
    support = (folder / "support.svg").read_text()
    assert "<title>7: the registered stake 62.5 %</title>" in support
    assert "gate 95 %" in support
    assert invoke("adoption", "chart", "versions.png", *COUNT).exit_code == 2
    assert invoke("adoption", "chart", "gone/versions.svg", *COUNT).exit_code == 1


def test_what_a_node_says_cannot_steer_the_terminal(folder: Path) -> None:
    write_rows(folder / "rows.jsonl", [{"party_id": "a", "epoch": 8, "version": "\x1b[2J[red]x", "stake": 1}])
    result = invoke("adoption", "summary", *COUNT)
    assert "\x1b" not in result.stdout
    assert "[2J[red]x" in result.stdout


def test_what_a_node_says_is_no_markup(folder: Path) -> None:
    row = {"party_id": "[/a] :smile:", "epoch": 8, "version": "[/b]", "stake": 1}
    write_rows(folder / "rows.jsonl", [row])
    shown = invoke("adoption", "summary", *COUNT)
    assert shown.exit_code == 0, shown.output
    assert "[/a] :smile:" in shown.stdout
    assert "[/b]" in invoke("adoption", "mithril", *COUNT[:2]).stdout


def test_bad_rows_are_told_and_the_rest_counts(folder: Path) -> None:
    with (folder / "rows.jsonl").open("a") as file:
        file.write('{"party_id":"x","epoch":8,"stake":-5}\nnonsense\n')
    result = invoke("adoption", "summary", *COUNT, "--json")
    assert json.loads(result.stdout)["epochs"][0]["registered"]["parties"] == 3
    assert "entries are not registrations: stake is negative" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("summary",), 2, "There is no store for registrations"),
        (("summary", "--store", "empty.sqlite3"), 1, "There are no registrations"),
        (("summary", "--from", "gone.jsonl"), 1, "cannot be read"),
        (("summary", *COUNT, "--epoch", "6"), 1, "those of epochs 7 to 8"),
        (("summary", *COUNT, "--era", "lagrnge"), 2, "Did you mean 'lagrange'?"),
        (("summary", *COUNT[:2], "--compatibility", "gone.toml"), 2, "to read TOML in gone.toml"),
        (("gate", "lagrange", *COUNT), 2, "Give --threshold, or set adoption.gate_threshold"),
        (("gate", "lagrange", *COUNT, "--threshold", "95"), 2, "Did you mean 95%?"),
        (("gate", "lagrange", *COUNT[:2], "--threshold", "95%"), 2, "Write the table (docs/adoption.md)"),
        (("gate", "lagrange", "--threshold", "95%", "--compatibility", "compatibility.toml", "--store", "e.sqlite3"), 6,
         "there are no registrations at all"),
        (("export",), 2, "There is no store"),
    ],
)  # fmt: skip
def test_mistakes_end_in_one_line(folder: Path, arguments: tuple[str, ...], code: int, words: str) -> None:
    result = invoke("adoption", *arguments)
    assert result.exit_code == code, result.output
    assert words in result.stderr
    assert "Traceback" not in result.output


# --- gate


def test_gate_met(folder: Path) -> None:
    result = invoke("adoption", "gate", "lagrange", "--threshold", "80%", *COUNT)
    assert result.exit_code == 0
    assert result.stdout == "The gate of lagrange is met: 80 % of the registered stake, 80.0 % in epoch 8\n"
    assert documents("gate", "lagrange", "--threshold", "80%", *COUNT)["met"] is True


@pytest.mark.parametrize(("command", "code"), [(("gate", "lagrange", "--threshold", "95%"), 6), (("summary",), 1)])
def test_where_every_row_was_refused_the_file_is_to_be_corrected(
    folder: Path, command: tuple[str, ...], code: int
) -> None:
    write_rows(folder / "rows.jsonl", [{"party_id": "whale", "epoch": 7, "stake": -1}] * 2)
    result = invoke("adoption", *command, *COUNT)
    assert result.exit_code == code
    assert "every row was refused, the first, line 1, because stake is negative" in result.output
    assert "rows.jsonl" in result.output
    assert "adoption ingest" not in result.output


def test_gate_not_met_says_what_is_missing_and_from_whom(folder: Path) -> None:
    result = invoke("adoption", "gate", "lagrange", "--threshold", "95%", *COUNT)
    assert result.exit_code == 6
    assert result.stdout.splitlines() == [
        "The gate of lagrange is not met: it asks for 95 % of the registered stake",
        "epoch 8: 80.0 % of the registered stake (1,000.0 ADA) is ready",
        "missing: 150.0 ADA on 0.3.0 or newer, but not 0.3.5",
        "whom to call (1 party would do):",
        "  cat  200.0 ADA  no version",
    ]
    document = documents("gate", "lagrange", "--threshold", "95%", *COUNT, code=6)
    assert (document["met"], document["missing_stake"], document["enough"]) == (False, 150_000_000, 1)


def test_whom_to_call_has_a_name_where_an_aggregator_knows_it(folder: Path) -> None:
    told = {"signers": [{"party_id": "cat", "pool_ticker": "ME|OW"}, {"party_id": "bear", "pool_ticker": None}]}
    with HostileHttp(lambda path: reply(told) if path.endswith("/signers/tickers") else reply({}, 404)) as server:
        gate = ("gate", "lagrange", "--threshold", "95%", *COUNT, "--tickers", server.url)
        assert "  cat (ME|OW)  200.0 ADA  no version" in invoke("adoption", *gate).stdout
        assert documents(*gate, code=6)["whom"][0]["ticker"] == "ME|OW"
        summary = ("adoption", "summary", *COUNT, "--tickers", server.url)
        assert "cat (ME|OW)" in invoke(*summary).stdout
        assert "| cat \\(ME\\|OW\\) |" in invoke(*summary, "--markdown").stdout
        server.answer = lambda _: reply({}, 404)
        silent = invoke("adoption", *gate)
    assert silent.exit_code == 6
    assert "  cat  200.0 ADA  no version" in silent.stdout
    assert silent.stderr.startswith("Without tickers: Mithril aggregator")


def test_gate_met_by_few_says_so(folder: Path) -> None:
    write_rows(folder / "rows.jsonl", [*ROWS, {"party_id": "bear", "epoch": 9, "version": "0.3.0", "stake": 1}])
    result = invoke("adoption", "gate", "lagrange", "--threshold", "95%", *COUNT)
    assert result.exit_code == 0
    assert "! The registered stake went from 1,000.0 ADA in epoch 8 to 0.000001 ADA" in result.stderr


def test_no_gate_opens_on_an_epoch_that_has_not_begun(folder: Path) -> None:
    settings = settings_of_mainnet()
    now = clock_epoch(settings)
    assert now is not None
    rows = [{"party_id": "a", "epoch": now + ahead, "version": "0.3.0", "stake": 1} for ahead in (2, 5_000)]
    write_rows(folder / "rows.jsonl", rows)
    gate = ("adoption", "gate", "lagrange", "--threshold", "95%", *COUNT, "--json")
    assert json.loads(invoke(*gate).stdout)["assumed"].startswith("Neither a genesis nor a provider is configured")
    result = invoke("--network", "mainnet", *gate)
    assert result.exit_code == 6, result.output
    assert json.loads(result.stdout)["epoch"] in (now, now + 1)
    assert "1 entries are not registrations: epoch is in the far future" in result.stderr


def settings_of_mainnet() -> Settings:
    return Settings.model_validate({"network": {"magic": 764824073}})


def test_gate_over_epochs_and_bases(folder: Path) -> None:
    asked = ("gate", "lagrange", "--threshold", "60%", *COUNT)
    assert documents(*asked, "--for-epochs", "2")["met"] is True
    assert documents(*asked, "--for-epochs", "3", code=6)["epochs"][2]["why"] == "no registrations"
    assert documents(*asked, "--epoch", "7")["epoch"] == 7
    assert documents(*asked, "--of", "network", code=6)["share"] is None
    assert documents(*asked, "--of", "recent")["base"] == "recent"


def test_gate_as_configured(folder: Path) -> None:
    (folder / "eraswitch.toml").write_text(
        "[adoption]\ncompatibility_file = 'compatibility.toml'\ngate_threshold = 0.65\ngate_for_epochs = 2\n"
        "gate_base = 'network'\nstake_epoch_offset = 0\n[store]\nurl = 's.sqlite3'\n"
    )
    assert invoke("adoption", "ingest", "rows.jsonl").exit_code == 0
    for epoch, stake in (("7", "700000000"), ("8", "1100000000")):
        assert invoke("adoption", "network-stake", epoch, stake).exit_code == 0
    document = documents("gate", "lagrange", code=6)
    assert (document["base"], document["threshold"], len(document["epochs"])) == ("network", 0.65, 2)
    assert documents("gate", "lagrange", "--of", "registered", "--for-epochs", "1")["met"] is True


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("gate_threshold = '95'", "adoption.gate_threshold (file eraswitch.toml): expected more than 0% and at most"),
        ("gate_threshold = true", "expected a share, as 95% or 0.95, got True"),
        ("gate_base = 'registred'", "Did you mean 'registered'?"),
        ("gate_for_epochs = 0", "expected more than 0"),
        ("treshold = 1", "adoption.treshold (file eraswitch.toml): expected a setting, got an unknown name"),
    ],
)
def test_mistakes_in_the_settings(folder: Path, setting: str, words: str) -> None:
    (folder / "eraswitch.toml").write_text(f"[adoption]\n{setting}\n")
    result = invoke("adoption", "summary", *COUNT)
    assert result.exit_code == 2
    assert words in result.stderr


def test_config_check_finds_a_gate_that_could_not_be_judged(folder: Path) -> None:
    (folder / "eraswitch.toml").write_text("[adoption]\ngate_threshold = '95%'\n")
    result = invoke("config", "check")
    assert result.exit_code == 2
    words = "adoption.compatibility_file: expected a value, since adoption.gate_threshold asks for a gate"
    assert words in result.stderr
    assert "store.url: expected a value" in result.stderr
    (folder / "compatibility.toml").write_text('lagrange = "=>0.3.0"')
    (folder / "eraswitch.toml").write_text(
        "[adoption]\ngate_threshold = '95%'\ncompatibility_file = 'compatibility.toml'\n[store]\nurl = 's.sqlite3'\n"
    )
    assert 'Did you mean ">=0.3.0"?' in invoke("config", "check").stderr
    (folder / "compatibility.toml").write_text('lagrange = ">=0.3.0"')
    assert invoke("config", "check").exit_code == 0


# --- export


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_what_is_exported_is_counted_the_same(own_folders: Path, mithril: MithrilFile, form: str) -> None:
    path = str(mithril(FILES[0][0]))
    result = invoke("adoption", "export", "--format", form, "--from", path)
    assert result.exit_code == 0
    (own_folders / f"out.{form}").write_bytes(result.stdout_bytes)
    again = invoke("adoption", "summary", "--from", f"out.{form}", "--json")
    assert json.loads(again.stdout) == documents("summary", "--from", path)


def test_export_of_one_epoch(folder: Path) -> None:
    lines = invoke("adoption", "export", "--from", "rows.jsonl", "--epoch", "7").stdout.splitlines()
    assert [json.loads(line)["party_id"] for line in lines] == ["whale", "bear"]


# --- watch


ON_ITS_TERMINAL = f"""
import os, sys
os.setsid()
terminal = os.open(sys.argv.pop(1), os.O_RDWR)  # the first that a session opens is its own: Ctrl-C there ends it
for number in (0, 1, 2):
    os.dup2(terminal, number)
os.close(terminal)
piped = sys.stdout, sys.stderr  # kept, for they would close what they stand for
sys.stdout, sys.stderr = os.fdopen(1, "w", encoding="utf-8"), os.fdopen(2, "w", encoding="utf-8", buffering=1)
{forked.COMMAND}
"""


@pytest.fixture
def watching(folder: Path, shell: Shell) -> Iterator[tuple[forked.Forked, int]]:
    """``adoption watch`` on a terminal: its process and the terminal's other end."""
    terminal, theirs = pty.openpty()
    asked = (os.ttyname(theirs), "adoption", "watch", "--interval", "0.1", *COUNT)
    environ = shell.environment(TERM="xterm", COLUMNS="120", LINES="60")
    with forked.Forked(ON_ITS_TERMINAL, *asked, cwd=folder, env=environ) as process:
        process.stdout.read()  # it has let go of its pipe, and has the terminal
        os.close(theirs)
        yield process, terminal
        os.close(terminal)
        process.kill()


def read_until(terminal: int, words: str, timeout_s: float = 60) -> str:
    shown, deadline = b"", time.monotonic() + timeout_s
    while words.encode() not in shown:
        assert time.monotonic() < deadline, shown.decode(errors="replace")
        if select.select([terminal], [], [], 0.2)[0]:
            shown += os.read(terminal, 65536)
    return shown.decode(errors="replace")


def test_watch_lives_and_ends_cleanly(folder: Path, watching: tuple[forked.Forked, int]) -> None:
    process, terminal = watching
    assert "80.0 %" in read_until(terminal, "Since epoch 7")
    with (folder / "rows.jsonl").open("a") as file:
        file.write('{"party_id":"whale","epoch":9,"version":"0.3.1","stake":600000000}\n')
    read_until(terminal, "Since epoch 8")
    os.write(terminal, b"\x03")
    rest = ""
    while True:
        try:
            rest += os.read(terminal, 65536).decode(errors="replace")
        except OSError:
            break
    assert process.wait(60) == 0
    assert "Traceback" not in rest
    assert rest.rstrip().endswith("\x1b[?25h"), "the cursor is back"


def test_watch_goes_by_the_epochs_that_have_begun(folder: Path) -> None:
    rules = AdoptionRules()
    with open_registrations(Settings(), ["rows.jsonl"]) as repository:
        epochs = iter([Epoch(7), Epoch(7), Epoch(8)])
        views = _views(repository, lambda: next(epochs), 5, rules, {"rules": rules})
        first, same, then = next(views), next(views), next(views)
    assert same is None
    shown = [capture(view) for view in (first, then)]
    assert "Epoch 7" in shown[0]
    assert "Epoch 8" not in shown[0]
    assert "Epoch 8" in shown[1]


def capture(view: RenderableType | None) -> str:
    console = Console(width=120, file=StringIO())
    console.print(view)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text


def test_watch_into_a_pipe_prints_what_changes(folder: Path, shell: Shell) -> None:
    errors, asked = folder / "errors", ("adoption", "watch", "--interval", "0.1", *COUNT)
    with forked.Forked(forked.COMMAND, *asked, cwd=folder, env=shell.environment(), stderr=errors) as process:
        read_until(process.stdout.fileno(), "Since epoch 7")
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait(30) == 0
    assert "Epoch 8" not in rest, "nothing changed, so nothing is printed again"
    assert errors.read_text() == ""


UNREADABLE = (
    '{"party_id":"pool1a","epoch":740,"stake":10000000,"version":"0.3.12"}',
    '{"party_id":"pool1b","epoch":740,"stake":990000000,"version":"0.2.0","seen_at":"soon"}',
    '{"party_id":"pool1b","epoch":740,"stake":990000000,"version":"0.2.0","other":1}',
    '{"party_id":"","epoch":740,"stake":990000000,"version":"0.2.0"}',
    '{"party_id":"pool1b","epoch":"soon","stake":990000000,"version":"0.2.0"}',
)


@pytest.mark.parametrize("row", UNREADABLE[1:])
def test_a_row_that_cannot_be_used_never_makes_the_rest_look_like_the_whole(own_folders: Path, row: str) -> None:
    Path("rows.jsonl").write_text(f"{UNREADABLE[0]}\n{row}\n")
    Path("table.toml").write_text('lagrange = ">=0.3.12"\n')
    gate = ("adoption", "gate", "lagrange", "--threshold", "95%", "--compatibility", "table.toml", "--json")
    found = invoke(*gate, "--from", "rows.jsonl")
    assert found.exit_code == 6
    assert json.loads(found.stdout)["share"]["share"] == 0.01
    assert "epoch 740, the newest with registrations" in json.loads(found.stdout)["assumed"]


def test_an_unknown_stake_refuses_the_gate_and_can_be_left_out(own_folders: Path) -> None:
    Path("rows.jsonl").write_text(f'{UNREADABLE[0]}\n{{"party_id":"pool1b","epoch":740,"stake":"much"}}\n')
    Path("table.toml").write_text('lagrange = ">=0.3.12"\n')
    gate = ("adoption", "gate", "lagrange", "--threshold", "95%", "--compatibility", "table.toml")
    found = invoke(*gate, "--from", "rows.jsonl")
    assert found.exit_code == 6
    assert "--ignore-rejected" in found.stdout
    assert invoke(*gate, "--from", "rows.jsonl", "--ignore-rejected").exit_code == 0


def test_one_row_of_a_far_epoch_meets_no_gate(own_folders: Path) -> None:
    rows = [f'{{"party_id":"p{n}","epoch":740,"stake":10,"version":"0.2.0"}}' for n in range(3)]
    Path("rows.jsonl").write_text("\n".join((*rows, UNREADABLE[0].replace("740", "9999"))) + "\n")
    Path("table.toml").write_text('lagrange = ">=0.3.12"\n')
    gate = ("adoption", "gate", "lagrange", "--threshold", "95%", "--compatibility", "table.toml")
    found = invoke(*gate, "--from", "rows.jsonl")
    assert found.exit_code == 6
    assert "epoch 740" in found.stderr


def test_an_exported_csv_begins_no_formula_and_is_read_back(own_folders: Path) -> None:
    row = {"party_id": '=HYPERLINK("http://x")', "epoch": 5, "version": "@x", "stake": 1}
    write_rows(Path("rows.jsonl"), [row | {"capability": {"eras": ["thales"]}}])
    found = invoke("adoption", "export", "--format", "csv", "--from", "rows.jsonl")
    (cells,) = csv.DictReader(found.stdout.splitlines())
    assert (cells["party_id"], cells["version"]) == ("'" + str(row["party_id"]), "'@x")
    Path("back.csv").write_text(found.stdout)
    exported = [invoke("adoption", "export", "--from", name).stdout for name in ("rows.jsonl", "back.csv")]
    (first, second) = [json.loads(text) | {"source": ""} for text in exported]
    assert first == second
