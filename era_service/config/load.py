"""Loads the configuration from flags, environment and file: checked settings, each with its origin.

pydantic is imported only when settings are loaded, so that commands without settings start fast.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from era_service.config.loaded import LoadedSettings
from eras import ConfigurationError

Flags = Mapping[str, tuple[Any, str]]
"""Setting → (value, flag) from the command line; a value of ``None`` was not given."""

CONFIG_FILE_NAME = "eraswitch.toml"
CONFIG_VARIABLE = "ERASWITCH_CONFIG"


def load_settings(
    config: str | None = None, flags: Flags | None = None, environ: Mapping[str, str] | None = None
) -> LoadedSettings:
    """Read and check the configuration.

    Args:
        config: the configuration file on the command line.
        flags: the settings on the command line.
        environ: the environment; by default that of this process.

    Raises:
        InvalidConfigurationError: it has mistakes, all of which the error names.
    """
    from pydantic import ValidationError

    from era_service.config.mistakes import InvalidConfigurationError, mistakes_of
    from era_service.config.schema import Settings
    from era_service.config.sources import (
        EnvironmentSource,
        FlagSource,
        NetworkSource,
        TomlSource,
        merge,
        merge_without,
    )

    environ = os.environ if environ is None else environ
    found = find_config_file(config, environ)
    file = found[0] if found else None
    sources = (
        FlagSource(Settings, flags or {}),
        EnvironmentSource(Settings, environ),
        TomlSource(Settings, file),
        NetworkSource(Settings),
    )
    origins: dict[str, str] = {}
    mistakes = []
    try:
        settings = merge(sources)
    except ValidationError as error:
        settings = None
        mistakes = mistakes_of(error)
    for source in reversed(sources):
        origins |= source.origins
    mistakes = [mistake.located(origins) for source in sources for mistake in source.mistakes] + [
        mistake.located(origins) for mistake in mistakes
    ]
    if settings is None or mistakes:
        rest = settings or merge_without(sources, mistakes)
        loaded = None if rest is None else LoadedSettings(rest, file, origins)
        raise InvalidConfigurationError(tuple(mistakes), loaded, config=config)
    return LoadedSettings(settings, file, origins)


def sets_supported_eras(config: str | None, network: str | None, environ: Mapping[str, str] | None = None) -> bool:
    """Whether the configuration may set the supported eras, so that it must be read; imports nothing."""
    environ = os.environ if environ is None else environ
    named = network is not None or any(name.startswith("ERASWITCH_NETWORK") for name in environ)
    return named or find_config_file(config, environ) is not None


def user_config_file() -> Path:
    """The configuration file of this user."""
    return _user_folder("XDG_CONFIG_HOME", Path(".config")) / CONFIG_FILE_NAME


def find_config_file(named: str | None = None, environ: Mapping[str, str] | None = None) -> tuple[Path, str] | None:
    """The configuration file and how it was found: by flag, by environment, in this folder, or the user's own.

    A named file need not exist, so that its absence becomes an error.
    """
    environ = os.environ if environ is None else environ
    if named is not None:
        return Path(named), "flag --config"
    if environ.get(CONFIG_VARIABLE):
        return Path(environ[CONFIG_VARIABLE]), f"environment {CONFIG_VARIABLE}"
    for path, how in ((Path(CONFIG_FILE_NAME), "this folder"), (user_config_file(), "the user's own")):
        if path.is_file():
            return path, how
    return None


def user_state_folder() -> Path:
    """The folder of this user for the state of eraswitch."""
    return _user_folder("XDG_STATE_HOME", Path(".local/state"))


def _user_folder(variable: str, default: Path) -> Path:
    """Our folder in a base directory of the XDG specification, by which a relative path is ignored."""
    named = Path(os.environ.get(variable, ""))
    if not named.is_absolute():
        try:
            named = Path.home() / default
        except RuntimeError:
            raise ConfigurationError(
                "The home folder of this user is not known",
                expected=f"the variable HOME or {variable}",
                got="neither",
                next_step="Set HOME",
                code="HomeNeeded",
            ) from None
    return named / "eraswitch"
