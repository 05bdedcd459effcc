"""Addresses that a payment key owns, of the network that a transaction is for."""

from typing import TYPE_CHECKING

from eras import TransactionError

if TYPE_CHECKING:
    from pycardano import Address


def parse_address(text: str, network_id: int, what: str) -> "Address":
    """``text`` as an address of this network that a payment key owns; ``what`` names it in errors.

    Raises:
        TransactionError: it is none.
    """
    from pycardano import Address, VerificationKeyHash

    try:
        address = Address.from_primitive(text)
    except Exception as error:  # pycardano lets whatever its decoders raise through
        raise TransactionError(
            f"The {what} is not usable",
            expected="a bech32 address",
            got=f"{text!r}"[:120],
            next_step="Correct the address",
        ) from error
    if address.network.value != network_id:
        raise TransactionError(
            f"The {what} is of another network",
            expected=f"network id {network_id}",
            got=f"network id {address.network.value} in {text}",
            next_step="Use an address of the network that the chain belongs to",
        )
    if not isinstance(address.payment_part, VerificationKeyHash):
        raise TransactionError(
            f"The {what} is not owned by a payment key",
            expected="an address that begins with a payment key hash",
            got=text,
            next_step="Scripts and stake addresses are not supported here",
        )
    return address


def payment_key_hash(text: str, network_id: int) -> str:
    """The hash of the key that owns the address ``text``, 56 hex digits.

    Raises:
        TransactionError: it is no address of this network that a payment key owns.
    """
    return bytes(parse_address(text, network_id, "address of an output to spend").payment_part).hex()
