"""The name of a thread token (rule T0): ``<policy id>.<asset name>``, both in hex, as configurations have it. Pure.

Chains name a token by its *unit*: policy id and asset name in hex with nothing between.
"""

import re

from eras import ConfigurationError

_POLICY_DIGITS = 56
_FORM = re.compile(r"([0-9a-f]{56})\.((?:[0-9a-f]{2}){0,32})")


def token_unit(text: str) -> str:
    """Return the unit of the token that ``text`` names.

    Raises:
        ConfigurationError: it names none.
    """
    found = _FORM.fullmatch(text.strip().lower())
    if found is None:
        raise ConfigurationError(
            "The thread token is not usable",
            code="ThreadTokenName",
            expected="<policy id>.<asset name>: 56 hex digits, a full stop, at most 64 hex digits",
            got=f"{text!r}"[:150],
            next_step="Take it from eraswitch marker show, and set trust.thread_token to it",
        )
    return found[1] + found[2]


def is_unit(text: str) -> bool:
    """Return whether a text is the unit of a token."""
    return _FORM.fullmatch(spelled(text)) is not None


def spelled(unit: str) -> str:
    """Return a unit as configurations name it."""
    return f"{unit[:_POLICY_DIGITS]}.{unit[_POLICY_DIGITS:]}"
