"""Reads a local chain in-process: what a rehearsal or a test needs no provider for.

In: a ``LocalChain``. Out: the answers of the ``ChainObserver`` port, newest first; it knows all that the port can ask.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from os import PathLike
from typing import Self

from chain_reader.genesis import NetworkGenesis
from chain_reader.local_chain import LocalChain, Output
from chain_reader.local_chain.ledger.model import Block
from chain_reader.ports import ChainTip, DatumOutput, ObserverCapabilities
from eras import ChainReadError, Epoch, StoreError


class LocalObserver:
    """A ``ChainObserver`` over a local chain, which stays open when the observer is closed (but see ``open``)."""

    def __init__(self, chain: LocalChain) -> None:
        self._chain = chain
        self._owns_chain = False
        self.listed = 0
        self.name = f"local chain {chain.path}"
        self.capabilities = ObserverCapabilities(
            order=True, slots=True, inputs=True, history=True, blocks=True, tokens=True
        )

    @classmethod
    def open(cls, path: str | PathLike[str]) -> Self:
        """An observer of the chain at ``path``, with a connection of its own that ``close`` closes.

        Raises:
            StoreError: there is no local chain at ``path``.
        """
        observer = cls(LocalChain.open(path))
        observer._owns_chain = True
        return observer

    def epoch(self) -> Epoch:
        """The current epoch."""
        with self._read_errors():
            return self._chain.epoch()

    def tip(self) -> ChainTip:
        """The newest block."""
        with self._read_errors():
            tip = self._chain.tip()
        return _placed(tip)

    def datums(self, address: str) -> tuple[DatumOutput, ...]:
        """The unspent outputs at ``address`` that carry an inline datum, newest first."""
        with self._read_errors():
            found = self._chain.utxos(address, newest_first=True)
        self.listed = len(found)
        return _with_datum(found)

    def history(self, address: str) -> tuple[DatumOutput, ...]:
        """Every output with an inline datum that was ever at ``address``, newest first."""
        with self._read_errors():
            found = self._chain.outputs(address, newest_first=True)
        self.listed = max(self.listed, len(found))
        return _with_datum(found)

    def is_unspent(self, output: DatumOutput) -> bool:
        """Whether an output is unspent."""
        with self._read_errors():
            found = self._chain.output(output.transaction, output.index)
        return found is not None and found.spent_by is None

    def successors(self, output: DatumOutput, address: str) -> tuple[DatumOutput, ...] | None:
        """The outputs with a datum that the spender of an output made at ``address``; ``None`` where it is unspent."""
        with self._read_errors():
            found = self._chain.output(output.transaction, output.index)
            spender = None if found is None or found.spent_by is None else self._chain.transaction(found.spent_by)
        return None if spender is None else _with_datum(one for one in spender.outputs if one.address == address)

    def input_addresses(self, transaction: str) -> tuple[str, ...]:
        """The addresses of the inputs that ``transaction`` spends.

        Raises:
            ChainReadError: the chain has no such transaction.
        """
        with self._read_errors():
            found = self._chain.transaction(transaction)
        if found is None:
            raise ChainReadError(
                f"The {self.name} has no transaction {transaction}",
                next_step="Read again: it may have been rolled back",
            )
        return tuple(output.address for output in found.inputs)

    def transaction_bytes(self, transaction: str) -> bytes | None:
        """The bytes of ``transaction``; ``None`` when the chain has no such transaction."""
        with self._read_errors():
            found = self._chain.transaction(transaction)
        return None if found is None else bytes.fromhex(found.cbor)

    def block_of(self, transaction: str) -> ChainTip | None:
        """The block that ``transaction`` is in; ``None`` when it is in none."""
        with self._read_errors():
            found = self._chain.transaction(transaction)
        return None if found is None else _placed(found.block)

    def genesis(self) -> NetworkGenesis:
        """The genesis of the chain."""
        genesis = self._chain.genesis
        return NetworkGenesis(
            genesis.network_magic,
            genesis.system_start_s,
            genesis.slot_length_s,
            genesis.epoch_length,
            genesis.active_slots_coeff,
        )

    def close(self) -> None:
        """Close the chain if ``open`` opened it. Calling it twice is fine."""
        if self._owns_chain:
            self._chain.close()

    @contextmanager
    def _read_errors(self) -> Iterator[None]:
        try:
            yield
        except StoreError as error:
            raise ChainReadError(f"The {self.name} could not be read", got=str(error)) from error


def _placed(block: Block) -> ChainTip:
    return ChainTip(slot=block.slot, height=block.height, block_hash=block.hash, epoch=block.epoch)


def _with_datum(outputs: Iterable[Output]) -> tuple[DatumOutput, ...]:
    return tuple(
        DatumOutput(
            transaction=output.transaction,
            index=output.index,
            datum=output.datum,
            lovelace=output.lovelace,
            slot=output.slot,
            height=output.block_height,
            spent=output.spent_by is not None,
            assets=output.assets,
        )
        for output in outputs
        if output.datum is not None
    )
