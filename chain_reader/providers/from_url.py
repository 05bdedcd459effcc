"""An observer, or a gateway, from one line of configuration.

In: ``https://…/api/v0``, ``blockfrost:preview``, ``ws://…``, ``cardano-cli:/run/node.socket`` or
``local:chain.sqlite``. Out: a ``ChainObserver`` or a ``TransactionGateway``, which the caller closes.
"""

from chain_reader.ports import ChainObserver
from chain_reader.providers.gateway import TransactionGateway
from chain_reader.providers.transport.limits import DEFAULT_LIMITS, ReadLimits
from eras import ConfigurationError
from eras.nearest import nearest

OBSERVER_KINDS = ("blockfrost", "koios", "ogmios", "kupo", "cardano-cli", "local")
GATEWAY_KINDS = ("blockfrost", "koios", "ogmios", "kupo", "local")
KIND_OF_SCHEME = {"http": "blockfrost", "https": "blockfrost", "ws": "ogmios", "wss": "ogmios"}


class NoGatewayError(ConfigurationError):
    """A provider takes no transactions."""


def observer_from_url(
    text: str,
    *,
    project_id: str | None = None,
    network_magic: int | None = None,
    program: str | None = None,
    limits: ReadLimits = DEFAULT_LIMITS,
) -> ChainObserver:
    """Returns the observer that a URL or a short name stands for, such as ``blockfrost:mainnet``.

    Args:
        text: a kind, a colon, and where the chain is: for ``blockfrost`` and ``koios`` a base URL with its version or
            the name of a public network, for ``ogmios`` a websocket URL, for ``kupo`` its URL, a plus and the URL of an
            Ogmios, for ``cardano-cli`` the path of a node's socket, for ``local`` the path of a local chain. A URL
            alone has its kind in its scheme.
        project_id: the key for ``blockfrost``, or the token for ``koios``; never part of ``text``, which is shown in
            errors and logs.
        network_magic: magic of the network, which ``cardano-cli`` must name to the node.
        program: the program that ``cardano-cli`` runs, where it is not the one on the path.
        limits: time, size, attempts and rate of reading.

    Raises:
        ConfigurationError: there is no such kind.
        ConfigurationError: what follows the kind cannot be used.
        StoreError: there is no local chain at the path.
    """
    kind, colon, place = with_kind(text).partition(":")
    if not colon or kind not in OBSERVER_KINDS:
        raise _unknown_observer(kind)
    if not place:
        raise ConfigurationError(
            f"The chain observer {kind} does not state where the chain is",
            expected=f"{kind}:<{'path' if kind in ('local', 'cardano-cli') else 'url'}>",
            got="nothing after the colon",
            next_step="Complete the chain observer",
        )
    if kind == "local":
        from chain_reader.providers.local import LocalObserver

        return LocalObserver.open(place)
    if kind == "cardano-cli":
        return _cardano_cli(place, network_magic, program, limits)
    if kind == "ogmios":
        from chain_reader.providers.ogmios.observer import OgmiosObserver

        return OgmiosObserver(place, limits=limits)
    if kind == "koios":
        from chain_reader.providers.koios.observer import KoiosObserver

        return KoiosObserver(place, project_id, limits=limits)
    if kind == "kupo":
        from chain_reader.providers.kupo.observer import KupoObserver

        return KupoObserver(place, limits=limits)
    from chain_reader.providers.blockfrost.observer import BlockfrostObserver

    return BlockfrostObserver(place, project_id, limits=limits)


def gateway_from_url(
    text: str, *, project_id: str | None = None, limits: ReadLimits = DEFAULT_LIMITS
) -> TransactionGateway:
    """The gateway to the provider that ``text`` names (see ``observer_from_url``).

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
    if kind not in GATEWAY_KINDS or not place:
        raise NoGatewayError(
            "The provider takes no transactions",
            expected=f"one of the kinds {', '.join(GATEWAY_KINDS)}, a colon, and where it is",
            got=f"{kind!r}"[:40],
            next_step="Name a provider that does",
        )
    if kind == "local":
        from chain_reader.providers.local import LocalChainGateway

        return LocalChainGateway.open(place)
    if kind == "ogmios":
        from chain_reader.providers.ogmios.gateway import OgmiosGateway

        return OgmiosGateway(place, limits=limits)
    if kind == "koios":
        from chain_reader.providers.koios.gateway import KoiosGateway

        return KoiosGateway(place, token=project_id, limits=limits)
    if kind == "kupo":
        from chain_reader.providers.kupo.gateway import KupoGateway

        return KupoGateway(place, limits=limits)
    from chain_reader.providers.blockfrost.gateway import BlockfrostGateway

    return BlockfrostGateway(place, project_id=project_id, limits=limits)


def with_kind(text: str) -> str:
    """A text that names a provider, its kind in front; a URL alone is Blockfrost's by http(s), Ogmios' by ws(s)."""
    text = text.strip()
    kind = KIND_OF_SCHEME.get(text.partition("://")[0])
    return text if kind is None else f"{kind}:{text}"


def nearest_kind(text: str) -> str | None:
    """The kind of provider that is nearest to what a text begins with, if one is near."""
    return nearest(with_kind(text).partition(":")[0], OBSERVER_KINDS)


def _cardano_cli(socket: str, network_magic: int | None, program: str | None, limits: ReadLimits) -> ChainObserver:
    from chain_reader.providers.cardano_cli import PROGRAM, CardanoCliObserver

    if network_magic is None:
        raise ConfigurationError(
            "The chain observer cardano-cli does not know its network",
            expected="the magic of the node's network",
            got="none",
            next_step="Name the network, or give its magic (network.magic)",
        )
    return CardanoCliObserver(socket, network_magic, program=program or PROGRAM, limits=limits)


def _unknown_observer(kind: str) -> ConfigurationError:
    nearest = nearest_kind(kind)
    return ConfigurationError(
        "The kind of chain observer is unknown",
        expected="blockfrost:<url>, koios:<url>, ogmios:<url>, kupo:<url>+<url of an Ogmios>, "
        "cardano-cli:<path of the socket> or local:<path>",
        got=f"{kind!r}"[:40],
        next_step=f"Did you mean {nearest}:…?" if nearest else "Correct the chain observer",
        known=list(OBSERVER_KINDS),
        nearest=nearest,
        code="UnknownObserver",
    )
