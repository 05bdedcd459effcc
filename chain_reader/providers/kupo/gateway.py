"""The gateway to a Kupo index with an Ogmios of the same node beside it.

What is in: two URLs. What comes out: values of our own, each checked where it enters. Kupo lists what can be spent, and
knows a transaction also when its outputs were spent since; all else is Ogmios'.
"""

from chain_reader.providers.gateway import SpendableOutput
from chain_reader.providers.kupo.answers import Match, assets_of
from chain_reader.providers.kupo.api import KupoApi, pattern_of
from chain_reader.providers.kupo.observer import split_url
from chain_reader.providers.ogmios.gateway import OgmiosGateway
from chain_reader.providers.transport.limits import DEFAULT_LIMITS, ReadLimits


class KupoGateway(OgmiosGateway):
    """A ``TransactionGateway`` over Kupo and Ogmios.

    Args:
        url: Kupo's ``http(s)://…``, a plus, and Ogmios' ``ws(s)://…``.
        limits: time and size of what is asked.

    Raises:
        ConfigurationError: a URL cannot be used.
    """

    def __init__(self, url: str, *, limits: ReadLimits = DEFAULT_LIMITS) -> None:
        kupo, ogmios = split_url(url)
        super().__init__(ogmios, limits=limits)
        self._kupo = KupoApi(kupo, limits)
        self.name = self._kupo.name

    def spendable_outputs(self, address: str) -> tuple[SpendableOutput, ...]:
        """The unspent outputs at ``address``, oldest first.

        Raises:
            ChainReadError: Kupo follows no pattern that the address matches, or they could not be read.
        """
        found = self._kupo.at_address(address, "unspent&order=oldest_first", self._kupo.until())
        return tuple(_spendable(match) for match in found if "unreadable" not in match)

    def supply(self, unit: str) -> int:
        """The supply of a token, as far as Kupo indexes it; its pattern must be followed, at all addresses.

        Raises:
            ChainReadError: Kupo does not follow the token, or it could not be reached.
        """
        until, pattern = self._kupo.until(), pattern_of(unit)
        self._kupo.require_followed(pattern, until)
        matches = self._kupo.matches(pattern, "unspent", until)
        return sum(quantity for match in matches for asset, quantity in assets_of(match) if asset == unit)

    def is_on_chain(self, transaction: str) -> bool:
        """Whether Kupo knows an output of the transaction, spent or not."""
        return bool(self._kupo.matches(f"*@{transaction}", "", self._kupo.until()))

    def close(self) -> None:
        """Close the connections. Calling it twice is fine."""
        self._kupo.close()
        super().close()


def _spendable(match: Match) -> SpendableOutput:
    inline = match.get("datum_type") == "inline"
    return SpendableOutput(
        match["transaction_id"],
        match["output_index"],
        match["address"],
        match["value"]["coins"],
        tuple(sorted(assets_of(match))),
        match.get("datum") if inline else None,
        # a datum that Kupo cannot show still bars its output from being spent unseen
        match["datum_hash"] if not inline or match.get("datum") is None else None,
        match["script_hash"],
    )
