"""New settings for a running watcher: its providers and intervals, its hooks, its log and the support that it requires.

In: a running ``NodeWatcher``, the settings in force and newly checked ones. Out: the settings in force then. Everything
is tried before anything is changed; providers are tried by one reading.
"""

import logging
import os
from collections.abc import Sequence

from chain_reader.providers.failover import Failover
from era_service.config.schema import Settings
from era_service.logs import configure_logging
from era_service.node.configured_errands import support_errand
from era_service.node.hooks import Hook
from era_service.node.opening import configured_hooks, minimum_of, watch_options
from era_service.node.service_works import SupportRule
from era_service.node.watcher import NodeWatcher
from era_service.service.reloading import READER_SETTINGS, Reloaded, merged, reads_elsewhere
from era_service.wiring.deciding import tried_providers
from eras import ConfigurationError

RELOADED_SECTIONS = frozenset(("adoption", "hooks", "log"))
RELOADED_SETTINGS = READER_SETTINGS | {
    "watch.poll_interval_s",
    "watch.spread_s",
    "watch.backoff_max_s",
    "watch.read_interval_s",
    "watch.support_url",
    "watch.support_threshold",
}
KEPT_SETTINGS = frozenset(("hooks.before_switch",))
"""The hooks that prepare a switch, and may veto it, must not change during one."""
UNUSED_SECTIONS = frozenset(("keys", "networks", "quorum", "service"))
_log = logging.getLogger(__name__)


def is_reloaded(key: str) -> bool:
    """Whether a setting (``section.name``) can change while the watcher runs."""
    return key not in KEPT_SETTINGS and (key.partition(".")[0] in RELOADED_SECTIONS or key in RELOADED_SETTINGS)


def reload(watcher: NodeWatcher, old: Settings, new: Settings, hooks: Sequence[Hook] = ()) -> Settings:
    """Give a running watcher the new value of every setting that can change now, and log what did and what did not.

    Args:
        watcher: the watcher.
        old: the settings in force.
        new: the settings that were read now, checked.
        hooks: the hooks besides the configured ones.

    Raises:
        ConfigurationError: a hook could not be run, or the new providers cannot be read; nothing was changed.
        ConfigurationError: the table of eras and versions has a mistake; nothing was changed.
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
    minimum, errands = minimum_of(settings), watcher.errands
    if any(key.startswith(("watch.support_", "adoption.")) for key in result.changed):
        support = support_errand(settings)
        kept = [errand for errand in errands if not isinstance(errand.work, SupportRule)]
        errands = kept if support is None else [*kept, support]
    providers = _providers(settings, result)
    if providers is not None:
        watcher.providers.take_over(providers)
    watcher.minimum, watcher.errands = minimum, errands
    watcher.reconfigure(watch_options(settings.watch), made)
    configure_logging(settings.log.level, settings.log.format)
    _log.warning("SIGHUP: the configuration was reloaded; changed: %s", ", ".join(result.changed) or "nothing")
    if result.kept:
        _log.warning("SIGHUP: these settings need a restart: %s", ", ".join(result.kept))
    return settings


def _providers(settings: Settings, result: Reloaded) -> Failover | None:
    """The providers, opened again so that key files are read again; ``None`` if the present ones are kept.

    Raises:
        ConfigurationError: others are configured, and they cannot be read.
    """
    try:
        return tried_providers(settings)
    except ConfigurationError as error:
        if reads_elsewhere(result):
            raise
        _log.warning("SIGHUP: the providers stay unchanged: %s", error)
        return None
