"""Times, lists and sentences as people read them.

In: POSIX seconds, and text. Out: short words, the same for the same input; times are in UTC, because
readers are in many time zones.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def duration(seconds: float) -> str:
    """A time span, by its leading units: ``1 d 3 h 12 min``."""
    left = max(0, round(seconds))
    words: list[str] = []
    for size, unit in _UNITS:
        count, left = divmod(left, size)
        if count or words or unit == "s":
            words.append(f"{count} {unit}")
    return " ".join(words[: 3 if seconds >= 86_400 else 4])


def latency(seconds: float) -> str:
    """How long an answer took."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def iso(posix_s: float) -> str:
    """A moment for machines: ``2026-11-21T14:00:00Z``."""
    return datetime.fromtimestamp(posix_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(posix_s: float) -> str:
    """A moment for people: ``2026-11-21 14:00 UTC``."""
    return datetime.fromtimestamp(posix_s, UTC).strftime("%Y-%m-%d %H:%M UTC")


def clock(posix_s: float) -> str:
    """The time of day: ``14:00:05 UTC``."""
    return datetime.fromtimestamp(posix_s, UTC).strftime("%H:%M:%S UTC")


def listed(items: Sequence[str], nothing: str = "none") -> str:
    """Items as a sentence lists them: ``a, b and c``."""
    if len(items) < 2:
        return items[0] if items else nothing
    return f"{', '.join(items[:-1])} and {items[-1]}"


def sentence(text: str) -> str:
    """Text as a sentence: a capital first, a full stop last."""
    text = text.strip()
    return text if not text else text[0].upper() + text[1:] + ("" if text[-1] in ".!?" else ".")


def nobody_vouches(era: str) -> str:
    """The reason why it is unknown who is ready for an era."""
    return f"It is not configured which versions support {era}: adoption.compatibility_file"


def short_hash(text: str) -> str:
    """An identifier; a long one is shortened to its ends, and the ``#1`` of an output stays."""
    body, mark, index = text.partition("#")
    return text if len(body) <= 20 else f"{body[:8]}…{body[-4:]}{mark}{index}"
