"""Readiness: a store that answers but takes no changes is said, with the reason, and only for as long as it lasts."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from era_service.service.refusals import AT_MOST_EVERY_S, WriteProbe
from era_store import StoreFullError, open_store
from era_store.errors import StoreLockedError
from eras import StoreError
from tests.web.world import World


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def failing(world: World) -> list[tuple[str, str]]:
    """Checks that fail, when asked with nothing remembered of the last time."""
    world.service._write_probe = WriteProbe(world.service.store)
    answer = world.client.get("/health/ready")
    found = [(check["name"], check["detail"]) for check in answer.json()["checks"] if not check["ok"]]
    assert answer.status_code == (503 if found else 200)
    return found


def test_a_store_that_another_process_holds_is_not_ready_though_it_can_be_read(any_world: World) -> None:
    assert failing(any_world) == []
    with open_store(any_world.store_url) as other, other.database.write() as connection:
        if other.database.path is None:
            connection.execute(text("SELECT * FROM schema_floor FOR UPDATE"))
        assert any_world.client.get("/era/status").status_code == 200
        assert failing(any_world) == [("store writes", "no change can be committed: StoreLocked")]
    assert failing(any_world) == []


def until_error(kind: type[Exception], do: Callable[[], object]) -> None:
    while True:
        try:
            do()
        except kind:
            return


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("only root may mount a disk of its own")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a disk of its own")
def test_a_full_disk_is_not_ready_until_there_is_room_again(tmp_path: Path, small_disk: Path) -> None:
    with World(tmp_path, str(small_disk / "store.sqlite3")) as world:
        assert failing(world) == []
        filler = small_disk / "filler"
        with filler.open("wb", buffering=0) as file:
            until_error(OSError, lambda: file.write(b"x" * 512))
        # What is free in the log itself is used up first.
        until_error(StoreFullError, lambda: world.service.store.events.append("kind", {"text": "x" * 4000}, time_s=1.0))
        assert failing(world) == [("store writes", "no change can be committed: StoreFull")]
        assert world.client.get("/era/status").status_code == 200
        filler.unlink()
        assert failing(world) == []


def test_a_reading_that_could_not_be_saved_is_not_ready_until_one_is(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise StoreFullError("The store has no room left")

    with monkeypatch.context() as patched:
        patched.setattr(world.service.store.snapshots, "save", refuse)
        with pytest.raises(StoreFullError):
            world.read()
        assert failing(world) == [("store writes", "the last reading could not be saved: StoreFull")]
    world.read()
    assert failing(world) == []


def test_the_store_is_tried_once_a_second_at_most() -> None:
    tried: list[float] = []

    class Locked:
        def try_to_write(self, *, wait_s: float) -> None:
            tried.append(wait_s)
            raise StoreLockedError("The store is held by another process")

    clock = Clock()
    probe = WriteProbe(Locked(), clock)  # type: ignore[arg-type]
    assert {type(probe.error()) for _ in range(5)} == {StoreLockedError}
    assert len(tried) == 1
    clock.now_s = AT_MOST_EVERY_S
    assert isinstance(probe.error(), StoreError)
    assert len(tried) == 2
