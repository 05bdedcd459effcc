"""The paths of the configuration file. Light: ``eraswitch era list`` imports it."""

import os
from collections.abc import Mapping
from pathlib import Path

CONFIG_FILE_NAME = "eraswitch.toml"
CONFIG_VARIABLE = "ERASWITCH_CONFIG"


def user_config_file() -> Path:
    """The configuration file of this user; a relative ``XDG_CONFIG_HOME`` is ignored, by the convention."""
    named = Path(os.environ.get("XDG_CONFIG_HOME", ""))
    return (named if named.is_absolute() else Path.home() / ".config") / "eraswitch" / CONFIG_FILE_NAME


def find_config_file(named: str | None = None, environ: Mapping[str, str] | None = None) -> tuple[Path, str] | None:
    """The configuration file and how it was found: by flag, by environment, in this folder, or the user's own.

    A file that is named counts whether it exists or not, so that its absence is an error.
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
    """The folder of this user's programs for what they must remember; a relative ``XDG_STATE_HOME`` is ignored."""
    named = Path(os.environ.get("XDG_STATE_HOME", ""))
    return (named if named.is_absolute() else Path.home() / ".local" / "state") / "eraswitch"
