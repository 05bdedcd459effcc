"""Writes the thread token into a configuration file, below ``[trust]``, so that comments and layout stay.

In: the file, and the token. Out: its text with one more line, or an error; never a text with other settings changed.
"""

import os
import re
import stat
import tomllib
from pathlib import Path

from datum.foreign_text import toml_problem
from eras import ConfigurationError

_HEADER = re.compile(r"^([ \t]*)\[[ \t]*trust[ \t]*\][ \t]*(?:#[^\r\n]*)?(?=\r?$)", re.MULTILINE)


def token_line(token: str) -> str:
    """Return the line that sets the token.

    Args:
        token: ``<policy id>.<asset name>``, both in hex.
    """
    return f'thread_token = "{token}"'


def require_place(file: Path | None) -> Path:
    """Return the configuration file in use, after a check that it can be changed.

    Raises:
        ConfigurationError: there is no file, or it is read-only.
    """
    if file is None:
        raise ConfigurationError(
            "There is no configuration file to write the thread token into",
            code="TokenLine",
            expected="eraswitch.toml in this folder, or the file that --config names",
            got="none",
            next_step="Create one (eraswitch init), or leave out --write: the line is printed",
        )
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
    except OSError as error:
        raise _token_error(file, "a file that can be read", error.strerror or "an error") from error
    if not mode & 0o222 or not os.access(file, os.W_OK):
        raise _token_error(file, "a file that can be written", f"a read-only one (mode {mode:04o})")
    return file


def with_token(file: Path, token: str, instead_of: str | None = None) -> str:
    """Return the text of a configuration file with ``trust.thread_token`` set, and nothing else changed.

    Args:
        file: the file.
        token: ``<policy id>.<asset name>``, both in hex.
        instead_of: the configured token that this one replaces.

    Raises:
        ConfigurationError: it has another token, there is no safe place for the line, or it cannot be read.
    """
    try:
        text = file.read_bytes().decode()
        document = tomllib.loads(text)
    except OSError as error:
        raise _token_error(file, "a file that can be read", error.strerror or "an error") from error
    except (ValueError, RecursionError) as error:
        raise _token_error(file, "TOML", toml_problem(error)) from error
    trust = document.get("trust", {})
    if not isinstance(trust, dict):
        raise _token_error(file, "a table [trust]", "a value")
    before = trust.get("thread_token")
    if before is not None and str(before).strip().lower() == token:
        return text
    if before is not None and str(before).strip().lower() != instead_of:
        raise _token_error(file, f"no thread_token, or {token}", f"{before!r}"[:150])
    newline = "\r\n" if "\r\n" in text else "\n"
    header = _HEADER.search(text)
    if before is not None:
        changed = text.replace(str(before), token)
    elif header is None:
        gap = "" if not text else newline if text.endswith("\n") else newline * 2
        changed = f"{text}{gap}[trust]{newline}{token_line(token)}{newline}"
    else:
        changed = f"{text[: header.end()]}{newline}{header[1]}{token_line(token)}{text[header.end() :]}"
    try:
        meant = tomllib.loads(changed) == document | {"trust": trust | {"thread_token": token}}
    except ValueError:
        meant = False
    if not meant:
        raise _token_error(
            file, "the settings of trust below one line [trust]", "a form that one more line would break"
        )
    return changed


def _token_error(file: Path, expected: str, got: str) -> ConfigurationError:
    return ConfigurationError(
        f"The thread token cannot be written into {file}",
        code="TokenLine",
        expected=expected,
        got=got,
        next_step=f"Correct {file}; or put the line there yourself: eraswitch marker show prints the token",
        file=str(file),
    )
