"""Reads a local chain in-process: what a rehearsal or a test needs no provider for.

In: a ``LocalChain``. Out: the answers of the ``ChainObserver`` port, newest first; it knows all that the port can ask.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from os import PathLike
from typing import Self

from chain_reader.local_chain import LocalChain, Output
from chain_reader.ports import ChainTip, DatumOutput, ObserverCapabilities
from eras import ChainReadError, Epoch, StoreError


class LocalObserver:
    """A ``ChainObserver`` over a local chain, which stays open when the observer is closed (but see ``open``)."""

    def __init__(self, chain: LocalChain) -> None:
        self._chain = chain
        self._owns_chain = False
        self.name = f"local chain {chain.path}"
        self.capabilities = ObserverCapabilities(order=True, slots=True, inputs=True, history=True)

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
        return ChainTip(slot=tip.slot, height=tip.height, block_hash=tip.hash)

    def datums(self, address: str) -> tuple[DatumOutput, ...]:
        """The unspent outputs at ``address`` that carry an inline datum, newest first."""
        with self._read_errors():
            return _with_datum(self._chain.utxos(address, newest_first=True))

    def history(self, address: str) -> tuple[DatumOutput, ...]:
        """Every output with an inline datum that was ever at ``address``, newest first."""
        with self._read_errors():
            return _with_datum(self._chain.outputs(address, newest_first=True))

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
        )
        for output in outputs
        if output.datum is not None
    )
