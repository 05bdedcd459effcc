"""From settings to observers: in turn or in agreement, and the check of their tips."""

import json
import re
import sys
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar

import pytest

from chain_reader import PUBLIC_GENESES, AgreementObserver, ChainTip, LocalObserver, NetworkGenesis
from chain_reader.local_chain import Genesis, LocalChain
from chain_reader.providers.failover import Failover
from chain_reader.providers.transport.errors import ProviderOfOtherNetworkError
from era_service.config.load import load_settings
from era_service.config.networks import NETWORKS
from era_service.config.schema import Settings
from era_service.status.reader import StatusReader
from era_service.wiring.deciding import open_agreement, open_reader, openings_of, tip_watch
from era_service.wiring.genesis import configured_genesis
from era_service.wiring.providers import open_provider
from era_service.wiring.trust import trust_policy
from era_store import CachedVerdict, MemoryStore, TrustKey
from eras import ConfigurationError, Epoch, Slot
from tests.era_service.release_world import ERA_KEY, WALLET

DEVNET = {
    "ERASWITCH_NETWORK__MAGIC": "42",
    "ERASWITCH_NETWORK__SYSTEM_START_S": "1700000000",
    "ERASWITCH_NETWORK__SLOT_LENGTH_S": "0.2",
    "ERASWITCH_NETWORK__EPOCH_LENGTH": "25",
    "ERASWITCH_NETWORK__ACTIVE_SLOTS_COEFFICIENT": "1",
}


def settings(**environ: str) -> Settings:
    return load_settings(environ=environ).settings


@pytest.fixture
def chains(tmp_path: Path) -> list[Path]:
    """Three local chains that are alike."""
    paths = [tmp_path / f"{name}.sqlite" for name in "abc"]
    for path in paths:
        LocalChain.create(path, genesis=Genesis(system_start_s=1_700_000_000)).close()
    return paths


def providers(chains: list[Path]) -> str:
    return ",".join(f"local:{path}" for path in chains)


def test_without_agreement_each_provider_is_asked_in_turn(chains: list[Path]):
    openings = openings_of(settings(ERASWITCH_READER__PROVIDERS=providers(chains)))
    observers = [opening() for opening in openings]
    assert [observer.name for observer in observers] == [f"local chain {path}" for path in chains]
    for observer in observers:
        observer.close()


def test_with_agreement_all_are_asked_at_once(chains: list[Path]):
    given = settings(ERASWITCH_READER__PROVIDERS=providers(chains), ERASWITCH_READER__AGREEMENT="2")
    (opening,) = openings_of(given)
    with closing(opening()) as observer:
        assert isinstance(observer, AgreementObserver)
        assert observer.epoch() == Epoch(0)
        assert observer.name.startswith("2 of 3 (local chain ")


def test_more_than_there_are_cannot_agree_and_what_was_opened_is_closed(chains: list[Path]):
    given = settings(ERASWITCH_READER__PROVIDERS=providers(chains[:1]), ERASWITCH_READER__AGREEMENT="2")
    with pytest.raises(ConfigurationError, match="at most 1 of 1"):
        open_agreement(given)
    for path in chains:
        path.rename(path.with_suffix(".moved"))  # nothing holds them


@pytest.mark.parametrize("agreement", ["0", "-1", "two", "1.5"])
def test_what_is_no_number_of_providers_is_a_mistake(agreement: str):
    with pytest.raises(ConfigurationError, match=r"reader\.agreement"):
        settings(ERASWITCH_READER__AGREEMENT=agreement)


def test_cardano_cli_gets_the_network_and_the_program(tmp_path: Path):
    program = tmp_path / "cardano-cli"
    program.write_text(
        f"#!{sys.executable}\nimport sys\nassert sys.argv[1:] == ['query', 'tip', '--testnet-magic', '2'], sys.argv\n"
        'print(\'{"epoch": 9, "slot": 5, "block": 1, "hash": "\' + "ab" * 32 + \'"}\')'
    )
    program.chmod(0o755)
    config = tmp_path / "eraswitch.toml"
    config.write_text(
        'network = "preview"\n[[reader.providers]]\nurl = "cardano-cli:/run/node.socket"\n' + f'program = "{program}"\n'
    )
    given = load_settings(str(config), environ={}).settings
    with closing(open_provider(given.reader.providers[0], given)) as observer:
        assert observer.name == "cardano-cli /run/node.socket"
        assert observer.epoch() == Epoch(9)


def test_cardano_cli_without_a_network_is_a_mistake():
    given = settings(ERASWITCH_READER__PROVIDERS="cardano-cli:/run/node.socket")
    with pytest.raises(ConfigurationError, match=r"network\.magic"):
        open_provider(given.reader.providers[0], given)


def test_the_examples_of_the_documentation_are_right(tmp_path: Path):
    page = (Path(__file__).resolve().parents[3] / "docs" / "providers.md").read_text()
    three, devnet = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    key = tmp_path / "blockfrost.key"
    key.write_text("preprodSecret")
    key.chmod(0o600)
    config = tmp_path / "eraswitch.toml"
    config.write_text(three.replace("/etc/eraswitch/blockfrost.key", str(key)))
    given = load_settings(str(config), environ={}).settings
    with closing(open_agreement(given)) as observer:
        assert observer.name == (
            "2 of 3 (blockfrost https://cardano-preprod.blockfrost.io, ogmios ws://localhost:1337, "
            "cardano-cli /run/cardano/node.socket)"
        )
    preset = NETWORKS["release-preprod"]
    config.write_text(
        'network = "devnet"\n'
        + devnet.replace("addr_test1…", preset.era_address).replace("5b…5d", preset.verification_key)
    )
    genesis = configured_genesis(load_settings(str(config), environ={}).settings)
    assert genesis is not None
    assert genesis.epoch_length == 500


class TestGenesis:
    @pytest.mark.parametrize(("name", "magic"), [("mainnet", 764_824_073), ("preprod", 1), ("testing-preview", 2)])
    def test_the_public_networks_are_known(self, name: str, magic: int):
        assert configured_genesis(settings(ERASWITCH_NETWORK=name)) is PUBLIC_GENESES[magic]

    def test_a_network_of_ones_own_says_it(self):
        found = configured_genesis(settings(**DEVNET))
        assert found is not None
        assert (found.network_magic, found.anchor_time_s, found.slot_length_s, found.epoch_length) == (
            42, 1_700_000_000, 0.2, 25,
        )  # fmt: skip
        assert found.rare_gap_s == pytest.approx(6)

    def test_a_table_of_its_own_says_it_too(self, tmp_path: Path):
        preset = NETWORKS["release-preprod"]
        config = tmp_path / "eraswitch.toml"
        config.write_text(
            'network = "mine"\n[networks.mine]\nmagic = 42\n'
            f'era_address = "{preset.era_address}"\nverification_key = "{preset.verification_key}"\n'
            "system_start_s = 1700000000\nslot_length_s = 1\nepoch_length = 50\n"
        )
        found = configured_genesis(load_settings(str(config), environ={}).settings)
        assert found is not None
        assert found.epoch_length == 50

    def test_unknown_is_unknown(self):
        assert configured_genesis(settings()) is None
        assert configured_genesis(settings(ERASWITCH_NETWORK__MAGIC="42")) is None

    @pytest.mark.parametrize("missing", sorted(DEVNET)[1:])
    def test_half_of_it_is_a_mistake(self, missing: str):
        given = settings(**{name: value for name, value in DEVNET.items() if name != missing})
        with pytest.raises(ConfigurationError, match="only partly configured"):
            configured_genesis(given)

    @pytest.mark.parametrize("value", ["0", "-1", "2", "nan"])
    def test_nonsense_is_a_mistake(self, value: str):
        with pytest.raises(ConfigurationError, match="active_slots_coefficient"):
            settings(**{**DEVNET, "ERASWITCH_NETWORK__ACTIVE_SLOTS_COEFFICIENT": value})


class TestGenesisFile:
    """The Shelley genesis file of a devnet as its clock."""

    SHELLEY: ClassVar[dict[str, Any]] = {
        "systemStart": "2025-01-01T00:00:00.25Z", "slotLength": 0.75, "epochLength": 40, "networkMagic": 42,
        "activeSlotsCoeff": 0.25, "securityParam": 10, "protocolParams": {"minFeeA": 44}, "initialFunds": {},
    }  # fmt: skip

    @staticmethod
    def written(tmp_path: Path, content: Any) -> dict[str, str]:
        path = tmp_path / "shelley-genesis.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return {"ERASWITCH_NETWORK__GENESIS_FILE": str(path)}

    def test_it_is_the_clock(self, tmp_path: Path):
        found = configured_genesis(settings(**self.written(tmp_path, self.SHELLEY)))
        start_s = 1_735_689_600.25
        assert found == NetworkGenesis(42, start_s, 0.75, 40, Fraction(1, 4))
        assert [found.slot_at(found.time_of(Slot(n))) for n in range(200)] == list(range(200))
        assert (found.slot_at(start_s + 0.74), found.slot_at(start_s + 0.75)) == (0, 1)

    def test_it_is_read_once(self, tmp_path: Path):
        given = settings(**self.written(tmp_path, self.SHELLEY))
        with closing(StatusReader(given, MemoryStore())) as reader:
            first = reader.read(Epoch(1))
            (tmp_path / "shelley-genesis.json").unlink()
            again = reader.read(Epoch(1))
        assert first.genesis == NetworkGenesis(42, 1_735_689_600.25, 0.75, 40, Fraction(1, 4))
        assert again.genesis == first.genesis

    @pytest.mark.parametrize("start", ["2025-01-01T00:00:00", "2025-01-01T01:00:00+01:00", "2025-01-01"])
    def test_the_start_in_other_forms(self, tmp_path: Path, start: str):
        found = configured_genesis(settings(**self.written(tmp_path, {**self.SHELLEY, "systemStart": start})))
        assert found is not None
        assert found.anchor_time_s == 1_735_689_600

    @pytest.mark.parametrize(
        ("content", "got"),
        [
            ("{", "not JSON"),
            ("[]", "no JSON object"),
            ({"startTime": 1, "protocolConsts": {"k": 2160}}, "no systemStart"),
            ({**SHELLEY, "systemStart": 5}, "systemStart 5"),
            ({**SHELLEY, "systemStart": "soon"}, "systemStart 'soon'"),
            ({**SHELLEY, "slotLength": "1"}, "slotLength '1'"),
            ({**SHELLEY, "epochLength": 2.5}, "epochLength 2.5"),
            ({**SHELLEY, "networkMagic": True}, "networkMagic True"),
            ({**SHELLEY, "slotLength": 0}, "slot_length_s 0"),
            ("[" * 100_000, "not JSON"),
        ],
    )
    def test_another_file_is_refused(self, tmp_path: Path, content: Any, got: str):
        with pytest.raises(ConfigurationError, match=re.escape(got)):
            configured_genesis(settings(**self.written(tmp_path, content)))

    def test_a_file_that_is_not_there_is_refused(self, tmp_path: Path):
        with pytest.raises(ConfigurationError, match="No such file"):
            configured_genesis(settings(ERASWITCH_NETWORK__GENESIS_FILE=str(tmp_path / "none")))

    @pytest.mark.parametrize("also", ["ERASWITCH_NETWORK__SLOT_LENGTH_S", "ERASWITCH_NETWORK__MAGIC"])
    def test_it_stands_alone(self, tmp_path: Path, also: str):
        with pytest.raises(ConfigurationError, match="configured twice"):
            configured_genesis(settings(**self.written(tmp_path, self.SHELLEY), **{also: "7"}))

    def test_a_tenth_of_a_second_is_one(self):
        genesis = NetworkGenesis(42, 0.3, 0.1, 100)
        assert [genesis.slot_at(genesis.time_of(Slot(n))) for n in range(1_000)] == list(range(1_000))


class TestTipWatch:
    @pytest.fixture
    def observer(self, chains: list[Path]) -> Any:
        with closing(LocalObserver.open(chains[0])) as opened:
            yield opened

    def test_a_tip_is_held_against_the_clock(self, observer: LocalObserver):
        watch = tip_watch(settings(**DEVNET), observer)
        assert watch is not None
        assert "behind the clock" in (watch(ChainTip(Slot(0), 0, None)) or "")

    def test_the_age_can_be_configured(self, observer: LocalObserver):
        watch = tip_watch(settings(**DEVNET, ERASWITCH_READER__MAX_TIP_AGE_S="1e10"), observer)
        assert watch is not None
        assert watch(ChainTip(Slot(0), 0, None)) is None

    def test_a_chain_whose_clock_nobody_configured_is_not_checked(self, observer: LocalObserver):
        """A rehearsal moves its slots by command: only who runs it knows what its tip should be."""
        assert tip_watch(settings(), observer) is None
        assert tip_watch(settings(ERASWITCH_NETWORK__MAGIC="42"), observer) is None

    def test_a_provider_of_another_network_is_told(self, observer: LocalObserver):
        with pytest.raises(ProviderOfOtherNetworkError, match="expected network magic 1, got 42"):
            tip_watch(settings(ERASWITCH_NETWORK="preprod"), observer)

    def test_those_that_must_agree_show_whether_it_is_the_clock(self, chains: list[Path]):
        given = settings(**DEVNET, ERASWITCH_READER__PROVIDERS=providers(chains), ERASWITCH_READER__AGREEMENT="2")
        with closing(open_agreement(given)) as observer:
            watch = tip_watch(given, observer)
            assert watch is not None
            assert watch.check(observer.tip()).clock_suspected


def test_a_reader_loads_the_kept_verdicts_once_and_begins_with_what_was_reported(
    chains: list[Path], monkeypatch: pytest.MonkeyPatch
):
    given = settings(
        ERASWITCH_NETWORK__MAGIC="42",
        ERASWITCH_NETWORK__ERA_ADDRESS=WALLET.address(0),
        ERASWITCH_NETWORK__VERIFICATION_KEY=ERA_KEY.verification_key.hex,
        ERASWITCH_NETWORK__SUPPORTED_ERAS='["thales"]',
    )
    store, key, loaded = MemoryStore(), trust_policy(given).key, list[TrustKey]()
    store.verdicts.save(key, [CachedVerdict("ab#0", 1, "Unusable", "a reason", None)])
    load = store.verdicts.load
    monkeypatch.setattr(store.verdicts, "load", lambda of: loaded.append(of) or load(of))
    with closing(LocalObserver.open(str(chains[0]))) as observer:
        open_reader(given, store, Failover.over([observer]), name="node")
    assert loaded == [key]
    (started,) = store.events.read()
    assert started.facts["state"]["told"] == {"ab#0": "Unusable"}
