"""The eras that this software knows how to run, in the order in which a network goes through them, and their names.

A name of an era, or of a switch, is a string or a member of an enumeration of strings.
"""

import enum
from collections.abc import Iterable, Iterator
from typing import ClassVar, overload

from eras.errors import ConfigurationError, UnsupportedEraError

Name = str | enum.Enum
"""A string, or a member of an ``Enum`` (or ``StrEnum``) whose value is one."""


def name_of(name: Name) -> str:
    """The string that ``name`` stands for.

    Raises:
        ConfigurationError: it is a member of an enumeration of something else, or no name at all.
    """
    value = name.value if isinstance(name, enum.Enum) else name
    if not isinstance(value, str):
        raise ConfigurationError(
            "A name is not usable",
            expected="a string, or a member of an enumeration of strings",
            got=repr(name),
            next_step="Give the members of the enumeration strings as values",
        )
    return value


class SupportedEras:
    """An ordered, immutable collection of era names; ``SupportedEras.DEFAULT`` holds Mithril's.

    Args:
        names: the names, oldest era first, or an ``enum.Enum`` of strings in that order.

    Raises:
        ConfigurationError: no name, a name twice, or something that is not a string.
    """

    DEFAULT: ClassVar["SupportedEras"]

    __slots__ = ("_index", "_names")

    def __init__(self, names: "Iterable[str] | type[enum.Enum]") -> None:
        if isinstance(names, str):
            raise ConfigurationError(
                "The list of supported eras is not usable",
                expected="a list of names",
                got=f"the single string {names!r}",
                next_step="Put the name into a list",
            )
        index: dict[str, int] = {}
        wrong: str | None = None
        for name in names:
            value = name.value if isinstance(name, enum.Enum) else name
            if not isinstance(value, str):
                wrong = f"{value!r}"
                break
            if value in index:
                wrong = f"{value!r} twice"
            index.setdefault(str(value), len(index))
        if wrong is not None or not index:
            raise ConfigurationError(
                "The list of supported eras is not usable",
                expected="at least one name, each a string and each once",
                got=wrong or "no name",
                next_step="Correct the list of supported eras",
            )
        self._names = tuple(index)
        self._index = index

    def __contains__(self, name: object) -> bool:
        return (name.value if isinstance(name, enum.Enum) else name) in self._index

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    @overload
    def __getitem__(self, position: int) -> str: ...

    @overload
    def __getitem__(self, position: slice) -> tuple[str, ...]: ...

    def __getitem__(self, position: int | slice) -> str | tuple[str, ...]:
        return self._names[position]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SupportedEras) and self._names == other._names

    def __hash__(self) -> int:
        return hash(self._names)

    def __repr__(self) -> str:
        return f"SupportedEras({list(self._names)!r})"

    def index(self, name: Name) -> int:
        """The place of ``name`` in the order, so that eras sort with ``key=supported.index``.

        Raises:
            UnsupportedEraError: this software does not know the era.
        """
        try:
            return self._index[name if type(name) is str else name_of(name)]
        except KeyError:
            raise self.unsupported(name) from None

    def unsupported(self, name: Name, *, what: str = "An era is not supported") -> UnsupportedEraError:
        """The error for a ``name`` that is not one of these eras."""
        name = name_of(name)
        return UnsupportedEraError(
            f"{what} by this version of the software",
            expected=f"one of {', '.join(self._names)}",
            got=repr(name),
            next_step=f"Upgrade to a version that knows {name!r}",
            era=name,
            supported=list(self._names),
        )


SupportedEras.DEFAULT = SupportedEras(("pythagoras", "lagrange"))
