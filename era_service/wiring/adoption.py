"""From settings to what adoption is counted by: the rules, the table of eras and versions, and the registrations.

In: settings, and files that a command names. Out: values of ``release_tools``, and the registrations.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from era_service.config.networks import NETWORKS, SHORT_NAMES, full_name
from era_service.config.schema import Settings
from era_service.ingest_progress import ingest_progress, source_words
from era_service.wiring.deciding import openings_of
from era_service.wiring.genesis import clock_epoch
from era_service.wiring.trust import network_key
from eras import ChainReadError, ConfigurationError, Epoch
from eras.errors import kept
from release_tools import AdoptionRules, Base, Compatibility
from release_tools.adoption.shares import Gate, parse_share
from release_tools.adoption.summary import assumed_epoch
from release_tools.adoption.tickers import load_tickers
from release_tools.registrations import ingest

if TYPE_CHECKING:
    from era_store import SqlRegistrations, SqlStore

LARGE_BYTES = 16 * 1024 * 1024
"""What files may have for their registrations to be held in memory."""

_log = logging.getLogger(__name__)


def adoption_rules(settings: Settings) -> AdoptionRules:
    """The rules by which adoption is counted."""
    adoption = settings.adoption
    return AdoptionRules(
        stake_epoch_offset=adoption.stake_epoch_offset,
        recent_epochs=adoption.recent_epochs,
        unknown_alarm=parse_share(adoption.unknown_alarm),
        unknown_growth_alarm=parse_share(adoption.unknown_growth_alarm),
    )


def configured_gate(settings: Settings) -> Gate | None:
    """The gate before an activation; ``None`` where none is configured."""
    adoption = settings.adoption
    if adoption.gate_threshold is None:
        return None
    return Gate(parse_share(adoption.gate_threshold), Base(adoption.gate_base), adoption.gate_for_epochs)


def current_epoch_of(settings: Settings) -> Epoch | None:
    """The current epoch: by the network's genesis and the clock, else by the configured providers.

    Returns:
        The epoch; ``None`` where there is neither a genesis nor a provider.

    Raises:
        ChainReadError: there are providers, and none of them answered.
        ConfigurationError: one cannot be used.
    """
    epoch = clock_epoch(settings)
    if epoch is not None:
        return epoch
    failed: ChainReadError | None = None
    for opening in openings_of(settings):
        try:
            with closing(opening()) as observer:
                return observer.epoch()
        except ChainReadError as error:
            failed = kept(error)
    if failed is not None:
        raise failed
    return None


def epoch_or_assumed(settings: Settings, repository: "SqlRegistrations") -> tuple[Epoch | None, str | None]:
    """The current epoch that adoption is counted up to, and in words what is assumed where it is unknown.

    Raises:
        ChainReadError: there are providers, and none of them answered.
        StoreError: the registrations cannot be read.
    """
    current = current_epoch_of(settings)
    if current is not None:
        return current, None
    assumed = assumed_epoch(repository)
    if assumed is None:
        return None, None
    return assumed, (
        f"Neither a genesis nor a provider is configured: epoch {assumed}, the newest with registrations of the "
        "network, is assumed to be the current one"
    )


def compatibility_of(settings: Settings, path: Path | None = None) -> Compatibility:
    """The table of eras and versions, for the network that is configured; an empty one where there is none.

    Args:
        settings: what is configured.
        path: the file, in place of the configured one.

    Raises:
        ConfigurationError: it cannot be read, or has a mistake.
    """
    path = path or settings.adoption.compatibility_file
    if path is None:
        return Compatibility()
    network = settings.network.name
    names = {*NETWORKS, *SHORT_NAMES, *settings.networks, *([] if network is None else [network])}
    return Compatibility.load(
        path,
        network=network,
        known_eras=settings.network.supported_eras,
        known_networks={name: full_name(name) for name in names},
    )


def configured_tickers(settings: Settings) -> dict[str, str]:
    """Party id → ticker, as the configured file has them; none where no file is configured.

    Raises:
        EraSwitchError: it cannot be read, or is of another format.
    """
    path = settings.adoption.tickers_file
    return {} if path is None else load_tickers(path.expanduser())


def require_store(settings: Settings) -> str:
    """The place of the configured store.

    Raises:
        ConfigurationError: none is configured.
    """
    if settings.store.url is None:
        raise ConfigurationError(
            "There is no store for registrations and events",
            code="AdoptionStoreNeeded",
            expected="store.url, a SQLite file or a database",
            got="none",
            next_step="Set store.url (ERASWITCH_STORE__URL); to count what is in files, name them: --from FILE",
        )
    return settings.store.url


@contextmanager
def open_adoption_store(settings: Settings) -> Iterator["SqlStore"]:
    """The configured store, closed in the end.

    Raises:
        ConfigurationError: none is configured.
        StoreError: it cannot be opened.
    """
    url = require_store(settings)
    from era_store import open_store

    with closing(open_store(url, network=network_key(settings))) as store:
        yield store


@contextmanager
def open_registrations(settings: Settings, files: Sequence[str] = ()) -> Iterator["SqlRegistrations"]:
    """The registrations in ``files``, or where none are named those in the store.

    Raises:
        ConfigurationError: no file is named, and no store is configured.
        EraSwitchError: a file cannot be read, or the store cannot be opened.
    """
    if not files:
        with open_adoption_store(settings) as store:
            yield store.registrations
        return
    with _place_for(files) as repository:
        read_files(repository, files, current_epoch_of(settings), settings.network.magic)
        yield repository


@contextmanager
def _place_for(files: Sequence[str]) -> Iterator["SqlRegistrations"]:
    """The store for counting registrations of files: memory, or for large ones a temporary database."""
    from era_store import open_store, temporary_registrations

    paths = [Path(name) for name in files]
    if all(path.is_file() for path in paths) and not _is_large(*paths):
        yield temporary_registrations()
        return
    with (
        TemporaryDirectory(prefix="eraswitch-adoption-") as folder,
        closing(open_store(str(Path(folder) / "registrations.sqlite3"))) as store,
    ):
        yield store.registrations


def _is_large(*paths: Path) -> bool:
    return sum(path.stat().st_size for path in paths if path.is_file()) >= LARGE_BYTES


def read_files(
    repository: "SqlRegistrations", files: Sequence[str], current: Epoch | None, network_magic: int | None
) -> None:
    """Read what is in ``files`` and has not been read before; what is no registration draws a warning.

    The first time that a large one is read, a terminal shows how far it is.

    Args:
        repository: where it goes.
        files: their paths.
        current: the current epoch, where it is known.
        network_magic: of the network that signatures must be for, where one is configured.

    Raises:
        EraSwitchError: one cannot be read.
    """
    from release_tools.registrations import open_source

    for name in files:
        with closing(open_source(name, current=current, network_magic=network_magic)) as source:
            quiet = repository.cursor(source.name) is not None or not _is_large(Path(name))
            with ingest_progress(source_words(source.name), quiet=quiet) as progress:
                summary = ingest(source, repository, progress=progress)
        for note, count in sorted(summary.notes.items()):
            _log.warning("%s: %d entries: %s", name, count, note)
        for reason, count in sorted(summary.rejected.items()):
            _log.warning("%s: %d entries are not registrations: %s", name, count, reason)
