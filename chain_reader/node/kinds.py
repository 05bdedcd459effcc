"""The kinds of decisions, under which they stand in the event log.

``docs/events.md`` lists them; hooks of a node are run by kind. Those of trust are what ``trust.reading`` reports.
"""

import enum

from era_store import NewEvent

Decision = NewEvent
"""A decision: its kind, its facts, and the epoch it holds for."""


class DecisionKind(enum.StrEnum):
    """Every kind of decision."""

    ERA_KNOWN = "era-known"
    """The first selection after a start without memory: ``era``, ``began``, ``supported``."""
    ANNOUNCED = "announced"
    """An era was announced, without epoch: ``era``, ``supported``."""
    SCHEDULED = "scheduled"
    """An announced era was given its epoch, or a new one came with one: ``era``, ``begins``, ``epochs_left``."""
    MOVED = "moved"
    """A scheduled era was given another epoch: also ``was``."""
    CANCELLED = "cancelled"
    """An era that had not begun vanished: ``era``, ``was``."""
    ACTIVATING_IN = "activating-in"
    """An epoch began, and an era is scheduled: ``era``, ``begins``, ``epochs_left``, ``locked``."""
    ACTIVATED = "activated"
    """The current era changed: ``era``, ``began``, ``previous``, ``supported``."""
    UNSUPPORTED_UPCOMING = "unsupported-upcoming"
    """This software does not know the upcoming era; reported on change and once a day."""
    UNSUPPORTED_CURRENT = "unsupported-current"
    """This software does not know the current era: it must stop."""
    REGRESSION_REFUSED = "regression-refused"
    """A reading would undo an activation, or go back: ``reason``."""
    NO_CURRENT_ERA = "no-current-era"
    """The trusted markers name no era at this epoch: ``reason``."""
    NOTHING_TRUSTED = "nothing-trusted"
    """The chain was read, and nothing there is trusted, nor ever was: ``verdicts``."""
    EPOCH_UNCONFIRMED = "epoch-unconfirmed"
    """An epoch began while the chain cannot be read: what stays in force, and what is not known."""
    CLOCK_BEHIND = "clock-behind"
    """The clock gives an epoch that the chain has left: ``clock``, ``chain``."""
    PROVIDER_FAILED = "provider-failed"
    """No observer answers: ``source``, ``code``, ``reason``; reported when the cause changes."""
    PROVIDER_ANSWERED = "provider-answered"
    """One answers again: ``source``, ``after``."""
    MEMORY_TAKEN_OVER = "memory-taken-over"
    """Another process wrote what is trusted: ``trusted``."""
    REGISTRATION_ODD = "registration-odd"
    """A registration for an epoch so far ahead that registrations for it are not due: ``party``, ``for``."""
    COMMAND_TAKEN = "command-taken"
    """A command was carried out: ``command`` and its arguments."""
    COMMAND_REFUSED = "command-refused"
    """A command could not be: ``command``, ``reason``."""
    PREPARED = "prepared"
    """The hooks of ``before-switch`` have prepared the node: ``era``, ``phase`` (``ahead`` or ``switch``)."""
    UNPREPARED = "unprepared"
    """They failed an epoch ahead: also ``reason``."""
    VETOED = "vetoed"
    """They failed at the switch, and the node stops: also ``reason``."""
    REGISTERED = "registered"
    """A service has the node's registration: ``service``, ``party``, ``for`` (the epoch), ``stake``, ``eras``."""
    NOT_REGISTERED = "not-registered"
    """It did not take it, or could not be reached: ``code``, ``reason``; reported when the reason changes."""
    SUPPORTED = "supported"
    """Enough stake supports the era in force: ``era``, ``share``, ``base``, ``threshold``, ``service``."""
    THIN_SUPPORT = "thin-support"
    """Less stake than the node's own threshold supports the era in force: the same."""
    SUPPORT_UNKNOWN = "support-unknown"
    """No service states it: ``code``, ``reason``; reported when the reason changes."""
    INPUTS_SHED = "inputs-shed"
    """The queues before the core were full: ``counts``."""
    CONFIGURATION_ANNOUNCED = "configuration-announced"
    """The configuration of a later epoch appeared, changed or vanished: ``begins``, ``changes``, ``epochs_left``."""
    CONFIGURATION_CHANGED = "configuration-changed"
    """Another configuration holds, or the first is known: ``began``, ``configuration``, ``changes``."""
    TRUSTED = "trusted"
    """A payload came into force: ``output``, ``slot``, ``markers``."""
    DISTRUSTED = "distrusted"
    """The payload trusted before is not its predecessor: it was an impostor's."""
    ABSURD_EPOCH = "absurd-epoch"
    """An activation suspiciously far ahead (T5)."""
    SHORT_NOTICE = "short-notice"
    """An activation published with too little notice (T5)."""
    STALE = "stale"
    """The markers in force could not be confirmed: ``reason``."""
    FRESH = "fresh"
    """It could again: ``reason`` is why it could not."""
    LEGACY_DIFFERS = "legacy-differs"
    """A deployed Mithril reader could read something else (T11)."""
    LEGACY_AGREES = "legacy-agrees"
    """None could any more."""
    REFUSED = "refused"
    """A datum was refused: ``output``, ``verdict``, ``reason`` (T10)."""
    CONFLICT = "conflict"
    """A datum contradicts what is in force: ``output``, ``verdict``, ``reason``."""
    REFUSED_MANY = "refused-many"
    """More were refused than are listed one by one: ``verdicts``, ``examples``."""
    JUNK = "junk"
    """More outputs than before carry no payload at all: ``count``, ``before``."""


OF_SERVICES = frozenset(
    (
        DecisionKind.REGISTERED,
        DecisionKind.NOT_REGISTERED,
        DecisionKind.SUPPORTED,
        DecisionKind.THIN_SUPPORT,
        DecisionKind.SUPPORT_UNKNOWN,
    )
)
"""Kinds that record requests to a service; nothing depends on them."""

OF_TRUST = frozenset(
    (
        DecisionKind.TRUSTED,
        DecisionKind.DISTRUSTED,
        DecisionKind.ABSURD_EPOCH,
        DecisionKind.SHORT_NOTICE,
        DecisionKind.STALE,
        DecisionKind.FRESH,
        DecisionKind.LEGACY_DIFFERS,
        DecisionKind.LEGACY_AGREES,
        DecisionKind.REFUSED,
        DecisionKind.CONFLICT,
        DecisionKind.REFUSED_MANY,
        DecisionKind.JUNK,
    )
)
"""Kinds that concern what is trusted, and not the era of one node: every process on a store shares them."""

OF_CONFIGURATION = frozenset((DecisionKind.CONFIGURATION_ANNOUNCED, DecisionKind.CONFIGURATION_CHANGED))
"""Kinds that concern the protocol configurations of one node."""
