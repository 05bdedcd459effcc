"""Reads a chain through Kupo, with an Ogmios of the same node beside it for the epoch, the genesis and the height.

In: two URLs. Out: the answers of the ``ChainObserver`` port. Kupo indexes outputs with where they were made and which
transaction spent them, so that order, slots, inputs and history are known: of the inputs of a transaction, those at
addresses that Kupo follows. An index with ``--prune-utxo`` forgets what was spent, and proves no authors.
"""

from chain_reader.genesis import NetworkGenesis
from chain_reader.ports import ChainTip, DatumOutput, ObserverCapabilities
from chain_reader.providers.kupo.answers import Match, assets_of
from chain_reader.providers.kupo.api import KupoApi, pattern_of
from chain_reader.providers.ogmios.observer import OgmiosObserver
from chain_reader.providers.transport.calls import Asking
from chain_reader.providers.transport.limits import DEFAULT_LIMITS, SYSTEM_CLOCK, Clock, ReadLimits
from eras import ConfigurationError, Epoch, Slot

_NOT_RESOLVED = "Kupo has the hash of its datum and not the datum"


class KupoObserver(Asking[KupoApi]):
    """A ``ChainObserver`` over Kupo and Ogmios, which knows order, slots, inputs and history.

    Args:
        url: Kupo's ``http(s)://…``, a plus, and Ogmios' ``ws(s)://…``.
        limits: time, size, attempts and rate; ``max_answer_bytes`` must hold every output at the address.
        clock: time and waiting.

    Raises:
        ConfigurationError: a URL cannot be used.
    """

    capabilities = ObserverCapabilities(order=True, slots=True, inputs=True, history=True, tokens=True)

    def __init__(
        self,
        url: str,
        *,
        limits: ReadLimits = DEFAULT_LIMITS,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        kupo, ogmios = split_url(url)
        super().__init__(KupoApi(kupo, limits, clock=clock))
        self._ogmios = OgmiosObserver(ogmios, limits=limits, clock=clock)
        self.listed = 0

    def epoch(self) -> Epoch:
        """The current epoch, by Ogmios."""
        return self._ogmios.epoch()

    def tip(self) -> ChainTip:
        """The newest block in Kupo's index; its height is unknown while the node is ahead of it."""
        tip = self._ogmios.tip()
        slot, block_hash = self._api.checkpoint(self._api.until())
        if slot == tip.slot and block_hash in (None, tip.block_hash):
            return tip
        return ChainTip(Slot(slot), None, block_hash, self.genesis().epoch_of(Slot(slot)))

    def datums(self, address: str) -> tuple[DatumOutput, ...]:
        """The unspent outputs at ``address`` that carry an inline datum, newest first.

        Raises:
            ChainReadError: Kupo follows no pattern that the address matches, or they could not be read.
        """
        return self._listed(address, "unspent")

    def history(self, address: str) -> tuple[DatumOutput, ...]:
        """Every output with an inline datum that was ever at ``address``, newest first.

        Raises:
            ChainReadError: Kupo follows no pattern that the address matches, or it could not be read.
        """
        return self._listed(address, "order=most_recent_first")

    def is_unspent(self, output: DatumOutput) -> bool | None:
        """Whether an output is unspent; ``None`` where Kupo has none with its reference."""
        found = self._api.output(output.transaction, output.index, self._api.until())
        return None if found is None else found["spent_at"] is None

    def successors(self, output: DatumOutput, address: str) -> tuple[DatumOutput, ...] | None:
        """The datum outputs at ``address`` that the spender of an output made; ``None`` if unknown."""
        until = self._api.until()
        found = self._api.output(output.transaction, output.index, until)
        spender = None if found is None or found["spent_at"] is None else found["spent_at"]["transaction_id"]
        if spender is None:
            return None
        made = self._api.matches(f"*@{spender}", "resolve_hashes", until)
        return _with_datum(tuple(match for match in made if match["address"] == address))

    def holders(self, address: str, unit: str) -> tuple[DatumOutput, ...]:
        """The unspent outputs at ``address`` with a datum that hold a token.

        Raises:
            ChainReadError: Kupo follows no pattern that the address matches, or they could not be read.
        """
        until = self._api.until()
        self._api.require_followed(address, until)
        matches = self._api.matches(pattern_of(unit), "resolve_hashes&unspent", until)
        found = _with_datum(tuple(match for match in matches if match["address"] == address))
        return tuple(output for output in found if output.holds(unit))

    def input_addresses(self, transaction: str) -> tuple[str, ...]:
        """The addresses of the inputs that ``transaction`` spends, as far as Kupo follows them.

        The transaction is found by its outputs: it spent its inputs in the slot in which it made them.

        Raises:
            ChainReadError: they could not be read, or Kupo knows no output of the transaction.
        """
        until, pattern = self._api.until(), f"*@{transaction}"
        made = self._api.matches(pattern, "", until)
        if not made:
            raise self._api.call(f"/matches/{pattern}").unexpected(f"an output of {transaction}", "none")
        slot = made[0]["created_at"]["slot_no"]
        spent = self._api.matches("*", f"spent&spent_after={slot}&spent_before={slot}", until)
        return tuple(dict.fromkeys(
            match["address"] for match in spent
            if match["spent_at"] is not None and match["spent_at"]["transaction_id"] == transaction
        ))  # fmt: skip

    def genesis(self) -> NetworkGenesis:
        """The genesis of the node's network, by Ogmios."""
        return self._ogmios.genesis()

    def _listed(self, address: str, query: str) -> tuple[DatumOutput, ...]:
        found = self._api.at_address(address, query, self._api.until())
        self.listed = len(found)
        return _with_datum(found)

    def close(self) -> None:
        """Close the connections. Calling it twice is fine."""
        super().close()
        self._ogmios.close()


def split_url(text: str) -> tuple[str, str]:
    """Kupo's URL and Ogmios': ``http://…+ws://…``.

    Raises:
        ConfigurationError: one of them is missing.
    """
    kupo, plus, ogmios = text.rpartition("+")
    if not plus or not ogmios.startswith(("ws://", "wss://")):
        raise ConfigurationError(
            "Kupo is configured without an Ogmios beside it",
            expected="kupo:http(s)://HOST:PORT+ws(s)://HOST:PORT, the second one of the same node",
            got="a URL alone" if not plus else "no websocket after the plus",
            next_step="Add the URL of Ogmios after a plus",
        )
    return kupo, ogmios


def _with_datum(found: tuple[Match, ...]) -> tuple[DatumOutput, ...]:
    """The matches that carry an inline datum, and those that make no sense."""
    return tuple(
        DatumOutput(
            match["transaction_id"],
            match["output_index"],
            match.get("datum") or "",
            match["value"]["coins"],
            slot=Slot(match["created_at"]["slot_no"]),
            spent=match["spent_at"] is not None,
            assets=assets_of(match),
            unreadable=match.get("unreadable") or (None if match.get("datum") else _NOT_RESOLVED),
        )
        for match in found
        if match.get("datum_type") == "inline" or "unreadable" in match
    )
