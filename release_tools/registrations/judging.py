"""Which rows are registrations. Pure.

In: what a source gives as the fields of a row, whatever its types. Out: a ``Registration``, or a ``Reject`` with the
reason. The rules:

1. A party has a name that can be printed. An epoch and a stake are whole numbers, as numbers or as digits.
2. A stake is neither negative nor more than all ada; an epoch is not in the far future, which is more than
   ``EPOCHS_AHEAD`` after the current one where that is known.
3. A version is kept as it was said, whatever it is: one that nobody knows counts as not ready, while a row that were
   turned away for it would be missing from the total, and the share of all others would rise.
4. A time may be missing: such a registration is older than any with a time.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from era_store.registrations import MAX_LOVELACE, MAX_REGISTRATION_EPOCH, Registration, Reject
from eras import Epoch

EPOCHS_AHEAD = 5
"""Epochs after the current one that a registration may be for: a clock or a node may be behind by some."""

AHEAD_S = 300
"""How far a party's clock may be ahead of this one, in seconds."""

EXCERPT = 200
"""Characters of a reject that are kept."""

FIELDS = ("party_id", "epoch", "version", "stake", "seen_at", "seen_at_s", "source", "signed")
"""The fields that rows in files may have; party_id, epoch and stake they must."""

_MAX_NAME = 200
_MAX_VERSION = 100
_MAX_DIGITS = 30
_MAX_SIGNED = 64 * 1024

NO_PARTY = "names no party"
BAD_PARTY = "names a party by what cannot be printed, or is too long"
NO_EPOCH = "names no epoch"
BAD_EPOCH = "the epoch is no whole number from 0"
FAR_EPOCH = "the epoch is in the far future"
NO_STAKE = "names no stake"
BAD_STAKE = "the stake is no whole number"
NEGATIVE_STAKE = "the stake is negative"
ABSURD_STAKE = "the stake is more than all ada"
BAD_TIME = "the time is none"
BAD_SIGNED = "what is signed is not in hex, or too long"
UNKNOWN_FIELD = "has an unknown field"


@dataclass(frozen=True, slots=True)
class Judge:
    """Turns rows into registrations.

    Attributes:
        source: the name of their source.
        current: the current epoch, where it is known.
    """

    source: str
    current: Epoch | None = None

    @property
    def last_epoch(self) -> int:
        """The last epoch that is not in the far future."""
        return MAX_REGISTRATION_EPOCH if self.current is None else self.current + EPOCHS_AHEAD

    def row(
        self, party_id: Any, epoch: Any, version: Any, stake: Any, seen_at: Any, *, signed: bytes | None = None
    ) -> Registration | str:
        """The registration that these are, or the reason why they are none."""
        at, lovelace, time_s = _whole(epoch), _whole(stake), _time(seen_at)
        if not isinstance(party_id, str) or not party_id:
            fault = NO_PARTY
        elif len(party_id) > _MAX_NAME or not party_id.isprintable():
            fault = BAD_PARTY
        elif at is None or at < 0:
            fault = NO_EPOCH if epoch in (None, "") else BAD_EPOCH
        elif at > self.last_epoch:
            fault = FAR_EPOCH
        elif lovelace is None:
            fault = NO_STAKE if stake in (None, "") else BAD_STAKE
        elif not 0 <= lovelace <= MAX_LOVELACE:
            fault = ABSURD_STAKE if lovelace > 0 else NEGATIVE_STAKE
        elif time_s is None:
            fault = BAD_TIME
        else:
            return Registration(party_id, Epoch(at), _said(version), lovelace, time_s, self.source, signed)
        return fault

    def fields(self, row: Mapping[str, Any]) -> Registration | str:
        """The registration of a row with named fields (``FIELDS``), or the reason why it is none."""
        if not row.keys() <= _KNOWN:
            return UNKNOWN_FIELD
        signed = row.get("signed")
        if signed not in (None, ""):
            try:
                signed = bytes.fromhex(signed) if len(signed) <= 2 * _MAX_SIGNED else None
            except (TypeError, ValueError):
                signed = None
            if signed is None:
                return BAD_SIGNED
        seen_at = row.get("seen_at")
        if seen_at in (None, ""):
            seen_at = row.get("seen_at_s")
        return self.row(
            row.get("party_id"), row.get("epoch"), row.get("version"), row.get("stake"), seen_at, signed=signed or None
        )


def rejected(place: str, reason: str, content: str | bytes) -> Reject:
    """A reject, with the beginning of what was there, as a store can keep it."""
    text = content[: 4 * EXCERPT].decode(errors="replace") if isinstance(content, bytes) else content[:EXCERPT]
    shown = text[:EXCERPT].rstrip("\r\n").encode(errors="replace").decode()
    return Reject(place, reason, shown + ("…" if len(content) > len(text[:EXCERPT]) and len(text) >= EXCERPT else ""))


_KNOWN = frozenset(FIELDS)


def _whole(value: Any) -> int | None:
    """A whole number, of an integer or of decimal digits."""
    if type(value) is int:
        return value
    if type(value) is str and len(value) <= _MAX_DIGITS:
        digits = value[1:] if value[:1] == "-" else value
        if digits.isascii() and digits.isdigit():
            return int(value)
    return None


def _time(value: Any) -> float | None:
    """POSIX seconds, of a number or of ISO 8601 (of UTC where it names no zone); 0 where there is none."""
    if value is None or value == "":
        return 0.0
    if type(value) not in (int, float, str):
        return None
    try:
        if type(value) is str and value[4:5] == "-":
            time = datetime.fromisoformat(value)
            seconds = (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
        else:
            seconds = float(value)
    except (ValueError, OverflowError):
        return None
    return seconds if math.isfinite(seconds) and 0 <= seconds < 2**40 else None


def _said(version: Any) -> str | None:
    """A version as it was said, cut short and without what no terminal or database should have."""
    if version is None or version == "":
        return None
    text = version if type(version) is str else str(version)
    if len(text) <= _MAX_VERSION and text.isprintable():
        return text
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text[:_MAX_VERSION])
