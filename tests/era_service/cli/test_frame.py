"""What every command shares: lazy loading, global options, errors, exit codes, pipes and signals."""

import fcntl
import json
import os
import re
import signal
import subprocess
import termios
import time
from pathlib import Path
from typing import IO

import click
import pytest

from era_service.cli.app import COMMANDS, cli
from era_service.cli.shared import output
from eras import UnsupportedEraError, __version__
from tests.architecture.test_commands import leaves
from tests.era_service.conftest import ERASWITCH, Shell, invoke


@click.command()
@click.option("--how")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def broken(context: click.Context, how: str, *, as_json: bool) -> None:
    """Fail in every way there is."""
    if how == "ours":
        raise UnsupportedEraError("An era", expected="one", got="\x1b[31mred", next_step="Upgrade", era="x")
    if how == "bug":
        raise KeyError("hush-hush")
    if how == "interrupt":
        raise KeyboardInterrupt
    if how == "exit":
        context.exit(6)
    if how == "package":
        raise ModuleNotFoundError("No module named 'rich'", name="rich")
    if how == "own-package":
        raise ModuleNotFoundError("No module named 'eras.gone'", name="eras.gone")
    if how == "ask":
        click.confirm("Sure?", abort=True)


@pytest.fixture(autouse=True)
def broken_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COMMANDS, "broken", ("tests.era_service.cli.test_frame:broken", "Fail in every way there is"))


GROUPS = [
    "era",
    "datum",
    "marker",
    "tx",
    "adoption",
    "rollout",
    "events",
    "token",
    "db",
    "local-chain",
    "keys",
    "config",
]


@pytest.mark.parametrize("group", [[], *([name] for name in GROUPS)], ids=str)
def test_help_lists_every_command_in_whole_sentences(group: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = invoke(*group, "--help").stdout
    listed = shown.partition("\nCommands:\n")[2]
    assert listed
    assert "..." not in listed
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize("columns", [80, 120])
def test_the_help_of_every_command_has_one_form(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", f"{columns}")
    commands = {path: command for path, command in leaves(cli) if path != ("broken",)}
    assert len(commands) > 70
    for path, command in commands.items():
        shown = invoke(*path, "--help").stdout
        text = " ".join(shown.split())
        assert "\nExample:\n  eraswitch " in shown, path
        assert max(map(len, shown.splitlines())) <= min(columns, 100), path
        assert not re.search(r"\w-$", shown, re.MULTILINE), path  # a word broken at its hyphen
        assert not re.search(r"\d by default|by default \d+[.;]|the default\)", text), path
        assert not re.search(r"\[default: (\(|[^\]]*\.0[;\]])", text), path
        repeatable = sum(one.multiple for one in command.params if isinstance(one, click.Option))
        assert len(re.findall(r"[Cc]an be repeated", text)) == repeatable, path


def test_version_and_help(real_shell: Shell) -> None:
    assert real_shell("--version").stdout == f"eraswitch {__version__}\n"
    for flag in ("--help", "-h"):
        text = real_shell(flag).stdout
        assert all(f"\n  {name} " in text for name in COMMANDS if name != "broken")
        assert "--log-format" in text


def test_global_options_stand_before_or_after_the_command() -> None:
    for arguments in (["--network", "preview", "config", "show"], ["config", "show", "--network", "preview"]):
        result = invoke(*arguments)
        assert result.exit_code == 0
        assert "pre-release-preview  (flag --network)" in result.stdout
    assert "release-preprod" in invoke("--network", "preview", "config", "show", "--network", "preprod").stdout


def test_our_errors_have_their_message_and_exit_code() -> None:
    result = invoke("broken", "--how", "ours")
    assert result.exit_code == 4
    assert result.stdout == ""
    assert result.stderr == "Error: An era: expected one, got \\u001b[31mred. Upgrade\n"


def test_our_errors_are_json_too() -> None:
    result = invoke("broken", "--how", "ours", "--json")
    error = json.loads(result.stdout)["error"]
    assert (error["code"], error["expected"], error["facts"]) == ("UnsupportedEra", "one", {"era": "x"})
    assert "Error: An era" in result.stderr


def test_a_bug_is_said_in_one_line_without_the_text_of_the_exception() -> None:
    result = invoke("broken", "--how", "bug", "--json")
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: A bug in eraswitch: an unexpected KeyError at test_frame.py:")
    assert line.endswith(". Run it again with --debug and report the traceback")
    assert json.loads(result.stdout)["error"]["code"] == "Unexpected"
    assert "hush-hush" not in result.output


@pytest.mark.parametrize(
    ("arguments", "env"), [(["--debug"], {}), ([], {"ERASWITCH_DEBUG": "1"})], ids=["flag", "environment"]
)
def test_debug_shows_the_traceback(arguments: list[str], env: dict[str, str]) -> None:
    result = invoke("broken", "--how", "bug", *arguments, env=env)
    assert "Traceback" in result.stderr
    assert "KeyError: 'hush-hush'" in result.stderr


def test_other_ways_to_end() -> None:
    assert invoke("broken", "--how", "interrupt").exit_code == 130
    assert invoke("broken", "--how", "exit").exit_code == 6
    assert invoke("broken").exit_code == 0
    aborted = invoke("broken", "--how", "ask", input="n\n")
    assert aborted.exit_code == 1
    assert aborted.stderr == "\nAborted: nothing was done, no confirmation was given. In a script add --yes\n"


def test_a_package_that_is_missing_is_named() -> None:
    result = invoke("broken", "--how", "package")
    assert result.exit_code == 2
    assert "the package 'rich'" in result.stderr
    assert "A bug in eraswitch" in invoke("broken", "--how", "own-package").stderr


@pytest.mark.parametrize(
    "arguments",
    [["nothing"], ["era"], ["era", "lst"], ["era", "list", "--jso"], ["--log-level", "loud", "era", "list"]],
    ids=" ".join,
)
def test_usage_errors(arguments: list[str]) -> None:
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert "Usage: eraswitch" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(("arguments", "meant"), [(["statsu"], "status"), (["adoption", "sumary"], "summary")])
def test_a_misspelt_command_is_told_the_right_one(arguments: list[str], meant: str) -> None:
    assert f"No such command {arguments[-1]!r}. Did you mean {meant!r}?" in invoke(*arguments).stderr


def test_usage_errors_are_json_too() -> None:
    result = invoke("era", "generate-keypair", "--json")
    assert result.exit_code == 2
    assert json.loads(result.stdout)["error"]["code"] == "Usage"


def test_a_reader_that_goes_away_is_no_error(real_shell: Shell) -> None:
    script = f"{ERASWITCH} config schema --json | head -c 1"
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=real_shell.folder,
        env=real_shell.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout == "{"
    read, write = os.pipe()
    os.close(read)
    gone = subprocess.run(
        [ERASWITCH, "era", "list"],
        cwd=real_shell.folder,
        env=real_shell.environment(),
        stdout=write,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(write)
    assert (gone.returncode, gone.stderr) == (1, b"")


def test_a_full_disk_is_an_error_and_no_bug(real_shell: Shell) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [ERASWITCH, "era", "list"],
            cwd=real_shell.folder,
            env=real_shell.environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.startswith("Error: The output could not be written")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [["init", "--provider", "local:chain", "--keys"], ["events", "verify"], ["rehearse"], ["db", "check", "--store"]],
    ids=" ".join,
)
def test_a_path_that_the_system_refuses_is_named(arguments: list[str]) -> None:
    result = invoke(*arguments, "x" * 300)
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: A path cannot be used: expected access to ")
    assert f"{'x' * 300}" in result.stderr
    assert result.stderr.endswith(", got File name too long. Check the path and its permissions\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["watch", "--once", "--hook", "activated=~nobody-of-that-name/hook"],
        ["watch", "--once", "--eras", "~nobody-of-that-name/eras", "--program", "node"],
        ["watch", "--once", "--register-key", "~nobody-of-that-name/key"],
        ["adoption", "summary", "--store", "here", "--compatibility", "~nobody-of-that-name/table"],
        ["db", "check", "--store", "~nobody-of-that-name/store"],
    ],
    ids=" ".join,
)
def test_a_home_folder_that_is_not_there_is_an_error_and_no_bug(arguments: list[str]) -> None:
    result = invoke(*arguments)
    assert (result.exit_code, "home" in result.stderr, "bug" in result.stderr) == (2, True, False)


def test_a_user_without_a_home_folder_is_told_to_set_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(os, "getuid", lambda: 2**31 - 7)
    result = invoke("era", "list")
    assert result.exit_code == 2
    assert result.stderr.endswith("expected the variable HOME or XDG_CONFIG_HOME, got neither. Set HOME\n")


def test_a_link_to_itself_is_no_output(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    result = invoke("protocol-configuration", "export-markers", "--default", "--target-path", str(tmp_path / "loop"))
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: A file could not be written: expected to write {tmp_path / 'loop'}")
    assert (tmp_path / "loop").is_symlink()


@pytest.mark.parametrize(
    "arguments",
    [
        ["token", "revoke", "\udcff"],
        ["events", "cat", "--kind", "\udcff"],
        ["adoption", "rejects", "--source", "\udcff"],
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_an_argument_that_is_no_text_is_a_usage_error_and_no_damage(arguments: list[str]) -> None:
    assert invoke("db", "upgrade", "--store", "here").exit_code == 0
    result = invoke(*arguments, "--store", "here")
    assert (result.exit_code, result.stderr) == (2, "Error: An argument is not UTF-8 text: '\\udcff'.\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["adoption", "rejects", "--store", "here", "--after", f"{2**63}"],
        ["adoption", "rejects", "--store", "here", "--limit", "9" * 4000],
        ["adoption", "watch", "--store", "here", "--interval", "nan"],
        ["tx", "submit", "here", "--poll", "inf"],
        ["tx", "submit", "here", "--timeout", "1e10"],
    ],
    ids=lambda arguments: f"{arguments[-2]} {arguments[-1][:20]}",
)
def test_a_number_too_large_for_a_database_or_a_clock_is_a_usage_error(arguments: list[str]) -> None:
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert f"Invalid value for '{arguments[-2]}': expected at most " in result.stderr


def test_streams_that_are_closed_are_no_bug(real_shell: Shell) -> None:
    def closed() -> None:
        for number in (0, 1):
            os.close(number)

    done = subprocess.run(
        [ERASWITCH, "doctor"],
        cwd=real_shell.folder,
        env=real_shell.environment(),
        stderr=subprocess.PIPE,
        preexec_fn=closed,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "")


def test_a_service_whose_url_has_no_host_is_an_error() -> None:
    result = invoke("adoption", "chart", "c.svg", "--from-service", "http://[::1")
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: The leader URL is not usable: expected http://host or")


def wait_until_read(pipe: IO[str]) -> None:
    """Wait until who reads from a pipe has taken all that is in it."""
    until = time.monotonic() + 60
    while int.from_bytes(fcntl.ioctl(pipe.fileno(), termios.FIONREAD, bytes(4)), "little"):
        assert time.monotonic() < until, "nobody reads"
        time.sleep(0.02)


def test_ctrl_c_ends_a_server_cleanly_and_another_command_with_130(real_shell: Shell) -> None:
    server = subprocess.Popen(
        [ERASWITCH, "local-chain", "start", "--json"],
        cwd=real_shell.folder,
        env=real_shell.environment(),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert server.stdout is not None
    assert "blockfrost" in json.loads(server.stdout.readline())
    server.send_signal(signal.SIGINT)
    assert server.wait(20) == 0
    server.communicate()
    waiting = subprocess.Popen(
        [ERASWITCH, "datum", "decode", "-"],
        cwd=real_shell.folder,
        env=real_shell.environment(),
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert waiting.stdin is not None
    print("one line, and more to come", file=waiting.stdin, flush=True)
    wait_until_read(waiting.stdin)
    waiting.send_signal(signal.SIGINT)
    _, errors = waiting.communicate(timeout=60)
    assert (waiting.returncode, errors.strip()) == (130, "Interrupted")


def test_a_terminal_that_cannot_show_a_name_is_no_failure(real_shell: Shell) -> None:
    (real_shell.folder / "eraswitch.toml").write_text('[network]\nsupported_eras = ["πυθαγόρας"]', encoding="utf-8")
    done = real_shell("era", "list", env={"PYTHONIOENCODING": "latin-1"})
    assert done.returncode == 0
    assert "\\u03c5" in done.stdout


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_completion_scripts(name: str, real_shell: Shell) -> None:
    done = real_shell("completion", name)
    assert done.returncode == 0
    assert "_ERASWITCH_COMPLETE" in done.stdout
    assert real_shell("completion", "tcsh").returncode == 2


def test_completion_completes(real_shell: Shell) -> None:
    env = {"_ERASWITCH_COMPLETE": "bash_complete", "COMP_CWORD": "2", "COMP_WORDS": "eraswitch era gen"}
    assert real_shell(env=env).stdout.split() == ["plain,generate-keypair", "plain,generate-tx-datum"]
    env |= {"COMP_WORDS": "eraswitch --network pre", "COMP_CWORD": "2"}
    assert "plain,preprod" in real_shell(env=env).stdout.split()


def test_lines_that_are_wider_than_a_terminal_go_on_in_the_column_of_their_value(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    digest = "71c405501749b46f9984e7fdd31925ce09f56fc1de99e2b0457cb805a61748e1"
    lines = [
        f"  spends      97.749056 ADA with a datum, {digest}#0",
        "  valid       before slot 8900, the end of epoch 88: later would be too little notice, 12 epochs",
        f"Trusted {digest}#0 with quite a tail",
    ]
    output.echo_lines(lines)
    assert capsys.readouterr().out.splitlines() == lines, "one line is one line where it is not a terminal"
    monkeypatch.setattr(output, "terminal_width", lambda **_: 80)
    output.echo_lines(lines)
    assert capsys.readouterr().out.splitlines() == [
        "  spends      97.749056 ADA with a datum,",
        f"              {digest}#0",
        "  valid       before slot 8900, the end of epoch 88: later would be too little",
        "              notice, 12 epochs",
        f"Trusted {digest}#0 with",
        "  quite a tail",
    ]
    monkeypatch.setattr(output, "terminal_width", lambda **_: 64)
    output.echo_lines(["  marker      1.88347 ADA, and then some more words, in all 581 bytes"])
    assert capsys.readouterr().out.splitlines()[1] == "              581 bytes", "a number stays with its unit"
