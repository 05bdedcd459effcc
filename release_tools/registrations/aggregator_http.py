"""Registrations by a Mithril aggregator over HTTP: ``/signers/registered/{epoch}`` and ``/signers/tickers``.

In: the aggregator's URL, the epochs to ask for, and what is known of them. Out: one batch for each epoch, or an error
and nothing of that epoch. What sets it apart from the event store:

1. It reports no times. A registration that equals a known one is passed on as the known one, so that asking twice adds
   nothing; any other one is as new as the answer.
2. Most aggregators report no versions. Where none is reported, the version known for that party and epoch stays; where
   none is known either, it is missing.
3. An epoch that comes in pages (``next``) counts whole or not at all; pages that contradict each other are no answer.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from chain_reader.providers.transport.calls import Answer, Call, provider_name
from chain_reader.providers.transport.clock import SYSTEM_CLOCK, Clock
from chain_reader.providers.transport.errors import ProviderNotFoundError, ReadLimitExceededError, UnsteadyAnswerError
from chain_reader.providers.transport.http import BoundedHttp
from chain_reader.providers.transport.limits import DEFAULT_LIMITS, ReadLimits
from chain_reader.providers.transport.statuses import status_error
from era_store.registrations import Registration
from eras import Epoch
from release_tools.registrations.judging import Judge, Refusal, rejected
from release_tools.registrations.source import Batch

Known = Callable[[Epoch], Iterable[Registration]]
"""The newest registration of each party for an epoch."""

_OK = 200
_NOT_FOUND = 404
_VERSIONS = ("signer_node_version", "signer-node-version", "version")
"""Where an aggregator that tells versions puts them."""


class _Registered(Answer):
    registered_at: int
    registrations: tuple[dict[str, object], ...]
    next: str | None = None


class _Tickers(Answer):
    signers: tuple[dict[str, object], ...]


class _Epoch(Answer):
    epoch: int


_REGISTERED = TypeAdapter(_Registered)
_TICKERS = TypeAdapter(_Tickers)
_EPOCH = TypeAdapter(_Epoch)


@dataclass(frozen=True, slots=True)
class Signer:
    """A signer that the aggregator knows.

    Attributes:
        party_id: who.
        ticker: the name of its pool, where it has one.
        registered: whether it is registered now.
    """

    party_id: str
    ticker: str | None
    registered: bool


class AggregatorHttp:
    """A ``RegistrationSource``. The caller closes it.

    Args:
        url: where the aggregator's API begins.
        epochs: the epochs to ask for; by default the one that the aggregator is in.
        known: what a store knows of an epoch.
        current: the current epoch, where it is known.
        limits: time, size, pages, attempts and rate.
        clock: time and waiting.
    """

    def __init__(
        self,
        url: str,
        epochs: Sequence[Epoch] = (),
        *,
        known: Known = lambda _: (),
        current: Epoch | None = None,
        limits: ReadLimits = DEFAULT_LIMITS,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._provider = provider_name("Mithril aggregator", url, ("http", "https"))
        self.name = f"aggregator:{self._provider.rpartition(' ')[2]}"
        self._epochs = tuple(epochs)
        self._known = known
        self._judge = Judge(self.name, current)
        self._limits = limits
        self._clock = clock
        self._http = BoundedHttp(url, {"Accept": "application/json"}, limits, clock=clock)

    @property
    def notes(self) -> Counter[str]:
        """The faults of rows that count all the same."""
        return self._judge.notes

    def close(self) -> None:
        """Close the connections. Calling it twice is fine."""
        self._http.close()

    @property
    def total(self) -> int | None:
        """How many epochs are asked for."""
        return len(self._epochs) or 1

    def batches(self, cursor: str | None, size: int) -> Iterator[Batch]:
        """One batch for each epoch; there is no cursor, because any epoch can be reported otherwise later.

        Raises:
            ChainReadError: the aggregator did not answer, or not as it should; the epochs before stand.
        """
        with closing(self):
            epochs = self._epochs or (self.current_epoch(),)
            for position, epoch in enumerate(epochs, 1):
                yield self._batch(epoch, position)

    def current_epoch(self) -> Epoch:
        """The epoch that the aggregator is in.

        Raises:
            ChainReadError: it did not tell.
        """
        path, answer = "/status", None
        until = self._until()
        answer = self._http.get(path, self._call(path), until=until)
        if answer.status == _NOT_FOUND:  # aggregators before 2025 have another place for it
            path = "/epoch-settings"
            answer = self._http.get(path, self._call(path), until=until)
        if answer.status != _OK:
            raise status_error(self._call(path), answer.status, retry_after_s=answer.retry_after_s)
        return Epoch(self._call(path).parse(_EPOCH, answer.body).epoch)

    def signers(self) -> tuple[Signer, ...]:
        """The signers that the aggregator knows, with the tickers of their pools.

        Raises:
            ChainReadError: it did not tell.
        """
        path = "/signers/tickers"
        call = self._call(path)
        found = call.parse(_TICKERS, self._get(path, self._until())).signers
        return tuple(
            Signer(
                party_id, ticker if isinstance(ticker := one.get("pool_ticker"), str) and ticker else None, registered
            )
            for one in found
            if isinstance(party_id := one.get("party_id"), str)
            for registered in [one.get("has_registered") is True]
        )

    def _batch(self, epoch: Epoch, position: int) -> Batch:
        told = self._registered(epoch)
        now = self._clock.posix()
        known = {row.party_id: row for row in self._known(epoch)}
        batch = Batch([], [], None, position)
        for place, entry in enumerate(told, 1):
            version = next((entry[name] for name in _VERSIONS if entry.get(name)), None)
            found = self._judge.row(entry.get("party_id"), epoch, version, entry.get("stake"), now)
            if isinstance(found, Refusal):
                batch.rejects.append(rejected(f"epoch {epoch}, entry {place}", found, str(entry)))
                continue
            before = known.get(found.party_id)
            if before is not None and version is None:
                found = self._judge.row(found.party_id, epoch, before.version, found.stake, now)
                assert isinstance(found, Registration)  # noqa: S101 - it was one without the version
            if before is not None and (before.stake, before.version) == (found.stake, found.version):
                found = before
            batch.rows.append(found)
        return batch

    def _registered(self, epoch: Epoch) -> list[dict[str, object]]:
        """All that is registered for an epoch, from all pages."""
        until = self._until()
        first = path = f"/signers/registered/{epoch}"
        entries: list[dict[str, object]] = []
        stakes: dict[Any, Any] = {}
        for _ in range(self._limits.max_pages):
            call = self._call(path)
            answer = call.parse(_REGISTERED, self._get(path, until))
            if answer.registered_at != epoch:
                raise call.unexpected(f"registrations of epoch {epoch}", f"those of epoch {answer.registered_at}")
            for entry in answer.registrations:
                party, stake = str(entry.get("party_id")), entry.get("stake")
                if stakes.setdefault(party, stake) != stake:
                    raise call.error(
                        UnsteadyAnswerError,
                        "contradicts itself",
                        expected=f"one stake of {party[:80]}",
                        got=f"{stakes[party]} and {stake}",
                        next_step="Try again; nothing from this epoch was stored",
                    )
            entries += answer.registrations
            if answer.next is None:
                return entries
            if not answer.next.startswith("/") or answer.next.startswith("//"):
                raise call.unexpected("the path of the next page", answer.next)
            path = answer.next
        raise self._call(first).error(
            ReadLimitExceededError,
            "comes in more pages than the limit",
            expected=f"at most {self._limits.max_pages} pages",
            got="more",
            next_step="Raise max_pages only if the aggregator is trusted",
            limit="max_pages",
        )

    def _get(self, path: str, until: float) -> bytes:
        call = self._call(path)
        answer = self._http.get(path, call, until=until)
        if answer.status == _OK:
            return answer.body
        if answer.status == _NOT_FOUND:
            raise call.error(
                ProviderNotFoundError,
                "found nothing",
                expected="what the aggregator knows",
                got="status 404",
                next_step="Check the URL, which ends where /signers begins, and that it knows this epoch",
                status=answer.status,
            )
        raise status_error(call, answer.status, retry_after_s=answer.retry_after_s)

    def _until(self) -> float:
        return self._clock.monotonic() + self._limits.read_deadline_s

    def _call(self, path: str) -> Call:
        return Call(self._provider, f"GET {path}")
