"""The port of the release tools to a chain: what building a transaction reads, and where a signed one goes.

What is in: the network, the protocol parameters, the outputs that can be spent and the slot, as one gateway reads them.
What comes out: values of our own (no pycardano type), so that building stays pure in its inputs, and the hash of
what was submitted. A node never needs this port: it reads through ``chain_reader.ports.ChainObserver``.
"""

from dataclasses import dataclass, field
from typing import Protocol, Self, runtime_checkable

from eras import Slot

MAINNET_MAGIC = 764_824_073


@dataclass(frozen=True, slots=True)
class Network:
    """A Cardano network: its magic, and the id its addresses and transactions carry (1 mainnet, 0 any other)."""

    magic: int
    network_id: int

    @classmethod
    def of(cls, magic: int) -> Self:
        """The network with this magic."""
        return cls(magic, 1 if magic == MAINNET_MAGIC else 0)


@dataclass(frozen=True, slots=True)
class TransactionParameters:
    """The protocol parameters that a transaction without scripts is judged by.

    Attributes:
        min_fee_per_byte: lovelace a byte (``min_fee_a``).
        min_fee_constant: lovelace a transaction (``min_fee_b``).
        max_tx_size: bytes of a serialized transaction.
        coins_per_utxo_byte: lovelace that an output must hold for each of its bytes.
    """

    min_fee_per_byte: int
    min_fee_constant: int
    max_tx_size: int
    coins_per_utxo_byte: int


@dataclass(frozen=True, slots=True)
class SpendableOutput:
    """An unspent output, with all that decides whether spending it would destroy something.

    Attributes:
        transaction: hash of the transaction that made it, 64 hex digits.
        index: its place among that transaction's outputs.
        address: where it is, bech32.
        lovelace: the ada it holds.
        assets: other tokens it holds, each policy id + asset name in hex, and its quantity.
        datum: the inline datum, CBOR in hex.
        datum_hash: the hash of a datum that is not inline.
        reference_script: the hash of a reference script it carries.
        reference: the output reference, ``transaction#index``.
    """

    transaction: str
    index: int
    address: str
    lovelace: int
    assets: tuple[tuple[str, int], ...] = ()
    datum: str | None = None
    datum_hash: str | None = None
    reference_script: str | None = None
    reference: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "reference", f"{self.transaction}#{self.index}")

    @property
    def is_plain(self) -> bool:
        """Ada and nothing else: spending it loses no token, datum or script."""
        return not (self.assets or self.datum or self.datum_hash or self.reference_script)


REMOTE_WHEN_IDLE = (
    "The provider may have lost its node, or the network makes no blocks: use another provider; a rehearsal chain with "
    "a manual clock is moved by: eraswitch local-chain advance FILE"
)
"""The reason why no new block might come from a provider that is asked over the network."""


@runtime_checkable
class TransactionGateway(Protocol):
    """Reads what building a transaction needs, and submits it.

    Every method raises ``ChainReadError`` (or a subclass) when the chain cannot be reached or makes no sense, in
    bounded time.
    """

    @property
    def name(self) -> str:
        """Its name in logs and errors, with no secret in it."""
        ...

    @property
    def when_idle(self) -> str:
        """The reason why no new block might come from it, as a sentence for an operator who waits."""
        ...

    def network(self) -> Network:
        """The network that the chain belongs to."""
        ...

    def protocol_parameters(self) -> TransactionParameters:
        """The parameters of the current epoch."""
        ...

    def tip_slot(self) -> Slot:
        """The slot of the newest block."""
        ...

    def spendable_outputs(self, address: str) -> tuple[SpendableOutput, ...]:
        """The unspent outputs at ``address``, oldest first; none when nothing was ever sent there.

        Raises:
            ChainReadError: they could not be read, or are more than may be.
        """
        ...

    def submit(self, cbor: bytes) -> str:
        """Submit a signed transaction; its hash as the chain gives it.

        Raises:
            TransactionRefusedError: the ledger refused it, with its reason.
        """
        ...

    def transaction_depth(self, transaction: str) -> int | None:
        """The number of blocks on top of the transaction's block: 0 in the newest, ``None`` when it is in no block."""
        ...

    def close(self) -> None:
        """Release connections. Calling it twice is fine."""
        ...


@runtime_checkable
class SupplyGateway(TransactionGateway, Protocol):
    """A transaction gateway that knows the supply of a token."""

    def supply(self, unit: str) -> int:
        """The supply of a token: minted, and not burnt."""
        ...
