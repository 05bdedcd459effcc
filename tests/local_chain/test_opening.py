"""Creating and opening the file of a local chain, and every way in which it can be the wrong one."""

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest

import chain_reader.local_chain
from chain_reader.local_chain import Genesis, LocalChain
from chain_reader.local_chain.ledger.parameters import ProtocolParameters
from eras import ConfigurationError, StoreError


def test_what_it_is_created_with_is_kept(path: Path) -> None:
    genesis = Genesis(
        network_magic=7,
        network_id=1,
        epoch_length=10,
        slot_length_s=0.2,
        system_start_s=5,
        security_param=3,
        active_slots_coeff=Fraction(1, 3),
        clock_mode="wall",
    )
    parameters = ProtocolParameters(min_fee_coefficient=1, protocol_version=(11, 1))
    LocalChain.create(path, genesis=genesis, parameters=parameters).close()
    with LocalChain.open(path) as chain:
        assert chain.genesis == genesis
        assert chain.parameters == parameters
        assert chain.path == path


def test_parameters_that_an_earlier_version_kept_too_are_passed_over() -> None:
    text = ProtocolParameters(max_value_size=9).to_json().replace("{", '{"price_memory": "577/10000", ', 1)
    assert ProtocolParameters.from_json(text) == ProtocolParameters(max_value_size=9)


def test_it_starts_at_the_moment_of_creation(path: Path) -> None:
    LocalChain.create(path, clock=lambda: 1_234_567.9).close()
    with LocalChain.open(path, clock=lambda: 9e9) as chain:
        assert chain.genesis == Genesis(system_start_s=1_234_567)
        assert chain.tip().time_s == 1_234_567


def test_a_new_chain_is_one_file(path: Path) -> None:
    LocalChain.create(path).close()
    assert [found.name for found in path.parent.iterdir()] == [path.name]


def test_an_existing_file_is_never_replaced(path: Path) -> None:
    path.write_text("")
    with pytest.raises(StoreError, match="expected nothing at .*, got a file"):
        LocalChain.create(path)
    assert path.read_text() == ""
    assert [found.name for found in path.parent.iterdir()] == [path.name]
    with pytest.raises(StoreError, match="got a directory"):
        LocalChain.create(path.parent)


def test_a_missing_directory(tmp_path: Path) -> None:
    missing = tmp_path / "missing" / "chain.sqlite3"
    with pytest.raises(StoreError, match="could not be created"):
        LocalChain.create(missing)
    with pytest.raises(StoreError, match="expected a file at .*, got nothing"):
        LocalChain.open(missing)
    assert not missing.parent.exists()


def test_a_directory(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="got a directory"):
        LocalChain.open(tmp_path)


@pytest.mark.parametrize("content", [b"", b"not a database, by far" * 100, b"SQLite format 3\0" + b"\xff" * 500])
def test_a_file_that_is_no_chain(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(StoreError, match="not a database|is not a local chain|could not be opened"):
        LocalChain.open(path)
    assert path.read_bytes() == content


def test_another_database(path: Path) -> None:
    db = sqlite3.connect(path)
    db.executescript("CREATE TABLE chain (id INTEGER); PRAGMA user_version = 1;")
    db.close()
    with pytest.raises(StoreError, match="got another SQLite database"):
        LocalChain.open(path)


def test_a_chain_of_another_version(path: Path) -> None:
    LocalChain.create(path).close()
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(StoreError, match="expected schema version 1, got schema version 99"):
        LocalChain.open(path)


@pytest.fixture
def chain_of_another() -> Iterator[Path]:
    """A chain that this user may not write; root, who may write anything, is somebody else meanwhile."""
    folder = Path(tempfile.mkdtemp())
    path = folder / "chain.sqlite3"
    LocalChain.create(path).close()
    user = os.geteuid()
    yield path
    os.seteuid(user)
    folder.chmod(0o755)
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("folder_mode", "file_mode", "complaint"),
    [(0o777, 0o444, "readonly database"), (0o555, 0o444, "unable to open|readonly"), (0o777, 0o000, "unable to open")],
)
def test_a_file_that_cannot_be_written(
    chain_of_another: Path, folder_mode: int, file_mode: int, complaint: str
) -> None:
    chain_of_another.chmod(file_mode)
    chain_of_another.parent.chmod(folder_mode)
    if os.geteuid() == 0:
        os.seteuid(65534)
    with pytest.raises(StoreError, match=f"could not be opened: got .*({complaint})"):
        LocalChain.open(chain_of_another)


def test_a_directory_that_cannot_be_written(chain_of_another: Path) -> None:
    chain_of_another.parent.chmod(0o555)
    if os.geteuid() == 0:
        os.seteuid(65534)
    with pytest.raises(StoreError, match="could not be created"):
        LocalChain.create(chain_of_another.with_name("another.sqlite3"))


def test_a_closed_chain(chain: LocalChain) -> None:
    chain.close()
    chain.close()
    with pytest.raises(StoreError, match="could not be read: got .*closed"):
        chain.tip()
    with pytest.raises(StoreError, match="could not be written: got .*closed"):
        chain.advance_slots(1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("network_magic", -1),
        ("network_id", 2),
        ("epoch_length", 0),
        ("slot_length_s", 0.0),
        ("system_start_s", -1),
        ("security_param", 0),
        ("active_slots_coeff", Fraction(3, 2)),
        ("clock_mode", "sundial"),
    ],
)
def test_a_genesis_that_cannot_be(name: str, value: object) -> None:
    with pytest.raises(ConfigurationError, match=f"genesis value {name} is not usable"):
        Genesis(**{name: value})  # type: ignore[arg-type]


def test_the_front_door_is_light() -> None:
    assert list(chain_reader.local_chain.__all__) == sorted(
        chain_reader.local_chain.__all__, key=lambda name: (not name.isupper(), name)
    )
    for name in chain_reader.local_chain.__all__:
        assert getattr(chain_reader.local_chain, name)
    loaded = (
        "import sys, chain_reader.local_chain as it; it.LocalChain; print({'pycardano', 'starlette'} & {*sys.modules})"
    )
    assert subprocess.check_output([sys.executable, "-c", loaded], text=True).strip() == "set()"
