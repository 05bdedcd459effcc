"""The protocol configurations that are on the chain, read for those who publish them.

In: settings and the place, an address and a key. Out: the epoch, and the configurations of the payload that counts
among the unspent outputs there: an old one that somebody posted again does not, once the owner has published. The
providers are those by which nodes read, one after the other until one answers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from datum import CONFIGURATION, Accepted, Unusable, VerificationKey, screen
from datum.configuration import ConfigurationChoice, choose_configurations
from eras import ChainReadError, ConfigurationError, Epoch, EraSwitchError, StoreError

if TYPE_CHECKING:
    from chain_reader import ChainObserver, DatumOutput
    from datum import Verdict
    from era_service.config.schema import Settings


@dataclass(frozen=True, slots=True)
class ConfigurationPlace:
    """Where configurations are published, and the key that signs them."""

    address: str
    key: VerificationKey


@dataclass(frozen=True, slots=True)
class ConfigurationsOnChain:
    """What is on the chain.

    Attributes:
        epoch: the current epoch.
        chosen: the payload that counts.
        source: who was asked.
    """

    epoch: Epoch
    chosen: ConfigurationChoice
    source: str


def read_configurations(settings: "Settings", place: ConfigurationPlace) -> ConfigurationsOnChain:
    """The configurations on the chain.

    Raises:
        ConfigurationError: no provider is configured.
        ChainReadError, StoreError: none answers.
        ProtocolConfigurationError: what is signed there cannot be used.
    """
    from era_service.wiring.observers import openings_of

    failed: EraSwitchError | None = None
    for opening in openings_of(settings):
        try:
            return _read(opening, place)
        except (ChainReadError, StoreError) as error:
            failed = error
    if failed is not None:
        raise failed
    raise ConfigurationError(
        "There is no provider to read the chain from",
        expected="a Blockfrost API, an Ogmios server or a local chain",
        got="none",
        next_step="Give --provider, or set reader.providers; import-markers needs none with --without-chain",
    )


def _read(opening: "Callable[[], ChainObserver]", place: ConfigurationPlace) -> ConfigurationsOnChain:
    observer = opening()
    try:
        epoch = observer.epoch()
        outputs = observer.datums(place.address)
        verdicts = _without_impostors(
            observer, place, outputs, screen([output.datum for output in outputs], place.key, kind=CONFIGURATION)
        )
        return ConfigurationsOnChain(epoch, choose_configurations(verdicts), observer.name)
    finally:
        observer.close()


def _without_impostors(
    observer: "ChainObserver",
    place: ConfigurationPlace,
    outputs: "Sequence[DatumOutput]",
    verdicts: "Sequence[Verdict]",
) -> "list[Verdict]":
    """The verdicts, with one on each signed payload that somebody else may have posted again (rule T2).

    A payload is proved to be the team's where its transaction spends an output at the place. The first one of all need
    not: so where none is proved, none is refused.
    """
    from chain_reader.trust.verdicts import Impostor

    found = list(verdicts)
    if not observer.capabilities.inputs:
        return found
    signed = [index for index, verdict in enumerate(found) if isinstance(verdict, Accepted | Unusable)]
    if len(signed) < 2:
        return found
    own = [index for index in signed if place.address in observer.input_addresses(outputs[index].transaction)]
    for index in set(signed) - set(own) if own else ():
        verdict = found[index]
        if isinstance(verdict, Accepted | Unusable):
            found[index] = Impostor("its transaction spends nothing at the address", verdict.verified)
    return found
