"""The cost of strangers at an era address: the next reading by the thread, and a first one with the thread token."""

import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from benchmarks.measure import Benchmark, seconds
from benchmarks.reading import ADA, DATUM, JUNK_OUTPUTS, KEY, funded_chain, publish, requests_of, serving
from chain_reader import BlockfrostObserver
from chain_reader.local_chain import FaucetOutput, LocalChain
from chain_reader.trust.policy import TrustPolicy
from chain_reader.trusted_reader import TrustedReader
from release_tools.transactions.owners import TokenMint

STRANGERS = 1_000
ROUNDS = 15


@contextmanager
def marked(strangers: int, junk: int = 0) -> Iterator[tuple[LocalChain, str, TrustPolicy]]:
    """A chain with a marker that holds a thread token, and after it plain payments, copies and junk of strangers."""
    with funded_chain() as (chain, wallet, address):
        token = publish(chain, wallet, address, TokenMint())
        for number in range(strangers):
            chain.place([FaucetOutput(address, 2 * ADA, datum=DATUM.hex() if number % 2 else None)])
        if junk:
            chain.place([FaucetOutput(address, 2 * ADA, datum=f"d8799f5820{n:064x}ff") for n in range(junk)])
        with serving(chain.path) as url:
            yield chain, url, TrustPolicy(address, (KEY.verification_key,), thread_token=token)


@cache
def next_readings(strangers: int) -> tuple[float, int]:
    """Seconds and requests of the next reading, at a new block, without the token; measured once for both figures."""
    with marked(strangers) as (chain, url, policy):
        observer = BlockfrostObserver(url)
        reader = TrustedReader(observer, TrustPolicy(policy.address, policy.keys))
        for _ in range(3):
            chain.advance_slots(1)
            reader.read()
        times = []
        for _ in range(ROUNDS):
            chain.advance_slots(1)
            times.append(seconds(reader.read))
        chain.advance_slots(1)
        counted = requests_of(reader)
        observer.close()
    return statistics.median(times), counted


def next_requests() -> float:
    """Requests of the next reading among strangers, against those at a clean address."""
    return next_readings(STRANGERS)[1] / next_readings(0)[1]


def next_time() -> float:
    """Time of the same."""
    return next_readings(STRANGERS)[0] / next_readings(0)[0]


def token_first_requests() -> float:
    """How many requests more a first reading with the thread token makes in a flood of junk."""
    counts = []
    for junk in (0, JUNK_OUTPUTS):
        with marked(0, junk) as (_, url, policy):
            observer = BlockfrostObserver(url)
            counts.append(requests_of(TrustedReader(observer, policy)))
            observer.close()
    return float(counts[1] - counts[0])


BENCHMARKS = (
    Benchmark(
        "thread.next_requests", 1, f"a clean address, with {STRANGERS:,} transactions of strangers", next_requests
    ),
    Benchmark("thread.next_time", 1.2, "the same, by time", next_time),
    Benchmark(
        "thread.token_requests", 2, f"a clean address, in {JUNK_OUTPUTS:,} junk outputs (more)", token_first_requests
    ),
)
