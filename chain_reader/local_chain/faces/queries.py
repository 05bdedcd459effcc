"""Queries of the faces beyond a local chain's own: sums, and outputs as they were after an earlier block.

In: a ``LocalChain``. Out: numbers, and the values of ``model``; inside ``LocalChain.snapshot``, all from one moment.
"""

import json
import sqlite3
from collections import Counter
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from chain_reader.local_chain.ledger.chain import LocalChain
from chain_reader.local_chain.ledger.model import Block, Output
from chain_reader.local_chain.ledger.plain_data import transaction_mint
from chain_reader.local_chain.ledger.queries import OUTPUT_COLUMNS, OUTPUT_TABLES, output_of

Amount = tuple[int, tuple[tuple[str, int], ...]]
"""Lovelace, and assets by unit."""


@dataclass(frozen=True, slots=True)
class BlockTotals:
    """Sums over the transactions of one or more blocks. ``size`` is in bytes, ``output`` and ``fees`` are lovelace."""

    block_count: int
    transaction_count: int
    size: int
    output: int
    fees: int
    first_slot: int
    last_slot: int


def _file(chain: LocalChain) -> AbstractContextManager[sqlite3.Connection]:
    return chain._store.read()  # the same package, and the same moment as an enclosing snapshot


@dataclass(frozen=True, slots=True)
class AssetMove:
    """A transaction that moved a token: its hash and slot, and how many it minted (or burnt, below zero)."""

    transaction: str
    slot: int
    minted: int


_MOVES = """
SELECT tx.hash, slot, cbor FROM tx JOIN block USING (height) WHERE id IN (
    SELECT tx FROM output WHERE ? IN (SELECT value ->> 0 FROM json_each(output.assets))
    UNION SELECT spent_by FROM output WHERE ? IN (SELECT value ->> 0 FROM json_each(output.assets))
) ORDER BY id
"""


def asset_moves(chain: LocalChain, unit: str) -> tuple[AssetMove, ...]:
    """The transactions that made or spent an output with a token, in their order."""
    with _file(chain) as db:
        rows = db.execute(_MOVES, (unit, unit)).fetchall()
    return tuple(AssetMove(hash_, slot, dict(transaction_mint(cbor)).get(unit, 0)) for hash_, slot, cbor in rows)


def amount_at(chain: LocalChain, address: str, *, spent: bool | None = None) -> Amount:
    """The amount that ``address`` ever received, change included; by ``spent``, of spent or unspent outputs only."""
    where = f"FROM output WHERE address = ?{_by_spending(spent)}"
    with _file(chain) as db:
        (lovelace,) = db.execute(f"SELECT coalesce(sum(lovelace), 0) {where}", (address,)).fetchone()
        assets: Counter[str] = Counter()
        for (text,) in db.execute(f"SELECT assets {where} AND assets <> '[]'", (address,)):
            assets.update({unit: int(quantity) for unit, quantity in json.loads(text)})
    return lovelace, tuple(sorted(assets.items()))


def transaction_count(chain: LocalChain, address: str) -> int:
    """The number of transactions that spend from ``address`` or pay to it."""
    with _file(chain) as db:
        count: int = db.execute("SELECT count(*) FROM address_tx WHERE address = ?", (address,)).fetchone()[0]
    return count


def epoch_totals(chain: LocalChain, epoch: int) -> BlockTotals | None:
    """The sums over the blocks of ``epoch``; ``None`` where it has no block."""
    length = chain.genesis.epoch_length
    with _file(chain) as db:
        first, last = db.execute(
            "SELECT min(height), max(height) FROM block WHERE slot >= ? AND slot < ?",
            (epoch * length, (epoch + 1) * length),
        ).fetchone()
        return None if first is None else block_totals(chain, first, last)


def block_totals(chain: LocalChain, first: int, last: int) -> BlockTotals:
    """The sums over the blocks from height ``first`` to ``last``."""
    heights = (first, last)
    with _file(chain) as db:
        slots = db.execute("SELECT min(slot), max(slot) FROM block WHERE height BETWEEN ? AND ?", heights).fetchone()
        transactions, size, fees = db.execute(
            "SELECT count(*), coalesce(sum(size), 0), coalesce(sum(fee), 0) FROM tx WHERE height BETWEEN ? AND ?",
            heights,
        ).fetchone()
        (output,) = db.execute(
            "SELECT coalesce(sum(lovelace), 0) FROM output JOIN tx ON tx.id = output.tx WHERE height BETWEEN ? AND ?",
            heights,
        ).fetchone()
    return BlockTotals(last - first + 1, transactions, size, output, fees, *slots)


_PLACES = """
SELECT tx.hash, tx.position, tx.height, block.slot
FROM address_tx JOIN tx ON tx.id = address_tx.tx JOIN block ON block.height = tx.height
WHERE address_tx.address = ? AND (tx.height, tx.position) BETWEEN (?, ?) AND (?, ?)
"""


@dataclass(frozen=True, slots=True)
class TransactionPlace:
    """The place of a transaction: its index in the block, and the block's height and slot."""

    hash: str
    index: int
    height: int
    slot: int


def transaction_places(
    chain: LocalChain,
    address: str,
    first: tuple[int, int],
    last: tuple[int, int],
    *,
    newest_first: bool,
    offset: int,
    limit: int,
) -> tuple[TransactionPlace, ...]:
    """A page of the transactions at ``address``, from the (height, index) ``first`` to ``last``."""
    direction = "DESC" if newest_first else "ASC"
    with _file(chain) as db:
        rows = db.execute(
            f"{_PLACES} ORDER BY address_tx.tx {direction} LIMIT ? OFFSET ?", (address, *first, *last, limit, offset)
        )
        return tuple(TransactionPlace(*row) for row in rows)


def addresses(chain: LocalChain) -> tuple[str, ...]:
    """Every address that holds or held an output."""
    with _file(chain) as db:
        return tuple(address for (address,) in db.execute("SELECT DISTINCT address FROM output ORDER BY address"))


@dataclass(frozen=True, slots=True)
class FrozenState:
    """The unspent outputs of a chain as they were after ``block``, which must still be on it."""

    chain: LocalChain
    block: Block

    def _later(self) -> frozenset[str]:
        """The transactions of the blocks since."""
        heights = range(self.block.height + 1, self.chain.tip().height + 1)
        blocks = (self.chain.block(height) for height in heights)
        return frozenset(made for block in blocks if block is not None for made in block.transactions)

    def _unspent(self, outputs: tuple[Output, ...]) -> tuple[Output, ...]:
        later = self._later()
        return tuple(
            output
            for output in outputs
            if output.block_height <= self.block.height and (output.spent_by is None or output.spent_by in later)
        )

    def at_addresses(self, wanted: tuple[str, ...] | None) -> tuple[Output, ...]:
        """The outputs unspent at the ``wanted`` addresses, or at all of them."""
        read = self.chain.utxos if self.block == self.chain.tip() else self.chain.outputs
        chosen = addresses(self.chain) if wanted is None else dict.fromkeys(wanted)
        return self._unspent(tuple(output for address in chosen for output in read(address)))

    def at_references(self, wanted: tuple[tuple[str, int], ...]) -> tuple[Output, ...]:
        """The outputs with the ``wanted`` references (transaction, index) that were unspent."""
        found = (self.chain.output(*reference) for reference in dict.fromkeys(wanted))
        return self._unspent(tuple(output for output in found if output is not None))


@dataclass(frozen=True, slots=True)
class Spending:
    """The spending of an output: the transaction, the index of the input, the block."""

    transaction: str
    input_index: int
    slot: int
    block_hash: str


@dataclass(frozen=True, slots=True)
class IndexedOutput(Output):
    """An output that ever was, with how it was spent; ``position`` is its transaction's in the block."""

    position: int
    spent: Spending | None


_INDEXED = f"""
SELECT made.position, input.position, later.slot, later.hash, {OUTPUT_COLUMNS} {OUTPUT_TABLES}
LEFT JOIN block AS later ON later.height = spending.height
LEFT JOIN input ON input.tx = spending.id AND NOT input.is_reference AND input.output = output.id
"""


def indexed_outputs(
    chain: LocalChain,
    address: str | None,
    *,
    transaction: str | None = None,
    spent: bool | None = None,
    newest_first: bool = True,
) -> tuple[IndexedOutput, ...]:
    """The outputs that were ever at ``address``, or anywhere, of one transaction or all; by ``spent``, of such only."""
    asked = {"output.address = ?": address, "made.hash = ?": transaction}
    conditions = ["TRUE", *(condition for condition, value in asked.items() if value is not None)]
    where = f"WHERE {' AND '.join(conditions)}{_by_spending(spent)}"
    direction = "DESC" if newest_first else "ASC"
    with _file(chain) as db:
        values = [value for value in asked.values() if value is not None]
        rows = db.execute(f"{_INDEXED} {where} ORDER BY output.id {direction}", values)
        return tuple(_indexed(row) for row in rows)


def _by_spending(spent: bool | None) -> str:
    return "" if spent is None else f" AND output.spent_by IS {'NOT ' * spent}NULL"


def _indexed(row: tuple[Any, ...]) -> IndexedOutput:
    position, place, slot, block_hash, *output = row
    spent_by = output[-1]
    spent = None if spent_by is None else Spending(spent_by, place, slot, block_hash)
    return output_of(output, IndexedOutput, position=position, spent=spent)


def block_at(chain: LocalChain, slot: int) -> Block | None:
    """The newest block at ``slot`` or before it."""
    with _file(chain) as db:
        (height,) = db.execute("SELECT max(height) FROM block WHERE slot <= ?", (slot,)).fetchone()
    return None if height is None else chain.block(height)
