"""``marker cosign``: what it shows, what it refuses, and that the file is as before after every refusal."""

import json
import os
import pty
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from datum import EraMarkersPayload, ExtensionPolicy, KeySet, SigningKey, read_extended
from era_service.cli.app import RootGroup
from era_service.cli.marker.cosign import cosign
from eras import Epoch, EraMarker
from release_tools.markers.cosigning import Cosigning, propose
from tests.forked import Forked

# Under a group of its own, so that these tests need nothing of the other marker commands.
GROUP = RootGroup("eraswitch", commands={"cosign": cosign}, lazy={})

ERA = SigningKey(b"e" * 32)
ADDRESS = "addr_test1vqqqzqsrqszsvpcgpy9qkrqdpc83qygjzv2p29shrqv35xcftcpvd"
A, B, C, D = (SigningKey(bytes([number]) * 32) for number in range(1, 5))
POLICY = ExtensionPolicy(42, ADDRESS, tuple(key.verification_key for key in (A, B, C)), 2)
FIRST = propose(EraMarkersPayload((EraMarker("thales", 1), EraMarker("pythagoras", None))).sign(ERA), POLICY)
NEXT = propose(
    EraMarkersPayload((EraMarker("thales", 1), EraMarker("pythagoras", 20))).sign(ERA),
    POLICY,
    previous=FIRST.sign(A).sign(B).extended,
    expires_epoch=30,
)
FILE = Path("next.json")


@pytest.fixture(autouse=True)
def files(own_folders: Path) -> None:
    """The file to sign, and a key file for each signer."""
    FILE.write_text(NEXT.to_text())
    for name, key in {"a": A, "b": B, "c": C, "d": D}.items():
        path = Path(f"{name}.sk")
        path.touch(mode=0o600)
        path.write_text(key.to_json_hex())


def run(*arguments: str, **environ: str) -> Result:
    return CliRunner().invoke(GROUP, ["cosign", *arguments], env=environ)


def test_it_shows_and_signs() -> None:
    done = run("next.json", "--secret-key", "@c.sk")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == (
        "Era markers\n"
        "  unchanged: thales at epoch 1\n"
        "  changed: pythagoras at epoch 20, was pythagoras (announced)\n"
        "Network    magic 42\n"
        f"Address    {ADDRESS}\n"
        f"Sequence   2, after 1, {FIRST.extended.hash}\n"
        "Expires    after epoch 30\n"
        f"Hash       {NEXT.extended.hash}\n"
        "Unchecked  network, address and era key are not all configured here: compare them yourself\n"
        "Keys       2 of 3 must sign, 0 have\n"
        f"  missing  {A.verification_key.hex}\n"
        f"  missing  {B.verification_key.hex}\n"
        f"  missing  {C.verification_key.hex}\n"
        f"Signed with {C.verification_key.hex}\n"
        "Not complete: 1 more of the keys must sign. Pass the file on\n"
    )
    assert FILE.read_text() == NEXT.sign(C).to_text()


def test_the_last_signature_makes_it_complete() -> None:
    run("next.json", "--secret-key", "@c.sk")
    done = run("next.json", "--secret-key", "@a.sk")
    assert done.stdout.endswith("Complete: the payload can be published\n")
    assert f"  signed   {C.verification_key.hex}\n" in done.stdout
    payload = json.loads(FILE.read_text())["payload"]
    extended = read_extended(json.dumps(payload).encode())
    assert extended is not None
    assert extended.signers(POLICY.keys) == (A.verification_key, C.verification_key)


def test_json() -> None:
    done = run("next.json", "--secret-key", "@c.sk", "--json")
    assert (done.exit_code, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {
        "file": "next.json",
        "signed_by": C.verification_key.hex,
        "written": True,
        "doubts": [],
        "check": json.loads(FILE.read_text())["check"],
    }
    assert json.loads(done.stdout)["check"]["signers"][0]["signed"] == [C.verification_key.hex]


def test_without_a_key_it_only_shows() -> None:
    before = FILE.read_text()
    done = run("next.json")
    assert done.exit_code == 0
    assert "Nothing was signed: no key was given\nNot complete: 2 more of the keys must sign" in done.stdout
    report = json.loads(run("next.json", "--json").stdout)
    assert (report["signed_by"], report["written"]) == (None, False)
    assert FILE.read_text() == before


def test_dry_run_leaves_the_file() -> None:
    run("next.json", "--secret-key", "@b.sk")
    before = FILE.read_text()
    done = run("next.json", "--secret-key", "@a.sk", "--dry-run")
    assert done.exit_code == 0
    assert f"this would sign with {A.verification_key.hex}\nIt would then be complete" in done.stdout
    report = json.loads(run("next.json", "--secret-key", "@a.sk", "--dry-run", "--json").stdout)
    assert (report["written"], report["check"]["complete"]) == (False, True)
    assert FILE.read_text() == before


def test_the_key_from_the_environment() -> None:
    assert run("next.json", ERA_MARKERS_SECRET_KEY=A.to_json_hex()).exit_code == 0
    assert run("next.json", ERA_MARKERS_SECRET_KEY="@b.sk").exit_code == 0
    assert Cosigning.from_text(FILE.read_text()).is_complete


def test_a_rotation_is_said_in_words() -> None:
    rotation = propose(
        NEXT.extended.payload,
        POLICY,
        previous=NEXT.previous,
        new_keys=KeySet((C.verification_key, D.verification_key), 2),
    )
    FILE.write_text(rotation.to_text())
    done = run("next.json", "--secret-key", "@c.sk")
    assert "Keys       they change: the old keys and the new ones must both sign\n" in done.stdout
    assert "Old keys   2 of 3 must sign, 0 have\n" in done.stdout
    assert "New keys   2 of 2 must sign, 0 have\n" in done.stdout
    assert done.stdout.endswith(
        "Not complete: 1 more of the old keys and 1 more of the new keys must sign. Pass the file on\n"
    )


def test_the_first_payload_is_said_to_be_the_first() -> None:
    FILE.write_text(FIRST.to_text())
    done = run("next.json")
    assert done.stdout.startswith("Era markers, none of which were co-signed before\n  new: thales at epoch 1\n")
    assert "Sequence   1, the first\nExpires    never\n" in done.stdout


def test_no_name_can_look_like_another_line() -> None:
    name = "x\nComplete: the payload can be published\x1b[2J"
    FILE.write_text(propose(EraMarkersPayload((EraMarker(name, 5),)).sign(ERA), POLICY).to_text())
    done = run("next.json")
    assert "  new: x\\nComplete: the payload can be published\\u001b[2J at epoch 5\n" in done.stdout


def test_markers_that_are_none_are_said_to_be_none() -> None:
    FILE.write_text(propose(EraMarkersPayload(()).sign(ERA), POLICY).to_text())
    assert "before\n  none at all\n" in run("next.json").stdout


REFUSALS: dict[str, tuple[list[str], dict[str, str], int, str]] = {
    "a key that has signed": (["--secret-key", "@b.sk"], {}, 1, "The key has signed this payload already"),
    "a key that may not": (["--secret-key", "@d.sk"], {}, 1, "The key may not sign this payload"),
    "no key": (["--secret-key", "@none.sk"], {}, 2, "expected to read none.sk"),
    "a file that is no key": (["--secret-key", "@next.json"], {}, 2, "next.json is not an era key"),
    "a key for all to see": (["--secret-key", A.to_json_hex()], {}, 2, "expected @FILE"),
    "a broken key in the environment": ([], {"ERA_MARKERS_SECRET_KEY": A.to_json_hex()[2:]}, 2, "A secret key is not"),
}  # fmt: skip


@pytest.mark.parametrize(("arguments", "environ", "code", "message"), REFUSALS.values(), ids=REFUSALS)
def test_a_refusal_leaves_the_file(arguments: list[str], environ: dict[str, str], code: int, message: str) -> None:
    run("next.json", "--secret-key", "@b.sk")
    before = FILE.read_text()
    done = run("next.json", *arguments, **environ)
    assert done.exit_code == code
    assert message in done.stderr
    assert "Signed" not in done.stdout
    assert FILE.read_text() == before
    assert all(secret not in done.output for secret in (A.to_json_hex()[4:-4], A.seed.hex()))


def test_a_refusal_as_json() -> None:
    done = run("next.json", "--secret-key", "@d.sk", "--json")
    assert json.loads(done.stdout)["error"]["code"] == "CosignerUnknown"


@pytest.mark.parametrize(
    ("make", "code", "message"),
    [
        (lambda: FILE.write_text(FILE.read_text().replace('"epoch": 20', '"epoch": 19')), 1, "file was altered"),
        (lambda: FILE.write_text("{}"), 1, "is not a co-signing file"),
        (lambda: FILE.write_bytes(b"\xff"), 1, "got bytes that are not UTF-8"),
        (FILE.unlink, 2, "expected to read next.json, got No such file"),
    ],
)
def test_a_file_that_cannot_be_signed(make: Callable[[], object], code: int, message: str) -> None:
    run("next.json", "--secret-key", "@b.sk")
    make()
    before = FILE.read_bytes() if FILE.exists() else None
    done = run("next.json", "--secret-key", "@a.sk")
    assert (done.exit_code, done.stdout) == (code, "")
    assert message in done.stderr
    assert (FILE.read_bytes() if FILE.exists() else None) == before


def test_standard_input_cannot_be_written_to() -> None:
    done = run("-", "--secret-key", "@a.sk")
    assert done.exit_code == 2
    assert "FILE is written to, so it cannot be standard input" in done.stderr


BOUND = {
    "ERASWITCH_NETWORK__MAGIC": "42",
    "ERASWITCH_NETWORK__ERA_ADDRESS": ADDRESS,
    "ERASWITCH_NETWORK__VERIFICATION_KEY": ERA.verification_key.hex,
}


def test_a_file_for_the_configured_network() -> None:
    done = run("next.json", "--secret-key", "@a.sk", **BOUND)
    assert done.exit_code == 0
    assert "Unchecked" not in done.stdout


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("MAGIC", "1", "expected network magic 1, got 42"),
        ("ERA_ADDRESS", f"{ADDRESS[:-6]}qqqqqq", f"expected era address {ADDRESS[:-6]}qqqqqq, got {ADDRESS}"),
        ("VERIFICATION_KEY", D.verification_key.hex, "expected markers signed by the era key"),
    ],
)
def test_a_file_for_another_network_than_the_configured_one(setting: str, value: str, message: str) -> None:
    before = FILE.read_text()
    done = run("next.json", "--secret-key", "@a.sk", **BOUND | {f"ERASWITCH_NETWORK__{setting}": value})
    assert (done.exit_code, done.stdout) == (1, "")
    assert message in done.stderr
    assert FILE.read_text() == before


class Terminal:
    """The command on a terminal, which asks before it signs."""

    def __init__(self, *arguments: str) -> None:
        self.keyboard, self.screen = pty.openpty()
        self.errors = Path("errors")
        self.errors.touch()
        script = "from tests.era_service.cli.marker.test_cosign import GROUP; GROUP.main()"
        self.process = Forked(
            script,
            "cosign",
            *arguments,
            cwd=Path.cwd(),
            env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"]},
            stdin=Path(os.ttyname(self.screen)),
            stderr=self.errors,
        )

    def wait_for_question(self) -> None:
        while not self.errors.read_text().endswith("[y/N]: "):
            assert self.process.poll() is None, self.errors.read_text()
            time.sleep(0.02)

    def answer(self, text: str) -> tuple[int, str, str]:
        """Exit code and output after ``text`` was typed."""
        os.write(self.keyboard, text.encode())
        with self.process:
            output = self.process.stdout.read()
            code = self.process.wait(60)
        os.close(self.keyboard)
        os.close(self.screen)
        return code, output, self.errors.read_text()


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 1), ("\n", 1)])
def test_on_a_terminal_it_asks(answer: str, code: int) -> None:
    terminal = Terminal("next.json", "--secret-key", "@a.sk")
    terminal.wait_for_question()
    done = terminal.answer(answer)
    assert done[0] == code
    assert "changed: pythagoras at epoch 20" in done[1]
    assert FILE.read_text() == (NEXT.sign(A) if code == 0 else NEXT).to_text()
    assert ("Aborted: nothing was done" in done[2]) is (code == 1)


def test_on_a_terminal_with_yes_it_does_not_ask() -> None:
    assert Terminal("next.json", "--secret-key", "@a.sk", "--yes").answer("")[0] == 0
    assert FILE.read_text() == NEXT.sign(A).to_text()


def test_a_signature_that_came_in_between_is_not_lost() -> None:
    terminal = Terminal("next.json", "--secret-key", "@a.sk")
    terminal.wait_for_question()
    FILE.write_text(NEXT.sign(B).to_text())
    code, output, errors = terminal.answer("y\n")
    assert code == 1
    assert "The file changed while you looked at it" in errors
    assert "Signed" not in output
    assert FILE.read_text() == NEXT.sign(B).to_text()


def doubtful(name: str = "lagrange", epoch: int = 30, **options: object) -> Cosigning:
    markers = (EraMarker("thales", 1), EraMarker("pythagoras", None), EraMarker(name, epoch))
    return propose(EraMarkersPayload(markers).sign(ERA), POLICY, previous=FIRST.sign(A).sign(B).extended, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (doubtful(sequence=900), "The sequence jumps from 1 to 900"),
        (doubtful(expires_epoch=20), "The payload expires after epoch 20, before epoch 30 begins"),
        (doubtful(epoch=10**9), "Epoch 1000000000 is 999999999 epochs from now"),
        (doubtful("pythag\u043eras2"), "looks like"),
    ],
)
def test_what_looks_like_a_slip_is_warned_of_and_signed_with_a_flag_only(made: Cosigning, words: str) -> None:
    FILE.write_text(made.to_text())
    shown = run("next.json")
    assert (shown.exit_code, words in shown.stderr) == (0, True)
    refused = run("next.json", "--secret-key", "@c.sk", "--yes")
    assert refused.exit_code == 1
    assert "--not-a-slip" in refused.stderr
    assert FILE.read_text() == made.to_text()
    assert run("next.json", "--secret-key", "@c.sk", "--not-a-slip").exit_code == 0
    assert FILE.read_text() != made.to_text()


def test_an_expired_payload_is_told_by_the_clock() -> None:
    found = doubtful(expires_epoch=40).doubts(Epoch(41), max_lead_epochs=146, supported=["lagrange"])
    assert found == ("The payload expired after epoch 40; the current epoch is 41",)
