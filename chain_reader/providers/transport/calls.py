"""One request to a provider, the errors about it, and answers parsed strictly.

In: the provider, the request, and the bytes that came back. Out: values of the expected types, or a ``ChainReadError``
that states the request, the answer and what to do next. Whatever a provider puts into its answer, a secret never shows
in an error.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, Protocol, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from chain_reader.ports import DatumOutput, ObserverCapabilities
from chain_reader.providers.transport.errors import (
    ProviderBannedError,
    ProviderBusyError,
    ProviderFailedError,
    ProviderKeyRefusedError,
    ProviderNotFoundError,
    ProviderQuotaExceededError,
    ProviderRateLimitedError,
    ProviderRefusedError,
    ProviderTimeoutError,
    ReadLimitExceededError,
    UnexpectedAnswerError,
)
from eras import MAX_EPOCH, ChainReadError, ConfigurationError

Api = TypeVar("Api", bound="Connection")
Item = TypeVar("Item", bound=Mapping[str, object])
Parsed = TypeVar("Parsed")
ReadError = TypeVar("ReadError", bound=ChainReadError)

NO_HASH = "0" * 64
_EXCERPT = 200
_SECRET_LABEL = re.compile(r"dmtr_[^.]+")
"""Demeter's hosted nodes carry the key of their user in the host name."""

DEEPEST = 40
"""Arrays and objects in each other that are kept; what is read here needs eight."""

LONGEST_NUMBER = 400
"""Digits of a number that is kept; what is read here has twenty."""

_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[{\]}]|-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?', re.DOTALL)
"""A string is one even where its end is missing, and a number whatever its length, or matching would take for ever."""

_MEANINGS: dict[int, tuple[type[ChainReadError], str, str]] = {
    402: (
        ProviderQuotaExceededError,
        "was refused: the daily quota is used up",
        "Wait until midnight UTC, take a larger plan, or use another provider",
    ),
    403: (
        ProviderKeyRefusedError,
        "was refused: the provider's key is missing, wrong, or of another network",
        "Set the key that the provider gave out for this network (project_id_file)",
    ),
    404: (
        ProviderNotFoundError,
        "found nothing",
        "Check the URL of the provider, and that it has caught up with the chain",
    ),
    418: (
        ProviderBannedError,
        "was refused: this machine is banned for ignoring a rate limit",
        "Wait for an hour or more, then send fewer requests; until then nothing is sent to it",
    ),
    425: (
        ProviderBusyError,
        "was refused: the mempool of the provider is full",
        "Ask again in a minute",
    ),
    429: (
        ProviderRateLimitedError,
        "was refused: too many requests, at once or for the provider's plan",
        "Wait, then ask less often, or take a larger plan",
    ),
}
_FAILED = (ProviderFailedError, "failed at the provider", "Wait, or use another provider")
_REFUSED = (
    ProviderRefusedError,
    "was refused",
    "Check the URL of the provider and its version, and that the address is one of its network",
)
"""The meaning of HTTP statuses, which are Blockfrost's, and what to do; a refused websocket has them, too."""

STRICT = ConfigDict(strict=True, frozen=True, extra="ignore")
"""The checks of every answer: no conversions, and unknown fields ignored."""


Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Whole = Annotated[int, Field(ge=0, le=MAX_EPOCH)]
OutputIndex = Annotated[int, Field(ge=0, le=2**32 - 1)]
Quantity = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,20}$")]
"""A number as text."""


class Answer(BaseModel):
    """Base of the models of answers."""

    model_config = STRICT


class Connection(Protocol):
    """The way to one provider."""

    name: str

    def close(self) -> None:
        """Close the connections. Calling it twice is fine."""
        ...


class Asking(Generic[Api]):
    """The common part of observers and gateways that ask one provider.

    Args:
        api: asks it; closed with this.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self.name = api.name
        """Its name for operators, with no secret in it."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    def close(self) -> None:
        """Close the connections. Calling it twice is fine."""
        self._api.close()


@dataclass(frozen=True, slots=True)
class Call:
    """A request to a provider.

    Attributes:
        provider: its name for operators.
        request: what is asked (``GET /epochs/latest``).
        secret: a text to blot out of every error.
    """

    provider: str
    request: str
    secret: str | None = field(default=None, repr=False)

    def error(
        self,
        kind: type[ReadError],
        what: str,
        *,
        expected: str | None = None,
        got: str | None = None,
        next_step: str,
        **facts: Any,
    ) -> ReadError:
        """An error about this request; ``what`` follows "provider: request"."""
        return kind(
            f"{self.provider}: {self.request} {what}",
            expected=expected,
            got=None if got is None else self._blotted(got),
            next_step=next_step,
            provider=self.provider,
            request=self.request,
            **facts,
        )

    def parse(
        self,
        expected: TypeAdapter[Parsed],
        body: str | bytes,
        *,
        instead: Callable[[Mapping[str, object], str], Any] | None = None,
    ) -> Parsed:
        """``body``, which must be JSON of the ``expected`` type.

        Of a list of objects, an item that is not of its type is replaced by what ``instead`` makes of it and of what is
        wrong with it, so that one odd item does not spoil the others.

        Raises:
            UnexpectedAnswerError: it is not.
        """
        try:
            return expected.validate_json(body)
        except ValidationError as error:
            got = _described(error, body)
            if instead is not None and (mended := self._mended(error, body, instead)) is not None:
                return expected.validate_json(mended)
            if error.errors(include_url=False)[0]["type"] == "json_invalid":
                try:
                    return expected.validate_json(shallow(body if isinstance(body, str) else body.decode()))
                except ValueError:
                    pass  # it was not for the parts that nobody needs
        # Outside the handler: the foreign error quotes the answer, which may echo a secret.
        raise self.unexpected("JSON as its protocol defines", got)

    def _mended(
        self, error: ValidationError, body: str | bytes, instead: Callable[[Mapping[str, object], str], Any]
    ) -> str | None:
        """The list with ``instead`` of each odd item, as JSON; ``None`` where it is not a list of objects."""
        odd = {
            found["loc"][0]: _in_words(found, found["loc"][1:])
            for found in reversed(error.errors(include_url=False))
            if found["loc"]
        }
        if not odd or not all(isinstance(place, int) for place in odd):
            return None
        items = json.loads(body)
        if not all(isinstance(item, dict) for item in items):
            return None
        for place, why in odd.items():
            items[place] = instead(items[place], self._blotted(why))
        return json.dumps(items)

    def at_address(
        self, address: str, items: tuple[Item, ...], odd: Callable[[Mapping[str, object], str], Item]
    ) -> tuple[Item, ...]:
        """The listed outputs, each of which should be at ``address``; ``odd`` replaces one that is elsewhere.

        Raises:
            UnexpectedAnswerError: none of them is there.
        """
        if items and all(item["address"] != address for item in items):
            raise self.unexpected(f"outputs at {address}", f"some at {items[0]['address']}")
        return tuple(
            item
            if item["address"] == address or "unreadable" in item
            else odd(item, f"its address is {item['address']}")
            for item in items
        )

    def require_at(self, address: str, addresses: Iterable[str]) -> None:
        """Check that listed outputs are at ``address``, all of them.

        Raises:
            UnexpectedAnswerError: one is elsewhere.
        """
        elsewhere = next((one for one in addresses if one != address), None)
        if elsewhere is not None:
            raise self.unexpected(f"outputs at {address}", f"one at {elsewhere}")

    def unexpected(self, expected: str, got: str) -> UnexpectedAnswerError:
        """The error for an answer that is not as the protocol has it."""
        return self.error(
            UnexpectedAnswerError,
            "got an answer that is not plausible",
            expected=expected,
            got=got,
            next_step="Check the URL and the version of the provider; if they are right, do not trust it",
        )

    def beyond(
        self,
        limit: str,
        expected: str,
        next_step: str | None = None,
        *,
        what: str = "got an answer beyond the limit",
        got: str | None = "more",
    ) -> ReadLimitExceededError:
        """The error for what is longer than the limit of that name in ``ReadLimits`` allows."""
        return self.error(
            ReadLimitExceededError,
            what,
            expected=expected,
            got=got,
            next_step=next_step or f"Raise {limit} only if the provider is trusted",
            limit=limit,
        )

    def too_late(self, expected: str, got: str, next_step: str) -> ProviderTimeoutError:
        """The error for what did not come in time."""
        return self.error(
            ProviderTimeoutError, "was not answered in time", expected=expected, got=got, next_step=next_step
        )

    def status_error(self, status: int, words: str = "", *, retry_after_s: float | None = None) -> ChainReadError:
        """The error for an answer with this HTTP status, with the provider's words and how long it asks to wait."""
        kind, what, next_step = _MEANINGS.get(status, _FAILED if status >= 500 else _REFUSED)
        facts: dict[str, Any] = {"status": status}
        if retry_after_s is not None:
            next_step = f"Wait {retry_after_s:.0f} s, as the provider asks. {next_step}"
            facts["retry_after_s"] = retry_after_s
        return self.error(kind, what, got=f"status {status} {words}".rstrip(), next_step=next_step, **facts)

    def _blotted(self, text: str) -> str:
        if self.secret:
            text = text.replace(self.secret, "***")
        return text if len(text) <= _EXCERPT else f"{text[:_EXCERPT]}…"


class LedgerStateOnly:
    """The half of a ``ChainObserver`` that knows the ledger state alone: a set of unspent outputs, without a past.

    Attributes:
        name: what operators call the observer.
        capabilities: none.
    """

    name: str
    capabilities = ObserverCapabilities(tokens=True)

    def input_addresses(self, transaction: str) -> tuple[str, ...]:
        """Not known to the ledger state.

        Raises:
            ProviderRefusedError: always.
        """
        raise self._not_in_ledger_state(f"the inputs of transaction {transaction}")

    def history(self, address: str) -> tuple[DatumOutput, ...]:
        """Not known to the ledger state.

        Raises:
            ProviderRefusedError: always.
        """
        raise self._not_in_ledger_state(f"the history of {address}")

    def _not_in_ledger_state(self, what: str) -> ProviderRefusedError:
        return Call(self.name, what).error(
            ProviderRefusedError,
            "cannot be read",
            expected="what the ledger state holds",
            next_step="Use an observer that declares this capability, such as Blockfrost",
        )


def known_of(item: Mapping[str, object], transaction: str, index: str) -> tuple[str, int, str]:
    """The hash, the index and the address of an odd output under these names; zeros and no text for what is not one."""
    found, place, address = item.get(transaction), item.get(index), item.get("address")
    return (
        found if isinstance(found, str) and re.fullmatch("[0-9a-f]{64}", found) else NO_HASH,
        place if type(place) is int and 0 <= place < 2**32 else 0,
        address if isinstance(address, str) else "",
    )


def provider_name(kind: str, url: str, schemes: tuple[str, ...]) -> str:
    """The name of the provider at ``url`` for operators: kind, scheme, host and port, never a path, a query or a user.

    Raises:
        ConfigurationError: ``url`` is not a URL with one of the ``schemes``; it may hold a key, so it is not shown.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = None
    if host is None or parts.scheme not in schemes:
        raise ConfigurationError(
            f"The {kind} URL is not usable",
            expected=" or ".join(f"{scheme}://host" for scheme in schemes),
            got=f"a text of {len(url)} characters without a host" if host is None else f"{parts.scheme}://…",
            next_step="Correct that URL",
        )
    shown = _SECRET_LABEL.sub("***", f"[{host}]" if ":" in host else host)
    return f"{kind} {parts.scheme}://{shown}" + (f":{port}" if port else "")


def shallow(text: str) -> str:
    """``text`` made harmless to parse: null for what nests deeper than ``DEEPEST``, and a text for a longer number.

    A parser refuses a whole answer for one of these, and anybody can put one into it: a native script or a datum that
    nests a hundred levels deep, or a number of thousands of digits, in a single output at the address. That must not
    spoil the reading of the others (rule T1), which look at none of these. Where a number is expected the text is not
    a number, and does not count as missing.
    """
    kept: list[str] = []
    begin = depth = 0
    for token in _TOKEN.finditer(text):
        first = text[token.start()]
        if first in "[{":
            depth += 1
            if depth == DEEPEST + 1:
                kept += [text[begin : token.start()], "null"]
        elif first in "]}":
            if depth == DEEPEST + 1:
                begin = token.end()
            depth -= 1
        elif first != '"' and depth <= DEEPEST and token.end() - token.start() > LONGEST_NUMBER:
            kept += [text[begin : token.start()], f'"a number of {token.end() - token.start()} characters"']
            begin = token.end()
    if depth <= DEEPEST:
        kept.append(text[begin:])
    return "".join(kept)


def _described(error: ValidationError, body: str | bytes) -> str:
    first = error.errors(include_url=False)[0]
    if first["type"] == "json_invalid":
        shown = body[:60] if isinstance(body, str) else body[:60].decode(errors="backslashreplace")
        return f"{shown!r} ({first['msg']})"
    return _in_words(first, first["loc"])


def _in_words(found: ErrorDetails, place: tuple[int | str, ...]) -> str:
    return f"{'.'.join(map(str, place)) or 'the answer'}: {found['msg']}, it is {found['input']!r}"
