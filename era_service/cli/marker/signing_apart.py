"""Planning and signing a change of the markers without spending anything: ``--payload-out``, ``--from``.

In: what is trusted, from the chain or from a file, and an order. Out: the signed payload in a file, for
``--payload-file``, ``marker cosign`` or ``tx build``.
"""

import click

from chain_reader import TrustPolicy
from era_service.cli.shared.arguments import naming, read_text
from era_service.cli.shared.output import echo_json, echo_lines, printable, warn, write_file
from era_service.cli.shared.publication_view import plan_lines
from era_service.cli.shared.release import DryRunOptions, SigningFiles
from era_service.config.schema import Settings
from era_service.releasing.activation_gate import pass_gate
from era_service.releasing.publishing import ChangeOrder
from era_service.releasing.session import open_release
from era_service.releasing.signed_payload import payload_file
from era_service.releasing.trusted_snapshot import TrustedSnapshot, read_snapshot
from era_service.wiring.genesis import calendar_of
from era_service.wiring.trust import trust_policy
from eras import ConfigurationError
from release_tools.markers.rules import plan_change


def trusted_by(settings: Settings, policy: TrustPolicy, snapshot: str | None) -> TrustedSnapshot:
    """The trust of nodes, from the document that ``marker show --json`` printed, or else from the chain.

    Raises:
        ConfigurationError: the document cannot be read.
        EraSwitchError: the chain could not be read, or the document is not one.
    """
    if snapshot is not None:
        with naming(snapshot):
            return read_snapshot(read_text(snapshot), policy)
    with open_release(settings, submits=False) as release:
        return TrustedSnapshot.of(release, release.read())


def sign_apart(settings: Settings, order: ChangeOrder, files: SigningFiles, output: DryRunOptions) -> None:
    """Plan a change, and write its signed payload into a file.

    Raises:
        EraSwitchError: something stands in the way.
    """
    policy = trust_policy(settings)
    trusted = trusted_by(settings, policy, files.snapshot)
    plan = plan_change(order.change, trusted.markers, trusted.epoch, order.rules(settings), trusted.published)
    plan.require_allowed()
    if not order.not_a_slip and not output.dry_run:
        plan.require_no_slip()
    gate = None if plan.is_done else pass_gate(settings, plan, order.override_gate)
    lines = [*plan_lines(plan, None, calendar_of(settings)), *map(printable, [] if gate is None else gate.lines)]
    echo_lines(lines, err=output.as_json)
    warn((*plan.slips, *plan.warnings))
    written = None
    if files.payload is not None and not output.dry_run and not plan.is_done:
        if order.era_key is None:
            raise no_era_key("--secret-key @FILE, or ERA_MARKERS_SECRET_KEY in the environment")
        content = payload_file(plan, order.era_key, policy, trusted.payload, files.expires_epoch)
        if gate is not None:
            gate.record(settings)
        write_file(files.payload, content)
        written = str(files.payload)
    if output.as_json:
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
    return ConfigurationError(
        "The era key is missing",
        expected=expected,
        got="none",
        next_step="Give the key that markers are signed with",
        code="EraKey",
    )
