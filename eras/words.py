"""Amounts, shares and counts as people read them, the same everywhere. Pure."""

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
    if share is None:
        return "unknown"
    exact = share if isinstance(share, Fraction) else Fraction(repr(share))
    return "< 0.1 %" if 0 < exact < Fraction(1, 1000) else f"{floor(exact * 1000) / 10:.1f} %"


def counted(count: int, one: str, many: str | None = None) -> str:
    """A number of things: ``1 output``, ``2 outputs``; ``many`` where the plural is not made with an s."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"
