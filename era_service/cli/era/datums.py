"""``eraswitch era generate-keypair`` and ``generate-tx-datum``: a key pair in files, and a datum in a file."""

from pathlib import Path

import click

from datum import EraMarkersPayload, SigningKey, encode_datum_json
from era_service.cli.shared.arguments import epoch, path_type
from era_service.cli.shared.commands import SectionOption, command
from era_service.cli.shared.context import AppContext
from era_service.cli.shared.key_loading import read_secret_key
from era_service.cli.shared.output import write_file
from eras import ConfigurationError, Epoch, EraMarker, SupportedEras
from release_tools.keys.files import write_key_pair


@command("generate-keypair", example="eraswitch era generate-keypair --target-path keys")
@click.option(
    "--target-path",
    required=True,
    metavar="DIR",
    type=path_type,
    help="Folder for era.sk and era.vk; created if missing.",
)
def generate_keypair(target_path: Path) -> None:
    """Create the release team's key pair: era.sk (secret) and era.vk. Existing keys are never overwritten."""
    write_key_pair(target_path, SigningKey.generate())
    click.echo(f"Era generate keypair to {target_path}")


@command("generate-tx-datum", example="eraswitch era generate-tx-datum --current-era-epoch 1 --target-path datum.json")
@click.option(
    "--current-era-epoch",
    required=True,
    type=epoch,
    envvar="CURRENT_ERA_EPOCH",
    show_envvar=True,
    help="Epoch at which the first supported era begins.",
)
@click.option(
    "--next-era-epoch",
    type=epoch,
    envvar="NEXT_ERA_EPOCH",
    show_envvar=True,
    help="Epoch at which the second supported era begins; without it, that era is only announced.",
)
@click.option(
    "--era-markers-secret-key",
    "secret_key",
    cls=SectionOption,
    section="Keys",
    metavar="KEY",
    envvar="ERA_MARKERS_SECRET_KEY",
    show_envvar=True,
    help="Secret key, JSON-hex as in era.sk, or @FILE: everyone who can list processes can see a key given here.",
)
@click.option(
    "--era-markers-secret-key-file",
    "secret_key_file",
    cls=SectionOption,
    section="Keys",
    metavar="FILE",
    help="File with the secret key.",
)
@click.option(
    "--target-path",
    required=True,
    metavar="FILE",
    type=path_type,
    help="Where to write the datum, for cardano-cli's --tx-out-inline-datum-file.",
)
def generate_tx_datum(
    app: AppContext,
    *,
    current_era_epoch: Epoch,
    next_era_epoch: Epoch | None,
    secret_key: str | None,
    secret_key_file: str | None,
    target_path: Path,
) -> None:
    """Write the datum of the transaction that activates or announces an era."""
    if secret_key_file is not None:
        secret_key = f"@{secret_key_file}"
    if secret_key is None:
        raise click.UsageError("Missing option '--era-markers-secret-key' or '--era-markers-secret-key-file'.")
    markers = plan_markers(app.supported_eras(), current_era_epoch, next_era_epoch)
    payload = EraMarkersPayload(markers).sign(read_secret_key(secret_key))
    write_file(target_path, encode_datum_json(payload.to_bytes()).encode())


def plan_markers(supported: SupportedEras, current: Epoch, upcoming: Epoch | None) -> tuple[EraMarker, ...]:
    """The markers with which the first supported era begins at ``current``, and the second, if any, at ``upcoming``.

    Raises:
        ConfigurationError: ``upcoming`` is not after ``current``, or the eras are not as many as these epochs.
    """
    if upcoming is not None and upcoming <= current:
        raise ConfigurationError(
            "The next era cannot begin before the current one",
            code="MarkerPlan",
            expected=f"a next era epoch greater than {current}",
            got=str(upcoming),
            next_step="Correct --next-era-epoch",
        )
    names = tuple(supported)
    if len(names) > 2 or (len(names) == 1 and upcoming is not None):
        raise ConfigurationError(
            "These epochs do not each name one era",
            code="MarkerPlan",
            expected="two supported eras, the current one and the next"
            if upcoming is not None
            else "one or two supported eras",
            got=", ".join(names),
            next_step="Set network.supported_eras to the eras that the markers are for",
        )
    epochs: tuple[Epoch | None, ...] = (current, upcoming)
    return tuple(EraMarker(name, epoch) for name, epoch in zip(names, epochs, strict=False))
