"""``eraswitch marker cosign``: show what a co-signing file holds, and add a signature to it. No chain is read."""

from pathlib import Path

import click

from datum import VerificationKey
from era_service.cli.shared.arguments import naming, read_bytes
from era_service.cli.shared.commands import OPTIONS, OUTPUT, command, option, option_group
from era_service.cli.shared.context import AppContext
from era_service.cli.shared.key_loading import read_secret_key
from era_service.cli.shared.output import echo_json, printable, warn, write_file
from era_service.cli.shared.passphrases import is_interactive
from era_service.cli.shared.release import JsonOptions, not_a_slip_option, secret_key_option
from era_service.config.schema import NetworkSettings
from era_service.wiring.genesis import clock_epoch
from eras import MarkerError
from release_tools.markers.change import slip_error
from release_tools.markers.cosigning import Cosigning


@option_group(OUTPUT)
class CosignOptions(JsonOptions):
    """The key that signs, and whether anything is written and asked."""

    secret_key: str | None = secret_key_option(
        "your secret key", more=" Without a key the file is only shown and checked."
    )

    dry_run: bool = option("--dry-run", help="Check everything, but leave the file unchanged.")
    yes: bool = option("--yes", help="Do not ask for confirmation; asked on a terminal only.")
    not_a_slip: bool = not_a_slip_option(section=OPTIONS)


@command(example="eraswitch marker cosign payload.json --secret-key @keys/cosigner.sk")
@click.argument("file", type=click.Path(path_type=Path))
def cosign(app: AppContext, *, file: Path, output: CosignOptions) -> None:
    """Add your signature to the extended payload in FILE, a co-signing file.

    First shows in plain words what you are about to sign. Refuses a file that was altered after somebody signed, one
    for another network, address or era key than the configured ones, a key that may not sign, and a key that has signed
    already. Warns of a sequence that jumps, an expired payload, an epoch far ahead and a name that looks like another
    one, and signs these only with --not-a-slip. Once enough have signed, the payload can be published.
    """
    text = _read(file)
    with naming(str(file)):
        cosigning = Cosigning.from_text(text)
    configured = _require_configured(cosigning, app.settings.network)
    key = None if output.secret_key is None else read_secret_key(output.secret_key)
    if key is not None:
        cosigning.require_may_sign(key.verification_key)
    if not output.as_json:
        click.echo("\n".join(cosigning_lines(cosigning, configured=configured)))
    doubts = _doubts(cosigning, app)
    warn(doubts)
    if doubts and key is not None and not output.not_a_slip:
        raise slip_error("to sign this payload", doubts)
    changes = key is not None and not output.dry_run
    if key is not None:
        if changes and not output.yes and is_interactive():
            click.confirm(f"Sign this with {key.verification_key}?", abort=True, err=True)
        cosigning = cosigning.sign(key)
    if changes:
        if _read(file) != text:
            raise MarkerError(
                "The file changed while you looked at it",
                expected=f"{file} as it was read",
                got="another content",
                next_step="Run the command again, and check the new content",
                code="CosigningFile",
            )
        write_file(file, cosigning.to_text().encode())
    if output.as_json:
        signed_by = None if key is None else key.verification_key.hex
        echo_json(
            {
                "file": str(file),
                "signed_by": signed_by,
                "written": changes,
                "check": cosigning.check(),
                "doubts": doubts,
            }
        )
        return
    signed = "Nothing was signed: no key was given"
    if key is not None:
        signed = f"{'Signed' if changes else 'Nothing was signed: this would sign'} with {key.verification_key}"
    click.echo(f"{signed}\n{_what_next(cosigning, would=key is not None and output.dry_run)}")


def _doubts(cosigning: Cosigning, app: AppContext) -> tuple[str, ...]:
    """Warnings before signing, by the clock where the network's genesis is known."""
    settings = app.settings
    return cosigning.doubts(
        clock_epoch(settings), max_lead_epochs=settings.trust.max_lead_epochs, supported=settings.network.supported_eras
    )


def _read(file: Path) -> str:
    if str(file) == "-":
        raise click.UsageError("FILE is written to, so it cannot be standard input.")
    try:
        return read_bytes(str(file)).decode()
    except UnicodeDecodeError as error:
        raise MarkerError(
            "A file is not a co-signing file",
            expected="text",
            got="bytes that are not UTF-8",
            next_step="Check the path",
            code="CosigningFile",
        ) from error


def _require_configured(cosigning: Cosigning, network: NetworkSettings) -> bool:
    """Hold the file against what is configured; whether there was anything to hold it against."""
    key = None if network.verification_key is None else VerificationKey.parse(network.verification_key)
    cosigning.require_binding(network_magic=network.magic, address=network.era_address, verification_key=key)
    return None not in (network.magic, network.era_address, key)


def cosigning_lines(cosigning: Cosigning, *, configured: bool) -> list[str]:
    """Describes a co-signing file in words; and what to compare where not all of it is ``configured``."""
    check = cosigning.check()
    previous = cosigning.previous
    after = "the first" if previous is None else f"after {previous.extension.sequence}, {check['previous']}"
    expires = "never" if check["expires_epoch"] is None else f"after epoch {check['expires_epoch']}"
    lines = [
        "Era markers" if previous is not None else "Era markers, none of which were co-signed before",
        *(f"  {printable(change)}" for change in check["markers"]),
        *([] if check["markers"] else ["  none at all"]),
        f"Network    magic {check['network_magic']}",
        f"Address    {printable(check['address'])}",
        f"Sequence   {check['sequence']}, {after}",
        f"Expires    {expires}",
        f"Hash       {check['hash']}",
    ]
    if not configured:
        lines.append("Unchecked  network, address and era key are not all configured here: compare them yourself")
    if len(check["signers"]) > 1:
        lines.append("Keys       they change: the old keys and the new ones must both sign")
    for group in check["signers"]:
        lines.append(
            f"{group['who'].capitalize():<10} {group['threshold']} of "
            f"{len(group['signed']) + len(group['missing'])} must sign, {len(group['signed'])} have"
        )
        lines += [f"  {state:<8} {key}" for state in ("signed", "missing") for key in group[state]]
    return lines


def _what_next(cosigning: Cosigning, *, would: bool) -> str:
    if cosigning.is_complete:
        return f"{'It would then be complete' if would else 'Complete'}: the payload can be published"
    needed = [
        f"{group['threshold'] - len(group['signed'])} more of the {group['who']}"
        for group in cosigning.check()["signers"]
        if len(group["signed"]) < group["threshold"]
    ]
    return f"{'It would then not be' if would else 'Not'} complete: {' and '.join(needed)} must sign. Pass the file on"
