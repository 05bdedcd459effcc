"""``eraswitch marker configuration publish``: plan, check, build, sign, submit, wait, read back.

It goes the way of ``marker activate``, with the journal of its own kind.
"""

from dataclasses import dataclass
from functools import partial

import click

from datum import CONFIGURATION, VerificationKey
from datum.configuration import read_import
from era_service.cli.marker.change import in_words
from era_service.cli.marker.pipeline import Job, Status, ending_words, publication_document
from era_service.cli.marker.pipeline import publish as run
from era_service.cli.protocol_configuration import ConfigurationKeyOptions, PlaceOptions
from era_service.cli.shared.arguments import naming, read_bytes
from era_service.cli.shared.commands import argument, command, option, option_group
from era_service.cli.shared.context import AppContext
from era_service.cli.shared.output import echo_json, echo_lines, printable, warn
from era_service.cli.shared.publication_view import transaction_lines
from era_service.cli.shared.release import PublishingOptions, PurseOptions
from era_service.config.schema import Settings
from era_service.releasing.configuration_publishing import (
    ConfigurationOrder,
    ConfigurationOutlook,
    at_place,
    look_at_configurations,
    record_force,
)
from era_service.releasing.configurations import ConfigurationsOnChain, read_to_replace
from era_service.releasing.session import Release
from era_service.wiring.trust import configuration_policy_at
from release_tools.markers.configurations import ConfigurationPlan
from release_tools.publishing.publication import Published


@option_group()
class PublishedOptions:
    """The publication."""

    file: str = argument()
    force: str | None = option(
        "--force",
        metavar="REASON",
        callback=in_words,
        help="In an emergency: change what nodes already use; the reason is kept in the event log.",
    )
    mint_token: bool = option(
        "--mint-token",
        help="Mint a thread token of this kind with it: protocol_configuration.thread_token for nodes (docs/trust.md).",
    )


@command(example="eraswitch marker configuration publish configurations.json --network preview")
def publish(
    app: AppContext,
    *,
    what: PublishedOptions,
    key: ConfigurationKeyOptions,
    place: PlaceOptions,
    purse: PurseOptions,
    publishing: PublishingOptions,
) -> None:
    """Publish the configurations in FILE, which is as for import.

    Reads what is on the chain, refuses what import refuses, and shows the changes by epoch and parameter. Once
    confirmed, it signs, submits, waits for confirmations and reads back. The transaction spends the configuration
    output that it replaces, and no era marker at the same address. After an interruption the same command continues or
    reports that it is done.
    """
    settings = publishing.network.settings(app)
    with naming(what.file):
        configurations = read_import(read_bytes(what.file))
    order = ConfigurationOrder(
        configurations=configurations,
        key=key.signing_key(),
        means=publishing.means(settings, purse.purse()),
        force=what.force,
        mint_token=what.mint_token,
    )
    look = partial(look_at_configurations, order=order)
    run(settings, ConfigurationJob(order.means, publishing.output, look, place.of(settings)))


@dataclass(frozen=True)
class ConfigurationJob(Job[ConfigurationsOnChain, ConfigurationPlan]):
    """A publication of protocol configurations.

    Attributes:
        means: what pays, signs the transaction and waits.
        output: how the command line shows and asks.
        look: sees what is to be done, without doing any of it.
        place: the address where configurations are published, and the key that signs them.
    """

    kind = CONFIGURATION
    place: tuple[str, VerificationKey]

    def at(self, release: Release) -> Release:
        """The session at the place of configurations."""
        return at_place(release, configuration_policy_at(release.settings, *self.place))

    def read(self, release: Release) -> ConfigurationsOnChain:
        """The configurations on the chain."""
        return read_to_replace(release)

    def show(self, release: Release, outlook: ConfigurationOutlook) -> None:
        """Show what changes, by epoch and parameter, and the transaction."""
        plan = outlook.plan
        lines = [f"Plan: {plan.change} (current epoch: {plan.epoch})"]
        if outlook.unfinished is not None:
            lines = [f"An earlier run was interrupted: transaction {outlook.unfinished.latest.transaction}"]
        lines.append(f"  network     {release.settings.network.name or 'unnamed'}, magic {release.network.magic}")
        lines.append(f"  at          {release.policy.address}")
        lines += [f"  {one}" for one in plan.differences] or ["  nothing changes"]
        if plan.force is not None:
            lines += [f"FORCED, for the reason: {printable(plan.force)}", f"  nodes use already: {plan.broken}"]
        if outlook.drafted is not None:
            lines += transaction_lines(outlook.drafted)
        echo_lines(lines, err=self.output.as_json)
        warn(_warnings(outlook))

    def record(self, settings: Settings, outlook: ConfigurationOutlook) -> None:
        """Keep the reason for a change of what nodes use already."""
        if outlook.unfinished is None:
            record_force(settings, outlook.plan)

    def conclude(
        self,
        release: Release,
        outlook: ConfigurationOutlook,
        published: Published[ConfigurationsOnChain] | None,
        status: Status,
    ) -> None:
        """Show what was done."""
        if self.output.as_json:
            document = publication_document(release, outlook, published, status)
            echo_json(document | {"plan": outlook.plan.to_dict()})
            return
        transaction = None if published is None else published.transaction
        words = ending_words(
            status,
            transaction,
            done="the chain has these configurations already",
            published=". Read back: it is what counts on the chain",
        )
        click.echo(words)


def _warnings(outlook: ConfigurationOutlook) -> list[str]:
    lost = outlook.lost
    return [
        *outlook.reading.notes,
        *outlook.plan.warnings,
        *(() if outlook.drafted is None else outlook.drafted.warnings),
        *(() if lost is None else (f"An earlier run was overtaken: transaction {lost.latest.transaction}",)),
    ]
