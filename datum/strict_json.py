"""JSON as strictly as deployed readers take it (serde_json), where Python's reader is more lenient.

Objects come back as ``Pairs``, in order and with repeated keys kept, because only a key that is *used* may not repeat.

What nobody uses may nest as deep as it likes: deployed readers skip it without recursion. Python's reader gives up at a
depth that depends on who calls it, and two nodes must not differ by that: so what nests deeper than anything that is
used is taken out first.
"""

import json
import re
from typing import Any, NoReturn

DEEPEST = 100
"""Arrays and objects in each other that are read; a payload needs four."""


class Pairs(list[tuple[str, Any]]):
    """A JSON object: its pairs in order."""


class Float(float):
    """A JSON number with a fraction or an exponent, which is never an epoch."""


def parse(text: str) -> Any:
    """The one JSON value in ``text``; objects as ``Pairs``.

    Raises:
        ValueError: it is not exactly one JSON value, or holds ``NaN`` or an infinity.
    """
    if text.count("[") + text.count("{") > DEEPEST:
        text = _without_depths(text)
    try:
        return _DECODER.decode(text)
    except RecursionError:
        raise ValueError("it nests too deep") from None


def _without_depths(text: str) -> str:
    """``text`` with null in the place of what nests deeper than ``DEEPEST``.

    Raises:
        ValueError: brackets do not match.
    """
    kept: list[str] = []
    begin, awaited = 0, []
    for token in _STRING_OR_BRACKET.finditer(text):
        first = text[token.start()]
        if first in "[{":
            awaited.append("]" if first == "[" else "}")
            if len(awaited) == DEEPEST + 1:
                kept += [text[begin : token.start()], "null"]
        elif first in "]}":
            if not awaited or awaited.pop() != first:
                raise ValueError("brackets that do not match")
            if len(awaited) == DEEPEST:
                begin = token.end()
    if len(awaited) > DEEPEST:
        raise ValueError("it nests too deep, and does not end")
    return "".join([*kept, text[begin:]])


def known_fields(pairs: Pairs, known: tuple[str, ...]) -> dict[str, Any]:
    """The fields of an object that are ``known``; the others are skipped.

    Raises:
        ValueError: one of them is there twice.
    """
    fields: dict[str, Any] = {}
    for key, value in pairs:
        if key in known:
            if key in fields:
                raise ValueError(f"the field {key!r} twice")
            fields[key] = value
    return fields


def described(value: Any) -> str:
    """A JSON value in a few words, for an error."""
    if isinstance(value, Pairs):
        return "a JSON object"
    if isinstance(value, list):
        return f"a JSON array of {len(value)}"
    if isinstance(value, float):
        return "not a whole number of at most 64 bits"
    return f"{value!r}"[:60]


def reason(error: ValueError) -> str:
    """What a reader of JSON stumbled over, in words."""
    return "text that is not UTF-8" if isinstance(error, UnicodeError) else str(error)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _parse_int(digits: str) -> int | Float:
    # serde_json reads -0 as a float, and so does not take it for an unsigned integer; a number too long for any epoch
    # need not be converted, and Python would refuse one of more than 4,300 digits with an error of its own.
    if digits == "-0" or len(digits) > 20:
        return Float("nan")
    return int(digits)


_STRING_OR_BRACKET = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[{\]}]', re.DOTALL)
"""A string is one even where its end is missing, or matching would take for ever."""

quote = json.encoder.encode_basestring
"""A string as JSON, non-ASCII unescaped, as serde_json writes it."""

_DECODER = json.JSONDecoder(
    object_pairs_hook=Pairs, parse_float=Float, parse_int=_parse_int, parse_constant=_refuse_constant
)
