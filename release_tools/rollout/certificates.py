"""Certificates per epoch, and who signed them: from a Mithril aggregator over HTTP, or from CSV.

In: the aggregator's URL or the text of a CSV, and the oldest epoch of interest. Out: ``EpochActivity``. The
certificates of an aggregator are not verified here.

1. ``/certificates`` lists only the newest certificates. The count of an epoch is known if the list reaches back beyond
   it, and unknown for the oldest epoch of the list and those before.
2. Older epochs are reached by ``previous_hash``, one certificate each: the signers are known, the count is not.
3. An epoch without a certificate between two that have one, or after the newest, has none.
"""

import csv
import io
from collections import defaultdict
from typing import Annotated

from pydantic import Field, StringConstraints

from chain_reader.providers.transport.api import HttpApi
from chain_reader.providers.transport.calls import Answer, Asking, Hash
from chain_reader.providers.transport.limits import DEFAULT_LIMITS, SYSTEM_CLOCK, Clock, ReadLimits
from era_store.registrations import MAX_LOVELACE, MAX_REGISTRATION_EPOCH
from eras import ConfigurationError, Epoch
from release_tools.rollout.recovery import EpochActivity

MAX_CERTIFICATES = 200
"""Certificates that are fetched one by one at most."""

_EpochNumber = Annotated[int, Field(ge=0, le=MAX_REGISTRATION_EPOCH)]


class _Signer(Answer):
    party_id: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    stake: Annotated[int, Field(ge=0, le=MAX_LOVELACE)]


class _Metadata(Answer):
    signers: tuple[_Signer, ...]


class _Listed(Answer):
    hash: Hash
    previous_hash: str
    epoch: _EpochNumber


class _Certificate(_Listed):
    metadata: _Metadata


class AggregatorCertificates(Asking[HttpApi]):
    """The certificates of a Mithril aggregator. The caller closes it.

    Args:
        url: the base URL of the aggregator's API.
        limits: bounds of time, size, attempts and rate.
        clock: time and waiting.

    Raises:
        ConfigurationError: the URL cannot be used.
    """

    def __init__(self, url: str, *, limits: ReadLimits = DEFAULT_LIMITS, clock: Clock = SYSTEM_CLOCK) -> None:
        super().__init__(HttpApi("Mithril aggregator", url, limits, clock=clock))

    def since(self, oldest: Epoch, current: Epoch) -> tuple[EpochActivity, ...]:
        """Return the activity of the epochs from ``oldest`` to ``current`` that the aggregator knows.

        Raises:
            ChainReadError: it gave no valid answer.
        """
        listed = self._api.ask("/certificates", tuple[_Listed, ...], self._api.until())
        if not listed:
            return ()
        reached = min(one.epoch for one in listed)
        if any(not one.previous_hash for one in listed):  # back to the genesis certificate
            reached = -1
        counts: dict[int, int] = defaultdict(int)
        signed: dict[int, dict[str, int]] = defaultdict(dict)
        asked: set[str] = set()
        for one in listed:
            counts[one.epoch] += 1
            if one.epoch >= oldest and len(asked) < MAX_CERTIFICATES:
                self._add(one.hash, asked, signed)
        last = min(listed, key=lambda one: one.epoch)
        covered, following = last.epoch, last.previous_hash
        while following and following not in asked and covered > oldest and len(asked) < MAX_CERTIFICATES:
            found = self._add(following, asked, signed)
            covered, following = found.epoch, found.previous_hash
        return tuple(
            EpochActivity(
                Epoch(epoch), counts[epoch] if epoch > reached else None if signed[epoch] else 0, signed[epoch]
            )
            for epoch in range(max(oldest, covered), current + 1)
        )

    def _add(self, digest: str, asked: set[str], signed: dict[int, dict[str, int]]) -> _Certificate:
        path = f"/certificate/{digest}"
        found = self._api.ask(path, _Certificate, self._api.until())
        if found.hash != digest:
            raise self._api.call(path).unexpected(f"certificate {digest}", found.hash)
        asked.add(digest)
        signed[found.epoch].update((one.party_id, one.stake) for one in found.metadata.signers)
        return found


def certificates_of_csv(text: str, origin: str) -> tuple[EpochActivity, ...]:
    """Parse the number of certificates by epoch from CSV with the columns ``epoch`` and ``certificates``.

    Raises:
        ConfigurationError: it is not such a CSV; the error names the line.
    """
    rows = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), restval="")
    try:
        columns = rows.fieldnames or ()
        listed = [(rows.line_num, row) for row in rows]
    except csv.Error as error:
        raise _certificates_error(origin, "CSV", f"{error} after line {rows.line_num}") from error
    if not {"epoch", "certificates"} <= set(columns):
        shown = ", ".join(columns)[:100]
        raise _certificates_error(origin, "the columns epoch and certificates", f"the columns {shown or 'none'}")
    found: dict[Epoch, EpochActivity] = {}
    for line, row in listed:
        epoch, count = row["epoch"], row["certificates"]
        if not all(one.isascii() and one.isdigit() and len(one) <= 9 for one in (epoch, count)):
            got = f"{epoch!r} and {count!r}"[:100]
            raise _certificates_error(origin, f"two whole numbers in line {line}", got)
        at = Epoch(int(epoch))
        if at in found:
            raise _certificates_error(origin, "each epoch once", f"epoch {at} again in line {line}")
        found[at] = EpochActivity(at, int(count))
    return tuple(found.values())


def _certificates_error(origin: str, expected: str, got: str) -> ConfigurationError:
    return ConfigurationError(
        f"The certificates in {origin} cannot be read",
        code="CertificatesUnreadable",
        expected=expected,
        got=got,
        next_step="Correct the file: a header epoch,certificates and one line for each epoch",
    )
