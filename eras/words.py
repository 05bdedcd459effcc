"""Amounts, shares and counts as people read them, the same everywhere. Pure."""

from collections.abc import Sequence
from fractions import Fraction
from math import floor

LOVELACE_PER_ADA = 1_000_000


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
