"""The extension as it is written down a second time (``tests/vectors/generate.py``), without a line of this project."""

import json
import subprocess
import sys
from types import SimpleNamespace

import pytest

from datum import (
    ExtensionAccepted,
    ExtensionPolicy,
    PayloadFormatError,
    SigningKey,
    VerificationKey,
    judge_extension,
    read_extended,
    screen,
)
from datum.plutus import encode_datum
from tests.conftest import ROOT

FOLDER = ROOT / "tests" / "vectors"
RECORDED = json.loads((FOLDER / "extension.json").read_text())


@pytest.fixture(scope="module")
def recorded():
    keys = {name: SigningKey(bytes.fromhex(key["seed"])) for name, key in RECORDED["keys"].items()}
    payloads = {entry["name"]: read_extended(entry["content"].encode()) for entry in RECORDED["payloads"]}
    policy = RECORDED["policy"]
    return SimpleNamespace(
        keys=keys,
        payloads=payloads,
        policy=ExtensionPolicy(
            policy["network_magic"],
            policy["address"],
            tuple(keys[name].verification_key for name in policy["keys"]),
            policy["threshold"],
        ),
    )


def generate(*arguments, folder=FOLDER):
    script = [sys.executable, str(folder / "generate.py"), *arguments]
    return subprocess.run(script, capture_output=True, text=True, check=False)


def test_the_generator_finds_the_file_right():
    done = generate("--check")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('"hash": "', '"hash": "0', "message or hash is wrong"),
        ('"epoch": 31', '"epoch": 30', "is not what the generator writes"),
        ('"candidate": "second"', '"candidate": "third"', "names no payload"),
        ("pythagoras", "lagrange", "the signature by era is wrong"),
        ('"seed": "01', '"seed": "0f', "key era is not that of its seed"),
    ],
)
def test_the_generator_finds_what_is_wrong_and_writes_it_right(tmp_path, old, new, problem):
    (tmp_path / "generate.py").write_bytes((FOLDER / "generate.py").read_bytes())
    file = tmp_path / "extension.json"
    right = (FOLDER / "extension.json").read_text()
    file.write_text(right.replace(old, new))
    done = generate("--check", folder=tmp_path)
    assert done.returncode == 1
    assert problem in done.stderr
    done = generate(folder=tmp_path)
    assert (done.returncode, done.stderr, file.read_text()) == (0, "", right)


def test_keys(recorded):
    for name, key in recorded.keys.items():
        assert key.verification_key == VerificationKey.parse(RECORDED["keys"][name]["verification_key"])


@pytest.mark.parametrize("entry", RECORDED["payloads"], ids=lambda entry: entry["name"])
def test_payloads_byte_for_byte(recorded, entry):
    extended = recorded.payloads[entry["name"]]
    assert extended.to_bytes() == entry["content"].encode()
    assert extended.message == entry["message"].encode()
    assert extended.hash == entry["hash"]
    signed = extended
    for one in extended.signatures:
        signer = next(key for key in recorded.keys.values() if key.verification_key == one.key)
        signed = signed.sign(signer)
        assert one in signed.signatures
    (verdict,) = screen([encode_datum(extended.to_bytes())], recorded.keys["era"].verification_key)
    assert verdict.verified.markers == extended.payload.markers


@pytest.mark.parametrize("case", RECORDED["judgements"], ids=lambda case: case["name"])
def test_judgements(recorded, case):
    previous = recorded.payloads[case["previous"]] if case["previous"] else None
    verdict = judge_extension(recorded.payloads[case["candidate"]], recorded.policy, previous, epoch=case["epoch"])
    stale = verdict.stale if isinstance(verdict, ExtensionAccepted) else None
    assert (verdict.name, stale) == (case["verdict"], case["stale"]), verdict.reason


@pytest.mark.parametrize("case", RECORDED["refused"], ids=lambda case: case["name"])
def test_refused(case):
    with pytest.raises(PayloadFormatError):
        read_extended(case["content"].encode())
