"""The folder of binaries and the process that runs on them: real files, real links, real processes."""

import os
import signal
import time
from pathlib import Path

import pytest

from era_service.node.supervisor import NodeSupervisor
from era_service.node.swap import EraFolder, SwapError
from eras import ConfigurationError
from tests.node.programs import gone, install, program


def waited(path: Path, content: str) -> bool:
    """Whether a file comes to hold something."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if path.exists() and path.read_text() == content:
            return True
        time.sleep(0.02)
    return False


def test_the_link_is_switched_to_what_is_installed_and_right(tmp_path: Path) -> None:
    folder = EraFolder(tmp_path, "node")
    made = install(tmp_path, "thales", "echo thales")
    install(tmp_path, "pythagoras", "echo pythagoras")
    assert list(folder.installed()) == ["pythagoras", "thales"]
    assert folder.current() is None
    assert folder.switch("thales")
    assert not folder.switch("thales"), "it leads there already"
    assert folder.current() == "thales"
    assert (tmp_path / "current/bin/node").resolve() == made
    assert folder.switch("pythagoras")
    assert (tmp_path / "current").readlink() == Path("eras/pythagoras")
    assert {path.name for path in tmp_path.iterdir()} == {"current", "eras"}, "nothing is left lying about"


def test_at_every_moment_the_link_leads_to_one_of_the_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A switch that dies at any call to the system leaves the old link or the new one."""
    folder = EraFolder(tmp_path, "node")
    install(tmp_path, "thales", "")
    install(tmp_path, "pythagoras", "")
    for name, target in (("symlink_to", Path), ("replace", Path), ("fsync", os)):
        folder.switch("thales")
        with monkeypatch.context() as patched:
            patched.setattr(target, name, _full)
            with pytest.raises(SwapError, match="could not be switched to pythagoras"):
                folder.switch("pythagoras")
        assert folder.current() in ("thales", "pythagoras")
        assert (tmp_path / "current/bin/node").exists()
    assert folder.switch("pythagoras") or folder.current() == "pythagoras"


def _full(*_: object, **__: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_binary_with_another_hash_is_refused_and_the_link_stays(tmp_path: Path) -> None:
    folder = EraFolder(tmp_path, "node")
    install(tmp_path, "thales", "")
    folder.switch("thales")
    install(tmp_path, "pythagoras", "").write_text("#!/bin/sh\necho evil\n")
    with pytest.raises(SwapError, match="with the SHA-256 [0-9a-f]{64}, got [0-9a-f]{64}"):
        folder.switch("pythagoras")
    assert folder.current() == "thales"
    assert list(folder.installed()) == ["thales"]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda era: (era / "SHA256SUMS").unlink(), "to read .*SHA256SUMS, got No such file"),
        (lambda era: (era / "SHA256SUMS").write_text("nonsense\n"), "a line for bin/node .*, got 1 line without it"),
        (lambda era: (era / "SHA256SUMS").write_bytes(b"\xff"), "got bytes that are not text"),
        (lambda era: (era / "bin/node").unlink(), "to read .*bin/node, got No such file"),
        (lambda era: (era / "bin/node").chmod(0o644), "to be executable, got a file that is not"),
    ],
)
def test_what_is_not_installed_properly_is_named(spoil, words: str, tmp_path: Path) -> None:
    install(tmp_path, "thales", "")
    spoil(tmp_path / "eras" / "thales")
    with pytest.raises(SwapError, match=words) as raised:
        EraFolder(tmp_path, "node").verified("thales")
    assert "sha256sum bin/node > SHA256SUMS" in str(raised.value)


@pytest.mark.parametrize("era", ["", ".", "..", "../thales", "a/b", "a\0b", "/etc", "x" * 256])
def test_an_era_whose_name_is_a_path_leads_nowhere(era: str, tmp_path: Path) -> None:
    install(tmp_path, "thales", "")
    with pytest.raises(SwapError):
        EraFolder(tmp_path, "node").switch(era)
    assert EraFolder(tmp_path, "node").current() is None


@pytest.mark.parametrize("name", ["", "..", "bin/node"])
def test_a_program_is_a_name(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="file name"):
        EraFolder(tmp_path, name)


def test_one_binary_can_serve_two_eras_by_a_link(tmp_path: Path) -> None:
    install(tmp_path, "thales", "")
    (tmp_path / "eras" / "pythagoras").symlink_to("thales")
    folder = EraFolder(tmp_path, "node")
    assert list(folder.installed()) == ["pythagoras", "thales"]
    assert folder.switch("pythagoras")


def test_a_link_that_somebody_else_made_is_not_an_era(tmp_path: Path) -> None:
    (tmp_path / "current").symlink_to("/somewhere/else")
    assert EraFolder(tmp_path, "node").current() is None


NODE = "echo $ERASWITCH_ERA $1 > {out}; trap 'echo stopped > {out}.{era}; exit 0' TERM; while :; do sleep 0.05; done"


def test_the_node_is_started_stopped_and_started_on_the_next_binary(tmp_path: Path) -> None:
    out = tmp_path / "out"
    for era in ("thales", "pythagoras"):
        install(tmp_path, era, NODE.format(out=out, era=era))
    with NodeSupervisor(EraFolder(tmp_path, "node"), ["argument"]) as node:
        assert (node.pid, node.ended()) == (None, None)
        assert node.run("thales")
        assert waited(out, "thales argument\n")
        first = node.pid
        assert not node.run("thales")
        assert node.pid == first
        assert node.run("pythagoras")
        assert waited(out, "pythagoras argument\n")
        assert (tmp_path / "out.thales").read_text() == "stopped\n"
        assert node.pid not in (None, first)
        assert node.folder.current() == "pythagoras"
    assert (tmp_path / "out.pythagoras").read_text() == "stopped\n"


def test_a_binary_that_is_wrong_never_runs_and_the_old_one_goes_on(tmp_path: Path) -> None:
    out = tmp_path / "out"
    install(tmp_path, "thales", NODE.format(out=out, era="thales"))
    install(tmp_path, "pythagoras", "").write_text(f"#!/bin/sh\ntouch {tmp_path}/evil\n")
    with NodeSupervisor(EraFolder(tmp_path, "node")) as node:
        node.run("thales")
        assert waited(out, "thales\n")
        pid = node.pid
        with pytest.raises(SwapError):
            node.run("pythagoras")
        assert (node.pid, node.era) == (pid, "thales")
    assert not (tmp_path / "evil").exists()


def test_a_program_that_this_machine_cannot_run_is_named(tmp_path: Path) -> None:
    install(tmp_path, "thales", "")
    made = program(tmp_path / "eras/thales/bin/node", "")
    made.write_bytes(b"\x7fELF nonsense")
    import hashlib

    sums = f"{hashlib.sha256(made.read_bytes()).hexdigest()} *bin/node\n"
    (tmp_path / "eras/thales/SHA256SUMS").write_text(sums)
    with NodeSupervisor(EraFolder(tmp_path, "node")) as node, pytest.raises(SwapError, match="could not be started"):
        node.run("thales")


def test_a_node_that_does_not_stop_is_killed(tmp_path: Path) -> None:
    out = tmp_path / "out"
    install(tmp_path, "thales", f"trap '' TERM; echo up > {out}; while :; do sleep 0.05; done")
    node = NodeSupervisor(EraFolder(tmp_path, "node"), grace_s=0.2)
    node.run("thales")
    assert waited(out, "up\n")
    assert node.stop() == -signal.SIGKILL
    assert node.stop() is None


def test_who_is_told_to_stop_meanwhile_gives_the_node_no_longer_than_always(tmp_path: Path) -> None:
    out = tmp_path / "out"
    install(tmp_path, "thales", f"trap '' TERM; echo up > {out}; while :; do sleep 0.05; done")
    signs: list[float] = []
    node = NodeSupervisor(EraFolder(tmp_path, "node"), grace_s=0.3, waiting=lambda: signs.append(time.monotonic()))
    node.run("thales")
    assert waited(out, "up\n")
    began = time.monotonic()
    # Whoever waits for it can give signs of life: without them, this would wait for ten minutes.
    assert node.stop(600, hurry=lambda: len(signs) > 3 and time.monotonic() > began + 0.3) == -signal.SIGKILL
    assert 0.6 < time.monotonic() - began < 300


def test_a_program_gets_its_environment_and_nothing_of_what_starts_it(tmp_path: Path) -> None:
    out = tmp_path / "out"
    install(tmp_path, "thales", f"/usr/bin/env > {out}.part; ls /proc/self/fd >> {out}.part; mv {out}.part {out}")
    with NodeSupervisor(EraFolder(tmp_path, "node"), environ={"LANG": "C", "X": "\udcff y"}) as node:
        node.run("thales")
        until = time.monotonic() + 30
        while not out.exists() and time.monotonic() < until:
            time.sleep(0.02)
    lines = set(out.read_bytes().splitlines()) - {b"0", b"1", b"2", b"3"}  # the third is of ls
    assert {line for line in lines if not line.startswith((b"PWD=", b"SHLVL=", b"_=", b"OLDPWD="))} == {
        b"LANG=C",
        b"X=\xff y",
        b"ERASWITCH_ERA=thales",
    }


def test_what_a_node_started_and_left_is_stopped_with_it(tmp_path: Path) -> None:
    out = tmp_path / "out"
    body = f"sh -c 'trap : TERM; echo $$ > {out}; while :; do sleep 0.05; done' & trap 'exit 0' TERM; wait"
    install(tmp_path, "thales", body)
    node = NodeSupervisor(EraFolder(tmp_path, "node"), grace_s=10)
    node.run("thales")
    until = time.monotonic() + 30
    while not (out.exists() and out.read_text().strip()) and time.monotonic() < until:
        time.sleep(0.02)
    assert node.stop() == 0
    assert gone([int(out.read_text())])


def test_a_node_that_ends_by_itself_is_seen(tmp_path: Path) -> None:
    install(tmp_path, "thales", "exit 9")
    with NodeSupervisor(EraFolder(tmp_path, "node")) as node:
        node.run("thales")
        until = time.monotonic() + 30
        while node.ended() is None and time.monotonic() < until:
            time.sleep(0.02)
        assert (node.ended(), node.pid) == (9, None)
