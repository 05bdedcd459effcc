"""The outputs at an address, read page by page from a Blockfrost API: one state of the address, or an error.

In: an address, and when its answer is settled. Out: its outputs with an inline datum, newest first.

1. A first page that is not full, or that settles the answer, is one answer to one request: nothing else is asked.
2. More pages are no snapshot: an output that is spent, or a block that is rolled back, moves the rest up, and one may
   slip through between two pages. So the tip is read before the first and after the last page. Where it moved, the
   block it was must still be on the chain, and no transaction since may have spent at the address; outputs that were
   only added move the rest down, so that some come twice, of which one is kept.
3. Where an output may have been missed, reading starts over, a few times.
4. What was read while the tip stood still is kept for as long as the tip is that block: reading again costs the first
   page, which must be the same, and the tip. It is never kept for another tip, though nothing seems to have happened
   at the address: behind one URL there may be several servers, some of them late.
5. In a flood the next pages are on their way while one is looked at, one after the other; two are then asked for in
   vain.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import takewhile
from urllib.parse import quote

from chain_reader.ports import UNKNOWN_ADDRESS, DatumOutput
from chain_reader.providers.blockfrost.answers import (
    OUTPUTS_SIEVE,
    AddressOutput,
    AddressTransaction,
    Block,
    TransactionOutputs,
    assets_of,
    lovelace_of,
)
from chain_reader.providers.blockfrost.api import PAGE_ITEMS, BlockfrostApi, about_address
from chain_reader.providers.transport.calls import known_of
from chain_reader.providers.transport.errors import (
    ProviderNotFoundError,
    ProviderRefusedError,
    UnexpectedAnswerError,
    UnsteadyAnswerError,
)

READINGS = 3
"""The number of times that reading starts over before the address counts as too busy to read (rule 3)."""

ASK_AHEAD_FROM = 10
ASK_AHEAD = 2
"""From that page on it is a flood: so many more are asked for while one is looked at (rule 5)."""

Settled = Callable[[tuple[DatumOutput, ...]], bool]


@dataclass(slots=True)
class _Snapshot:
    """The outputs read of an address at a tip, as far as it was read; at no tip once that has moved."""

    address: str
    tip: Block | None
    first: tuple[AddressOutput, ...]
    pages: list[tuple[DatumOutput, ...]] = field(default_factory=list)
    complete: bool = False

    def outputs(self) -> dict[str, DatumOutput]:
        """The outputs on all pages, by reference."""
        return {output.reference: output for page in self.pages for output in page}

    def add(self, items: tuple[AddressOutput, ...], seen: set[str], before: Mapping[str, DatumOutput]) -> None:
        """Take a page in, without what was ``seen`` on an earlier one; what equals one of ``before`` is that one."""
        new = {output.reference: output for output in with_datum(items) if output.reference not in seen}
        page = [(before.get(reference), output) for reference, output in new.items()]
        self.pages.append(tuple([known if known == output else output for known, output in page]))
        seen.update(new)
        self.complete = len(items) < PAGE_ITEMS


class AddressReader:
    """Reads addresses through ``api``, and keeps the last one that took several pages."""

    def __init__(self, api: BlockfrostApi) -> None:
        self._api = api
        self._kept: _Snapshot | None = None
        self.listed = 0
        self._turn = threading.Lock()

    def read(self, address: str, settled: Settled) -> tuple[DatumOutput, ...]:
        """The outputs at ``address`` to the end of the first page that is ``settled``.

        Raises:
            UnsteadyAnswerError: the address changes too fast to be read (rule 3).
            ChainReadError: it could not be read.
        """
        until = self._api.until()
        first = self._page(address, 1, until)
        found = with_datum(first)
        self.listed = len(first)
        if len(first) < PAGE_ITEMS or settled(found):
            return found
        with self._turn:
            for _ in range(READINGS):
                tip = self._api.one("/blocks/latest", Block, until)
                kept, before = self._kept, {} if self._kept is None else self._kept.outputs()
                # The outputs of a page include their address, so that an equal page is one of the same address.
                if kept is not None and (kept.tip, kept.first) == (tip, first):
                    snapshot, read_before = kept, len(kept.pages)
                else:
                    first = self._page(address, 1, until)
                    snapshot, read_before = _Snapshot(address, tip, first), 0
                    snapshot.add(first, set(), before)
                pages = list(self._until_settled(snapshot, settled, until, before))
                self.listed = max(self.listed, PAGE_ITEMS * len(snapshot.pages))
                if len(snapshot.pages) == read_before or self._stood_still(snapshot, tip, until):
                    return tuple(output for page in pages for output in page)
        raise self._api.call(about_address(address, "utxos")).error(
            UnsteadyAnswerError,
            "changed each time its pages were read",
            expected="no output spent, and no block rolled back, meanwhile",
            got=f"one of these in each of {READINGS} readings",
            next_step="Read again",
        )

    def holders(self, address: str, unit: str) -> tuple[DatumOutput, ...] | None:
        """The outputs at ``address`` that hold a token; ``None`` where the provider does not serve that list."""
        try:
            items = self._page(address, 1, self._api.until(), f"utxos/{unit}")
        except (UnexpectedAnswerError, ProviderRefusedError, ProviderNotFoundError):
            return None  # as of a provider that answers an unknown path with its root document
        return tuple(output for output in with_datum(items) if output.holds(unit)) or None

    def _until_settled(
        self, snapshot: _Snapshot, settled: Settled, until: float, before: Mapping[str, DatumOutput]
    ) -> Iterator[tuple[DatumOutput, ...]]:
        """The pages of ``snapshot``, and of the address beyond them, to the first that is settled."""
        seen = set(snapshot.outputs())
        for page in snapshot.pages:
            yield page
            if settled(page):
                return
        most, asked = self._api.limits.max_pages, deque[Future[Callable[[], tuple[AddressOutput, ...]]]]()
        with ThreadPoolExecutor(1, thread_name_prefix="pages") as asking:
            while not snapshot.complete:
                number = len(snapshot.pages) + 1
                if number > most:
                    what = about_address(snapshot.address, "utxos")
                    raise self._api.beyond(what, f"at most {most} pages", "max_pages")
                ahead = 0 if number < ASK_AHEAD_FROM else ASK_AHEAD
                for later in range(number + len(asked), min(number + ahead, most) + 1):
                    asked.append(asking.submit(self._asked, snapshot.address, later, until, "utxos"))
                snapshot.add(asked.popleft().result()(), seen, before)
                yield snapshot.pages[-1]
                if settled(snapshot.pages[-1]):
                    return

    def _page(self, address: str, page: int, until: float, what: str = "utxos") -> tuple[AddressOutput, ...]:
        return self._asked(address, page, until, what)()

    def _asked(self, address: str, page: int, until: float, what: str) -> Callable[[], tuple[AddressOutput, ...]]:
        """Ask for a page; what is returned parses it, in the thread that needs it, not in the one that asks."""
        path = about_address(address, what)
        answer = self._api.asked_page(path, tuple[AddressOutput, ...], page, until, _odd_output)

        def outputs() -> tuple[AddressOutput, ...]:
            return self._api.call(path).at_address(address, answer(), _odd_output)

        return outputs

    def _stood_still(self, snapshot: _Snapshot, before: Block, until: float) -> bool:
        """Whether no output can have been missed (rule 2); if the tip stood still, the snapshot is kept (rule 4)."""
        self._kept = snapshot
        if self._api.one("/blocks/latest", Block, until) == before:
            return True
        snapshot.tip = None
        if before.height is None or self._api.known(f"/blocks/{before.hash}", Block, until) is None:
            return False
        height = before.height
        newest = self._api.page(
            about_address(snapshot.address, "transactions"), tuple[AddressTransaction, ...], 1, until
        )
        since = tuple(takewhile(lambda item: item.block_height > height, newest))
        return len(since) < PAGE_ITEMS and not any(
            snapshot.address in spent_addresses(transaction_outputs(self._api, item.tx_hash, until)) for item in since
        )


def transaction_outputs(api: BlockfrostApi, transaction: str, until: float) -> TransactionOutputs:
    """The inputs and outputs of a transaction.

    Raises:
        ChainReadError: it could not be read.
    """
    path = f"/txs/{quote(transaction, safe='')}/utxos"
    answer = api.one(path, TransactionOutputs, until, OUTPUTS_SIEVE)
    if answer.hash != transaction:
        raise api.call(path).unexpected(f"the transaction {transaction}", f"{answer.hash}")
    return answer


def spent_addresses(transaction: TransactionOutputs) -> tuple[str, ...]:
    """The addresses of the spent inputs, each once; reference and collateral inputs prove nothing (rule T2).

    ``UNKNOWN_ADDRESS`` is among them where an input lacks its address, or a flag for the kind of input.
    """
    spent = (
        (item.address or UNKNOWN_ADDRESS) if item.collateral is False and item.reference is False else UNKNOWN_ADDRESS
        for item in transaction.inputs
        if not item.collateral and not item.reference
    )
    return tuple(dict.fromkeys(spent))


def _odd_output(item: Mapping[str, object], why: str) -> AddressOutput:
    """An output that the provider lists and that is not as it should be: refused by itself, with ``why``."""
    transaction, index, address = known_of(item, "tx_hash", "output_index")
    return AddressOutput(
        tx_hash=transaction,
        output_index=index,
        address=address,
        amount=(),
        inline_datum=None,
        unreadable=f"the provider lists it in a way that is not plausible: {why}",
    )


def with_datum(items: tuple[AddressOutput, ...]) -> tuple[DatumOutput, ...]:
    """The outputs that carry an inline datum."""
    return tuple(
        [
            DatumOutput(
                item["tx_hash"],
                item["output_index"],
                item["inline_datum"] or "",
                lovelace_of(item["amount"]),
                spent=False,
                unreadable=item.get("unreadable"),
                assets=assets_of(item["amount"]),
            )
            for item in items
            if item["inline_datum"] is not None or "unreadable" in item
        ]
    )
