"""Checked settings, each with its origin. Imports no pydantic, because ``eraswitch era list`` imports it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from era_service.config.schema import Settings


@dataclass(frozen=True, slots=True)
class LoadedSettings:
    """Settings with their origins.

    Attributes:
        settings: the checked settings.
        file: the configuration file that was read, if any.
        origins: setting → origin, for every setting that is not at its default.
    """

    settings: "Settings"
    file: Path | None
    origins: Mapping[str, str]

    def rows(self) -> tuple[tuple[str, Any, str], ...]:
        """Every setting, its value (JSON-ready, secrets masked) and its origin."""
        return tuple(
            (key, value, self.origins.get(key) or self.origins.get(section, "default"))
            for section, table in self.settings.masked().items()
            for key, value in ((f"{section}.{name}", value) for name, value in table.items())
        )
