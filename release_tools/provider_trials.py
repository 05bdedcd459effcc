"""Tries the requests that a rollout will send to a provider; part of the doctor.

In: an observer and a gateway of one provider, and the era address. Out: findings. Nothing changes on the chain: the
bytes that are submitted are not a transaction, and the ledger must report that.
"""

from chain_reader import ChainObserver
from chain_reader.authorship import TransactionBytesError, transaction_id
from chain_reader.ports import UNKNOWN_ADDRESS, BytesObserver, LocatingObserver
from chain_reader.providers.gateway import TransactionGateway
from chain_reader.providers.transport.errors import TransactionRefusedError
from eras import ChainReadError
from release_tools.doctor import Examination

NO_TRANSACTION = "0" * 64
NO_TRANSACTION_BYTES = b"\x80"
"""An empty list, in CBOR."""


def try_provider(
    examination: Examination,
    name: str,
    observer: ChainObserver,
    gateway: TransactionGateway | None,
    address: str | None,
) -> None:
    """Try each request of reading and publishing.

    Args:
        examination: receives the findings.
        name: the provider's name.
        observer: reads from it.
        gateway: submits to it; ``None`` if it takes no transactions.
        address: the era address, if it is known.
    """
    transaction = None
    if address is not None:
        transaction = examination.attempt(f"era address, by {name}", lambda: _newest(observer, address))
        if transaction is not None:
            _try_transaction(examination, name, observer, transaction)
    knows_blocks = observer.capabilities.blocks and isinstance(observer, LocatingObserver)
    if knows_blocks or gateway is not None:
        examination.attempt(
            f"unknown transactions, by {name}",
            lambda: _require_unknown(name, observer, gateway),
            lambda _: "a transaction that does not exist is not found",
        )
    if gateway is not None:
        examination.attempt(
            f"protocol parameters, by {name}",
            gateway.protocol_parameters,
            lambda found: f"{found.min_fee_per_byte} lovelace a byte, at most {found.max_tx_size} bytes",
        )
        examination.attempt(
            f"submission, by {name}",
            lambda: _require_refusal(name, gateway),
            lambda _: "an invalid transaction is refused, so a valid one would be checked",
        )


def _newest(observer: ChainObserver, address: str) -> str | None:
    """The transaction of an output at the era address, the newest if outputs are ordered."""
    outputs = observer.datums(address)
    return next((output.transaction for output in outputs if output.unreadable is None), None)


def _try_transaction(examination: Examination, name: str, observer: ChainObserver, transaction: str) -> None:
    if observer.capabilities.inputs:
        check = f"inputs of transactions, by {name}"
        inputs = examination.attempt(check, lambda: observer.input_addresses(transaction))
        if inputs is not None and UNKNOWN_ADDRESS in inputs:
            examination.warning(
                check,
                f"it does not know where all inputs of {transaction} were, so the authors of some outputs "
                "cannot be proved",
                "Configure a second provider beside it",
            )
        elif inputs is not None:
            examination.fine(check, f"it knows those of {transaction}")
    if isinstance(observer, BytesObserver):
        examination.attempt(
            f"bytes of transactions, by {name}",
            lambda: _shown(observer, transaction),
            lambda size: (
                f"{size} bytes of {transaction}, which prove its author"
                if size
                else f"it shows none of {transaction}, so its report of the inputs is used instead"
            ),
        )
    if observer.capabilities.blocks and isinstance(observer, LocatingObserver):
        examination.attempt(
            f"blocks, by {name}",
            lambda: observer.block_of(transaction),
            lambda block: f"{transaction} is in {'no block' if block is None else f'the block of slot {block.slot}'}",
        )


def _shown(observer: BytesObserver, transaction: str) -> int:
    """Return the number of bytes shown of a transaction; 0 if there are none.

    Raises:
        ChainReadError: they belong to another transaction, or could not be read.
    """
    data = observer.transaction_bytes(transaction)
    if data is None:
        return 0
    try:
        found = transaction_id(data)
    except TransactionBytesError as error:
        found = f"an invalid transaction ({error})"
    if found != transaction:
        raise ChainReadError(
            f"{observer.name} shows the bytes of another transaction",
            code="UnusableProvider",
            expected=transaction,
            got=found,
            next_step="Name another provider",
        )
    return len(data)


def _require_unknown(name: str, observer: ChainObserver, gateway: TransactionGateway | None) -> None:
    """Check that a transaction that does not exist is reported in no block.

    Raises:
        ChainReadError: it is reported in a block, or the provider fails on the request.
    """
    found = gateway is not None and gateway.transaction_depth(NO_TRANSACTION) is not None
    if not found and observer.capabilities.blocks and isinstance(observer, LocatingObserver):
        found = observer.block_of(NO_TRANSACTION) is not None
    if found:
        raise ChainReadError(
            f"{name} shows a transaction that does not exist",
            code="UnusableProvider",
            expected="that it is not found",
            got="a block that it is in",
            next_step="Name another provider",
        )


def _require_refusal(name: str, gateway: TransactionGateway) -> None:
    """Check that bytes which are not a transaction are refused.

    Raises:
        ChainReadError: they were accepted, or the provider does not look at submitted bytes.
    """
    try:
        gateway.submit(NO_TRANSACTION_BYTES)
    except TransactionRefusedError:
        return
    raise ChainReadError(
        f"{name} accepted an invalid transaction",
        code="UnusableProvider",
        expected="a refusal",
        got="a transaction id",
        next_step="Name another provider",
    )
