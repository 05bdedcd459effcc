"""``eraswitch watch``: watches the era of a node beside it, or runs the node itself on the binary of the era."""

import logging
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from era_service.cli.shared.commands import SectionedCommand
from era_service.cli.shared.context import AppContext, pass_app
from era_service.cli.shared.key_loading import read_secret_key
from era_service.cli.shared.output import echo_json, printable
from era_service.cli.signals import surviving_signals
from eras import EraSwitchError

if TYPE_CHECKING:
    from chain_reader.node.kinds import Decision
    from era_service.config.schema import Settings
    from era_service.node.hooks import Hook
    from era_service.node.watcher import NodeWatcher

_log = logging.getLogger(__name__)

NOTHING_TRUSTED, CURRENT_UNSUPPORTED, UPCOMING_UNSUPPORTED = 5, 4, 3
FLAGS = {
    "provider": ("reader.providers", "--provider"),
    "store": ("store.url", "--store"),
    "node_id": ("watch.node_id", "--node-id"),
    "poll_interval_s": ("watch.poll_interval_s", "--poll-interval"),
    "spread_s": ("watch.spread_s", "--spread"),
    "on_unsupported": ("watch.on_unsupported", "--on-unsupported"),
    "drain_s": ("watch.drain_s", "--drain"),
    "http": ("watch.http", "--http"),
    "register_url": ("watch.register_url", "--register"),
    "register_key_file": ("watch.register_key_file", "--register-key"),
    "stake": ("watch.stake", "--stake"),
    "node_version": ("watch.node_version", "--node-version"),
    "eras_folder": ("watch.eras_folder", "--eras"),
    "program": ("watch.program", "--program"),
}
"""Option → the setting that it gives."""


@click.command(cls=SectionedCommand, example="eraswitch watch --network preview --hook activated=./switched.sh")
@click.option("--once", is_flag=True, help="Check once, and exit as status does: 0, 3, 4 or 5.")
@click.option(
    "--provider",
    metavar="URL",
    help="Read here: http(s)://… of a Blockfrost API, ws(s)://… of an Ogmios server, or local:FILE.",
)
@click.option("--store", metavar="URL", help="The store, for what is trusted and the event log.")
@click.option("--node-id", metavar="ID", help="The identity of this node: its party id.")
@click.option(
    "--poll-interval", "poll_interval_s", metavar="SECONDS", help="Seconds between two calls to the provider when idle."
)
@click.option(
    "--spread", "spread_s", metavar="SECONDS", help="Seconds over which nodes spread their calls when an epoch begins."
)
@click.option(
    "--on-unsupported",
    type=click.Choice(["exit", "drain"]),
    help="When the current era is not supported: exit at once (the default), or finish work first.",
)
@click.option("--drain", "drain_s", metavar="SECONDS", help="With drain: how long that may take.")
@click.option(
    "--hook", "hooks", metavar="EVENT=FILE", multiple=True, help="Run the executable FILE at EVENT; can be repeated."
)
@click.option(
    "--http", metavar="[HOST:]PORT", help="Serve the era over HTTP, on this machine only: /era and /wait?epoch=N."
)
@click.option(
    "--register", "register_url", metavar="URL", help="Register with this service at every epoch and on change, signed."
)
@click.option(
    "--register-key", "register_key_file", metavar="FILE", help="The key that the party id is the hash of, mode 0600."
)
@click.option(
    "--stake",
    metavar="LOVELACE",
    help="The stake that registrations state; by default none, as the service may know it.",
)
@click.option("--node-version", metavar="VERSION", help="The version of the node that registrations state.")
@click.option("--eras", "eras_folder", metavar="FOLDER", help="Switch between the binaries in FOLDER/eras/<era>/bin.")
@click.option("--program", metavar="NAME", help="The name of the binary in that folder.")
@click.option("--run", "runs", is_flag=True, help="Run that binary with ARGUMENTS, stop and start it at a switch.")
@click.option("--json", "as_json", is_flag=True, help="Print every decision as a line of JSON.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@pass_app
def watch(
    app: AppContext, /, *, once: bool, hooks: tuple[str, ...], runs: bool, as_json: bool, arguments: Any, **given: Any
) -> int:
    """Watch the era of a node: warn in time, run hooks, switch binaries, and end when the node must stop.

    Checks at start-up and at every epoch. SIGTERM and Ctrl-C end it with exit code 0, an unsupported current era with
    4, the end of a node that it runs with that node's code. SIGHUP reloads the configuration. SIGUSR1 switches the log
    to debug and back, SIGUSR2 between text and JSON.
    """
    from era_service.node.opening import open_watcher
    from era_service.node.reactions import status_line

    if arguments and not runs:
        raise click.UsageError("ARGUMENTS are those of the node: also give --run.")
    if once and runs:
        raise click.UsageError("--once and --run cannot be combined.")
    flags = {FLAGS[name]: value for name, value in given.items() if value is not None}
    named = {key: (value, flag) for (key, flag), value in flags.items()}
    settings = app.load(named).settings
    own_hooks = [_hook(text) for text in hooks]

    def tell(decision: "Decision") -> None:
        facts = {"kind": str(decision.kind), "epoch": decision.epoch, "facts": decision.facts}
        if as_json:
            echo_json(facts)

    opening = open_watcher(
        settings,
        hooks=own_hooks,
        on_decision=tell,
        run=list(arguments) if runs else None,
        read_key=read_secret_key,
    )
    with opening as watcher:
        if once:
            watcher.check()
            if not as_json:
                click.echo(printable(status_line(watcher.checker)))
            return _code(watcher)
        told = _told_over_http(watcher, settings.watch.http)
        reloading = _reloading(watcher, settings, lambda: app.read(named).settings, own_hooks)
        with surviving_signals(reloading), _stopped_by_signals(watcher), told:
            end = watcher.run()
    if as_json:
        echo_json({"kind": "ended", "code": end.code, "reason": end.reason})
    return end.code


def _reloading(
    watcher: "NodeWatcher", settings: "Settings", read: "Callable[[], Settings]", hooks: "list[Hook]"
) -> "Callable[[], None]":
    """Reloads on SIGHUP: the configuration is read again, and what can change does, or nothing."""
    from era_service.node.reloading import reload

    holding = [settings]

    def hung_up() -> None:
        try:
            holding[0] = reload(watcher, holding[0], read(), hooks)
        except EraSwitchError as error:
            _log.error("SIGHUP: nothing was changed: %s", error)

    return hung_up


def _told_over_http(watcher: "NodeWatcher", where: str | None) -> "AbstractContextManager[object]":
    if where is None:
        return nullcontext()
    from era_service.node.http_face import era_face

    return era_face(watcher, where)


@contextmanager
def _stopped_by_signals(watcher: "NodeWatcher") -> Iterator[None]:
    """SIGTERM and SIGINT end the watcher, which then ends as it always does."""
    before = {number: signal.signal(number, lambda *_: watcher.stop()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _code(watcher: "NodeWatcher") -> int:
    """The exit code of one check, as that of ``status``."""
    token = watcher.checker.view.token
    if token is None:
        return NOTHING_TRUSTED
    if watcher.checker.view.era is None or watcher.vetoed is not None:
        return CURRENT_UNSUPPORTED
    return UPCOMING_UNSUPPORTED if token.upcoming_supported is False else 0


def _hook(text: str) -> "Hook":
    from era_service.node.hooks import Hook, HookEvent

    event, separator, path = text.partition("=")
    events = [str(known) for known in HookEvent]
    if not separator or not path or event not in events:
        raise click.BadParameter(
            f"expected EVENT=FILE with an EVENT of {', '.join(events)}, got {text[:80]!r}", param_hint="'--hook'"
        )
    return Hook(HookEvent(event), Path(path).expanduser())
