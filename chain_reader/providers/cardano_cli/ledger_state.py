"""The common part of observers that query the ledger state of a node: a set of unspent outputs, without a past.

In: a name. Out: the part of the ``ChainObserver`` port that such an observer does not know, as an error.
"""

from chain_reader.ports import DatumOutput, ObserverCapabilities
from chain_reader.providers.transport.calls import Call
from chain_reader.providers.transport.errors import ProviderRefusedError


class LedgerStateOnly:
    """The half of a ``ChainObserver`` that knows no order of outputs, no slots, no inputs and no history.

    Attributes:
        name: what operators call the observer.
        capabilities: none.
    """

    name: str
    capabilities = ObserverCapabilities(tokens=True)

    def input_addresses(self, transaction: str) -> tuple[str, ...]:
        """Not known to the ledger state.

        Raises:
            ProviderRefusedError: always.
        """
        raise self._not_in_ledger_state(f"the inputs of transaction {transaction}")

    def history(self, address: str) -> tuple[DatumOutput, ...]:
        """Not known to the ledger state.

        Raises:
            ProviderRefusedError: always.
        """
        raise self._not_in_ledger_state(f"the history of {address}")

    def _not_in_ledger_state(self, what: str) -> ProviderRefusedError:
        return Call(self.name, what).error(
            ProviderRefusedError,
            "cannot be read",
            expected="what the ledger state holds",
            next_step="Use an observer that declares this capability, such as Blockfrost",
        )
