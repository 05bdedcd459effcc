"""Rehearsals against the calls that they cannot do without: selecting eras, and changing a checker's."""

import statistics
import subprocess
import sys
from functools import partial
from pathlib import Path

from benchmarks.measure import Benchmark, ratio, seconds
from eras import Epoch, EraChecker, EraMarker, SupportedEras, select_eras
from release_tools.rehearsal import Scenario, rehearse

NODES, EPOCHS = 3_000, 60
MANY_NODES, FEW_EPOCHS = 100_000, 6
ERAS = SupportedEras(["thales", "pythagoras"])
MARKERS = (EraMarker("thales", Epoch(99)), EraMarker("pythagoras", Epoch(107)))


def scenario(nodes: int, epochs: int) -> Scenario:
    """A rollout with an attacker, a late provider, wrong clocks, a rollback and crashes."""
    return Scenario.of(
        {
            "title": "benchmark",
            "nodes": nodes,
            "epochs": epochs,
            "quorum": {"k": 1944, "m": 16948, "phi_f": 0.2},
            "clocks": {"wrong": 0.02},
            "versions": [
                {"name": "0.3.0", "eras": ["thales"], "share": 1.0},
                {"name": "0.4.0", "eras": ["thales", "pythagoras"]},
            ],
            "upgrades": [{"to": "0.4.0", "after": 100, "median_epochs": 1.0, "never": 0.02}],
            "providers": [
                {"name": "prompt", "share": 0.6},
                {"name": "late", "share": 0.1, "lag_ticks": 1},
                {"name": "bare", "share": 0.3, "knows": "unspent"},
            ],
            "actions": [
                {"do": "announce", "at": 100.5, "era": "pythagoras"},
                {"do": "activate", "at": 101.5, "era": "pythagoras", "epoch": 104},
                {"do": "replay", "at": 102, "times": 3},
                {"do": "forge", "at": 102.5},
                {"do": "rollback", "at": 103.5, "blocks": 3},
                {"do": "crash", "at": 103.75, "share": 0.1},
            ],
        }
    )


def bare(nodes: int, epochs: int) -> None:
    """As many bare selections and changes of era."""
    checkers = [EraChecker(ERAS) for _ in range(nodes)]
    for epoch in range(100, 100 + epochs):
        for checker in checkers:
            checker.change_era(select_eras(MARKERS, Epoch(epoch), ERAS))


def against_bare_calls() -> float:
    """A rehearsal of 3,000 nodes over 60 epochs, against the bare calls; what is imported on the way is not counted."""
    return ratio(partial(rehearse, scenario(NODES, EPOCHS)), partial(bare, NODES, EPOCHS), rounds=3)


def per_node_when_many() -> float:
    """The cost of a node in an epoch among 100,000, against that among 3,000; both over the same few epochs.

    The few are played before and after the many, so that both meet the same load of the machine.
    """
    play_few = partial(rehearse, scenario(NODES, FEW_EPOCHS))
    play_few()
    few = [seconds(play_few) for _ in range(3)]
    many = seconds(partial(rehearse, scenario(MANY_NODES, FEW_EPOCHS)))
    few += [seconds(play_few) for _ in range(3)]
    return many / MANY_NODES / (statistics.median(few) / NODES)


def memory() -> float:
    """MB that a process needs at most for a rehearsal of 3,000 nodes over 60 epochs."""
    code = (
        "from benchmarks.rehearsing import NODES, EPOCHS, peak_mb, scenario\n"
        "from release_tools.rehearsal import rehearse\n"
        "rehearse(scenario(NODES, EPOCHS))\n"
        "print(peak_mb())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout)


def peak_mb() -> float:
    """The most memory that this program ever had, in MB; ``getrusage`` would count the process that started it."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


BENCHMARKS = (
    Benchmark("rehearsal.bare_calls", 6, f"select_eras and change_era, {NODES * EPOCHS:,} times", against_bare_calls),
    Benchmark("rehearsal.many_nodes", 1.3, f"a node's cost among {NODES:,}, when {MANY_NODES:,}", per_node_when_many),
    Benchmark("rehearsal.memory", 400, "one MB", memory),
)
