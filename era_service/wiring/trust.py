"""From settings to the policy of trust and the store that remembers it. No provider is asked here."""

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import era_store
from chain_reader import Checkpoint, TrustPolicy
from chain_reader.thread_token import token_unit
from chain_reader.trust.kinds import CONFIGURATIONS
from datum import ExtensionPolicy, VerificationKey
from era_service.config.schema import Settings
from era_service.wiring.providers import BLOCKFROST_OF_MAGIC
from era_store import MemoryStore, Store
from era_store.networks import NetworkKey
from eras import ConfigurationError

if TYPE_CHECKING:
    from release_tools.transactions.owners import KeyScript

PUBLIC_CONFIRMATIONS = 10
"""Blocks on top of a payload before it counts on a public network: some minutes, and deeper than recent rollbacks."""


class EraPlaceNeededError(ConfigurationError):
    """The address or the verification key of the network's markers is not configured."""


def era_place(settings: Settings) -> tuple[str, VerificationKey]:
    """The address where the markers of the network are published, and the key that signs them.

    Raises:
        EraPlaceNeededError: one of them is not configured.
        KeyFormatError: the configured key is not a key.
    """
    address, key = _configured_place(settings)
    if not isinstance(address, str) or not isinstance(key, str):
        raise EraPlaceNeededError(
            "The era address and the verification key are not known",
            expected="a network that is configured, or network.era_address and network.verification_key",
            got="one of them, or none" if settings.reader.adapter_type == "cardano-chain" else "neither",
            next_step="Give --network, or configure a network of your own (docs/configuration.md)",
        )
    return address, VerificationKey.parse(key)


def network_key(settings: Settings) -> NetworkKey:
    """The network to which registrations, network stake and tokens belong."""
    address, _ = _configured_place(settings)
    return NetworkKey(settings.network.magic, address if isinstance(address, str) else None)


def _configured_place(settings: Settings) -> tuple[object, object]:
    """The era address and the verification key, each ``None`` if it is not configured."""
    if settings.reader.adapter_params is not None and settings.reader.adapter_type == "cardano-chain":
        params = json.loads(settings.reader.adapter_params)  # checked to be a JSON object
        return params.get("address"), params.get("verification_key")
    return settings.network.era_address, settings.network.verification_key


def required_confirmations(settings: Settings) -> int:
    """The number of blocks on top of a payload before nodes count it (rule T8)."""
    if settings.follower.leader is not None:
        return 0  # the leader has waited for them
    if settings.trust.confirmations is not None:
        return settings.trust.confirmations
    return PUBLIC_CONFIRMATIONS if settings.network.magic in BLOCKFROST_OF_MAGIC else 0


def trust_policy(settings: Settings) -> TrustPolicy:
    """The policy of trust for era markers.

    Raises:
        EraPlaceNeededError: the address or the key of the markers is not configured.
        ConfigurationError: the settings cannot be used.
    """
    address, key = era_place(settings)
    trust, network = settings.trust, settings.network
    return TrustPolicy(
        address=address,
        keys=(key,),
        network_magic=network.magic,
        announcers=trust.announcers,
        confirmations=required_confirmations(settings),
        max_lead_epochs=trust.max_lead_epochs,
        notice_epochs=network.notice_epochs,
        extension=_extension(settings, address),
        checkpoint=_checkpoint(trust.checkpoint_file, "trust"),
        limits=settings.limits.to_limits(),
        thread_token=_thread_token(settings, trust.thread_token),
    )


def configuration_policy(settings: Settings) -> TrustPolicy | None:
    """The policy of trust for protocol configurations; ``None`` if they are not enabled.

    Raises:
        EraPlaceNeededError: the address or the key of the configurations is not configured.
        ConfigurationError: the settings cannot be used.
    """
    if not settings.protocol_configuration.enabled:
        return None
    return configuration_policy_at(settings, *configuration_place(settings))


def policies(settings: Settings) -> tuple[TrustPolicy, ...]:
    """The policy of each kind of marker that a node reads, eras first.

    Raises:
        EraPlaceNeededError, ConfigurationError: as ``trust_policy`` and ``configuration_policy``.
    """
    found = configuration_policy(settings)
    return (trust_policy(settings),) if found is None else (trust_policy(settings), found)


def configuration_place(settings: Settings) -> tuple[str, VerificationKey]:
    """The address and the key of configurations: by default those of the era markers.

    Raises:
        EraPlaceNeededError: one of them is not configured.
        KeyFormatError: the configured key is not a key.
    """
    asked = settings.protocol_configuration
    if asked.address is not None and asked.verification_key is not None:
        return asked.address, VerificationKey.parse(asked.verification_key)
    address, key = era_place(settings)
    own = asked.verification_key
    return asked.address or address, key if own is None else VerificationKey.parse(own)


def configuration_policy_at(settings: Settings, address: str, key: VerificationKey) -> TrustPolicy:
    """The policy of trust for protocol configurations at a place; the extension exists for era markers only.

    Raises:
        EraPlaceNeededError: the address or the key of the era markers is not configured.
        ConfigurationError: the settings cannot be used.
    """
    eras, asked = trust_policy(settings), settings.protocol_configuration
    is_there = address == (asked.address or eras.address)
    return replace(
        eras,
        kind=CONFIGURATIONS,
        address=address,
        keys=(key,),
        extension=None,
        checkpoint=_checkpoint(asked.checkpoint_file, "protocol_configuration"),
        thread_token=_thread_token(settings, asked.thread_token) if is_there else None,
    )


def _thread_token(settings: Settings, name: str | None) -> str | None:
    """The unit of a thread token; ``None`` for a follower, because the leader checks tokens itself."""
    return None if name is None or settings.follower.leader is not None else token_unit(name)


def era_script(settings: Settings) -> "KeyScript | None":
    """The native script that owns the era address; ``None`` if a payment key owns it.

    Raises:
        ConfigurationError: the file cannot be read.
        TransactionError: it is not a native script of payment keys.
    """
    from release_tools.transactions.owners import KeyScript

    path = settings.network.era_script_file
    if path is None:
        return None
    text = _text_of(path, "script file of the era address", "network.era_script_file", code="EraScriptFile")
    return KeyScript.parse(text, str(path))


def open_memory(settings: Settings, default: str | None = None, *, logs_trust: bool = True) -> Store:
    """The store in which trust is remembered, which the caller closes; without one, the memory of this process.

    Args:
        settings: the settings.
        default: the place of the store if none is configured.
        logs_trust: as in ``MemoryStore``, which is opened if there is none; any other store logs what is trusted.

    Raises:
        StoreError: it cannot be opened.
        ConfigurationError: its place cannot be that of a store.
    """
    place = settings.store.url or default
    if place is None:
        return MemoryStore(logs_trust=logs_trust)
    return era_store.open_store(place, network=network_key(settings))


def _extension(settings: Settings, address: str) -> ExtensionPolicy | None:
    trust, magic = settings.trust, settings.network.magic
    if trust.mode == "markers":
        return None
    if magic is None or trust.threshold is None or not trust.cosigner_keys:
        missing = {
            "network.magic": magic is None,
            "trust.threshold": trust.threshold is None,
            "trust.cosigner_keys": not trust.cosigner_keys,
        }
        raise ConfigurationError(
            "Extended payloads cannot be judged",
            expected="a network magic, the keys that sign the extension, and how many of them must",
            got=f"no {', no '.join(name for name, gone in missing.items() if gone)}",
            next_step="Complete the [trust] and [network] settings, or set trust.mode to markers",
        )
    keys = tuple(VerificationKey.parse(key) for key in trust.cosigner_keys)
    return ExtensionPolicy(magic, address, keys, trust.threshold)


def _checkpoint(path: Path | None, section: str) -> Checkpoint | None:
    if path is None:
        return None
    return Checkpoint.from_json(_text_of(path, "checkpoint file", f"{section}.checkpoint_file", code="CheckpointFile"))


def _text_of(path: Path, what: str, setting: str, *, code: str) -> str:
    """The text of a configured file.

    Raises:
        ConfigurationError: it cannot be read.
    """
    try:
        return path.expanduser().read_text(encoding="utf-8")  # raw: a script or a checkpoint, never a database
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"The {what} cannot be read",
            code=code,
            expected=f"to read {path}",
            got=getattr(error, "strerror", None) or "bytes that are not text",
            next_step=f"Correct {setting}",
        ) from error
