"""Files with secrets: their owner's alone, never instead of another, and never a part of one."""

import os
import stat
from pathlib import Path

import pytest

from datum import SigningKey
from era_store.drafts import write_new
from release_tools.keys.files import write_key_pair
from release_tools.keys.payment_key import PaymentKey
from tests.errors import raising


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fails)


def test_it_is_its_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write_new(tmp_path / "secret", "é\n")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600
    assert (tmp_path / "secret").read_text(encoding="utf-8") == "é\n"


def test_what_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("first")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("secret", "link"):
        with pytest.raises(FileExistsError):
            write_new(tmp_path / name, "second")
    assert (tmp_path / "secret").read_text() == "first"
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.usefixtures("full_disk")
def test_a_part_of_it_does_not_stay(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left"):
        write_new(tmp_path / "secret", "some")
    with raising("PaymentKey", match="No space left"):
        PaymentKey.generate().save(tmp_path / "payment.skey")
    with raising("KeyFile", match="No space left"):
        write_key_pair(tmp_path, SigningKey.generate())
    with raising("KeyFile", match="No space left"):
        write_key_pair(tmp_path / "new" / "keys", SigningKey.generate())
    assert list(tmp_path.iterdir()) == []
