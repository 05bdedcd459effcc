"""``python -m benchmarks.soak [--minutes 10]``: a network under load and under fire; exit 1 when anything went wrong.

A local chain with epochs of seconds; two replicas on PostgreSQL and a service on SQLite; twenty watchers; a release
team that rolls out era after era; registrations; an attacker; and faults. In the end nothing may be missed, lost or
doubled, and nothing may have grown.
"""

import argparse
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from benchmarks.soak import verdict
from benchmarks.soak.actors import Actors
from benchmarks.soak.faults import Faults
from benchmarks.soak.stage import EPOCH_S, SERVICES, WATCHERS, Stage
from chain_reader.local_chain import LocalChain
from datum import EraMarkersPayload, decode_datum
from eras import EraMarker, MarkerError
from tests.provision import postgres_programs

_SAMPLE_S = 2.0
_QUIET_S = 2 * EPOCH_S


class Sampler(threading.Thread):
    """Memory and open files of every process, every few seconds; and how late the machine lets a thread be."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(daemon=True)
        self._stage = stage
        self._over = threading.Event()
        self.samples: list[tuple[float, str, int, float, int]] = []
        self.late_s = 0.0

    def run(self) -> None:
        """Take samples until it is stopped."""
        due_s = time.monotonic() + _SAMPLE_S
        while not self._over.wait(due_s - time.monotonic()):
            now_s = time.monotonic()
            self.late_s, due_s = max(self.late_s, now_s - due_s), now_s + _SAMPLE_S
            for name, program in self._stage.programs.items():
                process = program.process
                if process is None:
                    continue
                folder = Path(f"/proc/{process}")
                try:
                    found = re.search(r"VmRSS:\s+(\d+) kB", (folder / "status").read_text())
                    files = len(list((folder / "fd").iterdir()))
                except OSError:  # it was killed meanwhile
                    continue
                if found is not None:
                    self.samples.append((time.time(), name, process, int(found[1]) / 1024, files))

    def stop(self) -> None:
        """Take no more."""
        self._over.set()
        self.join()


def publications(stage: Stage) -> list[tuple[float, tuple[EraMarker, ...]]]:
    """What the owner of the era address has published, in the order of the chain."""
    found = []
    with LocalChain.open(stage.chain_file) as chain:
        for transaction in chain.transactions(stage.era_address):
            if not any(one.address == stage.era_address for one in transaction.inputs):
                continue
            for output in transaction.outputs:
                if output.address != stage.era_address or output.datum is None:
                    continue
                try:
                    payload = EraMarkersPayload.from_bytes(decode_datum(bytes.fromhex(output.datum)).content)
                    verified = payload.verify(stage.era_key.verification_key)
                except MarkerError:
                    continue
                found.append((chain.slot_time_s(output.slot), verified.markers))
    return found


def soak(folder: Path, minutes: float, seed: int) -> dict[str, Any]:
    """Let it run, and judge it."""
    load = round(os.getloadavg()[0], 1)
    with Stage(folder) as stage:
        stage.start()
        sampler = Sampler(stage)
        sampler.start()
        with Actors(stage, seed) as actors:
            faults = Faults(stage, actors, seed)
            faults.play(minutes * 60, lambda line: print(line, file=sys.stderr, flush=True))
            actors.settle()
            time.sleep(_QUIET_S)
            held = {name: actors.parties(name, range(stage.epoch() + 1)) for name in SERVICES[1:]}
        sampler.stop()
        until_s = time.time()
        published = publications(stage)
        ended = {process: at for name in WATCHERS for process, at in stage.programs[name].ended.items()}
        diary = [json.loads(line) for line in stage.diary.read_text().splitlines()]
        small_disk, resets = stage.disk_is_small, stage.to_chain.resets + stage.to_database.resets
        start_s = stage.start_s
    notes = actors.notes
    truth = verdict.reigns(published, start_s, EPOCH_S, sampler.late_s)
    switches, late = verdict.missed_switches(truth, diary, ended, until_s)
    grown, figures = verdict.growth(sampler.samples)
    held[SERVICES[0]] = held[SERVICES[1]]  # they share a store
    said = {era for _, markers in published for era in (one.name for one in markers)}
    wrong = {
        "missed switches": switches,
        "wrong answers": verdict.wrong_answers(truth, notes.samples),
        "lost registrations": [
            f"{service}: {party}"
            for service, taken in notes.registered.items()
            for party in sorted(taken - held[service])
        ],
        "refused registrations": notes.refused,
        "double publications": verdict.doubled(published),
        "lost publications": sorted(set(notes.published) - said),
        "growth": grown,
        "troubles": notes.troubles,
    }
    return {
        "minutes": minutes, "seed": seed, "load_before": load, "threads_late_s": round(sampler.late_s, 2),
         "ok": not any(wrong.values()), "wrong": wrong,
        "faults": dict(sorted(faults.done.items())), "skipped": faults.skipped, "small_disk": small_disk,
        "eras": len(truth), "publications": len(published), "attacks": notes.attacks, "connections_reset": resets,
        "switches_of_watchers": len(late), "latest_switch_s": round(max(late, default=0.0), 2),
        "registrations": {service: len(taken) for service, taken in notes.registered.items()},
        "answers": len(notes.samples), "unanswered": notes.unanswered, "processes": figures,
    }  # fmt: skip


def text(report: dict[str, Any]) -> str:
    """The report, for people."""
    taken, answers, none = (
        sum(report["registrations"].values()), report["answers"], sum(report["unanswered"].values()),
    )  # fmt: skip
    lines = [
        f"{report['minutes']:g} minutes, seed {report['seed']}",
        (
            f"load average {report['load_before']:g} on {os.cpu_count()} processors before; threads woke up to "
            f"{report['threads_late_s']:g} s late, and so much later a switch may be"
        ),
        f"{report['eras']} eras in {report['publications']} publications, {report['attacks']} attacks",
        f"{report['switches_of_watchers']} switches of watchers, the latest after {report['latest_switch_s']} s",
        f"{taken:,} registrations taken; {answers:,} answers of services, {none} times none",
        f"{report['connections_reset']} connections reset",
        "faults: " + ", ".join(f"{name} ({times})" for name, times in report["faults"].items()),
        *(f"not done: {name}: {why}" for name, why in report["skipped"].items()),
        *(
            f"{name:<12} {one['memory_mb_before']:6.1f} → {one['memory_mb_after']:6.1f} MB, "
            f"{one['files_before']} → {one['files_after']} files, over {one['lived_s']} s"
            for name, one in report["processes"].items()
        ),
    ]
    for kind, found in report["wrong"].items():
        lines += [f"{kind}: {len(found)}", *(f"  {one}" for one in found[:10])]
    return "\n".join([*lines, "OK" if report["ok"] else "FAILED"])


def main() -> int:
    """Soak as the command line says, and print what came of it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long things break; 10 by default")
    parser.add_argument("--seed", type=int, default=1, help="of the order of faults and of the attacks")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the report as JSON there, too")
    parser.add_argument("--keep", action="store_true", help="keep the folder with the logs also when all is well")
    arguments = parser.parse_args()
    if postgres_programs() is None:
        parser.error("PostgreSQL is missing; `make test INSTALL=1` installs it")
    for number in (signal.SIGTERM, signal.SIGINT):  # whatever ends it, everything that it started ends with it
        signal.signal(number, lambda number, _frame: sys.exit(128 + number))
    folder = Path(tempfile.mkdtemp(prefix="eraswitch-soak-"))
    report = soak(folder, arguments.minutes, arguments.seed)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(report, indent=2) + "\n")
    print(text(report))
    if report["ok"] and not arguments.keep:
        shutil.rmtree(folder)
    else:
        print(f"logs: {folder}", file=sys.stderr)
    return 0 if report["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
