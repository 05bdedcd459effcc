"""The protocol of the example: two eras, how a message is signed in each, and the API version of each.

This is the part of a node that changes with an era. Everything that differs is registered here, once, under a name; the
code that signs and checks uses the name, and never asks for the era.
"""

import argparse
import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager

from eraswitch import (
    ApiVersion,
    ApiVersionTable,
    BehaviourSwitches,
    CallOptions,
    EraChecker,
    MarkerError,
    NodeWatcher,
    SupportedEras,
    TrustPolicy,
    TypedSwitch,
    VerificationKey,
    WatchOptions,
    embed_watcher,
    genesis_of,
    observer_from_url,
)

ERAS = ("thales", "pythagoras")
API_VERSIONS = {"thales": ApiVersion(0, 1, 0), "pythagoras": ApiVersion(0, 2, 0)}
NODE_VERSION = "2.0.0"


def signing(checker: EraChecker) -> TypedSwitch[Callable[[str, str], str]]:
    """The function that signs, by era. ``seal`` fails at start-up if one is missing for a supported era."""
    switches = BehaviourSwitches(checker)
    sign = switches.declare("sign", Callable[[str, str], str])
    for era, like in (("thales", sign_like_thales), ("pythagoras", sign_like_pythagoras)):
        if era in checker.supported:  # an old version has no code for a later era
            sign.since(era)(like)
    switches.seal()
    return sign


def sign_like_thales(signer: str, message: str) -> str:
    """A "signature" of the era thales. Anyone could make it: the example is about the switch."""
    return hashlib.sha256(f"{signer}:{message}".encode()).hexdigest()


def sign_like_pythagoras(signer: str, message: str) -> str:
    """A "signature" of the era pythagoras."""
    return hashlib.blake2b(f"{signer}:{message}".encode()).hexdigest()


def api_versions(supported: SupportedEras) -> ApiVersionTable:
    """The version that a node speaks in each era it knows."""
    return ApiVersionTable({era: API_VERSIONS[era] for era in supported}, supported)


def spoken_version(header: str | None) -> ApiVersion | None:
    """The API version that another node states; ``None`` if it states none, or one that cannot be read."""
    try:
        return None if header is None else ApiVersion.parse(header)
    except MarkerError:
        return None


def arguments(description: str) -> argparse.ArgumentParser:
    """The arguments of both nodes."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--provider", required=True, help="blockfrost:URL, ogmios:URL or local:FILE")
    parser.add_argument("--era-address", required=True)
    parser.add_argument("--verification-key", required=True, type=VerificationKey.parse)
    parser.add_argument("--network-magic", type=int, help="of the network, for which eras then begin by the clock")
    parser.add_argument("--store", metavar="FILE", help="remember in FILE what is trusted, for the next start")
    parser.add_argument("--poll", type=float, default=600.0, metavar="SECONDS", help="between two calls at rest")
    parser.add_argument("--knows", default=",".join(ERAS), help="the eras of this version of the node")
    return parser


@contextmanager
def open_watcher(options: argparse.Namespace, node_id: str) -> Iterator[NodeWatcher]:
    """The watcher that the node embeds: it keeps ``watcher.checker`` up to date.

    Without the magic of the network the provider's epoch is polled, and an era begins when a poll sees its epoch;
    without a store, a node that starts while no provider answers knows no era.
    """
    magic, store = options.network_magic, None
    with ExitStack() as opened:
        if options.store:
            from eraswitch import open_store  # needs the installation '.[watch]'

            store = opened.enter_context(open_store(options.store))
        observer = opened.enter_context(closing(observer_from_url(options.provider, network_magic=magic)))
        yield embed_watcher(
            [observer],
            TrustPolicy(options.era_address, (options.verification_key,), network_magic=magic),
            SupportedEras(options.knows.split(",")),
            store=store,
            genesis=None if magic is None else genesis_of(observer, magic),
            options=WatchOptions(CallOptions(options.poll, node_id=node_id), drain_s=10.0),
        )
