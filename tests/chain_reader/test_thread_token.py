"""The thread token on the reading side (rule T0): attacks on every face, by readers with memory and without."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cbor2
import pytest

from chain_reader import (
    AgreementObserver,
    BlockfrostObserver,
    ChainObserver,
    LocalObserver,
    OgmiosObserver,
    ReadLimitExceededError,
    ReadLimits,
    TrustedReader,
)
from chain_reader.local_chain import FaucetOutput, LocalChainServer
from chain_reader.log.evidence_records import EvidenceReader, EvidenceWriter
from chain_reader.node.source import EvidenceSource
from chain_reader.ports import SuccessorObserver
from chain_reader.providers.blockfrost.pages import AddressReader
from chain_reader.providers.koios.observer import KoiosObserver
from chain_reader.providers.kupo.observer import KupoObserver
from chain_reader.providers.transport.errors import UnexpectedAnswerError
from chain_reader.trust.policy import TrustPolicy
from chain_reader.trust.reading import NothingTrustedError
from chain_reader.trust.verdicts import WithoutToken
from era_store import MemoryStore, open_store
from eras import ConfigurationError, EraMarker
from release_tools import PaymentKey
from tests.chain_reader.conftest import ADA, KEY, Network, Schedule, Team, markers, opened
from tests.chain_reader.test_thread import Asked

FIRST: Schedule = {"thales": 1}
ANNOUNCED: Schedule = {"thales": 1, "pythagoras": None}
ACTIVATED: Schedule = {"thales": 1, "pythagoras": 8}
CASES = Path(__file__).parents[1] / "vectors" / "mithril" / "reader_cases.json"
ACCEPTED = ("valid-two-markers", "valid-announced-no-epoch", "name-unicode", "extra-payload-field", "epoch-u64-max")


@pytest.fixture
def team(network: Network) -> Team:
    return Team(network.chain)


def in_force(reader: TrustedReader) -> tuple[EraMarker, ...]:
    return reader.read().markers


def fresh(observer: ChainObserver, team: Team) -> TrustedReader:
    return TrustedReader(observer, team.policy, MemoryStore())


def test_rule_t0_copies_and_replays_win_nothing_at_a_first_start(team: Team, observer: ChainObserver) -> None:
    team.publish(FIRST)
    known = fresh(observer, team)
    assert in_force(known) == markers(FIRST)
    for schedule in (ANNOUNCED, ACTIVATED, ANNOUNCED):
        team.publish(schedule)  # announced, scheduled, and cancelled again
    for schedule in (FIRST, ACTIVATED, ANNOUNCED, ACTIVATED):
        team.post(schedule)
    team.chain.advance_to_epoch(9)  # the cancelled activation would have happened by now
    for reader in (known, fresh(observer, team)):
        reading = reader.read()
        assert reading.markers == markers(ANNOUNCED)
        assert reading.stale is None
        assert not reading.conflicts
        assert reading.provenance is not None
        assert f"{reading.provenance.transaction}#0" == team.reference
        assert "holds the thread token" in (reading.why or "")
        assert sum(isinstance(item.verdict, WithoutToken) for item in reading.screened) == 4


def test_what_looks_like_the_token_is_not_it(team: Team, observer: ChainObserver) -> None:
    team.publish(ANNOUNCED)
    policy, name = team.token[:56], team.token[56:]
    for unit in ("ab" * 28 + name, policy + name[:-2], policy + name + "00", "ab" * 28 + team.token[28:]):
        team.post(FIRST, ((unit[:120], 1),))
    assert in_force(fresh(observer, team)) == markers(ANNOUNCED)


def test_without_the_token_nothing_is_trusted_and_an_error_names_why(team: Team, observer: ChainObserver) -> None:
    team.token = "ab" * 28 + "00"
    team.post(FIRST)
    with pytest.raises(NothingTrustedError, match="1 WithoutToken"):
        fresh(observer, team).read()


def test_the_token_that_moves_on_is_followed_and_a_spent_one_keeps_what_was_trusted(
    team: Team, observer: ChainObserver, tmp_path: Path
) -> None:
    """After a restart, too: the store remembers the trusted output, and the next publication follows it."""
    team.publish(FIRST)
    with open_store(str(tmp_path / "store.sqlite3")) as store:
        assert in_force(TrustedReader(observer, team.policy, store)) == markers(FIRST)
    team.publish(ACTIVATED)
    with open_store(str(tmp_path / "store.sqlite3")) as store:
        again = TrustedReader(observer, team.policy, store)
        assert in_force(again) == markers(ACTIVATED)
        assert team.reference is not None
        team.spend(team.reference, to=PaymentKey.generate().address(0))  # token and all
        reading = again.read()
        assert reading.markers == markers(ACTIVATED)
        assert reading.stale is not None


@pytest.mark.parametrize("face", ["local", "mixed-agreement", "ogmios"])
def test_rule_t12_with_something_trusted_an_address_that_cannot_be_listed_ends_no_reading(
    team: Team, server: LocalChainServer, monkeypatch: pytest.MonkeyPatch, face: str
) -> None:
    """The token is followed where the spender is known; where it is not, what is trusted stays, stale."""
    team.publish(ANNOUNCED)
    observer = opened(face, team.chain, lambda: server)
    reader = TrustedReader(observer, team.policy, MemoryStore())
    assert in_force(reader) == markers(ANNOUNCED)

    def refused(*_: object) -> None:
        raise ReadLimitExceededError("more than the limit")

    for kind in (LocalObserver, AgreementObserver, OgmiosObserver):
        monkeypatch.setattr(kind, "datums", refused)
    team.post(FIRST)
    team.chain.advance_slots(1)
    reading = reader.read()
    assert (reading.markers, reading.stale) == (markers(ANNOUNCED), None)
    team.publish(ACTIVATED)
    reading = reader.read()
    follows = isinstance(observer, SuccessorObserver)
    assert reading.markers == markers(ACTIVATED if follows else ANNOUNCED)
    assert (reading.stale is None) is follows
    with pytest.raises(ReadLimitExceededError):
        fresh(observer, team).read()
    observer.close()


def test_the_ratchet_holds_for_the_holder_of_the_token_too(team: Team, observer: ChainObserver) -> None:
    """Rule T4: whoever stole the keys cannot undo what has happened."""
    team.publish(ACTIVATED)
    team.chain.advance_to_epoch(8)
    reader = fresh(observer, team)
    assert in_force(reader) == markers(ACTIVATED)
    team.publish(FIRST)
    reading = reader.read()
    assert reading.markers == markers(ACTIVATED)
    assert [item.verdict.name for item in reading.conflicts] == ["Conflict"]


def test_a_token_that_is_adopted_later_corrects_what_a_bare_node_was_fooled_with(
    team: Team, observer: ChainObserver
) -> None:
    """A node that trusted a replay where nothing better was known trusts the holder of the token instead."""
    team.publish(FIRST)
    team.post(ACTIVATED)
    store = MemoryStore()
    TrustedReader(observer, replace(team.policy, thread_token=None), store).read()
    reading = TrustedReader(observer, team.policy, store).read()
    assert reading.markers == markers(FIRST)


def test_the_legacy_view_still_shows_what_deployed_readers_could_take(team: Team, observer: ChainObserver) -> None:
    """Rule T11."""
    team.publish(ANNOUNCED)
    assert not read_legacy(observer, team).differs
    team.post(FIRST)
    assert read_legacy(observer, team).differs


def read_legacy(observer: ChainObserver, team: Team):  # type: ignore[no-untyped-def]
    found = fresh(observer, team).read().legacy
    assert found is not None
    return found


# --- cost


@pytest.fixture
def counted(server: LocalChainServer, monkeypatch: pytest.MonkeyPatch) -> tuple[BlockfrostObserver, list[str]]:
    observer, asked = BlockfrostObserver(server.blockfrost_url), []
    page = AddressReader._asked

    def counting(self: AddressReader, address: str, number: int, until: float, what: str):  # type: ignore[no-untyped-def]
        asked.append(f"{what} {number}")
        return page(self, address, number, until, what)

    monkeypatch.setattr(AddressReader, "_asked", counting)
    return observer, asked


def test_a_flood_costs_blockfrost_one_request_more(team: Team, counted: tuple[BlockfrostObserver, list[str]]) -> None:
    observer, asked = counted
    team.publish(ANNOUNCED)
    assert in_force(fresh(observer, team)) == markers(ANNOUNCED)
    assert asked == ["utxos 1"]
    team.chain.place([FaucetOutput(team.address, 2 * ADA, datum="d87980")] * 350)
    asked.clear()
    assert in_force(fresh(observer, team)) == markers(ANNOUNCED)
    assert asked == ["utxos 1", f"utxos/{team.token} 1"]


@pytest.mark.parametrize("kind", ["blockfrost", "koios", "kupo"])
def test_a_first_reading_in_a_flood_costs_two_requests_more_at_most(
    team: Team, server: LocalChainServer, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Rule T0: whatever lies at the address, and though it is more than a provider's answer may hold."""
    limits, counts = ReadLimits(max_answer_bytes=100_000, max_attempts=1), []
    team.publish(ANNOUNCED)
    for _ in range(2):
        observer: Any = {
            "blockfrost": lambda: BlockfrostObserver(server.blockfrost_url, limits=limits),
            "koios": lambda: KoiosObserver(server.koios_url, limits=limits),
            "kupo": lambda: KupoObserver(f"{server.kupo_url}+{server.ogmios_url}", limits=limits),
        }[kind]()
        asked = Asked(observer, monkeypatch)
        assert in_force(fresh(observer, team)) == markers(ANNOUNCED)
        counts.append(len(asked.paths))
        observer.close()
        team.chain.place([FaucetOutput(team.address, 2 * ADA, datum="d87980")] * 350)
    assert counts[1] <= counts[0] + 2, asked.paths


def test_where_no_list_by_asset_is_served_the_address_is_read_up_to_the_token(
    team: Team, counted: tuple[BlockfrostObserver, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dingo answers a path that it does not know with its root document."""
    observer, asked = counted
    page = AddressReader._asked

    def as_dingo(self: AddressReader, address: str, number: int, until: float, what: str):  # type: ignore[no-untyped-def]
        if what != "utxos":
            raise UnexpectedAnswerError("a root document")
        return page(self, address, number, until, what)

    monkeypatch.setattr(AddressReader, "_asked", as_dingo)
    team.publish(ANNOUNCED)
    team.chain.place([FaucetOutput(team.address, 2 * ADA, datum="d87980")] * 150)
    assert in_force(fresh(observer, team)) == markers(ANNOUNCED)
    assert "utxos 2" in asked


# --- what stays as it was


def test_deployed_readers_find_the_datum_untouched(team: Team) -> None:
    """What Mithril's reader accepts is on the chain byte for byte, in an output that holds the token as well."""
    cases = [one for one in json.loads(CASES.read_text())["cases"] if one["case"] in ACCEPTED]
    assert [len(one["datums"]) for one in cases] == [1] * len(ACCEPTED)
    for case in cases:
        fields = [bytes.fromhex(field["bytes"]) for field in case["datums"][0]["fields"]]
        datum = cbor2.dumps(cbor2.CBORTag(121, fields))
        assert case["mithril"].get("markers"), "Mithril's reader takes it"
        transaction = team.publish_datum(datum)
        output = team.chain.output(transaction, 0)
        assert output is not None
        assert output.datum == datum.hex()
        assert (team.token, 1) in output.assets


def test_the_event_log_keeps_who_held_the_token(team: Team) -> None:
    team.publish(ANNOUNCED)
    team.post(FIRST)
    evidence = EvidenceSource(LocalObserver(team.chain), team.policy, MemoryStore()).gather(None)
    facts = json.loads(json.dumps(EvidenceWriter().facts_of(evidence)))
    assert EvidenceReader(team.policy.keys).evidence_of(facts) == evidence
    assert evidence.facts.holders == {team.reference}


def test_a_policy_takes_the_unit_of_a_token_only() -> None:
    for text in ("", "ab", "ab" * 28 + ".00", "xy" * 28, "ab" * 61):
        with pytest.raises(ConfigurationError, match="thread token"):
            TrustPolicy("addr_test1x", (KEY.verification_key,), thread_token=text)


def test_a_reader_without_the_setting_sees_the_token_and_decides_as_before(team: Team, observer: ChainObserver) -> None:
    """Whatever a provider's history knows of tokens: what is unspent says it, and providers agree all the same."""
    team.publish(FIRST)
    team.publish(ANNOUNCED)
    reading = TrustedReader(observer, replace(team.policy, thread_token=None), MemoryStore()).read()
    assert reading.markers == markers(ANNOUNCED)
    assert [item.output.assets for item in reading.screened] == [((team.token, 1),)]
