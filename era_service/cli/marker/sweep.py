"""``eraswitch marker sweep``: what strangers put at the era address goes back to the payer; the markers stay.

In: what nodes trust and what is at the address, by one provider. Out: a transaction, submitted and waited for as a
change of the markers is, or written into a file for a signer elsewhere.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from era_service.cli.marker.marker_jobs import SweepJob
from era_service.cli.marker.pipeline import publish
from era_service.cli.shared.commands import OUTPUT, SectionedCommand, nested, option, option_group, takes
from era_service.cli.shared.context import AppContext, pass_app
from era_service.cli.shared.output import echo_json, printable
from era_service.cli.shared.publication_view import (
    network_document,
    transaction_document,
    transaction_lines,
    warnings_of,
)
from era_service.cli.shared.release import (
    LimitOptions,
    PublishingOptions,
    format_option,
    output_reference,
    payment_address_option,
    write_transaction,
)

if TYPE_CHECKING:
    from era_service.config.schema import Settings
    from era_service.releasing.sweeping import SweepOrder


@option_group()
class SweptOptions:
    """What is swept, beside old markers."""

    spend: tuple[str, ...] = option(
        "--spend", metavar="TX#N", multiple=True, help="Return this output too, whatever it carries."
    )
    beside: str | None = option(
        "--beside",
        metavar="TX#N",
        callback=output_reference,
        help="The marker output in force, which stays: for a provider that cannot tell it from a copy.",
    )
    copies: bool = option("--copies", is_flag=True, help="Return copies of the markers in force, too.")


@option_group("Paying")
class SweepPurseOptions:
    """What a sweep is paid from."""

    payment_address: str = payment_address_option()
    limits: LimitOptions = nested(LimitOptions)


@option_group(OUTPUT)
class BuildOptions:
    """Where the transaction goes that is only built."""

    out: Path | None = option(
        "--out",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Only build: write the unsigned transaction here.",
    )
    form: str = format_option()


@click.command(cls=SectionedCommand, example="eraswitch marker sweep --payment-key-file keys/payment.skey --dry-run")
@takes(swept=SweptOptions, paying=SweepPurseOptions, publishing=PublishingOptions, build=BuildOptions)
@pass_app
def sweep(
    app: AppContext,
    *,
    swept: SweptOptions,
    paying: SweepPurseOptions,
    publishing: PublishingOptions,
    build: BuildOptions,
) -> None:
    """Return what others put at the era address to the payer, and leave the markers in force as they are.

    Swept is every output with a datum, old markers first; as many as one transaction takes along. The marker output in
    force stays always, a copy of it unless --copies says otherwise, and what carries only ada or tokens unless --spend
    names it. It needs no era key. Interrupted at any point, the same command goes on or says that it is done.
    """
    from era_service.releasing.sweeping import SweepOrder

    settings = publishing.network.settings(app)
    purse = paying.limits.purse(paying.payment_address, swept.spend, sweep=True)
    order = SweepOrder(publishing.means(settings, purse), swept.beside, swept.copies)
    job = SweepJob(order, publishing.output)
    if build.out is None:
        publish(settings, job)
    else:
        _build(settings, order, job, build.out, build.form)


def _build(settings: "Settings", order: "SweepOrder", job: SweepJob, out: Path, form: str) -> None:
    """Write the transaction for a signer elsewhere."""
    from era_service.releasing.session import open_release
    from release_tools.publishing.journal import Journal
    from release_tools.publishing.publication import Publisher
    from release_tools.transactions.files import CarriedTransaction

    dry_run = job.output.dry_run
    with open_release(settings) as release:
        journal = Journal(order.means.journal_root, release.network.magic, release.policy.address)
        outlook = job.look(release, Publisher(release.gateway, journal, release.read), journal)
        drafted = outlook.drafted
    written = None
    if drafted is not None and not dry_run:
        write_transaction(out, CarriedTransaction.of(drafted.transaction, release.network.magic, drafted.spends), form)
        written = str(out)
    for warning in warnings_of(outlook):
        click.echo(f"Warning: {printable(warning)}", err=True)
    if job.output.as_json:
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
