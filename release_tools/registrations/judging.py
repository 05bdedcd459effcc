"""Decides which rows are registrations. Pure.

In: the fields of a row, of any types. Out: a ``Registration``, or a ``Reject`` with the reason. The rules:

1. A party id is printable. An epoch and a stake are whole numbers, as numbers or as digits.
2. A stake is neither negative nor more than all ada; an epoch is not in the far future, which is more than
   ``EPOCHS_AHEAD`` after the current one where that is known.
3. A version is kept as reported, whatever it is. An unknown version counts as not ready; refusing the row would remove
   its stake from the total and raise the share of all others.
4. A time may be missing or unreadable; such a registration is older than any with a time. Times only order rows.
5. A row is refused for its party, its epoch, its stake or an invalid signature. Any other fault is noted, and the row
   counts without that field. A refusal keeps the epoch, the party and the stake if they can be read.
6. A signature is verified wherever the row comes from, because signed registrations take precedence; the time of the
   signature is the time of the registration. Without a configured network a signature cannot be verified and is left
   out.
"""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from datum.strict_json import whole_or_nan
from era_store.capability import Capability
from era_store.registrations import (
    MAX_LOVELACE,
    MAX_PARTY_ID,
    MAX_REGISTRATION_EPOCH,
    MAX_VERSION,
    Registration,
    Reject,
)
from eras import Epoch
from release_tools.registrations.signed import RegistrationSignatureError, Signed

EPOCHS_AHEAD = 5
"""A registration may be for an epoch so many after the current one, since a clock or a node may be behind."""

AHEAD_S = 300
"""The seconds that a party's clock may be ahead of this one."""

EXCERPT = 200
"""Characters of a reject that are kept."""

FIELDS = (
    "party_id",
    "epoch",
    "version",
    "stake",
    "seen_at",
    "seen_at_s",
    "time_s",
    "key",
    "signature",
    "stated_stake",
    "signed",
    "capability",
    "source",
)
"""The fields that rows may have, in files and over HTTP; party_id, epoch and stake they must."""

_MAX_DIGITS = 30
_MAX_SIGNED = 64 * 1024
_MAX_DIGEST = 128
_MAX_NOTES = 20

FAR_EPOCH = "epoch is in the far future"
NEGATIVE_STAKE = "stake is negative"
FALSE_SIGNATURE = "it was not signed by its party: the key, the signature or the network does not match"
FUTURE_SIGNATURE = "it was signed with a time in the future"
UNCHECKED_SIGNATURE = "the signature cannot be checked, because no network is configured: counted as unsigned"


class Repeating(dict[str, object]):
    """A JSON object with a repeated field, of which people and programs might read different values.

    Attributes:
        twice: the name of the field.
    """

    twice = ""


def read_json(text: bytes) -> object:
    """Return a JSON value, in which an object with a repeated field is a ``Repeating``.

    Raises:
        ValueError: it is not JSON.
        RecursionError: it is nested too deeply.
    """
    try:
        return json.loads(text, object_pairs_hook=_fields_once)
    except ValueError:  # perhaps of a number too long for ``int``
        return json.loads(text, parse_int=whole_or_nan, object_pairs_hook=_fields_once)


def _fields_once(pairs: list[tuple[str, Any]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) == len(pairs):
        return fields
    found = Repeating(fields)
    found.twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
    return found


def twice_in(value: object) -> str | None:
    """Return the repeated field of a JSON object, if there is one."""
    return value.twice if isinstance(value, Repeating) else None


@dataclass(frozen=True, slots=True)
class Refusal:
    """The reason why a row is not a registration, and its readable fields, without which its epoch would be incomplete.

    Attributes:
        reason: the reason; it names the field, and is the same for all rows with this fault.
        epoch: the epoch.
        party_id: the party.
        stake: the stake in lovelace.
    """

    reason: str
    epoch: Epoch | None = None
    party_id: str | None = None
    stake: int | None = None


@dataclass(frozen=True, slots=True)
class Judge:
    """Turns rows into registrations.

    Attributes:
        source: the name of their source.
        current: the current epoch, if it is known.
        network_magic: the network that signatures must be for; ``None`` if none is configured.
        now_s: the POSIX time that signatures must not be later than; ``None`` to allow any.
        notes: the faults of rows that count nevertheless, and how many have each.
    """

    source: str
    current: Epoch | None = None
    network_magic: int | None = None
    now_s: float | None = None
    notes: Counter[str] = field(default_factory=Counter)

    @property
    def last_epoch(self) -> int:
        """The last epoch that is not in the far future."""
        return MAX_REGISTRATION_EPOCH if self.current is None else self.current + EPOCHS_AHEAD

    def row(
        self,
        party_id: Any,
        epoch: Any,
        version: Any,
        stake: Any,
        seen_at: Any,
        *,
        signed: bytes | None = None,
        capability: Capability | None = None,
    ) -> Registration | Refusal:
        """Return the registration with these fields, or the reason why it is refused."""
        at, lovelace = _whole(epoch), _whole(stake)
        named = isinstance(party_id, str) and 0 < len(party_id) <= MAX_PARTY_ID and party_id.isprintable()
        possible = lovelace is not None and 0 <= lovelace <= MAX_LOVELACE
        if named and possible and lovelace is not None and at is not None and 0 <= at <= self.last_epoch:
            time_s = _time(seen_at)
            if time_s is None:
                self.notes["seen_at cannot be read: counted as the oldest of its party"] += 1
            row = Registration(
                party_id, Epoch(at), _said(version), lovelace, time_s or 0.0, self.source, signed, capability
            )
            return row if signed is None else self._proved(row, signed)
        if not isinstance(party_id, str) or not party_id:
            fault = "party_id is missing"
        elif not named:
            fault = "party_id cannot be printed, or is too long"
        elif at is None or at < 0:
            fault = "epoch is missing" if epoch in (None, "") else "epoch is not a whole number of at least 0"
        elif at > self.last_epoch:
            fault = FAR_EPOCH
        elif lovelace is None:
            fault = "stake is missing" if stake in (None, "") else "stake is not a whole number"
        else:
            fault = "stake is more ada than exists" if lovelace > 0 else NEGATIVE_STAKE
        of = None if at is None or at < 0 else Epoch(min(at, MAX_REGISTRATION_EPOCH))
        return Refusal(fault, of, party_id if named else None, lovelace if possible else None)

    def fields(self, row: Mapping[str, Any]) -> Registration | Refusal:
        """Return the registration of a row with named fields (``FIELDS``), or the reason why it is refused.

        An unknown or unreadable field is noted, and the row counts without it.
        """
        get = row.get
        if row.keys() <= _PLAIN and twice_in(row) is None:  # as nearly all are: nothing is signed, nothing to note
            return self.row(get("party_id"), get("epoch"), get("version"), get("stake"), get("time_s"))
        given = row if all(row.values()) else {name: one for name, one in row.items() if one not in (None, "")}
        found = self.row(
            given.get("party_id"),
            given.get("epoch"),
            given.get("version"),
            given.get("stake"),
            given.get("seen_at", given.get("seen_at_s", given.get("time_s"))),
            signed=self._signed(given),
            capability=self._capability(given.get("capability")),
        )
        twice = twice_in(row) or twice_in(row.get("capability"))
        if twice is not None:
            return Refusal(
                f"the field {twice[:40]!r} appears twice", None if twice == "epoch" else found.epoch, found.party_id
            )
        if isinstance(found, Registration) and not given.keys() <= _KNOWN:
            for name in sorted(str(name) for name in given.keys() - _KNOWN):
                if len(self.notes) < _MAX_NOTES:
                    self.notes[f"{name[:40]!r} is not a field of registrations: counted without it"] += 1
        return found

    def _proved(self, row: Registration, kept: bytes) -> Registration | Refusal:
        """A registration with a valid signature, as of the time of the signature."""
        signed = Signed.from_bytes(kept)
        try:
            if signed is not None:
                signed.verify(signed.statement(row, self.network_magic))
        except RegistrationSignatureError:
            signed = None
        if signed is None and self.network_magic is None:
            self.notes[UNCHECKED_SIGNATURE] += 1
            return row._replace(signed=None)
        if signed is None:
            return Refusal(FALSE_SIGNATURE, row.epoch, row.party_id, row.stake)
        if self.now_s is not None and signed.time_s > self.now_s + AHEAD_S:
            return Refusal(FUTURE_SIGNATURE, row.epoch, row.party_id, row.stake)
        return row._replace(seen_at_s=float(signed.time_s))

    def _signed(self, given: Mapping[str, Any]) -> bytes | None:
        """The signature in its stored form, from that form or from ``key``, ``signature`` and ``time_s``."""
        kept = given.get("signed")
        if kept is not None:
            try:
                signed = bytes.fromhex(kept) if len(kept) <= 2 * _MAX_SIGNED else None
            except (TypeError, ValueError):
                signed = None
            if signed is None:
                self.notes["signed is not in hex, or too long: counted as unsigned"] += 1
            return signed
        if "key" not in given and "signature" not in given:
            return None
        parts = [given.get(name) for name in ("key", "signature")]
        time_s = _whole(given.get("time_s"))
        if not all(isinstance(part, str) and len(part) <= _MAX_DIGEST for part in parts) or time_s is None:
            self.notes["key, signature and time_s are not all given: counted as unsigned"] += 1
            return None
        return Signed(str(parts[0]), str(parts[1]), time_s, _whole(given.get("stated_stake"))).to_bytes()

    def _capability(self, value: Any) -> Capability | None:
        """A node's reported capability, as JSON or as the text of JSON."""
        if value is None:
            return None
        found = Capability.parse(value) if isinstance(value, str) else Capability.of(value)
        if found is None:
            self.notes["capability cannot be read: counted by its version"] += 1
        return found


def rejected(place: str, refusal: str | Refusal, content: str | bytes) -> Reject:
    """Return a reject with the beginning of the row, as a store can keep it."""
    text = content[: 4 * EXCERPT].decode(errors="replace") if isinstance(content, bytes) else content[:EXCERPT]
    shown = text[:EXCERPT].rstrip("\r\n").encode(errors="replace").decode()
    cut = shown + ("…" if len(content) > len(text[:EXCERPT]) and len(text) >= EXCERPT else "")
    if isinstance(refusal, str):
        return Reject(place, refusal, cut)
    return Reject(place, refusal.reason, cut, refusal.epoch, refusal.party_id, refusal.stake)


def with_epoch(rejects: Sequence[Reject], near: Epoch | None) -> list[Reject]:
    """Return the rejects; those without a readable epoch get that of the rows near them, whose total lacks them."""
    return [reject if reject.epoch is not None else replace(reject, epoch=near) for reject in rejects]


_KNOWN = frozenset(FIELDS)
_PLAIN = frozenset(("party_id", "epoch", "version", "stake", "time_s"))


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
    if type(value) is int and 0 <= value < 2**40:
        return float(value)
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
    if 2**40 <= seconds < 2**42:  # milliseconds; as seconds it would be in the year 34865 or later
        seconds /= 1000
    return seconds if math.isfinite(seconds) and 0 <= seconds < 2**40 else None


def _said(version: Any) -> str | None:
    """A version as reported, shortened and without unprintable characters."""
    if version is None:
        return None
    text = version if type(version) is str else str(version)
    if len(text) <= MAX_VERSION and text.isprintable():
        return text or None
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text[:MAX_VERSION])
