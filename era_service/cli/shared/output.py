"""The output of commands: JSON documents and text on stdout, files that are whole or not there."""

import contextlib
import json
import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from shutil import get_terminal_size
from textwrap import fill
from typing import Any

import click

from eras import EraSwitchError
from eras.words import visible

_LEAST_INDENT = 4
_QUANTITY = re.compile(r"(\d) (?=(?:ADA|h|epochs?|bytes)\b|%)")
"""A number and its unit, which stay on one line."""
_LABEL = re.compile(r"\s*\S+(?: \S+){0,2} {2,}")
"""The label at the beginning of a line, and the spaces between it and its value."""


def echo_json(document: Any) -> None:
    """Write one JSON document, on one line and in ASCII, to stdout."""
    click.echo(json.dumps(document, separators=(",", ":")))


printable = visible
"""Text from elsewhere as a terminal may have it: on one line, and nothing in it steers the terminal."""


def echo_result(document: Any, lines: Iterable[str], *, as_json: bool) -> None:
    """Write a result to stdout: as one JSON document, or in lines for people."""
    if as_json:
        echo_json(document)
        return
    for line in lines:
        click.echo(printable(line))


def warn(warnings: Iterable[str]) -> None:
    """Write warnings to stderr."""
    for warning in warnings:
        click.echo(f"Warning: {printable(warning)}", err=True)


def table_lines(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The lines of a table whose columns are as wide as their widest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()


def terminal_width(*, err: bool = False) -> int | None:
    """The columns of the terminal that stdout (or stderr) is; ``None`` where it is a file or a pipe."""
    return get_terminal_size().columns if (sys.stderr if err else sys.stdout).isatty() else None


def echo_wrapped(line: str, *, indent: int) -> None:
    """Write a line to stdout; one that is wider than the terminal continues below, ``indent`` columns in.

    Where a word does not fit there, it continues further left. Into a file or a pipe every line stays one line.
    """
    width = terminal_width()
    click.echo(line if width is None or len(line) <= width else _wrapped(line, indent, width))


def echo_lines(lines: Iterable[str], *, err: bool = False) -> None:
    """Write lines; one wider than the terminal continues below, in the column of its value if it has a label."""
    width = terminal_width(err=err)
    for line in lines:
        shown = line
        if width is not None and len(line) > width:
            label = _LABEL.match(line)
            indent = len(line) - len(line.lstrip()) + 2 if label is None else label.end()
            shown = _wrapped(line, indent, width)
        click.echo(shown, err=err)


def _wrapped(line: str, indent: int, width: int) -> str:
    if width <= 2 * indent:
        return line
    longest = max(map(len, line.split()))
    indent = indent if indent + longest <= width else max(0, min(_LEAST_INDENT, width - longest))
    whole = _QUANTITY.sub("\\1\N{NO-BREAK SPACE}", line)
    shown = fill(whole, width, subsequent_indent=" " * indent, break_on_hyphens=False, break_long_words=False)
    return shown.replace("\N{NO-BREAK SPACE}", " ")


def _keep_owner(descriptor: int, before: os.stat_result) -> None:
    """Give a new file the owner and the permissions of the one that it replaces, before anything is in it."""
    made = os.fstat(descriptor)
    if (made.st_uid, made.st_gid) != (before.st_uid, before.st_gid):
        os.fchown(descriptor, before.st_uid, before.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(before.st_mode))


def write_file(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole, or stays as it was; its owner and its permissions stay, too.

    A link is followed; what is not a regular file (``/dev/stdout``, a pipe) is written to as it is.

    Raises:
        EraSwitchError: it cannot be written.
    """
    try:
        target = path.resolve()
        temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        if path.exists() and not path.is_file():
            path.write_bytes(content)
            return
        try:
            before = target.stat() if target.exists() else None
            with temporary.open("xb") as file:
                if before is not None:
                    _keep_owner(file.fileno(), before)
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
        finally:
            with contextlib.suppress(FileNotFoundError):
                temporary.unlink()
    except (OSError, RuntimeError) as error:  # a RuntimeError: a symbolic link that leads back to itself
        raise EraSwitchError(
            "A file could not be written",
            expected=f"to write {path}",
            got=getattr(error, "strerror", None) or f"{error}",
            next_step="Choose a target in an existing folder that is writable",
            code="Output",
        ) from error
