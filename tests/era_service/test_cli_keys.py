"""``eraswitch keys``: made, taken over, shown; never a secret on the screen, never a file overwritten."""

import json
from pathlib import Path

import pytest

from datum import SigningKey, VerificationKey
from release_tools import PaymentKey
from tests.era_service.conftest import invoke

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


def test_an_envelope_on_standard_input_is_asked_for_in_a_file(tmp_path: Path):
    done = invoke("keys", "import", "payment", "-", str(tmp_path / "out.skey"), input='{"cborHex": "5820ab"}')
    assert done.exit_code == 2
    assert "an envelope in a file" in done.stderr
    assert "5820ab" not in done.output


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
