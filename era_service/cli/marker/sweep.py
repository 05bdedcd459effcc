"""``eraswitch marker sweep``: what strangers put at the era address goes back to the payer; the markers stay.

In: what nodes trust and what is at the address, by one provider. Out: a transaction, submitted and waited for as a
change of the markers is, or written into a file for a signer elsewhere.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from era_service.cli.marker.change import publish_order
from era_service.cli.shared.arguments import json_option
from era_service.cli.shared.context import AppContext, pass_app
from era_service.cli.shared.output import echo_json, printable
from era_service.cli.shared.publication_view import (
    network_document,
    transaction_document,
    transaction_lines,
    warnings_of,
)
from era_service.cli.shared.release_options import (
    combined,
    dry_run_option,
    format_option,
    journal_option,
    load_settings,
    max_fee_option,
    network_options,
    output_reference,
    payment_address_option,
    payment_key_option,
    provider_option,
    purse_of,
    read_payment_keys,
    validity_option,
    waiting_of,
    waiting_options,
    write_transaction,
    yes_option,
)

if TYPE_CHECKING:
    from era_service.config.schema import Settings
    from era_service.releasing.publishing import ChangeOrder


@click.command()
@combined(payment_key_option, payment_address_option)
@click.option("--spend", metavar="TX#N", multiple=True, help="Return this output too, whatever it carries.")
@click.option(
    "--beside",
    metavar="TX#N",
    callback=output_reference,
    help="The marker output in force, which stays: for a provider that cannot tell it from a copy.",
)
@click.option("--copies", is_flag=True, help="Return copies of the markers in force, too.")
@combined(validity_option, max_fee_option)
@click.option(
    "--out", metavar="FILE", type=click.Path(path_type=Path), help="Only build: write the unsigned transaction here."
)
@combined(format_option, waiting_options, journal_option, provider_option, network_options)
@combined(dry_run_option, yes_option, json_option)
@pass_app
def sweep(
    app: AppContext,
    *,
    payment_key_files: tuple[Path, ...],
    payment_address: str,
    spend: tuple[str, ...],
    beside: str | None,
    copies: bool,
    validity_slots: int,
    max_fee: int,
    out: Path | None,
    form: str,
    confirmations: int | None,
    timeout_s: float,
    poll_s: float,
    journal: Path | None,
    provider: str | None,
    network_magic: int | None,
    mainnet: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Return what others put at the era address to the payer, and leave the markers in force as they are.

    Swept is every output with a datum, old markers first; as many as one transaction takes along. The marker output in
    force stays always, a copy of it unless --copies says otherwise, and what carries only ada or tokens unless --spend
    names it. It needs no era key. Interrupted at any point, the same command goes on or says that it is done.
    """
    from era_service.config.paths import user_state_folder
    from era_service.releasing.publishing import ChangeOrder
    from release_tools.markers.change import DEFAULT_LEAD_EPOCHS, SWEEP

    settings = load_settings(app, network_magic=network_magic, mainnet=mainnet, provider=provider)
    order = ChangeOrder(
        change=SWEEP,
        lead_epochs=DEFAULT_LEAD_EPOCHS,
        force_name=False,
        purse=purse_of(
            payment_address=payment_address, spend=spend, sweep=True, validity_slots=validity_slots, max_fee=max_fee
        ),
        era_key=None,
        payload=None,
        payment_keys=read_payment_keys(payment_key_files, settings),
        journal_root=journal or user_state_folder() / "publications",
        waiting=waiting_of(settings, confirmations=confirmations, timeout_s=timeout_s, poll_s=poll_s),
        beside=beside,
        copies=copies,
    )
    if out is None:
        publish_order(settings, order, dry_run=dry_run, yes=yes, as_json=as_json)
    else:
        _build(settings, order, out, form, dry_run=dry_run, as_json=as_json)


def _build(settings: "Settings", order: "ChangeOrder", out: Path, form: str, *, dry_run: bool, as_json: bool) -> None:
    """Write the transaction for a signer elsewhere."""
    from era_service.releasing.session import open_release
    from era_service.releasing.sweeping import look_at_sweep
    from release_tools.publishing.journal import Journal
    from release_tools.publishing.publication import Publisher
    from release_tools.transactions.files import CarriedTransaction

    with open_release(settings) as release:
        journal = Journal(order.journal_root, release.network.magic, release.policy.address)
        outlook = look_at_sweep(release, order, Publisher(release.gateway, journal, release.read), journal)
        drafted = outlook.drafted
    written = None
    if drafted is not None and not dry_run:
        write_transaction(out, CarriedTransaction.of(drafted.transaction, release.network.magic, drafted.spends), form)
        written = str(out)
    for warning in warnings_of(outlook):
        click.echo(f"Warning: {printable(warning)}", err=True)
    if as_json:
        document = None if drafted is None else transaction_document(drafted)
        echo_json({"network": network_document(release), "drafted": document, "file": written})
    elif drafted is None:
        entry = outlook.unfinished
        earlier = "" if entry is None else f": transaction {entry.latest.transaction} of an earlier run is on its way"
        click.echo(f"Nothing to build{earlier}")
    else:
        signers = drafted.transaction.signers
        done = "Nothing was written: this was a dry run" if dry_run else f"Written to {out}"
        click.echo("\n".join([*transaction_lines(drafted), f"{done}. It must be signed by: {signers}"]))
