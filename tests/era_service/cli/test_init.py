"""``eraswitch init``: from nothing to a folder that works, checked as a whole before anything is written."""

import errno
import json
import os
import re
import shlex
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from chain_reader.local_chain import Genesis, LocalChain
from datum import SigningKey
from era_service.cli.init import InitKeyOptions, InitNetworkOptions, _asked
from era_service.cli.shared.passphrases import EncryptOptions
from era_service.config.load import load_settings
from era_service.config.networks import NETWORKS
from era_service.wiring.genesis import configured_genesis
from release_tools import PaymentKey
from tests.conftest import ROOT
from tests.era_service.conftest import invoke

LOCAL = ("--provider", "local:chain.sqlite3")


def made(*arguments: str) -> dict[str, Any]:
    result = invoke("init", *arguments, "--json")
    assert result.exit_code == 0, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def refused(*arguments: str) -> str:
    """The error of an ``init`` that writes nothing."""
    before = sorted(Path().rglob("*"))
    result = invoke("init", *arguments)
    assert result.exit_code == 2, result.output
    assert sorted(Path().rglob("*")) == before
    return result.stderr


def test_four_commands_of_the_readme_publish_markers(own_folders: Path) -> None:
    readme = (ROOT / "README.md").read_text()
    (block,) = re.findall(r"in four commands.*?```sh\n(.*?)```", readme, re.DOTALL)
    commands = [shlex.split(line, comments=True)[1:] for line in block.splitlines()]
    assert len(commands) == 4
    address = "unknown"
    for command in commands:
        result = invoke(*(address if word == "addr_test1…" else word for word in command))
        assert result.exit_code == 0, result.output
        if command[0] == "init":
            address = re.findall(r"Era address +(\S+)", result.stdout)[0]
            advised = [line.strip().removeprefix("eraswitch ") for line in result.stdout.splitlines()[-3:]]
            assert advised[0].split() == [address if word == "addr_test1…" else word for word in commands[1]]
            assert advised[1].split() == [word for word in commands[2] if word != "--yes"]
    shown = json.loads(invoke("marker", "show", "--json").stdout)
    assert {one["name"]: one["epoch"] for one in shown["markers"]} == {"pythagoras": 0, "lagrange": None}
    assert invoke("doctor").exit_code == 0


def test_the_configuration_holds_paths_of_keys_and_never_keys(own_folders: Path) -> None:
    document = made(*LOCAL, "--era", "thales", "--era", "pythagoras")
    assert document["files"] == ["keys/era.sk", "keys/era.vk", "keys/payment.skey", "eraswitch.toml"]
    for name in ("keys/era.sk", "keys/payment.skey"):
        assert stat.S_IMODE(Path(name).stat().st_mode) == 0o600
    text = Path("eraswitch.toml").read_text()
    assert Path("keys/era.sk").read_text() not in text
    settings = load_settings("eraswitch.toml", environ={}).settings
    assert settings.keys.era_key_file == Path("keys/era.sk")
    assert settings.keys.payment_key_files == (Path("keys/payment.skey"),)
    assert settings.network.supported_eras == ("thales", "pythagoras")
    with LocalChain.open(Path("chain.sqlite3")) as chain:
        genesis = configured_genesis(settings)
        assert genesis is not None, "a switch comes in time without a provider"
        assert (genesis.anchor_time_s, genesis.epoch_length) == (chain.genesis.system_start_s, 100)
    assert (
        settings.network.era_address == document["era_address"] == PaymentKey.load(Path("keys/payment.skey")).address(0)
    )


def test_nothing_that_exists_is_replaced(own_folders: Path) -> None:
    made(*LOCAL)
    assert "keys/era.sk exists already, and is never replaced" in refused(*LOCAL)
    Path("eraswitch.toml").unlink()
    assert "Keep it with --era-key keys/era.sk" in refused(*LOCAL)
    kept = made(*LOCAL, "--era-key", "keys/era.sk", "--payment-key-file", "keys/payment.skey")
    assert kept["files"] == ["eraswitch.toml"]
    assert "Change it with an editor, or move it away" in refused(*LOCAL, "--keys", "others")


def test_a_dry_run_writes_nothing(own_folders: Path) -> None:
    planned = made(*LOCAL, "--dry-run")
    assert planned["status"] == "planned"
    assert (planned["era_address"], planned["verification_key"], planned["next"]) == (None, None, []), (
        "keys are made anew"
    )
    assert "addr_test1" not in invoke("init", *LOCAL, "--dry-run").stdout
    assert list(Path().iterdir()) == []


def test_a_public_network_has_its_keys_already(own_folders: Path) -> None:
    document = made("--network", "preprod")
    assert document["files"] == ["eraswitch.toml"]
    assert document["era_address"] == NETWORKS["release-preprod"].era_address
    assert document["next"] == ["eraswitch status"]
    assert load_settings("eraswitch.toml", environ={}).settings.network.magic == 1
    Path("eraswitch.toml").unlink()
    Path("era.sk").write_text(SigningKey.generate().to_json_hex())
    PaymentKey.generate().save(Path("payment.skey"))
    assert "is not the era key of preprod" in refused("--network", "preprod", "--era-key", "era.sk")
    wrong = refused("--network", "preprod", "--payment-key-file", "payment.skey")
    assert "does not own the era address addr_test1qp" in wrong
    assert "Two networks are named" in refused("--network", "preprod", "--network-magic", "2")


def test_keys_may_be_elsewhere(own_folders: Path) -> None:
    key, wallet = SigningKey.generate(), PaymentKey.generate()
    elsewhere = ("--verification-key", key.verification_key.hex, "--era-address", wallet.address(0))
    document = made("--network", "ours", "--network-magic", "42", *elsewhere)
    assert document["files"] == ["eraswitch.toml"]
    assert "[keys]" not in Path("eraswitch.toml").read_text()
    assert document["next"] == [
        "eraswitch doctor",
        "eraswitch marker activate pythagoras --at EPOCH",
        "eraswitch marker adopt-token --write",
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "The network is not named"),
        (("--network", "ours"), "The magic of the network ours is not known"),
        (("--network", "our network", "--network-magic", "42"), "The name of the network is not usable"),
        (("--network", "ours", "--network-magic", "42", "--era-address", "addr1junk"), "The era address is not usable"),
        (("--network", "ours", "--network-magic", "7", "--provider", "local:there.sqlite3"), "Two networks are named"),
        (("--network", "preprod", "--provider", "local:there.sqlite3"), "Two networks are named"),
        (("--network", "preprod", "--provider", "blockfost:https://x.example"), "Did you mean blockfrost:…?"),
        (("--network", "preprod", "--provider", "nonsense"), "--provider is not usable: expected http(s)://… of a Bl"),
        ((*LOCAL, "--era", "a", "--era", "a"), "--era is not usable"),
    ],
)
def test_what_is_missing_or_contradicts_is_said_before_anything_is_written(
    own_folders: Path, arguments: tuple[str, ...], words: str
) -> None:
    LocalChain.create(Path("there.sqlite3"), genesis=Genesis()).close()
    assert words in refused(*arguments)


def test_a_provider_that_does_not_answer_is_a_warning(own_folders: Path) -> None:
    result = invoke("init", "--network", "ours", "--network-magic", "42", "--provider", "http://127.0.0.1:1/api/v0")
    assert result.exit_code == 0, result.output
    assert "Warning: The provider could not be reached" in result.stderr
    assert "send 10 ADA or more to addr_test1" in result.stdout


def test_paths_work_from_anywhere_where_the_configuration_is_elsewhere(own_folders: Path) -> None:
    Path("etc").mkdir()
    document = made(*LOCAL, "--config", "etc/eraswitch.toml")
    assert document["next"][1].endswith("--config etc/eraswitch.toml")
    settings = load_settings("etc/eraswitch.toml", environ={}).settings
    assert settings.keys.era_key_file == Path("keys/era.sk").resolve()


def test_a_terminal_is_asked_for_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal:
        def isatty(self) -> bool:
            return True

    asked: list[str] = []

    def prompt(words: str, default: str = "", **_more: Any) -> object:
        asked.append(words.split(" ", maxsplit=1)[0])
        return 2 if words.startswith("Magic") else default

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr("click.prompt", prompt)

    def answered(name: str | None, provider: str | None = None) -> tuple[str, str | None, int | None]:
        network = InitNetworkOptions(network_magic=None, provider=provider, project_id_file=None, eras=())
        keys = InitKeyOptions(
            era_key=None,
            verification_key=None,
            payment_key_file=None,
            era_address=None,
            keys_folder=Path("keys"),
            new=EncryptOptions(encrypts=False),
        )
        name, network, keys = _asked(name, network, keys)
        assert keys.era_key is None
        return name, network.provider, network.network_magic

    assert answered(None) == ("rehearsal", "local:chain.sqlite3", None)
    assert answered("preprod") == ("preprod", None, None)
    assert answered(None, "local:chain.sqlite3") == ("rehearsal", "local:chain.sqlite3", None)
    assert answered("ours", "https://provider.example") == ("ours", "https://provider.example", 2)
    assert asked == ["Network", "Provider", "Era", "Payment", "Provider", "Magic"]


@pytest.mark.parametrize("writes", range(1, 5))
def test_a_disk_that_fills_up_leaves_nothing_half_done(
    own_folders: Path, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    """Neither the folder of the keys nor one of them, nor the chain: the same command works once there is room."""
    before, room = sorted(Path().rglob("*")), iter(range(writes - 1))

    def fsync(_descriptor: int) -> None:
        if next(room, None) is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as full:
        full.setattr(os, "fsync", fsync)
        result = invoke("init", *LOCAL)
    assert (result.exit_code != 0, "No space left" in result.stderr) == (True, True), result.output
    assert sorted(Path().rglob("*")) == before
    assert invoke("init", *LOCAL).exit_code == 0
