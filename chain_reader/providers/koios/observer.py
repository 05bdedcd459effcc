"""Reads a chain through Koios: its public service, which needs no account for light use, or a server of one's own.

In: a base URL or the name of a public network. Out: the answers of the ``ChainObserver`` port. Koios knows inputs,
blocks and history. Its lists are ordered by block; where transactions share one, their place in it is asked for. What
was spent is listed without its datum, which is then asked for once: only the owner of the address can spend from it.
"""

from collections.abc import Callable, Iterable, MutableMapping, Sequence
from contextlib import suppress
from fractions import Fraction

from chain_reader.genesis import NetworkGenesis
from chain_reader.ports import UNKNOWN_ADDRESS, ChainTip, DatumOutput, ObserverCapabilities
from chain_reader.providers.koios.answers import Genesis, Output, SpentInput, assets_of, datum_of, reference_of
from chain_reader.providers.koios.api import KoiosApi
from chain_reader.providers.transport.calls import Asking
from chain_reader.providers.transport.errors import OF_ONE_ANSWER
from chain_reader.providers.transport.limits import DEFAULT_LIMITS, SYSTEM_CLOCK, Clock, ReadLimits
from eras import Epoch, Slot

NEWEST_FIRST = "block_height.desc,tx_hash.asc,tx_index.desc"


class KoiosObserver(Asking[KoiosApi]):
    """A ``ChainObserver`` over Koios, which knows order, inputs, blocks and history, but not slots.

    Args:
        place: what paths follow, version included, or the name of a public network.
        token: the token of an account, where there is one; it never shows in an error or a ``repr``.
        limits: time, size, attempts and rate of reading; the rate of Koios' tiers is the most in any case.
        clock: time and waiting.

    Raises:
        ConfigurationError: the place or the token cannot be used.
    """

    capabilities = ObserverCapabilities(order=True, inputs=True, history=True, blocks=True, tokens=True)

    def __init__(
        self,
        place: str,
        token: str | None = None,
        *,
        limits: ReadLimits = DEFAULT_LIMITS,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        super().__init__(KoiosApi(place, token, limits, clock=clock))
        self._genesis: NetworkGenesis | None = None
        self._places: dict[str, int] = {}
        self._spent: dict[str, Output] = {}
        self.listed = 0

    def epoch(self) -> Epoch:
        """The current epoch."""
        return Epoch(self._api.tip(self._api.until()).epoch_no)

    def tip(self) -> ChainTip:
        """The newest block, with its epoch."""
        found = self._api.tip(self._api.until())
        return ChainTip(Slot(found.abs_slot), found.height, found.hash, Epoch(found.epoch_no))

    def datums(self, address: str) -> tuple[DatumOutput, ...]:
        """The unspent outputs at ``address`` that carry an inline datum, newest first."""
        return self.datums_until(address, lambda page: False)

    def datums_until(self, address: str, settled: Callable[[tuple[DatumOutput, ...]], bool]) -> tuple[DatumOutput, ...]:
        """The same, to the end of the first page that is ``settled``."""
        until = self._api.until()

        def enough(page: tuple[Output, ...]) -> bool:
            return settled(self._newest_first(_with_datum(page), until))

        found = self._api.unspent(address, NEWEST_FIRST, until, enough)
        self.listed = len(found)
        return self._newest_first(_with_datum(found), until)

    def holders(self, address: str, unit: str) -> tuple[DatumOutput, ...]:
        """The unspent outputs at ``address`` with a datum that hold a token."""
        until = self._api.until()
        found = self._newest_first(_with_datum(self._api.holders(address, unit, until)), until)
        return tuple(output for output in found if output.holds(unit))

    def is_unspent(self, output: DatumOutput) -> bool | None:
        """Whether an output is unspent; ``None`` where Koios knows no such output. It does not report the spender."""
        return self._api.is_unspent(output.reference, self._api.until())

    def history(self, address: str) -> tuple[DatumOutput, ...]:
        """Every output with an inline datum that was ever at ``address``, newest first."""
        return self.history_beside(address, {})

    def history_beside(
        self, address: str, known: MutableMapping[str, Sequence[DatumOutput]]
    ) -> tuple[DatumOutput, ...]:
        """The same, without asking again for the transactions whose outputs with a datum there are ``known``.

        What is asked for becomes known, the empty answer too, and when the limits end it, so that the next reading
        continues. An output that cannot be had becomes an ``unreadable`` one.

        Raises:
            ChainReadError: it could not be read, or is longer than the limits allow.
        """
        until, most = self._api.until(), self._api.limits.max_transactions
        ever = self._api.outputs_ever(address, until)
        self.listed = max(self.listed, len(ever))
        held = dict(self._spent)
        with suppress(*OF_ONE_ANSWER):  # each is asked for by itself then
            unspent = self._api.unspent(address, NEWEST_FIRST, until)
            held |= {reference_of(item): item for item in unspent}
        missing = [str(made) for made in ever if made.tx_hash not in known and str(made) not in held]
        asked, failed = self._api.outputs_of(missing[:most], address, until)
        self._spent.update({reference: item for reference, item in asked.items() if item["is_spent"]})
        held |= asked
        new: dict[str, list[DatumOutput]] = {made.tx_hash: [] for made in ever if made.tx_hash not in known}
        for made in ever if new else ():
            output, why = held.get(str(made)), failed.get(str(made))
            if made.tx_hash not in new:
                continue
            if why is not None:
                new[made.tx_hash].append(DatumOutput(made.tx_hash, made.tx_index, "", 0, unreadable=why))
            elif output is not None:
                new[made.tx_hash] += _with_datum([output])
            else:
                del new[made.tx_hash]  # beyond the limit
        known.update(new)
        if len(missing) > most:
            raise self._api.beyond("/utxo_info", f"at most {most} outputs to look up", "max_transactions")
        heights = {made.tx_hash: made.block_height for made in ever}
        return self._newest_first(
            [output.known(height=height) for name, height in heights.items() for output in known[name]], until
        )

    def input_addresses(self, transaction: str) -> tuple[str, ...]:
        """The addresses of the inputs that ``transaction`` spends.

        Raises:
            ChainReadError: they could not be read, or Koios knows no such transaction.
        """
        found = self._api.transaction(transaction, self._api.until(), inputs=True)
        if found is None or found.inputs is None:
            raise self._api.call("/tx_info", "POST").unexpected(f"the inputs of {transaction}", "none")
        return tuple(dict.fromkeys(_address_of(item) for item in found.inputs))

    def block_of(self, transaction: str) -> ChainTip | None:
        """The block that ``transaction`` is in; ``None`` when it is in none."""
        found = self._api.transaction(transaction, self._api.until())
        if found is None:
            return None
        return ChainTip(Slot(found.absolute_slot), found.block_height, found.block_hash, Epoch(found.epoch_no))

    def transaction_bytes(self, transaction: str) -> bytes | None:
        """The bytes of ``transaction``; ``None`` where Koios does not show them, or has no such transaction."""
        return self._api.transaction_bytes(transaction, self._api.until())

    def genesis(self) -> NetworkGenesis:
        """The genesis of the server's network, as if its first era had had the slots of today's."""
        if self._genesis is None:
            found = self._api.one("/genesis", tuple[Genesis, ...], self._api.until())
            self._genesis = NetworkGenesis(
                found.networkmagic,
                found.systemstart,
                found.slotlength,
                found.epochlength,
                Fraction(str(found.activeslotcoeff)),
            )
        return self._genesis

    def _newest_first(self, found: Sequence[DatumOutput], until: float) -> tuple[DatumOutput, ...]:
        """Outputs in the order of the chain; where transactions share a block, their places in it are asked for."""
        sharing: dict[int, set[str]] = {}
        for item in found:
            sharing.setdefault(item.height or 0, set()).add(item.transaction)
        places = {
            transaction: self._place(transaction, until)
            for together in sharing.values()
            if len(together) > 1
            for transaction in together
        }
        return tuple(
            sorted(
                found, key=lambda item: (item.height or 0, places.get(item.transaction, 0), item.index), reverse=True
            )
        )

    def _place(self, transaction: str, until: float) -> int:
        """The place of a transaction in its block, which never changes while it is there."""
        if transaction not in self._places:
            found = self._api.transaction(transaction, until)
            self._places[transaction] = 0 if found is None else found.tx_block_index
        return self._places[transaction]


def _address_of(item: SpentInput) -> str:
    return item.payment_addr.bech32 if item.payment_addr is not None else UNKNOWN_ADDRESS


def _with_datum(outputs: Iterable[Output]) -> list[DatumOutput]:
    """Those of ``outputs`` that carry an inline datum, and those that make no sense."""
    return [
        DatumOutput(
            item["tx_hash"],
            item["tx_index"],
            datum or "",
            int(item["value"]),
            height=item["block_height"],
            spent=item["is_spent"],
            unreadable=item.get("unreadable"),
            assets=assets_of(item),
        )
        for item in outputs
        if (datum := datum_of(item)) is not None or "unreadable" in item
    ]
