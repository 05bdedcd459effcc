"""A key with an address on a local chain, and the transactions that it signs; by pycardano."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pycardano import (
    Address,
    AuxiliaryData,
    Metadata,
    Network,
    PaymentSigningKey,
    PaymentVerificationKey,
    RawCBOR,
    StakeSigningKey,
    StakeVerificationKey,
    Transaction,
    TransactionBody,
    TransactionInput,
    TransactionOutput,
    TransactionWitnessSet,
    VerificationKeyWitness,
)

from chain_reader.local_chain import Output

START_S = 1_700_000_000  # when slot 0 of the chains in these tests began
ADA = 1_000_000
FEE = 200_000
DATUM = "d8799f43010203ff"


@dataclass(frozen=True)
class Wallet:
    """A payment key; ``address`` is its enterprise address on a test network."""

    key: PaymentSigningKey

    @classmethod
    def new(cls) -> "Wallet":
        return cls(PaymentSigningKey.generate())

    @cached_property
    def verification_key(self) -> PaymentVerificationKey:
        return PaymentVerificationKey.from_signing_key(self.key)

    @cached_property
    def address(self) -> str:
        return Address(self.verification_key.hash(), network=Network.TESTNET).encode()

    @property
    def base_address(self) -> str:
        """The same payment key, with a stake key."""
        stake = StakeVerificationKey.from_signing_key(StakeSigningKey.generate())
        return Address(self.verification_key.hash(), stake.hash(), network=Network.TESTNET).encode()

    def sign(self, body: TransactionBody, auxiliary: AuxiliaryData | None = None) -> bytes:
        """The transaction of ``body``, signed with the one key."""
        witness = VerificationKeyWitness(self.verification_key, self.key.sign(body.hash()))
        witnesses = TransactionWitnessSet(vkey_witnesses=[witness])
        return Transaction(body, witnesses, auxiliary_data=auxiliary).to_cbor()

    def pay(
        self,
        source: Output,
        address: str,
        lovelace: int,
        *,
        datum: str | None = None,
        metadata: dict[int, Any] | None = None,
        fee: int = FEE,
        change: int | None = None,
        **fields: Any,
    ) -> bytes:
        """Spend ``source``: ``lovelace`` to ``address``, the rest (or ``change``) back; ``fields`` go into the body."""
        paid = TransactionOutput(
            Address.decode(address), lovelace, datum=None if datum is None else RawCBOR(bytes.fromhex(datum))
        )
        rest = source.lovelace - lovelace - fee if change is None else change
        back = [TransactionOutput(Address.decode(self.address), rest)] if rest else []
        auxiliary = None if metadata is None else AuxiliaryData(Metadata(metadata))
        body = TransactionBody(
            inputs=[TransactionInput.from_primitive([source.transaction, source.index])],
            outputs=[paid, *back],
            fee=fee,
            auxiliary_data_hash=None if auxiliary is None else auxiliary.hash(),
            **fields,
        )
        return self.sign(body, auxiliary)
