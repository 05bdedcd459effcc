"""Amounts and counts as people read them, the same everywhere. Pure."""

LOVELACE_PER_ADA = 1_000_000


def ada(lovelace: int) -> str:
    """An amount to the lovelace: ``1,234.5 ADA``, ``0.168317 ADA``."""
    whole, rest = divmod(lovelace, LOVELACE_PER_ADA)
    digits = f"{rest:06}".rstrip("0") or "0"
    return f"{whole:,}.{digits} ADA"


def counted(count: int, one: str, many: str | None = None) -> str:
    """A number of things: ``1 output``, ``2 outputs``; ``many`` where the plural is not made with an s."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"
