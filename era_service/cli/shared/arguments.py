"""Arguments that several commands take: epochs, keys, and files of datums."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from eras import MAX_EPOCH, ConfigurationError, Epoch, EraSwitchError

if TYPE_CHECKING:
    from datum import VerificationKey

MAX_INPUT_BYTES = 256 * 1024 * 1024
"""A file of datums that is longer is refused: 100,000 outputs of the largest size a transaction can have are less."""

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
store_option = click.option("--store", metavar="URL", help="The store: a path or a URL; by default store.url.")
PROVIDER = "The chain provider: http(s)://… of a Blockfrost API, ws(s)://… of an Ogmios server, or local:FILE"
PROVIDER_HELP = f"{PROVIDER}."
path_type = click.Path(path_type=Path)
PORT, MAGIC = click.IntRange(0, 65535), click.IntRange(0, 2**32 - 1)
CHANCE = click.FloatRange(0, 1, min_open=True)

MAX_WHOLE = 2**63 - 1
"""The largest number that every database can hold."""
MAX_SECONDS = 10**9
"""Longer than any wait; a system refuses to sleep for much more."""


class WholeNumber(click.IntRange):
    """Whole numbers up to ``MAX_WHOLE``, which help does not show."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number that a text writes."""
        found = super().convert(value, param, ctx)
        if not found <= MAX_WHOLE:
            self.fail(f"expected at most {MAX_WHOLE}, got {str(value)[:40]}.", param, ctx)
        return found


class Seconds(click.FloatRange):
    """Seconds up to ``MAX_SECONDS``, which help does not show."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number that a text writes."""
        found = super().convert(value, param, ctx)
        if not found <= MAX_SECONDS:
            self.fail(f"expected at most {MAX_SECONDS}, got {str(value)[:40]}.", param, ctx)
        return found


POSITIVE, NATURAL = WholeNumber(min=1), WholeNumber(min=0)

HALVES = {".sk": "secret", ".vk": "verification"}
"""The endings of the two files of an era key."""


def epoch(text: str) -> Epoch:
    """The epoch that ``text`` writes in decimal digits, as the type of an option; anything else is a usage error."""
    if not (text.isascii() and text.isdigit() and int(text[:21]) <= MAX_EPOCH):
        raise click.BadParameter(f"expected a whole number from 0 to {MAX_EPOCH}, got {text[:40]!r}")
    return Epoch(int(text))


def read_bytes(name: str) -> bytes:
    """The content of a file, or of standard input for ``-``.

    Raises:
        ConfigurationError: it cannot be read, or is longer than ``MAX_INPUT_BYTES``.
    """
    try:
        if name == "-":
            data = sys.stdin.buffer.read(MAX_INPUT_BYTES + 1)
        else:
            with Path(name).open("rb") as file:  # raw: an input, which no connection has open
                data = file.read(MAX_INPUT_BYTES + 1)
    except OSError as error:
        raise _input_file_error(name, error.strerror or type(error).__name__) from error
    if len(data) > MAX_INPUT_BYTES:
        raise _input_file_error(name, f"more than {MAX_INPUT_BYTES} bytes")
    return data


@contextmanager
def naming(name: str | None) -> Iterator[None]:
    """Within the block the errors about the content of a file name it."""
    try:
        yield
    except EraSwitchError as error:
        if name is not None:
            error.name_file("standard input" if name == "-" else name)
        raise


def read_verification_key(text: str) -> "VerificationKey":
    """The key that an argument gives: JSON-hex as Mithril's, plain hex, or ``@FILE`` with either.

    Raises:
        ConfigurationError: the file cannot be read.
        KeyFormatError: it is not a verification key, or by the ending of the file it is the other half.
    """
    from datum import VerificationKey

    require_half(text, ".vk")
    file = file_of(text)
    content = text if file is None else read_text(file)
    with naming(file):
        return VerificationKey.parse(content)


def require_half(text: str, ending: str) -> None:
    """Check that a file is not the other half of a key: both are 32 bytes, so that only its ending shows it.

    Raises:
        KeyFormatError: it is.
    """
    from datum import KeyFormatError

    found = Path(text).suffix if text.startswith("@") else ending
    if found in HALVES and found != ending:
        raise KeyFormatError(
            f"A {HALVES[ending]} key is not usable",
            expected=f"a file that ends in {ending}",
            got=f"{text[1:]}, by its ending a {HALVES[found]} key",
            next_step="Give the other file of the pair",
        )


def file_of(text: str) -> str | None:
    """The file that an argument names as ``@FILE``; ``None`` where it is the value itself."""
    return text[1:] if text.startswith("@") else None


def read_text(name: str, data: bytes | None = None) -> str:
    """The text in a file, or in standard input for ``-``; ``data`` is its content, where that is read already.

    Raises:
        ConfigurationError: it cannot be read, or is not text.
    """
    from datum import text_of

    try:
        return text_of(read_bytes(name) if data is None else data)
    except UnicodeDecodeError:
        # "from None": the exception holds the bytes, which may be a secret.
        raise ConfigurationError(
            "A file cannot be read",
            expected=f"text in {name}",
            got="bytes that are not text",
            next_step="Check the path",
            code="InputFile",
        ) from None


def _input_file_error(name: str, got: str) -> ConfigurationError:
    return ConfigurationError(
        "A file cannot be read",
        expected=f"to read {'standard input' if name == '-' else name}",
        got=got,
        next_step="Check the path and its permissions",
        code="InputFile",
    )
