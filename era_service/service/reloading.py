"""New settings for a service that runs: what can change while it serves, and what waits for a restart.

In: a running ``Service`` and newly checked settings. Out: the names of the settings that changed, and of those that did
not. Everything is tried before anything is changed: a mistake leaves the service as it was.
"""

from collections.abc import Callable, Container
from contextlib import suppress
from dataclasses import dataclass

from era_service.config.schema import Settings
from era_service.service.service import Service
from era_service.wiring.adoption import compatibility_of
from era_service.wiring.deciding import openings_of, tried_providers
from eras import ChainReadError, StoreError

RELOADED_SECTIONS = frozenset(("adoption", "quorum", "limits", "log"))
"""Sections that are read again as a whole."""

READER_SETTINGS = frozenset(
    f"reader.{name}" for name in ("providers", "agreement", "max_tip_age_s", "project_id", "project_id_file")
)
"""The settings of the providers, which a running watcher reads again, too."""

RELOADED_SETTINGS = READER_SETTINGS | {
    "service.poll_interval_s",
    "service.max_age_s",
    "service.max_body_bytes",
    "service.writes_per_s",
    "service.write_burst",
    "service.heartbeat_s",
    "service.shutdown_delay_s",
    "service.webhooks",
}
"""Single settings of the other sections that are read again."""

UNUSED_SECTIONS = frozenset(("keys", "watch", "hooks", "networks"))
"""Sections that the service does not use; ``networks`` counts through ``network``, which it fills in."""


@dataclass(frozen=True, slots=True)
class Reloaded:
    """The result of a reload.

    Attributes:
        changed: settings that have their new value from now on.
        kept: settings whose new value needs a restart.
    """

    changed: tuple[str, ...]
    kept: tuple[str, ...]


def is_reloaded(key: str) -> bool:
    """Whether a setting (``section.name``) can change while the service runs."""
    return key.partition(".")[0] in RELOADED_SECTIONS or key in RELOADED_SETTINGS


def reload(service: Service, settings: Settings) -> Reloaded:
    """Give a running service the new value of every setting that can change now.

    Providers are opened anew, so that key files are read again though their paths stay. The next reading is at once.

    Args:
        service: the service.
        settings: the new settings, checked.

    Raises:
        ConfigurationError: the new settings cannot be used; nothing was changed.
        ConfigurationError: the table of eras and versions has a mistake; nothing was changed.
    """
    combined, result = merged(service.settings, settings, is_reloaded, UNUSED_SECTIONS)
    _try_out(combined, read=reads_elsewhere(result))
    renewals = [renewed(combined) for renewed in service.renewals]
    service.reconfigure(combined)
    for apply in renewals:
        apply()
    return result


def merged(
    old: Settings, new: Settings, changes: Callable[[str], bool], unused: Container[str]
) -> "tuple[Settings, Reloaded]":
    """The old settings with what can change of the new ones, and what that is.

    Args:
        old: what holds.
        new: what was read now.
        changes: whether a setting can change while the process runs.
        unused: sections that the process does not use.
    """
    sections, changed, kept = {}, [], []
    for section in type(old).model_fields:
        if section in unused:
            continue
        before, after = getattr(old, section), getattr(new, section)
        values = {}
        for name in type(before).model_fields:
            if getattr(before, name) == getattr(after, name):
                continue
            key = f"{section}.{name}"
            if changes(key):
                changed.append(key)
                values[name] = getattr(after, name)
            else:
                kept.append(key)
        if values:
            sections[section] = before.model_copy(update=values)
    return old.model_copy(update=sections), Reloaded(tuple(changed), tuple(kept))


def reads_elsewhere(result: Reloaded) -> bool:
    """Whether the chain is read in another way than before."""
    return any(key.startswith("reader.") for key in result.changed)


def _try_out(settings: Settings, *, read: bool) -> None:
    """Make everything that is made of the settings, and drop it; ``read`` the chain by it, too.

    Raises:
        ConfigurationError: something of it cannot be made.
        ConfigurationError: the table of eras and versions has a mistake.
    """
    compatibility_of(settings)
    if read:
        tried_providers(settings).close()
        return
    for opening in openings_of(settings):
        with suppress(ChainReadError, StoreError):  # a provider that is down is not a mistake in the configuration
            opening().close()
