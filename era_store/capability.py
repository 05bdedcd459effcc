"""The capability that a node reports beside its version. Pure.

In: the eras that it knows, the digest of its sealed switches, the eras whose behaviour it has loaded. Out: a
``Capability`` and its canonical text, by which two that are the same are recognised.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from era_store.event_log import canonical

MAX_ERAS = 64
"""Eras that a node may name."""

MAX_NAME = 100
"""Characters of an era's name, or of a digest."""


@dataclass(frozen=True, slots=True)
class Capability:
    """The eras and behaviours that a node reports it can run.

    Attributes:
        eras: the eras that its software knows, in alphabetical order.
        switches: the digest of its sealed behaviour switches; ``None`` where it has none.
        loaded: the eras whose behaviour it has loaded, in alphabetical order; ``None`` where it is not reported.
    """

    eras: tuple[str, ...]
    switches: str | None = None
    loaded: tuple[str, ...] | None = None

    def supports(self, era: str) -> bool:
        """Whether the node is ready for an era: it knows it and, where it reports what is loaded, has loaded it."""
        return era in self.eras and (self.loaded is None or era in self.loaded)

    def to_dict(self) -> dict[str, object]:
        """The capability, JSON-ready."""
        return {
            "eras": list(self.eras),
            "switches": self.switches,
            "loaded": None if self.loaded is None else list(self.loaded),
        }

    @property
    def text(self) -> str:
        """The canonical text, the same for two that are the same."""
        return canonical(self.to_dict())

    @classmethod
    def of(cls, value: object) -> "Capability | None":
        """The capability that a JSON value describes; ``None`` if it describes none."""
        if not isinstance(value, Mapping) or not value.keys() <= {"eras", "switches", "loaded"}:
            return None
        eras, loaded, switches = _names(value.get("eras")), value.get("loaded"), value.get("switches")
        known = None if loaded is None else _names(loaded)
        if eras is None or (loaded is not None and known is None):
            return None
        if switches is not None and not _is_name(switches):
            return None
        return cls(eras, switches, known)

    @classmethod
    def parse(cls, text: str) -> "Capability | None":
        """The capability of a JSON text; ``None`` if it is something else."""
        try:
            return cls.of(json.loads(text))
        except (ValueError, RecursionError):
            return None


def _names(value: object) -> tuple[str, ...] | None:
    if not isinstance(value, list | tuple) or len(value) > MAX_ERAS or not all(map(_is_name, value)):
        return None
    return tuple(sorted(set(value)))


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MAX_NAME and value.isprintable()
