"""``eraswitch protocol-configuration``: the files of Mithril's tool, byte for byte, and what it refuses."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chain_reader.local_chain import FaucetOutput, Genesis, LocalChain
from datum import EraMarkersPayload, SigningKey, decode_datum, encode_datum, encode_datum_json
from datum.configuration import ConfigurationMarkersPayload, read_import
from eras import Epoch, EraMarker
from release_tools import LocalChainGateway, PaymentKey
from release_tools.transactions.posting import post_datum
from tests.era_service.conftest import invoke

OWNER = PaymentKey(bytes(range(32)))
ADDRESS = OWNER.address(0)
KEY_OPTION = "--protocol-configuration-markers-secret-key-file"


@pytest.fixture
def folder(vectors: Path) -> Path:
    """Mithril's files; the key is copied to one that only its owner can read."""
    secret = Path("config.sk")
    secret.write_text((vectors / "mithril-config" / "config.sk").read_text())
    secret.chmod(0o600)
    return vectors / "mithril-config"


@pytest.fixture
def chain(folder: Path) -> Iterator[LocalChain]:
    """A chain in epoch 5 that configurations can be read from."""
    public = (folder / "config.vk").read_text()
    Path("eraswitch.toml").write_text(
        f"""network = "rehearsal"
        [reader]
        providers = ["local:chain.sqlite3"]
        [networks.rehearsal]
        magic = 42
        era_address = "{ADDRESS}"
        verification_key = "{public}"
        supported_eras = ["thales"]
        """
    )
    with LocalChain.create(Path("chain.sqlite3"), genesis=Genesis(epoch_length=10, network_magic=42)) as chain:
        chain.advance_to_epoch(5)
        yield chain


def faucet(chain: LocalChain, *contents: bytes) -> None:
    """Post as anybody can."""
    chain.place([FaucetOutput(ADDRESS, 30_000_000, datum=encode_datum(content).hex()) for content in contents])


def post(chain: LocalChain, content: bytes) -> None:
    """Publish as the team does: the transaction spends an output at the address."""
    chain.fund(ADDRESS, 100_000_000)
    post_datum(LocalChainGateway(chain), encode_datum(content), ADDRESS, OWNER)


def import_(path: Path | str, *options: str) -> Any:
    arguments = ("--import-path", str(path), "--target-path", "out.json", KEY_OPTION, "config.sk")
    return invoke("protocol-configuration", "import-markers", *arguments, *options)


def export(*options: str) -> Any:
    return invoke("protocol-configuration", "export-markers", "--target-path", "export.json", *options)


def test_datums_are_mithrils_byte_for_byte(folder: Path) -> None:
    for path in sorted(folder.glob("export-*.json")):
        done = import_(path, "--without-chain")
        assert done.exit_code == 0, done.output
        assert "not compared with the chain" in done.stderr
        assert Path("out.json").read_bytes() == path.with_name(path.name.replace("export", "datum")).read_bytes()


def test_exports_are_mithrils_byte_for_byte(folder: Path, chain: LocalChain) -> None:
    assert export("--default").exit_code == 0
    assert Path("export.json").read_bytes() == (folder / "export-default.json").read_bytes()
    done = export()
    assert "shows no configuration on the chain" in done.stderr
    assert Path("export.json").read_bytes() == (folder / "export-default.json").read_bytes()
    eras = EraMarkersPayload((EraMarker("thales", Epoch(1)),)).sign(SigningKey(bytes(32))).to_bytes()
    faucet(chain, eras)
    post(chain, (folder / "payload-network-like.json").read_bytes())
    done = export()
    assert done.exit_code == 0, done.output
    assert "the configuration is to begin at epoch 540, more than 146 epochs ahead" in done.stderr
    assert Path("export.json").read_bytes() == (folder / "export-network-like.json").read_bytes()


@pytest.mark.parametrize("variable", ["MARKERS_SECRET_KEY", "READER_SECRET_KEY"])
def test_the_key_in_the_environment_of_either_spelling(
    folder: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(f"PROTOCOL_CONFIGURATION_{variable}", (folder / "config.sk").read_text())
    arguments = ("--import-path", str(folder / "export-one-epoch.json"), "--target-path", "out.json", "--without-chain")
    done = invoke("protocol-configuration", "import-markers", *arguments)
    assert done.exit_code == 0, done.output
    assert Path("out.json").read_bytes() == (folder / "datum-one-epoch.json").read_bytes()


@pytest.mark.parametrize("variable", ["ADAPTER_CONFIG", "ADAPTER_PARAMS"])
def test_the_place_in_the_environment_of_either_spelling(
    folder: Path, chain: LocalChain, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    other = SigningKey(bytes(range(32)))
    post(
        chain,
        ConfigurationMarkersPayload.of(read_import((folder / "export-one-epoch.json").read_bytes()))
        .sign(other)
        .to_bytes(),
    )
    place = {"address": ADDRESS, "verification_key": other.verification_key.to_json_hex()}
    monkeypatch.setenv(f"PROTOCOL_CONFIGURATION_READER_{variable}", json.dumps(place))
    assert export().exit_code == 0
    assert Path("export.json").read_bytes() == (folder / "export-one-epoch.json").read_bytes()
    monkeypatch.setenv(f"PROTOCOL_CONFIGURATION_READER_{variable}", '{"type":"fake"}')
    refused = export()
    assert refused.exit_code == 2
    assert 'got \'{"type":"fake"}\'' in refused.stderr


PLAIN = {"epoch": 0, "protocol_parameters": {"k": 3, "m": 9, "phi_f": 0.5}, "enabled_signed_entity_types": []}


def test_what_nodes_use_already_may_not_change(folder: Path, chain: LocalChain) -> None:
    key = SigningKey.parse((folder / "config.sk").read_text())
    Path("now.json").write_text(json.dumps([PLAIN]))
    assert "no configuration for epoch 2, 3, 4, 5" in import_("now.json").stderr
    post(chain, decode_datum(Path("out.json").read_text()).content)
    later = {**PLAIN, "epoch": 6, "protocol_parameters": {"k": 4, "m": 9, "phi_f": 0.5}}
    Path("later.json").write_text(json.dumps([PLAIN, later]))
    assert import_("later.json").exit_code == 0
    published = Path("out.json").read_text()
    Path("changed.json").write_text(json.dumps([PLAIN, {**later, "epoch": 4}]))
    refused = import_("changed.json")
    assert refused.exit_code == 1
    assert "epoch 4: k 3 → 4; epoch 5: k 3 → 4" in refused.stderr
    assert Path("out.json").read_text() == published, "nothing is written where something is refused"
    assert import_("changed.json", "--current-epoch", "3").exit_code == 0
    assert import_("changed.json", "--without-chain").exit_code == 0
    assert Path("out.json").read_text() == encode_datum_json(
        ConfigurationMarkersPayload.of(read_import(Path("changed.json").read_bytes())).sign(key).to_bytes()
    )


def test_a_key_is_needed_and_a_provider(folder: Path) -> None:
    arguments = ("--import-path", str(folder / "export-one-epoch.json"), "--target-path", "out.json")
    assert "Missing option" in invoke("protocol-configuration", "import-markers", *arguments).stderr
    place = json.dumps({"address": ADDRESS, "verification_key": (folder / "config.vk").read_text()})
    done = import_(folder / "export-one-epoch.json", "--protocol-configuration-reader-adapter-config", place)
    assert done.exit_code == 2
    assert "There is no provider" in done.stderr
    assert not Path("out.json").exists()


def test_a_signed_payload_that_cannot_be_used_is_an_error(folder: Path, chain: LocalChain) -> None:
    key = SigningKey.parse((folder / "config.sk").read_text())
    bad = b'[{"epoch":0,"configuration":"00"}]'
    post(chain, b'{"markers":' + bad + b',"signature":"' + key.sign(bad).hex().encode() + b'"}')
    done = export()
    assert done.exit_code == 1
    assert "cannot be used" in done.stderr
    assert not Path("export.json").exists()
    post(chain, (folder / "payload-one-epoch.json").read_bytes())
    done = export()
    assert done.exit_code == 0
    assert "a Mithril reader could take [one that cannot be read from epoch 0]" in done.stderr


def test_both_kinds_at_one_address_are_told_apart(folder: Path, chain: LocalChain) -> None:
    key = SigningKey.parse((folder / "config.sk").read_text())
    eras = EraMarkersPayload((EraMarker("thales", Epoch(1)),)).sign(key).to_bytes()
    Path("now.json").write_text(
        json.dumps([PLAIN, {**PLAIN, "epoch": 6, "enabled_signed_entity_types": ["CardanoDatabase"]}])
    )
    assert import_("now.json", "--without-chain").exit_code == 0
    faucet(chain, eras)
    post(chain, decode_datum(Path("out.json").read_text()).content)
    told = invoke("marker", "show")
    assert told.exit_code == 0, told.output
    assert "Other kinds   1 payload of another kind" in told.stdout
    assert "Refused       1 Impostor\n" in told.stdout, "what a faucet posts is not the team's"
    status = json.loads(invoke("status", "--json").stdout)
    assert status["verdicts"] == {"Impostor": 1, "OtherKind": 1}
    assert [one["verdict"] for one in status["refused"]] == ["Impostor"]
    assert "Other kinds   1 payload of another kind" in invoke("status").stdout
    shown = invoke("marker", "configuration", "show")
    assert shown.exit_code == 0, shown.output
    assert "configuration from epoch 6: k 3, m 9, phi_f 0.5; signed: CardanoDatabase" in shown.stdout
    assert "registration      k 3, m 9, phi_f 0.5" in shown.stdout
    document = json.loads(invoke("marker", "configuration", "show", "--json").stdout)
    assert [one["epoch"] for one in document["markers"]] == [0, 6]
    assert document["window"]["registration"]["enabled_signed_entity_types"] == ["CardanoDatabase"]
    assert document["window"]["aggregation"]["enabled_signed_entity_types"] == []


def test_what_a_file_would_change(folder: Path, chain: LocalChain) -> None:
    empty = invoke("marker", "configuration", "show")
    assert (empty.exit_code, "No configuration holds now" in empty.stdout) == (5, True)
    Path("now.json").write_text(json.dumps([PLAIN]))
    import_("now.json", "--without-chain")
    post(chain, decode_datum(Path("out.json").read_text()).content)
    assert "Nothing changes" in invoke("marker", "configuration", "diff", "now.json").stdout
    later = {**PLAIN, "epoch": 9, "protocol_parameters": {"k": 4, "m": 9, "phi_f": 0.25}}
    Path("later.json").write_text(json.dumps([PLAIN, later]))
    assert invoke("marker", "configuration", "diff", "later.json").stdout == "epoch 9: k 3 → 4; phi_f 0.5 → 0.25\n"
    Path("later.json").write_text(json.dumps([{**later, "epoch": 5}]))
    refused = invoke("marker", "configuration", "diff", "later.json", "--json")
    assert refused.exit_code == 1
    assert '"changes":["no configuration any more"]' in refused.stdout
    assert "Configurations that nodes use already would change" in refused.stderr


def test_an_old_payload_that_somebody_posts_again_does_not_count(folder: Path, chain: LocalChain) -> None:
    old, new = ((folder / f"payload-{name}.json").read_bytes() for name in ("one-epoch", "three-epochs"))
    faucet(chain, old)
    refused = export()
    assert "not trusted: 1 Impostor" in refused.stderr
    assert "shows no configuration on the chain" in refused.stderr
    post(chain, new)
    faucet(chain, old)
    assert export().exit_code == 0
    assert Path("export.json").read_bytes() == (folder / "export-three-epochs.json").read_bytes()


def test_what_is_remembered_is_shown_while_no_provider_answers(folder: Path, chain: LocalChain) -> None:
    file = Path("eraswitch.toml")
    file.write_text(file.read_text() + '[store]\nurl = "sqlite:///store.sqlite3"\n')
    post(chain, (folder / "payload-one-epoch.json").read_bytes())
    known = json.loads(invoke("marker", "configuration", "show", "--json").stdout)
    assert (known["stale"], len(known["markers"])) == (None, 1)
    nowhere = ("--provider", "http://127.0.0.1:1/api/v0")
    told = json.loads(invoke("marker", "configuration", "show", *nowhere, "--json").stdout)
    assert told["markers"] == known["markers"]
    assert "ProviderUnreachable" in told["stale"] or "could not" in told["stale"]
