"""``eraswitch era``: the same files as Mithril's aggregator makes, and no file at all for what makes no sense."""

import json
import os
from pathlib import Path

import pytest

from datum import EraMarkersPayload, SigningKey, decode_datum
from tests.conftest import MITHRIL
from tests.era_service.conftest import Shell, invoke

SECRET = SigningKey(bytes(range(32))).to_json_hex()


def three_eras() -> None:
    Path("eraswitch.toml").write_text('[network]\nsupported_eras = ["thales", "pythagoras", "lagrange"]')


def generate(*arguments: str, target: str = "datum.json", **environ: str) -> tuple[int, str, str | None]:
    """Exit code, stderr and what the target holds after ``era generate-tx-datum``."""
    env = {"CURRENT_ERA_EPOCH": "1", "ERA_MARKERS_SECRET_KEY": SECRET} | environ
    result = invoke("era", "generate-tx-datum", "--target-path", target, *arguments, env=env)
    assert result.stdout == ""
    path = Path(target)
    return result.exit_code, result.stderr, path.read_text() if path.is_file() else None


def test_list_as_mithrils() -> None:
    assert invoke("era", "list").stdout == "Supported Eras:\n[\n    Pythagoras,\n    Lagrange,\n]\n"
    assert invoke("era", "list", "--json").stdout == '["pythagoras","lagrange"]\n'


def test_list_has_the_configured_eras() -> None:
    three_eras()
    assert json.loads(invoke("era", "list", "--json").stdout) == ["thales", "pythagoras", "lagrange"]


def test_keypair(shell: Shell) -> None:
    done = shell("era", "generate-keypair", "--target-path", "keys/new")
    assert (done.returncode, done.stdout, done.stderr) == (0, "Era generate keypair to keys/new\n", "")
    secret, public = (shell.folder / "keys" / "new" / name for name in ("era.sk", "era.vk"))
    assert secret.stat().st_mode & 0o777 == 0o600
    assert secret.read_text().startswith("5b")
    assert SigningKey.parse(secret.read_text()).verification_key.to_json_hex() == public.read_text()


def test_keypair_never_overwrites(shell: Shell) -> None:
    shell("era", "generate-keypair", "--target-path", ".")
    before = [(shell.folder / name).read_text() for name in ("era.sk", "era.vk")]
    done = shell("era", "generate-keypair", "--target-path", ".")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "era.sk" in done.stderr
    assert "never overwritten" in done.stderr
    assert [(shell.folder / name).read_text() for name in ("era.sk", "era.vk")] == before


def test_datums_are_mithrils_byte_for_byte() -> None:
    files = sorted(MITHRIL.glob("datum-*.json"))
    assert len(files) >= 9
    for file in files:
        current, _, following = file.stem.removeprefix("datum-").partition("-")
        environ = {"NEXT_ERA_EPOCH": following} if following else {}
        arguments = ["--current-era-epoch", current, "--era-markers-secret-key", (MITHRIL / "era.sk").read_text()]
        code, errors, written = generate(*arguments, **environ)
        assert (code, errors) == (0, "")
        assert written == file.read_text(), file.name


def test_flags_are_stronger_than_the_environment() -> None:
    _, _, written = generate("--current-era-epoch", "7", NEXT_ERA_EPOCH="9")
    assert written is not None
    payload = EraMarkersPayload.from_bytes(decode_datum(written).content)
    assert [(marker.name, marker.epoch) for marker in payload.markers] == [("pythagoras", 7), ("lagrange", 9)]


def test_the_secret_key_from_a_file(own_folders: Path) -> None:
    key = Path("era.sk")
    key.write_text(SECRET + "\n")
    key.chmod(0o600)
    expected = generate()[2]
    for arguments in (["--era-markers-secret-key", "@era.sk"], ["--era-markers-secret-key-file", "era.sk"]):
        Path("datum.json").unlink()
        code, errors, written = generate(*arguments, ERA_MARKERS_SECRET_KEY="")
        assert (code, errors, written) == (0, "", expected)
    key.chmod(0o644)
    code, errors, _ = generate("--era-markers-secret-key", "@era.sk")
    assert code == 0
    assert errors == "Warning: others can read the secret key era.sk. Run: chmod 600 era.sk\n"


@pytest.mark.parametrize(
    ("arguments", "environ", "code", "message"),
    [
        (["--next-era-epoch", "1"], {}, 2, "expected a next era epoch greater than 1, got 1"),
        (["--next-era-epoch", "0"], {}, 2, "expected a next era epoch greater than 1, got 0"),
        (["--next-era-epoch", "-3"], {}, 2, "expected a whole number from 0 to 18446744073709551615, got '-3'"),
        (["--next-era-epoch", "18446744073709551616"], {}, 2, "got '18446744073709551616'"),
        (["--next-era-epoch", "1" * 5000], {}, 2, "expected a whole number"),
        (["--current-era-epoch", "1.0"], {}, 2, "got '1.0'"),
        ([], {"CURRENT_ERA_EPOCH": "x"}, 2, "got 'x'"),
        ([], {"CURRENT_ERA_EPOCH": ""}, 2, "Missing option '--current-era-epoch'"),
        ([], {"ERA_MARKERS_SECRET_KEY": ""}, 2, "Missing option '--era-markers-secret-key'"),
        ([], {"ERA_MARKERS_SECRET_KEY": SECRET[:-2]}, 2, "A secret key is not usable"),
        ([], {"ERA_MARKERS_SECRET_KEY": "zz" + SECRET}, 2, "A secret key is not usable"),
        ([], {"ERA_MARKERS_SECRET_KEY": "5b32355d"}, 2, "A secret key is not usable"),
        (["--era-markers-secret-key", "@nowhere.sk"], {}, 2, "expected to read nowhere.sk, got No such file"),
        (["--era-markers-secret-key-file", "."], {}, 2, "got Is a directory"),
        (["--era-markers-secret-key-file", "era.vk"], {}, 2, "got era.vk, by its ending a verification key"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_writes_nothing(
    arguments: list[str], environ: dict[str, str], code: int, message: str
) -> None:
    found = generate(*arguments, **environ)
    assert (found[0], found[2]) == (code, None)
    assert message in found[1]
    assert SECRET[4:-4] not in found[1]


@pytest.mark.parametrize(
    ("eras", "following", "message"),
    [
        ('["a", "b", "c"]', None, "expected one or two supported eras, got a, b, c"),
        ('["a", "b", "c"]', "3", "expected two supported eras, the current one and the next, got a, b, c"),
        ('["a"]', "3", "expected two supported eras, the current one and the next, got a"),
    ],
)
def test_eras_that_the_epochs_do_not_name(eras: str, following: str | None, message: str) -> None:
    Path("eraswitch.toml").write_text(f"[network]\nsupported_eras = {eras}")
    code, errors, written = generate(*(["--next-era-epoch", following] if following else []))
    assert (code, written) == (2, None)
    assert message in errors


def test_a_single_supported_era_makes_one_marker() -> None:
    Path("eraswitch.toml").write_text('[network]\nsupported_eras = ["a"]')
    _, _, written = generate()
    assert written is not None
    assert len(EraMarkersPayload.from_bytes(decode_datum(written).content).markers) == 1


@pytest.mark.parametrize("target", ["missing/datum.json", ".", "/dev/null/x", "/proc/none/x"])
def test_a_target_that_cannot_be_written(target: str, own_folders: Path) -> None:
    code, errors, _ = generate(target=target)
    assert code == 1
    assert f"expected to write {target}" in errors
    assert list(own_folders.iterdir()) == []


def test_a_datum_is_replaced_whole_and_links_are_followed(own_folders: Path) -> None:
    Path("real.json").write_text("old")
    Path("real.json").chmod(0o640)
    Path("link.json").symlink_to("real.json")
    before = Path("real.json").stat().st_ino
    code, _, written = generate(target="link.json")
    assert code == 0
    assert Path("link.json").is_symlink()
    assert Path("real.json").read_text() == written != "old"
    assert Path("real.json").stat().st_ino != before
    assert sorted(path.name for path in own_folders.iterdir()) == ["link.json", "real.json"]


def test_a_datum_stays_as_it_was_when_writing_fails(own_folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("datum.json").write_text("old")

    def fail(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    code, errors, written = generate()
    assert (code, written) == (1, "old")
    assert "got No space left on device" in errors
    assert [path.name for path in own_folders.iterdir()] == ["datum.json"]


def test_a_device_is_written_to_and_stays(shell: Shell) -> None:
    arguments = ["--current-era-epoch", "1", "--target-path", "/dev/stdout"]
    done = shell("era", "generate-tx-datum", *arguments, env={"ERA_MARKERS_SECRET_KEY": SECRET})
    assert done.returncode == 0
    assert done.stdout.startswith('{"constructor":0')
    assert Path("/dev/stdout").exists()
