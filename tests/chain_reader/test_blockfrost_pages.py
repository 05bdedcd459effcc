"""Reading an address page by page from a Blockfrost API: no more than needed, and one state of the address."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chain_reader import BlockfrostObserver, DatumOutput
from chain_reader.local_chain import FaucetOutput, LocalChainServer
from chain_reader.providers.transport.errors import UnsteadyAnswerError
from chain_reader.providers.transport.http import BoundedHttp, HttpAnswer
from chain_reader.providers.transport.limits import ReadLimits
from tests.chain_reader.conftest import Network
from tests.chain_reader.hostile import Chunks, HostileHttp, reply
from tests.chain_reader.test_blockfrost_observer import ADDRESS, TIP, output

Settled = Callable[[tuple[DatumOutput, ...]], bool]


@pytest.fixture
def observer(server: LocalChainServer) -> Iterator[BlockfrostObserver]:
    made = BlockfrostObserver(server.blockfrost_url)
    yield made
    made.close()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is asked for: the last word of each path, and the page where there is one."""
    asked: list[str] = []
    plain = BoundedHttp.get

    def get(http: BoundedHttp, path: str, *args: Any, params: Any = None, **kwargs: Any) -> HttpAnswer:
        asked.append(path.rsplit("/", 1)[1] + (f" {params['page']}" if params else ""))
        return plain(http, path, *args, params=params, **kwargs)

    monkeypatch.setattr(BoundedHttp, "get", get)
    return asked


def junk(network: Network, *counts: int) -> None:
    """Outputs of others at the era address, so many in a block each."""
    for count in counts:
        network.chain.place([FaucetOutput(network.address, 2_000_000, datum="d87980")] * count)


def once(meanwhile: Callable[[], object]) -> Settled:
    """Settles nothing, and lets something happen after the second page, the first time only."""
    calls = 0

    def settled(_: tuple[DatumOutput, ...]) -> bool:
        nonlocal calls
        calls += 1
        if calls == 3:  # the first page is looked at twice: alone, and as the first of several
            meanwhile()
        return False

    return settled


def references(found: tuple[DatumOutput, ...]) -> list[str]:
    return [item.reference for item in found]


def state_of(network: Network) -> list[str]:
    """What is at the era address, newest first, as the chain itself has it."""
    outputs = network.chain.utxos(network.address, newest_first=True)
    return [f"{item.transaction}#{item.index}" for item in outputs if item.datum is not None]


def test_an_address_of_one_page_costs_one_request(observer: BlockfrostObserver, network: Network, asked: list[str]):
    junk(network, 98)
    assert len(observer.datums(network.address)) == 98
    assert asked == ["utxos 1"]


def test_pages_are_held_against_the_tip(observer: BlockfrostObserver, network: Network, asked: list[str]):
    junk(network, 90, 90, 90)
    assert references(observer.datums(network.address)) == state_of(network)
    assert asked == ["utxos 1", "latest", "utxos 1", "utxos 2", "utxos 3", "latest"]


def test_at_an_unchanged_tip_the_next_reading_costs_two_requests(
    observer: BlockfrostObserver, network: Network, asked: list[str]
):
    junk(network, 90, 90, 90)
    before = observer.datums(network.address)
    asked.clear()
    assert observer.datums(network.address) == before
    assert asked == ["utxos 1", "latest"]


def test_what_was_kept_is_not_taken_for_another_tip_or_address(
    observer: BlockfrostObserver, network: Network, asked: list[str]
):
    junk(network, 90, 90)
    observer.datums(network.address)
    network.chain.advance_slots(1)
    asked.clear()
    assert references(observer.datums(network.address)) == state_of(network)
    assert "utxos 2" in asked
    network.publish({"thales": 1})
    assert references(observer.datums(network.address)) == state_of(network)
    network.chain.rollback(1)
    assert references(observer.datums(network.address)) == state_of(network)
    other = [network.chain.place([FaucetOutput(ELSEWHERE, 2_000_000, datum="d87980")] * 60) for _ in range(2)]
    observer.datums(network.address)
    assert len(observer.datums(ELSEWHERE)) == len(other) * 60


ELSEWHERE = "addr_test1vz2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzerspjrlsz"


def test_reading_stops_on_the_page_that_settles_it(observer: BlockfrostObserver, network: Network, asked: list[str]):
    junk(network, 90, 90)
    marker = network.publish({"thales": 1})
    junk(network, 90, 60)
    wanted = f"{marker.transaction}#{marker.index}"
    found = observer.datums_until(network.address, lambda page: wanted in references(page))
    assert references(found) == state_of(network)[: len(found)]
    assert 190 < len(found) <= 200  # one of them is of ada alone
    assert asked == ["utxos 1", "latest", "utxos 1", "utxos 2", "latest"]
    asked.clear()
    assert observer.datums_until(network.address, lambda page: wanted in references(page)) == found
    assert asked == ["utxos 1", "latest"]
    asked.clear()
    assert references(observer.datums(network.address)) == state_of(network)  # the rest is read on from there
    assert asked == ["utxos 1", "latest", "utxos 3", "utxos 4", "latest"]


def test_a_first_page_that_settles_it_is_all_that_is_asked_for(
    observer: BlockfrostObserver, network: Network, asked: list[str]
):
    junk(network, 90, 90)
    found = observer.datums_until(network.address, lambda _: True)
    assert references(found) == state_of(network)[:100]
    assert asked == ["utxos 1"]


class TestPagesAreNoSnapshot:
    """What happens at the address while its pages are read."""

    @pytest.fixture
    def marker(self, network: Network) -> Any:
        """An output of the team, between outputs of others."""
        junk(network, 90, 60)
        made = network.publish({"thales": 1})
        junk(network, 90, 90)
        return made

    def test_new_outputs_hide_none_and_come_once(
        self, observer: BlockfrostObserver, network: Network, marker: Any, asked: list[str]
    ):
        before = state_of(network)
        found = references(observer.datums_until(network.address, once(lambda: junk(network, 30))))
        assert found == before
        assert asked.count("utxos 1") == 2  # it was not begun anew

    def test_a_spent_output_is_noticed(self, observer: BlockfrostObserver, network: Network, marker: Any):
        """The team replaces its marker: what stood behind it moves up, and the new one is on the first page."""
        read = once(lambda: network.spend(marker))
        found = references(observer.datums_until(network.address, read))
        assert found == state_of(network)
        assert f"{marker.transaction}#{marker.index}" not in found

    def test_a_rollback_is_noticed(self, observer: BlockfrostObserver, network: Network, marker: Any):
        """The blocks with the newest outputs vanish: a hundred others move up, past the page to be read next."""
        found = references(observer.datums_until(network.address, once(lambda: network.chain.rollback(1))))
        assert found == state_of(network)

    def test_a_rollback_with_new_blocks_upon_it_is_noticed(
        self, observer: BlockfrostObserver, network: Network, marker: Any
    ):
        def fork() -> None:
            network.chain.rollback(2)
            for _ in range(3):
                network.chain.advance_slots(1)

        assert references(observer.datums_until(network.address, once(fork))) == state_of(network)

    def test_a_spent_output_behind_a_page_of_new_transactions_is_noticed(
        self, observer: BlockfrostObserver, network: Network, marker: Any
    ):
        def spent_and_buried() -> None:
            network.spend(marker)
            junk(network, *[1] * 100)

        found = observer.datums_until(network.address, once(spent_and_buried))
        assert references(found) == state_of(network)

    def test_blocks_without_anything_for_the_address_do_no_harm(
        self, observer: BlockfrostObserver, network: Network, marker: Any, asked: list[str]
    ):
        found = references(observer.datums_until(network.address, once(lambda: network.chain.advance_slots(3))))
        assert found == state_of(network)
        assert asked.count("utxos 1") == 2

    def test_an_address_that_never_stands_still_is_an_error(
        self, observer: BlockfrostObserver, network: Network, marker: Any
    ):
        markers = [network.publish({"thales": 1}) for _ in range(20)]

        def settled(_: tuple[DatumOutput, ...]) -> bool:
            network.spend(markers.pop())
            return False

        with pytest.raises(UnsteadyAnswerError, match="changed each time its pages were read"):
            observer.datums_until(network.address, settled)


def test_a_kept_reading_is_not_mixed_with_another_first_page():
    """Two servers behind one URL: the tip is the same, the first page is not."""
    versions = iter([0, 0, 0, 1, 1, 1, 1])
    version = 0

    def answer(path: str) -> Chunks:
        nonlocal version
        if path == "/blocks/latest":
            return reply(TIP)
        if "page=1&" in path:
            version = next(versions)
        first = 1_000 * version + (0 if "page=1&" in path else 100)
        return reply([output(number) for number in range(first, first + (100 if "page=1&" in path else 5))])

    with HostileHttp(answer) as server:
        observer = BlockfrostObserver(server.url, limits=ReadLimits(max_attempts=1))
        assert {int(item.transaction, 16) // 1_000 for item in observer.datums(ADDRESS)} == {0}
        assert {int(item.transaction, 16) // 1_000 for item in observer.datums(ADDRESS)} == {0}
        assert {int(item.transaction, 16) // 1_000 for item in observer.datums(ADDRESS)} == {1}
        observer.close()
