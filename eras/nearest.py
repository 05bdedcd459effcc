"""The name that was meant by one that is not known: a slip of the pen, and nothing else. Pure."""

import re
from collections.abc import Iterable
from difflib import SequenceMatcher, get_close_matches

_WORD = re.compile(r"[a-z0-9]+")


def nearest(name: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """Return the known name that ``name`` resembles most; ``None`` if none was likely meant.

    A name of several words may lack a word, or have one too many, but no word may stand for another: ``on_switch`` is
    not ``before_switch``.

    Args:
        name: the unknown name.
        known: the names to choose from.
        cutoff: how similar the two must be, from 0 to 1.
    """
    return next((one for one in get_close_matches(name, list(known), cutoff=cutoff) if not _differs(name, one)), None)


def _differs(name: str, other: str) -> bool:
    """Whether each of two names has a word that resembles none of the other's."""
    words, others = _WORD.findall(name.lower()), _WORD.findall(other.lower())
    return _has_stranger(words, others) and _has_stranger(others, words)


def _has_stranger(words: list[str], others: list[str]) -> bool:
    return not all(any(_alike(word, other) for other in others) for word in words)


def _alike(word: str, other: str) -> bool:
    return word.startswith(other) or other.startswith(word) or SequenceMatcher(None, word, other).ratio() >= 0.6
