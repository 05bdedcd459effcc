"""The chain as pycardano's rules ask for it: parameters that we read ourselves, and nothing that fetches.

pycardano's own contexts are never used: its Ogmios context evaluates strings that the server sends, its Blockfrost
context fails on a null cost model. What a transaction without scripts is never asked about is zero here.
"""

from fractions import Fraction

from pycardano import ChainContext, ProtocolParameters
from pycardano import Network as CardanoNetwork

from chain_reader.providers.gateway import TransactionParameters


class GivenChainContext(ChainContext):  # type: ignore[misc]  # pycardano carries no types
    """A pycardano chain context that knows what it was given, for scriptless transactions."""

    def __init__(self, parameters: TransactionParameters, network_id: int) -> None:
        self._network = CardanoNetwork(network_id)
        nothing = Fraction(0)
        self._parameters = ProtocolParameters(
            min_fee_constant=parameters.min_fee_constant,
            min_fee_coefficient=parameters.min_fee_per_byte,
            max_tx_size=parameters.max_tx_size,
            coins_per_utxo_byte=parameters.coins_per_utxo_byte,
            coins_per_utxo_word=0,
            max_block_size=0,
            max_block_header_size=0,
            max_val_size=0,
            key_deposit=0,
            pool_deposit=0,
            pool_influence=nothing,
            monetary_expansion=nothing,
            treasury_expansion=nothing,
            decentralization_param=nothing,
            extra_entropy="",
            protocol_major_version=0,
            protocol_minor_version=0,
            min_utxo=0,
            min_pool_cost=0,
            price_mem=nothing,
            price_step=nothing,
            max_tx_ex_mem=0,
            max_tx_ex_steps=0,
            max_block_ex_mem=0,
            max_block_ex_steps=0,
            collateral_percent=0,
            max_collateral_inputs=0,
            cost_models={},
        )

    @property
    def protocol_param(self) -> ProtocolParameters:
        """The protocol parameters it was given."""
        return self._parameters

    @property
    def network(self) -> CardanoNetwork:
        """The network it was given."""
        return self._network
