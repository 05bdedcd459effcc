"""JSON made harmless to parse: what nests too deep, or is too long a number, is replaced.

In: a JSON text. Out: the same text, with null for what nests too deep, and with a text for a number that is too long:
where a number is expected it is not a number, and it does not count as missing. A parser refuses a whole answer for
one of them, and anybody can put one into it: a native script or a datum that nests a hundred levels deep, or a number
of thousands of digits, in a single output at the address. That must not spoil the reading of the others (rule T1),
which look at none of these.
"""

import re

DEEPEST = 40
"""Arrays and objects in each other that are kept; what is read here needs eight."""

LONGEST_NUMBER = 400
"""Digits of a number that is kept; what is read here has twenty."""

_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[{\]}]|-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?', re.DOTALL)
"""A string is one even where its end is missing, and a number whatever its length, or matching would take for ever."""


def shallow(text: str) -> str:
    """``text`` without what nests deeper than ``DEEPEST`` and without longer numbers than ``LONGEST_NUMBER``."""
    kept: list[str] = []
    begin = depth = 0
    for token in _TOKEN.finditer(text):
        first = text[token.start()]
        if first in "[{":
            depth += 1
            if depth == DEEPEST + 1:
                kept += [text[begin : token.start()], "null"]
        elif first in "]}":
            if depth == DEEPEST + 1:
                begin = token.end()
            depth -= 1
        elif first != '"' and depth <= DEEPEST and token.end() - token.start() > LONGEST_NUMBER:
            kept += [text[begin : token.start()], f'"a number of {token.end() - token.start()} characters"']
            begin = token.end()
    if depth <= DEEPEST:
        kept.append(text[begin:])
    return "".join(kept)
