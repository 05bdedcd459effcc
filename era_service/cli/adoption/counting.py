"""Counting the adoption of the last epochs, for ``adoption summary`` and ``adoption chart``.

In: the option groups of these commands. Out: the adoption of each epoch, the newest first.
"""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from era_service.cli.adoption.options import BaseOptions, ReadinessOptions, eras_option
from era_service.cli.shared.commands import option, option_group
from era_service.cli.shared.context import AppContext
from era_service.cli.shared.output import printable
from era_service.config.schema import Settings
from era_service.wiring.adoption import adoption_rules, compatibility_of, epoch_or_assumed, open_registrations
from eras import Epoch
from release_tools import EpochAdoption, summarise_last
from release_tools.adoption.summary import newest_begun, require_told

if TYPE_CHECKING:
    from era_store import SqlRegistrations


def last_option(default: str) -> int | None:
    """The option with the number of epochs, as a field of a group."""
    text = f"How many epochs; by default {default}."
    found: int | None = option("--last", metavar="N", type=click.IntRange(min=1), help=text)
    return found


@option_group()
class CountOptions(BaseOptions):
    """The counting."""

    epoch: Epoch | None = option("--epoch", help="The last epoch to show; by default the newest that has begun.")
    eras: tuple[str, ...] = eras_option()


@option_group("Data")
class HandedOnOptions(ReadinessOptions):
    """The registrations that count, also those that a service hands on."""

    service_url: str | None = option("--from-service", metavar="URL", help="Count what a service serves instead.")
    verify: bool = option("--verify", help="With --from-service: count only what the parties themselves have signed.")

    def opened(self, settings: Settings) -> "AbstractContextManager[SqlRegistrations]":
        """The registrations.

        Raises:
            EraSwitchError: they cannot be read.
        """
        if (self.verify and self.service_url is None) or (self.files and self.service_url is not None):
            raise click.UsageError("--from-service cannot be combined with other sources, and --verify is for it only.")
        if self.service_url is None:
            return open_registrations(settings, self.files)
        from era_service.follower.handed_on import handed_on_by

        found = handed_on_by(self.service_url, settings.network.magic, verify=self.verify)
        click.echo(printable(found.words), err=True)
        return nullcontext(found.repository)


def adoptions(
    app: AppContext, count: CountOptions, data: HandedOnOptions, *, last: int, limit: int, details: bool = False
) -> tuple[EpochAdoption, ...]:
    """The adoption of the last epochs.

    Args:
        app: has the settings.
        count: what is counted.
        data: the registrations that count.
        last: how many epochs.
        limit: parties that a list names at most.
        details: whether each epoch has all its details.

    Raises:
        EraSwitchError: an era is not known, or there are no registrations to count.
    """
    settings = data.settings(app)
    compatibility = compatibility_of(settings, data.compatibility_file)
    with data.opened(settings) as repository:
        for era in count.eras:
            require_told(repository, era, compatibility, repository.epochs())
        current, assumed = (count.epoch, None) if count.epoch is not None else epoch_or_assumed(settings, repository)
        if assumed is not None:
            click.echo(f"! {assumed}", err=True)
        return summarise_last(
            repository,
            last,
            last=newest_begun(repository.epochs(), current) if count.epoch is None else count.epoch,
            compatibility=compatibility,
            eras=count.eras or None,
            base=count.base(settings),
            rules=replace(adoption_rules(settings), limit=limit),
            details_of_all=details,
        )
