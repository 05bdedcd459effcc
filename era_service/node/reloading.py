"""New settings for a watcher that runs: when it calls, its hooks and its log change; the rest waits for a restart.

In: a running ``NodeWatcher``, the settings that hold and newly checked ones. Out: the settings that hold then.
"""

import logging
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from era_service.logs import configure_logging
from era_service.node.opening import configured_hooks, watch_options
from era_service.service.reloading import merged
from eras import ConfigurationError

if TYPE_CHECKING:
    from era_service.config.schema import Settings
    from era_service.node.hooks import Hook
    from era_service.node.watcher import NodeWatcher

RELOADED_SECTIONS = frozenset(("hooks", "log"))
RELOADED_SETTINGS = frozenset(
    f"watch.{name}" for name in ("poll_interval_s", "spread_s", "backoff_max_s", "read_interval_s")
)
KEPT_SETTINGS = frozenset(("hooks.before_switch",))
"""What prepares a switch, and may veto it, does not change within one."""
UNUSED_SECTIONS = frozenset(("keys", "networks", "quorum", "service"))
_log = logging.getLogger(__name__)


def is_reloaded(key: str) -> bool:
    """Whether a setting (``section.name``) can change while the watcher runs."""
    return key not in KEPT_SETTINGS and (key.partition(".")[0] in RELOADED_SECTIONS or key in RELOADED_SETTINGS)


def reload(watcher: "NodeWatcher", old: "Settings", new: "Settings", hooks: Sequence["Hook"] = ()) -> "Settings":
    """Give a running watcher the new value of every setting that can change now, and log what did and what did not.

    Args:
        watcher: the watcher.
        old: the settings that hold.
        new: those that were read now, checked.
        hooks: those beside the configured ones.

    Raises:
        ConfigurationError: a hook could not be run; nothing was changed.
    """
    settings, result = merged(old, new, is_reloaded, UNUSED_SECTIONS)
    made = configured_hooks(settings.hooks, hooks, os.environ)
    if problems := made.problems():
        raise ConfigurationError(
            "A hook of the new configuration is not usable",
            expected="executables",
            got="; ".join(problems),
            next_step="Correct it, then send SIGHUP again",
        )
    watcher.reconfigure(watch_options(settings.watch), made)
    configure_logging(settings.log.level, settings.log.format)
    _log.warning("SIGHUP: the configuration was read again; changed: %s", ", ".join(result.changed) or "nothing")
    if result.kept:
        _log.warning("SIGHUP: these settings change with a restart only: %s", ", ".join(result.kept))
    return settings
