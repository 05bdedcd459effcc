"""What came of a soak: switches that were missed, registrations lost, publications doubled, and what grew.

In: notes of what happened, and the chain, which is the truth. Out: lists of what is wrong, empty where all is well.
Nothing here reads a clock or a file.
"""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from eras import EraMarker

GRACE_S = 4.0
"""So much later than an epoch's beginning a switch may be, and so long after its publication."""
LEARNT_WITHIN_S = 20.0
EARLY_S = 1.5
"""So much earlier, for clocks are stepped forwards by a second."""
GROWTH_SHARE, GROWTH_MB, GROWTH_FILES = 0.10, 12.0, 12
LIVED_S = 60.0


@dataclass(frozen=True, slots=True)
class Reign:
    """An era in force, and since when the chain has said so."""

    era: str
    begins_s: float
    ends_s: float
    published_s: float
    grace_s: float = GRACE_S

    @property
    def due_s(self) -> float:
        """By when everyone must be in it."""
        return max(self.begins_s + self.grace_s, self.published_s + LEARNT_WITHIN_S)


def reigns(
    publications: Sequence[tuple[float, tuple[EraMarker, ...]]], start_s: float, epoch_s: float, late_s: float = 0.0
) -> list[Reign]:
    """Which era was in force when, by what was published; on a machine that lets a thread wait ``late_s`` too long."""
    epochs: dict[str, tuple[int, float]] = {}
    for at_s, markers in publications:
        for marker in markers:
            if marker.epoch is not None and epochs.get(marker.name, (None,))[0] != marker.epoch:
                epochs[marker.name] = (marker.epoch, at_s)
    order = sorted(epochs.items(), key=lambda item: item[1])
    begins = [start_s + epoch * epoch_s for _, (epoch, _) in order]
    ends = [*begins[1:], float("inf")]
    return [
        Reign(era, begin, end, published, GRACE_S + late_s)
        for (era, (_, published)), begin, end in zip(order, begins, ends, strict=True)
    ]


def doubled(publications: Sequence[tuple[float, tuple[EraMarker, ...]]]) -> list[str]:
    """Publications that say the same as the one before."""
    return [
        f"published twice: {[marker.to_dict() for marker in later[1]]}"
        for earlier, later in pairwise(publications)
        if earlier[1] == later[1]
    ]


def allowed(truth: Sequence[Reign], at_s: float) -> set[str]:
    """The eras in which somebody may be at a time: two of them around a switch."""
    found = {one.era for one in truth if one.begins_s - EARLY_S <= at_s < one.ends_s}
    for earlier, later in pairwise(truth):
        if later.begins_s <= at_s <= later.due_s:
            found.add(earlier.era)
    return found


def wrong_answers(truth: Sequence[Reign], samples: Iterable[tuple[float, str, str]]) -> list[str]:
    """Answers of services that name another era than the one in force."""
    return [
        f"{service} named {era} at {at_s:.1f}, where {sorted(right)} was in force"
        for at_s, service, era in samples
        if era not in (right := allowed(truth, at_s))
    ]


def missed_switches(
    truth: Sequence[Reign], diary: Sequence[Mapping[str, Any]], ended: Mapping[int, float], until_s: float
) -> tuple[list[str], list[float]]:
    """Switches that a watcher missed, made too early or too late; and how many seconds late the others were.

    Args:
        truth: which era was in force when.
        diary: the lines of the watchers.
        ended: when processes of watchers were killed, by process.
        until_s: when the soak was over.
    """
    wrong, late = [], []
    lives: dict[tuple[str, int], list[tuple[float, str | None]]] = defaultdict(list)
    for line in diary:
        node, at_s, era = line["node"], line["at_s"], line["era"]
        if line["what"] == "not ready" or era not in allowed(truth, at_s):
            wrong.append(f"{node} was in {era} at {at_s:.1f} ({line['what']}), not in {sorted(allowed(truth, at_s))}")
        lives[node, line["process"]].append((at_s, era))
    for (node, process), seen in lives.items():
        from_s, to_s = min(at_s for at_s, _ in seen), min(ended.get(process, until_s), until_s)
        for one in truth:
            if not (from_s < one.begins_s and one.due_s < min(to_s, one.ends_s)):
                continue
            times = [at_s for at_s, era in seen if era == one.era]
            if not times or min(times) > one.due_s:
                wrong.append(f"{node} missed the switch to {one.era}: {'never made' if not times else 'late'}")
            else:
                late.append(max(0.0, min(times) - max(one.begins_s, one.published_s)))
    return wrong, late


def growth(samples: Sequence[tuple[float, str, int, float, int]]) -> tuple[list[str], dict[str, dict[str, float]]]:
    """What grew: memory or open files of a process over the last part of its life against the part before.

    Args:
        samples: time, name, process, megabytes of memory, open files.

    Returns:
        What grew beyond the limits, and the figures of every process that lived long enough: by name.
    """
    lives: dict[tuple[str, int], list[tuple[float, float, int]]] = defaultdict(list)
    for at_s, name, process, memory, files in samples:
        lives[name, process].append((at_s, memory, files))
    wrong, figures = [], dict[str, dict[str, float]]()
    for (name, _), life in lives.items():
        if life[-1][0] - life[0][0] < LIVED_S:
            continue
        settled = life[len(life) // 3 :]  # what fills caches and pools at the start is no growth
        half = len(settled) // 2
        before, after = settled[:half], settled[half:]
        megabytes = [statistics.median(sample[1] for sample in part) for part in (before, after)]
        opened = [
            max(sample[2] for sample in part) for part in (before, after)
        ]  # pools fill and empty: their most counts
        figures[name] = {
            "lived_s": round(life[-1][0] - life[0][0]),
            "memory_mb_before": round(megabytes[0], 1), "memory_mb_after": round(megabytes[1], 1),
            "files_before": opened[0], "files_after": opened[1],
        }  # fmt: skip
        if megabytes[1] > megabytes[0] * (1 + GROWTH_SHARE) + GROWTH_MB:
            wrong.append(f"the memory of {name} grew from {megabytes[0]:.0f} to {megabytes[1]:.0f} MB")
        if opened[1] > opened[0] + GROWTH_FILES:
            wrong.append(f"the open files of {name} grew from {opened[0]} to {opened[1]}")
    return wrong, figures
