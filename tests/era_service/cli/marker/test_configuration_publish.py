"""``eraswitch marker configuration publish``: on the chain beside era markers, under one key, and once."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from datum import CONFIGURATION, SigningKey, encode_datum
from datum.configuration import ConfigurationMarkersPayload, read_import
from era_store import EventFilter, open_store
from eras import Epoch
from release_tools.markers.configurations import plan_configurations
from release_tools.publishing.journal import Journal
from tests.era_service.conftest import invoke
from tests.era_service.release_world import ERA_KEY, MAGIC, NETWORK, World

FIRST = {"epoch": 0, "protocol_parameters": {"k": 3, "m": 9, "phi_f": 0.5}, "enabled_signed_entity_types": []}
LATER = {**FIRST, "epoch": 8, "protocol_parameters": {"k": 4, "m": 9, "phi_f": 0.5}}
USED = {**FIRST, "epoch": 4, "protocol_parameters": {"k": 5, "m": 9, "phi_f": 0.5}}


def publish(world: World, *configurations: dict[str, Any], options: tuple[str, ...] = ()) -> Result:
    """The command, agreed to, with all keys."""
    Path("wanted.json").write_text(json.dumps(configurations))
    keys = ("--protocol-configuration-markers-secret-key-file", "keys/era.sk", "--payment-key-file", "payment.skey")
    return invoke("marker", "configuration", "publish", "wanted.json", *keys, *world.options, "--yes", *options)


def published(world: World, *configurations: dict[str, Any], options: tuple[str, ...] = ()) -> dict[str, Any]:
    """The document of a publication that succeeds."""
    done = publish(world, *configurations, options=("--json", *options))
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def outputs(world: World) -> list[str]:
    """What carries a datum and is unspent."""
    return [f"{made.transaction}#{made.index}" for made in world.chain.utxos(world.address) if made.datum is not None]


def datum(*configurations: dict[str, Any], key: SigningKey = ERA_KEY) -> str:
    """The datum of configurations, in hex."""
    payload = ConfigurationMarkersPayload.of(read_import(json.dumps(configurations).encode())).sign(key)
    return encode_datum(payload.to_bytes()).hex()


def in_force() -> list[int]:
    """The epochs of the configurations on the chain."""
    shown = invoke("marker", "configuration", "show", "--json")
    return [marker["epoch"] for marker in json.loads(shown.stdout)["markers"]]


def test_both_kinds_at_one_address_and_neither_spends_the_other(any_world: World) -> None:
    world = any_world
    eras = world.changed("activate", "thales", "--at", "5")["transaction"]
    first = published(world, FIRST)
    assert (first["status"], first["plan"]["differences"]) == ("published", [
        {"epoch": 0, "changes": ["a first configuration"]}
    ])  # fmt: skip
    assert sorted(outputs(world)) == sorted([f"{eras}#0", f"{first['transaction']}#0"])
    later = published(world, FIRST, LATER, options=("--sweep",))
    assert later["plan"]["differences"] == [{"epoch": 8, "changes": ["k 3 → 4"]}]
    assert f"{first['transaction']}#0" in [one["output"] for one in later["drafted"]["spends"]]
    assert sorted(outputs(world)) == sorted([f"{eras}#0", f"{later['transaction']}#0"])
    again = world.changed("activate", "pythagoras", "--at", "8", "--sweep")["transaction"]
    assert sorted(outputs(world)) == sorted([f"{again}#0", f"{later['transaction']}#0"])
    swept = invoke("marker", "sweep", "--payment-key-file", "payment.skey", *world.options, "--yes", "--copies")
    assert swept.exit_code == 0, swept.output
    assert sorted(outputs(world)) == sorted([f"{again}#0", f"{later['transaction']}#0"])
    assert [one["name"] for one in world.show()["markers"]] == ["thales", "pythagoras"]
    assert in_force() == [0, 8]


def test_each_kind_has_a_token_of_its_own_and_hands_it_on(any_world: World) -> None:
    world = any_world
    world.changed("activate", "thales", "--at", "5", "--mint-token")
    published(world, FIRST, options=("--mint-token",))
    eras = world.show()["thread_token"]["token"]
    own = json.loads(invoke("marker", "configuration", "show", "--json").stdout)["thread_token"]
    assert [bytes.fromhex(token.partition(".")[2]) for token in (eras, own)] == [b"era-thread", b"configuration-thread"]
    world.configure(
        f'[trust]\nthread_token = "{eras}"\n[protocol_configuration]\nthread_token = "{own}"\nenabled = true'
    )
    world.post(datum(FIRST, {**LATER, "epoch": 7}))  # without the token
    later = published(world, FIRST, LATER, options=("--sweep",))
    world.changed("activate", "pythagoras", "--at", "8", "--sweep")
    held = {made.transaction: dict(made.assets) for made in world.chain.utxos(world.address) if made.datum is not None}
    tokens = [token for assets in held.values() for token in assets]
    assert sorted(tokens) == sorted(token.replace(".", "") for token in (eras, own))
    assert list(held[later["transaction"]]) == [own.replace(".", "")]
    shown = invoke("marker", "configuration", "show")
    assert f"Thread token {own}: no output without it is trusted" in shown.stdout
    assert (in_force(), world.show()["thread_token"]["configured"]) == ([0, 8], True)
    found = {one["check"]: one["words"] for one in json.loads(invoke("doctor", "--json").stdout)["findings"]}
    assert f"{later['transaction']}#0" in found["thread token of configurations"]
    assert found["thread token"] != found["thread token of configurations"]


def test_the_same_again_does_nothing(world: World) -> None:
    published(world, FIRST)
    there = world.transactions()
    assert "the chain has these configurations already" in publish(world, FIRST).stdout
    assert world.transactions() == there


def test_a_dry_run_shows_the_plan_and_does_nothing(world: World) -> None:
    published(world, FIRST)
    there = world.transactions()
    done = publish(world, FIRST, LATER, options=("--dry-run",))
    assert done.exit_code == 0, done.output
    assert "  epoch 8: k 3 → 4\n" in done.stdout
    assert "Nothing was done: this was a dry run" in done.stdout
    assert world.transactions() == there


def test_what_nodes_use_already_changes_only_for_a_reason_that_is_kept(world: World) -> None:
    published(world, FIRST)
    refused = publish(world, FIRST, USED)
    assert refused.exit_code == 1
    assert "epoch 4: k 3 → 5; epoch 5: k 3 → 5" in refused.stderr
    assert "AdoptionStoreNeeded" in publish(world, FIRST, USED, options=("--force", "k was a typo", "--json")).stdout
    assert in_force() == [0], "without a store to keep the reason in, nothing is forced"
    world.configure('[store]\nurl = "sqlite:///store.sqlite3"')
    done = publish(world, FIRST, USED, options=("--force", "k was a typo"))
    assert done.exit_code == 0, done.output
    assert "FORCED, for the reason: k was a typo" in done.stdout
    assert in_force() == [0], "nodes hold what they trusted"
    assert (
        "a Mithril reader could take [k 3, m 9, phi_f 0.5 from epoch 0; k 5"
        in invoke("marker", "configuration", "show").stderr
    )
    again = published(world, FIRST, USED, LATER)
    assert again["plan"]["differences"] == [{"epoch": 8, "changes": ["k 5 → 4"]}], "what it replaces is what is there"
    with open_store("sqlite:///store.sqlite3", network=NETWORK) as store:
        kept = store.events.last(EventFilter(kinds=("configuration-forced",)))
    assert kept is not None
    assert (kept.facts["reason"], kept.facts["changes"]) == ("k was a typo", [{"epoch": 4, "changes": ["k 3 → 5"]}])


def test_a_forecast_takes_the_parameters_of_the_epoch_from_the_chain(world: World) -> None:
    question = ("adoption", "forecast", "--share", "0.6", "--configuration-on-chain")
    assert "expected a configuration that holds at epoch 4, got none in the chain" in invoke(*question).stderr
    published(world, FIRST, {**LATER, "epoch": 6})
    for epoch, k in ((6, 3), (7, 4)):
        world.chain.advance_to_epoch(epoch)
        done = invoke(*question, "--json")
        assert f"the protocol configuration of epoch {epoch - 1} in the chain, by " in done.stderr
        given = ("--k", str(k), "--m", "9", "--phi-f", "0.5")
        assert done.stdout == invoke("adoption", "forecast", "--share", "0.6", *given, "--json").stdout
    both = invoke(*question, "--with-configuration", "wanted.json")
    assert "exclude each other" in both.stderr


def test_one_that_cannot_be_used_is_replaced(world: World) -> None:
    content = ConfigurationMarkersPayload.of(read_import(json.dumps([FIRST]).encode()))
    marker = content.markers[0]
    broken = ConfigurationMarkersPayload((type(marker)(marker.epoch, "00"),)).sign(ERA_KEY)
    world.post(encode_datum(broken.to_bytes()).hex())
    unusable = outputs(world)[0]
    done = published(world, FIRST)
    assert unusable in [one["output"] for one in done["drafted"]["spends"]]
    assert outputs(world) == [f"{done['transaction']}#0"]


def test_an_interrupted_publication_is_gone_on_with(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from release_tools.publishing.submission import Submission

    with monkeypatch.context() as patched:
        patched.setattr(Submission, "confirm", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        assert publish(world, FIRST).exit_code != 0
    there = world.transactions()
    world.changed("activate", "thales", "--at", "5")  # a journal of its own
    other = publish(world, FIRST, LATER)
    assert other.exit_code == 1
    assert "Another change is in a block already" in other.stderr
    done = published(world, FIRST)
    assert (done["status"], done["transaction"]) == ("published", there[0])


def test_another_key_and_an_empty_list_are_refused(world: World) -> None:
    secret = Path("other.sk")
    secret.write_text(SigningKey(bytes(32)).to_json_hex())
    secret.chmod(0o600)
    other = publish(world, FIRST, options=("--protocol-configuration-markers-secret-key-file", "other.sk"))
    assert other.exit_code == 2
    assert "not the one of this network" in other.stderr
    assert "A list without any configuration is not published" in publish(world).stderr
    assert world.transactions() == []


def test_the_journal_keeps_both_kinds_apart_and_whole(tmp_path: Path) -> None:
    plan = plan_configurations((), read_import(json.dumps([FIRST, LATER]).encode()), Epoch(5))
    assert plan.change != plan_configurations((), read_import(json.dumps([FIRST]).encode()), Epoch(5)).change
    eras, configurations = Journal(tmp_path, MAGIC, "addr"), Journal(tmp_path, MAGIC, "addr", CONFIGURATION)
    assert eras.folder != configurations.folder
