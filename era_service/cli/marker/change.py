"""``eraswitch marker announce|activate|postpone|cancel|retire``: plan, check, build, sign, submit, wait, read back.

Each is the same command around another ``MarkerChange``. Without a network, from a file of what is trusted, it only
plans and signs (``--from``, ``--payload-out``); then the payload goes on to ``--payload-file`` or to ``tx build``.
"""

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from chain_reader.thread_token import spelled
from era_service.cli.marker.token_writing import write_token, write_token_option
from era_service.cli.shared.arguments import epoch as epoch_type
from era_service.cli.shared.arguments import json_option
from era_service.cli.shared.context import AppContext, pass_app
from era_service.cli.shared.output import echo_json, printable
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
    read_era_key,
    read_payload,
    read_payment_keys,
    read_text,
    rule_options,
    signing_options,
    waiting_of,
    waiting_options,
    yes_option,
)
from era_service.config.token_line import require_place, with_token
from era_service.wiring.genesis import configured_calendar
from eras import Epoch, EraSwitchError

if TYPE_CHECKING:
    from collections.abc import Callable

    from chain_reader.trust.reading import TrustedReading
    from era_service.config.schema import Settings
    from era_service.releasing.publishing import ChangeOrder, Outlook
    from era_service.releasing.session import Release
    from release_tools.keys.payment_key import PaymentSigner
    from release_tools.markers.change import MarkerChange
    from release_tools.publishing.journal import JournalEntry
    from release_tools.publishing.publication import Draft, MarkersInForce, Published, Publisher
    from release_tools.publishing.submission import Watch

R = TypeVar("R", bound="MarkersInForce")

HELP = {
    "announce": "Announce ERA, without an epoch: operators learn what is coming, and nothing switches yet.",
    "activate": "Let ERA begin at an epoch: every node that knows it switches then, and every other one stops.",
    "postpone": "Let ERA, which is scheduled, begin at a later epoch.",
    "cancel": "Drop ERA, which is announced or scheduled and has not begun.",
    "retire": "Drop the marker of ERA, which is past; a later era is active.",
}
_MORE = """

    It reads what nodes trust now, refuses what would break a rule, and shows the plan. After a yes it signs, submits,
    waits for confirmations, reads back as a node does, and says what nodes see then. Interrupted at any point, the
    same command goes on or says that it is done: there is never a second transaction.
"""


def in_words(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """A reason has words."""
    if value is not None and not value.strip():
        raise click.BadParameter("expected a reason in words")
    return value


_override_option = click.option(
    "--override-gate",
    metavar="REASON",
    callback=in_words,
    help="Go on although the gate on adoption is not met, for this reason; it is kept in the event log.",
)


mint_token_option = click.option(
    "--mint-token",
    is_flag=True,
    help="Mint a thread token with this marker, a network's first; nodes that know it believe no other output.",
)


def change_command(kind: str) -> click.Command:
    """The command of a kind of change."""
    takes_epoch = kind in ("activate", "postpone")

    def run(app: AppContext, /, era: str, at: Epoch | None = None, **options: Any) -> None:
        from release_tools.markers.change import ChangeKind, MarkerChange

        run_change(app, MarkerChange(ChangeKind(kind), era, at), **options)

    run.__doc__ = HELP[kind] + _MORE
    at_option = click.option("--at", required=True, metavar="EPOCH", type=epoch_type, help="When it begins.")
    options = combined(
        click.argument("era"),
        *([mint_token_option, write_token_option] if kind in ("announce", "activate") else []),
        *([at_option] if takes_epoch else []),
        *([_override_option] if kind == "activate" else []),
        signing_options,
        payment_key_option,
        purse_options,
        rule_options,
        waiting_options,
        journal_option,
        provider_option,
        network_options,
        dry_run_option,
        yes_option,
        json_option,
        pass_app,
    )
    command: click.Command = click.command(kind)(options(run))
    return command


@dataclass(frozen=True, slots=True)
class SigningFiles:
    """Where signing without a network reads and writes: what is trusted, the payload, and how long it is fresh."""

    snapshot: str | None
    payload: Path | None
    expires_epoch: Epoch | None


def run_change(
    app: AppContext,
    change: "MarkerChange",
    *,
    network_magic: int | None,
    mainnet: bool,
    provider: str | None,
    snapshot: str | None = None,
    payload_out: Path | None = None,
    expires_epoch: Epoch | None = None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    writes_token: bool = False,
    **options: Any,
) -> None:
    """Do a change of the markers, with the values of the options that ``change_command`` gives."""
    settings = load_settings(app, network_magic=network_magic, mainnet=mainnet, provider=provider)
    order = _order(settings, change, **options)
    if snapshot is not None and payload_out is None and not dry_run:
        raise click.UsageError("--from plans without a network: give --payload-out, or --dry-run.")
    if writes_token and (not order.mint_token or snapshot is not None or payload_out is not None):
        raise click.UsageError("--write goes with --mint-token, and with publishing at once.")
    if snapshot is not None or payload_out is not None:
        files = SigningFiles(snapshot, payload_out, expires_epoch)
        _sign_only(settings, order, files, dry_run=dry_run, as_json=as_json)
        return
    file = require_place(app.load().file) if writes_token else None
    publish_order(settings, order, dry_run=dry_run, yes=yes, as_json=as_json, token_file=file)


def _order(
    settings: "Settings",
    change: "MarkerChange",
    *,
    secret_key: str | None,
    payload_file: str | None,
    payment_key_files: tuple[Path, ...],
    lead_epochs: int,
    force_name: bool,
    journal: Path | None,
    payment_address: str,
    spend: tuple[str, ...],
    sweep: bool,
    validity_slots: int,
    max_fee: int,
    confirmations: int | None,
    timeout_s: float,
    poll_s: float,
    not_a_slip: bool,
    override_gate: str | None = None,
    mint_token: bool = False,
) -> "ChangeOrder":
    from era_service.config.paths import user_state_folder
    from era_service.releasing.publishing import ChangeOrder

    return ChangeOrder(
        change=change,
        lead_epochs=lead_epochs,
        force_name=force_name,
        purse=purse_of(
            payment_address=payment_address, spend=spend, sweep=sweep, validity_slots=validity_slots, max_fee=max_fee
        ),
        era_key=None if payload_file is not None else read_era_key(secret_key, settings),
        payload=None if payload_file is None else read_payload(payload_file),
        payment_keys=read_payment_keys(payment_key_files, settings),
        journal_root=journal or user_state_folder() / "publications",
        waiting=waiting_of(settings, confirmations=confirmations, timeout_s=timeout_s, poll_s=poll_s),
        override_gate=override_gate,
        not_a_slip=not_a_slip,
        mint_token=mint_token,
    )


# --- the whole way


def publish_order(
    settings: "Settings",
    order: "ChangeOrder",
    *,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    token_file: Path | None = None,
) -> None:
    """Show what an order does, ask, do it, write the thread token into ``token_file``, and say what nodes see then.

    Raises:
        EraSwitchError: something stands in the way, or the token could not be written.
    """
    from era_service.releasing.adopting import look_at_adoption
    from era_service.releasing.publishing import look
    from era_service.releasing.session import open_release
    from era_service.releasing.sweeping import look_at_sweep
    from release_tools.markers.change import ChangeKind
    from release_tools.publishing.journal import Journal
    from release_tools.publishing.publication import Publisher

    with open_release(settings) as release:
        journal = Journal(order.journal_root, release.network.magic, release.policy.address)
        with nullcontext() if dry_run else journal.held():
            publisher = Publisher(release.gateway, journal, release.read)
            looks = {ChangeKind.SWEEP: look_at_sweep, ChangeKind.ADOPT_TOKEN: look_at_adoption}
            outlook = looks.get(order.change.kind, look)(release, order, publisher, journal)
            _show(outlook, release, as_json=as_json)
            minted = None if outlook.drafted is None else outlook.drafted.transaction.minted
            if token_file is not None and minted is not None:
                with_token(token_file, spelled(minted.unit))  # refused before anything is spent
            if outlook.is_done:
                if not dry_run:
                    journal.drop()  # of an earlier run, whose change somebody else has made
                _conclude(release, outlook, None, "done", as_json=as_json, token_file=None if dry_run else token_file)
            elif dry_run:
                status = "planned" if outlook.unfinished is None else "unfinished"
                _conclude(release, outlook, None, status, as_json=as_json)
            else:
                _confirm(release, outlook, order, yes=yes)
                if outlook.gate is not None:
                    outlook.gate.record(settings)
                published = see_through(
                    release,
                    lambda watch: Publisher(release.gateway, journal, release.read, waiting=order.waiting, watch=watch),
                    order.payment_keys,
                    outlook.unfinished,
                    outlook.draft,
                    quiet=as_json,
                )
                status = "superseded" if published.superseded else "published"
                _conclude(release, outlook, published, status, as_json=as_json, token_file=token_file)


def _show(outlook: "Outlook", release: "Release", *, as_json: bool) -> None:
    lines = []
    if outlook.unfinished is not None:
        entry = outlook.unfinished
        lines.append(f"An earlier run was interrupted: {printable(str(entry.change))}")
        lines.append(f"  transaction {entry.latest.transaction}")
    if outlook.plan is not None:
        lines += plan_lines(outlook.plan, release, release.calendar())
    if outlook.drafted is not None:
        lines += transaction_lines(outlook.drafted)
    if outlook.gate is not None:
        lines += map(printable, outlook.gate.lines)
    if outlook.plan is not None and not _is_sweep(outlook):
        lines.append(learning_line(outlook.plan.epoch))
    click.echo("\n".join(lines), err=as_json)
    for warning in warnings_of(outlook):
        click.echo(f"Warning: {printable(warning)}", err=True)


def _confirm(release: "Release", outlook: "Outlook", order: "ChangeOrder", *, yes: bool) -> None:
    """Ask, unless an earlier run was told yes; and find missing keys before anything is asked."""
    from era_service.releasing.publishing import require_keys

    if outlook.unfinished is not None:
        return
    if outlook.draft is None:
        raise no_era_key("--secret-key @FILE, ERA_MARKERS_SECRET_KEY in the environment, or --payload-file")
    require_keys(release, outlook.draft, order.payment_keys)
    if yes and outlook.plan is not None and not order.not_a_slip:
        outlook.plan.require_no_slip()
    if not yes:
        click.confirm("Sign this and submit it?", abort=True, err=True)


def see_through(
    release: "Release",
    publisher: "Callable[[Watch], Publisher[R]]",
    payment_keys: "tuple[PaymentSigner, ...]",
    unfinished: "JournalEntry | None",
    draft: "Draft | None",
    *,
    quiet: bool,
) -> "Published[R]":
    """Go on with an unfinished publication, or else sign and publish the draft, and show how it goes on."""
    from era_service.releasing.publishing import sign

    with progress(quiet=quiet) as watch:
        if unfinished is not None:
            return publisher(watch).resume(unfinished)
        assert draft is not None  # noqa: S101 - the caller has seen to it
        return publisher(watch).publish(draft, lambda _transaction: sign(release, draft, payment_keys))


def _conclude(
    release: "Release",
    outlook: "Outlook",
    published: "Published[TrustedReading] | None",
    status: str,
    *,
    as_json: bool,
    token_file: Path | None = None,
) -> None:
    """Show what was done; and write the thread token last, so that a file that refuses it hides nothing."""
    failure, written = None, None
    if token_file is not None:
        try:
            written = write_token(release, outlook, published, token_file)
        except EraSwitchError as error:
            failure = error
    _show_end(release, outlook, published, status, as_json=as_json, written=written)
    if failure is not None:
        raise failure


def _show_end(
    release: "Release",
    outlook: "Outlook",
    published: "Published[TrustedReading] | None",
    status: str,
    *,
    as_json: bool,
    written: str | None,
) -> None:
    from era_service.releasing.trusted_snapshot import nodes_see

    reading = outlook.reading if published is None else published.reading
    markers = outlook.plan.after if status == "planned" and outlook.plan is not None else reading.markers
    sight = nodes_see(markers, release.epoch_of(reading), release.settings.network.supported_eras)
    transaction = outlook.done_by if published is None else published.transaction
    if as_json:
        echo_json(
            {
                "status": status,
                "network": network_document(release),
                "plan": None if outlook.plan is None else outlook.plan.to_dict(),
                "drafted": None if outlook.drafted is None else transaction_document(outlook.drafted),
                "transaction": transaction,
                "depth": None if published is None else published.depth,
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
        click.echo(f"Then: {sight_lines(sight)[0]}")
        return
    words = {
        "done": f"Nothing to do: {_done_words(outlook)}{f', by transaction {transaction}' if transaction else ''}",
        "unfinished": "Nothing was done: this was a dry run. Without --dry-run this goes on with it",
        "published": f"Done: transaction {transaction}",
        "superseded": f"Done by transaction {transaction}, and replaced by another publication since",
    }
    minted = None if outlook.drafted is None else outlook.drafted.transaction.minted
    token = [] if minted is None or status != "published" else token_lines(minted.unit)
    if written is not None:
        token.append(f"The thread token is in [trust] of {printable(written)}")
    click.echo("\n".join([words[status], *token, *sight_lines(sight)]))


def _done_words(outlook: "Outlook") -> str:
    from release_tools.markers.change import ADOPT_TOKEN

    if outlook.plan is not None and outlook.plan.change == ADOPT_TOKEN:
        return "the marker output holds a thread token already"
    return "nothing is at the era address that could be swept" if _is_sweep(outlook) else "it is done already"


def _is_sweep(outlook: "Outlook") -> bool:
    from release_tools.markers.change import SWEEP

    return outlook.plan is not None and outlook.plan.change == SWEEP


# --- without spending anything


def _sign_only(
    settings: "Settings",
    order: "ChangeOrder",
    files: "SigningFiles",
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    from era_service.cli.shared.output import write_file
    from era_service.releasing.activation_gate import pass_gate
    from era_service.releasing.publishing import rules_of
    from era_service.releasing.session import open_release
    from era_service.releasing.signed_payload import payload_file
    from era_service.releasing.trusted_snapshot import TrustedSnapshot, read_snapshot
    from era_service.wiring.trust import trust_policy
    from release_tools.markers.rules import plan_change

    policy = trust_policy(settings)
    if files.snapshot is not None:
        trusted = read_snapshot(read_text(files.snapshot), policy)
    else:
        with open_release(settings, submits=False) as release:
            trusted = TrustedSnapshot.of(release, release.read())
    rules = rules_of(order, settings)
    plan = plan_change(order.change, trusted.markers, trusted.epoch, rules, trusted.published)
    plan.require_allowed()
    if not order.not_a_slip and not dry_run:
        plan.require_no_slip()
    gate = None if plan.is_done else pass_gate(settings, plan, order.override_gate)
    lines = [
        *plan_lines(plan, None, configured_calendar(settings)),
        *map(printable, [] if gate is None else gate.lines),
    ]
    click.echo("\n".join(lines), err=as_json)
    for warning in (*plan.slips, *plan.warnings):
        click.echo(f"Warning: {printable(warning)}", err=True)
    written = None
    if files.payload is not None and not dry_run and not plan.is_done:
        if order.era_key is None:
            raise no_era_key("--secret-key @FILE, or ERA_MARKERS_SECRET_KEY in the environment")
        content = payload_file(plan, order.era_key, policy, trusted.payload, files.expires_epoch)
        if gate is not None:
            gate.record(settings)
        write_file(files.payload, content)
        written = str(files.payload)
    if as_json:
        echo_json(
            {
                "status": "done" if plan.is_done else "planned",
                "plan": plan.to_dict(),
                "payload_file": written,
                "gate": None if gate is None else gate.to_dict(),
            }
        )
    elif plan.is_done:
        click.echo("Nothing to do: it is done already")
    elif written is None:
        click.echo("Nothing was written: this was a dry run")
    elif policy.extension is None:
        click.echo(f"Signed payload: {written}. Publish it: the same command with --payload-file, or tx build")
    else:
        click.echo(f"To be co-signed: {written}. Pass it to the signers: eraswitch marker cosign {written}")


def no_era_key(expected: str) -> Exception:
    """The error where a command needs the era key, and none was given."""
    from era_service.releasing.signed_payload import EraKeyError

    return EraKeyError(
        "The era key is missing",
        expected=expected,
        got="none",
        next_step="Give the key that markers are signed with",
    )
