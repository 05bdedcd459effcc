"""Whether a network recovered from a switch: the verdict by its rules, and certificates from an aggregator or CSV."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from eras import ChainReadError, ConfigurationError, Epoch
from release_tools.rollout.certificates import AggregatorCertificates, certificates_of_csv
from release_tools.rollout.recovery import EpochActivity, Recovery, recovery

Serve = Callable[[dict[str, Any]], str]

FULL = {"a": 50, "b": 30, "c": 20}


def judged(*activities: EpochActivity, at: int = 10, current: int = 13, wanted: Fraction = Fraction(9, 10)) -> Recovery:
    return recovery(activities, at=Epoch(at), current=Epoch(current), wanted=wanted)


def counted(counts: dict[int, int | None]) -> list[EpochActivity]:
    return [EpochActivity(Epoch(epoch), count) for epoch, count in counts.items()]


@pytest.mark.parametrize(
    ("counts", "recovered", "share"),
    [
        ({7: 10, 8: 10, 9: 10, 10: 0, 11: 4, 12: 9, 13: 0}, True, Fraction(9, 10)),
        ({7: 10, 8: 10, 9: 10, 10: 10, 11: 10, 12: 8, 13: 99}, False, Fraction(8, 10)),
        ({9: 10, 12: 10}, True, Fraction(1)),
        ({6: 1, 7: 100, 8: 100, 9: 100, 12: 10}, False, Fraction(1, 10)),
        ({7: None, 8: 10, 9: 20, 12: 15}, True, Fraction(1)),
        ({9: 0, 12: 10}, False, None),
        ({9: 10, 11: 10}, False, None),
        ({12: 10}, False, None),
    ],
)
def test_the_newest_epoch_that_is_over_is_compared_with_those_before(
    counts: dict[int, int | None], recovered: bool, share: Fraction | None
) -> None:
    found = judged(*counted(counts))
    assert (found.recovered, found.certificates) == (recovered, share)
    assert ("Nothing that can be compared" in found.words) == (share is None)


def test_both_certificates_and_stake_must_be_there_again() -> None:
    before = EpochActivity(Epoch(9), 10, FULL)
    found = judged(before, EpochActivity(Epoch(12), 10, {"a": 50, "c": 20}), EpochActivity(Epoch(13), 1, {"c": 20}))
    assert (found.certificates, found.stake, found.recovered) == (1, Fraction(7, 10), False)
    assert found.missing == {"b": 30}
    assert found.words == (
        "The network has not recovered: epoch 12 has 100.0 % of the certificates and 70.0 % of the stake of before "
        "the switch, and at least 90 % is wanted"
    )
    assert judged(before, EpochActivity(Epoch(12), 10, {"a": 50, "b": 40})).recovered
    assert judged(before, EpochActivity(Epoch(12), 10)).missing == {}, "who takes part is not known"


def test_who_is_back_in_the_current_epoch_is_back() -> None:
    found = judged(
        EpochActivity(Epoch(9), None, FULL),
        EpochActivity(Epoch(12), None, {}),
        EpochActivity(Epoch(13), None, {"b": 1}),
    )
    assert list(found.missing.items()) == [("a", 50), ("c", 20)]


def test_before_the_switch_or_in_its_first_epoch_nothing_is_judged() -> None:
    assert judged(*counted({7: 5}), current=9).words == (
        "The era has not begun: it begins at epoch 10, and the current epoch is 9"
    )
    first = judged(*counted({9: 5, 10: 5}), current=10)
    assert (first.recovered, first.judged) == (False, None)
    assert "No epoch since the switch is over" in first.words


def test_the_share_that_signs() -> None:
    activity = EpochActivity(Epoch(1), 1, FULL, registered=200)
    assert str(activity.signing) == "50.0 %"
    assert EpochActivity(Epoch(1), 1, FULL, registered=99).signing is None, "more signs than is registered: not known"
    assert activity.to_dict()["signing"]["share"] == 0.5


# --- certificates


def test_certificates_from_csv() -> None:
    found = certificates_of_csv("\ufeffepoch,certificates,more\n7,3,x\n8,0,y\n", "c.csv")
    assert found == tuple(counted({7: 3, 8: 0}))


@pytest.mark.parametrize(
    ("text", "got"),
    [
        ("", "the columns none"),
        ("epoch,count\n1,2\n", "the columns epoch, count"),
        ("epoch,certificates\n1,2\n2\n", "'2' and ''"),
        ("epoch,certificates\n-1,2\n", "'-1' and '2'"),
        ("epoch,certificates\n1,2\n1,3\n", "epoch 1 again in line 3"),
        (f"epoch,certificates\n{'9' * 5000},1\n", "'999"),
        (f"epoch,certificates\n{'9' * 200_000},1\n", "field larger than field limit"),
    ],
)
def test_what_is_no_csv_of_certificates(text: str, got: str) -> None:
    with pytest.raises(ConfigurationError, match="The certificates in c.csv cannot be read") as caught:
        certificates_of_csv(text, "c.csv")
    assert got in str(caught.value)


def digest(number: int) -> str:
    return f"{number:064x}"


def certificate(number: int, epoch: int, previous: int, *signers: str) -> dict[str, Any]:
    return {
        "hash": digest(number),
        "previous_hash": digest(previous) if previous else "",
        "epoch": epoch,
        "metadata": {"network": "n", "signers": [{"party_id": one, "stake": FULL[one]} for one in signers]},
    }


CHAIN = [
    certificate(9, 12, 8, "a"),
    certificate(8, 12, 6, "a", "b"),
    certificate(7, 10, 6, "b"),
    certificate(6, 10, 5, "a"),
    certificate(5, 9, 4, "a", "b", "c"),
    certificate(4, 8, 3, "a", "c"),
    certificate(3, 7, 2, "a"),
    certificate(2, 6, 1, "a"),
    certificate(1, 5, 0),
]


@pytest.fixture
def aggregator() -> Iterator[Serve]:
    """Serves answers by path; returns the URL."""
    running: list[tuple[ThreadingHTTPServer, Thread]] = []

    def serve(answers: dict[str, Any]) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = json.dumps(answers.get(self.path)).encode()
                self.send_response(200 if self.path in answers else 404)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: object) -> None:
                """No noise."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        running.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server, thread in running:
        server.shutdown()
        thread.join()
        server.server_close()


def answers(listed: int) -> dict[str, Any]:
    one = {f"/certificate/{found['hash']}": found for found in CHAIN}
    return one | {"/certificates": [{**found, "metadata": {"total_signers": 1}} for found in CHAIN[:listed]]}


def since(url: str, oldest: int) -> dict[int, tuple[int | None, set[str]]]:
    with closing(AggregatorCertificates(url)) as source:
        return {one.epoch: (one.certificates, set(one.parties or ())) for one in source.since(Epoch(oldest), Epoch(13))}


def test_certificates_of_an_aggregator(aggregator: Serve) -> None:
    assert since(aggregator(answers(3)), 7) == {
        7: (None, {"a"}),
        8: (None, {"a", "c"}),
        9: (None, {"a", "b", "c"}),
        10: (None, {"a", "b"}),
        11: (0, set()),
        12: (2, {"a", "b"}),
        13: (0, set()),
    }, "the list is cut off within epoch 10; older epochs by one certificate each"


def test_a_list_that_reaches_back_counts_every_epoch(aggregator: Serve) -> None:
    whole = aggregator(answers(len(CHAIN)))
    assert {epoch: count for epoch, (count, _) in since(whole, 0).items()} == {
        5: 1, 6: 1, 7: 1, 8: 1, 9: 1, 10: 2, 11: 0, 12: 2, 13: 0,
    }  # fmt: skip
    assert since(aggregator({"/certificates": []}), 7) == {}


@pytest.mark.parametrize(
    "changed",
    [
        {"/certificates": [{"hash": "x"}]},
        {f"/certificate/{digest(8)}": CHAIN[0]},
        {f"/certificate/{digest(8)}": {**CHAIN[1], "metadata": {"signers": [{"party_id": "a", "stake": -1}]}}},
    ],
)
def test_an_aggregator_that_makes_no_sense(aggregator: Serve, changed: dict[str, Any]) -> None:
    with pytest.raises(ChainReadError):
        since(aggregator(answers(3) | changed), 7)
