"""The global options, and what commands take from them: settings, logs, supported eras.

Settings are loaded, and logs configured, only when a command asks: most imports of a command line are for these two.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from era_service.config.load import Flags, load_settings, sets_supported_eras
from era_service.config.loaded import LoadedSettings
from eras import SupportedEras

if TYPE_CHECKING:
    from era_service.config.schema import Settings

DEBUG_VARIABLE = "ERASWITCH_DEBUG"


@dataclass(slots=True)
class AppContext:
    """The global options of one invocation; a command with a parameter of this type receives them."""

    config: str | None = None
    network: str | None = None
    log_level: str | None = None
    log_format: str | None = None
    debug: bool = field(default_factory=lambda: os.environ.get(DEBUG_VARIABLE, "") not in ("", "0"))
    passphrase_fd: int | None = None
    passphrase_file: Path | None = None
    passphrase: bytes | None = field(default=None, repr=False)
    warned: set[str] = field(default_factory=set)
    _loaded: LoadedSettings | None = None

    @classmethod
    def current(cls) -> "AppContext | None":
        """The context of the running command; ``None`` if none runs."""
        context = click.get_current_context(silent=True)
        return None if context is None else context.find_object(cls)

    @property
    def loaded(self) -> "Settings | None":
        """The settings, where a command has loaded them already."""
        return None if self._loaded is None else self._loaded.settings

    def load(self, flags: Flags | None = None) -> LoadedSettings:
        """The settings with their origins, checked; they configure the logs from now on.

        Args:
            flags: settings that the command's own flags give: setting → (value, flag).

        Raises:
            InvalidConfigurationError: the configuration has mistakes.
        """
        if self._loaded is None or flags:
            self._loaded = self.read(flags)
            from era_service.logs import configure_logging

            log = self._loaded.settings.log
            configure_logging(log.level, log.format)
        return self._loaded

    def read(self, flags: Flags | None = None) -> LoadedSettings:
        """The settings as they are now, checked; nothing else is done with them.

        Args:
            flags: as for ``load``.

        Raises:
            InvalidConfigurationError: the configuration has mistakes.
        """
        own: dict[str, tuple[Any, str]] = {
            "network.name": (self.network, "--network"),
            "log.level": (self.log_level, "--log-level"),
            "log.format": (self.log_format, "--log-format"),
        }
        return load_settings(self.config, {**own, **(flags or {})})

    @property
    def settings(self) -> "Settings":
        """The checked settings (see ``load``)."""
        return self.load().settings

    def supported_eras(self) -> SupportedEras:
        """The eras that this software knows; reads the configuration only where there is one."""
        if sets_supported_eras(self.config, self.network):
            return SupportedEras(self.settings.network.supported_eras)
        return SupportedEras.DEFAULT
