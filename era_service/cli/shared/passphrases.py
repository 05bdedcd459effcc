"""Passphrases of encrypted keys: from a terminal, a file descriptor or a file, never from an argument.

A passphrase that was given opens every encrypted key of a command; a terminal is asked for each. What Python hands to
libsodium cannot be wiped (docs/keys.md), so it is kept for one command, and no core dump is written of it.
"""

import ctypes
import resource
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from era_service.cli.shared.commands import option, option_group
from era_service.cli.shared.context import AppContext
from eras import ConfigurationError

if TYPE_CHECKING:
    from release_tools.keys.encrypted import EncryptedKey

_MAX_BYTES = 4096
_TRIES = 3
_PR_SET_DUMPABLE = 4

GivenBy = tuple[int | None, Path | None]
"""A file descriptor, and a file; at most one of them."""


def passphrase_options(prefix: str = "", *, of: str = "of encrypted keys", **shared: Any) -> list[click.Option]:
    """``--passphrase-fd`` and ``--passphrase-file``, with a word before them."""
    return [
        click.Option(
            [f"--{prefix}passphrase-fd"],
            metavar="N",
            type=click.IntRange(0, 2**31 - 1),
            help=f"Read the passphrase {of} from this file descriptor.",
            **shared,
        ),
        click.Option(
            [f"--{prefix}passphrase-file"],
            metavar="FILE",
            type=click.Path(path_type=Path),
            help=f"Read the passphrase {of} from FILE, which only its owner can read.",
            **shared,
        ),
    ]


@option_group("Keys")
class EncryptOptions:
    """Whether new keys are encrypted."""

    encrypts: bool = option("--encrypt", help="Encrypt new keys with a passphrase, as a passphrase option implies.")


def is_interactive() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty()


def unlock(key: "EncryptedKey") -> bytes:
    """The secret in an encrypted key.

    Raises:
        WrongPassphraseError: the passphrase is another one.
        ConfigurationError: there is none, and nobody to ask; or the file is damaged.
    """
    from release_tools.keys.encrypted import WrongPassphraseError

    given = given_passphrase()
    if given is not None:
        return key.open(given)
    require_somebody(f"The {key.kind} key {key.source} is encrypted")
    for _ in range(_TRIES - 1):
        try:
            return key.open(asked_passphrase(f"Passphrase of {key.source}"))
        except WrongPassphraseError:
            click.echo("That is not the passphrase. Try again", err=True)
    return key.open(asked_passphrase(f"Passphrase of {key.source}"))


def given_passphrase() -> bytes | None:
    """The passphrase that ``--passphrase-fd`` or ``--passphrase-file`` gives, read once; ``None`` without them.

    Raises:
        ConfigurationError: it cannot be read.
    """
    app = AppContext.current()
    if app is None:
        return None
    if app.passphrase is None:
        app.passphrase = read_passphrase((app.passphrase_fd, app.passphrase_file), "--passphrase")
    return app.passphrase


def new_passphrase(given: bytes | None, what: str) -> bytes:
    """The passphrase to encrypt with: the one that was given, or one that a terminal is asked for twice.

    Raises:
        ConfigurationError: there is none, and nobody to ask.
    """
    if given is None:
        require_somebody(f"A passphrase is needed to encrypt {what}")
        while not (given := asked_passphrase(f"New passphrase of {what}", twice=True)):
            click.echo("It is empty. Choose another one", err=True)
    return given


def passphrase_of_new_keys(what: str, *, encrypts: bool) -> bytes | None:
    """The passphrase that new keys are encrypted with: the given one, or one that is asked for; ``None`` for plain.

    Raises:
        ConfigurationError: there is none, and nobody to ask.
    """
    without_core_dumps()
    given = given_passphrase()
    return new_passphrase(given, what) if encrypts else given


def read_passphrase(given: GivenBy, option: str) -> bytes | None:
    """The first passphrase in a descriptor or file, less a newline at its end; ``None`` where neither is given.

    Raises:
        ConfigurationError: it cannot be read, is empty, or others can read the file.
    """
    from release_tools.keys.encrypted import passphrase_bytes

    descriptor, path = given
    place = path if descriptor is None else descriptor
    if place is None:
        return None
    if descriptor is not None and path is not None:
        raise click.UsageError(f"{option}-fd and {option}-file cannot be combined.")
    where = f"file descriptor {descriptor}" if path is None else str(path)
    try:
        if path is not None and path.stat().st_mode & 0o077:
            raise _passphrase_error(
                where, "readable by its owner only", f"mode {path.stat().st_mode & 0o777:o}", f"chmod 600 {path}"
            )
        with open(place, "rb", buffering=0) as file:  # noqa: PTH123 - a descriptor
            content = _whole(file.read)
    except OSError as error:
        raise _passphrase_error(where, "readable", error.strerror or type(error).__name__) from error
    try:
        text = bytes(content).decode()
    except UnicodeDecodeError:
        # "from None": the exception holds the passphrase
        raise _passphrase_error(where, "UTF-8 text", "other bytes") from None
    finally:
        content[:] = bytes(len(content))
    text = text.removesuffix("\n").removesuffix("\r")
    if not text or "\n" in text or len(text) > _MAX_BYTES:
        raise _passphrase_error(where, f"one line of at most {_MAX_BYTES} bytes", "more" if text else "nothing")
    return passphrase_bytes(text)


def _whole(read: Callable[[int], bytes]) -> bytearray:
    content = bytearray()
    while len(content) <= _MAX_BYTES and (part := read(_MAX_BYTES)):
        content += part
    return content


def without_core_dumps() -> None:
    """Keep secrets out of core dumps from now on; programs that are started keep what they had.

    On Linux by an attribute that no program that is started inherits, and that counts, other than the limit, where
    the system pipes dumps to a program. Elsewhere by the limit.
    """
    with suppress(OSError, ValueError, AttributeError):  # where that is forbidden, dumps are the system's business
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
        else:
            resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def require_somebody(what: str) -> None:
    """Check that somebody can be asked for a passphrase.

    Raises:
        ConfigurationError: nobody can.
    """
    if not is_interactive():
        raise ConfigurationError(
            what,
            expected="a passphrase, from a terminal, --passphrase-file or --passphrase-fd",
            got="none, and no terminal to ask",
            next_step="Give --passphrase-file FILE (mode 0600)",
            code="Passphrase",
        )


def asked_passphrase(words: str, *, twice: bool = False) -> bytes:
    """A passphrase that a terminal is asked for, unseen."""
    from release_tools.keys.encrypted import passphrase_bytes

    again = "Once more" if twice else False
    asked = click.prompt(
        words, hide_input=True, err=True, default="", show_default=False, confirmation_prompt=again, type=str
    )
    return passphrase_bytes(asked)


def _passphrase_error(where: str, expected: str, got: str, command: str | None = None) -> ConfigurationError:
    return ConfigurationError(
        f"The passphrase in {where} is not usable",
        expected=f"it to be {expected}" if command else expected,
        got=got,
        next_step=f"Run: {command}" if command else "Put the passphrase, and nothing else, into it",
        code="Passphrase",
    )
