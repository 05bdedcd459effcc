"""Reads a chain through an Ogmios websocket, v6 or later, next to a Cardano node.

In: a URL. Out: the answers of the ``ChainObserver`` port. Ogmios queries the ledger state, which is a set: it knows
no order of outputs, no slots, no inputs of past transactions and no history, as its capabilities show.
"""

from chain_reader.genesis import NetworkGenesis
from chain_reader.ports import ChainTip, DatumOutput
from chain_reader.providers.ogmios.answers import (
    BLOCK_HEIGHT,
    EPOCH,
    ERA_SUMMARIES,
    GENESIS,
    TIP,
    UTXO,
    Origin,
    Point,
    UnspentOutput,
)
from chain_reader.providers.ogmios.connection import Conversation, OgmiosConnection
from chain_reader.providers.transport.calls import Asking, LedgerStateOnly
from chain_reader.providers.transport.limits import DEFAULT_LIMITS, SYSTEM_CLOCK, Clock, ReadLimits
from eras import ConfigurationError, Epoch, Slot

_TIP_READINGS = 3
"""The number of times that the tip is read again when a block arrives in the middle of it."""


class OgmiosObserver(Asking[OgmiosConnection], LedgerStateOnly):
    """A ``ChainObserver`` over Ogmios. Its connection is opened at the first question, and kept.

    Args:
        url: ``ws://host:port`` or ``wss://…``.
        limits: time, size, attempts and rate; ``max_message_bytes`` must hold every output at the address.
        clock: time and waiting.

    Raises:
        ConfigurationError: the URL cannot be used.
    """

    def __init__(
        self,
        url: str,
        *,
        limits: ReadLimits = DEFAULT_LIMITS,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        super().__init__(OgmiosConnection(url, limits, clock=clock))
        self._genesis: NetworkGenesis | None = None
        self.listed = 0

    def epoch(self) -> Epoch:
        """The current epoch."""
        return Epoch(self._api.ask("queryLedgerState/epoch", EPOCH))

    def tip(self) -> ChainTip:
        """The newest block; its height and epoch are unknown when blocks keep arriving while it is read."""
        return self._api.converse("queryNetwork/tip", _read_tip)

    def datums(self, address: str) -> tuple[DatumOutput, ...]:
        """The unspent outputs at ``address`` that carry an inline datum, in no order."""

        def read(ogmios: Conversation) -> tuple[UnspentOutput, ...]:
            outputs = ogmios.ask("queryLedgerState/utxo", UTXO, addresses=[address])
            ogmios.call.require_at(address, (output.address for output in outputs))
            return outputs

        found = self._api.converse("queryLedgerState/utxo", read)
        self.listed = len(found)
        return tuple(
            DatumOutput(
                output.transaction.id, output.index, output.datum, output.lovelace, spent=False, assets=output.assets
            )
            for output in found
            if output.datum is not None
        )

    def is_unspent(self, output: DatumOutput) -> bool:
        """Whether an output is unspent, asked for by its reference."""
        reference = {"transaction": {"id": output.transaction}, "index": output.index}
        found = self._api.ask("queryLedgerState/utxo", UTXO, outputReferences=[reference])
        return any((one.transaction.id, one.index) == (output.transaction, output.index) for one in found)

    def genesis(self) -> NetworkGenesis:
        """The genesis of the node's network, from the beginning of its newest era."""
        if self._genesis is None:
            self._genesis = self._api.converse("queryNetwork/genesisConfiguration", _read_genesis)
        return self._genesis


def _read_tip(ogmios: Conversation) -> ChainTip:
    tip: Point | Origin = ogmios.ask("queryNetwork/tip", TIP)
    for _ in range(_TIP_READINGS):
        before = tip
        height: int | Origin = ogmios.ask("queryNetwork/blockHeight", BLOCK_HEIGHT)
        epoch = ogmios.ask("queryLedgerState/epoch", EPOCH)
        tip = ogmios.ask("queryNetwork/tip", TIP)
        if tip == before:
            if not isinstance(tip, Point):
                return ChainTip(Slot(0), None, None, Epoch(epoch))
            return ChainTip(Slot(tip.slot), height if isinstance(height, int) else None, tip.id, Epoch(epoch))
    return ChainTip(Slot(tip.slot), None, tip.id) if isinstance(tip, Point) else ChainTip(Slot(0), None, None)


def _read_genesis(ogmios: Conversation) -> NetworkGenesis:
    found = ogmios.ask("queryNetwork/genesisConfiguration", GENESIS, era="shelley")
    newest = ogmios.ask("queryLedgerState/eraSummaries", ERA_SUMMARIES)[-1]
    try:
        return NetworkGenesis(
            found.network_magic,
            found.start_time.timestamp() + newest.start.time.seconds,
            newest.parameters.slot_length.milliseconds / 1000,
            newest.parameters.epoch_length,
            found.active_slots_coefficient,
            Slot(newest.start.slot),
            Epoch(newest.start.epoch),
        )
    except (ConfigurationError, OverflowError) as error:
        raise ogmios.call.unexpected("a usable genesis", str(error)) from error
