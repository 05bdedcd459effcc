"""Registrations of a Mithril aggregator over HTTP: ``/signers/registered/{epoch}`` and ``/signers/tickers``.

In: the aggregator's URL, the epochs to ask for, and the known registrations. Out: one batch for each epoch, or an error
and nothing of that epoch. Differences from the event store:

1. It reports no times. A registration that equals a known one keeps the known time, so that asking twice adds nothing;
   any other one has the time of the answer.
2. Most aggregators report no versions. Then the known version of that party and epoch is kept, if there is one.
3. An epoch in several pages (``next``) counts completely or not at all; pages must not contradict each other.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing

from chain_reader.providers.transport.api import HttpApi, Parsed
from chain_reader.providers.transport.calls import Answer, Asking
from chain_reader.providers.transport.errors import ProviderNotFoundError, UnsteadyAnswerError
from chain_reader.providers.transport.limits import DEFAULT_LIMITS, SYSTEM_CLOCK, Clock, ReadLimits
from era_store.registrations import Registration
from eras import Epoch
from release_tools.registrations.judging import Judge, Refusal, rejected
from release_tools.registrations.source import Batch, RegistrationSource

Known = Callable[[Epoch], Iterable[Registration]]
"""The newest registration of each party for an epoch."""

_VERSIONS = ("signer_node_version", "signer-node-version", "version")
"""The fields in which aggregators report versions."""


class _Registered(Answer):
    registered_at: int
    registrations: tuple[dict[str, object], ...]
    next: str | None = None


class _Tickers(Answer):
    signers: tuple[dict[str, object], ...]


class _Epoch(Answer):
    epoch: int


class AggregatorHttp(Asking[HttpApi], RegistrationSource):
    """A ``RegistrationSource``. The caller closes it.

    Args:
        url: the base URL of the aggregator's API.
        epochs: the epochs to ask for; by default the aggregator's current one.
        known: returns the known registrations of an epoch.
        current: the current epoch, if it is known.
        limits: bounds of time, size, pages, attempts and rate.
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
        super().__init__(HttpApi("Mithril aggregator", url, limits, clock=clock))
        self.name = f"aggregator:{self.name.rpartition(' ')[2]}"
        self._epochs = tuple(epochs)
        self._known = known
        self._judge = Judge(self.name, current)
        self._clock = clock

    @property
    def total(self) -> int | None:
        """The number of epochs to ask for."""
        return len(self._epochs) or 1

    def batches(self, cursor: str | None, size: int) -> Iterator[Batch]:
        """Yield one batch for each epoch; there is no cursor, because a later answer may differ for any epoch.

        Raises:
            ChainReadError: the aggregator gave no valid answer; the batches of earlier epochs are valid.
        """
        with closing(self):
            epochs = self._epochs or (self.current_epoch(),)
            for position, epoch in enumerate(epochs, 1):
                yield self._batch(epoch, position)

    def current_epoch(self) -> Epoch:
        """Return the current epoch of the aggregator.

        Raises:
            ChainReadError: it gave no valid answer.
        """
        until = self._api.until()
        try:
            return Epoch(self._api.ask("/status", _Epoch, until).epoch)
        except ProviderNotFoundError:  # aggregators before 2025 report it elsewhere
            return Epoch(self._api.ask("/epoch-settings", _Epoch, until).epoch)

    def tickers(self) -> dict[str, str]:
        """Return the tickers of pools that the aggregator knows, by party id.

        Raises:
            ChainReadError: it gave no valid answer.
        """
        found = self._known_at("/signers/tickers", _Tickers, self._api.until()).signers
        named = [(one.get("party_id"), one.get("pool_ticker")) for one in found]
        return {party: name for party, name in named if isinstance(party, str) and isinstance(name, str) and name}

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
        """All registrations for an epoch, from all pages."""
        until = self._api.until()
        first = path = f"/signers/registered/{epoch}"
        entries: list[dict[str, object]] = []
        stakes: dict[str, object] = {}
        for _ in range(self._api.limits.max_pages):
            call = self._api.call(path)
            answer = self._known_at(path, _Registered, until)
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
        raise self._api.call(first).beyond(
            "max_pages",
            f"at most {self._api.limits.max_pages} pages",
            "Raise max_pages only if the aggregator is trusted",
            what="comes in more pages than the limit",
        )

    def _known_at(self, path: str, expected: type[Parsed], until: float) -> Parsed:
        try:
            return self._api.ask(path, expected, until)
        except ProviderNotFoundError as error:
            raise self._api.call(path).error(
                ProviderNotFoundError,
                "found nothing",
                expected="what the aggregator knows",
                got="status 404",
                next_step="Check the URL, which ends where /signers begins, and that it knows this epoch",
                status=error.facts["status"],
            ) from error
