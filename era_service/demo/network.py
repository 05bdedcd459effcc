"""The nodes as one network: they take their turns at the same time, and their reports are queried together.

In: the source that the nodes read. Out: a ``NetworkReport`` after every turn, which the story checks. Adoption comes
from the registrations of the running nodes, as on any network.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from era_service.demo.node import (
    CAST,
    COMPATIBILITY,
    PYTHAGORAS,
    DemoNode,
    Distribution,
    NodeReport,
    NodeState,
    Refused,
    Source,
)
from era_store import Registration, temporary_registrations
from eras import Epoch
from release_tools import Compatibility
from release_tools.adoption.shares import Share, support_share


@dataclass(frozen=True, slots=True)
class NetworkReport:
    """The report of every node after a turn, and the share of the registered stake that knows pythagoras."""

    nodes: Mapping[str, NodeReport]
    adoption: Share

    @property
    def running(self) -> set[str]:
        """The nodes that run."""
        return {name for name, report in self.nodes.items() if report.state is NodeState.RUNNING}

    def in_era(self, era: str) -> set[str]:
        """The nodes that run ``era``."""
        return {name for name, report in self.nodes.items() if report.era == era}

    def knowing(self, era: str) -> set[str]:
        """The nodes, running or not, whose version knows ``era``."""
        return {name for name, report in self.nodes.items() if era in report.knows}

    def on(self, distribution: Distribution) -> set[str]:
        """The nodes, running or not, on ``distribution``."""
        return {name for name, report in self.nodes.items() if report.version == distribution.version}

    def warned(self) -> set[str]:
        """The running nodes that warn of the upcoming era."""
        return {name for name in self.running if self.nodes[name].warning}

    def certificates(self) -> set[str]:
        """The certificates of the epoch by the running nodes; if there is more than one, the network has forked."""
        return {report.certificate for report in self.nodes.values() if report.certificate}

    def upcoming(self) -> dict[str, str]:
        """Node → the era it knows is coming."""
        return {name: report.upcoming for name, report in self.nodes.items() if report.upcoming}

    def switched(self) -> dict[str, int]:
        """Running node → the epoch at which it saw its era change."""
        found = {name: self.nodes[name].switched_at for name in self.running}
        return {name: epoch for name, epoch in found.items() if epoch is not None}

    def errors(self) -> dict[str, str]:
        """Node → the code of the error that stopped it."""
        return {name: report.error for name, report in self.nodes.items() if report.error}

    def legacy(self) -> dict[str, str | None]:
        """Running node → the markers that a reader without rules of trust would follow in its place."""
        return {name: self.nodes[name].legacy for name in self.running}

    def verdicts(self) -> dict[str, dict[str, str]]:
        """Running node → transaction → the verdict on its output at the era address."""
        return {
            name: {refused.transaction: refused.verdict for refused in self.nodes[name].refused}
            for name in self.running
        }

    def refused(self) -> dict[Refused, list[str]]:
        """Reason of a refusal by running nodes → those nodes."""
        found: dict[Refused, list[str]] = {}
        for name, report in self.nodes.items():
            for refused in report.refused if name in self.running else ():
                found.setdefault(refused, []).append(name)
        return found

    def stake_share(self, names: set[str]) -> Share:
        """The share that ``names`` have of the stake of all running nodes."""
        stakes = {name: self.nodes[name].stake for name in self.running}
        return Share(sum(stakes[name] for name in names if name in stakes), sum(stakes.values()))

    def to_dict(self) -> dict[str, object]:
        """The report as JSON-ready facts."""
        share = self.adoption
        return {
            "nodes": [report.to_dict() for report in self.nodes.values()],
            "adoption": {"era": PYTHAGORAS, "stake": share.part, "total": share.total, "share": str(share)},
        }


class Network:
    """The nodes of the cast, reading at ``source``; all are off at first."""

    def __init__(self, source: Source) -> None:
        self.nodes = {name: DemoNode(name, stake, distribution, source) for name, stake, distribution in CAST}
        self._registrations = temporary_registrations()
        self._turns = 0

    def turn(self, epoch: Epoch) -> NetworkReport:
        """Let every node take a turn, all at the same time; running nodes register for ``epoch``."""
        with ThreadPoolExecutor(len(self.nodes)) as pool:
            reports = {report.name: report for report in pool.map(DemoNode.turn, self.nodes.values())}
        self._turns += 1  # the clock of the registrations: the newest of a node counts
        self._registrations.ingest(
            [
                Registration(report.name, epoch, report.version, report.stake, self._turns, "the nodes")
                for report in reports.values()
                if report.state is NodeState.RUNNING
            ],
            source="the nodes",
            time_s=self._turns,
        )
        tallies = self._registrations.tally(epoch)
        return NetworkReport(reports, support_share(tallies, PYTHAGORAS, Compatibility.of(COMPATIBILITY)))

    def stop(self) -> None:
        """Switch every node off."""
        for node in self.nodes.values():
            node.stop()
