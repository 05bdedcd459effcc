"""What the local chain takes for a payment address, held against pycardano."""

import pytest
from pycardano import Address, Network, ScriptHash, VerificationKeyHash
from pycardano.address import PointerAddress

from chain_reader.local_chain.faces.blockfrost_bodies import address
from chain_reader.local_chain.ledger.addresses import AddressError, parse_address

KEY, SCRIPT = VerificationKeyHash(b"\x01" * 28), ScriptHash(b"\x02" * 28)


@pytest.mark.parametrize("network", Network)
@pytest.mark.parametrize("stake", [None, KEY, SCRIPT, PointerAddress(2**31, 2**10, 3)], ids=str)
@pytest.mark.parametrize("payment", [KEY, SCRIPT], ids=["key", "script"])
def test_every_kind_of_payment_address(
    payment: VerificationKeyHash | ScriptHash, stake: VerificationKeyHash | PointerAddress | None, network: Network
):
    made = Address(payment, stake, network)
    for form in (made.encode(), bytes(made)):
        found = parse_address(form)
        assert (found.text, found.raw, found.network_id) == (made.encode(), bytes(made), network.value)
        assert (found.payment_hash, found.is_script) == (bytes(payment), payment is SCRIPT)
    shown = address(made.encode(), 1, ())
    staking = None if stake is None or isinstance(stake, PointerAddress) else Address(None, stake, network).encode()
    assert (shown["script"], shown["stake_address"]) == (payment is SCRIPT, staking)


POINTERS = ("", "0102", "010283", "01020304")


@pytest.mark.parametrize(
    "raw",
    ["", "00", "00" * 30, "60" * 30, "62" + "00" * 28, "c0" + "00" * 28, *(f"40{'00' * 28}{end}" for end in POINTERS)],
)
def test_other_bytes_are_no_address(raw: str):
    with pytest.raises(AddressError, match="is not an address"):
        parse_address(bytes.fromhex(raw))
