"""``eraswitch marker renew``: the markers in force, to be co-signed anew: by other keys, or for longer.

In: what nodes trust, from the chain or from a file, and the era key. Out: a co-signing file, for
``marker cosign`` and ``tx build``. The markers stay as they are; nothing switches.
"""

from pathlib import Path

import click

from datum import EraMarkersPayload, ExtendedPayload, KeySet, read_extended
from era_service.cli.marker.cosign import cosigning_lines
from era_service.cli.marker.signing_apart import no_era_key, trusted_by
from era_service.cli.shared.arguments import POSITIVE, read_verification_key
from era_service.cli.shared.commands import command, option, option_group
from era_service.cli.shared.context import AppContext
from era_service.cli.shared.output import echo_json, write_file
from era_service.cli.shared.release import DryRunOptions, EraKeyOptions, NetworkOptions, expires_option
from era_service.releasing.signed_payload import require_era_key
from era_service.releasing.trusted_snapshot import TrustedSnapshot
from era_service.wiring.trust import trust_policy
from eras import ConfigurationError, Epoch
from release_tools.markers.cosigning import propose


@option_group()
class RenewOptions:
    """The new keys or expiry, and the file."""

    cosigners: tuple[str, ...] = option(
        "--cosigner",
        metavar="KEY",
        help="A verification key that signs from now on, as hex or @FILE; give all of them. By default unchanged.",
    )
    threshold: int | None = option(
        "--threshold", metavar="K", type=POSITIVE, help="How many of them must sign from now on."
    )
    expires_epoch: Epoch | None = expires_option("The last epoch in which it is fresh; unchanged by default.")
    payload_out: Path = option("--payload-out", required=True, help="The co-signing file.")
    snapshot: str | None = option(
        "--from", metavar="FILE", help="Renew the output of marker show --json, without a network."
    )


@command(example="eraswitch marker renew --expires-epoch 790 --payload-out payload.json")
def renew(
    app: AppContext, *, new: RenewOptions, keys: EraKeyOptions, network: NetworkOptions, output: DryRunOptions
) -> None:
    """Have the markers in force co-signed again: by other keys (a rotation), by more or fewer, or for longer.

    Writes a co-signing file for marker cosign. If keys or threshold change, the old threshold of the old keys must sign
    it, and the new one of the new keys. Publishing it with tx build, tx sign and tx submit changes no era.
    """
    if not new.cosigners and new.threshold is None and new.expires_epoch is None:
        raise click.UsageError("Nothing would change: give --cosigner, --threshold or --expires-epoch.")
    settings = network.settings(app)
    policy = trust_policy(settings)
    if policy.extension is None:
        raise _not_cosigned('trust.mode = "extended" on this network', '"markers"')
    era_key = keys.era_key(settings)
    if era_key is None:
        raise no_era_key("--secret-key @FILE, or ERA_MARKERS_SECRET_KEY in the environment")
    require_era_key(era_key, policy)
    previous = _in_force(trusted_by(settings, policy, new.snapshot))
    proposal = propose(
        EraMarkersPayload(previous.payload.markers).sign(era_key),
        policy.extension,
        previous=previous,
        expires_epoch=previous.extension.expires_epoch if new.expires_epoch is None else new.expires_epoch,
        new_keys=_key_set(previous, new.cosigners, new.threshold),
    )
    if not output.dry_run:
        write_file(new.payload_out, proposal.to_text().encode())
    if output.as_json:
        echo_json({"payload_file": None if output.dry_run else str(new.payload_out), "check": proposal.check()})
        return
    click.echo("\n".join(cosigning_lines(proposal, configured=True)))
    if output.dry_run:
        click.echo("Nothing was written: this was a dry run")
    else:
        click.echo(
            f"To be co-signed: {new.payload_out}. Pass it to the signers: eraswitch marker cosign {new.payload_out}"
        )


def _in_force(trusted: TrustedSnapshot) -> ExtendedPayload:
    """The co-signed payload that nodes trust."""
    extended = None if trusted.payload is None else read_extended(trusted.payload)
    if extended is None:
        raise _not_cosigned(
            "a co-signed payload that nodes trust", "none" if trusted.payload is None else "a plain one"
        )
    return extended


def _key_set(previous: ExtendedPayload, cosigners: tuple[str, ...], threshold: int | None) -> KeySet:
    """The signers from now on; what is not given stays."""
    before = previous.extension.key_set
    keys = tuple(map(read_verification_key, cosigners)) or before.keys
    found = KeySet(keys, before.threshold if threshold is None else threshold)
    problem = found.problem()
    if problem is not None:
        raise click.UsageError(f"--cosigner and --threshold: expected {problem[0]}, got {problem[1]}.")
    return found


def _not_cosigned(expected: str, got: str) -> ConfigurationError:
    return ConfigurationError(
        "There is no co-signed payload to renew",
        code="NotCosigned",
        expected=expected,
        got=got,
        next_step="Publish the first one: eraswitch marker activate … --payload-out FILE, and have it co-signed",
    )
