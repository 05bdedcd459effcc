"""Questions to a Blockfrost API: one thing, a page, or every page of a list; checked for what they should be.

In: a base URL and a project id. Out: values of the expected types, or a ``ChainReadError`` that names the question.

Of ``blockfrost-python`` this uses what its requests carry (headers, names of the paging parameters). Its endpoint
methods have no timeout, its ``gather_pages`` recurses, and its client takes a key from the environment when given none.
"""

from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import quote

from blockfrost.config import DEFAULT_API_VERSION, ApiUrls
from blockfrost.utils import Api
from pydantic import ValidationError

from chain_reader.providers.blockfrost.answers import ErrorBody
from chain_reader.providers.blockfrost.other_kinds import FOREIGN, named
from chain_reader.providers.transport.api import HttpApi, usable_key
from chain_reader.providers.transport.errors import ReadLimitExceededError
from chain_reader.providers.transport.http import HttpAnswer
from chain_reader.providers.transport.limits import SYSTEM_CLOCK, Clock, ReadLimits
from chain_reader.providers.transport.sieve import Sieve

PUBLIC_URLS = {
    network: f"{ApiUrls[network].value}/{DEFAULT_API_VERSION}" for network in ("mainnet", "preprod", "preview")
}
PAGE_ITEMS = 100
_LONGEST_REASON = 1_000
_OF_EVERY_CHAIN = ("/blocks/latest", "/epochs/latest", "/genesis")
"""Paths that every Blockfrost API answers."""

Item = TypeVar("Item")
Parsed = TypeVar("Parsed")


class BlockfrostApi(HttpApi):
    """Requests to one Blockfrost API.

    Args:
        place: what paths follow, version included, or the name of a network of Blockfrost's own service.
        project_id: the key; it never shows in an error or a ``repr``.
        limits, clock: as ``HttpApi`` has them.

    Raises:
        ConfigurationError: the URL or the project id cannot be used.
    """

    def __init__(
        self,
        place: str,
        project_id: str | None,
        limits: ReadLimits,
        *,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        secret = usable_key(project_id, "Blockfrost project id")
        api = Api(project_id=secret, base_url=place)
        api.project_id = secret  # with none given, Api would send the environment's to whatever URL this is
        super().__init__(
            "blockfrost",
            place,
            limits,
            public=PUBLIC_URLS,
            headers=api.default_headers,
            secret=secret,
            clock=clock,
        )
        self._kind_was_asked = False

    def one(self, path: str, expected: type[Parsed], until: float, sieve: Sieve | None = None) -> Parsed:
        """The thing at ``path``, or of a long one what a ``sieve`` keeps.

        Raises:
            ChainReadError: it could not be read.
        """
        try:
            return self.ask(path, expected, until, sieve=sieve)
        except FOREIGN as error:
            if self._kind_was_asked or path not in _OF_EVERY_CHAIN:
                raise
            self._kind_was_asked = True
            raise named(error, self._http, self.call, until) from error

    def known(self, path: str, expected: type[Parsed], until: float) -> Parsed | None:
        """The same, or ``None`` where the provider answers 404: it knows no such transaction, block or epoch.

        Dolos sends that without a body. What is not there is asked for again, so that nothing hangs on who sent it; of
        an address only Blockfrost's own words count (``page``).
        """
        call = self.call(path)
        answer = self._http.get(path, call, until=until)
        return None if answer.status == HTTPStatus.NOT_FOUND else self.parsed(call, answer, expected)

    def page(
        self,
        path: str,
        expected: type[tuple[Item, ...]],
        page: int,
        until: float,
        *,
        instead: Callable[[Mapping[str, object], str], Item] | None = None,
        order: str = "desc",
    ) -> tuple[Item, ...]:
        """A page of a list about an address, by default newest first; of an address that was never used, nothing.

        An item that is not of the expected type is replaced by what ``instead`` makes of it and of what is wrong with
        it; without that, the page is refused.
        """
        return self.asked_page(path, expected, page, until, instead, order=order)()

    def asked_page(
        self,
        path: str,
        expected: type[tuple[Item, ...]],
        page: int,
        until: float,
        instead: Callable[[Mapping[str, object], str], Item] | None,
        *,
        order: str = "desc",
    ) -> Callable[[], tuple[Item, ...]]:
        """Ask for a page; what is returned takes the answer apart and raises what ``page`` raises, in any thread.

        Raises:
            ChainReadError: there is no answer.
        """
        params = Api.query_parameters({"count": PAGE_ITEMS, "page": page, "order": order})
        call = self.call(f"{path}?count={PAGE_ITEMS}&page={page}&order={order}")
        answer = self._http.get(path, call, params=params, until=until)

        def items() -> tuple[Item, ...]:
            if page == 1 and _is_blockfrosts_not_found(answer):
                return ()
            found = self.parsed(call, answer, expected, instead=instead)
            if len(found) > PAGE_ITEMS:
                raise call.unexpected(f"at most {PAGE_ITEMS} items", f"{len(found)}")
            return found

        return items

    def items(self, path: str, expected: type[tuple[Item, ...]], until: float) -> Iterator[Item]:
        """Every item of a list about an address, newest first.

        Raises:
            ReadLimitExceededError: there are more than the limits allow.
            ChainReadError: one could not be read.
        """
        for page in range(1, self.limits.max_pages + 1):
            items = self.page(path, expected, page, until)
            yield from items
            if len(items) < PAGE_ITEMS:
                return
        raise self.beyond(path, f"at most {self.limits.max_pages} pages", "max_pages")

    def beyond(self, path: str, expected: str, limit: str) -> ReadLimitExceededError:
        """The error for a list that is longer than a limit."""
        next_step = f"Somebody may flood the address; raise {limit} to read it all"
        return self.call(path).beyond(limit, expected, next_step, what="holds more than the limit allows")

    def words_of(self, answer: HttpAnswer) -> str:
        """The words of an error in Blockfrost's form."""
        body = _error_body(answer)
        return "" if body is None else f"{body.error}: {body.message}"

    def reason_of(self, answer: HttpAnswer) -> str:
        """The message of an error in Blockfrost's form."""
        body = _error_body(answer)
        return "" if body is None else " ".join(body.message.split())[:_LONGEST_REASON]


def about_address(address: str, what: str) -> str:
    """The path of ``what`` there is about an address."""
    return f"/addresses/{quote(address, safe='')}/{what}"


def _is_blockfrosts_not_found(answer: HttpAnswer) -> bool:
    """Whether this is Blockfrost's own 404: a proxy's or a web server's proves nothing."""
    return answer.status == HTTPStatus.NOT_FOUND and _error_body(answer) is not None


def _error_body(answer: HttpAnswer) -> ErrorBody | None:
    """The body of an error in Blockfrost's form, if it is in that form and speaks of the same status."""
    try:
        body = ErrorBody.model_validate_json(answer.body)
    except ValidationError:
        return None
    return body if body.status_code == answer.status else None
