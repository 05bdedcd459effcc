"""``eraswitch watch``: as a real process on a real local chain, with signals, hooks, binaries, and every exit code."""

import json
import logging
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from chain_reader.local_chain import Genesis, LocalChain
from era_service.config.schema import Settings
from era_service.logs import configure_logging
from era_service.node.hooks import Hook, HookEvent
from era_service.node.reloading import KEPT_SETTINGS, RELOADED_SECTIONS, RELOADED_SETTINGS
from era_service.node.service_works import SupportRule
from tests import forked
from tests.conftest import ROOT
from tests.node.programs import gone, install, program
from tests.node.world import ADDRESS, KEY, LAGRANGE, PYTHAGORAS, THALES, publish
from tests.postgres import free_port


@pytest.fixture
def chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalChain]:
    """A chain in epoch 5, and a configuration that reads it, in the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    configure()
    with LocalChain.create(tmp_path / "chain.sqlite3", genesis=Genesis(epoch_length=100)) as made:
        made.advance_to_epoch(5)
        yield made


def configure(extra: str = "", eras: tuple[str, ...] = (THALES, PYTHAGORAS)) -> None:
    Path("eraswitch.toml").write_text(
        f"""network = "own"
        [reader]
        providers = ["local:chain.sqlite3"]
        [store]
        url = "store.sqlite3"
        [watch]
        poll_interval_s = 0.1
        spread_s = 0.1
        backoff_max_s = 0.5
        [networks.own]
        magic = 42
        era_address = "{ADDRESS}"
        verification_key = "{KEY.verification_key.hex}"
        supported_eras = {json.dumps(eras)}
        {extra}
        """
    )


def once(*arguments: str) -> tuple[int, list[str], str]:
    """Exit code, the kinds of decision, and stderr, of one check."""
    from era_service.cli.app import cli

    result = CliRunner().invoke(cli, ["watch", "--once", "--json", *arguments])
    return result.exit_code, [json.loads(line)["kind"] for line in result.stdout.splitlines()], result.stderr


class Running:
    """A watcher as a process."""

    def __init__(self, process: forked.Forked | subprocess.Popen[str], errors: Path) -> None:
        self.process = process
        self._errors = errors

    @property
    def errors(self) -> str:
        """What it has written to stderr so far."""
        return self._errors.read_text()

    def until(self, kind: str) -> dict[str, Any]:
        """The next decision of a kind."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            found: dict[str, Any] = json.loads(line)
            if found["kind"] == kind:
                return found
        raise AssertionError(f"it ended before {kind}: {self.errors}")


@contextmanager
def watching(*arguments: str, installed: bool = False, **environ: str) -> Iterator[Running]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    here = Path.cwd()
    errors = here / f"watch-{time.monotonic_ns()}.log"
    command = ("watch", "--json", *arguments)
    with forked.eraswitch(*command, cwd=here, env=kept | environ, stderr=errors, installed=installed) as process:
        try:
            yield Running(process, errors)
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("markers", "eras", "code", "kinds"),
    [
        ([(THALES, 0)], (THALES,), 0, ["trusted", "era-known"]),
        ([(THALES, 0), (PYTHAGORAS, 9)], (THALES,), 3, ["trusted", "era-known", "scheduled", "unsupported-upcoming"]),
        ([(PYTHAGORAS, 0)], (THALES,), 4, ["trusted", "era-known", "unsupported-current"]),
        ([], (THALES,), 5, ["nothing-trusted"]),
    ],
)
def test_one_check_exits_as_status_does(
    chain: LocalChain, markers: Any, eras: tuple[str, ...], code: int, kinds: list[str]
) -> None:
    configure(eras=eras)
    if markers:
        publish(chain, *markers)
    assert once()[:2] == (code, kinds)


def test_one_check_says_what_it_found_also_when_nothing_is_new(chain: LocalChain) -> None:
    from era_service.cli.app import cli

    configure(eras=(THALES,))
    publish(chain, (THALES, 0), (PYTHAGORAS, 9))
    for new in (True, False):
        result = CliRunner().invoke(cli, ["watch", "--once"])
        assert ("The markers in force are thales at epoch 0, pythagoras at epoch 9, by" in result.stderr) is new
        assert (result.exit_code, result.stdout) == (
            3,
            "epoch 5, era thales, pythagoras at epoch 9 (NOT SUPPORTED)\n",
        )


def test_what_was_trusted_is_known_at_the_next_start_though_the_provider_is_gone(chain: LocalChain) -> None:
    publish(chain, (THALES, 0))
    assert once()[0] == 0
    code, kinds, errors = once("--provider", "http://127.0.0.1:1/api/v0")
    assert code == 0
    assert "provider-failed" in kinds
    assert "The chain cannot be read" in errors


def test_the_compatibility_table_names_what_to_install(chain: LocalChain) -> None:
    publish(chain, (THALES, 0), (PYTHAGORAS, 7))
    Path("table.toml").write_text('thales = ">=1.0.0"\npythagoras = ">=2.0.0"\n')
    configure('[adoption]\ncompatibility_file = "table.toml"', eras=(THALES,))
    code, _, errors = once()
    assert code == 3
    assert "Install version 2.0.0" in errors
    assert "in 2 epochs" in errors


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(chain: LocalChain, number: signal.Signals) -> None:
    publish(chain, (THALES, 0))
    with watching() as node:
        node.until("era-known")
        for survived in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
            node.process.send_signal(survived)
        node.process.send_signal(number)
        assert node.until("ended") == {"kind": "ended", "code": 0, "reason": "a stop was requested"}
        assert node.process.wait(60) == 0
        errors = node.errors
        assert "Traceback" not in errors
        assert "Watching: epoch 5, era thales" in errors


def test_a_hang_up_changes_providers_hooks_log_and_intervals_or_nothing(
    chain: LocalChain, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from era_service.cli.shared.context import AppContext
    from era_service.cli.watch import _reloading
    from era_service.node.opening import open_watcher

    publish(chain, (THALES, 0))
    app, out = AppContext(), tmp_path / "out"
    program(tmp_path / "hook", f"echo $1 >> {out}")
    settings = app.read().settings
    own = Hook(HookEvent.REFUSED, tmp_path / "hook")
    with open_watcher(settings, hooks=[own]) as watcher:
        hang_up = _reloading(watcher, settings, lambda: app.read().settings, [own])
        text = Path("eraswitch.toml").read_text()
        changed = text.replace("poll_interval_s = 0.1", "poll_interval_s = 7")
        elsewhere = changed.replace("local:chain", "local:other")
        hooks = '[hooks]\nactivated = ["hook"]\nbefore_switch = ["hook"]\n[log]\nlevel = "debug"\n'
        before = watcher.hooks.hooks
        mistakes = (changed + "[hooks]\nactivated = ['none']\n", changed.replace("= 7", "= 'often'"), elsewhere)
        for mistake in mistakes:
            Path("eraswitch.toml").write_text(mistake)
            hang_up()
            assert "SIGHUP: nothing was changed" in caplog.text
            assert (watcher.hooks.hooks, watcher.options.calls.poll_interval_s) == (before, 0.1)
            caplog.clear()
        Path("other.sqlite3").symlink_to("chain.sqlite3")
        support = 'spread_s = 0.1\nsupport_url = "http://127.0.0.1:1"\n'
        Path("eraswitch.toml").write_text(elsewhere.replace("spread_s = 0.1", support) + hooks)
        hang_up()
        assert "changed: reader.providers, log.level, watch.poll_interval_s, watch.support_url, hooks.activated" in (
            caplog.text
        )
        assert "these settings need a restart: hooks.before_switch" in caplog.text
        assert logging.getLogger("era_service").getEffectiveLevel() == logging.DEBUG
        watcher.check()
        assert watcher.checker.current_era == THALES
        assert "other.sqlite3" in watcher.providers.name
        assert [type(errand.work) for errand in watcher.errands] == [SupportRule]
        caplog.clear()
        Path("other.sqlite3").unlink()
        Path("eraswitch.toml").write_text(Path("eraswitch.toml").read_text().replace("= 7", "= 8"))
        hang_up()
        assert "the providers stay unchanged" in caplog.text, "what is not changed holds up nothing else"
        assert watcher.checker.current_era == THALES
        assert watcher._calls.schedule.options.poll_interval_s == watcher.options.calls.poll_interval_s == 8
        assert [hook.event for hook in watcher.hooks.hooks] == ["activated", "refused"]
    configure_logging()
    assert out.read_text() == "activated\n"


def test_every_setting_that_a_watcher_reloads_exists_and_is_in_the_docs() -> None:
    part = (ROOT / "docs" / "operations.md").read_text().partition("reload eraswitch-watch")[2].partition("\n## ")[0]
    known = {f"{name}.{key}" for name, field in Settings.model_fields.items() for key in fields_of(field)}
    assert known >= RELOADED_SETTINGS | KEPT_SETTINGS
    assert all(key in part for key in KEPT_SETTINGS)
    assert all(key.partition(".")[2] in part for key in RELOADED_SETTINGS)
    assert all(f"`{section}`" in part for section in RELOADED_SECTIONS)


def fields_of(field: Any) -> Any:
    return getattr(field.annotation, "model_fields", ())


def test_across_a_switch_to_an_era_that_it_does_not_know(chain: LocalChain, tmp_path: Path) -> None:
    publish(chain, (THALES, 0), (PYTHAGORAS, 6), (LAGRANGE, 7))
    out = tmp_path / "hooks.out"
    hook = program(tmp_path / "hook", f'cat >> {out}; echo >> {out}; echo "$1 ran"')
    hooks = [text for event in ("activated", "unsupported-current") for text in ("--hook", f"{event}={hook}")]
    with watching(*hooks) as node:
        node.until("era-known")
        chain.advance_to_epoch(6)
        assert node.until("activated")["facts"]["era"] == PYTHAGORAS
        node.until("unsupported-upcoming")
        chain.advance_to_epoch(7)
        node.until("unsupported-current")
        assert node.until("ended")["code"] == 4
        assert node.process.wait(60) == 4
        errors = node.errors
    told = [json.loads(line) for line in out.read_text().splitlines()]
    assert [(facts["event"], facts["era"]) for facts in told] == [
        ("activated", THALES),
        ("activated", PYTHAGORAS),
        ("unsupported-current", LAGRANGE),
    ]
    assert "unsupported-current ran" in errors
    assert "The current era lagrange is not supported by this software" in errors


NODE = "echo $ERASWITCH_ERA $$ >> {out}; trap 'exit 0' TERM; while :; do sleep 0.05; done"


def test_it_runs_the_node_on_the_binary_of_the_era(chain: LocalChain, tmp_path: Path) -> None:
    publish(chain, (THALES, 0), (PYTHAGORAS, 6))
    out = tmp_path / "out"
    for era in (THALES, PYTHAGORAS):
        install(tmp_path / "bins", era, NODE.format(out=out))
    with watching("--eras", "bins", "--program", "node", "--run", "--", "--an", "argument") as node:
        node.until("era-known")
        wait_for(lambda: out.exists() and len(out.read_text().splitlines()) == 1)
        chain.advance_to_epoch(6)
        node.until("activated")
        wait_for(lambda: len(out.read_text().splitlines()) == 2)
        node.process.terminate()
        assert node.until("ended")["code"] == 0
        assert node.process.wait(60) == 0
    lines = [line.split() for line in out.read_text().splitlines()]
    assert [era for era, _ in lines] == [THALES, PYTHAGORAS]
    assert gone(int(pid) for _, pid in lines)
    assert (tmp_path / "bins" / "current").readlink() == Path("eras/pythagoras")


def test_a_watcher_that_is_killed_leaves_no_node_behind(chain: LocalChain, tmp_path: Path) -> None:
    publish(chain, (THALES, 0))
    out = tmp_path / "out"
    install(tmp_path / "bins", THALES, NODE.format(out=out))
    with watching("--eras", "bins", "--program", "node", "--run") as node:
        wait_for(lambda: out.exists() and out.read_text().count(" ") == 1)
        node.process.kill()
        assert gone([int(out.read_text().split()[1])])


def test_told_to_stop_within_a_long_drain_it_kills_the_node_in_time(chain: LocalChain, tmp_path: Path) -> None:
    publish(chain, (THALES, 0), (PYTHAGORAS, 6))
    configure(eras=(THALES,), extra="")
    out = tmp_path / "out"
    stubborn = f"trap 'echo told >> {out}' TERM; echo up > {out}; while :; do sleep 0.05; done"
    install(tmp_path / "bins", THALES, stubborn)
    drain = ("--on-unsupported", "drain", "--drain", "600")
    with watching("--eras", "bins", "--program", "node", *drain, "--run", ERASWITCH_WATCH__STOP_GRACE_S="0.5") as node:
        node.until("era-known")
        wait_for(out.exists)
        chain.advance_to_epoch(6)
        wait_for(lambda: "told" in out.read_text())
        time.sleep(1.0)
        assert node.process.poll() is None, "the node has time to be finished"
        node.process.terminate()
        assert node.process.wait(60) in (0, 4)


def test_watchers_that_share_a_store_are_told_apart_by_their_ids(chain: LocalChain) -> None:
    configure(eras=(THALES,))
    publish(chain, (THALES, 0), (PYTHAGORAS, 9))
    told = ["era-known", "scheduled", "unsupported-upcoming"]
    for node_id in ("pool1", "pool2"):
        assert [kind for kind in once("--node-id", node_id)[1] if kind in told] == told
        assert once("--node-id", node_id)[1] == [], "and goes on where it ended"
    assert once("--node-id", "pool1")[1] == []
    replayed = CliRunner().invoke(_cli(), ["events", "replay", "store.sqlite3"])
    assert (replayed.exit_code, "Every decision follows from the inputs" in replayed.stdout) == (0, True)


@pytest.mark.parametrize("configured", [True, False])
def test_under_systemd_the_store_is_in_the_state_directory_unless_one_is_configured(
    chain: LocalChain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, configured: bool
) -> None:
    publish(chain, (THALES, 0))
    if not configured:
        text = Path("eraswitch.toml").read_text()
        Path("eraswitch.toml").write_text(text.replace('url = "store.sqlite3"', ""))
    (tmp_path / "state").mkdir()
    monkeypatch.setenv("STATE_DIRECTORY", f"{tmp_path}/state:{tmp_path}/other")
    assert once()[0] == 0
    assert (tmp_path / "state" / "watch.sqlite3").exists() is not configured
    assert (tmp_path / "store.sqlite3").exists() is configured


def test_it_tells_its_era_over_http(chain: LocalChain) -> None:
    publish(chain, (THALES, 0))
    port = free_port()
    told: list[dict[str, Any]] = []

    def answers() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/wait?epoch=5", timeout=60) as answer:
                told.append(json.load(answer))
        except OSError:  # not there yet, or not ready
            return False
        return True

    with watching("--http", str(port)):
        wait_for(answers)
    assert (told[0]["ready"], told[0]["current_era"]) == (True, THALES)
    refused = CliRunner().invoke(_cli(), ["watch", "--http", "0.0.0.0:80"])
    assert (refused.exit_code, "listens on this machine only" in refused.stderr) == (2, True)


def _cli() -> Any:
    from era_service.cli.app import cli

    return cli


def test_a_node_that_ends_ends_the_watcher_with_its_code(chain: LocalChain, tmp_path: Path) -> None:
    publish(chain, (THALES, 0))
    install(tmp_path / "bins", THALES, "exit 17")
    with watching("--eras", "bins", "--program", "node", "--run") as node:
        assert node.until("ended")["reason"] == "the node ended with 17"
        assert node.process.wait(60) == 17


def test_a_binary_that_is_missing_at_its_switch_ends_it_with_4(chain: LocalChain, tmp_path: Path) -> None:
    publish(chain, (THALES, 0), (PYTHAGORAS, 6))
    out = tmp_path / "out"
    install(tmp_path / "bins", THALES, NODE.format(out=out))
    with watching("--eras", "bins", "--program", "node", "--run") as node:
        node.until("era-known")
        wait_for(out.exists)
        chain.advance_to_epoch(6)
        assert node.until("ended")["code"] == 4
        assert node.process.wait(60) == 4
        errors = node.errors
    assert "The program node of the era 'pythagoras' cannot be used" in errors
    assert "to read " in errors
    assert "It is needed in 1 epoch" in errors
    assert gone([int(out.read_text().split()[1])])


def test_a_node_in_an_unsupported_era_stops_beside_the_hooks_and_not_after_them(
    chain: LocalChain, tmp_path: Path
) -> None:
    publish(chain, (THALES, 0), (PYTHAGORAS, 6))
    configure(eras=(THALES,))
    out, seen = tmp_path / "out", tmp_path / "seen"
    install(tmp_path / "bins", THALES, NODE.format(out=out))
    body = f"read -r _ pid _ < {out}; while [ -d /proc/$pid ]; do sleep 0.05; done; echo gone > {seen}"
    program(tmp_path / "hook", body)
    with watching("--eras", "bins", "--program", "node", "--hook", "unsupported-current=hook", "--run") as node:
        node.until("era-known")
        wait_for(out.exists)
        chain.advance_to_epoch(6)
        assert node.until("ended")["code"] == 4
    assert seen.read_text() == "gone\n", "the hook saw the node end"


def test_the_link_alone_is_switched_where_somebody_else_runs_the_node(chain: LocalChain, tmp_path: Path) -> None:
    publish(chain, (THALES, 0))
    install(tmp_path / "bins", THALES, "exit 1")
    assert once("--eras", "bins", "--program", "node")[0] == 0
    assert (tmp_path / "bins" / "current").readlink() == Path("eras/thales")


def test_systemd_hears_of_it(chain: LocalChain, tmp_path: Path) -> None:
    publish(chain, (THALES, 0))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(str(tmp_path / "notify"))
        bound.settimeout(20)
        with watching(NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="600000") as node:
            node.until("era-known")
            told = [bound.recv(4096).decode()]
            while told.count("WATCHDOG=1") < 4:
                told.append(bound.recv(4096).decode())
            node.process.terminate()
            while (last := bound.recv(4096).decode()) != "STOPPING=1":
                told.append(last)
            assert node.process.wait(60) == 0
    ready = told.index("READY=1")
    assert told[ready - 1] == "STATUS=epoch 5, era thales", "it is ready when its first check is over"
    assert set(told[ready + 1 :]) == {"WATCHDOG=1", "STATUS=epoch 5, era thales"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--hook", "activated"], "expected EVENT=FILE with an EVENT of announced, activating-in"),
        (["--hook", "actvated=/bin/true"], "got 'actvated=/bin/true'"),
        (["--eras", "bins"], "The binaries of the node are only partly configured"),
        (["--program", "node"], "The binaries of the node are only partly configured"),
        (["--run"], "cannot be combined"),
        (["--poll-interval", "often"], "watch.poll_interval_s"),
        (["--poll-interval", "0"], "watch.poll_interval_s"),
        (["--on-unsupported", "pray"], "'pray'"),
        (["--", "argument"], "also give --run"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(chain: LocalChain, arguments: list[str], words: str) -> None:
    code, _, errors = once_in_words(*arguments)
    assert code == 2
    assert words in errors
    assert "Traceback" not in errors


def once_in_words(*arguments: str) -> tuple[int, str, str]:
    from era_service.cli.app import cli

    result = CliRunner().invoke(cli, ["watch", "--once", *arguments])
    return result.exit_code, result.stdout, result.stderr


def test_a_source_that_is_no_chain_cannot_be_watched(chain: LocalChain) -> None:
    Path("eraswitch.toml").write_text('[reader]\nadapter_type = "dummy"\n')
    code, _, errors = once_in_words()
    assert code == 2
    assert "era address" in errors


def test_hooks_that_cannot_be_run_are_named_at_start_up(chain: LocalChain) -> None:
    publish(chain, (THALES, 0))
    configure('[hooks]\nactivated = ["/no/such/hook"]\nrefused = ["eraswitch.toml"]')
    code, _, errors = once_in_words()
    assert code == 0
    assert "The hook activated /no/such/hook cannot be run: no such file" in errors
    assert "The hook refused eraswitch.toml cannot be run: not executable" in errors


def test_the_unit_starts_what_there_is_and_systemd_takes_it(chain: LocalChain) -> None:
    import shutil
    from configparser import RawConfigParser

    from era_service.cli.app import cli

    unit = ROOT / "deploy" / "systemd" / "eraswitch-watch.service"
    parser = RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment]
    parser.read(unit)
    service = parser["Service"]
    words = service["ExecStart"].split()
    assert words[:2] == ["/usr/bin/env", "eraswitch"]
    result = CliRunner().invoke(cli, [*words[2:], "--help"])
    assert result.exit_code == 0
    assert "Watch the era of a node" in result.stdout
    assert service["RestartPreventExitStatus"].split() == ["2", "4"]
    assert service["Type"] == "notify"
    assert service["StateDirectory"] == "eraswitch"
    assert "Environment" not in service, "what the configuration says would not count"
    for name in ("NoNewPrivileges", "ProtectSystem", "PrivateTmp", "DynamicUser", "RestrictNamespaces"):
        assert service[name] in ("yes", "strict"), name
    if (analyze := shutil.which("systemd-analyze")) is not None:
        done = subprocess.run([analyze, "verify", str(unit)], capture_output=True, text=True, check=False, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")


def test_at_rest_it_uses_no_measurable_cpu(chain: LocalChain) -> None:
    publish(chain, (THALES, 0))
    quiet = {"WATCHDOG_USEC": "300000000", "NOTIFY_SOCKET": "/no/such/socket"}
    with watching("--poll-interval", "600", installed=True, **quiet) as node:
        node.until("era-known")
        until, before = time.monotonic() + 60, -2
        while (used := ticks(node.process.pid)) > before + 1:  # it has to do with its start for a while
            assert time.monotonic() < until, "it never rests"
            before = used
            time.sleep(3.0)


def ticks(pid: int) -> int:
    """CPU that a process has used, in ticks of the kernel's clock."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def wait_for(condition: Any) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)
