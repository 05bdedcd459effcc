"""Questions to a Kupo server: matches of a pattern, which patterns it follows, how far it is.

In: a base URL. Out: values of the expected types, or a ``ChainReadError`` that names the question.

1. An answer counts as Kupo's if it carries ``X-Most-Recent-Checkpoint``. A 404 with that header means that nothing
   matches; any other 404 comes from something else at the URL.
2. An address that no pattern covers has no matches, whatever is on the chain: Kupo is asked for its patterns first.
3. One odd match of a list is refused by itself and the others stay.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import quote

from pydantic import ValidationError

from chain_reader.providers.kupo.answers import Health, Hint, Match, Point, Value
from chain_reader.providers.transport.api import HttpApi
from chain_reader.providers.transport.calls import NO_HASH, Call, known_of
from chain_reader.providers.transport.http import HttpAnswer
from chain_reader.providers.transport.limits import SYSTEM_CLOCK, Clock, ReadLimits
from chain_reader.thread_token import spelled
from eras import ChainReadError

Parsed = TypeVar("Parsed")

CHECKPOINT_HEADER = "x-most-recent-checkpoint"


class KupoApi(HttpApi):
    """Requests to one Kupo server.

    Args:
        base_url: what paths follow.
        limits, clock: as ``HttpApi`` has them.

    Raises:
        ConfigurationError: the URL cannot be used.
    """

    accepted = (HTTPStatus.ACCEPTED,)  # where it follows the node, and is behind

    def __init__(self, base_url: str, limits: ReadLimits, *, clock: Clock = SYSTEM_CLOCK) -> None:
        super().__init__("kupo", base_url, limits, clock=clock)
        self._followed: set[str] = set()

    def at_address(self, address: str, query: str, until: float) -> tuple[Match, ...]:
        """The matches at ``address``, resolved; the address must be followed.

        Raises:
            ChainReadError: no pattern covers the address, or they could not be read.
        """
        self.require_followed(address, until)
        found = self.matches(address, f"resolve_hashes&{query}", until)
        return self.call(f"/matches/{address}").at_address(address, found, odd_match)

    def require_followed(self, address: str, until: float) -> None:
        """Require that the server follows a pattern that the address matches.

        Raises:
            ChainReadError: it follows none, or could not be reached.
        """
        if address not in self._followed:
            path = f"/patterns/{quote(address, safe='')}"
            if not self.parsed(self.call(path), self._get(path, until), tuple[str, ...]):
                raise self.call(path).error(
                    ChainReadError,
                    "matches no pattern that the server follows",
                    expected=f"a pattern that {address} matches",
                    got="none",
                    next_step=f"Start Kupo with --match {address} (or --match '*'), since before its first marker",
                    code="AddressNotIndexed",
                )
            self._followed.add(address)

    def output(self, transaction: str, index: int, until: float) -> Match | None:
        """The output with this reference; ``None`` where the server has none.

        Raises:
            ChainReadError: it could not be read.
        """
        found = self.matches(f"{index}@{transaction}", "", until)
        if not found:
            return None
        if (found[0]["transaction_id"], found[0]["output_index"]) != (transaction, index) or "unreadable" in found[0]:
            raise self.call(f"/matches/{index}@{transaction}").unexpected(
                f"the output {index} of {transaction}", "another"
            )
        return found[0]

    def matches(self, pattern: str, query: str, until: float) -> tuple[Match, ...]:
        """The outputs that ``pattern`` matches."""
        path = f"/matches/{quote(pattern, safe='*')}"
        call, answer = self.call(path), self._get(f"{path}?{query}", until)
        if answer.status == HTTPStatus.NOT_FOUND and CHECKPOINT_HEADER in answer.headers:
            return ()
        return self.parsed(call, answer, tuple[Match, ...], instead=odd_match)

    def checkpoint(self, until: float) -> tuple[int, str | None]:
        """The slot of the newest block in the index, and its hash where the server gives it."""
        path = "/health"
        answer = self._get(path, until)
        found = self.parsed(self.call(path), answer, Health).most_recent_checkpoint
        block_hash = answer.headers.get("etag", "").strip('"')
        return found or 0, block_hash if len(block_hash) == len(NO_HASH) else None

    def _get(self, path: str, until: float) -> HttpAnswer:
        return self._http.get(path, self.call(path.partition("?")[0]), until=until)

    def parsed(self, call: Call, answer: HttpAnswer, expected: type[Parsed], **how: Any) -> Parsed:
        """The body of an answer that is Kupo's (rule 1).

        Raises:
            ChainReadError: it is a refusal, or not Kupo's.
        """
        if answer.status in (HTTPStatus.OK, *self.accepted) and CHECKPOINT_HEADER not in answer.headers:
            raise call.unexpected("an answer of Kupo, with X-Most-Recent-Checkpoint", "one without")
        return super().parsed(call, answer, expected, **how)

    def words_of(self, answer: HttpAnswer) -> str:
        """The hint that Kupo gives with a refusal."""
        try:
            return " ".join(Hint.model_validate_json(answer.body).hint.split())[:200]
        except ValidationError:
            return ""


def pattern_of(unit: str) -> str:
    """The pattern that the outputs with a token match."""
    pattern = spelled(unit)
    return pattern + "*" * pattern.endswith(".")


def odd_match(item: Mapping[str, object], why: str) -> Match:
    """A match that is not as it should be: refused by itself, with ``why``."""
    transaction, index, address = known_of(item, "transaction_id", "output_index")
    return Match(
        transaction_id=transaction,
        output_index=index,
        address=address,
        value=Value(coins=0),
        datum_hash=None,
        script_hash=None,
        created_at=Point(slot_no=0, header_hash=NO_HASH),
        spent_at=None,
        unreadable=f"Kupo lists it in a way that is not plausible: {why}",
    )
