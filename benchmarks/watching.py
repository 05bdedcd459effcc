"""A watcher at rest: how often it calls its provider, and what that costs."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

from benchmarks.measure import Benchmark
from benchmarks.reading import KEY, funded_chain, publish, requests_sent, serving
from chain_reader import BlockfrostObserver
from chain_reader.trust.policy import TrustPolicy
from era_service.node.call_schedule import CallOptions
from era_service.node.embedding import embed_watcher
from era_service.node.watch_options import WatchOptions
from eras import SupportedEras

INTERVAL_S = 0.5
"""1,200 times as often as by default, so that a few seconds hold enough calls to count."""
INTERVALS = 12
MEASURED_CPU_S = 0.01
"""The kernel counts CPU time in ticks of so many seconds: less in a minute is not measurable."""


@contextmanager
def at_rest() -> Iterator[list[str]]:
    """A watcher that has done its first check, over HTTP, and the requests that are made."""
    with funded_chain() as (chain, wallet, address):
        publish(chain, wallet, address)
        with serving(chain.path) as url, closing(BlockfrostObserver(url)) as observer, requests_sent() as sent:
            watcher = embed_watcher(
                [observer],
                TrustPolicy(address, (KEY.verification_key,)),
                SupportedEras(("thales",)),
                options=WatchOptions(CallOptions(INTERVAL_S)),
            )
            watcher.start()
            if not watcher.wait_ready(60):
                raise RuntimeError("the marker was not found")
            try:
                yield sent
            finally:
                watcher.stop()


def calls_per_interval() -> float:
    """How many requests a watcher at rest makes in a poll interval."""
    with at_rest() as sent:
        before = len(sent)
        time.sleep(INTERVAL_S * INTERVALS)
        return (len(sent) - before) / INTERVALS


def cpu_in_a_minute() -> float:
    """CPU of a watcher at rest over a minute at the default interval, in ticks of the kernel's clock.

    What a call costs, the sleep before it included, is measured over many, and counted as often as it comes.
    """
    with at_rest() as sent:
        calls, cpu_s = len(sent), time.process_time()
        time.sleep(INTERVAL_S * INTERVALS)
        a_call_s = (time.process_time() - cpu_s) / max(1, len(sent) - calls)
    return a_call_s * 60 / CallOptions().poll_interval_s / MEASURED_CPU_S


BENCHMARKS = (
    Benchmark("watching.calls", 1, "one request in a poll interval (the figure is their number)", calls_per_interval),
    Benchmark("watching.rest_cpu", 1, "a tick of the kernel's clock (10 ms) in a minute at rest", cpu_in_a_minute),
)
