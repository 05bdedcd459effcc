"""The gateway to a local chain in this process: no network between."""

from os import PathLike
from typing import Self

from chain_reader.local_chain import LedgerRefusedError, LocalChain
from chain_reader.providers.gateway import Network, SpendableOutput, TransactionParameters
from chain_reader.providers.transport.errors import TransactionRefusedError
from eras import Slot


class LocalChainGateway:
    """A ``TransactionGateway`` over an open ``LocalChain``, which stays the caller's to close (but see ``open``)."""

    def __init__(self, chain: LocalChain) -> None:
        self._chain = chain
        self._owns_chain = False

    @classmethod
    def open(cls, path: str | PathLike[str]) -> Self:
        """A gateway to the chain at ``path``, with a connection of its own that ``close`` closes.

        Raises:
            StoreError: there is no local chain at ``path``.
        """
        gateway = cls(LocalChain.open(path))
        gateway._owns_chain = True
        return gateway

    @property
    def name(self) -> str:
        """``local chain`` and its path."""
        return f"local chain {self._chain.path}"

    @property
    def when_idle(self) -> str:
        """Why no new block might come: a chain with a manual clock waits for a command."""
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
        """How many of a token exist."""
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
        """How many blocks lie on top of the transaction's block; ``None`` when it is in no block."""
        with self._chain.snapshot():
            found = self._chain.transaction(transaction)
            return None if found is None else self._chain.tip().height - found.block.height

    def close(self) -> None:
        """Close the chain if ``open`` opened it. Calling it twice is fine."""
        if self._owns_chain:
            self._chain.close()
