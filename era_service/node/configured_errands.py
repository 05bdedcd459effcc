"""The errands of a watcher as they are configured: registering with a service, and checking the support of an era."""

from collections.abc import Callable
from typing import Any

from datum import EraSigner
from era_service.config.schema import Settings
from era_service.node.errand import Errand
from era_service.node.service_works import Registering, SupportRule
from era_service.node.swap import configured_folder
from era_service.wiring.trust import era_place
from eras import ConfigurationError, SupportedEras
from release_tools import Base
from release_tools.adoption.shares import parse_share

KEY_HEX = 64
"""The number of hex digits of a key that is a party id."""

ReadKey = Callable[[str], EraSigner]


def configured_errands(settings: Settings, read_key: ReadKey | None) -> list[Errand[Any]]:
    """The configured errands.

    Args:
        settings: the settings.
        read_key: reads the key of ``watch.register_key_file``; without it such a setting is refused.

    Raises:
        ConfigurationError: no key is configured, or it is not the party's.
        EraSwitchError: the key cannot be read.
    """
    errands = (registering_errand(settings, read_key), support_errand(settings))
    return [errand for errand in errands if errand is not None]


def registering_errand(settings: Settings, read_key: ReadKey | None) -> Errand[Any] | None:
    """The registration of the node; ``None`` if it is not configured.

    Raises:
        ConfigurationError: no key is configured, or it is not the party's.
        EraSwitchError: the key cannot be read.
    """
    watch = settings.watch
    if watch.register_url is None:
        return None
    if watch.register_key_file is None or read_key is None:
        raise ConfigurationError(
            "The key to register with is missing",
            code="RegisterKey",
            expected="a key file, or the signer file of an external signer",
            got="none" if watch.register_key_file is None else "no way to read the file here",
            next_step="Give --register-key FILE, or set watch.register_key_file",
        )
    folder, named = configured_folder(watch.eras_folder, watch.program), watch.node_id or ""
    work = Registering(
        watch.register_url,
        read_key(f"@{watch.register_key_file.expanduser()}"),
        era_place(settings)[1],
        SupportedEras(settings.network.supported_eras or SupportedEras.DEFAULT),
        network_magic=settings.network.magic,
        party_id=named if named.startswith("pool1") or len(named) == KEY_HEX else "",
        version=watch.node_version,
        stake=watch.stake,
        loaded=None if folder is None else folder.installed,
        spread_s=watch.spread_s,
    )
    return Errand(work, longest_wait_s=watch.backoff_max_s)


def support_errand(settings: Settings) -> Errand[Any] | None:
    """The check of the support of the era in force; ``None`` if it is not configured.

    Raises:
        ConfigurationError: the era address, the key or the threshold cannot be used.
    """
    watch = settings.watch
    if watch.support_url is None:
        return None
    rule = SupportRule(
        watch.support_url,
        parse_share(watch.support_threshold),
        era_place(settings)[1],
        Base(settings.adoption.gate_base),
        watch.node_id or "",
        watch.spread_s,
    )
    return Errand(rule, longest_wait_s=watch.backoff_max_s)
