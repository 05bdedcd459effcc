"""Nodes under watch, many in one process: each with a store and connections of its own.

In: a JSON document with the network, the names of the nodes and a file. Out: one line of JSON in that file for each
decision that matters, with the wall clock of the machine, until the process is ended.
"""

import json
import os
import signal
import sys
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from chain_reader import NetworkGenesis, ReadLimits, TrustPolicy, observer_from_url
from chain_reader.node.kinds import Decision, DecisionKind
from datum import VerificationKey
from era_service.node.call_schedule import CallOptions
from era_service.node.embedding import embed_watcher
from era_service.node.watch_options import WatchOptions
from era_service.node.watcher import NodeWatcher
from era_store import open_store
from eras import SupportedEras

CALLS = {"poll_interval_s": 2.0, "spread_s": 1.0, "backoff_max_s": 2.0, "read_interval_s": 3.0}
SWITCHED = (DecisionKind.ERA_KNOWN, DecisionKind.ACTIVATED)


class Diary:
    """What the nodes of this process did, a line each, appended whole."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(self, node: str, what: str, era: str | None) -> None:
        """Note it, at the time of the machine: ``time.time`` is stepped here (``benchmarks.soak.stepped``)."""
        true_s = time.clock_gettime(time.CLOCK_REALTIME)
        line = {"node": node, "what": what, "era": era, "at_s": true_s, "process": os.getpid()}
        os.write(self._file, json.dumps(line).encode() + b"\n")


def _watch(opened: ExitStack, world: dict[str, Any], node: str, diary: Diary) -> NodeWatcher:
    observer = opened.enter_context(closing(observer_from_url(world["provider"], limits=ReadLimits(**world["limits"]))))
    policy = TrustPolicy(world["era_address"], (VerificationKey.parse(world["key"]),), network_magic=world["magic"])
    store = opened.enter_context(closing(open_store(str(Path(world["folder"]) / f"{node}.sqlite3"))))

    def noted(decision: Decision) -> None:
        if decision.kind in SWITCHED:
            diary.write(node, str(decision.kind), decision.facts["era"])

    return embed_watcher(
        [observer],
        policy,
        SupportedEras(tuple(world["eras"])),
        store=store,
        genesis=NetworkGenesis(world["magic"], world["start_s"], world["slot_s"], world["epoch_slots"]),
        options=WatchOptions(CallOptions(node_id=node, **CALLS)),
        on_decision=noted,
    )


def main() -> None:
    """Watch until SIGTERM or SIGINT, as the file says that the first argument names."""
    world: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())
    diary = Diary(Path(world["diary"]))
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    with ExitStack() as opened:
        watchers = {node: _watch(opened, world, node, diary) for node in world["nodes"]}
        for watcher in watchers.values():
            watcher.start()
        for node, watcher in watchers.items():
            # What is remembered is known without a decision: the era that a node came back in is noted here.
            known = watcher.wait_ready(60)
            diary.write(node, "ready" if known else "not ready", watcher.checker.view.era)
        print(json.dumps({"url": "", "nodes": len(watchers)}), flush=True)
        signal.sigwait({signal.SIGTERM, signal.SIGINT})
        for watcher in watchers.values():
            watcher.stop()
