"""Payloads signed on a machine without a network, by one key or several."""

import json
from pathlib import Path

import pytest

from datum import SigningKey
from tests.era_service.conftest import invoke
from tests.era_service.release_world import World, payload


def test_signed_without_a_network_published_with_one(world: World) -> None:
    world.change("activate", "thales", "--at", "5")
    Path("trusted.json").write_text(invoke("marker", "show", "--json").stdout)
    offline = ("--provider", "http://127.0.0.1:1/api/v0")
    signed = invoke(
        "marker", "activate", "pythagoras", "--at", "8", "--from", "trusted.json", "--secret-key", "@keys/era.sk",
        "--payload-out", "payload.json", *offline,
    )  # fmt: skip
    assert signed.exit_code == 0, signed.output
    assert Path("payload.json").read_bytes().strip() == payload(("thales", 5), ("pythagoras", 8))
    result = invoke(
        "marker", "activate", "pythagoras", "--at", "8", "--payload-file", "payload.json",
        "--payment-key-file", "payment.skey", *world.options, "--yes",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert world.show()["upcoming_era"] == "pythagoras"
    wrong = invoke("marker", "announce", "lagrange", "--payload-file", "payload.json", "--json")
    assert json.loads(wrong.stdout)["error"]["code"] == "SignedPayload"


def test_what_was_carried_over_cannot_be_changed(world: World) -> None:
    world.change("activate", "thales", "--at", "5")
    shown = world.show()
    other = shown["network"] | {"magic": 1}
    forged = payload(("thales", 1), key=SigningKey(bytes(32))).decode()
    for change in (
        {"payload": shown["payload"].replace("5", "4", 1)},
        {"payload": forged},
        {"payload": None},
        {"payload": 7},
        {"network": other},
        {"network": None},
        {"epoch": "5"},
        {"epoch": -1},
    ):
        Path("trusted.json").write_text(json.dumps(shown | change))
        result = invoke(
            "marker", "announce", "pythagoras", "--from", "trusted.json", "--secret-key", "@keys/era.sk",
            "--payload-out", "p.json", "--json",
        )  # fmt: skip
        assert json.loads(result.stdout)["error"]["code"] == "Snapshot", change
        assert not Path("p.json").exists()
    for text in ("", "{", "[]", "7"):
        Path("trusted.json").write_text(text)
        result = invoke("marker", "announce", "pythagoras", "--from", "trusted.json", "--dry-run", "--json")
        assert json.loads(result.stdout)["error"]["code"] == "Snapshot"
    result = invoke("marker", "announce", "pythagoras", "--from", "trusted.json")
    assert "--from plans without a network" in result.stderr


@pytest.mark.parametrize("content", [b"", b"{}", b"junk", b"\xff\xfe", b'{"markers":[],"signature":null}', b"d87980"])
def test_payload_file_that_is_none(world: World, content: bytes) -> None:
    Path("payload.json").write_bytes(content)
    result = invoke("marker", "activate", "thales", "--at", "5", "--payload-file", "payload.json", "--json")
    assert json.loads(result.stdout)["error"]["code"] in ("InputFile", "PayloadFormat", "SignedPayload")
    assert "Traceback" not in result.output
    assert world.transactions() == []


def test_co_signed_payloads_where_one_key_is_not_enough(world: World) -> None:
    """Two of three sign the file that goes from hand to hand; the era key alone is refused."""
    signers = [SigningKey(bytes([number]) * 32) for number in (1, 2, 3)]
    listed = ", ".join(f'"{key.verification_key.hex}"' for key in signers)
    world.configure(f'[trust]\nmode = "extended"\nthreshold = 2\ncosigner_keys = [{listed}]')
    for number, key in enumerate(signers):
        Path(f"signer{number}.sk").write_text(key.to_json_hex())
        Path(f"signer{number}.sk").chmod(0o600)
    alone = world.change("activate", "thales", "--at", "5", "--json")
    assert json.loads(alone.stdout)["error"]["code"] == "EraKey"
    for number, arguments in enumerate((("activate", "thales", "--at", "5"), ("announce", "pythagoras"))):
        proposed = invoke(
            "marker",
            *arguments,
            "--secret-key",
            "@keys/era.sk",
            "--payload-out",
            "cosign.json",
            "--expires-epoch",
            "90",
        )
        assert "Pass it to the signers" in proposed.stdout, proposed.output
        publish = ("marker", *arguments, "--payload-file", "cosign.json", "--payment-key-file", "payment.skey")
        early = invoke(*publish, *world.options, "--yes")
        assert "The co-signing file is not complete" in early.stderr
        for signer in (0, 2):
            assert (
                invoke("marker", "cosign", "cosign.json", "--secret-key", f"@signer{signer}.sk", "--yes").exit_code == 0
            )
        done = invoke(*publish, *world.options, "--yes", "--json")
        assert done.exit_code == 0, done.output
        assert json.loads(done.stdout)["status"] == "published"
        assert len(world.transactions()) == number + 1
        Path("cosign.json").rename(f"cosign{number}.json")
    stale = invoke(
        "marker", "cancel", "pythagoras", "--payload-file", "cosign0.json", "--yes", "--json", *world.keys[2:]
    )
    error = json.loads(stale.stdout)["error"]
    assert (error["code"], error["facts"]["verdict"]) == ("SignedPayload", "RolledBack")
    assert len(world.transactions()) == 2


def cosigned(world: World, signers: list[SigningKey]) -> None:
    """A network on which two of the signers must co-sign, with thales in force until epoch 90."""
    listed = ", ".join(f'"{key.verification_key.hex}"' for key in signers)
    world.configure(f'[trust]\nmode = "extended"\nthreshold = 2\ncosigner_keys = [{listed}]')
    change = ("marker", "activate", "thales", "--at", "5")
    invoke(*change, "--secret-key", "@keys/era.sk", "--payload-out", "first.json", "--expires-epoch", "90")
    cosign("first.json", *signers[:2])
    done = invoke(*change, "--payload-file", "first.json", *world.keys[2:], *world.options, "--yes")
    assert done.exit_code == 0, done.output


def cosign(file: str, *signers: SigningKey) -> None:
    for key in signers:
        done = invoke("marker", "cosign", file, "--yes", env={"ERA_MARKERS_SECRET_KEY": key.to_json_hex()})
        assert done.exit_code == 0, done.output


RENEW = ("marker", "renew", "--secret-key", "@keys/era.sk", "--payload-out", "renewed.json")


@pytest.mark.parametrize("online", [True, False])
def test_co_signing_keys_are_rotated_and_nothing_switches(world: World, online: bool) -> None:
    stolen, ben, eva, new = (SigningKey(bytes([number]) * 32) for number in (1, 2, 3, 4))
    cosigned(world, [stolen, ben, eva])
    Path("trusted.json").write_text(invoke("marker", "show", "--json").stdout)
    remembering = {"ERASWITCH_STORE__URL": "node.sqlite3"}
    node = json.loads(invoke("status", "--json", env=remembering).stdout)
    assert node["trusted"]["transaction"] == world.transactions()[-1]
    keys = [part for key in (ben, eva, new) for part in ("--cosigner", key.verification_key.hex)]
    proposed = invoke(*RENEW, *keys, *(() if online else ("--from", "trusted.json")))
    assert proposed.exit_code == 0, proposed.output
    assert "  unchanged: thales at epoch 5" in proposed.stdout
    assert "Expires    after epoch 90" in proposed.stdout, "what is not named stays"
    assert "Keys       they change: the old keys and the new ones must both sign" in proposed.stdout
    cosign("renewed.json", ben)
    assert "is not complete" in invoke("tx", "build", "renewed.json", "--out", "tx.unsigned").stderr
    cosign("renewed.json", eva)
    for step in (
        ("build", "renewed.json", "--out", "tx.unsigned"),
        ("sign", "tx.unsigned", *world.keys[2:], "--out", "tx.signed", "--yes"),
        ("submit", "tx.signed", *world.options, "--yes"),
    ):
        done = invoke("tx", *step)
        assert done.exit_code == 0, done.output
    shown = json.loads(invoke("marker", "show", "--json").stdout)
    assert shown["markers"] == [{"name": "thales", "epoch": 5}]
    extension = json.loads(shown["payload"])["extension"]
    assert extension["keys"] == [key.verification_key.hex for key in (ben, eva, new)]
    assert (extension["sequence"], extension["threshold"]) == (2, 2)
    node = json.loads(invoke("status", "--json", env=remembering).stdout)
    assert (node["current_era"], node["stale"]) == ("thales", None)
    assert node["trusted"]["transaction"] == world.transactions()[-1], "a node that remembers follows the rotation"
    change = ("marker", "announce", "pythagoras")
    invoke(*change, "--secret-key", "@keys/era.sk", "--payload-out", "next.json")
    refused = invoke("marker", "cosign", "next.json", "--yes", env={"ERA_MARKERS_SECRET_KEY": stolen.to_json_hex()})
    assert refused.exit_code == 1
    cosign("next.json", ben, new)
    assert invoke(*change, "--payload-file", "next.json", *world.keys[2:], *world.options, "--yes").exit_code == 0


def test_a_payload_is_renewed_for_longer_by_the_same_keys(world: World) -> None:
    signers = [SigningKey(bytes([number]) * 32) for number in (1, 2, 3)]
    cosigned(world, signers)
    shown = invoke(*RENEW, "--expires-epoch", "200", "--dry-run")
    assert "Expires    after epoch 200" in shown.stdout
    assert not Path("renewed.json").exists()
    found = json.loads(invoke(*RENEW, "--expires-epoch", "200", "--json").stdout)
    assert (found["payload_file"], found["check"]["expires_epoch"]) == ("renewed.json", 200)
    assert [(group["who"], group["threshold"]) for group in found["check"]["signers"]] == [("keys", 2)]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "Nothing would change: give --cosigner, --threshold or --expires-epoch"),
        (("--threshold", "4"), "expected a threshold from 1 to the number of keys, 3, got 4"),
        (("--cosigner", "ab"), "A verification key is not usable"),
    ],
)
def test_what_cannot_be_renewed_is_said(world: World, arguments: tuple[str, ...], words: str) -> None:
    cosigned(world, [SigningKey(bytes([number]) * 32) for number in (1, 2, 3)])
    result = invoke(*RENEW, *arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert not Path("renewed.json").exists()


def test_a_network_of_one_key_has_nothing_to_renew(world: World) -> None:
    world.change("activate", "thales", "--at", "5")
    result = invoke(*RENEW, "--threshold", "1")
    assert (result.exit_code, "There is no co-signed payload to renew" in result.stderr) == (2, True)
