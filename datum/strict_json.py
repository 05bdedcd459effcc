"""JSON as strictly as deployed readers take it (serde_json), where Python's reader is more lenient.

Objects come back as ``Pairs``, in order and with repeated keys kept, because only a key that is *used* may not repeat.

What nobody uses may nest as deep as it likes: deployed readers skip it without recursion. Python's reader gives up at a
depth that depends on who calls it, and two nodes must not differ by that: so what nests deeper than anything that is
used is taken out first. Nor need its strings be UTF-8, or its surrogates come in pairs; those of what is used, and the
names of the fields beside it, must.
"""

import json
import re
from collections.abc import Callable
from typing import Any, NoReturn

DEEPEST = 100
"""Arrays and objects in each other that are read; a payload needs four."""


LONGEST_NUMBER = 400
"""Digits of a whole number that is converted; the longest that is of use has twenty."""


class Pairs(list[tuple[str, Any]]):
    """A JSON object: its pairs in order."""


class Float(float):
    """A JSON number with a fraction or an exponent, which is never an epoch."""


def parse(text: str | bytes, *, decimal: Callable[[str], float] | None = None) -> Any:
    """The one JSON value in ``text``; objects as ``Pairs``.

    Args:
        text: the JSON.
        decimal: how the text of a number with a fraction or an exponent is read, where such a number is of use.

    Bytes of a string that are not UTF-8 come back as halves of surrogate pairs, which have no UTF-8 form.

    Raises:
        ValueError: it is not exactly one JSON value, or holds ``NaN`` or an infinity.
    """
    if isinstance(text, bytes):
        text = text.decode(errors="surrogateescape")
    if text.count("[") + text.count("{") > DEEPEST:
        text = _without_depths(text)
    try:
        return (_DECODER if decimal is None else _decoder(lambda digits: Float(decimal(digits)))).decode(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _without_depths(text: str) -> str:
    """``text`` with null in the place of what nests deeper than ``DEEPEST``.

    Raises:
        ValueError: what nests deeper is no JSON.
    """
    kept: list[str] = []
    begin = position = depth = 0
    while (token := _STRING_OR_BRACKET.search(text, position)) is not None:
        position = token.end()
        if token[0] in ("[", "{"):
            depth += 1
        elif token[0] in ("]", "}"):
            depth -= 1
        if depth > DEEPEST:
            kept += [text[begin : token.start()], "null"]
            begin = position = _end_of_value(text, token.start())
            depth -= 1
    return "".join([*kept, text[begin:]])


def _end_of_value(text: str, position: int) -> int:
    """The position where the JSON value that begins at ``position`` ends, found without recursion.

    Raises:
        ValueError: there is no JSON value.
    """
    awaited: list[str] = []
    while True:
        value = _match(_VALUE, text, position)
        position = value.end()
        if value[1]:
            awaited.append("]" if value[1] == "[" else "}")
            if (empty := _CLOSING.match(text, position)) is None or empty[1] != awaited[-1]:
                position = _after_key(text, position, awaited[-1])
                continue
        while awaited:
            after = _match(_AFTER_VALUE, text, position)
            position = after.end()
            if after[1] == ",":
                position = _after_key(text, position, awaited[-1])
                break
            if after[1] != awaited.pop():
                raise ValueError("brackets that do not match")
        else:
            return position


def _after_key(text: str, position: int, awaited: str) -> int:
    """The position where the next value of an array or object begins."""
    return position if awaited == "]" else _match(_KEY, text, position).end()


def _match(pattern: re.Pattern[str], text: str, position: int) -> re.Match[str]:
    found = pattern.match(text, position)
    if found is None:
        raise ValueError(f"invalid JSON at character {position}, where it nests deep")
    return found


def known_fields(pairs: Pairs, known: tuple[str, ...]) -> dict[str, object]:
    """The fields of an object that are ``known``; the others are skipped.

    Raises:
        ValueError: one of them is there twice, or any name has no UTF-8 form.
    """
    fields: dict[str, object] = {}
    for key, value in pairs:
        if not key.isascii():
            key.encode()
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
    """Describes what a JSON reader stumbled over."""
    if isinstance(error, json.JSONDecodeError):
        return f"text that is not JSON: {error}"
    return "text that is not UTF-8" if isinstance(error, UnicodeError) else str(error)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _decoder(decimal: Callable[[str], Float]) -> json.JSONDecoder:
    def whole(digits: str) -> int | Float:
        # serde_json reads -0 as a float, and so does not take it for an unsigned integer; a number too long for any
        # epoch need not be converted, and Python would refuse one of more than 4,300 digits with an error of its own.
        return decimal(digits) if digits == "-0" or len(digits) > _MOST_DIGITS else int(digits)

    return json.JSONDecoder(
        object_pairs_hook=Pairs, parse_float=decimal, parse_int=whole, parse_constant=_refuse_constant
    )


_STRING_OR_BRACKET = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[{\]}]', re.DOTALL)
"""A string is one even where its end is missing, or matching would take for ever."""

_SPACE = r"[ \t\n\r]*"
_STRING = r'"[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*)*"'
_NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?"
_VALUE = re.compile(rf"{_SPACE}(?:([\[{{])|{_STRING}|{_NUMBER}|true|false|null)")
_KEY = re.compile(rf"{_SPACE}{_STRING}{_SPACE}:")
_CLOSING = re.compile(rf"{_SPACE}([\]}}])")
_AFTER_VALUE = re.compile(rf"{_SPACE}([,\]}}])")


def whole_or_nan(digits: str) -> int | Float:
    """A whole number, or not a number where it is longer than any that is of use.

    For ``json.loads(parse_int=…)``: Python's own error about it names an internal limit.
    """
    return int(digits) if len(digits) <= LONGEST_NUMBER else Float("nan")


def short_whole(digits: str) -> int:
    """A whole number of a text in which a long one has no place.

    Raises:
        ValueError: it is too long.
    """
    if len(digits) > LONGEST_NUMBER:
        raise ValueError(f"a number of {len(digits)} digits")
    return int(digits)


quote = json.encoder.encode_basestring
"""A string as JSON, non-ASCII unescaped, as serde_json writes it."""

_MOST_DIGITS = 20
_DECODER = _decoder(lambda _: Float("nan"))
"""Arguments of what nobody uses as a number: only that it is not a whole one is of interest."""
