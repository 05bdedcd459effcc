"""From settings to adoption: the rules of counting, the gate, the table of eras and versions, and the registrations.

In: settings, and the files that a command names. Out: values of ``release_tools``, and registrations.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import era_store
from era_service.config.networks import NETWORKS, SHORT_NAMES, full_name
from era_service.config.schema import Settings
from era_service.ingest_progress import ingest_progress, source_words
from era_service.wiring.deciding import openings_of
from era_service.wiring.genesis import clock_epoch
from era_service.wiring.trust import network_key
from eras import ChainReadError, ConfigurationError, Epoch
from eras.errors import kept
from release_tools import AdoptionRules, Base, Compatibility, registrations
from release_tools.adoption.shares import Gate, parse_share
from release_tools.adoption.summary import assumed_epoch
from release_tools.adoption.tickers import load_tickers

LARGE_BYTES = 16 * 1024 * 1024
"""Files smaller than this have their registrations counted in memory."""

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
    """The gate before an activation; ``None`` if none is configured."""
    adoption = settings.adoption
    if adoption.gate_threshold is None:
        return None
    return Gate(parse_share(adoption.gate_threshold), Base(adoption.gate_base), adoption.gate_for_epochs)


def current_epoch_of(settings: Settings) -> Epoch | None:
    """The current epoch: by the network's genesis and the clock, else by the configured providers.

    Returns:
        The epoch; ``None`` without a genesis and without providers.

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


def epoch_or_assumed(
    settings: Settings, repository: "era_store.SqlRegistrations", asked: Epoch | None
) -> tuple[Epoch | None, str | None]:
    """The newest epoch to count, by default the current one, and a notice in words if it is only assumed.

    Raises:
        ChainReadError: there are providers, and none of them answered.
        StoreError: the registrations cannot be read.
    """
    current = current_epoch_of(settings) if asked is None else asked
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
    """The table of eras and versions for the configured network; empty if there is no table.

    Args:
        settings: the settings.
        path: the file, instead of the configured one.

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
    """Party id → ticker, from the configured file; empty if none is configured.

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
def open_adoption_store(settings: Settings) -> Iterator["era_store.SqlStore"]:
    """The configured store, closed at the end of the block.

    Raises:
        ConfigurationError: none is configured.
        StoreError: it cannot be opened.
    """
    with closing(era_store.open_store(require_store(settings), network=network_key(settings))) as store:
        yield store


@contextmanager
def open_registrations(settings: Settings, files: Sequence[str] = ()) -> Iterator["era_store.SqlRegistrations"]:
    """The registrations in ``files``; without files, those in the store.

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
def _place_for(files: Sequence[str]) -> Iterator["era_store.SqlRegistrations"]:
    """The store for counting registrations of files: memory, or for large ones a temporary database."""
    paths = [Path(name) for name in files]
    if all(path.is_file() for path in paths) and not _is_large(*paths):
        yield era_store.temporary_registrations()
        return
    with (
        TemporaryDirectory(prefix="eraswitch-adoption-") as folder,
        closing(era_store.open_store(str(Path(folder) / "registrations.sqlite3"))) as store,
    ):
        yield store.registrations


def _is_large(*paths: Path) -> bool:
    return sum(path.stat().st_size for path in paths if path.is_file()) >= LARGE_BYTES


def read_files(
    repository: "era_store.SqlRegistrations", files: Sequence[str], current: Epoch | None, network_magic: int | None
) -> None:
    """Read the registrations in ``files`` that were not read before; other entries are logged as warnings.

    The first reading of a large file shows its progress on a terminal.

    Args:
        repository: receives the registrations.
        files: the paths of the files.
        current: the current epoch, if it is known.
        network_magic: the magic of the network that signatures must be for, if one is configured.

    Raises:
        EraSwitchError: one cannot be read.
    """
    for name in files:
        with closing(registrations.open_source(name, current=current, network_magic=network_magic)) as source:
            quiet = repository.cursor(source.name) is not None or not _is_large(Path(name))
            with ingest_progress(source_words(source.name), quiet=quiet) as progress:
                summary = registrations.ingest(source, repository, progress=progress)
        for note, count in sorted(summary.notes.items()):
            _log.warning("%s: %d entries: %s", name, count, note)
        for reason, count in sorted(summary.rejected.items()):
            _log.warning("%s: %d entries are not registrations: %s", name, count, reason)
