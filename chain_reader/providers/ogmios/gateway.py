"""The gateway to an Ogmios websocket, next to a node of one's own.

What is in: a URL. What comes out: values of our own, each checked where it enters. A node knows what is unspent, not
what was ever in the chain: so a transaction is in the chain when its first output, which is the marker, is unspent. Its
depth is counted from the block at which that was first seen here, so it is never reported too deep. Of a transaction
whose marker was spent since, a node knows nothing any more.
"""

from typing import Annotated

from pydantic import Field, TypeAdapter

from chain_reader import ProviderRefusedError, ReadLimits
from chain_reader.providers.gateway import (
    REMOTE_WHEN_IDLE,
    Network,
    SpendableOutput,
    TransactionParameters,
)
from chain_reader.providers.ogmios.answers import (
    BLOCK_HEIGHT,
    GENESIS,
    TIP,
    Ada,
    Point,
    Reply,
    TransactionId,
    UnspentOutput,
)
from chain_reader.providers.ogmios.connection import Conversation, OgmiosConnection
from chain_reader.providers.transport.calls import Answer, Asking, Hash, Whole
from chain_reader.providers.transport.errors import TransactionRefusedError
from chain_reader.providers.transport.limits import DEFAULT_LIMITS
from eras import Slot

_LEDGER_FAULTS = range(3000, 4000)
_UNREADABLE_TRANSACTION = -32602


class _AdaOf(Answer):
    ada: Ada


class _Bytes(Answer):
    bytes: Whole


class _Parameters(Answer):
    min_fee_coefficient: Annotated[int, Field(alias="minFeeCoefficient", ge=0)]
    min_fee_constant: Annotated[_AdaOf, Field(alias="minFeeConstant")]
    max_transaction_size: Annotated[_Bytes, Field(alias="maxTransactionSize")]
    min_utxo_deposit_coefficient: Annotated[int, Field(alias="minUtxoDepositCoefficient", ge=0)]


class _Output(UnspentOutput):
    datum_hash: Annotated[Hash | None, Field(alias="datumHash")] = None
    script: dict[str, object] | None = None

    def to_spendable(self) -> SpendableOutput:
        return SpendableOutput(
            self.transaction.id,
            self.index,
            self.address,
            self.lovelace,
            tuple(sorted(self.assets)),
            self.datum,
            self.datum_hash if self.datum is None else None,
            None if self.script is None else "whose hash Ogmios does not report",
        )


class _Submitted(Answer):
    transaction: TransactionId


_PARAMETERS = TypeAdapter(Reply[_Parameters])
_OUTPUTS = TypeAdapter(Reply[tuple[_Output, ...]])
_SUBMITTED = TypeAdapter(Reply[_Submitted])
_UTXO = "queryLedgerState/utxo"


class OgmiosGateway(Asking[OgmiosConnection]):
    """A ``TransactionGateway`` over Ogmios, v6 or later.

    Args:
        url: ``ws://host:port`` or ``wss://…``.
        limits: time and size of what is asked.

    Raises:
        ConfigurationError: the URL cannot be used.
    """

    when_idle = REMOTE_WHEN_IDLE

    def __init__(self, url: str, *, limits: ReadLimits = DEFAULT_LIMITS) -> None:
        super().__init__(OgmiosConnection(url, limits))
        self._first_seen: dict[str, int] = {}

    def network(self) -> Network:
        """The network of the node's genesis."""
        found = self._api.ask("queryNetwork/genesisConfiguration", GENESIS, era="shelley")
        return Network.of(found.network_magic)

    def protocol_parameters(self) -> TransactionParameters:
        """The parameters of the current epoch."""
        found = self._api.ask("queryLedgerState/protocolParameters", _PARAMETERS)
        return TransactionParameters(
            min_fee_per_byte=found.min_fee_coefficient,
            min_fee_constant=found.min_fee_constant.ada.lovelace,
            max_tx_size=found.max_transaction_size.bytes,
            coins_per_utxo_byte=found.min_utxo_deposit_coefficient,
        )

    def tip_slot(self) -> Slot:
        """The slot of the newest block."""
        tip = self._api.ask("queryNetwork/tip", TIP)
        return Slot(tip.slot) if isinstance(tip, Point) else Slot(0)

    def spendable_outputs(self, address: str) -> tuple[SpendableOutput, ...]:
        """The unspent outputs at ``address``, by their references: Ogmios knows no other order."""

        def read(ogmios: Conversation) -> tuple[SpendableOutput, ...]:
            found = ogmios.ask(_UTXO, _OUTPUTS, addresses=[address])
            ogmios.call.require_at(address, (output.address for output in found))
            if not all("lovelace" in output.value.get("ada", {}) for output in found):
                raise ogmios.call.unexpected("outputs that hold ada", "one without")
            return tuple(output.to_spendable() for output in found)

        outputs = self._api.converse(_UTXO, read)
        return tuple(sorted(outputs, key=lambda output: (output.transaction, output.index)))

    def submit(self, cbor: bytes) -> str:
        """Submit a signed transaction; its hash as the node gives it.

        Raises:
            TransactionRefusedError: the ledger refused it.
            ChainReadError: the node could not be reached, or did not take it. After a timeout, whether it took the
                transaction is unknown.
        """
        try:
            submitted = self._api.ask("submitTransaction", _SUBMITTED, once=True, transaction={"cbor": cbor.hex()})
        except ProviderRefusedError as error:
            code = error.facts.get("rpc_code")
            if code in _LEDGER_FAULTS or code == _UNREADABLE_TRANSACTION:
                raise TransactionRefusedError(
                    f"{self.name} refused the transaction",
                    got=error.got,
                    next_step="Build it again from the outputs that are unspent now",
                    rpc_code=code,
                ) from error
            raise
        return submitted.transaction.id

    def transaction_depth(self, transaction: str) -> int | None:
        """The number of blocks since the transaction was first seen here; ``None`` when it is not seen."""
        found = self._api.ask("queryNetwork/blockHeight", BLOCK_HEIGHT)
        height = found if isinstance(found, int) else 0  # before the look at the outputs, so never reported too deep
        if not self.is_on_chain(transaction):
            self._first_seen.pop(transaction, None)
            return None
        return max(0, height - self._first_seen.setdefault(transaction, height))

    def is_on_chain(self, transaction: str) -> bool:
        """Whether the transaction's first output, which is the marker, is unspent."""
        reference = {"transaction": {"id": transaction}, "index": 0}
        return bool(self._api.converse(_UTXO, lambda ogmios: ogmios.ask(_UTXO, _OUTPUTS, outputReferences=[reference])))
