"""An observer, or a gateway, from one line of configuration.

In: ``https://…/api/v0``, ``blockfrost:preview``, ``ws://…``, ``cardano-cli:/run/node.socket`` or
``local:chain.sqlite``. Out: a ``ChainObserver`` or a ``TransactionGateway``, which the caller closes.
"""

import re
from collections.abc import Mapping

from chain_reader.ports import ChainObserver
from chain_reader.providers.gateway import TransactionGateway
from chain_reader.providers.transport.limits import DEFAULT_LIMITS, ReadLimits
from eras import ConfigurationError
from eras.nearest import nearest

PROVIDERS: Mapping[str, tuple[str, str]] = {
    "blockfrost": ("<url>", r"https?://\S+|\w+"),
    "koios": ("<url>", r"https?://\S+|\w+"),
    "ogmios": ("<url>", r"wss?://\S+"),
    "kupo": ("<url>+<url of an Ogmios>", r"https?://\S+"),
    "cardano-cli": ("<path of the socket>", ".+"),
    "local": ("<path>", ".+"),
}
"""Every kind of provider, with what follows it and a colon: in words, and as a pattern."""

FORMS = ", ".join(f"{kind}:{place}" for kind, (place, _) in PROVIDERS.items())
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
    if colon and not place and kind in PROVIDERS:
        raise ConfigurationError(
            f"The chain observer {kind} does not state where the chain is",
            expected=f"{kind}:{PROVIDERS[kind][0]}",
            got="nothing after the colon",
            next_step="Complete the chain observer",
        )
    match kind if colon else None:
        case "blockfrost":
            from chain_reader.providers.blockfrost.observer import BlockfrostObserver

            return BlockfrostObserver(place, project_id, limits=limits)
        case "koios":
            from chain_reader.providers.koios.observer import KoiosObserver

            return KoiosObserver(place, project_id, limits=limits)
        case "ogmios":
            from chain_reader.providers.ogmios.observer import OgmiosObserver

            return OgmiosObserver(place, limits=limits)
        case "kupo":
            from chain_reader.providers.kupo.observer import KupoObserver

            return KupoObserver(place, limits=limits)
        case "cardano-cli":
            return _cardano_cli(place, network_magic, program, limits)
        case "local":
            from chain_reader.providers.local import LocalObserver

            return LocalObserver.open(place)
    raise _unknown_observer(kind)


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
    match kind if place else None:
        case "blockfrost":
            from chain_reader.providers.blockfrost.gateway import BlockfrostGateway

            return BlockfrostGateway(place, project_id=project_id, limits=limits)
        case "koios":
            from chain_reader.providers.koios.gateway import KoiosGateway

            return KoiosGateway(place, token=project_id, limits=limits)
        case "ogmios":
            from chain_reader.providers.ogmios.gateway import OgmiosGateway

            return OgmiosGateway(place, limits=limits)
        case "kupo":
            from chain_reader.providers.kupo.gateway import KupoGateway

            return KupoGateway(place, limits=limits)
        case "local":
            from chain_reader.providers.local import LocalChainGateway

            return LocalChainGateway.open(place)
    raise NoGatewayError(
        "The provider takes no transactions",
        expected=f"one of the kinds {', '.join(GATEWAY_KINDS)}, a colon, and where it is",
        got=f"{kind!r}"[:40],
        next_step="Name a provider that does",
    )


def names_provider(text: str) -> bool:
    """Whether a text has the form of a provider: a kind, a colon and its place, or a URL."""
    kind, _, place = with_kind(text).partition(":")
    return kind in PROVIDERS and re.fullmatch(PROVIDERS[kind][1], place) is not None


def with_kind(text: str) -> str:
    """A text that names a provider, its kind in front; a URL alone is Blockfrost's by http(s), Ogmios' by ws(s)."""
    text = text.strip()
    kind = KIND_OF_SCHEME.get(text.partition("://")[0])
    return text if kind is None else f"{kind}:{text}"


def nearest_kind(text: str) -> str | None:
    """The kind of provider that is nearest to what a text begins with, if one is near."""
    return nearest(with_kind(text).partition(":")[0], PROVIDERS)


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
    near = nearest_kind(kind)
    return ConfigurationError(
        "The kind of chain observer is unknown",
        expected=f"one of {FORMS}",
        got=f"{kind!r}"[:40],
        next_step=f"Did you mean {near}:…?" if near else "Correct the chain observer",
        known=list(PROVIDERS),
        nearest=near,
        code="UnknownObserver",
    )
