"""Which of several signed payloads of configurations counts where nothing but the datums is known. Pure.

The first that can be used and has markers; one without any counts only where there is no other. Deployed readers take
the first that is signed, whatever is in it, and end their reading where it cannot be read: where that is another one,
a note states it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from datum.configuration.markers import decoded
from datum.configuration.values import EpochConfiguration, ProtocolConfigurationError, schedule
from datum.verdicts import Accepted, Unusable, Verdict


@dataclass(frozen=True, slots=True)
class ConfigurationChoice:
    """The choice of what counts.

    Attributes:
        index: of the datum that counts; ``None`` where none does.
        configurations: what it holds, by epoch.
        notes: what else is signed, and what deployed readers make of it.
    """

    index: int | None
    configurations: tuple[EpochConfiguration, ...] = ()
    notes: tuple[str, ...] = ()


def choose_configurations(verdicts: Sequence[Verdict]) -> ConfigurationChoice:
    """The payload that counts, of datums with these verdicts.

    Raises:
        ProtocolConfigurationError: none counts, and one that the key signed cannot be used.
    """
    accepted = [(index, verdict) for index, verdict in enumerate(verdicts) if isinstance(verdict, Accepted)]
    unusable = [(index, verdict) for index, verdict in enumerate(verdicts) if isinstance(verdict, Unusable)]
    filled = [(index, verdict) for index, verdict in accepted if verdict.verified.markers]
    if not accepted:
        if unusable:
            raise ProtocolConfigurationError(
                "A signed payload of configurations cannot be used",
                expected="configurations that can be read, with parameters that a lottery can have",
                got=f"datum {unusable[0][0]}: {unusable[0][1].reason}",
                next_step="Publish a correct one: deployed readers fail on this one, or follow it",
            )
        return ConfigurationChoice(None)
    index, winner = (filled or accepted)[0]
    notes = [
        f"datum {at} is signed and has no marker: deployed readers that come to it first see no configuration"
        for at, verdict in accepted
        if not verdict.verified.markers and filled
    ]
    notes += [
        f"datum {at} is signed and cannot be used: deployed readers that come to it first fail on it, or follow it"
        for at, _ in unusable
    ]
    other = [str(at) for at, one in filled if one.verified.markers != winner.verified.markers]
    if other:
        notes.append(
            f"datum {index} comes first and counts, as for deployed readers; datum {', '.join(other[:10])} differs"
        )
    return ConfigurationChoice(index, schedule(decoded(winner.verified.markers)), tuple(notes))
