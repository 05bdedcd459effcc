"""A local chain in this process, read and written: what a rehearsal or a test needs no provider for.

In: a ``LocalChain``. Out: the answers of the ports ``ChainObserver``, newest first, of which it knows all that can be
asked, and ``TransactionGateway``.
"""

from collections.abc import Callable, Iterable
from functools import wraps
from os import PathLike
from typing import Concatenate, ParamSpec, Self, TypeVar

from chain_reader.genesis import NetworkGenesis
from chain_reader.local_chain import LedgerRefusedError, LocalChain, Output
from chain_reader.local_chain.ledger.model import Block
from chain_reader.ports import ChainTip, DatumOutput, ObserverCapabilities
from chain_reader.providers.gateway import Network, SpendableOutput, TransactionParameters
from chain_reader.providers.transport.errors import TransactionRefusedError
from eras import ChainReadError, Epoch, Slot, StoreError

Asked = ParamSpec("Asked")
Answer = TypeVar("Answer")


class _OverChain:
    """The common part of both: a local chain, which stays open when this is closed (but see ``open``)."""

    def __init__(self, chain: LocalChain) -> None:
        self._chain = chain
        self._owns_chain = False
        self.name = f"local chain {chain.path}"
        """``local chain`` and its path."""

    @classmethod
    def open(cls, path: str | PathLike[str]) -> Self:
        """The same over the chain at ``path``, with a connection of its own that ``close`` closes.

        Raises:
            StoreError: there is no local chain at ``path``.
        """
        opened = cls(LocalChain.open(path))
        opened._owns_chain = True
        return opened

    def close(self) -> None:
        """Close the chain if ``open`` opened it. Calling it twice is fine."""
        if self._owns_chain:
            self._chain.close()


def _read(
    method: Callable[Concatenate["LocalObserver", Asked], Answer],
) -> Callable[Concatenate["LocalObserver", Asked], Answer]:
    """A method of the observer, in which a failure of the chain's file is one to read the chain."""

    @wraps(method)
    def read(self: "LocalObserver", /, *asked: Asked.args, **named: Asked.kwargs) -> Answer:
        try:
            return method(self, *asked, **named)
        except StoreError as error:
            raise ChainReadError(f"The {self.name} could not be read", got=str(error)) from error

    return read


class LocalObserver(_OverChain):
    """A ``ChainObserver`` over a local chain."""

    capabilities = ObserverCapabilities(order=True, slots=True, inputs=True, history=True, blocks=True, tokens=True)

    def __init__(self, chain: LocalChain) -> None:
        super().__init__(chain)
        self.listed = 0

    @_read
    def epoch(self) -> Epoch:
        """The current epoch."""
        return self._chain.epoch()

    @_read
    def tip(self) -> ChainTip:
        """The newest block."""
        return _placed(self._chain.tip())

    @_read
    def datums(self, address: str) -> tuple[DatumOutput, ...]:
        """The unspent outputs at ``address`` that carry an inline datum, newest first."""
        found = self._chain.utxos(address, newest_first=True)
        self.listed = len(found)
        return _with_datum(found)

    @_read
    def history(self, address: str) -> tuple[DatumOutput, ...]:
        """Every output with an inline datum that was ever at ``address``, newest first."""
        found = self._chain.outputs(address, newest_first=True)
        self.listed = max(self.listed, len(found))
        return _with_datum(found)

    @_read
    def is_unspent(self, output: DatumOutput) -> bool:
        """Whether an output is unspent."""
        found = self._chain.output(output.transaction, output.index)
        return found is not None and found.spent_by is None

    @_read
    def successors(self, output: DatumOutput, address: str) -> tuple[DatumOutput, ...] | None:
        """The outputs with a datum that the spender of an output made at ``address``; ``None`` where it is unspent."""
        found = self._chain.output(output.transaction, output.index)
        spender = None if found is None or found.spent_by is None else self._chain.transaction(found.spent_by)
        return None if spender is None else _with_datum(one for one in spender.outputs if one.address == address)

    @_read
    def input_addresses(self, transaction: str) -> tuple[str, ...]:
        """The addresses of the inputs that ``transaction`` spends.

        Raises:
            ChainReadError: the chain has no such transaction.
        """
        found = self._chain.transaction(transaction)
        if found is None:
            raise ChainReadError(
                f"The {self.name} has no transaction {transaction}",
                next_step="Read again: it may have been rolled back",
            )
        return tuple(output.address for output in found.inputs)

    @_read
    def transaction_bytes(self, transaction: str) -> bytes | None:
        """The bytes of ``transaction``; ``None`` when the chain has no such transaction."""
        found = self._chain.transaction(transaction)
        return None if found is None else bytes.fromhex(found.cbor)

    @_read
    def block_of(self, transaction: str) -> ChainTip | None:
        """The block that ``transaction`` is in; ``None`` when it is in none."""
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


class LocalChainGateway(_OverChain):
    """A ``TransactionGateway`` over an open ``LocalChain``."""

    @property
    def when_idle(self) -> str:
        """The reason why no new block might come: a chain with a manual clock waits for a command."""
        if self._chain.genesis.clock_mode == "manual":
            return f"The clock of this rehearsal chain is manual: eraswitch local-chain advance {self._chain.path}"
        return "Its blocks follow the clock: the chain may make none for a while"

    def network(self) -> Network:
        """The network that the chain was created with."""
        return Network(self._chain.genesis.network_magic, self._chain.genesis.network_id)

    def protocol_parameters(self) -> TransactionParameters:
        """The parameters that the chain was created with."""
        parameters = self._chain.parameters
        return TransactionParameters(
            min_fee_per_byte=parameters.min_fee_coefficient,
            min_fee_constant=parameters.min_fee_constant,
            max_tx_size=parameters.max_transaction_size,
            coins_per_utxo_byte=parameters.coins_per_utxo_byte,
        )

    def tip_slot(self) -> Slot:
        """The slot of the newest block."""
        return self._chain.tip().slot

    def spendable_outputs(self, address: str) -> tuple[SpendableOutput, ...]:
        """The unspent outputs at ``address``, oldest first."""
        return tuple(
            SpendableOutput(
                output.transaction,
                output.index,
                output.address,
                output.lovelace,
                output.assets,
                output.datum,
                output.datum_hash,
            )
            for output in self._chain.utxos(address)
        )

    def supply(self, unit: str) -> int:
        """The supply of a token."""
        return self._chain.supply(unit)

    def submit(self, cbor: bytes) -> str:
        """Submit a signed transaction, which the chain mines at once.

        Raises:
            TransactionRefusedError: the ledger refused it.
        """
        try:
            return self._chain.submit(cbor)
        except LedgerRefusedError as error:
            raise TransactionRefusedError(
                f"{self.name} refused the transaction", got=str(error), **error.facts
            ) from error

    def transaction_depth(self, transaction: str) -> int | None:
        """The number of blocks on top of the transaction's block; ``None`` when it is in no block."""
        with self._chain.snapshot():
            found = self._chain.transaction(transaction)
            return None if found is None else self._chain.tip().height - found.block.height


def _placed(block: Block) -> ChainTip:
    return ChainTip(slot=block.slot, height=block.height, block_hash=block.hash, epoch=block.epoch)


def _with_datum(outputs: Iterable[Output]) -> tuple[DatumOutput, ...]:
    return tuple(
        [
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
        ]
    )
