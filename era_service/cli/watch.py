"""``eraswitch watch``: watches the era beside a node, or runs the node with the binary of the era."""

import logging
import signal
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from era_service.cli.shared.arguments import PROVIDER_HELP
from era_service.cli.shared.commands import OUTPUT, command, option, option_group, settings_given
from era_service.cli.shared.context import AppContext
from era_service.cli.shared.exit_codes import era_exit_code
from era_service.cli.shared.key_loading import read_secret_key
from era_service.cli.shared.output import echo_json, printable
from era_service.cli.signals import handled, surviving_signals
from eras import EraSwitchError

if TYPE_CHECKING:
    from chain_reader.node.kinds import Decision
    from era_service.config.schema import Settings
    from era_service.node.hooks import Hook
    from era_service.node.watcher import NodeWatcher

_log = logging.getLogger(__name__)


def _setting(flag: str, setting: str, metavar: str, text: str) -> Any:
    """An option that gives a setting, as a field of a group."""
    return option(flag, metavar=metavar, setting=setting, help=text)


@option_group()
class WatchOptions:
    """How the node is watched, and the node itself.

    The configuration checks the settings that are given here, so they are texts.
    """

    once: bool = option("--once", help="Check once, and exit as status does: 0, 3, 4 or 5.")
    node_id: str | None = _setting("--node-id", "watch.node_id", "ID", "The identity of this node: its party id.")
    poll_interval_s: str | None = _setting(
        "--poll-interval", "watch.poll_interval_s", "SECONDS", "Seconds between two calls to the provider when idle."
    )
    spread_s: str | None = _setting(
        "--spread", "watch.spread_s", "SECONDS", "Seconds over which nodes spread their calls when an epoch begins."
    )
    on_unsupported: str | None = option(
        "--on-unsupported",
        type=click.Choice(["exit", "drain"]),
        setting="watch.on_unsupported",
        help="When the current era is not supported: exit at once, or finish work first. By default "
        "watch.on_unsupported.",
    )
    drain_s: str | None = _setting("--drain", "watch.drain_s", "SECONDS", "With drain: how long that may take.")
    hooks: tuple[str, ...] = option("--hook", metavar="EVENT=FILE", help="Run the executable FILE at EVENT.")
    http: str | None = _setting(
        "--http", "watch.http", "[HOST:]PORT", "Serve the era over HTTP, on this machine only: /era and /wait?epoch=N."
    )
    register_url: str | None = _setting(
        "--register", "watch.register_url", "URL", "Register with this service at every epoch and on change, signed."
    )
    register_key_file: str | None = _setting(
        "--register-key", "watch.register_key_file", "FILE", "The key that the party id is the hash of, mode 0600."
    )
    stake: str | None = _setting(
        "--stake",
        "watch.stake",
        "LOVELACE",
        "The stake that registrations state; by default none, as the service may know it.",
    )
    node_version: str | None = _setting(
        "--node-version", "watch.node_version", "VERSION", "The version of the node that registrations state."
    )
    eras_folder: str | None = _setting(
        "--eras", "watch.eras_folder", "FOLDER", "Switch between the binaries in FOLDER/eras/<era>/bin."
    )
    program: str | None = _setting("--program", "watch.program", "NAME", "The name of the binary in that folder.")
    runs: bool = option("--run", help="Run that binary with ARGUMENTS, stop and start it at a switch.")
    provider: str | None = option(
        "--provider",
        metavar="URL",
        setting="reader.providers",
        section="Network",
        help=PROVIDER_HELP,
    )
    store: str | None = option(
        "--store",
        metavar="URL",
        setting="store.url",
        section="Data",
        help="The store, for what is trusted and the event log.",
    )
    as_json: bool = option("--json", section=OUTPUT, help="Print every decision as a line of JSON.")


@command(example="eraswitch watch --network preview --hook activated=./switched.sh")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def watch(app: AppContext, /, *, how: WatchOptions, arguments: tuple[str, ...]) -> int:
    """Watch the era of a node: warn in time, run hooks, switch binaries, and end when the node must stop.

    Checks at start-up and at every epoch. SIGTERM and Ctrl-C end it with exit code 0, an unsupported current era with
    4, the end of a node that it runs with that node's code. SIGHUP reloads the configuration. SIGUSR1 switches the log
    to debug and back, SIGUSR2 between text and JSON.
    """
    from era_service.node.opening import open_watcher
    from era_service.node.reactions import status_line

    if arguments and not how.runs:
        raise click.UsageError("ARGUMENTS are those of the node: also give --run.")
    if how.once and how.runs:
        raise click.UsageError("--once and --run cannot be combined.")
    given = settings_given(how)
    settings = app.load(given).settings
    own_hooks = [_hook(text) for text in how.hooks]

    def tell(decision: "Decision") -> None:
        if how.as_json:
            echo_json({"kind": str(decision.kind), "epoch": decision.epoch, "facts": decision.facts})

    opening = open_watcher(
        settings, hooks=own_hooks, on_decision=tell, run=list(arguments) if how.runs else None, read_key=read_secret_key
    )
    with opening as watcher:
        if how.once:
            watcher.check()
            if not how.as_json:
                click.echo(printable(status_line(watcher.checker)))
            view = watcher.checker.view
            return era_exit_code(view.token, is_stopped=view.era is None or watcher.vetoed is not None)
        told = _http_face(watcher, settings.watch.http)
        reloading = _reloading(watcher, settings, lambda: app.read(given).settings, own_hooks)
        stopped_by_signals = handled(lambda *_: watcher.stop(), signal.SIGTERM, signal.SIGINT)
        with surviving_signals(reloading), stopped_by_signals, told:
            end = watcher.run()
    if how.as_json:
        echo_json({"kind": "ended", "code": end.code, "reason": end.reason})
    return end.code


def _reloading(
    watcher: "NodeWatcher", settings: "Settings", read: "Callable[[], Settings]", hooks: "list[Hook]"
) -> "Callable[[], None]":
    """The action on SIGHUP: reads the configuration again, and applies it as far as possible, or not at all."""
    from era_service.node.reloading import reload

    holding = [settings]

    def hung_up() -> None:
        try:
            holding[0] = reload(watcher, holding[0], read(), hooks)
        except EraSwitchError as error:
            _log.error("SIGHUP: nothing was changed: %s", error)

    return hung_up


def _http_face(watcher: "NodeWatcher", where: str | None) -> "AbstractContextManager[object]":
    if where is None:
        return nullcontext()
    from era_service.node.http_face import era_face

    return era_face(watcher, where)


def _hook(text: str) -> "Hook":
    from era_service.node.hooks import Hook, HookEvent

    event, separator, path = text.partition("=")
    events = [str(known) for known in HookEvent]
    if not separator or not path or event not in events:
        raise click.BadParameter(
            f"expected EVENT=FILE with an EVENT of {', '.join(events)}, got {text[:80]!r}", param_hint="'--hook'"
        )
    try:
        return Hook(HookEvent(event), Path(path).expanduser())
    except RuntimeError as error:  # as pathlib reports it
        raise click.BadParameter(f"no user has the home folder of {path[:80]!r}", param_hint="'--hook'") from error
