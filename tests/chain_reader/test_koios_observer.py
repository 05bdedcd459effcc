"""What the Koios observer makes of answers that the local chain's face never gives, and how often it asks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from chain_reader import ProviderRateLimitedError, ReadLimitExceededError, ReadLimits, UnexpectedAnswerError
from chain_reader.providers.from_url import gateway_from_url, observer_from_url
from chain_reader.providers.koios.api import KoiosApi
from chain_reader.providers.koios.gateway import KoiosGateway
from chain_reader.providers.koios.observer import KoiosObserver
from chain_reader.providers.transport.errors import UnsteadyAnswerError
from chain_reader.providers.transport.limits import SYSTEM_CLOCK
from eras import ConfigurationError
from release_tools import TransactionRefusedError
from tests.chain_reader.hostile import Chunks, HostileHttp, reply

ADDRESS = "addr_test1qzzngukkj9ydjemqjlgfn42sevy2xnvauay46weushlpuq9thd4ray00csjssf4sxftv04xeequ3xfx72nujg9y4d5ysgkxxlh"
LIMITS = ReadLimits(max_attempts=1)


def koios_output(number: int = 1, **fields: Any) -> dict[str, Any]:
    """An output as Koios lists it."""
    found = {
        "tx_hash": f"{number:064x}",
        "tx_index": 0,
        "address": ADDRESS,
        "value": "2000000",
        "block_height": 7,
        "datum_hash": "ab" * 32,
        "inline_datum": {"bytes": "182a", "value": {"int": 42}},
        "reference_script": None,
        "asset_list": None,
        "is_spent": False,
    }
    return {**found, **fields}


def tip(number: int = 1) -> list[dict[str, Any]]:
    return [{"hash": f"{number:064x}", "epoch_no": 5, "abs_slot": 500 + number, "block_no": 9 + number}]


@contextmanager
def answering(answer: Callable[[str], Chunks], **limits: Any) -> Iterator[tuple[KoiosObserver, HostileHttp]]:
    with HostileHttp(answer) as server:
        observer = KoiosObserver(f"{server.url}/api/v1", limits=ReadLimits(max_attempts=1, **limits))
        yield observer, server
        observer.close()


def listed(*items: Any) -> Callable[[str], Chunks]:
    return lambda path: reply(list(items))


@pytest.mark.parametrize(
    "odd",
    [{"tx_hash": "short"}, {"tx_index": -1}, {"value": 5}, {"block_height": None}, {"address": 5}, {"is_spent": "no"},
     {"inline_datum": {"value": 1}}],
    ids=str,
)  # fmt: skip
def test_one_odd_output_is_refused_by_itself(odd: dict[str, Any]):
    with answering(listed(koios_output(1, **odd), koios_output(2, block_height=8))) as (observer, _):
        found = observer.datums(ADDRESS)
        assert sorted((output.datum, output.unreadable is None) for output in found) == [("", False), ("182a", True)]


def test_outputs_of_another_address_are_no_answer():
    refusal = pytest.raises(UnexpectedAnswerError, match="addr_test1elsewhere")
    with answering(listed(koios_output(address="addr_test1elsewhere"))) as (observer, _), refusal:
        observer.datums(ADDRESS)


def test_a_block_that_two_transactions_share_is_ordered_by_their_places_in_it():
    def koios(path: str) -> Chunks:
        if path.startswith("/api/v1/address"):
            return reply([koios_output(number) for number in (1, 2, 3)] + [koios_output(4, block_height=6)])
        asked = next(number for number in (1, 2, 3) if f"{number:064x}" in server.requests[-1])
        place = {1: 5, 2: 9, 3: 7}[asked]
        return reply([{
            "tx_hash": f"{asked:064x}", "block_hash": "cd" * 32, "block_height": 7, "epoch_no": 5, "absolute_slot": 400,
            "tx_block_index": place,
        }])  # fmt: skip

    with answering(koios) as (observer, server):
        assert [int(output.transaction, 16) for output in observer.datums(ADDRESS)] == [2, 3, 1, 4]
        asked = len(server.requests)
        observer.datums(ADDRESS)
        assert len(server.requests) == asked + 1, "the place of a transaction is asked for once"


def paged(tips: Iterator[int]) -> Callable[[str], Chunks]:
    def koios(path: str) -> Chunks:
        if path.endswith("/tip"):
            return reply(tip(next(tips)))
        first = "offset=0&" in path
        numbers = range(100) if first else range(100, 102)
        return reply([koios_output(number, block_height=number) for number in numbers])

    return koios


def test_pages_are_of_one_state():
    with answering(paged(iter([1, 1]))) as (observer, _):
        assert len(observer.datums(ADDRESS)) == 102
    with answering(paged(iter([1, 2, 3, 3]))) as (observer, _):
        assert len(observer.datums(ADDRESS)) == 102
    with answering(paged(iter(range(9)))) as (observer, _), pytest.raises(UnsteadyAnswerError, match="another block"):
        observer.datums(ADDRESS)


def test_more_pages_than_may_be_read_are_an_error():
    refusal = pytest.raises(ReadLimitExceededError, match="at most 1 pages")
    with answering(paged(iter([1, 1])), max_pages=1) as (observer, _), refusal:
        observer.datums(ADDRESS)


def test_too_many_requests_are_told_as_such():
    refusal = pytest.raises(ProviderRateLimitedError)
    with answering(lambda path: reply({"message": "slow down"}, 429)) as (observer, _), refusal:
        observer.datums(ADDRESS)


def test_a_transaction_that_koios_does_not_know_is_in_no_block():
    with answering(listed()) as (observer, _):
        assert observer.block_of("ab" * 32) is None
        with pytest.raises(UnexpectedAnswerError, match="the inputs of"):
            observer.input_addresses("ab" * 32)


def test_an_input_without_an_address_proves_nothing():
    made = {
        "tx_hash": "ab" * 32, "block_hash": "cd" * 32, "block_height": 7, "epoch_no": 5, "absolute_slot": 400,
        "tx_block_index": 0, "inputs": [{"payment_addr": None}, {"payment_addr": {"bech32": ADDRESS, "cred": "00"}}],
    }  # fmt: skip
    with answering(listed(made)) as (observer, _):
        assert observer.input_addresses("ab" * 32) == ("", ADDRESS)


@pytest.mark.parametrize(("token", "a_day"), [(None, 5_000), ("secret0", 50_000)])
def test_it_asks_no_more_a_day_than_its_tier_allows(token: str | None, a_day: int):
    api = KoiosApi("mainnet", token, ReadLimits(), clock=SYSTEM_CLOCK)
    assert api.limits.requests_per_s * 86_400 == pytest.approx(a_day)
    assert api.limits.burst == 100
    api.close()


def test_the_token_goes_where_it_belongs_and_nowhere_else():
    with HostileHttp(lambda path: reply({"message": "no secret0 here"}, 403)) as server:
        observer = KoiosObserver(f"{server.url}/api/v1", "secret0", limits=LIMITS)
        with pytest.raises(Exception, match="no \\*\\*\\* here") as caught:
            observer.epoch()
        observer.close()
        assert "Authorization: Bearer secret0" in server.requests[0]
    assert "secret0" not in repr(observer) + str(caught.value)


def test_a_token_that_cannot_be_one_is_named_as_what_it_is():
    with pytest.raises(ConfigurationError, match="The Koios token is not usable.*Copy the Koios token again") as caught:
        KoiosObserver("mainnet", "secret 0")
    assert "secret" not in str(caught.value)


def test_a_refused_transaction_is_told_with_the_reason():
    with HostileHttp(lambda path: reply({"message": "ValueNotConserved"}, 400)) as server:
        gateway = KoiosGateway(f"{server.url}/api/v1", limits=LIMITS)
        with pytest.raises(TransactionRefusedError, match="ValueNotConserved"):
            gateway.submit(b"\x80")
        gateway.close()


def test_one_line_of_configuration_opens_it():
    for text, name in (
        ("koios:mainnet", "koios https://api.koios.rest"),
        ("koios:http://127.0.0.1:8053/api/v1", "koios http://127.0.0.1:8053"),
    ):
        opened = observer_from_url(text), gateway_from_url(text)
        for made in opened:
            assert made.name == name
            made.close()
    with pytest.raises(ConfigurationError, match="serves no network of that name"):
        observer_from_url("koios:sanchonet")
