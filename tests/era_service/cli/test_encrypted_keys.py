"""Encrypted keys on the command line: made, opened by every command that signs, changed and exported; never shown."""

import ctypes
import json
import os
import resource
import sys
from pathlib import Path

import pytest

from era_service.cli.shared import passphrases
from era_service.node import child
from release_tools import PaymentKey
from release_tools.keys import encrypted
from tests.era_service.conftest import invoke
from tests.era_service.release_world import ERA_KEY, WALLET, World, payload

PASSPHRASE, OTHER = "correct horse", "battery staple"
PW = Path("passphrase")
GIVEN = ("--passphrase-file", str(PW))


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch, own_folders: Path) -> None:
    """Keys open at once, and the passphrase lies in a file."""
    monkeypatch.setattr(encrypted, "COST", encrypted.Cost(1, 8192))
    passphrase_file(PW, PASSPHRASE + "\n")


@pytest.fixture
def at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passphrases, "is_interactive", lambda: True)


def passphrase_file(path: Path, text: str | bytes, mode: int = 0o600) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)
    return path


def keys(*arguments: str, **more: str) -> str:
    done = invoke("keys", *arguments, **more)  # type: ignore[arg-type]
    assert done.exit_code == 0, done.output
    assert PASSPHRASE not in done.output
    return done.stdout


@pytest.fixture
def encrypted_world(world: World) -> World:
    """The release team's folder, with both keys encrypted where they lay."""
    for file in ("keys/era.sk", "payment.skey"):
        assert json.loads(keys("change-passphrase", file, *GIVEN, "--json"))["encrypted"] is True
        assert Path(file).stat().st_mode & 0o777 == 0o600
    assert ERA_KEY.seed.hex() not in Path("keys/era.sk").read_text()
    assert [path.name for path in Path().iterdir() if path.name.endswith(".tmp")] == []
    return world


def test_markers_are_published_with_encrypted_keys(encrypted_world: World) -> None:
    world = encrypted_world
    assert world.changed("activate", "thales", "--at", "5", *GIVEN)["nodes_see"]["current_era"] == "thales"
    Path("payload.json").write_bytes(payload(("thales", 5), ("pythagoras", 8)))
    for step in (
        ("tx", "build", "payload.json", "--out", "tx.unsigned"),
        ("tx", "sign", "tx.unsigned", "--payment-key-file", "payment.skey", "--out", "tx.signed", "--yes", *GIVEN),
        ("tx", "submit", "tx.signed", *world.options, "--yes"),
        ("marker", "adopt-token", "--payment-key-file", "payment.skey", *world.options, "--yes", *GIVEN),
        ("doctor", "--secret-key", "@keys/era.sk", "--payment-key-file", "payment.skey", *GIVEN),
    ):
        done = invoke(*step)
        assert done.exit_code == 0, done.output
    assert "it is the secret key of the network's" in done.stdout
    assert "it owns the era address" in done.stdout


def test_without_a_passphrase_nothing_is_signed(encrypted_world: World) -> None:
    done = encrypted_world.change("activate", "thales", "--at", "5")
    assert done.exit_code == 2
    assert "The era key keys/era.sk is encrypted" in done.stderr
    assert "--passphrase-file" in done.stderr
    passphrase_file(Path("wrong"), OTHER)
    done = encrypted_world.change("activate", "thales", "--at", "5", "--passphrase-file", "wrong")
    assert done.exit_code == 2
    assert "The passphrase does not open keys/era.sk" in done.stderr
    assert OTHER not in done.output
    assert encrypted_world.transactions() == []


@pytest.mark.usefixtures("at_a_terminal")
def test_a_terminal_is_asked_three_times_for_each_key(encrypted_world: World) -> None:
    right, wrong = f"{PASSPHRASE}\n", f"{OTHER}\n"
    done = encrypted_world.change("activate", "thales", "--at", "5", input=right + wrong + wrong + right)
    assert done.exit_code == 0, done.output
    assert done.stderr.count("Passphrase of payment.skey") == 3
    done = encrypted_world.change("announce", "pythagoras", input=wrong * 3)
    assert (done.exit_code, done.stderr.count("Passphrase of keys/era.sk")) == (2, 3)
    assert PASSPHRASE not in done.output


def test_one_key_file_does_not_pass_for_the_other(encrypted_world: World) -> None:
    swapped = ("--secret-key", "@payment.skey", "--payment-key-file", "keys/era.sk")
    done = invoke("marker", "activate", "thales", "--at", "5", *swapped, *GIVEN, "--yes")
    assert done.exit_code == 2
    assert "got a payment key. Give" in done.stderr
    done = invoke("tx", "sign", "payment.skey", "--payment-key-file", "keys/era.sk", "--out", "x", *GIVEN)
    assert done.exit_code == 2


def test_new_keys_are_encrypted_where_a_passphrase_is_given(at_a_terminal: None) -> None:
    keys("new", "era", "keys", *GIVEN)
    keys("new", "payment", "payment.skey", "--encrypt", input=f"\n\n{PASSPHRASE}\n{PASSPHRASE}\n")
    for file, kind in (("keys/era.sk", "era"), ("payment.skey", "payment")):
        found = encrypted.EncryptedKey.parse(Path(file).read_text(), file)
        assert found is not None
        assert (found.kind, len(found.open(PASSPHRASE.encode()))) == (kind, 32)
        told = json.loads(keys("show", file, "--json"))
        assert (told["kind"], told["encrypted"], told["opened"]) == (kind, True, False)
        assert json.loads(keys("show", file, "--json", *GIVEN))["opened"] is True
    assert "opened            no" in keys("show", "keys/era.sk")


def test_without_a_terminal_encrypt_needs_a_passphrase() -> None:
    done = invoke("keys", "new", "era", "keys", "--encrypt")
    assert (done.exit_code, Path("keys").exists()) == (2, False)
    assert "A passphrase is needed to encrypt the era key" in done.stderr


def test_a_key_goes_in_encrypted_and_comes_out_as_it_was() -> None:
    Path("old.skey").write_text(WALLET.to_text())
    keys("import", "era", "-", "keys", *GIVEN, input=ERA_KEY.to_json_hex())
    keys("import", "payment", "old.skey", "payment.skey", *GIVEN)
    keys("import", "payment", "payment.skey", "again.skey", *GIVEN)
    keys("export", "keys/era.sk", "plain.sk", *GIVEN)
    keys("export", "again.skey", "plain.skey", *GIVEN)
    assert Path("plain.sk").read_text() == ERA_KEY.to_json_hex()
    assert Path("plain.skey").read_text() == WALLET.to_text()
    assert Path("plain.sk").stat().st_mode & 0o777 == 0o600
    for arguments, words in (
        (("keys/era.sk", "plain.sk"), "never overwritten"),
        (("plain.skey", "new.skey"), "plain.skey is not encrypted"),
    ):
        done = invoke("keys", "export", *arguments, *GIVEN)
        assert done.exit_code == 2
        assert words in done.stderr


def test_the_passphrase_is_changed_and_the_old_one_opens_it_no_more() -> None:
    keys("new", "era", "keys", *GIVEN)
    passphrase_file(Path("new"), OTHER)
    keys("change-passphrase", "keys/era.sk", *GIVEN, "--new-passphrase-file", "new")
    assert invoke("keys", "show", "keys/era.sk", *GIVEN).exit_code == 2
    keys("show", "keys/era.sk", "--passphrase-file", "new")
    before = Path("keys/era.sk").read_bytes()
    done = invoke("keys", "change-passphrase", "keys/era.sk", *GIVEN, "--new-passphrase-file", "new")
    assert (done.exit_code, Path("keys/era.sk").read_bytes()) == (2, before)


def test_a_key_that_cannot_be_replaced_stays_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    keys("new", "era", "keys", *GIVEN)
    before = Path("keys/era.sk").read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    passphrase_file(Path("new"), OTHER)
    done = invoke("keys", "change-passphrase", "keys/era.sk", *GIVEN, "--new-passphrase-file", "new")
    assert (done.exit_code, Path("keys/era.sk").read_bytes()) == (2, before)
    assert "No space left" in done.stderr
    assert sorted(path.name for path in Path("keys").iterdir()) == ["era.sk", "era.vk"]


def test_the_passphrase_may_come_from_a_descriptor() -> None:
    read, write = os.pipe()
    os.write(write, PASSPHRASE.encode())
    os.close(write)
    keys("new", "era", "keys", "--passphrase-fd", str(read))
    keys("show", "keys/era.sk", *GIVEN)
    done = invoke("keys", "show", "keys/era.sk", "--passphrase-fd", "999")
    assert (done.exit_code, "file descriptor 999" in done.stderr) == (2, True)
    assert invoke("keys", "show", "keys/era.sk", *GIVEN, "--passphrase-fd", "0").exit_code == 2


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        (PASSPHRASE, 0o640, "got mode 640. Run: chmod 600 bad"),
        ("", 0o600, "got nothing"),
        ("\n", 0o600, "got nothing"),
        ("one\ntwo\n", 0o600, "got more"),
        ("x" * 5000, 0o600, "got more"),
        (b"\xff\xfe", 0o600, "UTF-8"),
    ],
)
def test_a_passphrase_file_that_is_not_one(content: str | bytes, mode: int, words: str) -> None:
    keys("new", "era", "keys", *GIVEN)
    passphrase_file(Path("bad"), content, mode)
    done = invoke("keys", "show", "keys/era.sk", "--passphrase-file", "bad")
    assert done.exit_code == 2
    assert words in done.stderr
    assert "Traceback" not in done.output


def test_a_damaged_file_is_an_error_for_every_reader(encrypted_world: World) -> None:
    for file in ("keys/era.sk", "payment.skey"):
        Path(file).write_text(Path(file).read_text().replace('"argon2id"', '"argon2i"'))
        done = invoke("keys", "show", file)
        assert done.exit_code == 2
        assert f"The encrypted key {file} is damaged" in done.stderr
    done = encrypted_world.change("activate", "thales", "--at", "5", *GIVEN)
    assert (done.exit_code, "keys/era.sk is damaged" in done.stderr) == (2, True)


def test_a_plain_key_on_a_public_network_draws_one_warning(encrypted_world: World) -> None:
    Path("plain.skey").write_text(STRANGER_TEXT)
    Path("plain.skey").chmod(0o600)
    done = invoke("doctor", "--network", "preview", "--provider", "local:chain.sqlite3",
                  "--payment-key-file", "plain.skey", "--payment-key-file", "plain.skey",
                  "--secret-key", "@keys/era.sk", *GIVEN)  # fmt: skip
    assert done.stderr.count("plain.skey is not encrypted. Run: eraswitch keys change-passphrase plain.skey") == 1
    assert "keys/era.sk is not encrypted" not in done.stderr
    done = invoke("doctor", "--payment-key-file", "plain.skey")
    assert "is not encrypted" not in done.stderr


STRANGER_TEXT = PaymentKey(bytes(range(100, 132))).to_text()


def test_init_encrypts_the_keys_that_it_makes_and_takes_encrypted_ones() -> None:
    done = invoke("init", "--provider", "local:first.sqlite3", *GIVEN)
    assert done.exit_code == 0, done.output
    assert json.loads(keys("show", "keys/era.sk", "--json", *GIVEN))["opened"] is True
    given = ("--era-key", "keys/era.sk", "--payment-key-file", "keys/payment.skey", "--provider", "local:b.sqlite3")
    done = invoke("init", *given, "--config", "b.toml", *GIVEN)
    assert done.exit_code == 0, done.output
    assert invoke("init", *given, "--config", "c.toml").exit_code == 2


@pytest.mark.skipif(sys.platform != "linux", reason="an attribute of Linux processes")
def test_no_core_dump_is_written_of_a_process_that_opened_a_key_and_the_node_that_it_runs_is_as_it_was() -> None:
    prctl = ctypes.CDLL(None).prctl
    is_dumpable, set_dumpable, limit = 3, 4, resource.getrlimit(resource.RLIMIT_CORE)
    opening = (
        ("keys", "new", "era", "keys", *GIVEN),
        ("era", "generate-tx-datum", "--current-era-epoch", "1", "--era-markers-secret-key-file", "keys/era.sk",
         "--target-path", "datum.json", *GIVEN),
    )  # fmt: skip
    try:
        for command in opening:
            prctl(set_dumpable, 1, 0, 0, 0)
            assert invoke(*command).exit_code == 0
            assert prctl(is_dumpable, 0, 0, 0, 0) == 0
        tell = f"import ctypes; print(ctypes.CDLL(None).prctl({is_dumpable}, 0, 0, 0, 0), file=open('told', 'w'))"
        assert child.start([sys.executable, "-c", tell], os.environ).wait(30) == 0
    finally:
        prctl(set_dumpable, 1, 0, 0, 0)
    assert Path("told").read_text() == "1\n"
    assert resource.getrlimit(resource.RLIMIT_CORE) == limit


def test_the_second_factor_of_a_wallet(at_a_terminal: None) -> None:
    from pycardano import HDWallet

    words = "test walk nut penalty hip pave soap entry language right filter choice"
    passphrase_file(Path("words"), words)
    plain = json.loads(keys("import", "payment", "words", "a.skey", "--json"))
    file = json.loads(keys("import", "payment", "words", "b.skey", "--second-factor", str(PW), "--json"))
    asked = ("import", "payment", "words", "c.skey", "--second-factor", "-", "--json")
    assert json.loads(keys(*asked, input=f"{PASSPHRASE}\n"))["key_hash"] == file["key_hash"] != plain["key_hash"]
    wallet = HDWallet.from_mnemonic(words, passphrase=PASSPHRASE).derive_from_path("m/1852'/1815'/0'/0/0")
    assert PaymentKey.load(Path("b.skey")).public == bytes(wallet.public_key)
    Path("seed").write_text("00" * 32)
    assert invoke("keys", "import", "payment", "seed", "d.skey", "--second-factor", str(PW)).exit_code == 2
    assert invoke("keys", "import", "era", "seed", "d", "--second-factor", str(PW)).exit_code == 2


def test_an_encrypted_key_signs_configurations_and_cosigns_too() -> None:
    """All others that take an era key read it by the same function."""
    from era_service.cli.protocol_configuration import ConfigurationKeyOptions

    loader = ConfigurationKeyOptions.signing_key.__globals__["read_secret_key"]
    assert loader.__module__ == "era_service.cli.shared.key_loading"
    source = Path(passphrases.__file__).parents[2]
    for path in source.rglob("*.py"):
        text = path.read_text()
        if path.name not in ("key_loading.py", "keys.py") and path.parent.name != "demo":  # a demo makes its own keys
            assert "PaymentKey.load(" not in text, path
            assert "SigningKey.parse(" not in text, path


def test_no_repr_shows_a_secret_and_no_key_is_copied() -> None:
    import pickle
    from dataclasses import fields

    from era_service.cli.shared.context import AppContext
    from era_service.releasing.setup import SetUpOrder

    secret = PASSPHRASE.encode()
    holders = (AppContext(passphrase=secret), ERA_KEY, WALLET)
    for shown in map(repr, holders):
        assert not any(one in shown for one in (PASSPHRASE, ERA_KEY.seed.hex(), repr(ERA_KEY.seed)[2:20], "\\x02\\x03"))
    assert [field.repr for field in fields(SetUpOrder) if field.name == "passphrase"] == [False]
    for key in (ERA_KEY, WALLET):
        with pytest.raises(TypeError, match="cannot be copied or pickled"):
            pickle.dumps(key)
