"""A tip held against the clock and the genesis: fresh, stale, ahead, or no tip that a chain can have."""

from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import pytest

from chain_reader import BlockfrostObserver, ChainTip, LocalObserver, OgmiosObserver
from chain_reader.genesis import PUBLIC_GENESES, NetworkGenesis
from chain_reader.local_chain import Genesis, LocalChain, LocalChainServer
from chain_reader.providers.cardano_cli import CardanoCliObserver
from chain_reader.providers.tip_check import TipState, TipWatch, check_tip, genesis_of
from chain_reader.providers.transport.errors import ProviderOfOtherNetworkError
from eras import ConfigurationError, Epoch, Slot
from tests.chain_reader.conftest import Network
from tests.chain_reader.fake_clock import FakeClock

MAINNET, PREPROD, PREVIEW = (PUBLIC_GENESES[magic] for magic in (764_824_073, 1, 2))
DEVNET = NetworkGenesis(42, 1_000_000.0, 0.1, 50, Fraction(1))
NOW = 1_700_000_000.0


def tip(slot: int, epoch: int | None = None) -> ChainTip:
    return ChainTip(Slot(slot), 1, "ab" * 32, None if epoch is None else Epoch(epoch))


def posix(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


class TestPublicGeneses:
    """Held against the hard forks of the networks, whose slots, epochs and times are public history."""

    @pytest.mark.parametrize(
        ("genesis", "slot", "epoch", "time"),
        [
            (MAINNET, 4_492_800, 208, "2020-07-29T21:44:51"),  # Shelley
            (MAINNET, 16_588_800, 236, "2020-12-16T21:44:51"),  # Allegra
            (MAINNET, 72_316_800, 365, "2022-09-22T21:44:51"),  # Vasil
            (MAINNET, 133_660_800, 507, "2024-09-01T21:44:51"),  # Chang
            (MAINNET, 146_620_800, 537, "2025-01-29T21:44:51"),  # Plomin
            (PREPROD, 86_400, 4, "2022-06-21T00:00:00"),  # Shelley
            (PREVIEW, 0, 0, "2022-10-25T00:00:00"),
        ],
    )
    def test_slots_epochs_and_times_are_those_of_history(
        self, genesis: NetworkGenesis, slot: int, epoch: int, time: str
    ):
        assert genesis.epoch_of(Slot(slot)) == epoch
        assert genesis.epoch_of(Slot(slot + genesis.epoch_length - 1)) == epoch
        assert genesis.time_of(Slot(slot)) == posix(time)
        assert genesis.slot_at(posix(time)) == slot
        assert genesis.slot_at(posix(time) + 0.99) == slot

    @pytest.mark.parametrize(
        ("genesis", "slot", "epoch", "slot_in_epoch"),
        [(PREVIEW, 90_754_380, 1050, 34_380), (PREVIEW, 25_524_308, 295, 36_308), (PREPROD, 36_501_000, 88, 126_600)],
    )
    def test_tips_that_nodes_printed_fit(self, genesis: NetworkGenesis, slot: int, epoch: int, slot_in_epoch: int):
        assert genesis.epoch_of(Slot(slot)) == epoch
        assert (slot - genesis.anchor_slot) % genesis.epoch_length == slot_in_epoch

    def test_the_documentation_tells_the_same(self):
        page = (Path(__file__).resolve().parents[2] / "docs" / "providers.md").read_text()
        for magic, genesis in PUBLIC_GENESES.items():
            facts = (magic, genesis.anchor_slot, genesis.anchor_time_s, genesis.anchor_epoch, genesis.epoch_length)
            assert f"| {' | '.join(map(str, facts))} |" in page

    def test_a_gap_by_chance_is_six_hundred_slots(self):
        assert {round(genesis.rare_gap_s) for genesis in PUBLIC_GENESES.values()} == {600}
        assert (1 - 0.05) ** 600 < 1e-13


class TestCheck:
    @pytest.mark.parametrize("age", [0, 1, 20, 300, 600, 609])
    def test_a_tip_no_older_than_chance_makes_it_is_fresh(self, age: int):
        found = check_tip(tip(PREVIEW.slot_at(NOW) - age), PREVIEW, NOW)
        assert found.state is TipState.FRESH
        assert found.is_fresh
        assert (found.behind_slots, round(found.behind_s)) == (age, age)

    @pytest.mark.parametrize(("age", "words"), [(611, "10.2 minutes"), (7_300, "2.0 hours"), (86_400 * 3, "3.0 days")])
    def test_an_older_one_is_stale_and_by_how_much(self, age: int, words: str):
        found = check_tip(tip(PREVIEW.slot_at(NOW) - age), PREVIEW, NOW)
        assert found.state is TipState.STALE
        assert not found.clock_suspected
        assert (found.behind_slots, round(found.behind_s)) == (age, age)
        assert f"{age:,} slots ({words}) behind the clock: the provider has stopped or lags" in found.words

    def test_a_tolerance_of_ones_own(self):
        old = tip(PREVIEW.slot_at(NOW) - 100)
        assert check_tip(old, PREVIEW, NOW, tolerance_s=60).state is TipState.STALE
        assert check_tip(old, PREVIEW, NOW, tolerance_s=100).state is TipState.FRESH

    def test_a_devnet_of_short_slots(self):
        now = DEVNET.time_of(Slot(1_000))
        assert check_tip(tip(999), DEVNET, now).is_fresh
        assert check_tip(tip(869), DEVNET, now).state is TipState.STALE  # 30 slots of 0.1 s, and the skew of clocks
        assert check_tip(tip(871), DEVNET, now).is_fresh

    def test_a_tip_ahead_of_the_clock(self):
        slot = PREVIEW.slot_at(NOW)
        assert check_tip(tip(slot + 10), PREVIEW, NOW).is_fresh
        found = check_tip(tip(slot + 11), PREVIEW, NOW)
        assert found.state is TipState.AHEAD
        assert found.behind_slots == -11
        assert "the provider is wrong, or the clock of this machine is slow" in found.words

    @pytest.mark.parametrize(
        ("age", "state", "clock"), [(-5_000, TipState.AHEAD, "slow"), (5_000, TipState.STALE, "fast")]
    )
    def test_another_observer_tells_the_clock_from_the_provider(self, age: int, state: TipState, clock: str):
        slot = PREVIEW.slot_at(NOW) - age
        alone = check_tip(tip(slot), PREVIEW, NOW, others=[tip(slot + 3_000), tip(slot - 3_000)])
        assert (alone.state, alone.clock_suspected) == (state, False)
        shared = check_tip(tip(slot), PREVIEW, NOW, others=[tip(slot + 3_000), tip(slot + 40)])
        assert (shared.state, shared.clock_suspected) == (state, True)
        assert f"the clock of this machine is {clock}" in shared.words

    def test_a_tip_whose_epoch_is_not_that_of_its_slot_is_none(self):
        slot = PREVIEW.slot_at(NOW)
        epoch = PREVIEW.epoch_of(slot)
        assert check_tip(tip(slot, epoch), PREVIEW, NOW).is_fresh
        for wrong in (epoch - 1, epoch + 1, 0):
            found = check_tip(tip(slot, wrong), PREVIEW, NOW)
            assert found.state is TipState.INCONSISTENT
            assert f"epoch {wrong}, but that slot is in epoch {epoch}" in found.words

    def test_a_node_that_is_still_in_the_first_era_is_stale(self):
        found = check_tip(tip(1_000_000, 46), MAINNET, NOW)
        assert found.state is TipState.STALE
        assert found.behind_slots > 100_000_000


class TestWatch:
    def test_a_provider_that_stops_becomes_stale(self):
        time = FakeClock(posix=NOW)
        watch = TipWatch(PREVIEW, clock=time.clock)
        frozen = tip(PREVIEW.slot_at(NOW))
        assert watch(frozen) is None
        time.pass_(600)
        assert watch(frozen) is None
        time.pass_(11)
        assert "611 slots" in (watch(frozen) or "")

    def test_others_are_asked_only_when_something_is_wrong(self):
        asked: list[int] = []
        time = FakeClock(posix=NOW)
        slot = PREVIEW.slot_at(NOW)

        def others() -> list[ChainTip]:
            asked.append(1)
            return [tip(slot + 5_000)]

        watch = TipWatch(PREVIEW, clock=time.clock, others=others)
        assert watch(tip(slot)) is None
        assert asked == []
        assert watch.check(tip(slot + 5_000)).clock_suspected
        assert asked == [1]


class TestGenesisOf:
    def test_every_observer_that_knows_it_tells_the_same(self, network: Network, server: LocalChainServer):
        expected = LocalObserver(network.chain).genesis()
        assert expected.network_magic == 42
        assert expected.epoch_length == 100
        for observer in (BlockfrostObserver(server.blockfrost_url), OgmiosObserver(server.ogmios_url)):
            assert observer.genesis() == expected
            assert observer.genesis() is observer.genesis()
            assert genesis_of(observer, None) == expected
            assert genesis_of(observer, 42) == expected
            observer.close()

    def test_a_provider_of_another_network_is_told(self, network: Network):
        with pytest.raises(ProviderOfOtherNetworkError, match="expected network magic 1, got 42"):
            genesis_of(LocalObserver(network.chain), 1)

    def test_of_the_public_networks_the_constants_count(self, tmp_path: Path):
        """A provider tells the start of the first era, whose slots were longer."""
        with LocalChain.create(tmp_path / "chain.sqlite", genesis=Genesis(network_magic=1)) as chain:
            assert genesis_of(LocalObserver(chain), 1) is PREPROD
            assert genesis_of(LocalObserver(chain), None) is PREPROD

    def test_who_cannot_know_it_needs_the_magic(self):
        observer = CardanoCliObserver("node.socket", 2)
        assert genesis_of(observer, 2) is PREVIEW
        assert genesis_of(observer, 42) is None
        assert genesis_of(observer, None) is None

    def test_a_chain_by_the_wall_clock_has_a_fresh_tip(self, tmp_path: Path):
        start = 1_700_000_000
        time = FakeClock(posix=start + 1_000)
        genesis = Genesis(system_start_s=start, slot_length_s=0.5, epoch_length=20, clock_mode="wall")
        with LocalChain.create(tmp_path / "chain.sqlite", genesis=genesis, clock=time.clock.posix) as chain:
            observer = LocalObserver(chain)
            watch = TipWatch(observer.genesis(), clock=time.clock)
            assert watch(observer.tip()) is None
            time.pass_(3_600)
            assert watch(observer.tip()) is None  # blocks come by the clock
            stopped = observer.tip()
            time.pass_(3_600)
            assert "7" in (watch(stopped) or "")


@pytest.mark.parametrize(
    "changes",
    [{"slot_length_s": 0}, {"slot_length_s": -1}, {"epoch_length": 0}, {"network_magic": -1}, {"network_magic": 2**32},
     {"active_slots_coefficient": Fraction(0)}, {"active_slots_coefficient": Fraction(3, 2)},
     {"slot_length_s": float("nan")}, {"anchor_time_s": float("inf")}, {"anchor_slot": -1}],
    ids=repr,
)  # fmt: skip
def test_a_genesis_that_cannot_be_is_refused(changes: dict[str, object]):
    values = {"network_magic": 42, "anchor_time_s": 0.0, "slot_length_s": 1.0, "epoch_length": 100, **changes}
    with pytest.raises(ConfigurationError, match=next(iter(changes))):
        NetworkGenesis(**values)  # type: ignore[arg-type]
