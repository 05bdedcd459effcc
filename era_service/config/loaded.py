"""Checked settings, each with its origin."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from era_service.config.records import setting_keys

if TYPE_CHECKING:
    from era_service.config.schema import Settings


@dataclass(frozen=True, slots=True)
class LoadedSettings:
    """Settings with where they came from.

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
        tree = self.settings.masked()
        keys = [*setting_keys(), *(f"networks.{name}" for name in tree["networks"])]
        rows = []
        for key in keys:
            section, _, name = key.partition(".")
            rows.append((key, tree[section][name], self.origins.get(key) or self.origins.get(section, "default")))
        return tuple(rows)
