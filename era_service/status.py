"""The status of a network: which era it is, which is next, what is trusted and why, and what was refused.

In: settings, and an epoch unless a provider is to tell it. Out: a ``Reading``, and the same as JSON (``describe``).
"""

import logging
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eras import ChainReadError, ConfigurationError, Epoch, EraEpochToken, EraSwitchError, StoreError, SupportedEras

if TYPE_CHECKING:
    from chain_reader import ChainObserver, EraReaderAdapter, EraReading, ScreenedOutput
    from era_service.config_schema import Settings

NOTHING_TRUSTED, CURRENT_UNSUPPORTED, UPCOMING_UNSUPPORTED = 5, 4, 3


class EpochNeededError(ConfigurationError):
    """Nothing that is configured knows the current epoch."""


class ProviderNeededError(ConfigurationError):
    """The chain is to be read, and nothing says where."""


@dataclass(slots=True)
class Reading:
    """What one reading came to, as far as it got.

    Attributes:
        epoch: the epoch that was asked about, once it is known.
        reading: what the adapter read.
        token: the eras at the epoch.
        error: why there is no token.
    """

    epoch: Epoch | None = None
    reading: "EraReading | None" = None
    token: EraEpochToken | None = None
    error: EraSwitchError | None = None


class _Kept:
    """An adapter that keeps what it read, so that a refusal can be told in full."""

    def __init__(self, adapter: "EraReaderAdapter", into: Reading) -> None:
        self._adapter, self._into = adapter, into

    def read(self) -> "EraReading":
        self._into.reading = self._adapter.read()
        return self._into.reading


def read_status(settings: "Settings", epoch: Epoch | None) -> Reading:
    """Read the eras through the configured source, by the first provider that answers.

    Raises:
        ConfigurationError: what is configured cannot be used.
    """
    from era_service.config_reader import open_provider, providers_of

    found = Reading()
    providers = providers_of(settings)
    reads_chain = settings.reader.adapter_type == "cardano-chain"
    if reads_chain and not providers:
        raise ProviderNeededError(
            "There is no provider to read the chain from",
            expected="a Blockfrost API, an Ogmios server or a local chain",
            got="none",
            next_step="Give --provider, or set reader.providers",
        )
    if not providers or (epoch is not None and not reads_chain):
        return _attempt(settings, None, epoch)
    for left, provider in zip(reversed(range(len(providers))), providers, strict=True):
        try:
            observer = open_provider(provider, settings)
        except ConfigurationError:
            raise
        except EraSwitchError as error:
            found = Reading(epoch, error=error)
        else:
            with closing(observer):
                found = _attempt(settings, observer, epoch)
        if not isinstance(found.error, ChainReadError | StoreError):
            break
        if left:
            logging.getLogger(__name__).warning("A provider could not be read, the next is asked: %s", found.error)
    return found


def _attempt(settings: "Settings", observer: "ChainObserver | None", epoch: Epoch | None) -> Reading:
    """One reading; that it failed is part of what it says, but a mistake in the configuration is raised."""
    from chain_reader import EraReader
    from era_service.config_reader import open_adapter

    found = Reading(epoch)
    adapter = open_adapter(settings, observer)
    try:
        if found.epoch is None:
            found.epoch = _require_observer(observer, settings).epoch()
        reader = EraReader(_Kept(adapter, found), SupportedEras(settings.network.supported_eras))
        found.token = reader.read_era_epoch_token(found.epoch)
        if not found.token.current_supported:
            found.token.require_supported()
    except ConfigurationError:
        raise
    except EraSwitchError as error:
        found.error = error
    return found


def _require_observer(observer: "ChainObserver | None", settings: "Settings") -> "ChainObserver":
    if observer is None:
        raise EpochNeededError(
            f"The source {settings.reader.adapter_type} does not know the current epoch",
            expected="an epoch, or a provider that tells it",
            got="neither",
            next_step="Give --epoch, or --provider; to follow a network, --network too",
        )
    return observer


def exit_code(found: Reading) -> int:
    """The exit code that tells the same as the document."""
    if found.token is None:
        return NOTHING_TRUSTED
    if not found.token.current_supported:
        return CURRENT_UNSUPPORTED
    return UPCOMING_UNSUPPORTED if found.token.upcoming_supported is False else 0


def describe(found: Reading, settings: "Settings", limit: int) -> dict[str, Any]:
    """The reading as JSON has it; ``limit`` bounds the list of refused outputs, not their count."""
    token, reading = found.token, found.reading
    screened = reading.screened if reading is not None else ()
    refused = sorted(
        (item for item in screened if item.verdict.name != "Accepted"),
        key=lambda item: item.verdict.name == "Malformed",  # whoever floods an address floods it with these
    )
    return {
        "epoch": found.epoch,
        "network": settings.network.name,
        "adapter": settings.reader.adapter_type,
        "supported_eras": list(settings.network.supported_eras),
        "current_era": None if token is None else token.current.name,
        "upcoming_era": None if token is None or token.upcoming is None else token.upcoming.name,
        "epochs_to_upcoming": None if token is None else token.epochs_to_upcoming,
        "eras": _eras(found, settings),
        "trusted": _trusted(found),
        "verdicts": dict(sorted(Counter(item.verdict.name for item in screened).items())),
        "refused": [_refused(item) for item in refused[:limit]],
        "refused_not_listed": max(0, len(refused) - limit),
        "warnings": _warnings(found, settings),
        "error": None if found.error is None else found.error.to_dict(),
    }


def _eras(found: Reading, settings: "Settings") -> list[dict[str, Any]]:
    if found.reading is None:
        return []
    notice, supported = settings.network.notice_epochs, settings.network.supported_eras
    return [
        {
            "name": marker.name,
            "epoch": marker.epoch,
            "state": None if found.token is None else found.token.state_of(marker, notice_epochs=notice).value,
            "supported": marker.name in supported,
        }
        for marker in found.reading.markers
    ]


def _trusted(found: Reading) -> dict[str, Any] | None:
    if found.reading is None or found.reading.provenance is None or not found.reading.markers:
        return None
    origin = found.reading.provenance
    return {"source": origin.source, "transaction": origin.transaction, "slot": origin.slot, "key": origin.key}


def _refused(item: "ScreenedOutput") -> dict[str, Any]:
    return {
        "output": item.output.reference,
        "slot": item.output.slot,
        "verdict": item.verdict.name,
        "reason": item.verdict.reason,
    }


def _warnings(found: Reading, settings: "Settings") -> list[str]:
    warnings = []
    if settings.reader.adapter_type.startswith("bootstrap"):
        warnings.append(
            f"The source {settings.reader.adapter_type} reads nothing: it answers with an era that this software "
            "supports, whatever the network does. Choose a network with --network, or set reader.adapter_type"
        )
    token = found.token
    if token is not None and token.upcoming is not None and not token.upcoming_supported:
        when = "" if token.upcoming.epoch is None else f" at epoch {token.upcoming.epoch}"
        warnings.append(
            f"The upcoming era {token.upcoming.name} is not supported by this software, which will have to stop{when}. "
            "Upgrade before then"
        )
    return warnings
