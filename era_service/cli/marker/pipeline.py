"""The one way of a publication: look, show, ask, sign, journal, submit, wait, read back, conclude.

In: settings, a ``Job`` that states what is published, and how the command line shows and asks. Out: the
publication on the chain. What is planned, checked and signed is below ``era_service.releasing``; what happens once
whatever interrupts it is ``release_tools.publishing``'s.
"""

from abc import ABC, abstractmethod
from contextlib import nullcontext
from typing import Any, Generic, Protocol, TypeVar

import click

from datum import ERA, MarkerKind
from era_service.cli.shared.publication_view import network_document, progress, transaction_document
from era_service.cli.shared.release import AskingOptions
from era_service.config.schema import Settings
from era_service.releasing.publishing import PublishingMeans, require_keys, sign
from era_service.releasing.session import Release, open_release
from release_tools.publishing.journal import Journal, JournalEntry
from release_tools.publishing.publication import Draft, MarkersInForce, Published, Publisher
from release_tools.transactions.drafting import DraftedTransaction


class PublicationOutlook(Protocol):
    """The plan of what would be done."""

    @property
    def is_done(self) -> bool:
        """Whether there is nothing to do."""
        ...

    @property
    def unfinished(self) -> JournalEntry | None:
        """The publication of an earlier run that is to be gone on with."""
        ...

    @property
    def drafted(self) -> DraftedTransaction | None:
        """The transaction, where there is one."""
        ...

    @property
    def draft(self) -> Draft | None:
        """The same as a publication."""
        ...


R = TypeVar("R", bound="MarkersInForce")
O = TypeVar("O", bound=PublicationOutlook)  # noqa: E741 - an outlook


class Job(ABC, Generic[R, O]):
    """A publication: how it is looked at, shown, recorded and concluded.

    Args:
        means: what pays, signs the transaction and waits.
        output: how the command line shows and asks.
    """

    kind: MarkerKind = ERA

    def __init__(self, means: PublishingMeans, output: AskingOptions) -> None:
        self.means = means
        self.output = output

    def at(self, release: Release) -> Release:
        """The session at the place where it is published."""
        return release

    @abstractmethod
    def read(self, release: Release) -> R:
        """The reading of its kind of marker now."""

    @abstractmethod
    def look(self, release: Release, publisher: "Publisher[R]", journal: Journal) -> O:
        """See what is to be done, without doing any of it."""

    @abstractmethod
    def show(self, release: Release, outlook: O) -> None:
        """Show what would be done."""

    def require_draft(self, outlook: O) -> Draft:
        """The draft that is to be signed.

        Raises:
            EraSwitchError: there is none: a key is missing.
        """
        if outlook.draft is None:
            raise RuntimeError("nothing is drafted, and nothing is done")
        return outlook.draft

    def require_certain(self, outlook: O) -> None:
        """Check, where nobody is asked, that nothing of it looks like a slip."""

    def record(self, settings: Settings, outlook: O) -> None:
        """Keep what must be known of it later, before anything is signed."""

    @abstractmethod
    def conclude(self, release: Release, outlook: O, published: "Published[R] | None", status: str) -> None:
        """Show what was done."""


def publish(settings: Settings, job: Job[R, O]) -> None:
    """Show what a job does, ask, do it, and show what came of it.

    Raises:
        EraSwitchError: something stands in the way.
    """
    with open_release(settings) as opened:
        release = job.at(opened)
        journal = Journal(job.means.journal_root, release.network.magic, release.policy.address, job.kind)
        with nullcontext() if job.output.dry_run else journal.held():
            outlook = job.look(release, Publisher(release.gateway, journal, lambda: job.read(release)), journal)
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
                published = _see_through(release, job, outlook, journal)
                job.conclude(release, outlook, published, "superseded" if published.superseded else "published")


def _confirm(release: Release, job: Job[R, O], outlook: O) -> None:
    """Ask; and find missing keys before anything is asked."""
    require_keys(release, job.require_draft(outlook), job.means.payment_keys)
    if job.output.yes:
        job.require_certain(outlook)
    else:
        click.confirm("Sign this and submit it?", abort=True, err=True)


def _see_through(release: Release, job: Job[R, O], outlook: O, journal: Journal) -> "Published[R]":
    """Go on with an unfinished publication, or else sign and publish the draft, and show how it goes on."""
    with progress(quiet=job.output.as_json) as watch:
        waiting = job.means.waiting
        publisher = Publisher(release.gateway, journal, lambda: job.read(release), waiting=waiting, watch=watch)
        if outlook.unfinished is not None:
            return publisher.resume(outlook.unfinished)
        draft = job.require_draft(outlook)
        return publisher.publish(draft, lambda _transaction: sign(release, draft, job.means.payment_keys))


def publication_document(
    release: Release, outlook: PublicationOutlook, published: Published[Any] | None, status: str
) -> dict[str, Any]:
    """The steps done, for machines; the plan is the caller's to add."""
    return {
        "status": status,
        "network": network_document(release),
        "drafted": None if outlook.drafted is None else transaction_document(outlook.drafted),
        "transaction": None if published is None else published.transaction,
        "depth": None if published is None else published.depth,
    }
