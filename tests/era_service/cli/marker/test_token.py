"""``marker … --mint-token`` and ``marker adopt-token``: minted once, configured, passed on, and shown."""

import hashlib
import json
import stat
from pathlib import Path
from typing import Any

import cbor2
import pytest
from pycardano import Address

from era_service.config.token_line import with_token
from eras import ConfigurationError, Slot
from release_tools import EraAddress, Funding, LedgerContext, LocalChainGateway, PaymentKey, sign_transaction
from release_tools.publishing.publication import Publisher
from release_tools.transactions.balancing import witness_set
from release_tools.transactions.building import build_sweep_transaction
from release_tools.transactions.owners import KeyScript, ThreadToken
from tests.era_service.conftest import invoke
from tests.era_service.release_world import ADA, ERA_KEY, MAGIC, STRANGER, WALLET, World, datum, release_world


def adopt(world: World, *more: str) -> dict[str, Any]:
    keys = ("--payment-key-file", "payment.skey")
    result = invoke("marker", "adopt-token", *keys, *world.options, "--yes", "--json", *more)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def held(world: World, transaction: str) -> list[str]:
    output = world.chain.output(transaction, 0)
    assert output is not None
    return [f"{unit[:56]}.{unit[56:]}" for unit, _ in output.assets]


def test_the_first_marker_mints_it_and_the_next_passes_it_on(any_world: World) -> None:
    world = any_world
    first = world.changed("activate", "thales", "--at", "5", "--mint-token")
    token = first["drafted"]["thread_token"]
    assert first["drafted"]["mints_thread_token"]
    assert held(world, first["transaction"]) == [token]
    assert world.show()["thread_token"] == {
        "token": token,
        "configured": False,
        "words": "not in trust.thread_token yet",
    }
    second = world.changed("announce", "pythagoras")
    assert (second["drafted"]["thread_token"], second["drafted"]["mints_thread_token"]) == (token, False)
    assert held(world, second["transaction"]) == [token]


def test_markers_without_it_adopt_one_and_a_node_that_is_configured_asks_for_it(world: World, monkeypatch) -> None:
    first = world.changed("activate", "thales", "--at", "5")
    assert world.show()["thread_token"] is None
    done = adopt(world)
    token = done["drafted"]["thread_token"]
    assert (done["status"], done["plan"]["change"], done["plan"]["after"]) == (
        "published",
        "adopt-token",
        [{"name": "thales", "epoch": 5}],
    )
    assert done["drafted"]["spends"][0]["output"] == f"{first['transaction']}#0"
    assert held(world, done["transaction"]) == [token]
    again = adopt(world)
    assert (again["status"], again["drafted"]) == ("done", None)

    monkeypatch.setenv("ERASWITCH_TRUST__THREAD_TOKEN", token)
    world.post(datum(("thales", 4)))
    shown = world.show()
    assert shown["thread_token"] == {"token": token, "configured": True, "words": "no output without it is trusted"}
    assert (shown["trusted"]["transaction"], shown["verdicts"]["WithoutToken"]) == (done["transaction"], 1)
    assert world.changed("announce", "pythagoras")["drafted"]["thread_token"] == token

    monkeypatch.setenv("ERASWITCH_TRUST__THREAD_TOKEN", "ab" * 28 + ".00")
    refused = invoke("marker", "show", *world.options, "--json")
    assert refused.exit_code != 0 or json.loads(refused.stdout)["stale"] is not None


def test_in_words(world: World) -> None:
    world.changed("activate", "thales", "--at", "5")
    keys = ("--payment-key-file", "payment.skey")
    result = invoke("marker", "adopt-token", *keys, *world.options, "--yes")
    assert result.exit_code == 0, result.output
    assert "Plan: adopt the thread token (current epoch: 5)" in result.stdout
    assert "  token       is minted, once and for all:" in result.stdout
    assert '  thread_token = "' in result.stdout
    again = invoke("marker", "adopt-token", *keys, *world.options, "--yes")
    assert "Nothing to do: the marker output holds a thread token already" in again.stdout


def test_without_markers_there_is_nothing_to_adopt(world: World) -> None:
    result = invoke("marker", "adopt-token", "--payment-key-file", "payment.skey", *world.options, "--yes")
    assert result.exit_code != 0
    assert "marker activate ERA --at EPOCH --mint-token" in result.output


def test_doctor_looks_where_it_is_and_whether_it_can_be_minted_again(world: World, monkeypatch) -> None:
    first = world.changed("activate", "thales", "--at", "5", "--mint-token")
    assert "eraswitch marker adopt-token" in examined()["thread token"][1]
    monkeypatch.setenv("ERASWITCH_TRUST__THREAD_TOKEN", first["drafted"]["thread_token"])
    second = world.changed("announce", "pythagoras")
    found = examined()
    assert found["thread token"] == ("ok", f"{second['transaction']}#0 at the era address holds it")
    assert found["thread token policy"][0] == "ok"
    assert found["thread token supply"][0] == "ok"
    assert found["thread token policy"][1].startswith(f"{first['transaction']} minted it under a script of")
    assert found["thread token policy"][1].endswith(": not yet")
    world.chain.advance_slots(first["drafted"]["invalid_hereafter"])
    assert examined()["thread token policy"][1].endswith("nobody can mint another")
    monkeypatch.setenv("ERASWITCH_TRUST__THREAD_TOKEN", "ab" * 28 + ".00")
    assert examined()["thread token"][0] == "problem"


def test_doctor_states_that_a_provider_cannot_be_asked_for_a_token(
    own_folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with release_world(own_folders, monkeypatch, "cardano-cli") as world:
        world.changed("activate", "thales", "--at", "5", "--mint-token", "--write")
        document = json.loads(invoke("doctor", "--json").stdout)["findings"]
    found = [one["health"] for one in document if one["check"] == "thread token"]
    assert found == ["warning", "ok"], "the one that takes no transactions, and the one that does"


@pytest.mark.parametrize("face", ["local", "blockfrost", "koios", "kupo", "ogmios"])
def test_doctor_finds_a_second_one_that_never_came_by_the_era_address(
    own_folders: Path, monkeypatch: pytest.MonkeyPatch, face: str
) -> None:
    with release_world(own_folders, monkeypatch, face) as world:
        first = world.changed("activate", "thales", "--at", "5", "--mint-token", "--write")["drafted"]
        before = examined()["thread token supply"]
        mint_another(world, Slot(first["invalid_hereafter"]))
        health, words = examined()["thread token supply"]
    if face == "ogmios":
        assert before == (health, words)
        assert (health, "cannot count them" in words) == ("warning", True)
    else:
        assert (before[0], before[1].startswith("there is one, by ")) == ("ok", True)
        assert (health, words.startswith("expected one, got 2, by ")) == ("problem", True)


def mint_another(world: World, lock: Slot) -> None:
    """Mint the same token again while its policy still lets the owner, and send it to somebody else."""
    token = ThreadToken.of(KeyScript.of_key(WALLET.key_hash), lock)
    policy, name = bytes.fromhex(token.script.hash), bytes.fromhex(token.unit[56:])
    plain = next(one for one in world.chain.utxos(world.address) if one.datum is None)
    held, own, theirs = {policy: {name: 1}}, *(bytes(Address.decode(one.address(0))) for one in (WALLET, STRANGER))
    body = cbor2.dumps({
        0: [[bytes.fromhex(plain.transaction), plain.index]],
        1: [[theirs, [2 * ADA, held]], [own, plain.lovelace - 3 * ADA]],
        2: ADA,
        3: lock,
        9: held,
    })  # fmt: skip
    signed = witness_set([WALLET.witness(hashlib.blake2b(body, digest_size=32).digest())], [token.script.cbor])
    world.chain.submit(b"\x84" + body + signed + b"\xf5\xf6")


def examined(what: str = "words") -> dict[str, tuple[str, str]]:
    """What doctor finds, by check: how grave it is, and its words or another part."""
    document = json.loads(invoke("doctor", "--json").stdout)
    return {one["check"]: (one["health"], one[what]) for one in document["findings"]}


@pytest.mark.parametrize("face", ["local", "blockfrost"])
def test_history_shows_what_is_spent_though_the_reading_followed_the_token(
    own_folders: Path, monkeypatch: pytest.MonkeyPatch, face: str
) -> None:
    with release_world(own_folders, monkeypatch, face) as world:
        first = world.changed("activate", "thales", "--at", "5", "--mint-token")
        monkeypatch.setenv("ERASWITCH_TRUST__THREAD_TOKEN", first["drafted"]["thread_token"])
        second = world.changed("announce", "pythagoras")
        entries = json.loads(invoke("marker", "history", "--json").stdout)["payloads"]
    assert [(entry["transaction"], entry["spent"]) for entry in entries] == [
        (second["transaction"], False),
        (first["transaction"], True),
    ]


# --- sent away, or minted twice


def pay_away(world: World, key: PaymentKey, to: str) -> str:
    """A wallet pays what holds tokens to somebody; the output that holds them then."""
    gateway = LocalChainGateway(world.chain)
    held = gateway.spendable_outputs(key.address(0))
    paid = build_sweep_transaction(
        EraAddress(key.address(0)),
        Funding(to, held, [one for one in held if one.assets]),
        LedgerContext.read(gateway),
    )
    sent = gateway.submit(sign_transaction(paid, [key]).cbor)
    return next(one.reference for one in gateway.spendable_outputs(to) if one.assets and one.transaction == sent)


def test_a_token_that_was_sent_away_comes_back_or_is_replaced(world: World) -> None:
    world.configure('[store]\nurl = "store.sqlite3"')
    lost = world.changed("activate", "thales", "--at", "5", "--mint-token", "--write")["drafted"]["thread_token"]
    world.chain.fund(STRANGER.address(0), 5 * ADA)
    keys = ("--payment-key-file", "payment.skey")

    pay_away(world, WALLET, STRANGER.address(0))
    assert world.change("announce", "pythagoras").exit_code == 5
    refused = invoke("marker", "adopt-token", *keys, *world.options, "--yes", "--json")
    assert json.loads(refused.stdout)["error"]["code"] == "ThreadToken"
    assert "docs/contingency.md" in examined("next_step")["thread token"][1]
    back = pay_away(world, STRANGER, world.address)
    assert f"adopt-token --spend {back}" in examined("next_step")["thread token"][1]
    again = adopt(world, "--spend", back)
    assert (again["status"], again["drafted"]["mints_thread_token"]) == ("published", False)
    assert held(world, again["transaction"]) == [lost]

    pay_away(world, WALLET, STRANGER.address(0))
    done = adopt(world, "--replace", lost.upper(), "--write")
    new = done["drafted"]["thread_token"]
    assert (done["status"], done["token_written"], new != lost) == ("published", "eraswitch.toml", True)
    assert f"Nodes that are configured with {lost} keep what they trust" in done["warnings"][0]
    assert world.show()["thread_token"]["words"] == "no output without it is trusted"
    transactions = world.transactions()
    assert adopt(world, "--replace", lost, "--write")["status"] == "done"
    assert world.transactions() == transactions
    assert world.changed("announce", "pythagoras")["status"] == "published"


def test_a_token_that_was_minted_twice_is_replaced_where_it_is(world: World) -> None:
    twice = world.changed("activate", "thales", "--at", "5", "--mint-token", "--write")["drafted"]["thread_token"]
    assert adopt(world)["status"] == adopt(world, "--replace", "ab" * 28 + ".00")["status"] == "done"
    done = adopt(world, "--replace", twice, "--write")
    assert held(world, done["transaction"]) == [done["drafted"]["thread_token"]] != [twice]
    assert examined()["thread token supply"][0] == "ok"
    assert world.changed("announce", "pythagoras")["status"] == "published"


# --- written into the configuration


def test_it_is_written_into_the_configuration_that_is_in_use(world: World) -> None:
    """Comments, order and permissions stay; and what a run could not write, the next one does."""
    file = world.folder / "eraswitch.toml"
    world.configure("[trust] # whom to believe\n  confirmations = 0 # at once")
    file.chmod(0o640)
    before = file.read_text()
    world.changed("activate", "thales", "--at", "5")
    done = adopt(world, "--write")
    token = done["drafted"]["thread_token"]
    header = "[trust] # whom to believe\n"
    assert done["token_written"] == "eraswitch.toml"
    assert file.read_text() == before.replace(header, f'{header}            thread_token = "{token}"\n', 1)
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert world.show()["thread_token"]["configured"]

    written = file.read_text()
    again = adopt(world, "--write")
    assert (again["status"], again["token_written"], file.read_text()) == ("done", "eraswitch.toml", written)
    file.write_text(before)
    assert adopt(world, "--write")["status"] == "done"
    assert file.read_text() == written


def test_with_the_first_marker_it_is_written_too_and_the_line_is_printed(world: World) -> None:
    refused = world.change("activate", "thales", "--at", "5", "--write")
    assert refused.exit_code == 2
    assert "--write needs --mint-token" in refused.output
    result = world.change("activate", "thales", "--at", "5", "--mint-token", "--write")
    assert result.exit_code == 0, result.output
    assert '  thread_token = "' in result.stdout
    assert "The thread token is in [trust] of eraswitch.toml" in result.stdout
    assert world.show()["thread_token"]["configured"]


@pytest.mark.parametrize(
    ("extra", "mode", "words"),
    [
        (f'[trust]\nthread_token = "{"ab" * 28}.00"', 0o644, "expected no thread_token, or"),
        ("[trust]", 0o444, "a read-only one (mode 0444)"),
        ("trust.confirmations = 0", 0o644, ""),
    ],
)
def test_a_file_that_cannot_take_it_is_found_before_anything_is_spent(
    world: World, extra: str, mode: int, words: str
) -> None:
    file = world.folder / "eraswitch.toml"
    world.configure()
    if extra.startswith("trust."):
        file.write_text(f"{extra}\n{file.read_text()}")
        words = "a form that one more line would break"
    else:
        file.write_text(file.read_text() + extra + "\n")
    file.chmod(mode)
    before = file.read_text()
    result = world.change("activate", "thales", "--at", "5", "--mint-token", "--write")
    assert result.exit_code == 1, result.output
    assert "The thread token cannot be written into eraswitch.toml" in result.stderr
    assert words in result.stderr
    assert (world.transactions(), file.read_text()) == ([], before)


def test_a_file_that_is_changed_meanwhile_hides_no_publication(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    file = world.folder / "eraswitch.toml"
    write = Publisher.publish

    def publish(publisher: Publisher[Any], *arguments: Any) -> Any:
        published = write(publisher, *arguments)
        file.write_text("trust = [")
        return published

    monkeypatch.setattr(Publisher, "publish", publish)
    result = world.change("activate", "thales", "--at", "5", "--mint-token", "--write")
    assert result.exit_code == 1
    assert "Done: transaction" in result.stdout
    assert '  thread_token = "' in result.stdout
    assert "cannot be written into eraswitch.toml: expected TOML" in result.stderr
    assert file.read_text() == "trust = ["


def test_without_a_file_there_is_nothing_to_write_into(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    (world.folder / "eraswitch.toml").unlink()
    for name, value in {
        "READER__PROVIDERS": world.provider,
        "NETWORK__MAGIC": str(MAGIC),
        "NETWORK__ERA_ADDRESS": world.address,
        "NETWORK__VERIFICATION_KEY": ERA_KEY.verification_key.hex,
        "NETWORK__SUPPORTED_ERAS": "thales",
    }.items():
        monkeypatch.setenv(f"ERASWITCH_{name}", value)
    result = world.change("activate", "thales", "--at", "5", "--mint-token", "--write")
    assert result.exit_code == 1
    assert "There is no configuration file" in result.stderr
    assert world.transactions() == []


TOKEN = "ab" * 28 + ".00"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", f'[trust]\nthread_token = "{TOKEN}"\n'),
        ("[log]", f'[log]\n\n[trust]\nthread_token = "{TOKEN}"\n'),
        ("[ trust ]\r\na = 1\r\n", f'[ trust ]\r\nthread_token = "{TOKEN}"\r\na = 1\r\n'),
        ("[trust]", f'[trust]\nthread_token = "{TOKEN}"'),
        (f'[trust]\nthread_token = " {TOKEN.upper()}"', f'[trust]\nthread_token = " {TOKEN.upper()}"'),
        ('a = """\n[trust]\n"""', None),
        ("trust = { a = 1 }", None),
        ("trust.a = 1", None),
        ("trust = 1", None),
        ("trust = ", None),
        ("[trust.a]\nb = 1", '[trust.a]\nb = 1\n\n[trust]\nthread_token = "' + TOKEN + '"\n'),
    ],
)
def test_the_text_reads_as_before_but_for_the_token(tmp_path: Path, before: str, after: str | None) -> None:
    file = tmp_path / "eraswitch.toml"
    file.write_bytes(before.encode())
    if after is not None:
        assert with_token(file, TOKEN) == after
        return
    with pytest.raises(ConfigurationError, match="cannot be written into"):
        with_token(file, TOKEN)
