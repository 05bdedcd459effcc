"""Names of eras and switches, as strings or as members of an enumeration of strings."""

import enum

from eras.errors import ConfigurationError

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
