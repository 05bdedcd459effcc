"""Finds likely slips in names and epochs that are about to be signed, although no rule forbids them. Pure.

1. An epoch that is further ahead than nodes expect (``trust.max_lead_epochs``).
2. A name that is missing from the list of supported eras and looks like one of them, or like that of a marker in
   force: they differ by one character, or only in characters that look alike.
"""

import unicodedata
from collections.abc import Iterable

from eras import Epoch, EraMarker

_MAX_COMPARED = 200
_ALIKE = str.maketrans(
    "01i|58"
    "\u0430\u0432\u0435\u043a\u043c\u043d\u043e\u0440\u0441\u0442\u0443\u0445\u0456\u0455\u0458"  # Cyrillic
    "\u03b1\u03b5\u03b9\u03ba\u03bd\u03bf\u03c1\u03c4\u03c5\u03c7",  # Greek
    "olllsbabekmhopctyxlsjaelkvoptux",
)


def slips(
    names: Iterable[str],
    epochs: Iterable[Epoch],
    *,
    now: Epoch,
    max_lead_epochs: int,
    supported: Iterable[str],
    in_force: Iterable[EraMarker],
) -> tuple[str, ...]:
    """Return likely slips, one sentence each.

    Args:
        names: the names of new eras.
        epochs: the new epochs.
        now: the current epoch.
        max_lead_epochs: nodes raise an alarm for an activation more epochs ahead than this.
        supported: the supported eras.
        in_force: the markers in force.
    """
    listed = tuple(supported)
    known = dict.fromkeys([*listed, *[marker.name for marker in in_force]])
    most = now + max_lead_epochs
    found = [
        f"Epoch {epoch} is {epoch - now} epochs from now: nodes raise an alarm beyond {max_lead_epochs}"
        for epoch in epochs
        if epoch > most
    ]
    found += [
        f"The name {name!a} looks like {other!a}"
        for name in names
        if name not in listed
        for other in known
        if name != other and looks_like(name, other)
    ]
    return tuple(found)


def looks_like(one: str, other: str) -> bool:
    """Whether two names differ only in characters that look alike, or by a single character."""
    first, second = _skeleton(one), _skeleton(other)
    return first == second or (min(len(first), len(second)) >= 4 and _one_apart(first, second))


def _skeleton(name: str) -> str:
    """Return a name reduced to what the eye sees: no case, accents, separators or invisible characters."""
    text = unicodedata.normalize("NFKD", name[:_MAX_COMPARED].casefold()).translate(_ALIKE)
    return "".join(character for character in text if character.isalnum())


def _one_apart(one: str, other: str) -> bool:
    """Whether one character is changed, added, or swapped with its neighbour."""
    shorter, longer = sorted((one, other), key=len)
    at = next(
        (place for place, pair in enumerate(zip(shorter, longer, strict=False)) if pair[0] != pair[1]), len(shorter)
    )
    if len(shorter) == len(longer):
        swapped = shorter[:at] + shorter[at : at + 2][::-1] + shorter[at + 2 :]
        return shorter[at + 1 :] == longer[at + 1 :] or swapped == longer
    return len(longer) == len(shorter) + 1 and shorter[at:] == longer[at + 1 :]
