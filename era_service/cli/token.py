"""``eraswitch token``: creates, lists and revokes the API tokens that allow writing over HTTP."""

import re
import time
from datetime import UTC, datetime
from pathlib import Path

import click

from era_service.cli.shared.arguments import json_option
from era_service.cli.shared.commands import option, option_group
from era_service.cli.shared.context import AppContext
from era_service.cli.shared.groups import KnownGroup
from era_service.cli.shared.output import echo_json, echo_result
from era_service.cli.shared.service_store import service_store, store_option, write_secret
from era_store.tokens import ApiToken, new_token

_UNITS = {"h": 3_600, "d": 86_400, "w": 7 * 86_400}


def lifetime(text: str) -> int | None:
    """Seconds that ``text`` writes (``12h``, ``90d``, ``4w``), or ``None`` for ``never``; else a usage error."""
    if text == "never":
        return None
    match = re.fullmatch(r"([1-9]\d{0,4})([hdw])", text)
    if match is None:
        raise click.BadParameter(f"expected 12h, 90d, 4w or never, got {text[:20]!r}")
    return int(match[1]) * _UNITS[match[2]]


@click.group(cls=KnownGroup)
def token() -> None:
    """Create, list and revoke the API tokens of the service."""


@option_group()
class NewTokenOptions:
    """The scopes of a token, and its file."""

    scopes: tuple[str, ...] = option(
        "--scope",
        metavar="SCOPE",
        default=("registrations:write",),
        help="What the token allows: registrations:write or log:write.",
    )
    expires: int | None = option(
        "--expires", type=lifetime, default="90d", metavar="12h|90d|4w|never", help="When it expires."
    )
    out: Path | None = option("--out", help="Write it to FILE, readable by its owner only.")


@token.command(example="eraswitch token new pool-1 --expires 30d --out pool-1.token")
@click.argument("name")
@store_option
@json_option
def new(app: AppContext, *, name: str, what: NewTokenOptions, store: str | None, as_json: bool) -> None:
    """Create a token for NAME. It is shown once, or written to a file; the store keeps only its hash."""
    now_s = time.time()
    expires_at_s = None if what.expires is None else now_s + what.expires
    text, record = new_token(name, what.scopes, time_s=now_s, expires_at_s=expires_at_s)
    with service_store(app, store) as opened:
        if what.out is not None:
            write_secret(what.out, text)
        try:
            opened.tokens.add(record)
        except BaseException:
            if what.out is not None:
                what.out.unlink()  # the store does not know its token
            raise
    if as_json:
        echo_json({**_facts(record, now_s), "token": None if what.out is not None else text})
        return
    if what.out is None:
        click.echo(text)
        click.echo("It is shown only this once. Keep it where only its user can read it.", err=True)
    else:
        click.echo(f"Token {record.id} is in {what.out}")
    click.echo(f"Services with the store {opened.database.name} accept it.", err=True)


@token.command("list", example="eraswitch token list --store eraswitch.sqlite3")
@store_option
@json_option
def list_tokens(app: AppContext, *, store: str | None, as_json: bool) -> None:
    """List the tokens; their secrets are not stored, and cannot be shown."""
    now_s = time.time()
    with service_store(app, store) as opened:
        found = opened.tokens.all()
    lines = [_line(one, now_s) for one in found] or ["There are no tokens."]
    echo_result({"tokens": [_facts(one, now_s) for one in found]}, lines, as_json=as_json)


@token.command(example="eraswitch token revoke 3f2a --store eraswitch.sqlite3")
@click.argument("token_id", metavar="ID")
@store_option
@json_option
def revoke(app: AppContext, *, token_id: str, store: str | None, as_json: bool) -> None:
    """Revoke the token ID, from its next request on; this cannot be undone."""
    now_s = time.time()
    with service_store(app, store) as opened:
        found = opened.tokens.revoke(token_id, time_s=now_s)
    echo_result(_facts(found, now_s), (f"Token {found.id} is revoked",), as_json=as_json)
    if not as_json:
        again = f'eraswitch adoption withdraw "api {found.id}" takes it back'
        click.echo(f"What was registered with it still counts: {again}.", err=True)


def _facts(one: ApiToken, now_s: float) -> dict[str, object]:
    names = ("id", "name", "scopes", "made_at_s", "expires_at_s", "revoked_at_s")
    return {name: getattr(one, name) for name in names} | {"state": one.state_at(now_s)}


def _line(one: ApiToken, now_s: float) -> str:
    expires = one.expires_at_s
    until = "never expires" if expires is None else f"until {datetime.fromtimestamp(expires, UTC).date().isoformat()}"
    return f"{one.id}  {one.state_at(now_s):<7}  {until:<17}  {' '.join(one.scopes)}  {one.name}"
