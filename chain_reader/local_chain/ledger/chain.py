"""The local chain: a rehearsal ledger in one SQLite file, with the rules of a Conway-era test network.

In: signed transactions as CBOR, and commands (fund, advance, roll back). Out: blocks, transactions and outputs.

A submitted transaction is judged by ``rules`` and mined at once, into a block of its own. Slots move by command
(``manual``) or also by the clock (``wall``); a block made without an advance shares the slot of the one before. What is
not modelled is refused by name. One object serves the threads of a process; several processes may open the same file.
"""

import hashlib
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Self

from chain_reader.local_chain.ledger import queries
from chain_reader.local_chain.ledger.model import Block, FaucetOutput, NewTransaction, Output
from chain_reader.local_chain.ledger.parameters import Genesis, ProtocolParameters
from chain_reader.local_chain.ledger.rules import LedgerState, judge
from chain_reader.local_chain.ledger.store import ChainStore
from chain_reader.local_chain.ledger.transaction import parse_transaction
from eras import ConfigurationError, Epoch, Slot

Clock = Callable[[], float]

MAX_SLOT = 2**62  # far beyond any use, and an SQLite integer


class LocalChain(queries.ChainReads):
    """A chain in one SQLite file, safe to kill at any moment. Made by ``create`` or ``open``; a context manager.

    Every method raises ``StoreError`` when the file cannot be read or written.
    """

    def __init__(self, store: ChainStore, *, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self.path = store.path
        try:
            with store.read() as db, store.decoding():
                genesis, parameters = db.execute("SELECT genesis, parameters FROM chain").fetchone()
                self.genesis = Genesis.from_json(genesis)
                self.parameters = ProtocolParameters.from_json(parameters)
        except BaseException:
            store.close()
            raise

    # --- opening and closing

    @classmethod
    def create(
        cls,
        path: str | PathLike[str],
        *,
        genesis: Genesis | None = None,
        parameters: ProtocolParameters | None = None,
        clock: Clock = time.time,
    ) -> Self:
        """Make a chain with a genesis block in a new file, and open it.

        Raises:
            StoreError: there is something at ``path``, or its directory is missing or cannot be written.
        """
        start = genesis or Genesis()
        if start.system_start_s == 0:
            start = replace(start, system_start_s=int(clock()))
        texts = (start.to_json(), (parameters or ProtocolParameters()).to_json())

        def fill(db: sqlite3.Connection) -> None:
            db.execute("INSERT INTO chain VALUES (1, ?, ?, 0, 0)", texts)
            block_hash = hashlib.blake2b("\n".join(texts).encode(), digest_size=32).hexdigest()
            db.execute("INSERT INTO block VALUES (0, ?, NULL, 0)", (block_hash,))

        return cls(ChainStore.create(Path(path), fill), clock=clock)

    @classmethod
    def open(cls, path: str | PathLike[str], *, clock: Clock = time.time) -> Self:
        """Open a chain that was created before.

        Raises:
            StoreError: there is no local chain of this version at ``path``, or it cannot be written.
        """
        return cls(ChainStore(Path(path)), clock=clock)

    def close(self) -> None:
        """Close the file. Calling it twice is fine."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- reading

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """Every read inside sees the chain at one moment; other processes may change it meanwhile. No changes inside.

        Yields the connection, for what this package reads by SQL of its own.

        Raises:
            RuntimeError: (by a change inside) the chain is being read.
        """
        self._settle()
        with self._store.read() as db:
            yield db

    def tip(self) -> Block:
        """The newest block."""
        self._settle()
        return self._newest_block()

    def current_slot(self) -> Slot:
        """The slot that transactions are judged at.

        Raises:
            StoreError: the file is damaged, or cannot be read.
        """
        with self._store.read() as db:
            row = db.execute("SELECT slot, slot_offset FROM chain, block ORDER BY height DESC LIMIT 1").fetchone()
            if row is None:
                raise sqlite3.DatabaseError("there is no block, not even the first one")
        slot, offset = row
        if self.genesis.clock_mode == "manual":
            return Slot(slot)
        return Slot(max(slot, self.genesis.slot_at(self._clock()) + offset))

    def epoch(self) -> Epoch:
        """The epoch of the newest block, as a node's ledger has it."""
        return self.tip().epoch

    def epoch_of(self, slot: int) -> Epoch:
        """The epoch that ``slot`` is in."""
        return Epoch(slot // self.genesis.epoch_length)

    def slot_time_s(self, slot: int) -> float:
        """The POSIX time at which ``slot`` begins, in seconds."""
        return self.genesis.time_of(slot)

    # --- changing

    def submit(self, cbor: bytes) -> str:
        """Judge a signed transaction and mine it into a block of its own. Returns its hash.

        Raises:
            LedgerRefusedError: a rule of the ledger is broken; nothing has changed.
        """
        transaction = parse_transaction(cbor, max_bytes=self.parameters.max_transaction_size)
        new = transaction.new
        with self._change() as db:
            known = {
                reference: self.output(*reference) for reference in dict.fromkeys((*new.inputs, *new.reference_inputs))
            }
            unspent = {key: output for key, output in known.items() if output and output.spent_by is None}
            slot = self.current_slot()
            judge(transaction, LedgerState(unspent, slot, self.genesis, self.parameters))
            self._append(db, slot, new)
        return new.hash

    def fund(self, address: str, lovelace: int) -> Output:
        """Put an output at ``address``, out of nothing.

        Raises:
            ConfigurationError: the address or the amount is not usable.
        """
        return self.place([FaucetOutput(address, lovelace)])[0]

    def place(self, outputs: Sequence[FaucetOutput]) -> tuple[Output, ...]:
        """Put outputs on the chain out of nothing, in one transaction and block: funds, tokens, or a flood of junk.

        Raises:
            ConfigurationError: there are none, or an address, an amount or a datum is not usable.
        """
        from chain_reader.local_chain.ledger.faucet import faucet_transaction  # whose cbor2 a node may lack

        with self._change() as db:
            new = faucet_transaction(outputs, self.genesis, self._newest_block().hash, self.supply())
            self._append(db, self.current_slot(), new)
            made = self.transaction(new.hash)
        return made.outputs if made else ()

    def advance_slots(self, slots: int) -> Block:
        """Move ``slots`` (at least 1) ahead, and mint an empty block there.

        Raises:
            ConfigurationError: ``slots`` is below 1, or leads beyond any usable slot.
        """
        with self._change() as db:
            return self._advance(db, self.current_slot() + slots)

    def advance_to_epoch(self, epoch: int) -> Block:
        """Move to the first slot of ``epoch``, a later one than the current, and mint an empty block there.

        Raises:
            ConfigurationError: ``epoch`` is not later than the current one, or beyond any usable slot.
        """
        with self._change() as db:
            return self._advance(db, epoch * self.genesis.epoch_length)

    def rollback(self, blocks: int) -> Block:
        """Take back the newest ``blocks`` (at least 1) with all they did. Returns the new tip.

        Raises:
            ConfigurationError: there are not so many blocks above the genesis block.
        """
        with self._change() as db:
            height = self._newest_block().height
            if not 1 <= blocks <= height:
                raise ConfigurationError(
                    "The local chain cannot be rolled back that far",
                    expected=f"1 to {height} blocks" if height else "a chain with a block above genesis",
                    got=str(blocks),
                    next_step="Roll back fewer blocks",
                    code="LocalChainRequest",
                )
            db.execute("DELETE FROM block WHERE height > ?", (height - blocks,))
            db.execute("UPDATE chain SET forks = forks + 1")
            return self._newest_block()

    # --- inside a change

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        with self._store.write() as db:
            self._mint_due(db)
            yield db

    def _advance(self, db: sqlite3.Connection, slot: int) -> Block:
        current = self.current_slot()
        if not current < slot <= MAX_SLOT:
            raise ConfigurationError(
                "The local chain cannot be advanced to that point",
                expected=f"a slot after {current} (epoch {self.epoch_of(current)}), up to {MAX_SLOT}",
                got=f"slot {slot} (epoch {self.epoch_of(slot)})",
                next_step="Advance to a later slot or epoch",
                code="LocalChainRequest",
            )
        if self.genesis.clock_mode == "wall":
            # the clock continues from where the command led
            db.execute("UPDATE chain SET slot_offset = slot_offset + ?", (slot - current,))
        self._append(db, slot)
        return self._newest_block()

    def _append(self, db: sqlite3.Connection, slot: int, *transactions: NewTransaction) -> None:
        height, previous, forks = db.execute(
            "SELECT height, hash, forks FROM chain, block ORDER BY height DESC LIMIT 1"
        ).fetchone()
        # what was rolled back never comes back with the same hash, though its slot and content may be the same
        content = (previous, str(height + 1), str(slot), str(forks), *(made.hash for made in transactions))
        block_hash = hashlib.blake2b("\n".join(content).encode(), digest_size=32).hexdigest()
        db.execute("INSERT INTO block VALUES (?, ?, ?, ?)", (height + 1, block_hash, previous, slot))
        for position, transaction in enumerate(transactions):
            queries.insert_transaction(db, height + 1, position, transaction)

    def _blocks_due(self, db: sqlite3.Connection) -> range:
        """The slots of the empty blocks that the clock has made due, the last ``security_param`` of them.

        They lie at multiples of an interval, so that an epoch of a whole number of intervals begins with a block.
        """
        if self.genesis.clock_mode == "manual":
            return range(0)
        (slot,) = db.execute("SELECT slot FROM block ORDER BY height DESC LIMIT 1").fetchone()
        interval = int(1 / self.genesis.active_slots_coeff)
        due = range((slot // interval + 1) * interval, self.current_slot() + 1, interval)
        return due[-self.genesis.security_param :]

    def _mint_due(self, db: sqlite3.Connection) -> None:
        for slot in self._blocks_due(db):
            self._append(db, slot)

    def _settle(self) -> None:
        if self._store.in_snapshot:
            return
        with self._store.read() as db:
            due = self._blocks_due(db)
        if due:
            with self._store.write() as db:
                self._mint_due(db)
