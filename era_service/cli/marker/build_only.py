"""``--out`` of ``marker sweep`` and ``marker adopt-token``: only the unsigned transaction, for signers elsewhere.

In: a job of the pipeline, and a file. Out: the file, for ``tx sign`` and ``tx submit``; nothing is signed or journaled.
"""

from pathlib import Path

import click

from era_service.cli.marker.pipeline import MarkerJob, publish
from era_service.cli.shared.commands import OUTPUT, option, option_group
from era_service.cli.shared.output import echo_json, echo_lines, warn
from era_service.cli.shared.publication_view import (
    network_document,
    transaction_document,
    transaction_lines,
    warnings_of,
)
from era_service.cli.shared.release import format_option, write_transaction
from era_service.config.schema import Settings
from era_service.releasing.session import open_release
from release_tools.publishing.journal import Journal
from release_tools.publishing.publication import Publisher


@option_group(OUTPUT)
class BuildOptions:
    """The file of a transaction that is only built."""

    out: Path | None = option("--out", help="Only build: write the unsigned transaction here.")
    form: str = format_option()

    def run(self, settings: Settings, job: MarkerJob) -> None:
        """Publish what a job does, or only write its transaction.

        Raises:
            EraSwitchError: something stands in the way.
        """
        if self.out is None:
            publish(settings, job)
        else:
            build_only(settings, job, self.out, self.form)


def build_only(settings: Settings, job: MarkerJob, out: Path, form: str) -> None:
    """Write the transaction of a job for signers elsewhere.

    Raises:
        EraSwitchError: something stands in the way.
    """
    from release_tools.transactions.files import CarriedTransaction

    dry_run = job.output.dry_run
    with open_release(settings) as release:
        journal = Journal(job.means.journal_root, release.network.magic, release.policy.address)
        outlook = job.look(release, Publisher(release.gateway, journal, release.read))
        drafted = outlook.drafted
    written = None
    if drafted is not None and not dry_run:
        write_transaction(out, CarriedTransaction.of(drafted.transaction, release.network.magic, drafted.spends), form)
        written = str(out)
    warn(warnings_of(outlook))
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
        echo_lines([*transaction_lines(drafted), f"{done}. It must be signed by: {signers}"])
