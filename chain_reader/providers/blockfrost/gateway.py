"""The gateway to a provider that speaks Blockfrost's HTTP: a hosted one, one's own, or the local chain's face.

What is in: a base URL and a project id. What comes out: values of our own, each checked where it enters, since a
provider may answer anything. A submission is never repeated here, because whether one that was not answered arrived can
only be looked up.
"""

import logging
from urllib.parse import quote

from chain_reader.providers.blockfrost.answers import Amount, PlacedTransaction, assets_of, lovelace_of
from chain_reader.providers.blockfrost.api import PAGE_ITEMS, BlockfrostApi, about_address
from chain_reader.providers.gateway import REMOTE_WHEN_IDLE, Network, SpendableOutput, TransactionParameters
from chain_reader.providers.transport.calls import Answer, Asking, Hash, OutputIndex, Quantity, Whole
from chain_reader.providers.transport.limits import DEFAULT_LIMITS, ReadLimits
from eras import Slot

_log = logging.getLogger(__name__)


class _Genesis(Answer):
    network_magic: Whole


class _Parameters(Answer):
    min_fee_a: Whole
    min_fee_b: Whole
    max_tx_size: Whole
    coins_per_utxo_size: Quantity


class _LatestBlock(Answer):
    slot: Whole


class _Block(Answer):
    confirmations: Whole


class _Asset(Answer):
    quantity: Quantity


class _Output(Answer):
    tx_hash: Hash
    output_index: OutputIndex
    address: str
    amount: tuple[Amount, ...]
    inline_datum: str | None
    data_hash: str | None
    reference_script_hash: str | None

    def to_spendable(self) -> SpendableOutput:
        return SpendableOutput(
            self.tx_hash,
            self.output_index,
            self.address,
            lovelace_of(self.amount),
            tuple(sorted(assets_of(self.amount))),
            self.inline_datum,
            # Blockfrost gives the hash of an inline datum, too.
            self.data_hash if self.inline_datum is None else None,
            self.reference_script_hash,
        )


class BlockfrostGateway(Asking[BlockfrostApi]):
    """A ``TransactionGateway`` over Blockfrost's HTTP API.

    Args:
        url: the API's root, as ``https://cardano-preprod.blockfrost.io/api/v0``.
        project_id: the secret that hosted providers ask for; it shows nowhere.
        limits: time and size of what is asked.

    Raises:
        ConfigurationError: the URL or the project id cannot be used.
    """

    when_idle = REMOTE_WHEN_IDLE

    def __init__(self, url: str, *, project_id: str | None = None, limits: ReadLimits = DEFAULT_LIMITS) -> None:
        super().__init__(BlockfrostApi(url, project_id, limits))

    def network(self) -> Network:
        """The network of the provider's genesis."""
        return Network.of(self._api.one("/genesis", _Genesis, self._api.until()).network_magic)

    def protocol_parameters(self) -> TransactionParameters:
        """The parameters of the current epoch."""
        found = self._api.one("/epochs/latest/parameters", _Parameters, self._api.until())
        return TransactionParameters(
            min_fee_per_byte=found.min_fee_a,
            min_fee_constant=found.min_fee_b,
            max_tx_size=found.max_tx_size,
            coins_per_utxo_byte=int(found.coins_per_utxo_size),
        )

    def tip_slot(self) -> Slot:
        """The slot of the newest block."""
        return Slot(self._api.one("/blocks/latest", _LatestBlock, self._api.until()).slot)

    def spendable_outputs(self, address: str) -> tuple[SpendableOutput, ...]:
        """The unspent outputs at ``address``, oldest first; none when nothing was ever sent there.

        An output that is not plausible cannot be spent, and is left out; a page of nothing else is refused.

        Raises:
            ChainReadError: they could not be read, or are more than may be.
        """
        found: list[SpendableOutput] = []
        path, until, most = about_address(address, "utxos"), self._api.until(), self._api.limits.max_pages
        odd: list[str] = []
        for page in range(1, most + 1):
            odd.clear()
            items = self._api.page(
                path, tuple[_Output | None, ...], page, until, instead=lambda _item, why: odd.append(why), order="asc"
            )
            if odd and len(odd) == len(items):
                raise self._api.call(path).unexpected("outputs", odd[0])
            for why in odd:
                _log.warning("%s: an output is left out, because it is not plausible: %s", self.name, why)
            known = [item for item in items if item is not None]
            self._api.call(path).require_at(address, (item.address for item in known))
            found.extend(item.to_spendable() for item in known)
            if len(items) < PAGE_ITEMS:
                return tuple(found)
        raise self._api.call(path).beyond(
            "max_pages",
            f"at most {most} pages of {PAGE_ITEMS}",
            "Pay from another address",
            what="lists more outputs than may be read",
            got=None,
        )

    def supply(self, unit: str) -> int:
        """The supply of a token; 0 where the provider knows no such token."""
        found = self._api.known(f"/assets/{quote(unit, safe='')}", _Asset, self._api.until())
        return 0 if found is None else int(found.quantity)

    def submit(self, cbor: bytes) -> str:
        """Submit a signed transaction; its hash as the provider gives it."""
        return self._api.submit("/tx/submit", cbor)

    def transaction_depth(self, transaction: str) -> int | None:
        """The number of blocks on top of the transaction's block; ``None`` when it is in no block."""
        until = self._api.until()
        found = self._api.known(f"/txs/{quote(transaction, safe='')}", PlacedTransaction, until)
        block = None if found is None else self._api.known(f"/blocks/{found.block}", _Block, until)
        return None if block is None else block.confirmations
