"""The protocol configurations that are on the chain, read for those who publish them.

In: settings, and an address and its key. Out: the epoch, and the configurations that a node trusts there, by
the rules and with the memory of ``TrustedReader``. If a publication that nodes do not trust spent the trusted output,
as a forced change does, the publisher starts from the unspent one, and a note states it.
"""

from collections import Counter
from contextlib import closing
from dataclasses import dataclass, replace
from typing import cast

from chain_reader import ScreenedOutput
from chain_reader.trust.reading import TrustedReading
from chain_reader.trust.verdicts import Conflict
from datum import Accepted, Unusable, VerificationKey
from datum.configuration import ConfigurationMarker, EpochConfiguration, ProtocolConfigurationError, schedule
from datum.configuration.markers import decoded
from datum.verdicts import OtherKind
from era_service.config.schema import Settings
from era_service.releasing.session import Release
from era_service.status.reader import provider_needed
from era_service.wiring.deciding import open_reader, openings_of, providers_in_order
from era_service.wiring.trust import configuration_policy_at, open_memory
from eras import ChainReadError, Epoch, Provenance, StoreError


@dataclass(frozen=True, slots=True)
class ConfigurationsOnChain:
    """The state on the chain.

    Attributes:
        epoch: the current epoch.
        markers: those of the payload that counts.
        provenance: the origin of that payload; ``None`` if no payload counts.
        source: who was asked.
        screened: the unspent outputs at the place, with a verdict on each.
        stale: why what counts could not be confirmed; ``None`` where it was.
        notes: what an operator should check, in words.
    """

    epoch: Epoch
    markers: tuple[ConfigurationMarker, ...]
    provenance: Provenance | None
    source: str
    screened: tuple[ScreenedOutput, ...] = ()
    stale: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def configurations(self) -> tuple[EpochConfiguration, ...]:
        """The configurations that count, by epoch."""
        return schedule(decoded(self.markers))

    @property
    def output(self) -> ScreenedOutput | None:
        """The unspent output whose payload counts; ``None`` where none does, or it is only remembered."""
        made_by = None if self.provenance is None or not self.markers else self.provenance.transaction
        found = (item for item in self.screened if item.output.transaction == made_by and item.verdict.is_payload)
        return next(found, None)

    @property
    def token(self) -> str | None:
        """The thread token that the output holds; ``None`` where it holds none, or the provider reports none."""
        held = None if self.output is None else self.output.output.assets
        return held[0][0] if held and len(held) == 1 else None

    @property
    def replaces(self) -> str | None:
        """Reference of the output that the next publication spends; never one whose payload has no marker.

        Such a payload belongs to era markers, too, and its output may be theirs. Where nothing counts, it is one that
        is signed and cannot be used: deployed readers fail on it, or follow it.
        """
        if self.output is not None:
            return self.output.output.reference
        unusable = (one.output.reference for one in self.screened if isinstance(one.verdict, Unusable))
        return next(unusable, None)


def read_configurations(settings: Settings, address: str, key: VerificationKey) -> ConfigurationsOnChain:
    """The configurations that a node trusts at the address, by the first provider that answers.

    If none answers, those that the store remembers, marked as stale (rule T9).

    Raises:
        ConfigurationError: no provider is configured.
        ChainReadError, StoreError: none answers, and nothing is remembered.
        ProtocolConfigurationError: nothing is trusted, and what is signed there cannot be used.
    """
    if not openings_of(settings):
        raise provider_needed("; import-markers needs none with --without-chain")
    policy = configuration_policy_at(settings, address, key)
    with closing(open_memory(settings)) as memory, closing(providers_in_order(settings)) as providers:
        reader = open_reader(settings, memory, providers, policy)
        try:
            found = _found(reader.refresh(), providers.name)
        except (ChainReadError, StoreError) as error:
            found = _found(reader.remembered(error), providers.name)
            if not found.markers:
                raise
            return found
    if not found.markers:
        _require_usable(found)
    return found


def read_to_replace(release: Release) -> ConfigurationsOnChain:
    """The configurations that a publication replaces, in a session at their place: those that a node trusts.

    If an output that contradicts them has spent theirs, as a forced change does, it is that one: nodes refuse it,
    deployed readers follow it, and the next publication must spend it. A note states it.

    Raises:
        ChainReadError, StoreError: they could not be read.
    """
    trusted = _found(release.read(), release.observer.name)
    if trusted.output is not None or not trusted.markers:
        return trusted
    contrary = [(item.output, item.verdict) for item in trusted.screened if isinstance(item.verdict, Conflict)]
    if not contrary:
        return trusted
    output, verdict = max(contrary, key=lambda one: (one[0].slot or 0, one[0].reference))
    note = "nodes refuse what is on the chain, and keep what they trusted before: it changes what they already use"
    return replace(
        trusted,
        markers=cast("tuple[ConfigurationMarker, ...]", verdict.verified.markers),
        provenance=Provenance(trusted.source, output.transaction, output.slot),
        notes=(note, *trusted.notes),
    )


def _found(reading: TrustedReading, source: str) -> ConfigurationsOnChain:
    markers = cast("tuple[ConfigurationMarker, ...]", reading.markers)
    notes = [*reading.alarms, *(() if reading.stale is None else (f"not confirmed: {reading.stale}",))]
    refused = Counter(
        item.verdict.name for item in reading.screened if not isinstance(item.verdict, Accepted | OtherKind)
    )
    if refused and not markers:
        notes.append(f"not trusted: {', '.join(f'{count} {name}' for name, count in sorted(refused.items()))}")
    return ConfigurationsOnChain(
        Epoch(0) if reading.epoch is None else reading.epoch,
        markers,
        reading.provenance,
        source,
        reading.screened,
        reading.stale,
        tuple(notes),
    )


def _require_usable(found: ConfigurationsOnChain) -> None:
    """Check that no signed payload is there that deployed readers would fail on or follow."""
    for item in found.screened:
        if isinstance(item.verdict, Unusable):
            raise ProtocolConfigurationError(
                "A signed payload of configurations cannot be used",
                expected="configurations that can be read, with parameters that a lottery can have",
                got=f"{item.output.reference}: {item.verdict.reason}",
                next_step="Publish a correct one: deployed readers fail on this one, or follow it",
            )
