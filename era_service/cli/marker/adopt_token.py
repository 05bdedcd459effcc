"""``eraswitch marker adopt-token``: mint a thread token for markers that are published already (rule T0)."""

from pathlib import Path
from typing import Any

import click

from era_service.cli.marker.change import publish_order
from era_service.cli.marker.token_writing import write_token_option
from era_service.cli.shared.arguments import json_option
from era_service.cli.shared.context import AppContext, pass_app
from era_service.cli.shared.release_options import (
    combined,
    dry_run_option,
    journal_option,
    load_settings,
    network_options,
    payment_key_option,
    provider_option,
    purse_of,
    purse_options,
    read_payment_keys,
    waiting_of,
    waiting_options,
    yes_option,
)


@click.command("adopt-token")
@combined(payment_key_option, purse_options, waiting_options, journal_option, provider_option, network_options)
@combined(write_token_option, dry_run_option, yes_option, json_option)
@pass_app
def adopt_token(
    app: AppContext,
    /,
    *,
    payment_key_files: tuple[Path, ...],
    journal: Path | None,
    network_magic: int | None,
    mainnet: bool,
    provider: str | None,
    writes_token: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    confirmations: int | None,
    timeout_s: float,
    poll_s: float,
    **purse: Any,
) -> None:
    """Mint a thread token for the markers in force, and publish them again with it; no era changes.

    Its script wants the owner of the era address, before the slot in which this transaction becomes void: nobody can
    mint a second one after that. Every later publication passes it on. Nodes that are configured with it
    (trust.thread_token) believe no output without it; deployed Mithril readers are not affected. It needs no era key.
    """
    from era_service.config.paths import user_state_folder
    from era_service.config.token_line import require_place
    from era_service.releasing.publishing import ChangeOrder
    from release_tools.markers.change import ADOPT_TOKEN, DEFAULT_LEAD_EPOCHS

    settings = load_settings(app, network_magic=network_magic, mainnet=mainnet, provider=provider)
    order = ChangeOrder(
        change=ADOPT_TOKEN,
        lead_epochs=DEFAULT_LEAD_EPOCHS,
        force_name=False,
        purse=purse_of(**purse),
        era_key=None,
        payload=None,
        payment_keys=read_payment_keys(payment_key_files, settings),
        journal_root=journal or user_state_folder() / "publications",
        waiting=waiting_of(settings, confirmations=confirmations, timeout_s=timeout_s, poll_s=poll_s),
    )
    file = require_place(app.load().file) if writes_token else None
    publish_order(settings, order, dry_run=dry_run, yes=yes, as_json=as_json, token_file=file)
