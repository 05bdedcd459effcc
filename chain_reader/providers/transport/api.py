"""The common part of all that asks a provider over HTTP: a subclass has the questions, and whose words an error is in.

In: a URL, headers and limits. Out: answers of the expected types, or a ``ChainReadError`` that names the question.
"""

from collections.abc import Callable, Mapping
from functools import cache
from http import HTTPStatus
from typing import Any, TypeVar

from pydantic import ConfigDict, RootModel, TypeAdapter

from chain_reader.providers.transport.calls import Call, Hash, provider_name
from chain_reader.providers.transport.errors import TransactionRefusedError
from chain_reader.providers.transport.http import BoundedHttp, HttpAnswer
from chain_reader.providers.transport.limits import SYSTEM_CLOCK, Clock, ReadLimits
from eras import ConfigurationError

Parsed = TypeVar("Parsed")

_adapter: Callable[[Any], TypeAdapter[Any]] = cache(TypeAdapter)
"""The validator of a type, made when its first answer comes."""


class _Submitted(RootModel[Hash]):
    model_config = ConfigDict(strict=True)


class HttpApi:
    """Questions to one server. Every one raises ``ChainReadError`` where it is not answered as it should be, in time.

    Args:
        kind: what operators call a server of this kind.
        place: what paths follow, version included, or the name of a public network.
        limits: time, size, attempts and rate.
        public: network → URL of the public service, where there is one.
        headers: sent with every request, beside the wish for JSON.
        secret: a text to blot out of every error.
        clock: time and waiting.

    Raises:
        ConfigurationError: the URL cannot be used, or the public service has no network of that name.
    """

    accepted: tuple[int, ...] = ()
    """The statuses beside 200 of answers that are as they should be."""

    def __init__(
        self,
        kind: str,
        place: str,
        limits: ReadLimits,
        *,
        public: Mapping[str, str] | None = None,
        headers: Mapping[str, str | None] | None = None,
        secret: str | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        base_url = place
        if public is not None and place.isalnum():
            if place not in public:
                raise ConfigurationError(
                    f"{kind.capitalize()} serves no network of that name",
                    expected=f"a URL, or one of {', '.join(public)}",
                    got=f"{place!r}"[:40],
                    next_step="Correct the chain observer",
                )
            base_url = public[place]
        self.name = provider_name(kind, base_url, ("http", "https"))
        self.limits = limits
        self._secret = secret
        self._clock = clock
        sent = {"Accept": "application/json", **(headers or {})}
        self._http = BoundedHttp(base_url, sent, limits, clock=clock)

    def until(self) -> float:
        """The deadline of a reading that begins now."""
        return self._clock.monotonic() + self.limits.read_deadline_s

    def call(self, path: str, method: str = "GET") -> Call:
        """The request for ``path``, as errors name it."""
        return Call(self.name, f"{method} {path}", self._secret)

    def ask(self, path: str, expected: type[Parsed], until: float, **how: Any) -> Parsed:
        """The thing at ``path``; ``how`` goes to ``BoundedHttp.get``."""
        call = self.call(path)
        return self.parsed(call, self._http.get(path, call, until=until, **how), expected)

    def parsed(self, call: Call, answer: HttpAnswer, expected: type[Parsed], **how: Any) -> Parsed:
        """The body of an answer whose status is a good one; ``how`` goes to ``Call.parse``.

        Raises:
            ChainReadError: it has another status, or another body.
        """
        if answer.status not in (HTTPStatus.OK, *self.accepted):
            raise call.status_error(answer.status, self.words_of(answer), retry_after_s=answer.retry_after_s)
        found: Parsed = call.parse(_adapter(expected), answer.body, **how)
        return found

    def submit(self, path: str, cbor: bytes) -> str:
        """Send a signed transaction, once; returns its hash. After a timeout, whether it arrived is unknown.

        Raises:
            TransactionRefusedError: the ledger behind the server refused it.
            ChainReadError: the server could not be reached, or did not take it.
        """
        call, until = self.call(path, "POST"), self._clock.monotonic() + self.limits.call_deadline_s
        answer = self._http.post(path, call, cbor, "application/cbor", until=until)
        if answer.status == HTTPStatus.BAD_REQUEST:
            given = self.reason_of(answer) or "no reason"
            raise TransactionRefusedError(
                f"{self.name} refused the transaction",
                got=given.replace(self._secret, "***") if self._secret else given,
                next_step="Build it again from the outputs that are unspent now",
            )
        return self.parsed(call, answer, _Submitted).root

    def words_of(self, answer: HttpAnswer) -> str:
        """The server's words on why it refused, in one line; none where it gives none in the form of its kind."""
        return ""

    def reason_of(self, answer: HttpAnswer) -> str:
        """The ledger's reason among the server's words, where a transaction was refused."""
        return self.words_of(answer)

    def close(self) -> None:
        """Close the connections. Calling it twice is fine."""
        self._http.close()


def usable_key(key: str | None, what: str) -> str | None:
    """A provider's key without the newline of its file; an unusable one is refused without being shown.

    Args:
        key: the key.
        what: the provider's name for it.

    Raises:
        ConfigurationError: it has characters that no key has.
    """
    key = (key or "").strip()
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ConfigurationError(
            f"The {what} is not usable",
            expected="letters and digits",
            got="other characters",
            next_step=f"Copy the {what} again",
        )
    return key or None
