"""Reads a chain through a Blockfrost API: Blockfrost, or whatever speaks its protocol, such as the local chain.

In: a base URL, or the name of a public network, and a project id. Out: the answers of the ``ChainObserver`` port,
newest first, whole or not at all.

1. Every request has its timeouts, a deadline and a size (``ReadLimits``), is repeated only where that may help
   (``retries``) and made no faster than the provider allows (``rate_limit``).
2. Only a 404 in Blockfrost's own words means "never used" or "not known"; nothing else becomes an empty answer.
3. Each other status is an error of its own, because an operator does something else about each (``calls``).
4. Pages of 100 are read one by one, no more than needed, and are one state of the address (``blockfrost.pages``).
5. Every field that is used is checked for its type, and an answer for being one to the question asked.
"""

from collections.abc import Callable, MutableMapping, Sequence
from contextlib import suppress
from fractions import Fraction
from urllib.parse import quote

from chain_reader.authorship import TransactionBytesError, signed_by
from chain_reader.genesis import NetworkGenesis
from chain_reader.ports import ChainTip, DatumOutput, ObserverCapabilities
from chain_reader.providers.blockfrost.answers import (
    AddressTransaction,
    Block,
    CreatedOutput,
    EpochStake,
    Genesis,
    LatestEpoch,
    PlacedTransaction,
    TransactionBytes,
    assets_of,
    lovelace_of,
)
from chain_reader.providers.blockfrost.api import BlockfrostApi, about_address
from chain_reader.providers.blockfrost.pages import AddressReader, spent_addresses, transaction_outputs
from chain_reader.providers.transport.calls import Asking
from chain_reader.providers.transport.errors import (
    OF_ONE_ANSWER,
    ProviderRefusedError,
    ProviderSyncingError,
    UnexpectedAnswerError,
)
from chain_reader.providers.transport.limits import DEFAULT_LIMITS, SYSTEM_CLOCK, Clock, ReadLimits
from eras import Epoch, Slot

_KEPT_BYTES = 256
"""Transactions whose bytes are kept: history and authorship are read from the same, one after the other."""

HISTORY_STEP = 100
"""Of a history that is longer than the limits, so many transactions are looked into in each reading."""


class BlockfrostObserver(Asking[BlockfrostApi]):
    """A ``ChainObserver`` over a Blockfrost API, which knows order, inputs, blocks and history, but not slots.

    Args:
        place: what paths follow, version included (``https://cardano-mainnet.blockfrost.io/api/v0``), or the name of a
            network of Blockfrost's own service.
        project_id: the key; it never shows in an error or a ``repr``.
        limits: time, size, attempts and rate of reading.
        clock: time and waiting.

    Raises:
        ConfigurationError: the URL or the project id cannot be used.
    """

    capabilities = ObserverCapabilities(order=True, inputs=True, history=True, blocks=True, tokens=True)

    def __init__(
        self,
        place: str,
        project_id: str | None = None,
        *,
        limits: ReadLimits = DEFAULT_LIMITS,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        super().__init__(BlockfrostApi(place, project_id, limits, clock=clock))
        self._addresses = AddressReader(self._api)
        self._genesis: NetworkGenesis | None = None
        self._bytes: dict[str, bytes] = {}
        self._shows_spenders: bool | None = None

    def epoch(self) -> Epoch:
        """The current epoch.

        Raises:
            ChainReadError: it could not be read.
        """
        found = self._api.one("/epochs/latest", LatestEpoch, self._api.until()).epoch
        if found is None:
            raise self._api.call("/epochs/latest").error(
                ProviderSyncingError,
                "has no epoch yet",
                expected="a number",
                got="null, as providers answer while they catch up with the chain",
                next_step="Wait until the provider has caught up, or use another one",
            )
        return Epoch(found)

    def active_stake(self, epoch: Epoch) -> int | None:
        """The stake of the whole network that counts in an epoch, in lovelace; ``None`` where it is not known.

        Raises:
            ChainReadError: it could not be read.
        """
        path = f"/epochs/{epoch}"
        found = self._api.known(path, EpochStake, self._api.until())
        if found is None or found.active_stake is None:
            return None
        if found.epoch != epoch:
            raise self._api.call(path).unexpected(f"epoch {epoch}", f"epoch {found.epoch}")
        return int(found.active_stake)

    def tip(self) -> ChainTip:
        """The newest block, with its epoch."""
        return self._placed("/blocks/latest", self._api.one("/blocks/latest", Block, self._api.until()))

    def datums(self, address: str) -> tuple[DatumOutput, ...]:
        """The unspent outputs at ``address`` that carry an inline datum, newest first."""
        return self._addresses.read(address, lambda _: False)

    def datums_until(self, address: str, settled: Callable[[tuple[DatumOutput, ...]], bool]) -> tuple[DatumOutput, ...]:
        """The same, to the end of the first page that is ``settled``."""
        return self._addresses.read(address, settled)

    def holders(self, address: str, unit: str) -> tuple[DatumOutput, ...] | None:
        """The unspent outputs at ``address`` with a datum that hold a token; ``None`` where that is not served."""
        return self._addresses.holders(address, unit)

    def input_addresses(self, transaction: str) -> tuple[str, ...]:
        """The addresses of the inputs that ``transaction`` spends."""
        return spent_addresses(transaction_outputs(self._api, transaction, self._api.until()))

    def transaction_bytes(self, transaction: str) -> bytes | None:
        """The bytes of ``transaction``; ``None`` where the provider does not show them, or has no such transaction."""
        if transaction in self._bytes:
            return self._bytes[transaction]
        path = f"/txs/{quote(transaction, safe='')}/cbor"
        try:
            found = self._api.known(path, TransactionBytes, self._api.until())
        except (UnexpectedAnswerError, ProviderRefusedError):
            return None  # as of a provider that answers an unknown path with its root document
        if found is None or not found.cbor:
            return None
        if len(self._bytes) >= _KEPT_BYTES:
            del self._bytes[next(iter(self._bytes))]
        data = self._bytes[transaction] = bytes.fromhex(found.cbor)
        return data

    def block_of(self, transaction: str) -> ChainTip | None:
        """The block that ``transaction`` is in; ``None`` when the provider reports that it is not in a block.

        Raises:
            ChainReadError: it could not be read.
        """
        until = self._api.until()
        path = f"/txs/{quote(transaction, safe='')}"
        found = self._api.known(path, PlacedTransaction, until)
        if found is None:
            return None
        if found.hash != transaction:
            raise self._api.call(path).unexpected(f"the transaction {transaction}", f"{found.hash}")
        path = f"/blocks/{found.block}"
        block = self._api.known(path, Block, until)  # gone when it was rolled back in this moment
        if block is not None and block.hash != found.block:
            raise self._api.call(path).unexpected(f"the block {found.block}", f"{block.hash}")
        return None if block is None else self._placed(path, block)

    def history(self, address: str) -> tuple[DatumOutput, ...]:
        """Every output with an inline datum that was ever at ``address``, newest first.

        Raises:
            ChainReadError: it could not be read, or is longer than the limits allow.
        """
        return self.history_beside(address, {})

    def history_beside(
        self, address: str, known: MutableMapping[str, Sequence[DatumOutput]]
    ) -> tuple[DatumOutput, ...]:
        """The same, without asking again for the transactions whose outputs with a datum there are ``known``.

        What is asked for becomes known, the empty answer too, and when the limits end it, so that the next reading
        continues. A transaction that cannot be had becomes an ``unreadable`` output.

        Raises:
            ChainReadError: it could not be read, or is longer than the limits allow.
        """
        until = self._api.until()
        path = about_address(address, "transactions")
        heights = {
            item.tx_hash: item.block_height for item in self._api.items(path, tuple[AddressTransaction, ...], until)
        }
        self._addresses.listed = max(self._addresses.listed, len(heights))
        allowed = self._api.limits.max_transactions
        most = allowed if len(heights.keys() - known.keys()) <= allowed else min(allowed, HISTORY_STEP)
        found: list[DatumOutput] = []
        for transaction, height in heights.items():
            if transaction not in known:
                if most == 0:
                    raise self._api.beyond(path, f"at most {allowed} transactions to look up", "max_transactions")
                most -= 1
                made = self._made(address, transaction, until)
                known[transaction] = (
                    (DatumOutput(transaction, 0, "", 0, unreadable=made),) if isinstance(made, str) else made
                )
            found += [output.known(height=height) for output in known[transaction]]
        return tuple(found)

    def _made(self, address: str, transaction: str, until: float) -> tuple[DatumOutput, ...] | str:
        """The outputs with a datum that a transaction made at an address, the last first; or why it cannot be had.

        They are in its bytes, which are short whatever it refers to; without these the longer answer is read.

        Raises:
            ChainReadError: nothing can be had from this provider now.
        """
        try:
            data = self.transaction_bytes(transaction)
            if data is not None:
                with suppress(TransactionBytesError):
                    shown = signed_by(data, transaction, (address,)).made
                    return tuple(
                        DatumOutput(transaction, index, made.datum, made.lovelace)
                        for index, made in sorted(shown.items(), reverse=True)
                        if made.datum is not None
                    )
            outputs = reversed(transaction_outputs(self._api, transaction, until).outputs)
        except OF_ONE_ANSWER as error:
            return str(error)
        return tuple(
            _created(transaction, output, output.inline_datum)
            for output in outputs
            if output.address == address and output.inline_datum is not None and not output.collateral
        )

    @property
    def listed(self) -> int:
        """The number of outputs, or transactions, in the last listing of an address."""
        return self._addresses.listed

    def is_unspent(self, output: DatumOutput) -> bool | None:
        """Whether an output is unspent; ``None`` where the provider does not show who spent what.

        Some that speak the protocol leave ``consumed_by_tx`` null for ever. That this one does not is seen, once, by an
        output that the transaction of ``output`` spends.
        """
        if self._shows_spenders is None:
            self._shows_spenders = self._shows_who_spent_for(output.transaction)
        if not self._shows_spenders:
            return None
        spender = self._spender(output.reference)
        return None if spender == "" else spender is None

    def successors(self, output: DatumOutput, address: str) -> tuple[DatumOutput, ...] | None:
        """The datum outputs at ``address`` that the spender of an output made; ``None`` if unknown."""
        spender = self._spender(output.reference)
        made = self._made(address, spender, self._api.until()) if spender else None
        return made if isinstance(made, tuple) else None

    def _shows_who_spent_for(self, transaction: str) -> bool | None:
        data = self.transaction_bytes(transaction)
        if data is None:
            return None
        try:
            spends = signed_by(data, transaction, ()).spends
        except TransactionBytesError:
            return None
        return bool(spends) and self._spender(spends[0]) == transaction

    def _spender(self, reference: str) -> str | None:
        """The transaction that spent an output; ``None`` where it is unspent, and empty where that is not reported."""
        transaction, _, index = reference.partition("#")
        for made in transaction_outputs(self._api, transaction, self._api.until()).outputs:
            if made.output_index == int(index) and "consumed_by_tx" in made.model_fields_set and not made.collateral:
                return made.consumed_by_tx
        return ""

    def genesis(self) -> NetworkGenesis:
        """The genesis of the provider's network, as if its first era had had the slots of today's.

        Of the public networks, whose first had not, ``PUBLIC_GENESES`` knows better.
        """
        if self._genesis is None:
            found = self._api.one("/genesis", Genesis, self._api.until())
            slot_length_s = found.slot_length or self._observed_slot_length_s(found.system_start)
            self._genesis = NetworkGenesis(
                found.network_magic,
                found.system_start,
                slot_length_s,
                found.epoch_length,
                Fraction(str(found.active_slots_coefficient)),
            )
        return self._genesis

    def _observed_slot_length_s(self, system_start_s: float) -> float:
        """The seconds of a slot as the newest block shows them, where the genesis has 0: they are rounded there."""
        tip = self._api.one("/blocks/latest", Block, self._api.until())
        if not tip.slot or tip.time is None or tip.time <= system_start_s:
            return 1.0  # nothing shows it yet
        return round((tip.time - system_start_s) / tip.slot, 2) or 0.01

    def _placed(self, path: str, block: Block) -> ChainTip:
        if block.slot is None:
            raise self._api.call(path).unexpected("a block with a slot", "slot null")
        epoch = None if block.epoch is None else Epoch(block.epoch)
        return ChainTip(Slot(block.slot), block.height, block.hash, epoch)


def _created(transaction: str, output: CreatedOutput, datum: str) -> DatumOutput:
    known = "consumed_by_tx" in output.model_fields_set
    spent = output.consumed_by_tx is not None if known else None
    return DatumOutput(
        transaction,
        output.output_index,
        datum,
        lovelace_of(output.amount),
        spent=spent,
        assets=assets_of(output.amount),
    )
