"""Key files: never overwritten, secret from the start, both or none."""

import os
from pathlib import Path

import pytest

from datum import SigningKey
from eras import ConfigurationError
from release_tools.keys.files import write_key_pair
from tests.errors import raising

KEY = SigningKey(bytes(range(32)))


def test_both_files_as_mithril_writes_them(tmp_path: Path) -> None:
    files = write_key_pair(tmp_path / "a" / "b", KEY)
    assert files.secret_key.read_text() == KEY.to_json_hex()
    assert files.verification_key.read_text() == KEY.verification_key.to_json_hex()
    assert (tmp_path / "a" / "b").stat().st_mode & 0o077 == 0


def test_the_secret_is_its_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        files = write_key_pair(tmp_path, KEY)
    finally:
        os.umask(old)
    assert files.secret_key.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("there", ["era.sk", "era.vk"])
def test_neither_is_written_when_one_exists(tmp_path: Path, there: str) -> None:
    (tmp_path / there).write_text("precious")
    with raising("KeyFile", match=there) as caught:
        write_key_pair(tmp_path, KEY)
    assert caught.value.exit_code == 1
    assert [path.name for path in tmp_path.iterdir()] == [there]
    assert (tmp_path / there).read_text() == "precious"


def test_a_link_that_leads_nowhere_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "era.sk").symlink_to(tmp_path / "elsewhere")
    with raising("KeyFile"):
        write_key_pair(tmp_path, KEY)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_nothing_stays_when_writing_fails_in_the_middle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    calls = iter([None, error])

    def fsync(_descriptor: int) -> None:
        failure = next(calls)
        if failure is not None:
            raise failure

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises((ConfigurationError, KeyboardInterrupt)):
        write_key_pair(tmp_path, KEY)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("folder", ["file", "file/below"])
def test_a_folder_that_is_none(tmp_path: Path, folder: str) -> None:
    (tmp_path / "file").touch()
    with raising("KeyFile", match="expected to write to"):
        write_key_pair(tmp_path / folder, KEY)
