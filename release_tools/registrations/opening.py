"""Opens the source of registrations that a text names: a URL, a path, or ``-`` for standard input."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from era_store.sqlite_files import is_database
from eras import Epoch
from release_tools.registrations.aggregator_http import AggregatorHttp, Known
from release_tools.registrations.mithril_events import MithrilEvents
from release_tools.registrations.source import RegistrationSource
from release_tools.registrations.text_files import CsvRows, JsonLines

SourceKind = Literal["aggregator", "mithril", "csv", "lines"]


def open_source(
    text: str,
    *,
    kind: SourceKind | None = None,
    epochs: Sequence[Epoch] = (),
    current: Epoch | None = None,
    known: Known = lambda _: (),
    network_magic: int | None = None,
) -> RegistrationSource:
    """Opens the source of registrations that a path or a URL names. The caller closes it.

    Args:
        text: a URL of an aggregator, the path of a file, or ``-`` for standard input.
        kind: what it is; by default found by looking at it.
        epochs: the epochs that an aggregator is asked for.
        current: the current epoch, where it is known.
        known: what a store knows of an epoch, for an aggregator's answers.
        network_magic: of the network that signatures must be for; ``None`` where none is configured.

    Raises:
        ConfigurationError: the URL is malformed.
    """
    match kind or kind_of(text):
        case "aggregator":
            return AggregatorHttp(text, epochs, known=known, current=current)
        case "mithril":
            return MithrilEvents(text, current=current)
        case "csv":
            return CsvRows(text, current=current, network_magic=network_magic)
        case "lines":
            return JsonLines(text, current=current, network_magic=network_magic)


def kind_of(text: str) -> SourceKind:
    """The kind of source that a text seems to name. A file that cannot be read is reported when it is opened."""
    if text.startswith(("http://", "https://")):
        return "aggregator"
    path = Path(text)
    suffix = path.suffix.lower()
    if suffix in (".sqlite3", ".sqlite", ".db") or (text != "-" and is_database(path)):
        return "mithril"
    return "csv" if suffix == ".csv" else "lines"
