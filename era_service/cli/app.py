"""The root of the command line: the commands, loaded when they are called, the global options, and how a command ends.

The global options may stand before or after the command. Commands are click commands named in ``COMMANDS``; one
that takes the ``AppContext`` has the settings.

Every way a command can end becomes a message and an exit code. Our own errors become their message on stderr and the
exit code of their class (with ``--json`` the error is a JSON document on stdout too); usage errors, and a path that the
system refuses, 2; Ctrl-C 130; SIGTERM 143 and SIGHUP 129, after clean-up; anything else is a bug, reported in one line,
with the traceback under ``--debug``. A closed pipe on standard output ends the command silently with 1, as click does.
"""

import errno
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import click
from click.shell_completion import get_completion_class

from era_service.cli.shared.commands import command
from era_service.cli.shared.context import AppContext
from era_service.cli.shared.groups import LazyGroup, global_options
from era_service.cli.shared.output import echo_json, printable
from era_service.cli.shared.passphrases import is_interactive
from era_store.installation import install_command
from eras import ConfigurationError, EraSwitchError, __version__

COMMANDS = {
    "init": (".init", "Set up this folder: keys, and a configuration that names them"),
    "demo": (".demo", "Watch a network switch eras on a local chain, each step verified"),
    "status": (".status", "Show the current and the upcoming era, what is trusted and why"),
    "era": (".command_groups", "Create keys and datums, as Mithril's aggregator does"),
    "protocol-configuration": (
        ".protocol_configuration",
        "Export and import protocol configurations, as Mithril's aggregator does",
    ),
    "datum": (".datum", "Verify and decode the datums of era markers, without a chain"),
    "marker": (".command_groups", "Publish era markers, and show the published ones"),
    "tx": (".tx", "Build, sign and submit a marker transaction, on separate machines if needed"),
    "adoption": (".command_groups", "See which share of the stake is ready for an era, before it is activated"),
    "rollout": (".command_groups", "Plan a rollout in a file, follow its progress, and do it step by step"),
    "serve": (".serve", "Serve the eras over HTTP: to nodes, to dashboards, to caches"),
    "watch": (
        ".watch",
        "Watch the era of a node: warn in time, run hooks, switch binaries, and end when the node must stop",
    ),
    "sync": (
        ".sync",
        "Copy the verified marker history from a leader, so that this machine can serve it without a chain provider",
    ),
    "events": (".command_groups", "Show, check and move the event log: every input, and every decision"),
    "webhooks": (
        ".webhooks",
        "Create secrets for webhooks of the service, test them, and list what waits and what failed",
    ),
    "token": (".token", "Create, list and revoke the API tokens of the service"),
    "db": (".db", "Maintain the store of what is trusted and of events"),
    "rehearse": (".rehearse", "Rehearse a rollout with thousands of nodes, by the rules of a real chain"),
    "local-chain": (".local_chain", "Run and control a rehearsal chain in one file"),
    "keys": (".keys", "Create and import keys, and show their public parts"),
    "config": (".config", "Show and check the configuration, and list its settings"),
    "doctor": (".doctor", "Check what could go wrong in a rollout, and show what to do about it"),
    "completion": (".app", "Print a script that completes eraswitch's commands in SHELL"),
}
"""Name → where the command is, and its line in the help of the group, in the order of that help."""

PARTS = dict.fromkeys(("status", "watch", "era", "datum", "config"), "watch") | {
    "serve": "service",
    "webhooks": "service",
}
"""Name → the part of eraswitch that the command needs; for all others it is ``tools``."""

INTERRUPTED = 130
OWN_PACKAGES = ("eras", "datum", "era_store", "chain_reader", "release_tools", "era_service", "eraswitch")


class RootGroup(LazyGroup):
    """Turns every way it can end into an exit code."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command line; the exit code is returned, or with ``standalone_mode`` handed to the shell.

        Nothing but ``SystemExit`` leaves this function.
        """
        arguments = list(sys.argv[1:] if args is None else args)
        app = AppContext()
        try:
            with _ending_like_an_error():
                result = super().main(
                    arguments, prog_name or "eraswitch", complete_var, standalone_mode=False, obj=app, **extra
                )
            code = result if type(result) is int else 0
        except (Exception, KeyboardInterrupt) as error:
            reported = error
            if isinstance(error, ModuleNotFoundError):
                reported = _missing(
                    error, next((PARTS.get(one, "tools") for one in arguments if one in COMMANDS), None)
                )
            elif isinstance(error, UnicodeEncodeError) and (wrong := next(filter(_is_no_text, arguments), None)):
                reported = click.UsageError(f"An argument is not UTF-8 text: {wrong[:80]!r}.")
            code = _ended_by(reported, json="--json" in arguments, debug=app.debug or "--debug" in arguments)
        if standalone_mode:
            sys.exit(code)
        return code


@click.group(
    "eraswitch",
    cls=RootGroup,
    lazy=COMMANDS,
    package="era_service.cli",
    params=global_options(),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="eraswitch", message="%(prog)s %(version)s")
def cli() -> None:
    """Era switches for decentralised networks on Cardano: signed on-chain markers, one epoch, no coordinator."""


@command(example="eraswitch completion bash")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print a script that completes eraswitch's commands in SHELL.

    For bash, add to ~/.bashrc: source <(eraswitch completion bash)
    """
    script = get_completion_class(shell)
    if script is None:
        raise click.UsageError(f"click has no completion for {shell}")
    root = context.find_root().command
    click.echo(script(root, {}, "eraswitch", "_ERASWITCH_COMPLETE").source())


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
    if is_interactive():
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
        case OSError(filename=str() | bytes()):
            code = _report(_inaccessible(error), json=json, debug=debug)
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


def _is_no_text(argument: str) -> bool:
    """Whether an argument is of bytes that are not UTF-8; a path may be, other arguments may not."""
    return any("\udc80" <= character <= "\udcff" for character in argument)


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
    """The error for standard output that cannot be written; the buffered rest is discarded."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # raw: the null device, never a database
    return EraSwitchError(
        "The output could not be written",
        expected="room for it",
        got=error.strerror,
        next_step="Make room, or redirect the output elsewhere",
        code="Output",
    )


def _inaccessible(error: OSError) -> EraSwitchError:
    """The error for a path that the system refuses: in a folder of another user, or with too long a name."""
    return ConfigurationError(
        "A path cannot be used",
        expected=f"access to {os.fsdecode(error.filename)}",
        got=error.strerror,
        next_step="Check the path and its permissions",
        code="InputFile",
    )


def _bug(error: BaseException, *, json: bool, debug: bool) -> int:
    """Report a bug by type and place only: the text of a foreign error may hold a secret."""
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
