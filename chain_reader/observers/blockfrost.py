"""Reads a chain through a Blockfrost API: Blockfrost, or whatever speaks its protocol, such as the local chain.

In: a base URL and a project id. Out: the answers of the ``ChainObserver`` port, newest first, whole or not at all.

1. Every request has its timeouts, a deadline and a size (``ReadLimits``); pages of 100 are asked for one by one.
2. Only a 404 in Blockfrost's own words, on an address, means "never used"; nothing else becomes an empty answer.
3. Each other status is an error of its own, because an operator does something else about each (``errors``).
4. Pages are no snapshot: when an output at the address was spent while several were read, one may have been missed,
   and that is an error. Outputs that were only added cannot hide one.
5. Every field that is used is checked for its type, and an answer for being one to the question asked.

Of ``blockfrost-python`` this uses its URLs and what its requests carry (headers, names of the paging parameters). Its
endpoint methods have no timeout, its ``gather_pages`` recurses, and its client takes a key from the environment when it
was given none.
"""

import time
from collections.abc import Iterator
from itertools import takewhile
from typing import TypeVar
from urllib.parse import quote

from blockfrost.config import DEFAULT_API_VERSION, ApiUrls
from blockfrost.utils import Api
from pydantic import TypeAdapter, ValidationError

from chain_reader.observers.blockfrost_answers import (
    ADDRESS_OUTPUTS,
    ADDRESS_TRANSACTIONS,
    ERROR_BODY,
    LATEST_BLOCK,
    LATEST_EPOCH,
    TRANSACTION_OUTPUTS,
    AddressOutput,
    AddressTransaction,
    CreatedOutput,
    ErrorBody,
    TransactionOutputs,
)
from chain_reader.observers.calls import Call, provider_name
from chain_reader.observers.errors import ReadLimitExceededError, UnsteadyAnswerError
from chain_reader.observers.http import BoundedHttp, HttpAnswer
from chain_reader.observers.limits import DEFAULT_LIMITS, ReadLimits
from chain_reader.observers.statuses import status_error
from chain_reader.ports import ChainTip, DatumOutput, ObserverCapabilities
from eras import ChainReadError, ConfigurationError, Epoch, Slot

PAGE_ITEMS = 100
_NETWORKS = ("mainnet", "preprod", "preview")

Item = TypeVar("Item")
Parsed = TypeVar("Parsed")


class BlockfrostObserver:
    """A ``ChainObserver`` over a Blockfrost API. It knows the order of outputs, inputs and history, but no slots.

    Args:
        base_url: what paths follow, version included (``https://cardano-mainnet.blockfrost.io/api/v0``).
        project_id: the key; it never shows in an error or a ``repr``.
        limits: time and size of reading.

    Raises:
        ConfigurationError: the URL or the project id cannot be used.
    """

    def __init__(self, base_url: str, project_id: str | None = None, *, limits: ReadLimits = DEFAULT_LIMITS) -> None:
        self._name = provider_name("blockfrost", base_url, ("http", "https"))
        self._secret = _usable_key(project_id)
        self._limits = limits
        api = Api(project_id=self._secret, base_url=base_url)
        api.project_id = self._secret  # with none given, Api would send the environment's to whatever URL this is
        self._http = BoundedHttp(base_url, api.default_headers, limits)

    def __repr__(self) -> str:
        return f"BlockfrostObserver({self._name!r})"

    @property
    def name(self) -> str:
        """What operators call it, without the key."""
        return self._name

    @property
    def capabilities(self) -> ObserverCapabilities:
        """Order, inputs and history."""
        return ObserverCapabilities(order=True, inputs=True, history=True)

    def epoch(self) -> Epoch:
        """The current epoch.

        Raises:
            ChainReadError: it could not be read.
        """
        return Epoch(self._one("/epochs/latest", LATEST_EPOCH, self._until()).epoch)

    def tip(self) -> ChainTip:
        """The newest block.

        Raises:
            ChainReadError: it could not be read.
        """
        block = self._one("/blocks/latest", LATEST_BLOCK, self._until())
        if block.slot is None:
            raise self._call("/blocks/latest").unexpected("a block with a slot", "slot null")
        return ChainTip(Slot(block.slot), block.height, block.hash)

    def datums(self, address: str) -> tuple[DatumOutput, ...]:
        """The unspent outputs at ``address`` that carry an inline datum, newest first.

        Raises:
            ChainReadError: they could not be read, or not whole (rule 4).
        """
        until = self._until()
        path = f"/addresses/{quote(address, safe='')}/utxos"
        found = self._page(path, ADDRESS_OUTPUTS, 1, until)
        if len(found) == PAGE_ITEMS:
            newest = self._newest_transactions(address, until)[:1]
            found = tuple(self._pages(path, ADDRESS_OUTPUTS, until))
            self._require_steady(address, newest, until)
        outputs = {}
        for item in found:
            if item.address != address:
                raise self._call(path).unexpected(f"outputs at {address}", f"one at {item.address}")
            if item.inline_datum is not None:
                output = _unspent(item, item.inline_datum)
                outputs[output.reference] = output
        return tuple(outputs.values())

    def input_addresses(self, transaction: str) -> tuple[str, ...]:
        """The addresses of the inputs that ``transaction`` spends.

        Raises:
            ChainReadError: they could not be read.
        """
        return _spent_addresses(self._transaction(transaction, self._until()))

    def history(self, address: str) -> tuple[DatumOutput, ...]:
        """Every output with an inline datum that was ever at ``address``, newest first.

        Raises:
            ChainReadError: it could not be read, or is longer than the limits allow.
        """
        until = self._until()
        path = f"/addresses/{quote(address, safe='')}/transactions"
        heights = {item.tx_hash: item.block_height for item in self._pages(path, ADDRESS_TRANSACTIONS, until)}
        if len(heights) > self._limits.max_transactions:
            raise self._beyond(path, f"at most {self._limits.max_transactions} transactions", "max_transactions")
        return tuple(
            _created(transaction, height, output, output.inline_datum)
            for transaction, height in heights.items()
            for output in reversed(self._transaction(transaction, until).outputs)
            if output.address == address and output.inline_datum is not None and not output.collateral
        )

    def close(self) -> None:
        """Close the connections. Calling it twice is fine."""
        self._http.close()

    # --- requests

    def _until(self) -> float:
        return time.monotonic() + self._limits.read_deadline_s

    def _call(self, path: str) -> Call:
        return Call(self._name, f"GET {path}", self._secret)

    def _one(self, path: str, expected: TypeAdapter[Parsed], until: float) -> Parsed:
        call = self._call(path)
        answer = self._http.get(path, call, until=until)
        if answer.status != 200:
            raise _refusal(call, answer)
        return call.parse(expected, answer.body)

    def _transaction(self, transaction: str, until: float) -> TransactionOutputs:
        path = f"/txs/{quote(transaction, safe='')}/utxos"
        answer = self._one(path, TRANSACTION_OUTPUTS, until)
        if answer.hash != transaction:
            raise self._call(path).unexpected(f"the transaction {transaction}", f"{answer.hash}")
        return answer

    def _page(self, path: str, expected: TypeAdapter[tuple[Item, ...]], page: int, until: float) -> tuple[Item, ...]:
        """A page of a list about an address, newest first; of an address that was never used, nothing (rule 2)."""
        params = Api.query_parameters({"count": PAGE_ITEMS, "page": page, "order": "desc"})
        call = self._call(f"{path}?count={PAGE_ITEMS}&page={page}&order=desc")
        answer = self._http.get(path, call, params=params, until=until)
        if answer.status == 404 and page == 1 and _error_body(answer) is not None:
            return ()
        if answer.status != 200:
            raise _refusal(call, answer)
        items = call.parse(expected, answer.body)
        if len(items) > PAGE_ITEMS:
            raise call.unexpected(f"at most {PAGE_ITEMS} items", f"{len(items)}")
        return items

    def _pages(self, path: str, expected: TypeAdapter[tuple[Item, ...]], until: float) -> Iterator[Item]:
        for page in range(1, self._limits.max_pages + 1):
            items = self._page(path, expected, page, until)
            yield from items
            if len(items) < PAGE_ITEMS:
                return
        raise self._beyond(path, f"at most {self._limits.max_pages} pages", "max_pages")

    def _newest_transactions(self, address: str, until: float) -> tuple[AddressTransaction, ...]:
        path = f"/addresses/{quote(address, safe='')}/transactions"
        return self._page(path, ADDRESS_TRANSACTIONS, 1, until)

    def _require_steady(self, address: str, newest: tuple[AddressTransaction, ...], until: float) -> None:
        """Check that nothing at ``address`` was spent, or rolled back, since ``newest`` was its newest transaction."""
        now = self._newest_transactions(address, until)
        since = tuple(takewhile(lambda item: item not in newest, now))
        if len(since) == len(now) or any(
            address in _spent_addresses(self._transaction(item.tx_hash, until)) for item in since
        ):
            raise self._call(f"/addresses/{address}/utxos").error(
                UnsteadyAnswerError,
                "changed while its pages were read",
                expected="no output spent meanwhile",
                got=f"{len(since)} new transactions at the address",
                next_step="Read again",
            )

    def _beyond(self, path: str, expected: str, limit: str) -> ReadLimitExceededError:
        return self._call(path).error(
            ReadLimitExceededError,
            "has more to tell than the limit allows",
            expected=expected,
            got="more",
            next_step=f"Somebody may flood the address; raise {limit} to read it all",
            limit=limit,
        )


def public_url(network: str) -> str:
    """The base URL of Blockfrost's own service for a public network.

    Raises:
        ConfigurationError: it serves no network of that name.
    """
    if network not in _NETWORKS:
        raise ConfigurationError(
            "Blockfrost serves no network of that name",
            expected=f"a URL, or one of {', '.join(_NETWORKS)}",
            got=f"{network!r}"[:40],
            next_step="Correct the chain observer",
        )
    return f"{ApiUrls[network].value}/{DEFAULT_API_VERSION}"


def _usable_key(project_id: str | None) -> str | None:
    """The key without the newline of its file; an unusable one is refused without being shown."""
    key = (project_id or "").strip()
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ConfigurationError(
            "The Blockfrost project id is not usable",
            expected="letters and digits",
            got="other characters",
            next_step="Copy the project id again",
        )
    return key or None


def _error_body(answer: HttpAnswer) -> ErrorBody | None:
    """The body of an error in Blockfrost's form, if it is in that form and speaks of the same status."""
    try:
        body = ERROR_BODY.validate_json(answer.body)
    except ValidationError:
        return None
    return body if body.status_code == answer.status else None


def _refusal(call: Call, answer: HttpAnswer) -> ChainReadError:
    """The error for a status other than 200."""
    body = _error_body(answer)
    return status_error(call, answer.status, "" if body is None else f"{body.error}: {body.message}")


def _unspent(item: AddressOutput, datum: str) -> DatumOutput:
    return DatumOutput(item.tx_hash, item.output_index, datum, item.lovelace, spent=False)


def _created(transaction: str, height: int, output: CreatedOutput, datum: str) -> DatumOutput:
    known = "consumed_by_tx" in output.model_fields_set
    spent = output.consumed_by_tx is not None if known else None
    return DatumOutput(transaction, output.output_index, datum, output.lovelace, height=height, spent=spent)


def _spent_addresses(transaction: TransactionOutputs) -> tuple[str, ...]:
    """Where the spent inputs were, each address once; reference and collateral inputs prove nothing (rule T2)."""
    spent = (item.address for item in transaction.inputs if not item.collateral and not item.reference)
    return tuple(dict.fromkeys(spent))
