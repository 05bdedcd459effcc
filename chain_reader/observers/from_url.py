"""An observer from one line of configuration.

In: ``blockfrost:https://…``, ``blockfrost:preview``, ``ogmios:ws://…`` or ``local:chain.sqlite``. Out: a
``ChainObserver``, which the caller closes.
"""

from difflib import get_close_matches

from chain_reader.observers.limits import DEFAULT_LIMITS, ReadLimits
from chain_reader.ports import ChainObserver
from eras import ConfigurationError

OBSERVER_KINDS = ("blockfrost", "ogmios", "local")


class UnknownObserverError(ConfigurationError):
    """The kind of chain observer is none of the known ones."""


def observer_from_url(
    text: str, *, project_id: str | None = None, limits: ReadLimits = DEFAULT_LIMITS
) -> ChainObserver:
    """The observer that ``text`` names.

    Args:
        text: a kind, a colon, and where the chain is: for ``blockfrost`` a base URL with its version or the name of a
            public network, for ``ogmios`` a websocket URL, for ``local`` the path of a local chain.
        project_id: the key for ``blockfrost``; never part of ``text``, which is shown in errors and logs.
        limits: time and size of reading.

    Raises:
        UnknownObserverError: there is no such kind.
        ConfigurationError: what follows the kind cannot be used.
        StoreError: there is no local chain at the path.
    """
    kind, colon, place = text.strip().partition(":")
    if not colon or kind not in OBSERVER_KINDS:
        raise _unknown(kind)
    if not place:
        raise ConfigurationError(
            f"The chain observer {kind} does not say where the chain is",
            expected=f"{kind}:<{'path' if kind == 'local' else 'url'}>",
            got="nothing after the colon",
            next_step="Complete the chain observer",
        )
    if kind == "local":
        from chain_reader.observers.local import LocalObserver

        return LocalObserver.open(place)
    if kind == "ogmios":
        from chain_reader.observers.ogmios import OgmiosObserver

        return OgmiosObserver(place, limits=limits)
    from chain_reader.observers.blockfrost import BlockfrostObserver, public_url

    return BlockfrostObserver(place if "/" in place else public_url(place), project_id, limits=limits)


def _unknown(kind: str) -> UnknownObserverError:
    nearest = get_close_matches(kind, OBSERVER_KINDS, n=1)
    if kind in ("ws", "wss"):
        nearest = ["ogmios"]
    if kind in ("http", "https"):
        nearest = ["blockfrost"]
    return UnknownObserverError(
        "The kind of chain observer is unknown",
        expected="blockfrost:<url>, ogmios:<url> or local:<path>",
        got=f"{kind!r}"[:40],
        next_step=f"Did you mean {nearest[0]}:…?" if nearest else "Correct the chain observer",
        known=list(OBSERVER_KINDS),
        nearest=nearest[0] if nearest else None,
    )
