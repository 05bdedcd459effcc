"""``eraswitch keys``: made, taken over, shown; never a secret on the screen, never a file overwritten."""

import json
import os
import pty
import time
from pathlib import Path

import pytest

from datum import SigningKey, VerificationKey
from release_tools import PaymentKey
from tests import forked
from tests.era_service.conftest import Shell, invoke

SEED = bytes(range(32))


def test_a_new_era_key_is_a_pair_of_files_that_mithril_reads(tmp_path: Path):
    done = invoke("keys", "new", "era", str(tmp_path / "keys"), "--json")
    told = json.loads(done.stdout)
    secret = SigningKey.parse((tmp_path / "keys" / "era.sk").read_text())
    assert VerificationKey.parse((tmp_path / "keys" / "era.vk").read_text()) == secret.verification_key
    assert told["verification_key"] == secret.verification_key.hex
    assert (tmp_path / "keys" / "era.sk").stat().st_mode & 0o777 == 0o600
    again = invoke("keys", "new", "era", str(tmp_path / "keys"))
    assert again.exit_code == 1
    assert "never overwritten" in again.stderr


def test_a_new_payment_key_is_an_envelope_for_its_owner_alone(tmp_path: Path):
    path = tmp_path / "payment.skey"
    told = json.loads(invoke("keys", "new", "payment", str(path), "--json").stdout)
    key = PaymentKey.load(path)
    assert (told["key_hash"], told["address_test_networks"]) == (key.key_hash, key.address(0))
    assert path.stat().st_mode & 0o777 == 0o600
    assert invoke("keys", "new", "payment", str(path)).exit_code != 0
    assert PaymentKey.load(path).key_hash == key.key_hash


@pytest.mark.parametrize("text", [SEED.hex(), SigningKey(SEED).to_json_hex() + "\n"])
@pytest.mark.parametrize("source", ["file", "-"])
def test_an_era_key_is_taken_over(tmp_path: Path, text: str, source: str):
    (tmp_path / "old.sk").write_text(text)
    (tmp_path / "old.sk").chmod(0o600)
    name = "-" if source == "-" else str(tmp_path / "old.sk")
    done = invoke("keys", "import", "era", name, str(tmp_path / "keys"), input=text)
    assert done.exit_code == 0, done.output
    assert SEED.hex() not in done.output
    assert (
        SigningKey.parse((tmp_path / "keys" / "era.sk").read_text()).verification_key
        == SigningKey(SEED).verification_key
    )


def test_a_payment_key_is_taken_over_from_hex_and_from_an_envelope(tmp_path: Path):
    (tmp_path / "seed").write_text(SEED.hex())
    first = invoke("keys", "import", "payment", str(tmp_path / "seed"), str(tmp_path / "a.skey"))
    second = invoke("keys", "import", "payment", str(tmp_path / "a.skey"), str(tmp_path / "b.skey"))
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert PaymentKey.load(tmp_path / "b.skey").key_hash == PaymentKey(SEED).key_hash
    assert SEED.hex() not in first.output + second.output


@pytest.mark.parametrize("text", ["", "zz", "ключ", "ab", "{}", '{"type": "x"}'])
def test_what_is_no_payment_key_is_refused_unseen(tmp_path: Path, text: str):
    (tmp_path / "bad").write_text(text)
    done = invoke("keys", "import", "payment", str(tmp_path / "bad"), str(tmp_path / "out.skey"))
    assert done.exit_code == 2
    assert "Traceback" not in done.output
    assert not (tmp_path / "out.skey").exists()


def test_a_malformed_secret_key_is_refused_by_the_name_of_its_file_and_unseen(tmp_path: Path):
    secret = SEED.hex()[:-2]
    (tmp_path / "bad.sk").write_text(secret)
    options = ("activate", "thales", "--at", "5", "--secret-key", f"@{tmp_path / 'bad.sk'}")
    done = invoke("--network", "preview", "marker", *options)
    assert done.exit_code == 2
    assert f"Error: {tmp_path / 'bad.sk'}: A secret key is not usable" in done.stderr
    assert secret not in done.output


WORDS = "test walk nut penalty hip pave soap entry language right filter choice"


def imported(tmp_path: Path, text: str | bytes, *options: str, source: str = "-") -> tuple[int, dict[str, str], str]:
    """Exit code, document and stderr of ``keys import payment``; the document is empty where it failed."""
    target = tmp_path / "out.skey"
    target.unlink(missing_ok=True)
    done = invoke("keys", "import", "payment", source, str(target), *options, "--json", input=text)
    assert "Traceback" not in done.output
    if done.exit_code:
        assert not target.exists()
        return done.exit_code, {}, done.stderr
    told = json.loads(done.stdout)
    assert PaymentKey.load(target).key_hash == told["key_hash"]
    return 0, told, done.stderr


def test_an_envelope_is_taken_from_standard_input_too(tmp_path: Path):
    PaymentKey(SEED).save(tmp_path / "old.skey")
    _, told, _ = imported(tmp_path, (tmp_path / "old.skey").read_text())
    assert told["key_hash"] == PaymentKey(SEED).key_hash
    assert told["form"] == "envelope PaymentSigningKeyShelley_ed25519"


def test_the_words_of_a_wallet_give_the_key_at_a_path(tmp_path: Path):
    numbered = "\n".join(f"{number}. {word}" for number, word in enumerate(WORDS.title().split(), 1))
    for text in (WORDS, numbered):
        _, told, _ = imported(tmp_path, text)
        assert (told["form"], told["path"]) == ("12 words", "1852H/1815H/0H/0/0")
        first = told["key_hash"]
    _, second, _ = imported(tmp_path, WORDS, "--path", "m/1852'/1815'/0'/0/1")
    assert second["path"] == "1852H/1815H/0H/0/1"
    assert second["key_hash"] != first
    code, _, errors = imported(tmp_path, SEED.hex(), "--path", "1852H/1815H/0H/0/0")
    assert (code, "leave --path out" in errors) == (2, True)
    assert invoke("keys", "import", "era", "-", str(tmp_path / "k"), "--path", "x", input=SEED.hex()).exit_code == 2


@pytest.mark.parametrize(
    ("path", "got"),
    [
        ("1852H/1815H/0H/2/0", "the path of a stake key"),
        ("1852H/1815H/0H/3/0", "the path of a DRep key"),
        ("44H/1815H/0H/0/0", "got '44H/1815H/0H/0/0'"),
        ("1852H/1815H/0H/0/0H", "got"),
        ("1852/1815/0/0/0", "got"),
        ("0/0", "got '0/0'"),
        ("", "got ''"),
    ],
)
def test_a_path_that_is_not_of_a_payment_key_is_refused(tmp_path: Path, path: str, got: str):
    code, _, errors = imported(tmp_path, WORDS, "--path", path)
    assert code == 2
    assert got in errors


def test_words_are_taken_only_from_a_file_of_the_owner_alone(tmp_path: Path):
    words = tmp_path / "words"
    words.write_text(WORDS)
    words.chmod(0o644)
    code, _, errors = imported(tmp_path, "", source=str(words))
    assert code == 2
    assert f"got mode 644. Run: chmod 600 {words}" in errors
    words.chmod(0o600)
    assert imported(tmp_path, "", source=str(words))[0] == 0


def test_words_with_a_mistake_are_refused_unseen(tmp_path: Path):
    for text, got in (
        (WORDS.replace("walk", "wolk"), "another one at 2"),
        (WORDS.replace("walk nut", "nut walk"), "a wrong word, or words in another order"),
        (WORDS.removesuffix(" choice"), "got 11"),
    ):
        code, _, errors = imported(tmp_path, text)
        assert code == 2
        assert got in errors
        assert "penalty" not in errors


def test_a_terminal_asks_for_the_words_unseen(tmp_path: Path, shell: Shell):
    keyboard, screen = pty.openpty()
    errors = tmp_path / "errors"
    errors.touch()
    command = ("keys", "import", "payment", "-", str(tmp_path / "out.skey"))
    with forked.Forked(
        forked.COMMAND, *command,
        cwd=tmp_path, env=shell.environment(TERM="xterm"), stdin=Path(os.ttyname(screen)), stderr=errors,
    ) as child:  # fmt: skip
        try:
            while "Key or words (not shown)" not in errors.read_text():  # what is typed before is flushed
                assert child.poll() is None, errors.read_text()
                time.sleep(0.02)
            os.write(keyboard, f"{WORDS}\n".encode())
            told = child.stdout.read()
            assert child.wait(60) == 0, errors.read_text()
        finally:
            child.kill()
            os.close(keyboard)
            os.close(screen)
    assert "penalty" not in told + errors.read_text()
    assert PaymentKey.load(tmp_path / "out.skey").key_hash in told


def test_only_what_is_public_is_shown(tmp_path: Path):
    invoke("keys", "import", "era", "-", str(tmp_path), input=SEED.hex())
    PaymentKey(SEED).save(tmp_path / "payment.skey")
    public = SigningKey(SEED).verification_key.hex
    for name, wanted in (("era.sk", public), ("era.vk", public), ("payment.skey", PaymentKey(SEED).address(1))):
        done = invoke("keys", "show", str(tmp_path / name))
        assert wanted in done.stdout
        assert SEED.hex() not in done.output
    (tmp_path / "key").write_text(SEED.hex())
    (tmp_path / "key").chmod(0o600)
    assert invoke("keys", "show", str(tmp_path / "key")).exit_code == 2
    assert public in invoke("keys", "show", str(tmp_path / "key"), "--secret").stdout
    assert invoke("keys", "show", str(tmp_path / "gone.sk")).exit_code == 2


def test_the_halves_of_a_key_are_told_apart_by_the_ending_of_the_file(tmp_path: Path):
    looks_public = SigningKey(SEED).verification_key.raw.hex()  # a secret that could be a verification key as well
    invoke("keys", "import", "era", "-", str(tmp_path), input=looks_public)
    done = invoke("keys", "show", str(tmp_path / "era.sk"), "--public")
    assert done.exit_code == 2
    assert "by its ending a secret key. Give the other file of the pair" in done.stderr
    assert looks_public not in done.output
    taken = invoke("keys", "import", "era", str(tmp_path / "era.vk"), str(tmp_path / "other"))
    assert taken.exit_code == 2
    assert "by its ending a verification key" in taken.stderr
    assert not (tmp_path / "other").exists()
