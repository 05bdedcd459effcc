"""The jobs of the pipeline on era markers: a change, a sweep, the minting of a thread token."""

from pathlib import Path

import click

from chain_reader.thread_token import spelled, token_unit
from chain_reader.trust.reading import TrustedReading
from era_service.cli.marker.pipeline import Job, publication_document
from era_service.cli.marker.token_writing import write_token
from era_service.cli.shared.output import echo_json, echo_lines, printable
from era_service.cli.shared.publication_view import (
    learning_line,
    plan_lines,
    sight_lines,
    token_lines,
    transaction_lines,
    warnings_of,
)
from era_service.cli.shared.release import AskingOptions
from era_service.config.schema import Settings
from era_service.config.token_line import with_token
from era_service.releasing.adopting import look_at_adoption
from era_service.releasing.publishing import ChangeOrder, Outlook, PublishingMeans, look
from era_service.releasing.session import Release
from era_service.releasing.sweeping import SweepOrder, look_at_sweep
from era_service.releasing.trusted_snapshot import nodes_see
from eras import ConfigurationError, EraSwitchError
from release_tools.publishing.journal import Journal
from release_tools.publishing.publication import Draft, Published, Publisher


class MarkerJob(Job["TrustedReading", Outlook]):
    """The common part of all of them.

    Args:
        means: what pays, signs the transaction and waits.
        output: how the command line shows and asks.
        token_file: the configuration file that a new thread token is written into.
    """

    replaces: str | None = None
    """The thread token that a new one takes the place of, as configurations name it."""

    done_words = "it is done already"
    reaches_nodes = True

    def __init__(self, means: PublishingMeans, output: AskingOptions, token_file: Path | None = None) -> None:
        super().__init__(means, output)
        self.token_file = token_file

    def read(self, release: Release) -> TrustedReading:
        """The reading of a node now."""
        return release.read()

    def show(self, release: Release, outlook: Outlook) -> None:
        """Show the plan, the transaction and the gate; a file that cannot take the token is refused here."""
        lines = []
        if outlook.unfinished is not None:
            entry = outlook.unfinished
            lines.append(f"An earlier run was interrupted: {printable(str(entry.change))}")
            lines.append(f"  transaction {entry.latest.transaction}")
        if outlook.plan is not None:
            lines += plan_lines(outlook.plan, release, release.calendar(outlook.plan.epoch))
        if outlook.drafted is not None:
            lines += transaction_lines(outlook.drafted)
        if outlook.gate is not None:
            lines += map(printable, outlook.gate.lines)
        if outlook.plan is not None and self.reaches_nodes:
            lines.append(learning_line(outlook.plan.epoch))
        echo_lines(lines, err=self.output.as_json)
        for warning in warnings_of(outlook):
            click.echo(f"Warning: {printable(warning)}", err=True)
        minted = None if outlook.drafted is None else outlook.drafted.transaction.minted
        if self.token_file is not None and minted is not None:
            with_token(self.token_file, spelled(minted.unit), self.replaces)  # refused before anything is spent

    def conclude(
        self, release: Release, outlook: Outlook, published: Published[TrustedReading] | None, status: str
    ) -> None:
        """Show what was done; and write the thread token last, so that a file that refuses it hides nothing."""
        failure, written = None, None
        if self.token_file is not None and not self.output.dry_run:
            try:
                written = write_token(release, outlook, published, self.token_file, self.replaces)
            except EraSwitchError as error:
                failure = error
        self._show_end(release, outlook, published, status, written)
        if failure is not None:
            raise failure

    def _show_end(
        self,
        release: Release,
        outlook: Outlook,
        published: Published[TrustedReading] | None,
        status: str,
        written: str | None,
    ) -> None:
        reading = outlook.reading if published is None else published.reading
        markers = outlook.plan.after if status == "planned" and outlook.plan is not None else reading.markers
        sight = nodes_see(markers, release.epoch_of(reading), release.supported)
        transaction = outlook.done_by if published is None else published.transaction
        if self.output.as_json:
            echo_json(
                publication_document(release, outlook, published, status)
                | {
                    "plan": None if outlook.plan is None else outlook.plan.to_dict(),
                    "transaction": transaction,
                    "nodes_see": sight,
                    "warnings": warnings_of(outlook),
                    "gate": None if outlook.gate is None else outlook.gate.to_dict(),
                    "token_written": written,
                }
            )
            return
        if status == "planned":
            unsigned = "" if outlook.drafted else "; without an era key no transaction was built"
            click.echo(f"Nothing was done: this was a dry run{unsigned}")
            echo_lines([f"Then: {sight_lines(sight)[0]}"])
            return
        words = {
            "done": f"Nothing to do: {self.done_words}{f', by transaction {transaction}' if transaction else ''}",
            "unfinished": "Nothing was done: this was a dry run. Without --dry-run the command continues it",
            "published": f"Done: transaction {transaction}",
            "superseded": f"Done by transaction {transaction}, and replaced by another publication since",
        }
        minted = None if outlook.drafted is None else outlook.drafted.transaction.minted
        token = [] if minted is None or status != "published" else token_lines(minted.unit)
        if written is not None:
            token.append(f"The thread token is in [trust] of {printable(written)}")
        echo_lines([words[status], *token, *sight_lines(sight)])


class ChangeJob(MarkerJob):
    """A change of the markers."""

    def __init__(self, order: ChangeOrder, output: AskingOptions, token_file: Path | None = None) -> None:
        super().__init__(order.means, output, token_file)
        self._order = order

    def look(self, release: Release, publisher: Publisher[TrustedReading], journal: Journal) -> Outlook:
        """See what the change does."""
        return look(release, self._order, publisher, journal)

    def require_draft(self, outlook: Outlook) -> Draft:
        """The draft that is to be signed.

        Raises:
            ConfigurationError: there is none, for want of the era key.
        """
        if outlook.draft is None:
            raise no_era_key("--secret-key @FILE, ERA_MARKERS_SECRET_KEY in the environment, or --payload-file")
        return outlook.draft

    def require_certain(self, outlook: Outlook) -> None:
        """Check that nothing looks like a slip, unless it is confirmed to be none."""
        if outlook.plan is not None and not self._order.not_a_slip:
            outlook.plan.require_no_slip()

    def record(self, settings: Settings, outlook: Outlook) -> None:
        """Keep the reason why a gate was overridden."""
        if outlook.gate is not None:
            outlook.gate.record(settings)


class SweepJob(MarkerJob):
    """A sweep of the era address, which leaves the markers."""

    done_words = "the era address holds nothing to sweep"
    reaches_nodes = False

    def __init__(self, order: SweepOrder, output: AskingOptions) -> None:
        super().__init__(order.means, output)
        self._order = order

    def look(self, release: Release, publisher: Publisher[TrustedReading], journal: Journal) -> Outlook:
        """See what the sweep does."""
        return look_at_sweep(release, self._order, publisher, journal)


class AdoptTokenJob(MarkerJob):
    """The adoption of a thread token for the markers in force."""

    done_words = "the marker output holds a thread token already"

    def __init__(
        self, means: PublishingMeans, output: AskingOptions, token_file: Path | None, replaces: str | None
    ) -> None:
        super().__init__(means, output, token_file)
        self.replaces = replaces

    def look(self, release: Release, publisher: Publisher[TrustedReading], journal: Journal) -> Outlook:
        """See what the adoption does."""
        replaces = None if self.replaces is None else token_unit(self.replaces)
        return look_at_adoption(release, self.means, publisher, journal, replaces)


def no_era_key(expected: str) -> Exception:
    """The error where a command needs the era key, and none was given."""
    return ConfigurationError(
        "The era key is missing",
        expected=expected,
        got="none",
        next_step="Give the key that markers are signed with",
        code="EraKey",
    )
