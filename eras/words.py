"""Amounts, shares and counts as people read them, the same everywhere. Pure."""

LOVELACE_PER_ADA = 1_000_000


def ada(lovelace: int) -> str:
    """An amount to the lovelace: ``1,234.5 ADA``, ``0.168317 ADA``."""
    whole, rest = divmod(lovelace, LOVELACE_PER_ADA)
    digits = f"{rest:06}".rstrip("0") or "0"
    return f"{whole:,}.{digits} ADA"


def percent(share: float | None) -> str:
    """A share with one digit: ``95.1 %``; what is not quite all, or not quite nothing, is never shown as that."""
    if share is None:
        return "unknown"
    if 0 < share < 0.0005:
        return "< 0.1 %"
    shown = f"{share * 100:.1f}"
    return f"{'99.9' if shown == '100.0' and share < 1 else shown} %"


def counted(count: int, one: str, many: str | None = None) -> str:
    """A number of things: ``1 output``, ``2 outputs``; ``many`` where the plural is not made with an s."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"
