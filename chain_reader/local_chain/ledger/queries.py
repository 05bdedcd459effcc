"""Reads the rows of a local chain as blocks, transactions and outputs, and writes those of a transaction.

In: a ``ChainStore``. Out: the values of ``model``. Lists are paged in SQL, over an index.
The SQL is put together from words of this module only; values are always bound.
"""

# ruff: noqa: S608

import json
import sqlite3
from collections.abc import Sequence
from typing import Any, TypeVar

from chain_reader.local_chain.ledger.model import Block, ChainTransaction, NewTransaction, Output
from chain_reader.local_chain.ledger.parameters import Genesis
from chain_reader.local_chain.ledger.store import ChainStore
from eras import Epoch, Slot

SQLITE_INTEGER_BITS = 63

_BLOCK = "SELECT hash, previous, height, slot FROM block"

Found = TypeVar("Found", bound=Output)

OUTPUT_COLUMNS = """
made.hash, output.ix, output.address, output.lovelace, output.assets, output.datum, output.datum_hash,
block.hash, block.height, block.slot, spending.hash
"""
OUTPUT_TABLES = """
FROM output JOIN tx AS made ON made.id = output.tx JOIN block ON block.height = made.height
LEFT JOIN tx AS spending ON spending.id = output.spent_by
"""
_OUTPUT = f"SELECT {OUTPUT_COLUMNS} {OUTPUT_TABLES}"
_TRANSACTION = "SELECT id, hash, height, position, fee, size, cbor, invalid_before, invalid_hereafter FROM tx"


class ChainReads:
    """The blocks, transactions and outputs of a local chain; ``LocalChain`` is one that can also be changed.

    Every method raises ``StoreError`` when the file cannot be read.
    """

    genesis: Genesis
    _store: ChainStore

    def block(self, hash_or_height: str | int) -> Block | None:
        """The block with this hash or height."""
        if isinstance(hash_or_height, int) and hash_or_height.bit_length() > SQLITE_INTEGER_BITS:
            return None
        column = "height" if isinstance(hash_or_height, int) else "hash"
        with self._store.read() as db:
            row = db.execute(f"{_BLOCK} WHERE {column} = ?", (hash_or_height,)).fetchone()
            return None if row is None else self._block(db, row)

    def utxos(
        self,
        address: str,
        *,
        unit: str | None = None,
        newest_first: bool = False,
        offset: int = 0,
        limit: int | None = None,
    ) -> tuple[Output, ...]:
        """The unspent outputs at ``address``, a page of them; with ``unit``, those that hold this asset."""
        only = "AND spent_by IS NULL AND (? IS NULL OR ? IN (SELECT value ->> 0 FROM json_each(output.assets)))"
        return self._page(only, (address, unit, unit), newest_first, offset, limit)

    def outputs(
        self, address: str, *, newest_first: bool = False, offset: int = 0, limit: int | None = None
    ) -> tuple[Output, ...]:
        """The outputs that were ever at ``address``, a page of them."""
        return self._page("", (address,), newest_first, offset, limit)

    def output(self, transaction: str, index: int) -> Output | None:
        """The output with this reference, spent or not."""
        if index.bit_length() > SQLITE_INTEGER_BITS:
            return None
        with self._store.read() as db:
            row = db.execute(f"{_OUTPUT} WHERE made.hash = ? AND output.ix = ?", (transaction, index)).fetchone()
            return None if row is None else output_of(row)

    def transaction(self, transaction: str) -> ChainTransaction | None:
        """The transaction with this hash."""
        made = "WHERE output.tx = ? ORDER BY output.ix"
        taken = "JOIN input ON input.output = output.id WHERE input.tx = ? AND is_reference = ? ORDER BY input.position"
        with self._store.read() as db:
            row = db.execute(f"{_TRANSACTION} WHERE hash = ?", (transaction,)).fetchone()
            if row is None:
                return None
            key, tx_hash, height, position, fee, size, cbor, before, hereafter = row
            return ChainTransaction(
                hash=tx_hash,
                block=self._block(db, db.execute(f"{_BLOCK} WHERE height = ?", (height,)).fetchone()),
                index=position,
                inputs=tuple(output_of(row) for row in db.execute(f"{_OUTPUT} {taken}", (key, 0))),
                reference_inputs=tuple(output_of(row) for row in db.execute(f"{_OUTPUT} {taken}", (key, 1))),
                outputs=tuple(output_of(row) for row in db.execute(f"{_OUTPUT} {made}", (key,))),
                fee=fee,
                size=size,
                cbor=cbor.hex(),
                invalid_before=None if before is None else Slot(int(before)),
                invalid_hereafter=None if hereafter is None else Slot(int(hereafter)),
            )

    def transactions(
        self, address: str, *, newest_first: bool = False, offset: int = 0, limit: int | None = None
    ) -> tuple[ChainTransaction, ...]:
        """The transactions that spend from ``address`` or pay to it, a page of them."""
        with self._store.read() as db:
            rows = db.execute(
                "SELECT tx.hash FROM address_tx JOIN tx ON tx.id = address_tx.tx WHERE address = ? "
                f"ORDER BY address_tx.tx {_direction(newest_first)} LIMIT ? OFFSET ?",
                (address, -1 if limit is None else limit, offset),
            ).fetchall()
            found = [self.transaction(row[0]) for row in rows]
        return tuple(transaction for transaction in found if transaction is not None)

    def supply(self, unit: str | None = None) -> int:
        """All that is unspent, of lovelace or of a token."""
        held = "SELECT value ->> 1 FROM output, json_each(output.assets) WHERE spent_by IS NULL AND value ->> 0 = ?"
        with self._store.read() as db:
            if unit is not None:
                return sum(int(quantity) for (quantity,) in db.execute(held, (unit,)))
            row = db.execute("SELECT coalesce(sum(lovelace), 0) FROM output WHERE spent_by IS NULL").fetchone()
            return int(row[0])

    def _newest_block(self) -> Block:
        """The newest block; there always is one, the genesis block."""
        with self._store.read() as db:
            return self._block(db, db.execute(f"{_BLOCK} ORDER BY height DESC LIMIT 1").fetchone())

    def _page(
        self, only: str, values: tuple[str | None, ...], newest_first: bool, offset: int, limit: int | None
    ) -> tuple[Output, ...]:
        """A page of the outputs at an address, in the order of the chain or against it."""
        direction = _direction(newest_first)
        page = f"SELECT id FROM output WHERE address = ? {only} ORDER BY id {direction} LIMIT ? OFFSET ?"
        with self._store.read() as db:
            rows = db.execute(
                f"{_OUTPUT} WHERE output.id IN ({page}) ORDER BY output.id {direction}",
                (*values, -1 if limit is None else limit, offset),
            )
            return tuple(output_of(row) for row in rows)

    def _block(self, db: sqlite3.Connection, row: tuple[str, str | None, int, int] | None) -> Block:
        if row is None:
            raise sqlite3.DatabaseError("there is no block, not even the first one")
        block_hash, previous, height, slot = row
        transactions = db.execute("SELECT hash FROM tx WHERE height = ? ORDER BY position", (height,))
        return Block(
            hash=block_hash,
            previous=previous,
            height=height,
            slot=Slot(slot),
            epoch=Epoch(slot // self.genesis.epoch_length),
            time_s=int(self.genesis.time_of(slot)),
            transactions=tuple(transaction for (transaction,) in transactions),
        )


def insert_transaction(db: sqlite3.Connection, height: int, position: int, transaction: NewTransaction) -> None:
    """Put a judged transaction into the block at ``height``: its outputs appear, what it spends is spent."""
    before, hereafter = transaction.invalid_before, transaction.invalid_hereafter
    key = db.execute(
        "INSERT INTO tx (hash, height, position, fee, size, cbor, invalid_before, invalid_hereafter) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            transaction.hash,
            height,
            position,
            transaction.fee,
            transaction.size,
            transaction.cbor,
            None if before is None else str(before),  # u64, and SQLite's integers are signed
            None if hereafter is None else str(hereafter),
        ),
    ).lastrowid
    for is_reference, references in enumerate((transaction.inputs, transaction.reference_inputs)):
        db.executemany(
            "INSERT INTO input SELECT ?, ?, ?, output.id FROM output JOIN tx ON tx.id = output.tx "
            "WHERE tx.hash = ? AND output.ix = ?",
            ((key, is_reference, place, *reference) for place, reference in enumerate(references)),
        )
    db.execute(
        "UPDATE output SET spent_by = ? WHERE id IN (SELECT output FROM input WHERE tx = ? AND NOT is_reference)",
        (key, key),
    )
    db.executemany(
        "INSERT INTO output (tx, ix, address, lovelace, assets, datum, datum_hash) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            (key, index, made.address, made.lovelace, json.dumps(made.assets), made.datum, made.datum_hash)
            for index, made in enumerate(transaction.outputs)
        ),
    )
    db.execute(
        "INSERT INTO address_tx SELECT address, ? FROM output WHERE tx = ? OR spent_by = ? GROUP BY address",
        (key, key, key),
    )


def _direction(newest_first: bool) -> str:
    return "DESC" if newest_first else "ASC"


def _assets(text: str) -> tuple[tuple[str, int], ...]:
    try:
        return tuple((unit, int(quantity)) for unit, quantity in json.loads(text))
    except (ValueError, TypeError) as error:  # the error that SQLite itself raises for a damaged file
        raise sqlite3.DatabaseError("the assets of an output cannot be read back") from error


def output_of(row: Sequence[Any], kind: type[Found] = Output, **more: Any) -> Found:  # type: ignore[assignment]
    """The output in a row of ``OUTPUT_COLUMNS``; a ``kind`` of output may have ``more`` than they hold.

    Raises:
        DatabaseError: the file is damaged.
    """
    transaction, index, address, lovelace, assets, datum, datum_hash, block_hash, height, slot, spent_by = row
    if not isinstance(lovelace, int):
        raise sqlite3.DatabaseError("the lovelace of an output are not a number")
    return kind(
        transaction=transaction,
        index=index,
        address=address,
        lovelace=lovelace,
        assets=_assets(assets) if assets != "[]" else (),
        datum=datum,
        datum_hash=datum_hash,
        block_hash=block_hash,
        block_height=height,
        slot=Slot(slot),
        spent_by=spent_by,
        **more,
    )
