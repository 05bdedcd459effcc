"""Plans to publish protocol configurations: the differences by epoch, and whether they are allowed. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b

from datum.configuration import (
    ConfigurationMarker,
    ConfigurationMarkersPayload,
    EpochConfiguration,
    ProtocolConfigurationError,
    check_against,
    configuration_at,
    schedule,
)
from eras import Epoch
from release_tools.markers.change import ConfigurationChange


@dataclass(frozen=True, slots=True)
class ConfigurationDifference:
    """An epoch from which another configuration applies than before, and the differences in words."""

    epoch: Epoch
    changes: tuple[str, ...]

    def __str__(self) -> str:
        return f"epoch {self.epoch}: {'; '.join(self.changes)}"

    def to_dict(self) -> dict[str, object]:
        """The difference, JSON-ready."""
        return {"epoch": self.epoch, "changes": list(self.changes)}


@dataclass(frozen=True, slots=True)
class ConfigurationPlan:
    """The plan of a publication of configurations.

    Attributes:
        epoch: the current epoch.
        before: the markers on the chain.
        after: the markers to publish.
        differences: the changes, by epoch.
        warnings: notes for the operator on what no rule forbids.
        broken: why it is refused without ``force``; ``None`` where it is allowed.
        force: the operator's reason to publish although it would be refused.
    """

    epoch: Epoch
    before: tuple[ConfigurationMarker, ...]
    after: tuple[ConfigurationMarker, ...]
    differences: tuple[ConfigurationDifference, ...]
    warnings: tuple[str, ...] = ()
    broken: str | None = None
    force: str | None = None

    @property
    def change(self) -> ConfigurationChange:
        """The change that this plan makes."""
        content = ConfigurationMarkersPayload(self.after).signed_bytes
        return ConfigurationChange(blake2b(content, digest_size=8).hexdigest())

    @property
    def is_done(self) -> bool:
        """Whether the chain already has these configurations."""
        return bool(self.before) and _by_epoch(self.before) == _by_epoch(self.after)

    @property
    def publish_by(self) -> Epoch | None:
        """The last epoch in which it may be published; after it, nodes already use a configuration that it changes."""
        if self.broken is not None or not self.before or not self.differences:
            return None
        return Epoch(max(self.epoch, min(one.epoch for one in self.differences) - 1))

    def to_dict(self) -> dict[str, object]:
        """The plan, JSON-ready."""
        return {
            **self.change.to_dict(),
            "now": self.epoch,
            "before": [marker.to_dict() for marker in self.before],
            "after": [marker.to_dict() for marker in self.after],
            "differences": [one.to_dict() for one in self.differences],
            "publish_by_epoch": self.publish_by,
            "broken": self.broken,
            "force": self.force,
            "warnings": list(self.warnings),
        }


def plan_configurations(
    before: tuple[ConfigurationMarker, ...],
    wanted: Iterable[EpochConfiguration],
    epoch: Epoch,
    force: str | None = None,
) -> ConfigurationPlan:
    """Plan the publication of ``wanted``.

    Args:
        before: the markers on the chain.
        wanted: the configurations to publish.
        epoch: the current epoch.
        force: the reason to change a configuration that nodes already use.

    Raises:
        ProtocolConfigurationError: ``wanted`` is empty, or changes what nodes already use, and no reason is given.
    """
    new, known = tuple(wanted), _by_epoch(before)
    if not new:
        raise ProtocolConfigurationError(
            "A list without any configuration is not published",
            expected="at least one configuration",
            got="none: its payload would belong to era markers, too, and readers would see no configuration at all",
            next_step="Export what is on the chain, and change that: eraswitch marker configuration export FILE",
        )
    broken: str | None = None
    unknown: tuple[Epoch, ...] = ()
    try:
        unknown = check_against(known, new, epoch)
    except ProtocolConfigurationError as error:
        if force is None:
            raise
        broken = error.got or error.what
    found = differences(known, new)
    warnings = []
    if known and unknown:
        warnings.append(f"The chain has no configuration for epoch {', '.join(map(str, unknown))}: not compared")
    if known and any(one.epoch == epoch + 1 for one in found):
        warnings.append(f"Nodes register for epoch {epoch + 1} in this epoch: some did so before this change")
    after = tuple(map(ConfigurationMarker.of, new))
    return ConfigurationPlan(epoch, before, after, found, tuple(warnings), broken, None if broken is None else force)


def differences(
    before: Iterable[EpochConfiguration], after: Iterable[EpochConfiguration]
) -> tuple[ConfigurationDifference, ...]:
    """Return the epochs from which another configuration applies than before, with the differences."""
    old_ones, new_ones = tuple(before), tuple(after)
    found = []
    for epoch in sorted({item.epoch for item in (*old_ones, *new_ones)}):
        old, new = configuration_at(old_ones, epoch), configuration_at(new_ones, epoch)
        words: tuple[str, ...] = ()
        if old is not None and new is not None:
            words = old.differences(new)
        elif old is not new:
            words = ("a first configuration",) if old is None else ("no configuration any more",)
        if words:
            found.append(ConfigurationDifference(epoch, words))
    return tuple(found)


def _by_epoch(markers: tuple[ConfigurationMarker, ...]) -> tuple[EpochConfiguration, ...]:
    return schedule(EpochConfiguration(one.epoch, one.configuration) for one in markers)
