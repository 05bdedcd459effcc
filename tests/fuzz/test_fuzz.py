"""Every target of ``make fuzz`` takes its corpus and some damage; a broken promise is found, and its input kept."""

from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tools.fuzz import CORPUS, fuzz
from tools.fuzz_targets import TARGETS


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_a_target_keeps_its_promises(name: str, tmp_path: Path):
    count, failures = fuzz(TARGETS[name], name, 0.05, 1, lambda data: tmp_path / repr(data[:40]))
    assert failures == []
    assert count >= 1


def test_every_folder_of_the_corpus_is_one_of_a_target():
    assert {path.name for path in CORPUS.iterdir() if path.is_dir()} <= set(TARGETS)


def test_the_same_seed_does_the_same_damage_and_a_broken_promise_is_told_once_with_its_input(tmp_path: Path):
    @contextmanager
    def target(_folder: Path):
        def take(data: bytes) -> None:
            seen.append(data)
            if data != b"whole":
                raise ValueError("damaged")

        yield [b"whole"], take

    kept: list[bytes] = []
    runs: list[list[bytes]] = []
    for _ in range(2):
        seen: list[bytes] = []
        _, failures = fuzz(target, "none", 0.2, 3, lambda data: (kept.append(data), tmp_path / "kept")[1])
        runs.append(seen[:20])
        assert len(failures) == 1
        assert "ValueError" in failures[0]
    assert runs[0] == runs[1]
    assert len(kept) == 2
    assert kept[0] == kept[1] != b"whole"


def test_whoever_reads_toml_knows_the_faults_that_its_reader_has_no_error_for():
    packages = ("datum", "eras", "era_store", "chain_reader", "release_tools", "era_service", "eraswitch")
    texts = {path: path.read_text() for name in packages for path in (ROOT / name).rglob("*.py")}
    readers = {path for path, text in texts.items() if "tomllib.load" in text}
    assert len(readers) >= 4
    assert {path for path in readers if "toml_problem(" not in texts[path] or "TOMLDecodeError" in texts[path]} == set()
