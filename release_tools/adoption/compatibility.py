"""The versions that support each era: the release team's table, ``compatibility.toml``.

In: the file, or its content as a mapping. Out: a ``Compatibility``. The file::

    lagrange = ">=0.3.12, !=0.3.15"     # era = what a version must be, for every network

    [networks.preview]                  # on this network instead
    lagrange = ">=0.3.11"

A requirement is a comma-separated list of comparisons, all of which must hold: ``>=``, ``>``, ``<=``, ``<``, ``==``,
``!=``; a version alone means ``>=``. An unknown version (``release_tools.adoption.versions``) supports no era, and no
version supports an era that is missing from the table, so that a gate opens only for what the team has listed.
"""

import operator
import re
import tomllib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from datum.foreign_text import toml_problem
from era_store import release_of
from eras import ConfigurationError
from eras.nearest import nearest
from release_tools.adoption.versions import is_known, parse_release

if TYPE_CHECKING:
    from semver import Version

NETWORKS = "networks"
MAX_FILE_BYTES = 1024 * 1024

_OPERATORS: dict[str, tuple[Callable[[Any, Any], bool], str]] = {
    ">=": (operator.ge, "{} or newer"),
    "<=": (operator.le, "{} or older"),
    "==": (operator.eq, "exactly {}"),
    "!=": (operator.ne, "not {}"),
    ">": (operator.gt, "newer than {}"),
    "<": (operator.lt, "older than {}"),
}
"""Each comparison, and its words."""
_COMPARISON = re.compile(r"(>=|<=|==|!=|>|<)?\s*(\S+)")


class EraNotListedError(ConfigurationError):
    """The table of eras and versions does not have an era."""

    advice = "Add the era to the table: `adoption.compatibility_file`."


@dataclass(frozen=True, slots=True)
class Requirement:
    """The requirement on a version to support an era.

    Attributes:
        text: as it was written.
        comparisons: operator and release, all of which must hold.
    """

    text: str
    comparisons: tuple[tuple[str, str], ...]

    @classmethod
    def parse(cls, text: object, *, key: str) -> Self:
        """Parse a requirement.

        Args:
            text: comparisons between commas.
            key: its key, for errors.

        Raises:
            ConfigurationError: it is not valid.
        """
        if not isinstance(text, str):
            raise _table_mistake(key, 'a requirement such as ">=0.3.12, !=0.3.15"', f"{text!r}"[:80])
        found = []
        for part in text.split(","):
            match = _COMPARISON.fullmatch(part.strip())
            if match is None or not is_known(match[2]):
                nearest = _nearest_comparison(part.strip())
                hint = f'. Did you mean "{nearest}"?' if nearest else ""
                raise _table_mistake(
                    key,
                    "one of >=, >, <=, <, ==, != and a version of three numbers, as in >=0.3.12",
                    f"{part.strip()!r}"[:80] + hint,
                )
            found.append((match[1] or ">=", str(release_of(match[2]))))
        return cls(text, tuple(found))

    def holds(self, version: "Version") -> bool:
        """Whether a version meets the requirement."""
        return all(_OPERATORS[sign][0](version, parse_release(release)) for sign, release in self.comparisons)

    @property
    def words(self) -> str:
        """The version to install, in words."""
        parts = [_OPERATORS[sign][1].format(release) for sign, release in self.comparisons if sign != "!="]
        but = [_OPERATORS[sign][1].format(release) for sign, release in self.comparisons if sign == "!="]
        return ", but ".join(part for part in (" and ".join(parts), " and ".join(but)) if part)


@dataclass(frozen=True, slots=True)
class Compatibility:
    """The table of eras and versions, for one network.

    Attributes:
        requirements: the requirement of each era.
        origin: the origin of the table, for errors.
    """

    requirements: Mapping[str, Requirement] = field(default_factory=dict)
    origin: str = "the table of eras and versions"

    @classmethod
    def load(
        cls,
        path: Path,
        *,
        network: str | None = None,
        known_eras: Collection[str] = (),
        known_networks: Mapping[str, str] | None = None,
    ) -> Self:
        """Load the table from a file.

        Args:
            path: the file, TOML.
            network: the name of the network whose own requirements take precedence.
            known_eras: the existing eras, to find misspelt ones.
            known_networks: every name of a network → its full name, to find misspelt names and recognise short ones.
                Without it any name is accepted.

        Raises:
            ConfigurationError: it cannot be read, or has a mistake; the error names the key.
        """
        try:
            with path.expanduser().open("rb") as file:
                content = file.read(MAX_FILE_BYTES + 1)
            if len(content) > MAX_FILE_BYTES:
                raise _unreadable_table(path, f"more than {MAX_FILE_BYTES} bytes")
            tree = tomllib.loads(content.decode())
        except UnicodeDecodeError as error:
            raise _unreadable_table(path, "bytes that are not UTF-8") from error
        except (ValueError, RecursionError) as error:
            raise _unreadable_table(path, f"text that is not TOML: {toml_problem(error)}"[:200]) from error
        except (OSError, RuntimeError) as error:  # a RuntimeError: the ~ of a user who does not exist
            raise _unreadable_table(path, getattr(error, "strerror", None) or f"{error}") from error
        return cls.of(
            tree, network=network, known_eras=known_eras, known_networks=known_networks, origin=f"the file {path}"
        )

    @classmethod
    def of(
        cls,
        mapping: Mapping[str, Any],
        *,
        network: str | None = None,
        known_eras: Collection[str] = (),
        known_networks: Mapping[str, str] | None = None,
        origin: str = "the table of eras and versions",
    ) -> Self:
        """Return the table in a mapping, as the file has it; the other arguments are those of ``load``.

        Raises:
            ConfigurationError: it has a mistake; the error names the key.
        """
        common = {key: value for key, value in mapping.items() if not isinstance(value, Mapping)}
        tables = {key: value for key, value in mapping.items() if isinstance(value, Mapping)}
        for key in tables:
            if key != NETWORKS:
                near = nearest(key, [NETWORKS, *known_eras])
                if near is None and key in (known_networks or {}):
                    near = f"{NETWORKS}.{key}"
                raise _table_mistake(key, f"an era with its requirement, or [{NETWORKS}.NAME]", "a table", nearest=near)
        merged = _requirements(common, (), known_eras)
        for name, table in tables.get(NETWORKS, {}).items():
            place = (NETWORKS, name)
            if not isinstance(table, Mapping):
                raise _table_mistake(".".join(place), "a table of eras", f"{table!r}"[:80])
            if known_networks is not None and name not in known_networks:
                near = nearest(name, known_networks, cutoff=0.5)
                raise _table_mistake(
                    ".".join(place),
                    f"a network that is known ({', '.join(sorted(known_networks))})",
                    "an unknown name",
                    nearest=near and f"{NETWORKS}.{near}",
                )
            own = _requirements(table, place, known_eras)
            known = known_networks or {}
            if network is not None and known.get(name, name) == known.get(network, network):
                merged |= own
        return cls(merged, origin)

    @property
    def eras(self) -> tuple[str, ...]:
        """The eras of the table, in its order."""
        return tuple(self.requirements)

    def eras_and(self, others: Iterable[str]) -> tuple[str, ...]:
        """The eras of the table, and then ``others``, each once."""
        return tuple(dict.fromkeys([*self.eras, *others]))

    def supports(self, release: str | None, era: str) -> bool:
        """Whether a release (or a version with its build) supports an era."""
        requirement, version = self.requirements.get(era), parse_release(release)
        return requirement is not None and version is not None and requirement.holds(version)

    def minimum(self, era: str) -> str | None:
        """The version to install for an era, in words; ``None`` if the table does not have it."""
        requirement = self.requirements.get(era)
        return None if requirement is None else requirement.words

    def require_era(self, era: str) -> None:
        """Check that the table has an era.

        Raises:
            EraNotListedError: it does not; the error names the most similar one.
        """
        if era in self.requirements:
            return
        near = nearest(era, self.requirements)
        next_step = f"Did you mean {near!r}?" if near else f'Add it: {era[:40]} = ">=VERSION"'
        if not self.requirements:
            next_step = "Write the table (docs/adoption.md) and name it: adoption.compatibility_file, --compatibility"
        raise EraNotListedError(
            f"Which versions support the era {era[:80]!r} is not known",
            expected=f"one of the eras in {self.origin}: {', '.join(self.requirements)}"
            if self.requirements
            else "a table that has it",
            got=f"{era[:80]!r}" if self.requirements else f"{self.origin}, which has no era",
            next_step=next_step,
            era=era,
        )


def _requirements(
    table: Mapping[str, object], place: tuple[str, ...], known_eras: Collection[str]
) -> dict[str, Requirement]:
    found = {}
    for era, value in table.items():
        key = ".".join((*place, era))
        if known_eras and era not in known_eras:
            near = nearest(era, known_eras, cutoff=0.75)
            if near and near not in table:  # an era that resembles no known one may be a future one
                raise _table_mistake(key, "the name of an era", "an unknown one", nearest=".".join((*place, near)))
        found[era] = Requirement.parse(value, key=key)
    return found


def _nearest_comparison(part: str) -> str | None:
    """The likely meaning of a malformed comparison such as ``=> 0.3`` or ``~v0.3.12``."""
    match = re.fullmatch(r"([<>=!~^]*)\s*v?(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?(-[0-9A-Za-z.-]+)?", part)
    if match is None:
        return None
    sign = {"=>": ">=", "=<": "<=", "=": "==", "~": ">=", "^": ">=", "<>": "!="}.get(match[1], match[1])
    if sign not in ("", *_OPERATORS):
        return None
    return f"{sign or '>='}{int(match[2])}.{int(match[3] or 0)}.{int(match[4] or 0)}{match[5] or ''}"


def _table_mistake(key: str, expected: str, got: str, *, nearest: str | None = None) -> ConfigurationError:
    return ConfigurationError(
        f"The table of eras and versions has a mistake at {key}",
        expected=expected,
        got=got,
        next_step=f"Did you mean {nearest!r}?" if nearest else "Correct it: docs/adoption.md shows the file",
        key=key,
        nearest=nearest,
        code="Compatibility",
    )


def _unreadable_table(path: Path, got: str) -> ConfigurationError:
    return ConfigurationError(
        "The table of eras and versions cannot be read",
        expected=f"to read TOML in {path}",
        got=got,
        next_step="Correct adoption.compatibility_file, or --compatibility",
        code="Compatibility",
    )
