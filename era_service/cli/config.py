"""``eraswitch config``: shows the settings, checks them, and lists all there are."""

import json
from typing import TYPE_CHECKING

import click

from era_service.cli.shared.arguments import json_option
from era_service.cli.shared.context import AppContext
from era_service.cli.shared.groups import KnownGroup
from era_service.cli.shared.output import echo_json, echo_result
from era_service.config.load import find_config_file
from era_service.config.loaded import LoadedSettings

if TYPE_CHECKING:
    from era_service.config.mistakes import ConfigMistake


@click.group(cls=KnownGroup)
def config() -> None:
    """Show and check the configuration, and list its settings."""


@config.command(example="eraswitch config show --network preview")
@json_option
def show(app: AppContext, *, as_json: bool) -> None:
    """Show every setting with its value and source; secrets are masked."""
    loaded = app.load()
    rows = loaded.rows()
    settings = [{"key": key, "value": value, "origin": origin} for key, value, origin in rows]
    width = max(len(key) for key, _, _ in rows)
    lines = (
        f"{key:<{width}} = {value if isinstance(value, str) else json.dumps(value)}  ({origin})"
        for key, value, origin in rows
    )
    echo_result({"file": str(loaded.file) if loaded.file else None, "settings": settings}, lines, as_json=as_json)


@config.command(example="eraswitch config check --config eraswitch.toml")
@json_option
def check(app: AppContext, *, as_json: bool) -> int:
    """Find every mistake in the configuration at once; exit code 2 if there is one."""
    from era_service.config.mistakes import InvalidConfigurationError
    from era_service.wiring.checks import deep_mistakes

    mistakes: tuple[ConfigMistake, ...] = ()
    loaded: LoadedSettings | None
    try:
        loaded = app.load()
    except InvalidConfigurationError as invalid:
        mistakes, loaded = invalid.mistakes, invalid.rest
    if loaded is not None:
        mistakes += deep_mistakes(loaded.settings, loaded.origins)
    error = InvalidConfigurationError(mistakes, config=app.config) if mistakes else None
    if error is not None and not as_json:
        raise error
    found = find_config_file(app.config)
    if as_json:
        listed = [mistake.to_dict() for mistake in error.mistakes] if error else []
        echo_json({"ok": error is None, "file": str(found[0]) if found else None, "mistakes": listed})
    else:
        click.echo(f"The configuration is valid ({found[0] if found else 'no file'}).")
    return 0 if error is None else error.exit_code


@config.command(example="eraswitch config schema --json")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON schema.")
def schema(*, as_json: bool) -> None:
    """List every setting with its type, default, environment variable and help."""
    from era_service.config.records import setting_records
    from era_service.config.schema import Settings

    if as_json:
        echo_json(Settings.model_json_schema())
        return
    for record in setting_records():
        click.echo(f"{record.key}  ({record.kind}, default {record.default}, {', '.join(record.variables)})")
        click.echo(f"    {record.help}")
