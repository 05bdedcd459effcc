"""The gateway to Koios, its public service or a server of one's own.

What is in: a base URL or the name of a public network. What comes out: values of our own, each checked where it enters.
"""

from chain_reader.providers.gateway import (
    REMOTE_WHEN_IDLE,
    Network,
    SpendableOutput,
    TransactionParameters,
)
from chain_reader.providers.koios.answers import EpochParameters, Genesis, Output, assets_of, datum_of
from chain_reader.providers.koios.api import KoiosApi
from chain_reader.providers.transport.calls import Asking
from chain_reader.providers.transport.limits import DEFAULT_LIMITS, ReadLimits
from eras import Slot

_OLDEST_FIRST = "block_height.asc,tx_hash.asc,tx_index.asc"


class KoiosGateway(Asking[KoiosApi]):
    """A ``TransactionGateway`` over Koios.

    Args:
        place: what paths follow, version included, or the name of a public network.
        token: the token of an account, where there is one; it shows nowhere.
        limits: time and size of what is asked.

    Raises:
        ConfigurationError: the place or the token cannot be used.
    """

    when_idle = REMOTE_WHEN_IDLE

    def __init__(self, place: str, *, token: str | None = None, limits: ReadLimits = DEFAULT_LIMITS) -> None:
        super().__init__(KoiosApi(place, token, limits))

    def network(self) -> Network:
        """The network of the server's genesis."""
        return Network.of(self._api.one("/genesis", tuple[Genesis, ...], self._api.until()).networkmagic)

    def protocol_parameters(self) -> TransactionParameters:
        """The parameters of the current epoch."""
        until = self._api.until()
        epoch = self._api.tip(until).epoch_no
        found = self._api.one(f"/epoch_params?_epoch_no={epoch}", tuple[EpochParameters, ...], until)
        return TransactionParameters(
            min_fee_per_byte=found.min_fee_a,
            min_fee_constant=found.min_fee_b,
            max_tx_size=found.max_tx_size,
            coins_per_utxo_byte=found.coins_per_utxo_size,
        )

    def tip_slot(self) -> Slot:
        """The slot of the newest block."""
        return Slot(self._api.tip(self._api.until()).abs_slot)

    def spendable_outputs(self, address: str) -> tuple[SpendableOutput, ...]:
        """The unspent outputs at ``address``, oldest first by their blocks.

        Raises:
            ChainReadError: they could not be read, or are more than may be.
        """
        found = self._api.unspent(address, _OLDEST_FIRST, self._api.until())
        return tuple(_spendable(item) for item in found if "unreadable" not in item)

    def supply(self, unit: str) -> int:
        """The supply of a token."""
        return self._api.supply(unit, self._api.until())

    def submit(self, cbor: bytes) -> str:
        """Submit a signed transaction; its hash as the server gives it."""
        return self._api.submit("/submittx", cbor)

    def transaction_depth(self, transaction: str) -> int | None:
        """The number of blocks on top of the transaction's block; ``None`` when it is in no block."""
        until = self._api.until()
        found = self._api.transaction(transaction, until)
        if found is None:
            return None
        return max(0, (self._api.tip(until).height or 0) - found.block_height)


def _spendable(item: Output) -> SpendableOutput:
    datum, script = datum_of(item), item.get("reference_script")
    return SpendableOutput(
        item["tx_hash"],
        item["tx_index"],
        item["address"],
        int(item["value"]),
        tuple(sorted(assets_of(item))),
        datum,
        item.get("datum_hash") if datum is None else None,
        None if script is None else str(script.get("hash") or "whose hash Koios does not report"),
    )
