"""From settings to the providers, the observer or gateway of each, and the adapter. Nothing is read here."""

import json
from pathlib import Path

from chain_reader import ChainObserver, EraReaderAdapter, build_adapter, observer_from_url
from chain_reader.providers.from_url import gateway_from_url
from era_service.config.schema import ProviderSettings, Settings
from era_store.redaction import register_secret
from eras import ConfigurationError, SupportedEras
from release_tools import TransactionGateway

BLOCKFROST_OF_MAGIC = {764824073: "blockfrost:mainnet", 1: "blockfrost:preprod", 2: "blockfrost:preview"}
"""Magic → Blockfrost's own service of the network, which is meant if only an API key is configured."""

KOIOS_OF_MAGIC = {764824073: "koios:mainnet", 1: "koios:preprod", 2: "koios:preview"}
"""Magic → Koios' public service of the network, which needs no account."""


def providers_of(settings: Settings) -> tuple[ProviderSettings, ...]:
    """The providers to ask, in order: those configured, or Blockfrost's own for the network if there is an API key."""
    reader, magic = settings.reader, settings.network.magic
    has_key = reader.project_id is not None or reader.project_id_file is not None
    if reader.providers or not has_key or magic not in BLOCKFROST_OF_MAGIC:
        return reader.providers
    return (ProviderSettings(url=BLOCKFROST_OF_MAGIC[magic]),)


def public_service(settings: Settings) -> str | None:
    """Koios' public service of the network, if the chain is to be read and no provider is configured."""
    reader = settings.reader
    if reader.adapter_type != "cardano-chain" or settings.follower.leader is not None or providers_of(settings):
        return None
    return None if settings.network.magic is None else KOIOS_OF_MAGIC.get(settings.network.magic)


def open_provider(provider: ProviderSettings, settings: Settings) -> ChainObserver:
    """The observer of a provider, which the caller closes.

    Raises:
        ConfigurationError: its settings cannot be used.
        StoreError: it is a local chain, and there is none.
    """
    return observer_from_url(
        provider.url,
        project_id=_project_id(provider, settings),
        network_magic=settings.network.magic,
        program=provider.program,
        limits=settings.limits.to_limits(),
    )


def open_gateway(provider: ProviderSettings, settings: Settings) -> TransactionGateway:
    """The gateway that submits transactions to a provider, which the caller closes.

    Raises:
        ConfigurationError: it takes no transactions, or its settings cannot be used.
        StoreError: it is a local chain, and there is none.
    """
    return gateway_from_url(
        provider.url, project_id=_project_id(provider, settings), limits=settings.limits.to_limits()
    )


def open_adapter(settings: Settings, observer: ChainObserver | None) -> EraReaderAdapter:
    """The configured source of era markers; ``cardano-chain`` reads the network's address by default.

    Raises:
        ConfigurationError: the type, or its parameters, cannot be used.
    """
    reader, network = settings.reader, settings.network
    params = reader.adapter_params
    if params is None and network.era_address is not None and network.verification_key is not None:
        params = json.dumps({"address": network.era_address, "verification_key": network.verification_key})
    return build_adapter(
        reader.adapter_type,
        params,
        observer=observer,
        supported=SupportedEras(network.supported_eras),
        limits=settings.limits.to_limits(),
    )


def _project_id(provider: ProviderSettings, settings: Settings) -> str | None:
    """The provider's API key, its own or the common one; logs mask it from now on.

    Raises:
        ConfigurationError: its file has no key, or cannot be read.
    """
    for place in (provider, settings.reader):
        found = None
        if place.project_id is not None:
            found = place.project_id.get_secret_value()
        elif place.project_id_file is not None:
            found = secret_in(place.project_id_file)
        if found:
            register_secret(found)
            return found
    return None


def secret_in(path: Path, what: str = "an API key") -> str:
    """The secret that a file consists of.

    Args:
        path: the file.
        what: the kind of the secret, for the error.

    Raises:
        ConfigurationError: the file has none, or cannot be read.
    """
    try:
        found = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise _no_secret(path, what, error.strerror or type(error).__name__) from error
    except UnicodeDecodeError:
        found = ""
    if not found:
        # outside the handler, because the decoder's exception holds the bytes
        raise _no_secret(path, what, "something else" if path.stat().st_size else "an empty file")
    return found


def _no_secret(path: Path, what: str, got: str) -> ConfigurationError:
    return ConfigurationError(
        f"The file of {what} cannot be used",
        code="SecretFile",
        expected=f"{what} in {path}",
        got=got,
        next_step="Put it, and nothing else, into the file",
    )
