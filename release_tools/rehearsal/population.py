"""The nodes of a rehearsal, drawn from the seed: stake, version, provider, clock, and when each operator upgrades.

In: a scenario. Out: a list of ``Node``, the same for the same scenario. Every kind of thing is drawn from a generator
of its own, so that a scenario with one kind more draws the others as before.
"""

import csv
import math
import random
from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate, cycle, islice
from pathlib import Path

from chain_reader.node.core import NodeState
from eras import ConfigurationError
from eras.words import LOVELACE_PER_ADA
from release_tools.adoption.compatibility import Compatibility
from release_tools.adoption.versions import newest_first
from release_tools.rehearsal.scenario import Scenario, Upgrade


@dataclass(slots=True)
class Node:
    """A node of the network, and its state.

    Attributes:
        party_id: who it is.
        stake: in lovelace.
        version: index of the version that it runs.
        provider: index of the provider that it asks.
        off_ticks: ticks that its clock is ahead.
        upgrades: (tick, version) that its operator will install, the next one last.
        key_expired: ticks within which its key is expired.
        state: what it knows; ``None`` before it was started.
        back_at: the tick at which it comes back after a crash; ``None`` while it is up or has stopped.
        stopped: whether it stopped because it does not know the current era.
        heard: identity of the last answer, for comparing nodes with the same view of the chain.
    """

    party_id: str
    stake: int
    version: int
    provider: int
    off_ticks: int = 0
    upgrades: list[tuple[int, int]] = field(default_factory=list)
    key_expired: range = range(0)
    state: NodeState | None = None
    back_at: int | None = None
    stopped: bool = False
    heard: int = 0

    @property
    def is_up(self) -> bool:
        """Whether it runs."""
        return self.back_at is None and not self.stopped

    def may_sign(self, tick: int) -> bool:
        """Whether it runs, with a key that is not expired."""
        return self.is_up and tick not in self.key_expired


def draw_nodes(scenario: Scenario) -> list[Node]:
    """The nodes of a scenario, in the order of their party ids.

    Raises:
        ConfigurationError: the file with the stakes cannot be used.
    """
    count = scenario.nodes
    stakes = draw_stakes(scenario)
    versions = _assigned(scenario, "versions", [version.share for version in scenario.versions])
    providers = _assigned(scenario, "providers", [provider.share for provider in scenario.providers])
    width = len(str(count - 1))
    nodes = [
        Node(f"node-{index:0{width}}", stake, version, provider)
        for index, (stake, version, provider) in enumerate(zip(stakes, versions, providers, strict=True))
    ]
    _set_clocks(scenario, nodes)
    _set_keys(scenario, nodes)
    for index, upgrade in enumerate(scenario.upgrades):
        _plan_upgrade(scenario, nodes, upgrade, index)
    for node in nodes:
        node.upgrades.sort(reverse=True)
    return nodes


def draw_stakes(scenario: Scenario) -> list[int]:
    """The stake of each node, in lovelace.

    Raises:
        ConfigurationError: the file with the stakes cannot be used.
    """
    stake, count = scenario.stake, scenario.nodes
    total = stake.total_ada * LOVELACE_PER_ADA
    if stake.distribution == "equal":
        return [total // count] * count
    if stake.file is not None:
        return list(islice(cycle(read_stakes(stake.file)), count))
    generator = _generator(scenario, "stake")
    drawn = [generator.lognormvariate(0.0, stake.sigma) for _ in range(count)]
    most, whole = max(stake.largest_share, 1 / count), sum(drawn)
    shares = [value / whole for value in drawn]
    for _ in range(50):  # what is cut off goes to the others, which may then be too large themselves
        over = sum(share - most for share in shares if share > most)
        if over < 1e-12:
            break
        free = sum(share for share in shares if share < most)
        shares = [most if share >= most else share * (1 + over / free) for share in shares]
    return [max(1, int(share * total)) for share in shares]


def read_stakes(path: Path) -> tuple[int, ...]:
    """The stakes in a file: one number a line, or a CSV with a column ``stake``, in lovelace.

    Raises:
        ConfigurationError: it cannot be read, or has something else; the error names the line.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _unusable_stakes(path, "a file of stakes", f"{error}"[:120]) from error
    column = 0
    first = 1
    if rows and rows[0] and not rows[0][0].strip().isdigit():
        names = [name.strip() for name in rows[0]]
        if "stake" not in names:
            raise _unusable_stakes(path, "a number, or a column named stake", f"{rows[0]!r}"[:80])
        column, rows, first = names.index("stake"), rows[1:], 2
    stakes = []
    for number, row in enumerate(rows, start=first):
        text = row[column].strip() if column < len(row) else ""
        if not text and len(row) <= 1:
            continue
        if not (text.isascii() and text.isdigit() and 0 < int(text[:20]) <= 45_000_000_000 * LOVELACE_PER_ADA):
            raise _unusable_stakes(path, "lovelace, above 0 and below all there is", f"{text[:40]!r} in line {number}")
        stakes.append(int(text))
    if not stakes:
        raise _unusable_stakes(path, "at least one stake", "none")
    return tuple(stakes)


def compatibility_of(scenario: Scenario) -> Compatibility:
    """Which versions of a scenario support which era, as a table of requirements.

    Raises:
        ConfigurationError: the name of a version is not valid.
    """
    ordered = newest_first(version.name for version in scenario.versions)[::-1]
    requirements = {}
    for era in scenario.eras:
        know = {version.name for version in scenario.versions if era in version.eras}
        least = next(name for name in ordered if name in know)
        others = [name for name in ordered[ordered.index(least) :] if name not in know]
        requirements[era] = ", ".join([f">={least}", *(f"!={name}" for name in others)])
    return Compatibility.of(requirements)


def drift(scenario: Scenario, nodes: Sequence[Node], epoch: int) -> None:
    """Move stake between two epochs; its sum stays the same except for rounding."""
    most = scenario.stake.drift
    if not most:
        return
    generator = _generator(scenario, f"drift {epoch}")
    total = sum(node.stake for node in nodes)
    moved = [node.stake * (1 + generator.uniform(-most, most)) for node in nodes]
    scale = total / sum(moved)
    for node, stake in zip(nodes, moved, strict=True):
        node.stake = max(1, int(stake * scale))


def pick(scenario: Scenario, what: str, nodes: Sequence[Node], share: float) -> list[Node]:
    """A part of the nodes, drawn for ``what``."""
    return _generator(scenario, what).sample(list(nodes), round(share * len(nodes)))


def _generator(scenario: Scenario, what: str) -> random.Random:
    return random.Random(f"{scenario.seed} {what}")  # noqa: S311 - a rehearsal must be the same again


def _assigned(scenario: Scenario, what: str, shares: Sequence[float]) -> list[int]:
    """An index for each node, so that each index has its exact share, except for rounding."""
    bounds = list(accumulate(shares))
    found = [min(bisect(bounds, (index + 0.5) / scenario.nodes), len(shares) - 1) for index in range(scenario.nodes)]
    _generator(scenario, what).shuffle(found)
    return found


def _set_clocks(scenario: Scenario, nodes: Sequence[Node]) -> None:
    generator, most = _generator(scenario, "clocks off"), scenario.clocks.off_ticks
    for node in pick(scenario, "clocks", nodes, scenario.clocks.wrong):
        node.off_ticks = generator.choice([ticks for ticks in range(-most, most + 1) if ticks] or [0])


def _set_keys(scenario: Scenario, nodes: Sequence[Node]) -> None:
    keys = scenario.keys
    if keys is None:
        return
    start = scenario.tick_of(keys.expire_at)
    end = start + max(1, round(keys.renewed_after * scenario.ticks_per_epoch))
    for node in pick(scenario, "keys", nodes, keys.share):
        node.key_expired = range(start, end)


def _plan_upgrade(scenario: Scenario, nodes: Sequence[Node], upgrade: Upgrade, index: int) -> None:
    """Plan the upgrades: operators who upgrade do so after a log-normal time."""
    generator = _generator(scenario, f"upgrade {index}")
    to = next(place for place, version in enumerate(scenario.versions) if version.name == upgrade.to)
    order = sorted(nodes, key=lambda node: (-node.stake, node.party_id))
    if upgrade.never_are == "largest":
        sleeping = order[: round(upgrade.never * len(nodes))]
    else:
        sleeping = pick(scenario, f"never {index}", nodes, upgrade.never)
    never = {node.party_id for node in sleeping}
    start = scenario.tick_of(upgrade.after)
    median = upgrade.median_epochs * scenario.ticks_per_epoch
    waits = [generator.lognormvariate(math.log(median), upgrade.spread) for _ in nodes]
    if upgrade.largest_first:
        waits.sort()
    for node, wait in zip(order if upgrade.largest_first else nodes, waits, strict=True):
        if node.party_id not in never:
            node.upgrades.append((start + max(1, round(wait)), to))


def _unusable_stakes(path: Path, expected: str, got: str) -> ConfigurationError:
    return ConfigurationError(
        f"The file of stakes {path} cannot be used",
        expected=expected,
        got=got,
        next_step="Correct stake.file",
        code="Scenario",
    )
