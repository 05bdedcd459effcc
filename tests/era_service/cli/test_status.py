"""``eraswitch status``: against a real local chain over each of its faces, and against every source of markers."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from chain_reader.local_chain import FaucetOutput, Genesis, LocalChain, LocalChainServer
from chain_reader.providers.koios.api import PUBLIC_URLS
from datum import EraMarkersPayload, SigningKey, encode_datum
from era_service.config.load import load_settings
from era_service.wiring.providers import public_service
from eras import Epoch, EraMarker
from release_tools import LocalChainGateway, PaymentKey
from release_tools.transactions.posting import post_datum
from tests.era_service.conftest import Shell, invoke

KEY = SigningKey(bytes(range(32)))
THIEF = SigningKey(bytes(range(1, 33)))


def payload(*markers: tuple[str, int | None], key: SigningKey = KEY) -> bytes:
    listed = tuple(EraMarker(name, None if epoch is None else Epoch(epoch)) for name, epoch in markers)
    return encode_datum(EraMarkersPayload(listed).sign(key).to_bytes())


@dataclass
class Network:
    """A local chain with an era address whose owner can publish."""

    chain: LocalChain
    owner: PaymentKey
    address: str
    last: str | None = None

    def publish(self, datum: bytes, *, thread: bool = False) -> str:
        """Put ``datum`` at the era address by a transaction that spends from it; of a ``thread`` the last one, too."""
        replaced = f"{self.last}#0" if thread and self.last is not None else None
        self.last = post_datum(LocalChainGateway(self.chain), datum, self.address, self.owner, replacing=replaced).hash
        return self.last

    def post(self, *datums: bytes) -> None:
        """Put datums there as anyone can."""
        self.chain.place([FaucetOutput(self.address, 2_000_000, datum=datum.hex()) for datum in datums])

    def environ(self) -> dict[str, str]:
        """What a node is configured with: no name, so that nothing public is filled in."""
        return {
            "ERASWITCH_NETWORK__ERA_ADDRESS": self.address,
            "ERASWITCH_NETWORK__VERIFICATION_KEY": KEY.verification_key.hex,
        }


@contextmanager
def funded_network(folder: Path, *, slot_length_s: float = 1) -> Iterator[Network]:
    """A network on a chain in ``folder`` whose epochs have ten slots; the owner has 50 ada."""
    genesis = Genesis(epoch_length=10, slot_length_s=slot_length_s)
    with LocalChain.create(folder / "chain.sqlite3", genesis=genesis) as chain:
        owner = PaymentKey(bytes(32))
        network = Network(chain, owner, owner.address(0))
        for _ in range(5):
            chain.fund(network.address, 10_000_000)
        yield network


@pytest.fixture
def network(own_folders: Path) -> Iterator[Network]:
    with funded_network(own_folders) as network:
        yield network


@pytest.fixture
def server(network: Network) -> Iterator[LocalChainServer]:
    with LocalChainServer(network.chain.path) as running:
        yield running


def status(*arguments: str, env: dict[str, str]) -> tuple[int, dict[str, Any], str]:
    """Exit code, document and stderr of ``status --json``."""
    result = invoke("status", "--json", *arguments, env=env)
    return result.exit_code, json.loads(result.stdout), result.stderr


def dummy(*markers: tuple[str, int | None]) -> dict[str, str]:
    listed = [{"name": name, "epoch": epoch} for name, epoch in markers]
    return {"ERA_READER_ADAPTER_TYPE": "dummy", "ERA_READER_ADAPTER_PARAMS": json.dumps({"markers": listed})}


@pytest.mark.parametrize("face", ["blockfrost", "koios", "ogmios", "kupo", "local"])
def test_a_published_schedule_over_each_face(network: Network, server: LocalChainServer, face: str) -> None:
    network.chain.advance_to_epoch(3)
    transaction = network.publish(payload(("pythagoras", 1), ("lagrange", 9)))
    network.post(payload(("pythagoras", 2), key=THIEF), bytes.fromhex("d87980"))
    places = {
        "blockfrost": server.blockfrost_url,
        "koios": f"koios:{server.koios_url}",
        "ogmios": server.ogmios_url,
        "kupo": f"kupo:{server.kupo_url}+{server.ogmios_url}",
        "local": f"local:{network.chain.path}",
    }
    code, found, _ = status("--provider", places[face], env=network.environ())
    assert (code, found["error"], found["epoch"]) == (0, None, 3)
    assert (found["current_era"], found["upcoming_era"], found["epochs_to_upcoming"]) == ("pythagoras", "lagrange", 6)
    assert [(era["name"], era["state"]) for era in found["eras"]] == [
        ("pythagoras", "active"),
        ("lagrange", "scheduled"),
    ]
    assert found["trusted"]["transaction"] == transaction
    assert found["trusted"]["key"] == KEY.verification_key.hex
    assert found["verdicts"] == {"Accepted": 1, "Malformed": 1, "WrongSigner": 1}
    assert [item["verdict"] for item in found["refused"]] == ["WrongSigner", "Malformed"]


def test_an_impostor_is_refused_and_shown(network: Network, server: LocalChainServer) -> None:
    network.post(payload(("pythagoras", 0)))
    code, found, errors = status("--provider", server.blockfrost_url, env=network.environ())
    assert (code, found["current_era"], found["trusted"]) == (5, None, None)
    assert found["error"]["code"] == "CurrentEraNotFound"
    assert found["verdicts"] == {"Impostor": 1}
    assert "1 Impostor" in errors


def test_in_words(own_folders: Path, shell: Shell) -> None:
    with funded_network(own_folders, slot_length_s=86_400) as network:  # by the clock, too, it is epoch 0
        network.publish(payload(("pythagoras", 0), ("lagrange", 1)))
        network.post(*[bytes.fromhex("d87980")] * 3)
        done = shell("status", "--provider", "local:chain.sqlite3", "--limit", "1", env=network.environ())
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    date = r"\(\d{4}-\d\d-\d\d \d\d:\d\d UTC\)"  # by the provider's genesis: none is configured
    for line, expected in zip(
        lines,
        (
            f"Epoch 0 {date}",
            "Current era   pythagoras",
            rf"Upcoming era  lagrange, in 1 epoch: epoch 1 {date}, in .+",
            "Eras",
            f"  pythagoras  from epoch 0 {date}  active     supported",
            f"  lagrange    from epoch 1 {date}  locked     supported",
        ),
        strict=False,
    ):
        assert re.fullmatch(expected, line)
    assert "Refused       3 Malformed" in lines
    assert lines[-1] == "  and 2 more (see --limit)"


def test_epochs_have_their_dates_where_the_genesis_is_known() -> None:
    genesis = {"MAGIC": "42", "SYSTEM_START_S": "4102444800", "SLOT_LENGTH_S": "1", "EPOCH_LENGTH": "432000"}
    environ = {f"ERASWITCH_NETWORK__{name}": value for name, value in genesis.items()}
    environ |= dummy(("pythagoras", 0), ("lagrange", 2), ("euclid", None))
    lines = invoke("status", "--epoch", "1", env=environ).stdout.splitlines()
    assert lines[:2] == ["Epoch 1 (2100-01-06 00:00 UTC)", "Current era   pythagoras"]
    assert re.fullmatch(r"Upcoming era  lagrange, in 1 epoch: epoch 2 \(2100-01-11 00:00 UTC\), in \d+ d", lines[2])
    assert lines[4].startswith("  pythagoras  from epoch 0 (2100-01-01 00:00 UTC)  active")
    assert max(map(len, lines[:7])) <= 80
    _, found, _ = status("--epoch", "1", env=environ)
    assert [era["begins_at"] for era in found["eras"]] == ["2100-01-01T00:00:00Z", "2100-01-11T00:00:00Z", None]


def test_the_next_provider_is_asked_when_one_fails(network: Network, server: LocalChainServer) -> None:
    network.publish(payload(("pythagoras", 0)))
    providers = f"http://127.0.0.1:1/api/v0,local:gone.sqlite3,{server.ogmios_url}"
    environ = network.environ() | {"ERASWITCH_READER__PROVIDERS": providers}
    code, found, errors = status(env=environ)
    assert (code, found["current_era"]) == (0, "pythagoras")
    assert "A provider could not be read, trying the next" in errors


def test_a_public_network_is_read_through_koios_where_nothing_is_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PUBLIC_URLS, "preprod", "http://127.0.0.1:1/api/v1")
    code, found, errors = status(env={"ERASWITCH_NETWORK": "preprod"})
    assert (code, found["error"]["code"]) == (5, "ProviderUnreachable")
    assert errors.startswith("No provider is configured: reading through koios:preprod, which needs no account")
    assert "koios http://127.0.0.1:1" in errors


def test_what_is_configured_is_read_instead(network: Network) -> None:
    def service(**environ: str) -> str | None:
        return public_service(load_settings(environ=environ).settings)

    assert service(ERASWITCH_NETWORK="mainnet") == "koios:mainnet"
    assert service(ERASWITCH_NETWORK="mainnet", ERASWITCH_READER__PROVIDERS="ws://127.0.0.1:1") is None
    assert service(ERASWITCH_NETWORK="mainnet", BLOCKFROST_PROJECT_ID="mainnet0") is None
    assert service(ERASWITCH_NETWORK="mainnet", ERASWITCH_FOLLOWER__LEADER="http://127.0.0.1:1") is None
    assert service(**dummy(("pythagoras", 1))) is None
    assert service(**network.environ()) is None


def test_no_provider_answers(network: Network) -> None:
    code, found, errors = status("--provider", "http://127.0.0.1:1/api/v0", env=network.environ())
    assert (code, found["epoch"], found["eras"]) == (5, None, [])
    assert found["error"]["code"] == "ProviderUnreachable"
    assert errors.startswith("Error: blockfrost http://127.0.0.1:1")


@pytest.mark.parametrize(
    ("markers", "epoch", "code", "current", "upcoming"),
    [
        ((("pythagoras", 1), ("lagrange", 9)), 5, 0, "pythagoras", "lagrange"),
        ((("pythagoras", 1), ("euclid", 9)), 5, 3, "pythagoras", "euclid"),
        ((("pythagoras", 1), ("euclid", None)), 5, 3, "pythagoras", "euclid"),
        ((("euclid", 1), ("lagrange", 9)), 5, 4, "euclid", "lagrange"),
        ((("euclid", 1), ("archimedes", 9)), 5, 4, "euclid", "archimedes"),
        ((("pythagoras", 6),), 5, 5, None, None),
        ((), 5, 5, None, None),
    ],
)
def test_exit_codes(
    markers: tuple[tuple[str, int | None], ...], epoch: int, code: int, current: str | None, upcoming: str | None
) -> None:
    found = status("--epoch", str(epoch), env=dummy(*markers))
    assert (found[0], found[1]["current_era"], found[1]["upcoming_era"]) == (code, current, upcoming)
    if code == 3:
        assert "Warning: The upcoming era euclid is not supported" in found[2]
    if code == 4:
        assert found[1]["error"]["code"] == "UnsupportedEra"
        assert "Error: The current era is not supported" in found[2]


def test_states_of_the_eras_and_the_notice() -> None:
    markers = dummy(("a", 1), ("pythagoras", 4), ("lagrange", 6), ("b", 9), ("c", None))
    shown = status("--epoch", "5", env=markers)[1]["eras"]
    assert [era["state"] for era in shown] == ["past", "active", "locked", "scheduled", "announced"]
    assert [era["supported"] for era in shown] == [False, True, True, False, False]
    shown = status("--epoch", "5", env=markers | {"ERASWITCH_NETWORK__NOTICE_EPOCHS": "1"})[1]["eras"]
    assert shown[2]["state"] == "scheduled"


def test_a_markers_file(own_folders: Path) -> None:
    Path("markers.json").write_text('[{"name":"pythagoras","epoch":1}]')
    environ = {"ERA_READER_ADAPTER_TYPE": "file", "ERA_READER_ADAPTER_PARAMS": '{"markers_file":"markers.json"}'}
    code, found, _ = status("--epoch", "5", env=environ)
    assert (code, found["current_era"], found["trusted"]["source"]) == (0, "pythagoras", "file markers.json")
    for content, error in (("{", "MarkersFileInvalid"), ("", "MarkersFileInvalid"), (None, "MarkersFileUnreadable")):
        Path("markers.json").unlink()
        if content is not None:
            Path("markers.json").write_text(content)
        code, found, errors = status("--epoch", "5", env=environ)
        assert (code, found["error"]["code"]) == (5, error)
        assert "markers.json" in errors
        Path("markers.json").touch()


def test_bootstrap_says_that_it_reads_nothing() -> None:
    code, found, errors = status("--epoch", "5", env={})
    assert (code, found["current_era"]) == (0, "pythagoras")
    assert "Warning: The source bootstrap reads no chain" in errors


@pytest.mark.parametrize(
    ("arguments", "environ", "code"),
    [
        ([], {}, "EpochNeeded"),
        ([], {"ERA_READER_ADAPTER_TYPE": "cardano-chain"}, "ProviderNeeded"),
        (["--network", "preprd"], {}, "InvalidConfiguration"),
        (["--epoch", "5"], {"ERA_READER_ADAPTER_TYPE": "carrier-pigeon"}, "InvalidConfiguration"),
        (["--epoch", "5"], {"ERA_READER_ADAPTER_TYPE": "file"}, "AdapterParams"),
        (["--epoch", "5"], {"ERA_READER_ADAPTER_TYPE": "file", "ERA_READER_ADAPTER_PARAMS": "{}"}, "AdapterParams"),
        (["--provider", "local:x"], {"ERA_READER_ADAPTER_TYPE": "cardano-chain"}, "AdapterParams"),
        (["--epoch", "x"], {}, "Usage"),
    ],
)
def test_what_cannot_be_asked(arguments: list[str], environ: dict[str, str], code: str) -> None:
    result = invoke("status", "--json", *arguments, env=environ)
    assert json.loads(result.stdout)["error"]["code"] == code
    assert result.exit_code == 2
    assert "Error: " in result.stderr


def test_the_epoch_of_a_provider_serves_any_source(network: Network) -> None:
    network.chain.advance_to_epoch(7)
    code, found, _ = status("--provider", "local:chain.sqlite3", env=dummy(("pythagoras", 1)))
    assert (code, found["epoch"], found["current_era"]) == (0, 7, "pythagoras")


def test_a_key_alone_means_blockfrost_of_the_network() -> None:
    from era_service.config.load import load_settings
    from era_service.wiring.providers import providers_of

    environ = {"BLOCKFROST_PROJECT_ID": "preprodhush"}
    settings = load_settings(flags={"network.name": ("preprod", "--network")}, environ=environ).settings
    assert [provider.url for provider in providers_of(settings)] == ["blockfrost:preprod"]
    assert providers_of(load_settings(environ=environ).settings) == ()
    assert providers_of(load_settings(flags={"network.name": ("preprod", "--network")}, environ={}).settings) == ()


def test_an_api_key_reaches_no_log_and_no_error(own_folders: Path) -> None:
    key = Path("blockfrost.key")
    key.write_text("hush-hush\n")
    key.chmod(0o600)
    environ = {
        "ERASWITCH_READER__PROJECT_ID_FILE": "blockfrost.key",
        "ERASWITCH_READER__PROVIDERS": "http://127.0.0.1:1/api/v0,http://127.0.0.1:2/api/v0",
    }
    result = invoke("status", "--network", "preprod", "--log-level", "debug", "--debug", env=environ)
    assert result.exit_code == 5
    assert "hush-hush" not in result.output


def test_logs_go_to_stderr_and_the_document_alone_to_stdout(network: Network, shell: Shell) -> None:
    network.publish(payload(("pythagoras", 0)))
    environ = network.environ() | {"ERASWITCH_READER__PROVIDERS": "http://127.0.0.1:1/api/v0,local:chain.sqlite3"}
    done = shell("status", "--json", env=environ)
    assert json.loads(done.stdout)["current_era"] == "pythagoras"
    line = json.loads(done.stderr.splitlines()[0])
    assert line["level"] == "warning"
    assert {"era", "epoch", "version"} <= set(line)
