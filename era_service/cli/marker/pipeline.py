"""The one way of a publication: look, show, ask, sign, journal, submit, wait, read back, conclude.

In: settings, a ``Job`` that states what is published (a ``MarkerJob`` where that is era markers), and how the command
line shows and asks. Out: the publication on the chain; with ``--write`` its new thread token in the configuration. What
is planned, checked and signed is below ``era_service.releasing``; what happens once whatever interrupts it is
``release_tools.publishing``'s.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, TypeVar

import click

from chain_reader.thread_token import spelled
from chain_reader.trust.reading import TrustedReading
from datum import ERA, MarkerKind
from era_service.cli.shared.output import echo_json, echo_lines, printable, warn, write_file
from era_service.cli.shared.publication_view import (
    learning_line,
    network_document,
    plan_lines,
    progress,
    sight_lines,
    token_lines,
    transaction_document,
    transaction_lines,
    warnings_of,
)
from era_service.cli.shared.release import AskingOptions
from era_service.config.schema import Settings
from era_service.config.token_line import with_token
from era_service.releasing.publishing import MarkersOutlook, Outlook, PublishingMeans, require_keys, sign
from era_service.releasing.session import Release, nodes_see, open_release, output_in_force, token_in_force
from eras import ConfigurationError, EraSwitchError
from release_tools.markers.change import RolloutPlan
from release_tools.publishing.journal import Journal
from release_tools.publishing.publication import Draft, MarkersInForce, Published, PublishedPlan, Publisher

R = TypeVar("R", bound="MarkersInForce")
P = TypeVar("P", bound="PublishedPlan | None")
Status = Literal["done", "planned", "unfinished", "published", "superseded"]
"""How a run ended."""


@dataclass(frozen=True)
class Job(ABC, Generic[R, P]):
    """A publication: how it is looked at, shown, recorded and concluded.

    Attributes:
        means: what pays, signs the transaction and waits.
        output: how the command line shows and asks.
        look: sees what is to be done, without doing any of it.
    """

    kind: ClassVar[MarkerKind] = ERA

    means: PublishingMeans
    output: AskingOptions
    look: Callable[[Release, Publisher[R]], Outlook[R, P]]

    def at(self, release: Release) -> Release:
        """The session at the place where it is published."""
        return release

    @abstractmethod
    def read(self, release: Release) -> R:
        """The reading of its kind of marker now."""

    @abstractmethod
    def show(self, release: Release, outlook: Outlook[R, P]) -> None:
        """Show what would be done."""

    def require_draft(self, outlook: Outlook[R, P]) -> Draft:
        """The draft that is to be signed.

        Raises:
            EraSwitchError: there is none: a key is missing.
        """
        if outlook.draft is None:
            raise RuntimeError("nothing is drafted, and nothing is done")
        return outlook.draft

    def require_certain(self, outlook: Outlook[R, P]) -> None:
        """Check, where nobody is asked, that nothing of it looks like a slip."""

    def record(self, settings: Settings, outlook: Outlook[R, P]) -> None:
        """Keep what must be known of it later, before anything is signed."""

    @abstractmethod
    def conclude(
        self, release: Release, outlook: Outlook[R, P], published: "Published[R] | None", status: Status
    ) -> None:
        """Show what was done."""


def publish(settings: Settings, job: Job[R, P]) -> None:
    """Show what a job does, ask, do it, and show the result.

    Raises:
        EraSwitchError: something stands in the way.
    """
    with open_release(settings) as opened:
        release = job.at(opened)
        journal = Journal(job.means.journal_root, release.network.magic, release.policy.address, job.kind)
        publisher = Publisher(release.gateway, journal, lambda: job.read(release), waiting=job.means.waiting)
        with nullcontext() if job.output.dry_run else journal.held():
            outlook = job.look(release, publisher)
            job.show(release, outlook)
            if outlook.is_done:
                if not job.output.dry_run:
                    journal.drop()  # of an earlier run, whose change somebody else has made
                job.conclude(release, outlook, None, "done")
            elif job.output.dry_run:
                job.conclude(release, outlook, None, "planned" if outlook.unfinished is None else "unfinished")
            else:
                if outlook.unfinished is None:
                    _confirm(release, job, outlook)
                job.record(settings, outlook)
                published = _see_through(release, job, outlook, publisher)
                job.conclude(release, outlook, published, "superseded" if published.superseded else "published")


def _confirm(release: Release, job: Job[R, P], outlook: Outlook[R, P]) -> None:
    """Ask; and find missing keys before anything is asked."""
    require_keys(release, job.require_draft(outlook), job.means.payment_keys)
    if job.output.yes:
        job.require_certain(outlook)
    else:
        click.confirm("Sign this and submit it?", abort=True, err=True)


def _see_through(release: Release, job: Job[R, P], outlook: Outlook[R, P], publisher: Publisher[R]) -> "Published[R]":
    """Continue an unfinished publication, or else sign and publish the draft, and show the progress."""
    with progress(quiet=job.output.as_json) as watch:
        if outlook.unfinished is not None:
            return publisher.resume(outlook.unfinished, watch)
        draft = job.require_draft(outlook)
        return publisher.publish(draft, lambda _transaction: sign(release, draft, job.means.payment_keys), watch)


def ending_words(status: Status, transaction: str | None = None, *, done: str = "", published: str = "") -> str:
    """The end of a run, in words.

    Args:
        status: how it ended.
        transaction: the one that published.
        done: why there was nothing to do.
        published: the sentence to add once it is published.
    """
    return {
        "done": f"Nothing to do: {done}",
        "planned": "Nothing was done: this was a dry run",
        "unfinished": "Nothing was done: this was a dry run. Without --dry-run the command continues it",
        "published": f"Done: transaction {transaction}{published}",
        "superseded": f"Done by transaction {transaction}, and replaced by another publication since",
    }[status]


def publication_document(
    release: Release, outlook: Outlook[Any, Any], published: Published[Any] | None, status: Status
) -> dict[str, object]:
    """The steps done, for machines; the plan is the caller's to add."""
    return {
        "status": status,
        "network": network_document(release),
        "drafted": None if outlook.drafted is None else transaction_document(outlook.drafted),
        "transaction": None if published is None else published.transaction,
        "depth": None if published is None else published.depth,
    }


@dataclass(frozen=True)
class MarkerJob(Job[TrustedReading, RolloutPlan | None]):
    """The common part of the publications of era markers: a change, a sweep, the minting of a thread token.

    Attributes:
        means: what pays, signs the transaction and waits.
        output: how the command line shows and asks.
        look: sees what is to be done, without doing any of it.
        token_file: the configuration file that a new thread token is written into.
        replaces: the thread token that a new one takes the place of, as configurations name it.
        done_words: why there may be nothing to do.
        reaches_nodes: whether nodes have something to learn of it.
    """

    token_file: Path | None = None
    replaces: str | None = None
    done_words: str = "it is done already"
    reaches_nodes: bool = True

    def read(self, release: Release) -> TrustedReading:
        """The reading of a node now."""
        return release.read()

    def show(self, release: Release, outlook: MarkersOutlook) -> None:
        """Show the plan, the transaction and the gate; a file that cannot take the token is refused here."""
        lines, drafted = [], outlook.drafted
        if outlook.unfinished is not None:
            entry = outlook.unfinished
            lines.append(f"An earlier run was interrupted: {printable(str(entry.change))}")
            lines.append(f"  transaction {entry.latest.transaction}")
        if outlook.plan is not None:
            lines += plan_lines(outlook.plan, release, release.calendar(outlook.plan.epoch))
        if drafted is not None:
            lines += transaction_lines(drafted)
        if outlook.gate is not None:
            lines += map(printable, outlook.gate.lines)
        if outlook.plan is not None and self.reaches_nodes:
            lines.append(learning_line(outlook.plan.epoch))
        echo_lines(lines, err=self.output.as_json)
        warn(warnings_of(outlook))
        if self.token_file is not None and drafted is not None and drafted.transaction.minted is not None:
            unit = drafted.transaction.minted.unit
            with_token(self.token_file, spelled(unit), self.replaces)  # refused before anything is spent

    def conclude(
        self, release: Release, outlook: MarkersOutlook, published: Published[TrustedReading] | None, status: Status
    ) -> None:
        """Show what was done; and write the thread token last, so that a file that refuses it hides nothing."""
        failure, written = None, None
        if self.token_file is not None and not self.output.dry_run:
            try:
                written = _write_token(release, outlook, published, self.token_file, self.replaces)
            except EraSwitchError as error:
                failure = error
        self._show_end(release, outlook, published, status, written)
        if failure is not None:
            raise failure

    def _show_end(
        self,
        release: Release,
        outlook: MarkersOutlook,
        published: Published[TrustedReading] | None,
        status: Status,
        written: str | None,
    ) -> None:
        reading = outlook.reading if published is None else published.reading
        markers = outlook.plan.after if status == "planned" and outlook.plan is not None else reading.markers
        sight = nodes_see(markers, release.epoch_of(reading), release.settings)
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
            click.echo(f"{ending_words(status)}{unsigned}")
            echo_lines([f"Then: {sight_lines(sight)[0]}"])
            return
        done = f"{self.done_words}{f', by transaction {transaction}' if transaction else ''}"
        minted = None if outlook.drafted is None else outlook.drafted.transaction.minted
        token = [] if minted is None or status != "published" else token_lines(minted.unit)
        if written is not None:
            token.append(f"The thread token is in [trust] of {printable(written)}")
        echo_lines([ending_words(status, transaction, done=done), *token, *sight_lines(sight)])


def _write_token(
    release: Release,
    outlook: MarkersOutlook,
    published: Published[TrustedReading] | None,
    file: Path,
    replaced: str | None,
) -> str:
    """Write the token that was read back into the configuration, and return the file's name.

    ``replaced`` is a token that may be configured there, and is not any longer.

    Raises:
        ConfigurationError: there is none, nothing proves that it is the team's, or the file cannot take it.
        EraSwitchError: the file cannot be written, or what is in force is not known.
    """
    reading = outlook.reading if published is None else published.reading
    unit, in_force = token_in_force(reading), output_in_force(reading)
    is_own = published is not None and in_force is not None and in_force.output.transaction == published.transaction
    if unit is None or not (is_own or release.trusts_proven()):
        raise ConfigurationError(
            f"No thread token was written into {file}",
            code="TokenLine",
            expected="markers in force, posted by the owner of the era address, with a thread token",
            got="markers without one" if unit is None else "an output not proved to be the owner's",
            next_step="Look at eraswitch marker show; put a token that is yours into [trust] by hand",
        )
    write_file(file, with_token(file, spelled(unit), replaced).encode())
    return str(file)
