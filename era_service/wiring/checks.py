"""The checks of ``config check`` beyond the schema: addresses, the gate, and the configured source of markers.

In: settings that match the schema. Out: the remaining mistakes. No provider is asked.
"""

import json
from collections.abc import Mapping

from chain_reader.adapters.builder import ObserverNeededError
from chain_reader.bech32 import network_id_of
from chain_reader.providers.gateway import MAINNET_MAGIC
from era_service.config.mistakes import ConfigMistake
from era_service.config.schema import Settings
from era_service.wiring.adoption import compatibility_of
from era_service.wiring.providers import open_adapter, open_provider, providers_of
from eras import EraSwitchError

SHOWN_CHARACTERS = 60


def deep_mistakes(settings: Settings, origins: Mapping[str, str]) -> tuple[ConfigMistake, ...]:
    """The mistakes that the schema cannot find, each with its origin."""
    network = settings.network
    places = [("network.era_address", network.era_address, network.magic)]
    places += [
        (f"networks.{name}.era_address", custom.era_address, custom.magic) for name, custom in settings.networks.items()
    ]
    places.append(("reader.adapter_params.address", _address_in_params(settings), network.magic))
    found = [
        mistake
        for key, address, magic in places
        if address is not None and (mistake := _address_mistake(key, address, magic)) is not None
    ]
    found += [*_source_mistakes(settings), *_adoption_mistakes(settings)]
    return tuple(mistake.located(origins) for mistake in found)


def _address_in_params(settings: Settings) -> str | None:
    """The era address in Mithril's parameters, if they have one; it replaces the network's."""
    reader = settings.reader
    if reader.adapter_type != "cardano-chain" or reader.adapter_params is None:
        return None
    address = json.loads(reader.adapter_params).get("address")
    return address if isinstance(address, str) and address else None


def _address_mistake(key: str, address: str, magic: int | None) -> ConfigMistake | None:
    try:
        network_id = network_id_of(address)
    except ValueError:
        shown = address if len(address) <= SHOWN_CHARACTERS else f"{address[:SHOWN_CHARACTERS]}…"
        return ConfigMistake(key, "an address with a valid checksum", shown)
    if magic is not None and (network_id == 1) != (magic == MAINNET_MAGIC):
        kind = "main" if network_id == 1 else "test"
        return ConfigMistake(key, f"an address of the network with magic {magic}", f"one of a {kind} network")
    return None


def _source_mistakes(settings: Settings) -> list[ConfigMistake]:
    """Mistakes that prevent a provider or the adapter from being built."""
    found = []
    observer = None
    for index, provider in enumerate(providers_of(settings)):
        try:
            observer = open_provider(provider, settings)
            observer.close()
        except EraSwitchError as error:
            found.append(_mistake_of(f"reader.providers.{index}", error))
    if observer is None and settings.reader.adapter_type == "cardano-chain" and settings.reader.adapter_params is None:
        return found
    try:
        open_adapter(settings, observer)
    except EraSwitchError as error:
        if not isinstance(error, ObserverNeededError):
            found.append(_mistake_of("reader.adapter_params", error))
    return found


def _adoption_mistakes(settings: Settings) -> list[ConfigMistake]:
    """Mistakes that prevent the gate from being judged, and those in the table of eras and versions."""
    found = []
    if settings.adoption.gate_threshold is not None:
        for key, value in (
            ("adoption.compatibility_file", settings.adoption.compatibility_file),
            ("store.url", settings.store.url),
        ):
            if value is None:
                found.append(ConfigMistake(key, "a value, since adoption.gate_threshold asks for a gate", "nothing"))
    try:
        compatibility_of(settings)
    except EraSwitchError as error:
        found.append(_mistake_of("adoption.compatibility_file", error))
    return found


def _mistake_of(key: str, error: EraSwitchError) -> ConfigMistake:
    return ConfigMistake(key, error.expected or "something else", error.got or error.what)
