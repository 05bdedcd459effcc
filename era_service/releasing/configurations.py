"""The protocol configurations that are on the chain, read for those who publish them.

In: settings and the place, an address and a key. Out: the epoch, and the configurations of the payload that counts
among the unspent outputs there: an old one that somebody posted again does not, once the owner has published. The
providers are those by which nodes read, one after the other until one answers.
"""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from datum import CONFIGURATION, Accepted, Unusable, VerificationKey, screen
from datum.configuration import (
    ConfigurationChoice,
    ConfigurationMarker,
    ProtocolConfigurationError,
    choose_configurations,
)
from eras import ChainReadError, ConfigurationError, Epoch, EraSwitchError, Provenance, StoreError

if TYPE_CHECKING:
    from chain_reader import ChainObserver, DatumOutput, ScreenedOutput
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
        screened: the outputs at the place, with a verdict on each.
    """

    epoch: Epoch
    chosen: ConfigurationChoice
    source: str
    screened: "tuple[ScreenedOutput, ...]" = ()

    @property
    def markers(self) -> tuple[ConfigurationMarker, ...]:
        """The markers of the payload that counts."""
        verdict = None if self.chosen.index is None else self.screened[self.chosen.index].verdict
        return verdict.verified.markers if isinstance(verdict, Accepted) else ()

    @property
    def provenance(self) -> Provenance | None:
        """Where the payload that counts comes from."""
        if self.chosen.index is None:
            return None
        output = self.screened[self.chosen.index].output
        return Provenance(self.source, output.transaction, output.slot)

    @property
    def replaces(self) -> str | None:
        """Reference of the output that the next publication spends; never one whose payload has no marker.

        Such a payload belongs to era markers, too, and its output may be theirs. Where nothing counts, it is one that
        is signed and cannot be used: deployed readers fail on it, or follow it.
        """
        if self.markers and self.chosen.index is not None:
            return self.screened[self.chosen.index].output.reference
        unusable = (one.output.reference for one in self.screened if isinstance(one.verdict, Unusable))
        return next(unusable, None)


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
            with closing(opening()) as observer:
                return read_place(observer, place)
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


def read_place(
    observer: "ChainObserver", place: ConfigurationPlace, *, to_replace: bool = False
) -> ConfigurationsOnChain:
    """The configurations at the place, by one observer.

    Args:
        observer: the chain.
        place: where configurations are published.
        to_replace: whether nothing counts, instead of an error, where what is signed there cannot be used.

    Raises:
        ChainReadError: it could not be asked.
        ProtocolConfigurationError: what is signed there cannot be used.
    """
    from chain_reader import ScreenedOutput

    epoch = observer.epoch()
    outputs = observer.datums(place.address)
    verdicts = _without_impostors(
        observer, place, outputs, screen([output.datum for output in outputs], place.key, kind=CONFIGURATION)
    )
    try:
        chosen = choose_configurations(verdicts)
    except ProtocolConfigurationError as error:
        if not to_replace:
            raise
        chosen = ConfigurationChoice(None, notes=(str(error),))
    screened = tuple(map(ScreenedOutput, outputs, verdicts))
    return ConfigurationsOnChain(epoch, chosen, observer.name, screened)


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
