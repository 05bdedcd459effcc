"""A transaction gateway from one line of configuration, the same line that names a chain observer.

In: ``blockfrost:https://…``, ``blockfrost:preview`` or ``local:chain.sqlite``. Out: a ``TransactionGateway``, which the
caller closes.
"""

from chain_reader import ReadLimits
from chain_reader.providers.from_url import with_kind
from chain_reader.providers.gateway import TransactionGateway
from chain_reader.providers.transport.limits import DEFAULT_LIMITS
from eras import ConfigurationError

GATEWAY_KINDS = ("blockfrost", "koios", "ogmios", "kupo", "local")


class NoGatewayError(ConfigurationError):
    """A provider takes no transactions."""


def gateway_from_url(
    text: str, *, project_id: str | None = None, limits: ReadLimits = DEFAULT_LIMITS
) -> TransactionGateway:
    """The gateway to the provider that ``text`` names (see ``chain_reader.observer_from_url``).

    Args:
        text: a kind, a colon, and where the chain is; a URL alone has its kind in its scheme.
        project_id: the key for ``blockfrost``, or the token for ``koios``.
        limits: time and size of what is asked.

    Raises:
        NoGatewayError: the provider takes no transactions.
        ConfigurationError: what follows the kind cannot be used.
        StoreError: there is no local chain at the path.
    """
    kind, _, place = with_kind(text).partition(":")
    if kind == "local" and place:
        from chain_reader.providers.local.gateway import LocalChainGateway

        return LocalChainGateway.open(place)
    if kind == "ogmios" and place:
        from chain_reader.providers.ogmios.gateway import OgmiosGateway

        return OgmiosGateway(place, limits=limits)
    if kind == "koios" and place:
        from chain_reader.providers.koios.gateway import KoiosGateway

        return KoiosGateway(place, token=project_id, limits=limits)
    if kind == "kupo" and place:
        from chain_reader.providers.kupo.gateway import KupoGateway

        return KupoGateway(place, limits=limits)
    if kind == "blockfrost" and place:
        from chain_reader.providers.blockfrost.gateway import BlockfrostGateway
        from chain_reader.providers.blockfrost.observer import public_url

        return BlockfrostGateway(place if "/" in place else public_url(place), project_id=project_id, limits=limits)
    raise NoGatewayError(
        "The provider takes no transactions",
        expected=f"one of the kinds {', '.join(GATEWAY_KINDS)}, a colon, and where it is",
        got=f"{kind!r}"[:40],
        next_step="Name a provider that does",
    )
