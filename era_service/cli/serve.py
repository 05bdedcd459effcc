"""``eraswitch serve``: the HTTP service, in the foreground."""

import logging
import math
import signal
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import TYPE_CHECKING

import click

from era_service.cli.shared.arguments import PORT
from era_service.cli.shared.commands import OUTPUT, command, option, option_group, settings_given
from era_service.cli.shared.context import AppContext
from era_service.cli.shared.output import echo_json
from era_service.cli.signals import handled, surviving_signals
from era_service.config.schema import ServiceSettings, Settings
from era_service.demo.living import LivingRehearsal
from era_service.logs import bind_era, configure_logging
from era_service.service.place import is_embedded
from era_service.status.reader import require_source
from era_service.wiring.leader import require_follower
from eras import ConfigurationError, EraSwitchError

if TYPE_CHECKING:
    from era_service.web import Service

_log = logging.getLogger(__name__)

DRAIN_S = 10
IDLE_S, PROXY_IDLE_S = 5, 75
"""Seconds for which an idle connection is kept. A proxy keeps some for a minute: if they were closed earlier, it would
sometimes send a request into a connection that is just closing, and answer with an error of its own."""

EMBEDDED_POLL_S = 1.0


@option_group("Network")
class ListeningOptions:
    """The address to listen on and how it is printed, TLS, and write access."""

    host: str | None = option(
        "--host",
        setting="service.host",
        metavar="ADDRESS",
        help="The address to listen on; by default this machine only.",
    )
    port: int | None = option(
        "--port", setting="service.port", metavar="PORT", type=PORT, help="The port; 0 picks a free one."
    )
    tls_cert: Path | None = option(
        "--tls-cert", setting="service.tls_cert", help="Certificate chain (PEM): serve over TLS."
    )
    tls_key: Path | None = option("--tls-key", setting="service.tls_key", help="The certificate's key (PEM), 0600.")
    public: bool | None = option(
        "--public", setting="service.public", help="Read only: nothing can be written over HTTP."
    )
    as_json: bool = option("--json", section=OUTPUT, help="Print the address it serves at, as JSON.")


@option_group("Data")
class ServedOptions:
    """The source of what is served."""

    provider: str | None = option("--provider", setting="reader.providers", metavar="URL", help="Read the chain here.")
    follow: str | None = option(
        "--follow", setting="follower.leader", metavar="URL", help="Read no chain; follow the service of a leader."
    )
    with_registrations: bool | None = option(
        "--with-registrations", setting="follower.registrations", help="Take the leader's registrations too."
    )
    store: str | None = option(
        "--store",
        setting="store.url",
        metavar="URL",
        help="The store: the path of a SQLite file, or the URL of a database.",
    )
    poll_interval_s: float | None = option(
        "--poll", setting="service.poll_interval_s", metavar="SECONDS", type=float, help="Seconds between two readings."
    )


@command(example="eraswitch serve --network preview --store eraswitch.sqlite3 --port 8000")
def serve(app: AppContext, *, at: ListeningOptions, data: ServedOptions) -> None:
    """Serve the eras over HTTP: to nodes, to dashboards, to caches.

    Without a configured network it shows a live rehearsal, marked as such on every page. It ends on SIGTERM or Ctrl-C,
    after the requests in progress; on SIGTERM, service.shutdown_delay_s after /health/ready has begun to fail. SIGHUP
    reloads the configuration and the certificate. SIGUSR1 switches the log to debug and back, SIGUSR2 between text and
    JSON.
    """
    from era_service.service.follower_loop import following_registrations
    from era_service.web import Service

    given = settings_given(at, data)
    settings = app.load(given).settings
    if settings.service.tls_key is not None and settings.service.tls_cert is None:
        raise ConfigurationError(
            "There is a key for TLS, but no certificate",
            code="Tls",
            expected="service.tls_cert (--tls-cert) beside service.tls_key",
            got="the key alone",
            next_step="Name the certificate, or leave the key out to serve without TLS",
        )
    if settings.follower.leader is not None:
        require_follower(settings)
    embedded = is_embedded(settings)
    if not embedded:
        require_source(settings)
    elif settings.reader.providers:
        raise ConfigurationError(
            "A provider is named, but no network to read there",
            expected="--network NAME, or network.era_address and network.verification_key",
            got="neither",
            next_step="Name the network, or leave the provider out to look at a rehearsal",
            code="NetworkNeeded",
        )
    running: list[Server] = []

    def hung_up() -> None:
        if not running:
            _log.warning("SIGHUP: the service is still starting; send it again once it serves")
            return
        try:
            running[0].reload(app.read(given).settings)
        except EraSwitchError as error:
            _log.error("SIGHUP: nothing was changed: %s", error)

    with ExitStack() as open_now:
        open_now.enter_context(surviving_signals(hung_up))
        listener = open_now.enter_context(_listening(settings.service))  # first: all else is in vain without it
        rehearsal = open_now.enter_context(_rehearsal(settings)) if embedded else None
        if rehearsal is not None:
            given |= rehearsal.flags
            if data.poll_interval_s is None:
                given["service.poll_interval_s"] = (EMBEDDED_POLL_S, "the rehearsal")
            settings = app.load(given).settings
        service = Service.open(settings, embedded=embedded)
        open_now.callback(service.close)
        open_now.enter_context(following_registrations(service))
        if rehearsal is not None:
            open_now.enter_context(rehearsal.living(service.store.registrations))
        running.append(Server(service, as_json=at.as_json))
        running[0].run(listener)


@contextmanager
def _rehearsal(settings: Settings) -> Iterator[LivingRehearsal]:
    """The rehearsed network in a temporary folder, with a notice to the operator.

    Raises:
        ConfigurationError: the folder cannot be made.
    """
    try:
        folder = TemporaryDirectory(prefix="eraswitch-rehearsal-")
    except OSError as error:
        raise ConfigurationError(
            "There is no folder for a rehearsal",
            code="Rehearsal",
            expected="a folder for temporary files that can be written to",
            got=error.strerror or type(error).__name__,
            next_step="Set TMPDIR to one, or configure a network: eraswitch serve --network NAME",
        ) from error
    with folder as place, LivingRehearsal(Path(place)) as rehearsal:
        click.echo(
            "No network is configured: this is a REHEARSAL, not a real network. Its parties are drawn from a "
            "seed, its epochs take a minute, and nothing of it is kept. "
            "To follow a real network: eraswitch serve --network NAME --provider URL",
            err=True,
        )
        if settings.store.url is not None:
            click.echo("The configured store is left alone.", err=True)
        yield rehearsal


def _listening(service: ServiceSettings) -> socket.socket:
    """The listening socket at the configured address; the caller closes it.

    Raises:
        ConfigurationError: the service cannot listen on the address.
    """
    host, port = service.host, service.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, UnicodeError) as error:  # the latter: a host name that cannot be one
        words = getattr(error, "strerror", None) or str(error)
        raise ConfigurationError(
            f"The service cannot listen on {host} port {port}",
            code="Listen",
            expected="an address of this machine and a free port",
            got=words.partition(" (while")[0],  # what follows repeats the address
            next_step="Stop the program that listens there, or choose another: --port 0 picks a free one",
        ) from error
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


class Server:
    """Runs a service under uvicorn until a signal ends it.

    Args:
        service: the service; the caller closes it.
        as_json: whether its address is printed as JSON.
    """

    def __init__(self, service: "Service", *, as_json: bool = False) -> None:
        self._service = service
        self._settings = service.settings.service
        self._as_json = as_json
        self._tls: ssl.SSLContext | None = None

    def reload(self, settings: Settings) -> None:
        """Apply new settings as far as possible, read the certificate again, and log what changed and what did not.

        Raises:
            ConfigurationError: the settings or the certificate cannot be used; nothing was changed.
            ConfigurationError: the table of eras and versions has a mistake; nothing was changed.
        """
        from era_service.service.reloading import reload

        own = self._settings
        if self._tls is not None and own.tls_cert is not None:
            _load_certificate(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), own)  # tried before it is put in force
        result = reload(self._service, settings)
        configure_logging(settings.log.level, settings.log.format)
        if self._tls is not None and own.tls_cert is not None:
            _load_certificate(self._tls, own)
        _log.warning("SIGHUP: the configuration was reloaded; changed: %s", ", ".join(result.changed) or "nothing")
        if result.kept:
            _log.warning("SIGHUP: these settings need a restart: %s", ", ".join(result.kept))

    def run(self, listener: socket.socket) -> None:
        """Serve the clients of ``listener``, which the caller closes.

        Raises:
            ConfigurationError: the certificate or its key cannot be used.
        """
        import uvicorn

        from era_service.web import create_app
        from era_service.web.patience import (
            allow_connections,
            drop_stalled_clients,
            keep_pauses_short,
            uvicorn_settings,
        )

        own, tls = self._settings, self._settings.tls_cert is not None
        gate = create_app(self._service, tls=tls)

        service = self._service

        class GracefulServer(uvicorn.Server):
            ends_at_s = math.inf

            def handle_exit(self, sig: int, frame: FrameType | None) -> None:
                delay_s = service.settings.service.shutdown_delay_s
                if sig != signal.SIGTERM or service.is_leaving or delay_s is None:
                    super().handle_exit(sig, frame)  # also at a second signal
                    return
                service.is_leaving = True
                self.ends_at_s = time.monotonic() + delay_s

            async def on_tick(self, counter: int) -> bool:
                return await super().on_tick(counter) or time.monotonic() >= self.ends_at_s

            async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
                gate.stream.end()  # its listeners would never disconnect
                await super().shutdown(sockets)

        config = uvicorn.Config(
            **uvicorn_settings(gate, own.request_timeout_s),
            loop="uvloop",
            ws="none",  # it speaks none, and a default may load a deprecated implementation
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(own.trusted_proxies),
            forwarded_allow_ips=list(own.trusted_proxies) or None,
            timeout_keep_alive=PROXY_IDLE_S if own.trusted_proxies else IDLE_S,
            timeout_graceful_shutdown=DRAIN_S,
            ssl_certfile=own.tls_cert,
            ssl_keyfile=own.tls_key,
        )
        with _tls_errors(named_key=own.tls_key is not None):
            config.load()
        self._tls = config.ssl
        drop_stalled_clients(listener)
        allow_connections(own.max_streams)
        self._service.changes.listen(self._bind_logs)
        # uvicorn raises them again when it is done
        with handled(lambda *_: None, signal.SIGTERM, signal.SIGINT):
            self._print_address(listener, tls=tls)
            keep_pauses_short(self._service)
            self._service.start()
            GracefulServer(config).run(sockets=[listener])

    def _bind_logs(self, _kind: str) -> None:
        """Give every log line the era and the epoch from now on."""
        view = self._service.checker.view
        bind_era(view.era, None if view.token is None else view.token.epoch)

    def _print_address(self, listener: socket.socket, *, tls: bool) -> None:
        host, port = listener.getsockname()[:2]
        url = f"http{'s' if tls else ''}://{f'[{host}]' if ':' in host else host}:{port}"
        if self._as_json:
            echo_json({"url": url, "embedded": self._service.network.embedded, "store": str(self._service.store)})
            return
        click.echo(f"Serving at {url}  (the dashboard; status {url}/era/status, API {url}/docs)")


def _load_certificate(context: ssl.SSLContext, service: ServiceSettings) -> None:
    """Read the certificate and its key into ``context``; open connections keep the old one.

    Raises:
        ConfigurationError: they cannot be used.
    """
    assert service.tls_cert is not None  # noqa: S101 - who calls has looked
    with _tls_errors(named_key=service.tls_key is not None):
        context.load_cert_chain(service.tls_cert, service.tls_key)


@contextmanager
def _tls_errors(*, named_key: bool) -> Iterator[None]:
    try:
        yield
    except OSError as error:  # an ssl.SSLError is one
        raise ConfigurationError(
            "The certificate or its key cannot be used",
            code="Tls",
            expected="service.tls_cert and service.tls_key, PEM files that belong together",
            got=error.strerror or type(error).__name__,
            next_step="Correct them" if named_key else "Correct it, or name its key too: --tls-key FILE",
        ) from error
