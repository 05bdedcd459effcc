"""How reliably registered parties sign: measured, stated by an operator, or assumed.

In: registrations, and observed signatures (a file). Out: a ``Reliability``: the chance that a party signs in an epoch
that it has registered for. An observed party has its own chance, all others the average by stake.
"""

import csv
import io
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from era_store import Registration
from eras import MAX_EPOCH, ConfigurationError, Epoch
from eras.words import counted
from release_tools.forecasting.lottery import require_share

Signatures = Mapping[Epoch, frozenset[str]]
"""Epoch → all parties that signed in it."""


@dataclass(frozen=True, slots=True)
class Reliability:
    """How reliably parties sign.

    Attributes:
        average: the average chance that a party signs, 0 to 1, by stake.
        words: its origin in words.
        watched: the number of observed registrations; 0 if it is stated or assumed.
        parties: the chance of each observed party.
    """

    average: float
    words: str
    watched: int = 0
    parties: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def assumed(cls) -> "Reliability":
        """Return the assumption that every party signs."""
        return cls(1.0, "assumed to be 1: no source states which parties signed")

    @classmethod
    def stated(cls, average: float) -> "Reliability":
        """Return the chance that an operator states.

        Raises:
            ConfigurationError: it is not from 0 to 1.
        """
        return cls(require_share(average), "as stated")

    @classmethod
    def measured(
        cls, registrations: Iterable[Registration], signatures: Signatures, *, lag_epochs: int
    ) -> "Reliability | None":
        """Return the reliability in the past; ``None`` if no registered party was observed.

        Args:
            registrations: the newest of each party and epoch.
            signatures: the observed signatures.
            lag_epochs: epochs from a registration to the signatures that it counts for.
        """
        seen: dict[str, list[bool]] = defaultdict(list)
        epochs: set[int] = set()
        stake = signing = 0
        for entry in registrations:
            epoch = Epoch(entry.epoch + lag_epochs)
            if epoch in signatures:
                signed = entry.party_id in signatures[epoch]
                seen[entry.party_id].append(signed)
                epochs.add(epoch)
                stake, signing = stake + entry.stake, signing + entry.stake * signed
        if not stake:
            return None
        watched = sum(map(len, seen.values()))
        during = f"epoch {min(epochs)}" if len(epochs) == 1 else f"epochs {min(epochs)} to {max(epochs)}"
        own = {party: sum(given) / len(given) for party, given in seen.items()}
        parties = counted(len(seen), "party", "parties")
        return cls(signing / stake, f"measured in {during}, over {parties}", watched, own)

    def of(self, party_id: str) -> float:
        """The chance that a party signs."""
        return self.parties.get(party_id, self.average)


def read_signatures(text: str) -> Signatures:
    """Parse signatures: CSV with the columns ``epoch`` and ``party_id``, or JSON lines with these names.

    Every line is a party that signed in that epoch. An epoch must be complete.

    Raises:
        ConfigurationError: a line is neither.
    """
    signed: dict[Epoch, set[str]] = defaultdict(set)
    for number, row in (_json_rows if text.lstrip().startswith("{") else _csv_rows)(text):
        epoch, party_id = row.get("epoch"), row.get("party_id")
        if isinstance(epoch, str) and epoch.isascii() and epoch.isdigit() and len(epoch) <= 20:
            epoch = int(epoch)
        if type(epoch) is not int or not 0 <= epoch <= MAX_EPOCH or not isinstance(party_id, str) or not party_id:
            raise _bad_rows(f"line {number}: an epoch and a party_id", f"{row!r}"[:100])
        signed[Epoch(epoch)].add(party_id)
    return {epoch: frozenset(parties) for epoch, parties in signed.items()}


def _csv_rows(text: str) -> Iterator[tuple[int, dict[str, object]]]:
    reader = csv.DictReader(io.StringIO(text))
    try:
        columns = reader.fieldnames or ()
        if not {"epoch", "party_id"} <= set(columns):
            raise _bad_rows("a header with epoch and party_id", ", ".join(columns)[:100] or "nothing")
        yield from ((reader.line_num, row) for row in reader)
    except csv.Error as error:
        raise _bad_rows(f"line {reader.line_num}: CSV", f"{error}") from error


def _json_rows(text: str) -> Iterator[tuple[int, dict[str, object]]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise _bad_rows(f"line {number}: a JSON object", line[:100]) from error
        if not isinstance(row, dict):
            raise _bad_rows(f"line {number}: a JSON object", line[:100])
        yield number, row


def _bad_rows(expected: str, got: str) -> ConfigurationError:
    return ConfigurationError(
        "The file of signatures is not usable",
        expected=expected,
        got=got,
        next_step="Correct the file",
        code="SignaturesFile",
    )
