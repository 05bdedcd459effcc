"""The requests of a follower to a leader over HTTP: its configuration, the pages of its history, its registrations.

In: the leader's base URL, with or without a slash at its end or a path before what is asked. Out: answers parsed
strictly, or a ``ChainReadError`` that names the question. Every question ends within its limits, and is asked again
where that may help (``chain_reader.providers``). Nothing is believed here: ``leader.walk`` verifies.
"""

from typing import Annotated, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints

from chain_reader.authorship import MAX_TRANSACTION_BYTES
from chain_reader.providers.transport.api import HttpApi
from chain_reader.providers.transport.calls import Answer, Hash, Whole
from chain_reader.providers.transport.errors import ReadLimitExceededError
from chain_reader.providers.transport.limits import DEFAULT_LIMITS, ReadLimits
from datum import MarkerKind
from era_store.registrations import MAX_PARTY_ID, MAX_VERSION
from eras import ConfigurationError

PAGE_ENTRIES = 100
PAGE_REGISTRATIONS = 500

Hex128 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{128}$")]
TransactionHex = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{2})+$", max_length=2 * MAX_TRANSACTION_BYTES)]
Reference = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}#[0-9]{1,10}$")]
Parsed = TypeVar("Parsed")


def printable(text: str) -> str:
    """Text that can be printed.

    Raises:
        ValueError: it cannot.
    """
    if not text.isprintable():
        raise ValueError("text that can be printed")
    return text


class LeaderNetwork(Answer):
    """The genesis of the leader: what all of its history is signed by and for."""

    magic: Whole | None
    era_address: str | None
    verification_key: str | None


class LeaderFreshness(Answer):
    """The age of the leader's answer."""

    stale: str | None
    tip_slot: Whole | None


class LeaderConfig(Answer):
    """The part of ``/era/config`` that a follower uses."""

    network: LeaderNetwork
    epoch: Whole
    freshness: LeaderFreshness


class LeaderEntry(Answer):
    """The part of an entry of ``/era/history`` or ``/configuration/history`` that a follower uses."""

    output: Reference
    slot: Whole | None
    height: Annotated[int, Field(ge=0, lt=2**63)] | None
    payload: str
    digest: Hash
    previous: Hash | None
    publications: tuple[TransactionHex, ...] = ()
    """The bytes of transactions, each proved by ``chain_reader.trust.publications``; leaders before 0.2 show none."""


class LeaderPage(Answer):
    """A page of ``/era/history?in_force=true`` or ``/configuration/history``, newest first."""

    network: LeaderNetwork
    payloads: tuple[LeaderEntry, ...]
    stale: str | None = None
    """The reason why what is in force could not be confirmed; leaders before 0.2 show it in ``/era/config`` alone."""


class LeaderRegistration(Answer):
    """A registration that the leader hands on."""

    party_id: Annotated[str, StringConstraints(min_length=1, max_length=MAX_PARTY_ID), AfterValidator(printable)]
    epoch: Whole
    stake: Whole
    version: Annotated[str, StringConstraints(min_length=1, max_length=MAX_VERSION), AfterValidator(printable)] | None
    seen_at_s: Annotated[float, Field(ge=0, lt=2**40)]
    time_s: Annotated[int, Field(ge=0, lt=2**40)] | None
    key: Hash | None
    signature: Hex128 | None
    stated_stake: Whole | None = None
    capability: dict[str, object] | None = None
    """As the leader wrote it; leaders before 0.2 write none."""


class LeaderRegistrations(Answer):
    """A page of ``/registrations``, by party id."""

    epoch: Whole
    registrations: tuple[LeaderRegistration, ...]
    next: str | None


def history_path(kind: MarkerKind) -> str:
    """The path of the history of a kind at a service."""
    return f"/{kind}/history"


class LeaderClient(HttpApi):
    """Questions to one leader. One thread at a time.

    Args:
        url: the base URL of its service.
        limits: time, size and attempts.

    Raises:
        ConfigurationError: the URL cannot be used.
    """

    def __init__(self, url: str, limits: ReadLimits = DEFAULT_LIMITS) -> None:
        super().__init__("leader", url, limits)
        parts = urlsplit(url)
        self._secret = parts.password
        if parts.query or parts.fragment:
            raise ConfigurationError(
                "The URL of the leader is not usable",
                code="LeaderUrl",
                expected="where its service begins, such as https://host/path",
                got="one with a question or a fragment",
                next_step="Leave out what follows the path",
            )

    def config(self, until: float) -> LeaderConfig:
        """The network and the current epoch of the leader, and whether it is up to date."""
        return self.ask("/era/config", LeaderConfig, until)

    def page(self, kind: MarkerKind, before: str | None, until: float) -> LeaderPage:
        """A page of what was in force of a kind, from the digest ``before`` on, or from the newest."""
        params = {"in_force": "true", "limit": str(PAGE_ENTRIES)}
        asked = params if before is None else {**params, "before": before}
        return self.ask(history_path(kind), LeaderPage, until, params=asked)

    def registrations(self, epoch: int, after: str | None, until: float) -> LeaderRegistrations:
        """A page of the registrations for an epoch, from the party ``after`` on, or from the first."""
        params = {"epoch": str(epoch), "limit": str(PAGE_REGISTRATIONS)}
        asked = params if after is None else {**params, "after": after}
        return self.ask("/registrations", LeaderRegistrations, until, params=asked)

    def beyond(self, path: str, what: str, limit: str) -> ReadLimitExceededError:
        """The error for what does not end."""
        next_step = "Do not follow this leader: its answers do not end"
        return self.call(path).beyond(limit, what, next_step, what="holds more than the limit allows")
