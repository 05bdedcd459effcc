"""Puts a datum on a chain in one step: for demonstrations, benchmarks and tests.

In: a gateway, a datum, a wallet. Out: the transaction, which is submitted. None of what guards a publication is here
(``drafting``, ``publishing``): no notice, no journal, no wait, no reading back.
"""

from chain_reader.providers.gateway import SpendableOutput, TransactionGateway
from eras import TransactionError
from release_tools.keys.payment_key import PaymentKey
from release_tools.transactions.balancing import LedgerContext, UnsignedTransaction
from release_tools.transactions.building import (
    Funding,
    build_marker_transaction,
    sign_transaction,
    submit_transaction,
)
from release_tools.transactions.owners import EraAddress, TokenMint


def post_datum(
    gateway: TransactionGateway,
    datum: bytes,
    address: str,
    wallet: PaymentKey,
    *,
    replacing: str | None = None,
    thread_token: TokenMint | None = None,
) -> UnsignedTransaction:
    """Build, sign and submit the transaction that puts ``datum`` at an address. Returns it.

    Args:
        gateway: the chain.
        datum: CBOR.
        address: the era address.
        wallet: pays, and receives the change.
        replacing: reference of an output at ``address`` that the transaction spends.
        thread_token: the token to mint.

    Raises:
        TransactionError: there is no such output, or the transaction cannot be built or is refused.
        ChainReadError: the gateway could not be reached.
    """
    network = gateway.network()
    change = wallet.address(network.network_id)
    built = build_marker_transaction(
        datum,
        EraAddress(address),
        Funding.read(gateway, change),
        LedgerContext.read(gateway, network),
        previous=None if replacing is None else _output(gateway, address, replacing),
        thread_token=thread_token,
    )
    submit_transaction(gateway, sign_transaction(built, [wallet]))
    return built


def _output(gateway: TransactionGateway, address: str, reference: str) -> SpendableOutput:
    for output in gateway.spendable_outputs(address):
        if output.reference == reference:
            return output
    raise TransactionError(
        "The output to replace is not at the era address",
        expected=f"{reference}, unspent",
        got="no such output",
        next_step="Replace the newest one",
    )
