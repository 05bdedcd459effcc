"""The mistakes in a configuration, pydantic's findings and our own, in an operator's words."""

import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from os import PathLike

from pydantic import ValidationError

from era_service.config.loaded import LoadedSettings
from era_service.config.records import meant_by
from era_service.config.schema import Settings
from era_service.config.types import is_secret
from eras import ConfigurationError
from release_tools.findings import findings_of


@dataclass(frozen=True, slots=True)
class ConfigMistake:
    """One mistake.

    Attributes:
        key: the wrong setting, file or variable.
        expected: the expected value.
        got: the value found; never a secret.
        nearest: the name or value that was probably meant, if there is one.
        origin: the origin of the value (``file PATH``, ``environment NAME``, ``flag --x``).
    """

    key: str
    expected: str
    got: str
    nearest: str | None = None
    origin: str = ""

    def __str__(self) -> str:
        where = f" ({self.origin})" if self.origin else ""
        hint = f". Did you mean {self.nearest!r}?" if self.nearest else ""
        return f"{self.key}{where}: expected {self.expected}, got {self.got}{hint}"

    def located(self, origins: Mapping[str, str]) -> "ConfigMistake":
        """The mistake with the origin of its value, or of the list or table that contains it."""
        key = self.key
        while key and key not in origins:
            key = key.rpartition(".")[0]
        return self if self.origin else replace(self, origin=origins.get(key, ""))

    def to_dict(self) -> dict[str, object]:
        """The mistake, JSON-ready."""
        return asdict(self)


class InvalidConfigurationError(ConfigurationError):
    """The configuration has mistakes.

    Attributes:
        mistakes: all mistakes that were found.
        rest: the settings without the mistaken ones, to find more mistakes; ``None`` if they are not valid.
    """

    def __init__(
        self,
        mistakes: tuple[ConfigMistake, ...],
        rest: LoadedSettings | None = None,
        *,
        config: str | PathLike[str] | None = None,
    ) -> None:
        self.mistakes = mistakes
        self.rest = rest
        count = "a mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        super().__init__(
            f"The configuration has {count}:",
            lines=[str(mistake) for mistake in mistakes],
            next_step="Correct it, then run: eraswitch config check"
            + ("" if config is None else f" --config {shlex.quote(str(config))}"),
            mistakes=[mistake.to_dict() for mistake in mistakes],
        )


def mistakes_of(error: ValidationError) -> list[ConfigMistake]:
    """The findings of pydantic as mistakes, without their origins."""
    found = findings_of(error, "a setting", Settings, is_secret=is_secret)
    return [ConfigMistake(one.key, one.expected, one.got, meant_by(one.key) or one.nearest) for one in found]
