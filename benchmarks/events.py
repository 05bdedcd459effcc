"""The event log: a replay with every hash checked, against a bare read of the same log."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measure import Benchmark, ratio
from chain_reader import (
    ChainFacts,
    ChainTip,
    ClockTicked,
    DatumOutput,
    NodeCore,
    NodeSettings,
    ObserverAnswered,
    Replay,
)
from chain_reader.ports import ScreenedOutput
from chain_reader.trust.evidence import Evidence
from chain_reader.trust.policy import TrustPolicy
from datum import EraMarkersPayload, SigningKey, encode_datum, screen
from era_store import SqlStore, open_store, verified
from eras import Epoch, EraMarker, Slot

POLLS = 2_000
POLLS_PER_EPOCH = 720
"""Every ten minutes, in epochs of five days."""
PAGE = 1_000
KEY = SigningKey(b"e" * 32)
POLICY = TrustPolicy("addr_test1era", (KEY.verification_key,), 42)


@contextmanager
def watched() -> Iterator[SqlStore]:
    """The store of a node that was watched for two weeks: at every poll the clock ticks and an observer answers."""
    with TemporaryDirectory(prefix="eraswitch-bench-") as folder, open_store(str(Path(folder) / "store")) as store:
        core = NodeCore(NodeSettings(POLICY), store, clock=lambda: 0.0)
        evidence = _evidence()
        for poll in range(POLLS):
            epoch, time_s = Epoch(10 + poll // POLLS_PER_EPOCH), poll * 600.0
            tip = ChainTip(Slot(1_000 + poll * 600), 50 + poll * 30, f"{poll:064x}", epoch)
            core.apply(ClockTicked(epoch, time_s))
            core.apply(ObserverAnswered(replace(evidence, tip=tip, epoch=epoch), time_s))
        yield store


def _evidence() -> Evidence:
    payload = EraMarkersPayload((EraMarker("pythagoras", Epoch(0)), EraMarker("lagrange", Epoch(12)))).sign(KEY)
    output = DatumOutput("ab" * 32, 0, encode_datum(payload.to_bytes()).hex(), 2_000_000, Slot(900), 45, spent=False)
    (verdict,) = screen([output.datum], POLICY.keys)
    items = (ScreenedOutput(output, verdict),)
    facts = ChainFacts(
        spends={output.transaction: True},
        published={output.transaction: Epoch(9)},
        newest_first=True,
        history=True,
    )
    return Evidence("the provider", ChainTip(Slot(0), 0, None), Epoch(0), items, items, facts)


def replay() -> float:
    """Every decision made again, against reading the events and throwing them away."""
    with watched() as store:

        def read() -> None:
            after = 0
            while page := store.events.read(after=after, limit=PAGE):
                after = page[-1].id

        def replayed() -> None:
            made = Replay()
            found = made.run(verified(store.events.lines(), store.events.head().base_hash))
            if found is not None or made.done.inputs < 2 * POLLS:
                raise RuntimeError(f"the log was not replayed: {found}")

        return ratio(replayed, read, rounds=5)


BENCHMARKS = (Benchmark("events.replay", 3.4, "a bare read of the log", replay),)
