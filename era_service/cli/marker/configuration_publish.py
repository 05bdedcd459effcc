"""``eraswitch marker configuration publish``: plan, check, build, sign, submit, wait, read back.

It goes the way of ``marker activate``, with the journal of its own kind.
"""

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from era_service.cli.marker.change import in_words, see_through
from era_service.cli.protocol_configuration import place_of, place_option, secret_key_options, signing_key
from era_service.cli.shared.arguments import json_option, read_bytes
from era_service.cli.shared.context import AppContext, pass_app
from era_service.cli.shared.output import echo_json, printable
from era_service.cli.shared.publication_view import network_document, transaction_document, transaction_lines
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

if TYPE_CHECKING:
    from era_service.config.schema import Settings
    from era_service.releasing.configuration_publishing import ConfigurationOrder, ConfigurationOutlook
    from era_service.releasing.configurations import ConfigurationPlace, ConfigurationsOnChain
    from era_service.releasing.session import Release
    from release_tools.publishing.publication import Published


@click.command()
@click.argument("file")
@click.option(
    "--force",
    metavar="REASON",
    callback=in_words,
    help="In an emergency: change what nodes use already, for this reason; it is kept in the event log.",
)
@click.option(
    "--mint-token",
    is_flag=True,
    help="Mint a thread token of this kind with it: protocol_configuration.thread_token for nodes (docs/trust.md).",
)
@combined(secret_key_options, payment_key_option, purse_options, waiting_options, journal_option)
@combined(place_option, provider_option, network_options, dry_run_option, yes_option, json_option)
@pass_app
def publish(
    app: AppContext,
    *,
    file: str,
    force: str | None,
    mint_token: bool,
    secret_key: str | None,
    secret_key_file: str | None,
    payment_key_files: tuple[Path, ...],
    payment_address: str,
    spend: tuple[str, ...],
    sweep: bool,
    validity_slots: int,
    max_fee: int,
    confirmations: int | None,
    timeout_s: float,
    poll_s: float,
    journal: Path | None,
    adapter: str | None,
    provider: str | None,
    network_magic: int | None,
    mainnet: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Publish the configurations in FILE, which is as for import.

    It reads what is on the chain, refuses what import refuses, and shows what changes, by epoch and parameter. After a
    yes it signs, submits, waits for confirmations and reads back. The transaction spends the configuration output that
    it replaces, and no era marker at the same address. Interrupted at any point, the same command goes on or reports
    that it is done.
    """
    from datum.configuration import read_import
    from era_service.config.paths import user_state_folder
    from era_service.releasing.configuration_publishing import ConfigurationOrder

    settings = load_settings(app, network_magic=network_magic, mainnet=mainnet, provider=provider)
    order = ConfigurationOrder(
        configurations=read_import(read_bytes(file)),
        key=signing_key(secret_key, secret_key_file),
        purse=purse_of(
            payment_address=payment_address, spend=spend, sweep=sweep, validity_slots=validity_slots, max_fee=max_fee
        ),
        payment_keys=read_payment_keys(payment_key_files, settings),
        journal_root=journal or user_state_folder() / "publications",
        waiting=waiting_of(settings, confirmations=confirmations, timeout_s=timeout_s, poll_s=poll_s),
        force=force,
        mint_token=mint_token,
    )
    _publish(settings, place_of(settings, adapter), order, dry_run=dry_run, yes=yes, as_json=as_json)


def _publish(
    settings: "Settings",
    place: "ConfigurationPlace",
    order: "ConfigurationOrder",
    *,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    from datum import CONFIGURATION
    from era_service.releasing.configuration_publishing import at_place, look_at_configurations, record_force
    from era_service.releasing.configurations import read_to_replace
    from era_service.releasing.publishing import require_keys
    from era_service.releasing.session import open_release
    from release_tools.publishing.journal import Journal
    from release_tools.publishing.publication import Publisher

    with open_release(settings) as opened:
        release = at_place(opened, place)
        journal = Journal(order.journal_root, release.network.magic, place.address, CONFIGURATION)

        def read() -> "ConfigurationsOnChain":
            return read_to_replace(release)

        with nullcontext() if dry_run else journal.held():
            found = read()
            outlook = look_at_configurations(release, order, found, Publisher(release.gateway, journal, read), journal)
            _show(outlook, found, release, as_json=as_json)
            if outlook.unfinished is None and outlook.plan.is_done:
                if not dry_run:
                    journal.drop()  # of an earlier run, whose change somebody else has made
                _conclude(outlook, release, None, "done", as_json=as_json)
                return
            if dry_run:
                _conclude(outlook, release, None, "unfinished" if outlook.unfinished else "planned", as_json=as_json)
                return
            if outlook.unfinished is None and outlook.draft is not None:
                require_keys(release, outlook.draft, order.payment_keys)  # found before anything is asked
                if not yes:
                    click.confirm("Sign this and submit it?", abort=True, err=True)
                record_force(settings, outlook.plan)
            published = see_through(
                release,
                lambda watch: Publisher(release.gateway, journal, read, waiting=order.waiting, watch=watch),
                order.payment_keys,
                outlook.unfinished,
                outlook.draft,
                quiet=as_json,
            )
            _conclude(
                outlook, release, published, "superseded" if published.superseded else "published", as_json=as_json
            )


def _show(
    outlook: "ConfigurationOutlook", found: "ConfigurationsOnChain", release: "Release", *, as_json: bool
) -> None:
    plan = outlook.plan
    lines = [f"Plan: {plan.change} (now is epoch {plan.epoch})"]
    if outlook.unfinished is not None:
        lines = [f"An earlier run was interrupted: transaction {outlook.unfinished.latest.transaction}"]
    lines.append(f"  network     {release.settings.network.name or 'unnamed'}, magic {release.network.magic}")
    lines.append(f"  at          {release.policy.address}")
    lines += [f"  {one}" for one in plan.differences] or ["  nothing changes"]
    if plan.force is not None:
        lines += [f"FORCED, for the reason: {printable(plan.force)}", f"  nodes use already: {plan.broken}"]
    if outlook.drafted is not None:
        lines += transaction_lines(outlook.drafted)
    click.echo("\n".join(lines), err=as_json)
    for warning in _warnings(outlook, found):
        click.echo(f"Warning: {printable(warning)}", err=True)


def _warnings(outlook: "ConfigurationOutlook", found: "ConfigurationsOnChain") -> list[str]:
    lost = outlook.lost
    return [
        *found.notes,
        *outlook.plan.warnings,
        *(() if outlook.drafted is None else outlook.drafted.warnings),
        *(() if lost is None else (f"An earlier run was overtaken: transaction {lost.latest.transaction}",)),
    ]


def _conclude(
    outlook: "ConfigurationOutlook",
    release: "Release",
    published: "Published[ConfigurationsOnChain] | None",
    status: str,
    *,
    as_json: bool,
) -> None:
    transaction = None if published is None else published.transaction
    if as_json:
        document: dict[str, Any] = {
            "status": status,
            "network": network_document(release),
            "plan": outlook.plan.to_dict(),
            "drafted": None if outlook.drafted is None else transaction_document(outlook.drafted),
            "transaction": transaction,
            "depth": None if published is None else published.depth,
        }
        echo_json(document)
        return
    words = {
        "done": "Nothing to do: the chain has these configurations already",
        "planned": "Nothing was done: this was a dry run",
        "unfinished": "Nothing was done: this was a dry run. Without --dry-run this goes on with it",
        "published": f"Done: transaction {transaction}. Read back: it is what counts on the chain",
        "superseded": f"Done by transaction {transaction}, and replaced by another publication since",
    }
    click.echo(words[status])
