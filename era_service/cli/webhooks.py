"""``eraswitch webhooks``: creates secrets, sends test messages, and lists what waits and what failed."""

import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import click

from era_service.cli.shared.arguments import json_option, path_type
from era_service.cli.shared.context import AppContext
from era_service.cli.shared.groups import KnownGroup
from era_service.cli.shared.output import echo_json, echo_result, printable
from era_service.cli.shared.service_store import service_store, store_option, write_secret
from era_service.config.schema import Settings
from era_service.config.webhooks import WebhookSettings
from era_service.dashboard.words import iso
from era_service.webhooks.message import new_secret, sample
from era_service.webhooks.outbox import Outbox, load_outbox, outbox_key
from era_service.webhooks.sending import post
from era_service.webhooks.settings import network_facts, secrets_of
from era_service.wiring.trust import network_key
from eras import ConfigurationError
from eras.words import counted


@click.group(cls=KnownGroup)
def webhooks() -> None:
    """Create secrets for webhooks of the service, test them, and list what waits and what failed."""


@webhooks.command(example="eraswitch webhooks secret keys/webhook.secret")
@click.argument("file", type=path_type)
def secret(*, file: Path) -> None:
    """Create a secret in a new FILE, readable by its owner only. It is not shown; the receiver needs a copy."""
    write_secret(file, new_secret(secrets.token_bytes(32)))
    click.echo(f"The secret is in {file}: set it as secret_file, and give the receiver a copy")


@webhooks.command(example="eraswitch webhooks test --config eraswitch.toml")
@click.argument("name", required=False)
@json_option
def test(app: AppContext, *, name: str | None, as_json: bool) -> int:
    """Send a message of type test to the webhook NAME, or to all, and show the answer.

    Nothing is stored or retried. The exit code is 1 if one did not accept it.
    """
    settings = app.load().settings
    chosen = [(one, secrets_of(one)) for one in _chosen(settings, name)]
    rows = []
    for one, keys in chosen:
        now_s, began_s = time.time(), time.monotonic()
        message = sample(network_facts(settings), time_s=now_s)
        headers = keys.headers(message, time_s=now_s)
        answer = post(one.url, headers, message.body.encode(), allow_private=one.allow_private)
        took_s = time.monotonic() - began_s
        facts = {"name": one.name, "host": one.host, "id": message.id, "accepted": answer.is_accepted}
        rows.append({**facts, "answer": answer.words, "status": answer.status, "text": answer.text, "took_s": took_s})
        if not as_json:
            took = f" in {took_s:.2f} s" if answer.status is not None else ""
            verdict = "accepted" if answer.is_accepted else "NOT ACCEPTED"
            click.echo(f"{one.name}  {one.host}  {verdict}: {printable(answer.words)}{took}")
            if answer.text.strip() and not answer.is_accepted:
                click.echo(f"  {printable(answer.text.strip())[:200]}")
    if as_json:
        echo_json({"webhooks": rows})
    return 0 if all(row["accepted"] for row in rows) else 1


@webhooks.command("list", example="eraswitch webhooks list --store eraswitch.sqlite3")
@store_option
@json_option
def list_webhooks(app: AppContext, *, store: str | None, as_json: bool) -> None:
    """List the webhooks with the messages that wait, were accepted, or were given up."""
    settings = app.load().settings
    hooks = _chosen(settings, None)
    with service_store(app, store) as opened:
        found = [(one, load_outbox(opened.snapshots, outbox_key(network_key(settings), one.name))) for one in hooks]
    lines = (line for one, box in found for line in _lines(one, box))
    echo_result({"webhooks": [_facts(one, box) for one, box in found]}, lines, as_json=as_json)


def _facts(one: WebhookSettings, box: Outbox | None) -> dict[str, object]:
    names = ("delivered", "given_up", "delivered_s", "failed_s", "failure")
    facts = {name: None if box is None else getattr(box, name) for name in names}
    waiting = None if box is None else len(box.waiting)
    return {"name": one.name, "host": one.host, "events": list(one.events), "waiting": waiting, **facts}


def _lines(one: WebhookSettings, box: Outbox | None) -> Iterator[str]:
    webhook = f"{one.name}  {one.host}  {', '.join(one.events) or 'all'}"
    if box is None:
        yield f"{webhook}: not used yet; a running service uses it"
        return
    yield f"{webhook}: {box.delivered:,} accepted, {len(box.waiting):,} waiting, {box.given_up:,} given up"
    if box.failure is not None and box.failed_s is not None and box.failed_s > (box.delivered_s or 0):
        attempts = counted(max((each.attempts for each in box.waiting), default=0), "attempt")
        yield f"  failing: {box.failure}, {iso(box.failed_s)}" + (f", after {attempts}" if box.waiting else "")


def _chosen(settings: Settings, name: str | None) -> tuple[WebhookSettings, ...]:
    """The webhook of that name, or all.

    Raises:
        ConfigurationError: there is none, or none of that name.
    """
    known = settings.service.webhooks
    chosen = tuple(one for one in known if name in (None, one.name))
    if chosen:
        return chosen
    raise ConfigurationError(
        "There is no webhook" if name is None else f"There is no webhook {name[:40]!r}",
        code="WebhookUnknown",
        expected=", ".join(one.name for one in known) or "[[service.webhooks]] in the configuration",
        got="none" if name is None else repr(name[:40]),
        next_step="Name one of those" if known else "Configure one (docs/service.md)",
    )
