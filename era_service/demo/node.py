"""The cast of the demo, and its nodes, which use only what a real node embeds.

In: a distribution, the era address and the verification key. Out: reports. Each node has a reader over HTTP, an
``EraChecker`` and ``BehaviourSwitches`` of its own; how it certifies an epoch depends on the era.
"""

import enum
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from fractions import Fraction

from chain_reader import BlockfrostObserver, CardanoChainAdapter, EraReader, EraReading
from chain_reader.trust.rules import legacy_choice
from datum import Accepted, VerificationKey
from eras import BehaviourSwitches, Epoch, EraChecker, EraEvent, EraMarker, EraSwitchError, SupportedEras
from eras.events import EraEventDetails

THALES, PYTHAGORAS = "thales", "pythagoras"


@dataclass(frozen=True, slots=True)
class Distribution:
    """A release of the node's software: its version, and the eras it knows."""

    version: str
    eras: tuple[str, ...]


FIRST = Distribution("1.0.0", (THALES,))
SECOND = Distribution("2.0.0", (THALES, PYTHAGORAS))
THIRD = Distribution("3.0.0", (PYTHAGORAS,))
DISTRIBUTIONS = (FIRST, SECOND, THIRD)

COMPATIBILITY = {THALES: ">=1.0.0, <3.0.0", PYTHAGORAS: ">=2.0.0"}
"""The versions that the release team vouches for; the story compares them with the eras that the nodes know."""

ADA = 1_000_000
CAST = (
    ("oslo", 30_000_000 * ADA, FIRST),
    ("lima", 22_000_000 * ADA, FIRST),
    ("cairo", 18_000_000 * ADA, FIRST),
    ("perth", 14_000_000 * ADA, FIRST),
    ("quito", 10_000_000 * ADA, SECOND),
    ("hanoi", 6_000_000 * ADA, THIRD),
)
"""Name, stake in lovelace and first distribution of every node."""

LAGGARD, LATECOMER = "perth", "hanoi"
UPGRADES = (("oslo", Epoch(3)), ("lima", Epoch(4)), ("cairo", Epoch(5)))
"""The nodes that upgrade before the switch, and their epochs. The laggard does not upgrade."""

BEGIN, ANNOUNCE, ATTACK, SWITCH, RETIRE = Epoch(1), Epoch(2), Epoch(6), Epoch(7), Epoch(8)

GATE = Fraction(4, 5)
"""The share of the stake that must know an era before the release team activates it."""


CERTIFICATE = "certificate"


@dataclass(frozen=True, slots=True)
class Source:
    """The source of the nodes' markers: an HTTP provider, the era address, and the key that must have signed."""

    url: str
    era_address: str
    key: VerificationKey


class NodeState(enum.Enum):
    """Whether a node runs."""

    OFF = "off"
    RUNNING = "running"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Refused:
    """An output at the era address that a node refused."""

    transaction: str
    verdict: str
    reason: str


@dataclass(frozen=True, slots=True)
class NodeReport:
    """A node's report about itself after a turn.

    Attributes:
        name: the node.
        version: the version it is on.
        knows: the eras that this version knows.
        stake: its stake in lovelace.
        state: whether it runs.
        epoch: the epoch it read last.
        era: the era it runs.
        upcoming: the upcoming era as it knows it, and its epoch.
        warning: the reason why it would have to stop at that era.
        switched_at: the epoch of the last era change since it was started.
        certificate: the certificate of the epoch, by the behaviour of the era.
        trusted: the transaction whose markers it follows.
        refused: the outputs that it refused.
        legacy: the markers that a reader without rules of trust would follow in its place.
        error: the code of the error that stopped it.
        message: that error, in words.
    """

    name: str
    version: str
    knows: tuple[str, ...]
    stake: int
    state: NodeState
    epoch: int | None = None
    era: str | None = None
    upcoming: str | None = None
    warning: str | None = None
    switched_at: int | None = None
    certificate: str | None = None
    trusted: str | None = None
    refused: tuple[Refused, ...] = ()
    legacy: str | None = None
    error: str | None = None
    message: str | None = None

    def to_dict(self) -> dict[str, object]:
        """The report as JSON-ready facts."""
        changed = {"state": self.state.value, "refused": [refused.transaction for refused in self.refused]}
        return asdict(self) | changed


def described(markers: Iterable[EraMarker]) -> str:
    """Markers in words."""
    return ", ".join(map(str, markers))


def certify_like_thales(epoch: int) -> str:
    """The certificate of an epoch in the era thales."""
    return f"sha256:{hashlib.sha256(b'epoch %d' % epoch).hexdigest()[:8]}"


def certify_like_pythagoras(epoch: int) -> str:
    """The certificate of an epoch in the era pythagoras: another hash, so that a node left behind would fork away."""
    return f"blake2b:{hashlib.blake2b(b'epoch %d' % epoch).hexdigest()[:8]}"


CERTIFIERS: dict[str, Callable[[int], str]] = {
    "thales": certify_like_thales,
    "pythagoras": certify_like_pythagoras,
}


class _RecordingAdapter:
    """An adapter that keeps the last reading, verdicts and all, for the report."""

    def __init__(self, adapter: CardanoChainAdapter) -> None:
        self._adapter = adapter
        self.reading = EraReading(())

    def read(self) -> EraReading:
        self.reading = self._adapter.read()
        return self.reading


class _Run:
    """One run of a distribution, from its start to its end. Nothing is remembered over a restart."""

    def __init__(self, distribution: Distribution, source: Source) -> None:
        self.distribution = distribution
        self.warning: str | None = None
        self.switched_at: Epoch | None = None
        supported = SupportedEras(distribution.eras)
        self.checker = EraChecker(supported)
        self.switches = BehaviourSwitches(self.checker)
        for era in distribution.eras:
            self.switches.behaviour(CERTIFICATE, since=era)(CERTIFIERS[era])
        self.switches.seal()
        self.checker.on(EraEvent.UPCOMING_CHANGED, self._upcoming_changed)
        self.checker.on(EraEvent.UPCOMING_UNSUPPORTED, self._upcoming_unsupported)
        self.checker.on(EraEvent.ERA_CHANGED, self._era_changed)
        self.observer = BlockfrostObserver(source.url)
        self.adapter = _RecordingAdapter(CardanoChainAdapter(self.observer, source.era_address, source.key))
        self.reader = EraReader(self.adapter, supported)

    def refused(self) -> tuple[Refused, ...]:
        """The refused outputs of the last reading."""
        return tuple(
            Refused(item.output.transaction, item.verdict.name, item.verdict.reason)
            for item in self.adapter.reading.screened
            if not isinstance(item.verdict, Accepted)
        )

    def trusted(self) -> str | None:
        """The transaction whose markers the last reading took."""
        provenance = self.adapter.reading.provenance
        return provenance.transaction if provenance else None

    def legacy(self) -> str | None:
        """The markers for a reader that takes the first true signature it finds, newest first."""
        choice = legacy_choice(self.adapter.reading.screened)
        return described(choice.markers) if choice else None

    def _upcoming_changed(self, details: EraEventDetails) -> None:
        self.warning = None

    def _upcoming_unsupported(self, details: EraEventDetails) -> None:
        self.warning = details.message

    def _era_changed(self, details: EraEventDetails) -> None:
        self.switched_at = details.epoch


class DemoNode:
    """A node with a name and a stake, switched off at first."""

    def __init__(self, name: str, stake: int, distribution: Distribution, source: Source) -> None:
        self.name = name
        self.stake = stake
        self._source = source
        self._run: _Run | None = None
        self._report = NodeReport(name, distribution.version, distribution.eras, stake, NodeState.OFF)

    def start(self, distribution: Distribution) -> None:
        """Start, or start again, on ``distribution``: an upgrade is a restart, without memory."""
        self.stop()
        self._run = _Run(distribution, self._source)

    def stop(self) -> None:
        """Switch off. Calling it twice is fine."""
        if self._run is not None:
            self._run.observer.close()
            self._run = None

    def turn(self) -> NodeReport:
        """Read the markers, follow them, do the work of the epoch, and report.

        A node that does not know the current era stops, as it must; so does one that meets another of our errors. The
        report names the error.
        """
        if self._run is None:
            return self._report
        try:
            self._report = self._work(self._run)
        except EraSwitchError as error:
            self._report = self._stopped(self._run, error)
            self.stop()
        return self._report

    def _work(self, run: _Run) -> NodeReport:
        """One turn of a running node, in the order of a real one."""
        epoch = run.observer.epoch()
        run.checker.change_era(run.reader.read_era_epoch_token(epoch))
        certificate = run.switches.call(CERTIFICATE, epoch)
        upcoming = run.checker.upcoming_era
        return replace(
            self._described(run, NodeState.RUNNING),
            epoch=epoch,
            era=run.checker.current_era,
            upcoming=str(upcoming) if upcoming else None,
            certificate=certificate,
        )

    def _stopped(self, run: _Run, error: EraSwitchError) -> NodeReport:
        token = run.checker.view.token
        return replace(
            self._described(run, NodeState.STOPPED),
            epoch=token.epoch if token else None,
            error=error.code,
            message=str(error),
        )

    def _described(self, run: _Run, state: NodeState) -> NodeReport:
        return NodeReport(
            self.name,
            run.distribution.version,
            run.distribution.eras,
            self.stake,
            state,
            warning=run.warning,
            switched_at=run.switched_at,
            trusted=run.trusted(),
            refused=run.refused(),
            legacy=run.legacy(),
        )
