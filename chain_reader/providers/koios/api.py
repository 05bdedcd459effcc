"""Questions to a Koios server, no more of them than its public tier allows.

In: a base URL, and a token where there is an account. Out: values of the expected types, or a ``ChainReadError`` that
names the question.

1. Without an account Koios answers 5,000 requests a day and 100 in 10 seconds, with one of its free ones 50,000 a day:
   a reading waits for its turn, and fails where the turn comes too late. It asks for one transaction at a time, as the
   body of a request may have 1 kB.
2. A list comes in pages of 100 to 1,000 items. More than one are one state only if the tip stood still meanwhile.
3. Koios knows no 404 for what is not there: it answers an empty list, which is believed like any other answer of its.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any, TypeVar

from chain_reader.providers.koios.answers import (
    TRANSACTIONS_SIEVE,
    AssetSupply,
    Output,
    Reference,
    Tip,
    Transaction,
    TransactionBytes,
    reference_of,
)
from chain_reader.providers.transport.api import HttpApi, usable_key
from chain_reader.providers.transport.calls import known_of
from chain_reader.providers.transport.errors import (
    OF_ONE_ANSWER,
    ProviderNotFoundError,
    ReadLimitExceededError,
    UnsteadyAnswerError,
)
from chain_reader.providers.transport.http import HttpAnswer
from chain_reader.providers.transport.limits import SYSTEM_CLOCK, Clock, ReadLimits
from chain_reader.providers.transport.sieve import Sieve
from chain_reader.thread_token import spelled

Parsed = TypeVar("Parsed")
_Outputs = tuple[Output, ...]

PAGE_ITEMS = 1_000
FIRST_PAGE_ITEMS = 100
"""Enough at an address where no flood is; a flood is read in pages of the most that there may be."""
PUBLIC_URLS = {
    "mainnet": "https://api.koios.rest/api/v1",
    "preprod": "https://preprod.koios.rest/api/v1",
    "preview": "https://preview.koios.rest/api/v1",
}

_DAY_S = 86_400
_REQUESTS_A_DAY = {False: 5_000, True: 50_000}
_BURST = 100
_ATTEMPTS = 3
_REFERENCES_A_BODY = 12  # of 1 kB
_ENOUGH_FAILED = 3  # without one that is answered: it is not they
_EVERYTHING_ELSE = ("_metadata", "_assets", "_withdrawals", "_certs", "_scripts", "_bytecode")


class KoiosApi(HttpApi):
    """Requests to one Koios server.

    Args:
        place: what paths follow, version included, or the name of a public network.
        token: the token of an account; it never shows in an error or a ``repr``.
        limits, clock: as ``HttpApi`` has them.

    Raises:
        ConfigurationError: the place or the token cannot be used.
    """

    accepted = (HTTPStatus.ACCEPTED,)  # of a transaction

    def __init__(
        self,
        place: str,
        token: str | None,
        limits: ReadLimits,
        *,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        secret = usable_key(token, "Koios token")
        a_day = _REQUESTS_A_DAY[secret is not None] / _DAY_S
        slowed = replace(limits, requests_per_s=min(limits.requests_per_s, a_day), burst=min(limits.burst, _BURST))
        headers = {"Authorization": secret and f"Bearer {secret}"}
        super().__init__("koios", place, slowed, public=PUBLIC_URLS, headers=headers, secret=secret, clock=clock)

    def tip(self, until: float) -> Tip:
        """The newest block."""
        return self.one("/tip", tuple[Tip, ...], until)

    def one(self, path: str, expected: type[tuple[Parsed, ...]], until: float) -> Parsed:
        """The one item of the list at ``path``.

        Raises:
            ChainReadError: it could not be read.
        """
        found = self.ask(path, expected, until)
        if len(found) != 1:
            raise self.call(path).unexpected("one item", f"{len(found)}")
        return found[0]

    def transaction(self, transaction: str, until: float, *, inputs: bool = False) -> Transaction | None:
        """Koios' record of a transaction; ``None`` where it is in no block.

        Raises:
            ChainReadError: it could not be read.
        """
        path = "/tx_info"
        asked = {"_tx_hashes": [transaction], "_inputs": inputs, **dict.fromkeys(_EVERYTHING_ELSE, False)}
        found = self._asked(path, asked, tuple[Transaction, ...], until, sieve=TRANSACTIONS_SIEVE)
        if any(item.tx_hash != transaction for item in found):
            raise self.call(path, "POST").unexpected(f"the transaction {transaction}", found[0].tx_hash)
        return found[0] if found else None

    def transaction_bytes(self, transaction: str, until: float) -> bytes | None:
        """The bytes of a transaction; ``None`` where Koios does not show them, or has no such transaction."""
        path = "/tx_cbor"
        try:
            found = self._asked(path, {"_tx_hashes": [transaction]}, tuple[TransactionBytes, ...], until)
        except ProviderNotFoundError:
            return None  # as of a server from before it had them
        return next((bytes.fromhex(item.cbor) for item in found if item.tx_hash == transaction), None)

    def unspent(
        self, address: str, order: str, until: float, enough: Callable[[tuple[Output, ...]], bool] = lambda page: False
    ) -> tuple[Output, ...]:
        """The unspent outputs at ``address``, all pages of one state, up to the first that is ``enough``.

        Raises:
            UnsteadyAnswerError: blocks came while its pages were read, each time.
            ReadLimitExceededError: it has more pages than may be read.
            ChainReadError: they could not be read.
        """
        asked = {"_addresses": [address], "_extended": True}
        found = self._pages(
            "/address_utxos", asked, _Outputs, order=order, until=until, enough=enough, instead=odd_output
        )
        return self.call("/address_utxos", "POST").at_address(address, found, odd_output)

    def outputs_ever(self, address: str, until: float) -> tuple[Reference, ...]:
        """The references of the outputs that were ever at ``address``.

        Raises:
            ChainReadError: as ``unspent``.
        """
        order = "block_height.desc,tx_hash.asc,tx_index.asc"
        return self._pages(
            "/address_outputs", {"_addresses": [address]}, tuple[Reference, ...], order=order, until=until
        )

    def outputs_of(
        self, references: Sequence[str], address: str, until: float
    ) -> tuple[dict[str, Output], dict[str, str]]:
        """The outputs with these references, which must be at ``address``, with their datums; and why others are not.

        One that cannot be had ends nothing: where several are refused, each is asked for by itself.

        Raises:
            ChainReadError: none of them can be had.
        """
        found: dict[str, Output] = {}
        failed: dict[str, str] = {}
        batches = [
            references[start : start + _REFERENCES_A_BODY] for start in range(0, len(references), _REFERENCES_A_BODY)
        ]
        while batches:
            batch = batches.pop(0)
            try:
                found |= self._outputs(batch, address, until)
            except OF_ONE_ANSWER as error:
                if len(batch) > 1:
                    batches[:0] = [[reference] for reference in batch]
                    continue
                failed[batch[0]] = str(error)
                if not found and len(failed) >= _ENOUGH_FAILED and batches:
                    raise
        return found, failed

    def _outputs(self, references: Sequence[str], address: str, until: float) -> dict[str, Output]:
        path = "/utxo_info"
        asked = {"_utxo_refs": references, "_extended": True}
        items = self._asked(path, asked, _Outputs, until, instead=odd_output)
        found = self.call(path, "POST").at_address(address, items, odd_output)
        return {reference_of(item): item for item in found}

    def holders(self, address: str, unit: str, until: float) -> tuple[Output, ...]:
        """The unspent outputs at ``address`` that hold a token."""
        asked = {"_asset_list": [spelled(unit).split(".")], "_extended": True}
        found = self._asked("/asset_utxos", asked, _Outputs, until, query=f"limit={PAGE_ITEMS}", instead=odd_output)
        return tuple(item for item in found if item["address"] == address)

    def supply(self, unit: str, until: float) -> int:
        """The supply of a token; 0 where Koios knows no such token."""
        asked = {"_asset_list": [spelled(unit).split(".")]}
        found = self._asked("/asset_info", asked, tuple[AssetSupply, ...], until)
        return sum(item.total_supply for item in found if item.policy_id + (item.asset_name or "") == unit)

    def is_unspent(self, reference: str, until: float) -> bool | None:
        """Whether an output is unspent; ``None`` where Koios knows no such output."""
        asked = {"_utxo_refs": [reference], "_extended": True}
        found = self._asked("/utxo_info", asked, _Outputs, until, instead=odd_output)
        item = next((item for item in found if reference_of(item) == reference), None)
        return None if item is None or "unreadable" in item else not item["is_spent"]

    def _pages(
        self,
        path: str,
        asked: Mapping[str, object],
        expected: type[tuple[Parsed, ...]],
        *,
        order: str,
        until: float,
        enough: Callable[[tuple[Parsed, ...]], bool] = lambda page: False,
        **how: Any,
    ) -> tuple[Parsed, ...]:
        for _ in range(_ATTEMPTS):
            before: Tip | None = None
            found: list[Parsed] = []
            for _ in range(self.limits.max_pages):
                size = min(PAGE_ITEMS, max(FIRST_PAGE_ITEMS, len(found)))
                query = f"order={order}&offset={len(found)}&limit={size}"
                items = self._asked(path, asked, expected, until, query=query, **how)
                found += items
                if len(items) < size or enough(items):
                    break
                before = before or self.tip(until)
            else:
                raise self.beyond(path, f"at most {self.limits.max_pages} pages of {PAGE_ITEMS}", "max_pages")
            if before is None or self.tip(until) == before:
                return tuple(found)
        raise self.call(path, "POST").error(
            UnsteadyAnswerError,
            "changed while it was read",
            expected="pages of one state of the address",
            got=f"another block in each of {_ATTEMPTS} attempts",
            next_step="Read again",
        )

    def beyond(self, path: str, expected: str, limit: str) -> ReadLimitExceededError:
        """The error of a list that is longer than the limit of that name allows."""
        return self.call(path, "POST").beyond(limit, expected, what="lists more than may be read", got=None)

    def _asked(
        self,
        path: str,
        asked: Mapping[str, object],
        expected: type[Parsed],
        until: float,
        *,
        query: str = "",
        sieve: Sieve | None = None,
        **how: Any,
    ) -> Parsed:
        call, body = self.call(path, "POST"), json.dumps(asked).encode()
        answer = self._http.query(f"{path}?{query}".rstrip("?"), call, body, until=until, sieve=sieve)
        return self.parsed(call, answer, expected, **how)

    def words_of(self, answer: HttpAnswer) -> str:
        """The reason of a refusal: the ``message`` of PostgREST's errors, or the beginning of the text."""
        text = answer.body[:1_000].decode(errors="replace")
        try:
            found = json.loads(answer.body)
        except (ValueError, RecursionError):
            found = None
        message = found.get("message") if isinstance(found, dict) else None
        return " ".join((message if isinstance(message, str) else text).split())[:200]


def odd_output(item: Mapping[str, object], why: str) -> Output:
    """An output that is not as it should be: refused by itself, with ``why``."""
    transaction, index, address = known_of(item, "tx_hash", "tx_index")
    height = item.get("block_height")
    return Output(
        tx_hash=transaction,
        tx_index=index,
        address=address,
        value="0",
        block_height=height if type(height) is int and 0 <= height < 2**63 else 0,
        is_spent=item.get("is_spent") is True,
        unreadable=f"Koios lists it in a way that is not plausible: {why}",
    )
