"""External signers: both keys behind a program, and every answer of it that is not a signature."""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from datum import SigningKey
from release_tools.keys.signers import Signer
from tests.conftest import ROOT
from tests.era_service.conftest import invoke
from tests.era_service.release_world import ERA_KEY, WALLET, World, payload
from tests.errors import raising

EXAMPLE = str(ROOT / "examples" / "file_signer.py")
MESSAGE = b'[{"name":"thales","epoch":5},{"name":"pyth\xe2\x80\xaeagoras","epoch":null}]'


def signer_file(path: str, kind: str, public: bytes, program: list[str], **more: Any) -> Path:
    fields = {"eraswitch_signer": 1, "kind": kind, "public": public.hex(), "program": program} | more
    Path(path).write_text(json.dumps(fields))
    Path(path).chmod(0o600)
    return Path(path)


def behind_the_example(*era: str) -> None:
    """Both keys of the world move behind the example; their files describe it from now on."""
    for file, kind, seed, what in (
        ("keys/era.sk", "era", ERA_KEY.seed, era or ("era-payload",)),
        ("payment.skey", "payment", bytes(range(32)), ("transaction",)),
    ):
        Path(f"{kind}.seed").write_text(seed.hex())
        public = SigningKey(seed).verification_key.raw
        program = [sys.executable, EXAMPLE, str(Path(f"{kind}.seed").resolve()), *what]
        signer_file(file, kind, public, program)


def test_markers_are_published_with_both_keys_behind_a_program(world: World) -> None:
    behind_the_example()
    done = world.change("activate", "thales", "--at", "5")
    assert done.exit_code == 0, done.output
    assert done.stderr.count(f"Waiting for the signer {sys.executable}, up to 120 s") == 2
    assert world.show()["markers"] == [{"name": "thales", "epoch": 5}]
    Path("payload.json").write_bytes(payload(("thales", 5), ("pythagoras", 8)))
    for public in ("keys/era.sk", "payment.skey"):
        Path(public).chmod(0o644)  # they hold no secret, and the doctor finds no fault
    for step in (
        ("tx", "build", "payload.json", "--out", "tx.unsigned"),
        ("tx", "sign", "tx.unsigned", "--payment-key-file", "payment.skey", "--out", "tx.signed", "--yes"),
        ("tx", "submit", "tx.signed", *world.options, "--yes"),
        ("doctor", "--secret-key", "@keys/era.sk", "--payment-key-file", "payment.skey"),
        ("keys", "show", "keys/era.sk"),
    ):
        done = invoke(*step)
        assert done.exit_code == 0, done.output
    assert EXAMPLE in done.stdout
    assert ERA_KEY.verification_key.hex in done.stdout
    assert len(world.transactions()) == 2


def test_a_refusal_ends_the_command_with_its_reason_and_nothing_is_published(world: World) -> None:
    behind_the_example("co-signature")
    done = world.change("activate", "thales", "--at", "5")
    assert done.exit_code == 1
    assert "got a refusal: this signer does not sign a era-payload" in done.stderr
    assert world.transactions() == []


def test_a_signer_file_does_not_pass_for_another_and_gives_no_key_away(world: World) -> None:
    behind_the_example()
    for swapped in (
        ("--secret-key", "@payment.skey", "--payment-key-file", "keys/era.sk"),
        ("--secret-key", "@keys/era.sk", "--payment-key-file", "keys/era.sk"),
    ):
        done = invoke("marker", "activate", "thales", "--at", "5", *swapped, "--yes")
        assert (done.exit_code, "key" in done.stderr) == (2, True)
    for arguments in (("import", "era", "keys/era.sk", "out"), ("change-passphrase", "payment.skey")):
        done = invoke("keys", *arguments)
        assert done.exit_code == 2
        assert "held by an external signer" in done.stderr
    assert world.transactions() == []


@pytest.fixture
def asked(tmp_path: Path) -> Any:
    """Asks a program of one line of Python for a signature of ``MESSAGE``."""

    def ask(code: str, **more: Any) -> bytes:
        program = [sys.executable, "-Ic", f"import json, os, sys, time; {code}"]
        path = signer_file("signer.json", "era", ERA_KEY.verification_key.raw, program, **more)
        signer = Signer.read(path, path.read_text())
        assert signer is not None
        return signer.sign("era-payload", MESSAGE, ["era thales"])

    return ask


RIGHT = ERA_KEY.sign(MESSAGE).hex()
OF_ANOTHER_KEY = SigningKey(bytes(32)).sign(MESSAGE).hex()
ANSWER = f"print(json.dumps({{'signature': '{RIGHT}'}}))"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("pass", "got exit code 0 and another answer"),
        ("print('[]')", "exit code 0 and another answer"),
        ("print('{}')", "128 hex digits as signature, got something else"),
        ("print(json.dumps({'signature': 'zz'}))", "got something else"),
        (f"print(json.dumps({{'signature': '{RIGHT[:-2]}'}}))", "got something else"),
        (f"print(json.dumps({{'signature': '{'00' * 64}'}}))", "got a signature that is not"),
        (
            f"print(json.dumps({{'signature': '{OF_ANOTHER_KEY}'}}))",
            "a signature that is not",
        ),
        (f"print(json.dumps({{'signature': '{ERA_KEY.sign(MESSAGE + b' ').hex()}'}}))", "a signature that is not"),
        ("print(json.dumps({'refused': 'no\\x1b[2J'})); sys.exit(3)", r"a refusal: no\u001b[2J"),
        (f"{ANSWER}; sys.exit(1)", "got exit code 1"),
        ("sys.exit('no card')", "got exit code 1 and no card"),
        ("os.kill(os.getpid(), 9)", "got exit code -9"),
        ("print('x' * 100_000)", "at most 65536 bytes, got more"),
    ],
)
def test_what_is_not_a_signature_is_never_used(asked: Any, code: str, words: str) -> None:
    with raising("Signer") as caught:
        asked(code)
    assert words in str(caught.value)
    assert "Nothing was signed" in str(caught.value)


def test_it_is_stopped_when_its_time_is_over(asked: Any) -> None:
    with raising("Signer", match=r"within 0\.2 s"):
        asked("time.sleep(600)", timeout_s=0.2)


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    path = signer_file("signer.json", "era", ERA_KEY.verification_key.raw, [str(tmp_path / "gone")])
    signer = Signer.read(path, path.read_text())
    assert signer is not None
    with raising("Signer", match="a program that can be run"):
        signer.sign("era-payload", MESSAGE, [])


def test_it_need_not_read_what_it_is_given(asked: Any) -> None:
    assert asked(f"os.close(0); {ANSWER}").hex() == RIGHT
    assert asked(f"sys.stdin.read(); {ANSWER}").hex() == RIGHT


def test_its_environment_is_what_its_file_names(asked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ERA_MARKERS_SECRET_KEY", "secret")
    monkeypatch.setenv("CARD", "slot 9c")
    with raising("Signer") as caught:
        asked("print(json.dumps({'refused': ' '.join(sorted(os.environ))}))", environment=["CARD", "NOT_SET"])
    names = str(caught.value).partition("a refusal: ")[2].partition(". Look")[0].split()
    assert sorted(set(names) - {"LC_CTYPE"}) == ["CARD", "HOME", "LANG", "PATH"]


def test_the_request_has_the_bytes_and_what_they_are_in_words(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    requests: list[dict[str, Any]] = []
    keys = {ERA_KEY.verification_key.hex: ERA_KEY, WALLET.public.hex(): SigningKey(bytes(range(32)))}

    def answer(_: Signer, request: bytes) -> dict[str, Any]:
        requests.append(json.loads(request))
        return {"signature": keys[requests[-1]["public"]].sign(bytes.fromhex(requests[-1]["bytes"])).hex()}

    behind_the_example()
    monkeypatch.setattr(Signer, "_answer", answer)
    assert world.change("activate", "thales", "--at", "5").exit_code == 0
    era, transaction = requests
    assert (era["eraswitch_signing"], era["what"]) == (1, "era-payload")
    assert era["words"] == ["era thales: from epoch 5"]
    assert json.loads(bytes.fromhex(era["bytes"])) == [{"name": "thales", "epoch": 5}]
    body = bytes.fromhex(transaction["transaction_body"])
    assert hashlib.blake2b(body, digest_size=32).hexdigest() == transaction["bytes"] == world.transactions()[0]
    assert transaction["what"] == "transaction"
    assert any("thales from epoch 5 (signed by the era key)" in line for line in transaction["words"])


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"eraswitch_signer": 2}, "expected eraswitch_signer 1, got 2"),
        ({"kind": "stake"}, "era or payment as kind"),
        ({"public": "00"}, "64 hex digits"),
        ({"program": []}, "a list as program"),
        ({"program": "sign"}, "a list as program"),
        ({"program": ["sign"]}, "a list as program"),
        ({"program": ["/bin/sign", 5]}, "a list as program"),
        ({"timeout_s": 0}, "seconds as timeout_s"),
        ({"timeout_s": 1e9}, "seconds as timeout_s"),
        ({"environment": "HOME"}, "names of variables"),
        ({"environment": ["\ud800"]}, "names of variables"),
        ({"comment": "x"}, "got comment"),
    ],
)
def test_a_signer_file_with_a_mistake(fields: dict[str, Any], words: str) -> None:
    path = signer_file("signer.json", "era", ERA_KEY.verification_key.raw, ["/bin/sign"])
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))
    with raising("SignerFile", match=words):
        Signer.read(path, path.read_text())
    done = invoke("keys", "show", "signer.json")
    assert (done.exit_code, "Traceback" in done.output) == (2, False)


def test_a_signer_file_that_others_can_change_is_not_run() -> None:
    path = signer_file("signer.json", "era", ERA_KEY.verification_key.raw, ["/bin/sign"])
    for mode in (0o620, 0o602):
        path.chmod(mode)
        with raising("SignerFile", match="chmod go-w signer.json"):
            Signer.read(path, path.read_text())


def test_a_signer_signs_an_extension_and_a_configuration_too() -> None:
    from release_tools.keys.signers import _described
    from tests.era_service.cli.marker.test_cosign import NEXT

    what, message, words = _described(NEXT.extended.message)
    assert (what, message) == ("co-signature", NEXT.extended.message)
    assert {"era thales: from epoch 1", "network magic: 42", "expires epoch: 30"} <= set(words)
    assert _described(b'[{"epoch":7,"configuration":"a0"}]')[0::2] == (
        "configuration-payload",
        ["configuration from epoch 7"],
    )
