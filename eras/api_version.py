"""API versions: the compatibility rule of the network, its HTTP headers, and the version that each era speaks."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from eras.errors import ConfigurationError, MarkerError
from eras.supported import SupportedEras

API_VERSION_HEADER = "mithril-api-version"
SIGNER_NODE_VERSION_HEADER = "signer-node-version"
AGGREGATOR_NODE_VERSION_HEADER = "aggregator-node-version"

_NUMBER = r"(0|[1-9]\d{0,18})"
_VERSION = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class ApiVersion:
    """A released API version, ``major.minor.patch``; versions order by these numbers."""

    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> "ApiVersion":
        """The version that ``text`` writes, ``0.1.35`` for example.

        Raises:
            MarkerError: it is not three whole numbers with dots between.
        """
        match = _VERSION.fullmatch(text)
        if match is None:
            raise MarkerError(
                "An API version is not usable",
                expected="three whole numbers, for example 0.1.35",
                got=f"{text!r}"[:80],
                next_step=f"Correct the header {API_VERSION_HEADER}",
            )
        return cls(*(int(number) for number in match.groups()))

    def is_compatible_with(self, other: "ApiVersion") -> bool:
        """Whether the two understand each other: same major, or below 1.0 same major and minor."""
        if self.major == 0:
            return (self.major, self.minor) == (other.major, other.minor)
        return self.major == other.major

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


class ApiVersionTable:
    """The API version that a node speaks in each era.

    Args:
        versions: era → version, for every supported era.
        supported: the eras this software knows.

    Raises:
        ConfigurationError: a supported era is missing, or an era is not supported.
    """

    def __init__(self, versions: Mapping[str, ApiVersion], supported: SupportedEras = SupportedEras.DEFAULT) -> None:
        missing = [era for era in supported if era not in versions]
        unknown = [era for era in versions if era not in supported]
        if missing or unknown:
            raise ConfigurationError(
                "The table of API versions does not fit the supported eras",
                expected=f"one version for each of {', '.join(supported)}",
                got=f"none for {missing[0]!r}" if missing else f"one for {unknown[0]!r}",
                next_step="Give every supported era its API version, and no other",
            )
        self._versions = dict(versions)
        self._supported = supported

    def for_era(self, era: str) -> ApiVersion:
        """The API version of ``era``.

        Raises:
            UnsupportedEraError: this software does not know the era.
        """
        self._supported.index(era)
        return self._versions[era]

    def eras_speaking(self, requested: ApiVersion) -> tuple[str, ...]:
        """The eras whose API understands ``requested``, oldest first; empty when there is none."""
        return tuple(era for era in self._supported if self._versions[era].is_compatible_with(requested))
