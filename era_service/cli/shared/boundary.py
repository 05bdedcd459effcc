"""The boundary between commands and the shell: every way a command can end becomes a message and an exit code.

Our own errors become their message on stderr and the exit code of their class (with ``--json`` the error is a JSON
document on stdout too); usage errors 2; Ctrl-C 130; SIGTERM 143 and SIGHUP 129, after what was begun is cleaned up;
anything else is a bug of ours, said in one line, with the traceback under ``--debug``. A reader of our
output that went away ends the command silently with 1: click sees to it.
"""

import errno
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import click

from era_service.cli.shared.output import echo_json, printable
from era_store.installation import install_command
from eras import ConfigurationError, EraSwitchError

INTERRUPTED = 130
OWN_PACKAGES = ("eras", "datum", "era_store", "chain_reader", "release_tools", "era_service", "eraswitch")


def run_guarded(
    run: Callable[[], Any], *, json: bool, debug: Callable[[], bool], part: Callable[[], str | None] = lambda: None
) -> int:
    """Run a command line and return its exit code; nothing but ``SystemExit`` leaves this function.

    Args:
        run: what to run; an integer it returns is the exit code.
        json: whether errors are a JSON document on stdout too.
        debug: asked after a failure, whether the traceback is wanted.
        part: asked where a package is missing, which part of eraswitch the command needs.
    """
    try:
        with _ending_like_an_error():
            result = run()
    except (Exception, KeyboardInterrupt) as error:
        reported = _missing(error, part()) if isinstance(error, ModuleNotFoundError) else error
        return _ended_by(reported, json=json, debug=debug())
    return result if type(result) is int else 0


@contextmanager
def _ending_like_an_error() -> Iterator[None]:
    """Let a signal that ends the process unwind it, so that drafts and temporary folders, some with keys, go too."""

    def end(number: int, _frame: object) -> NoReturn:
        sys.exit(128 + number)

    in_main = threading.current_thread() is threading.main_thread()
    asked = (signal.SIGTERM, signal.SIGHUP) if in_main else ()
    taken = [number for number in asked if signal.getsignal(number) is signal.SIG_DFL]
    for number in taken:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


def _aborted() -> str:
    """The message when the answer was not yes; where nobody can be asked, the question still stands on the line."""
    if sys.stdin is not None and sys.stdin.isatty():
        return "Aborted: nothing was done"
    return "\nAborted: nothing was done, no confirmation was given. In a script add --yes"


def _ended_by(error: BaseException, *, json: bool, debug: bool) -> int:
    match error:
        case EraSwitchError():
            code = _report(error, json=json, debug=debug)
        case click.ClickException():
            code = _usage(error, json=json)
        case click.exceptions.Exit():
            code = error.exit_code
        case click.Abort() | KeyboardInterrupt():
            # click turns Ctrl-C into Abort; so is an answer other than yes, or no one there to give one.
            interrupted = isinstance(error, KeyboardInterrupt) or isinstance(error.__cause__, KeyboardInterrupt)
            click.echo("Interrupted" if interrupted else _aborted(), err=True)
            code = INTERRUPTED if interrupted else 1
        case OSError(errno=errno.ENOSPC | errno.EDQUOT | errno.EIO):
            code = _report(_unwritten(error), json=False, debug=debug)
        case _:
            code = _bug(error, json=json, debug=debug)
    return code


def _missing(error: ModuleNotFoundError, part: str | None) -> Exception:
    package = (error.name or "").partition(".")[0]
    if not package or package in OWN_PACKAGES:
        return error
    return ConfigurationError(
        "A package that this command needs is not installed",
        code="MissingPackage",
        expected=f"the package {package!r}",
        next_step=f"Install it: {install_command(package, part)}",
    )


def _report(error: EraSwitchError, *, json: bool, debug: bool) -> int:
    if debug:
        traceback.print_exception(error)
    click.echo(f"Error: {error.message(printable)}", err=True)
    if json:
        echo_json({"error": error.to_dict()})
    return error.exit_code


def _usage(error: click.ClickException, *, json: bool) -> int:
    error.show()
    if json:
        echo_json({"error": {"code": "Usage", "message": error.format_message()}})
    return error.exit_code


def _unwritten(error: OSError) -> EraSwitchError:
    """Standard output takes no more. What is still buffered goes nowhere, so that Python's own last flush is quiet."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return EraSwitchError(
        "The output could not be written",
        expected="room for it",
        got=error.strerror,
        next_step="Make room, or redirect the output elsewhere",
        code="Output",
    )


def _bug(error: BaseException, *, json: bool, debug: bool) -> int:
    """The message names type and place only: the text of a foreign error may hold a secret."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if set(Path(frame.filename).parts) & set(OWN_PACKAGES)]
    place = f" at {Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else ""
    message = f"A bug in eraswitch: an unexpected {type(error).__name__}{place}"
    if debug:
        traceback.print_exception(error)
    hint = "Report it with the traceback above" if debug else "Run it again with --debug and report the traceback"
    click.echo(f"Error: {message}. {hint}", err=True)
    if json:
        echo_json({"error": {"code": "Unexpected", "message": message}})
    return 1
