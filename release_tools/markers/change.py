"""Changes of the markers and their plans: the request, the difference in words, and the rules that are broken. Pure.

The plans are made by ``release_tools.markers.rules``.
"""

import enum
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypedDict, TypeVar

from chain_reader.trust.policy import DEFAULT_MAX_LEAD_EPOCHS
from datum.configuration import ConfigurationMarker
from eras import MAX_EPOCH, Epoch, EraMarker, MarkerError, SupportedEras
from eras.words import begins

_M = TypeVar("_M")

Markers = tuple[EraMarker, ...]

AnyMarkers = tuple[EraMarker, ...] | tuple[ConfigurationMarker, ...]
"""The markers of one payload, of either kind."""


class ChangeKind(enum.Enum):
    """The kinds of change to an era."""

    ANNOUNCE = "announce"
    ACTIVATE = "activate"
    POSTPONE = "postpone"
    CANCEL = "cancel"
    RETIRE = "retire"

    @property
    def takes_epoch(self) -> bool:
        """Whether the change names an epoch."""
        return self in (ChangeKind.ACTIVATE, ChangeKind.POSTPONE)


class ChangeDocument(TypedDict):
    """A change as the journal and ``--json`` have it; ``era`` is the digest where configurations are published."""

    change: str
    era: str
    epoch: int | None


@dataclass(frozen=True, slots=True)
class MarkerChange:
    """A change of the markers of an era.

    Raises:
        ValueError: the epoch is missing, or given for a change that takes none.
    """

    kind: ChangeKind
    era: str
    epoch: Epoch | None = None

    def __post_init__(self) -> None:
        if (self.epoch is not None) != self.kind.takes_epoch:
            raise ValueError(f"{self.kind.value} {'needs an' if self.kind.takes_epoch else 'takes no'} epoch")

    def __str__(self) -> str:
        to = {ChangeKind.ACTIVATE: " at epoch ", ChangeKind.POSTPONE: " to epoch "}.get(self.kind, "")
        return f"{self.kind.value} {self.era}{to}{'' if self.epoch is None else self.epoch}"

    @property
    def command(self) -> str:
        """The command that makes this change, without the program's name."""
        words = ["marker", self.kind.value, shlex.quote(self.era)]
        return " ".join(words if self.epoch is None else [*words, "--at", str(self.epoch)])

    def to_dict(self) -> ChangeDocument:
        """The change, JSON-ready."""
        return {"change": self.kind.value, "era": self.era, "epoch": self.epoch}


class Upkeep(enum.Enum):
    """Maintenance of the era address that leaves the markers unchanged: sweeping it, and adopting a thread token."""

    SWEEP = "sweep"
    ADOPT_TOKEN = "adopt-token"  # noqa: S105 - the name of a command

    def __str__(self) -> str:
        return "sweep the era address" if self is Upkeep.SWEEP else "adopt the thread token"

    @property
    def epoch(self) -> None:
        """``None``: maintenance names no epoch."""

    @property
    def command(self) -> str:
        """The command that does it, without the program's name."""
        return f"marker {self.value}"

    def to_dict(self) -> ChangeDocument:
        """The upkeep, JSON-ready, in the form of a change."""
        return {"change": self.value, "era": "", "epoch": None}


_CONFIGURE = "configure"


@dataclass(frozen=True, slots=True)
class ConfigurationChange:
    """A publication of protocol configurations, identified by their digest, so that two files are two changes."""

    digest: str

    def __str__(self) -> str:
        return f"publish the configurations {self.digest}"

    @property
    def command(self) -> str:
        """The command that makes this change, without the program's name."""
        return "marker configuration publish FILE"

    def to_dict(self) -> ChangeDocument:
        """The change, JSON-ready, in the form of a change of the markers."""
        return {"change": _CONFIGURE, "era": self.digest, "epoch": None}


Change = MarkerChange | Upkeep | ConfigurationChange
"""The reason for a transaction at a marker address."""


def change_of(found: ChangeDocument) -> Change:
    """Return the change that ``to_dict`` wrote.

    Raises:
        KeyError, ValueError: the document is not a change.
    """
    kind, era, epoch = found["change"], found["era"], found["epoch"]
    if kind == _CONFIGURE:
        return ConfigurationChange(era)
    if kind in [one.value for one in Upkeep]:
        return Upkeep(kind)
    return MarkerChange(ChangeKind(kind), era, None if epoch is None else Epoch(epoch))


@dataclass(frozen=True, slots=True)
class RolloutRules:
    """The requirements of a network for changes of its markers.

    Attributes:
        supported: the eras that its software supports, oldest first.
        lead_epochs: the least number of epochs between now and an activation; never below 1.
        force_name: whether a name that is missing from ``supported`` is accepted.
        max_lead_epochs: an activation more epochs ahead than this is reported as a likely slip.
    """

    supported: SupportedEras = SupportedEras.DEFAULT
    lead_epochs: int = 2
    force_name: bool = False
    max_lead_epochs: int = DEFAULT_MAX_LEAD_EPOCHS


@dataclass(frozen=True, slots=True)
class PublishedBefore:
    """The payloads that the era key is known to have signed.

    Attributes:
        payloads: the markers of every such payload.
        complete: whether these are all. Where they are not, a cancellation is assumed to repeat an older payload, as it
            mostly does.
    """

    payloads: frozenset[Markers] = frozenset()
    complete: bool = True

    def signed_anew(self, markers: Markers) -> Markers:
        """Return the markers in a form that has never been signed.

        Readers that see only unspent outputs never accept a superseded payload again (rule T4), and a copy of one is
        the same payload. Repeating the first marker makes a new payload that means the same to every reader; the order
        stays, because deployed readers depend on it.
        """
        while markers and markers in self.payloads:
            markers = (markers[0], *markers)
        return markers


def distinct(markers: Iterable[_M]) -> tuple[_M, ...]:
    """Return the markers without repetitions."""
    return tuple(dict.fromkeys(markers))


def listed(markers: Iterable[object]) -> str:
    """Return the markers in words, each once."""
    return ", ".join(str(marker) for marker in distinct(markers)) or "no marker at all"


@dataclass(frozen=True, slots=True)
class BrokenRule:
    """A rule that a change breaks, and the way to comply with it."""

    rule: str
    expected: str
    got: str
    next_step: str

    def __str__(self) -> str:
        return f"{self.rule}: expected {self.expected}, got {self.got}. {self.next_step}"


@dataclass(frozen=True, slots=True)
class MarkerDifference:
    """The marker of an era before and after a change; ``None`` where it has none."""

    name: str
    before: EraMarker | None
    after: EraMarker | None

    @property
    def words(self) -> str:
        """The difference in words."""
        if self.before == self.after:
            return f"{_begins(self.after)}, as before"
        if self.before is None:
            return f"new: {_begins(self.after)}"
        if self.after is None:
            return f"{_begins(self.before)}, is dropped"
        return f"{_begins(self.after)}, was {_begins(self.before)}"

    def to_dict(self) -> dict[str, object]:
        """The difference, JSON-ready."""
        return {
            "name": self.name,
            "before": None if self.before is None else self.before.to_dict(),
            "after": None if self.after is None else self.after.to_dict(),
            "words": self.words,
        }


@dataclass(frozen=True, slots=True)
class RolloutPlan:
    """The plan of a change.

    Attributes:
        change: the requested change.
        epoch: the current epoch.
        before: the markers in force.
        after: the markers to publish.
        broken: the rules that the change breaks.
        warnings: notes for the operator on what no rule forbids.
        publish_by: the last epoch in which the publication still gives the required notice.
        slips: likely slips (``release_tools.markers.slips``).
    """

    change: MarkerChange | Upkeep
    epoch: Epoch
    before: Markers
    after: Markers
    broken: tuple[BrokenRule, ...] = ()
    warnings: tuple[str, ...] = ()
    publish_by: Epoch | None = None
    slips: tuple[str, ...] = ()

    @property
    def is_done(self) -> bool:
        """Whether the markers in force are already those that the change would publish."""
        return not self.broken and set(self.before) == set(self.after)

    @property
    def differences(self) -> tuple[MarkerDifference, ...]:
        """The difference of every era, in the order in which they begin."""
        before = {marker.name: marker for marker in self.before}
        after = {marker.name: marker for marker in self.after}
        found = [MarkerDifference(name, before.get(name), after.get(name)) for name in dict.fromkeys([*before, *after])]
        return tuple(sorted(found, key=lambda one: beginning(one.after or one.before)))

    def require_allowed(self) -> None:
        """Check that no rule is broken.

        Raises:
            MarkerError: at least one is; the error lists all of them.
        """
        if not self.broken:
            return
        first, *others = self.broken
        raise MarkerError(
            f"Refused to {self.change} in epoch {self.epoch} (rule {first.rule})",
            expected=first.expected,
            got=first.got,
            lines=[f"also {rule}" for rule in others],
            next_step=first.next_step,
            rules=[rule.rule for rule in self.broken],
            code="RolloutRefused",
        )

    def require_no_slip(self) -> None:
        """Check that nothing looks like a slip.

        Raises:
            MarkerError: something does; the error lists all of it.
        """
        if self.slips:
            raise slip_error(f"to {self.change}", self.slips)

    def to_dict(self) -> dict[str, object]:
        """The plan, JSON-ready."""
        return {
            **self.change.to_dict(),
            "now": self.epoch,
            "before": [marker.to_dict() for marker in self.before],
            "after": [marker.to_dict() for marker in self.after],
            "differences": [difference.to_dict() for difference in self.differences],
            "publish_by_epoch": self.publish_by,
            "slips": list(self.slips),
            "warnings": list(self.warnings),
        }


def slip_error(to_do: str, slips: Sequence[str]) -> MarkerError:
    """Return the error for likely slips that nobody has confirmed; ``to_do`` names the refused action."""
    return MarkerError(
        f"Refused {to_do}: it looks like a slip",
        expected="names and epochs that cannot be mistaken",
        got="; ".join(slips),
        next_step="Correct it; if it is meant, confirm it with --not-a-slip (--yes does not)",
        rules=["slip"],
        code="RolloutRefused",
    )


def beginning(marker: EraMarker | None) -> int:
    """Return the epoch in which an era begins, for sorting; eras without an epoch come last."""
    return MAX_EPOCH + 1 if marker is None or marker.epoch is None else marker.epoch


def _begins(marker: EraMarker | None) -> str:
    return begins(None if marker is None else marker.epoch)
