"""Amounts, shares and counts as people read them, the same everywhere, and text from elsewhere made visible. Pure.

A name, an address, a reason or a version that others chose may hold control characters, line breaks and marks that
change the direction of text. ``visible`` makes one line of it, in which every character that cannot be seen, or that
could steer what shows it, is a JSON escape. Terminal, log, dashboard, Markdown and CSV use it.
"""

import json
from collections.abc import Sequence
from fractions import Fraction
from math import floor

LOVELACE_PER_ADA = 1_000_000
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Characters that a spreadsheet takes for the beginning of a formula."""


def ada(lovelace: int) -> str:
    """An amount to the lovelace: ``1,234.5 ADA``, ``0.168317 ADA``."""
    whole, rest = divmod(lovelace, LOVELACE_PER_ADA)
    digits = f"{rest:06}".rstrip("0") or "0"
    return f"{whole:,}.{digits} ADA"


def about_ada(lovelace: int) -> str:
    """A stake, or another amount of which the size matters: ``7,255.7 ADA``, ``331.8 M ADA``, ``1.36 bn ADA``."""
    amount = lovelace / LOVELACE_PER_ADA
    if amount < 1:
        return ada(lovelace)  # less than one is never shown as none
    if amount >= 999_950_000:
        return f"{amount / 1e9:,.2f} bn ADA"
    return f"{amount / 1e6:,.1f} M ADA" if amount >= 999_950 else f"{amount:,.1f} ADA"


def percent(share: Fraction | float | None) -> str:
    """A share with one digit, rounded down: ``95.1 %``; 79.99 % does not reach a gate of 80 %, and is not shown as it.

    What is not quite nothing is ``< 0.1 %``.
    """
    return "unknown" if share is None else percents([share])[0]


def percents(parts: Sequence[Fraction | float]) -> tuple[str, ...]:
    """Parts of one whole, as they stand side by side: what is shown adds up, to 100.0 % where they are all of it.

    Each is rounded down, but as many as it takes are rounded up: what is less than a digit, which is shown as that, and
    then the last ones. What is ready stands first, and is never shown as more than it is.
    """
    exact = [(part if isinstance(part, Fraction) else Fraction(repr(part))) * 1000 for part in parts]
    tenths = [floor(one) for one in exact]
    missing = floor(sum(exact)) - sum(tenths)
    inexact = [place for place in range(len(exact)) if exact[place] != tenths[place]]
    for place in sorted(inexact, key=lambda place: (tenths[place] > 0, -place))[:missing]:
        tenths[place] += 1
    return tuple("< 0.1 %" if 0 < one < 1 else f"{shown / 10:.1f} %" for one, shown in zip(exact, tenths, strict=True))


def counted(count: int, one: str, many: str | None = None) -> str:
    """A number of things: ``1 output``, ``2 outputs``; ``many`` where the plural is not made with an s."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


def begins(epoch: int | None, announced: str = "announced") -> str:
    """When an era begins: ``from epoch 748``; ``announced`` where it has no epoch yet."""
    return announced if epoch is None else f"from epoch {epoch}"


def visible(text: str, *, keep: str = "") -> str:
    """Return the text with everything that cannot be seen as JSON escapes.

    Args:
        text: from elsewhere.
        keep: characters that stay as they are, such as the line breaks of a text of our own.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in keep else json.dumps(char)[1:-1] for char in text)


def sheet_cell(text: str) -> str:
    """Return the text as a cell of a sheet: visible, and no formula."""
    shown = visible(text)
    return f"'{shown}" if text.startswith(FORMULA) else shown


def of_sheet_cell(text: str) -> str:
    """Return the text of a cell that ``sheet_cell`` wrote."""
    return text[1:] if text.startswith("'") and text[1:].startswith(FORMULA) else text
