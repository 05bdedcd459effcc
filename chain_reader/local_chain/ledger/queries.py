"""Reads the rows of a local chain as blocks, transactions and outputs.

In: the connection of a ``ChainStore`` context. Out: the values of ``model``. Lists are paged in SQL, over an index.
The SQL is put together from words of this module only; values are always bound.
"""

# ruff: noqa: S608

import json
import sqlite3
from collections.abc import Sequence
from typing import Any, TypeVar

from chain_reader.local_chain.ledger.model import Block, ChainTransaction, NewTransaction, Output
from chain_reader.local_chain.ledger.parameters import Genesis
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


def read_tip(db: sqlite3.Connection, genesis: Genesis) -> Block:
    """The newest block; there always is one, the genesis block."""
    return _block(db, genesis, db.execute(f"{_BLOCK} ORDER BY height DESC LIMIT 1").fetchone())


def read_block(db: sqlite3.Connection, genesis: Genesis, hash_or_height: str | int) -> Block | None:
    """The block with this hash or height."""
    if isinstance(hash_or_height, int) and hash_or_height.bit_length() > SQLITE_INTEGER_BITS:
        return None
    column = "height" if isinstance(hash_or_height, int) else "hash"
    row = db.execute(f"{_BLOCK} WHERE {column} = ?", (hash_or_height,)).fetchone()
    return None if row is None else _block(db, genesis, row)


def read_outputs(
    db: sqlite3.Connection,
    address: str,
    *,
    unspent: bool,
    unit: str | None = None,
    newest_first: bool,
    offset: int,
    limit: int | None,
) -> tuple[Output, ...]:
    """A page of the outputs at ``address``, in the order of the chain or against it; only those that hold ``unit``."""
    spent = "AND spent_by IS NULL" if unspent else ""
    holding = "AND (? IS NULL OR ? IN (SELECT value ->> 0 FROM json_each(output.assets)))"
    page = (
        f"SELECT id FROM output WHERE address = ? {spent} {holding} "
        f"ORDER BY id {_direction(newest_first)} LIMIT ? OFFSET ?"
    )
    rows = db.execute(
        f"{_OUTPUT} WHERE output.id IN ({page}) ORDER BY output.id {_direction(newest_first)}",
        (address, unit, unit, -1 if limit is None else limit, offset),
    )
    return tuple(output_of(row) for row in rows)


def read_output(db: sqlite3.Connection, transaction: str, index: int) -> Output | None:
    """The output with this reference, spent or not."""
    if index.bit_length() > SQLITE_INTEGER_BITS:
        return None
    row = db.execute(f"{_OUTPUT} WHERE made.hash = ? AND output.ix = ?", (transaction, index)).fetchone()
    return None if row is None else output_of(row)


def read_transaction(db: sqlite3.Connection, genesis: Genesis, transaction: str) -> ChainTransaction | None:
    """The transaction with this hash."""
    row = db.execute(
        "SELECT id, hash, height, position, fee, size, cbor, invalid_before, invalid_hereafter FROM tx WHERE hash = ?",
        (transaction,),
    ).fetchone()
    if row is None:
        return None
    key, tx_hash, height, position, fee, size, cbor, before, hereafter = row
    block = _block(db, genesis, db.execute(f"{_BLOCK} WHERE height = ?", (height,)).fetchone())
    made = "WHERE output.tx = ? ORDER BY output.ix"
    taken = "JOIN input ON input.output = output.id WHERE input.tx = ? AND is_reference = ? ORDER BY input.position"
    return ChainTransaction(
        hash=tx_hash,
        block=block,
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


def read_transactions(
    db: sqlite3.Connection, genesis: Genesis, address: str, *, newest_first: bool, offset: int, limit: int | None
) -> tuple[ChainTransaction, ...]:
    """A page of the transactions that spend from ``address`` or pay to it."""
    rows = db.execute(
        "SELECT tx.hash FROM address_tx JOIN tx ON tx.id = address_tx.tx WHERE address = ? "
        f"ORDER BY address_tx.tx {_direction(newest_first)} LIMIT ? OFFSET ?",
        (address, -1 if limit is None else limit, offset),
    ).fetchall()
    found = (read_transaction(db, genesis, row[0]) for row in rows)
    return tuple(transaction for transaction in found if transaction is not None)


def read_supply(db: sqlite3.Connection, unit: str | None = None) -> int:
    """All that is unspent, of lovelace or of a token."""
    if unit is None:
        supply: int = db.execute("SELECT coalesce(sum(lovelace), 0) FROM output WHERE spent_by IS NULL").fetchone()[0]
        return supply
    held = "SELECT value ->> 1 FROM output, json_each(output.assets) WHERE spent_by IS NULL AND value ->> 0 = ?"
    return sum(int(quantity) for (quantity,) in db.execute(held, (unit,)))


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


def _block(db: sqlite3.Connection, genesis: Genesis, row: tuple[str, str | None, int, int] | None) -> Block:
    if row is None:
        raise sqlite3.DatabaseError("there is no block, not even the first one")
    block_hash, previous, height, slot = row
    transactions = db.execute("SELECT hash FROM tx WHERE height = ? ORDER BY position", (height,))
    return Block(
        hash=block_hash,
        previous=previous,
        height=height,
        slot=Slot(slot),
        epoch=Epoch(slot // genesis.epoch_length),
        time_s=int(genesis.time_of(slot)),
        transactions=tuple(transaction for (transaction,) in transactions),
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
