"""``eraswitch marker announce|activate|postpone|cancel|retire``: plan, check, build, sign, submit, wait, read back.

Each is the same command around another ``MarkerChange``. Without a network, from a file of what is trusted, it only
plans and signs (``--from``, ``--payload-out``); the payload is then for ``--payload-file`` or for ``tx build``.
"""

from dataclasses import dataclass
from functools import partial

import click

from era_service.cli.command_groups import marker
from era_service.cli.marker.pipeline import MarkerJob, publish
from era_service.cli.marker.signing_apart import no_era_key, sign_apart
from era_service.cli.shared.arguments import epoch as epoch_type
from era_service.cli.shared.commands import command, nested, option, option_group
from era_service.cli.shared.context import AppContext
from era_service.cli.shared.files import read_payload
from era_service.cli.shared.release import (
    MarkerSourceOptions,
    PublishingOptions,
    PurseOptions,
    SigningFiles,
    force_name_option,
    lead_option,
    not_a_slip_option,
    write_token_option,
)
from era_service.config.schema import Settings
from era_service.config.token_line import require_place
from era_service.releasing.publishing import ChangeOrder, MarkersOutlook, look
from eras import Epoch
from release_tools.markers.change import ChangeKind, MarkerChange
from release_tools.publishing.publication import Draft

_MORE = """.

    Reads what nodes trust now, refuses what would break a rule, and shows the plan. Once confirmed, it signs, submits,
    waits for confirmations, reads back as a node does, and reports what nodes see. After an interruption the same
    command continues or reports that it is done; there is never a second transaction.
"""
EXAMPLES = {
    "announce": "eraswitch marker announce pythagoras --network preview",
    "activate": "eraswitch marker activate pythagoras --at 748 --network preview",
    "postpone": "eraswitch marker postpone pythagoras --at 750 --network preview",
    "cancel": "eraswitch marker cancel pythagoras --network preview --dry-run",
    "retire": "eraswitch marker retire thales --network preview",
}


def in_words(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """A reason has words."""
    if value is not None and not value.strip():
        raise click.BadParameter("expected a reason in words")
    return value


@option_group()
class RuleOptions:
    """The rules that a change is held against."""

    lead_epochs: int = lead_option()
    force_name: bool = force_name_option()
    not_a_slip: bool = not_a_slip_option()


@option_group()
class ChangeOptions:
    """The options of every change of the markers."""

    rules: RuleOptions = nested(RuleOptions)
    source: MarkerSourceOptions = nested(MarkerSourceOptions)
    files: SigningFiles = nested(SigningFiles)
    purse: PurseOptions = nested(PurseOptions)
    publishing: PublishingOptions = nested(PublishingOptions)


@option_group()
class TokenOptions:
    """Whether a thread token is minted, and goes into the configuration."""

    mint_token: bool = option(
        "--mint-token",
        help="Mint a thread token with this marker, a network's first; nodes that know it trust no other output.",
    )
    writes_token: bool = write_token_option()


_NO_TOKEN = TokenOptions(mint_token=False, writes_token=False)
_AT = click.option("--at", required=True, metavar="EPOCH", type=epoch_type, help="The epoch at which it begins.")
_OVERRIDE = click.option(
    "--override-gate",
    metavar="REASON",
    callback=in_words,
    help="Continue although the adoption gate is not met; the reason is kept in the event log.",
)


@dataclass(frozen=True, kw_only=True)
class ChangeJob(MarkerJob):
    """A change of the markers."""

    order: ChangeOrder

    def require_draft(self, outlook: MarkersOutlook) -> Draft:
        """The draft that is to be signed.

        Raises:
            ConfigurationError: there is none, for want of the era key.
        """
        if outlook.draft is None:
            raise no_era_key("--secret-key @FILE, ERA_MARKERS_SECRET_KEY in the environment, or --payload-file")
        return outlook.draft

    def require_certain(self, outlook: MarkersOutlook) -> None:
        """Check that nothing looks like a slip, unless it is confirmed to be none."""
        if outlook.plan is not None and not self.order.not_a_slip:
            outlook.plan.require_no_slip()

    def record(self, settings: Settings, outlook: MarkersOutlook) -> None:
        """Keep the reason why a gate was overridden."""
        if outlook.gate is not None:
            outlook.gate.record(settings)


def change_command(kind: str) -> click.Command:
    """The command of a kind of change."""

    def run(
        app: AppContext,
        /,
        *,
        era: str,
        options: ChangeOptions,
        at: Epoch | None = None,
        token: TokenOptions = _NO_TOKEN,
        override_gate: str | None = None,
    ) -> None:
        run_change(app, MarkerChange(ChangeKind(kind), era, at), options, token=token, override_gate=override_gate)

    run.__doc__ = marker.lazy[kind][1] + _MORE
    decorated = _OVERRIDE(run) if kind == "activate" else run
    if kind in ("activate", "postpone"):
        decorated = _AT(decorated)
    also = {"token": TokenOptions} if kind in ("announce", "activate") else {}
    return command(kind, example=EXAMPLES[kind], takes=also)(click.argument("era")(decorated))


announce, activate, postpone, cancel, retire = map(change_command, EXAMPLES)


def run_change(
    app: AppContext,
    change: MarkerChange,
    options: ChangeOptions,
    *,
    token: TokenOptions = _NO_TOKEN,
    override_gate: str | None = None,
) -> None:
    """Do a change of the markers, as ``change_command`` and the next step of a rollout do it.

    Raises:
        EraSwitchError: something stands in the way.
    """
    settings = options.publishing.network.settings(app)
    order = _order(settings, change, options, token, override_gate)
    files, output = options.files, options.publishing.output
    is_apart = files.snapshot is not None or files.payload is not None
    if files.snapshot is not None and files.payload is None and not output.dry_run:
        raise click.UsageError("--from plans without a network: add --payload-out or --dry-run.")
    if token.writes_token and (not order.mint_token or is_apart):
        raise click.UsageError("--write needs --mint-token, and a publication.")
    if is_apart:
        sign_apart(settings, order, files, output)
    else:
        file = require_place(app.load().file) if token.writes_token else None
        publish(settings, ChangeJob(order.means, output, partial(look, order=order), file, order=order))


def _order(
    settings: Settings, change: MarkerChange, options: ChangeOptions, token: TokenOptions, override_gate: str | None
) -> ChangeOrder:
    rules, source = options.rules, options.source
    era_key = None if source.payload_file is not None else source.era_key(settings)  # asked for before payment keys
    return ChangeOrder(
        change=change,
        means=options.publishing.means(settings, options.purse.purse()),
        lead_epochs=rules.lead_epochs,
        force_name=rules.force_name,
        era_key=era_key,
        payload=None if source.payload_file is None else read_payload(source.payload_file),
        override_gate=override_gate,
        not_a_slip=rules.not_a_slip,
        mint_token=token.mint_token,
    )
