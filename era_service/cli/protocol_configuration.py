"""``eraswitch protocol-configuration``: exports and imports configurations, as Mithril's aggregator does.

The flags, the environment and the contents of the files are those of Mithril's tool. The chain is read through this
project's providers.
"""

import json
from pathlib import Path

import click

from datum import EraSigner, VerificationKey, encode_datum_json
from datum.configuration import DEFAULT_CONFIGURATIONS, ConfigurationMarkersPayload, check_against, read_import
from datum.configuration.imports import require_size
from datum.configuration.readable import to_readable
from era_service.cli.shared.arguments import naming, read_bytes
from era_service.cli.shared.commands import command, option, option_group
from era_service.cli.shared.context import AppContext
from era_service.cli.shared.groups import KnownGroup
from era_service.cli.shared.key_loading import read_secret_key
from era_service.cli.shared.output import warn, write_file
from era_service.cli.shared.release import NetworkOptions
from era_service.config.schema import Settings
from era_service.releasing.configurations import ConfigurationsOnChain, read_configurations
from era_service.wiring.trust import configuration_place
from eras import ConfigurationError, Epoch

SECRET_KEY_VARIABLES = ["PROTOCOL_CONFIGURATION_MARKERS_SECRET_KEY", "PROTOCOL_CONFIGURATION_READER_SECRET_KEY"]
PLACE_VARIABLES = ["PROTOCOL_CONFIGURATION_READER_ADAPTER_CONFIG", "PROTOCOL_CONFIGURATION_READER_ADAPTER_PARAMS"]


@option_group("Network")
class PlaceOptions:
    """The address of configurations."""

    adapter: str | None = option(
        "--protocol-configuration-reader-adapter-config",
        metavar="JSON",
        envvar=PLACE_VARIABLES,
        show_envvar=True,
        help='Where configurations are published: {"address":…,"verification_key":…}. By default the era address and '
        "key.",
    )

    def of(self, settings: Settings) -> tuple[str, VerificationKey]:
        """The address and the key of configurations: by the option or the environment, else as configured.

        Raises:
            ConfigurationError: they cannot be used.
            KeyFormatError: what is given as a key is not one.
        """
        if self.adapter is None:
            return configuration_place(settings)
        try:
            fields = json.loads(self.adapter)
            kind, address, key = fields.get("type", "cardano-chain"), fields["address"], fields["verification_key"]
            if kind != "cardano-chain" or not isinstance(address, str) or not isinstance(key, str):
                raise TypeError("another adapter")  # noqa: TRY301 - one way out
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ConfigurationError(
                "The place of protocol configurations is not usable",
                expected='{"type":"cardano-chain","address":"addr…","verification_key":"…"}',
                got=f"{self.adapter[:80]!r}",
                next_step=f"Correct --protocol-configuration-reader-adapter-config, or {' or '.join(PLACE_VARIABLES)}",
            ) from error
        return address, VerificationKey.parse(key)


@option_group("Keys")
class ConfigurationKeyOptions:
    """The key that configurations are signed with."""

    secret_key: str | None = option(
        "--protocol-configuration-markers-secret-key",
        metavar="KEY",
        envvar=SECRET_KEY_VARIABLES,
        show_envvar=True,
        help="Secret key, JSON-hex as in era.sk, or @FILE: everyone who can list processes can see a key given here.",
    )
    secret_key_file: str | None = option(
        "--protocol-configuration-markers-secret-key-file", metavar="FILE", help="File with the secret key."
    )

    def signing_key(self) -> EraSigner:
        """The given key: that of the file, otherwise of the text, which may come from the environment.

        Raises:
            ConfigurationError: its file cannot be read.
            KeyFormatError: it is not a key.
        """
        secret_key = self.secret_key if self.secret_key_file is None else f"@{self.secret_key_file}"
        if secret_key is None:
            raise click.UsageError(
                "Missing option '--protocol-configuration-markers-secret-key' or "
                "'--protocol-configuration-markers-secret-key-file'."
            )
        return read_secret_key(secret_key)


@option_group()
class ExportOptions:
    """The export and its file."""

    target_path: Path = option("--target-path", required=True, help="Where to write the export.")
    is_default: bool = option("--default", help="Export the default configuration without reading a chain.")


@option_group()
class ImportOptions:
    """The import, the comparison, and the file of the datum."""

    import_path: str = option(
        "--import-path", required=True, metavar="FILE", help="The configurations, as an export writes them."
    )
    target_path: Path = option(
        "--target-path", required=True, help="Where to write the datum, for cardano-cli's --tx-out-inline-datum-file."
    )
    current_epoch: Epoch | None = option("--current-epoch", help="The current epoch; by default the provider's.")
    without_chain: bool = option(
        "--without-chain", help="Do not compare with the chain: configurations that nodes already use may change."
    )


def _export(app: AppContext, /, *, what: ExportOptions, place: PlaceOptions, network: NetworkOptions) -> None:
    """Write the configurations on the chain as JSON, or the default one if there is none."""
    configurations = DEFAULT_CONFIGURATIONS
    if not what.is_default:
        found = on_chain(network.settings(app), place)
        configurations = found.configurations or DEFAULT_CONFIGURATIONS
        if not found.configurations:
            click.echo(f"{found.source} shows no configuration on the chain: the default one is written", err=True)
    write_file(what.target_path, to_readable(configurations).encode())


def _import(
    app: AppContext,
    /,
    *,
    what: ImportOptions,
    key: ConfigurationKeyOptions,
    place: PlaceOptions,
    network: NetworkOptions,
) -> None:
    """Check and sign configurations, and write the datum that publishes them.

    Parameters must be possible for a lottery, types that need a signing configuration must have one, and the current
    epoch and the last three must stay as they are on the chain. All mistakes are reported at once.
    """
    signer = key.signing_key()
    with naming(what.import_path):
        configurations = read_import(read_bytes(what.import_path))
    if what.without_chain:
        warn(["not compared with the chain: configurations that nodes already use may change"])
    else:
        found = on_chain(network.settings(app), place)
        at = found.epoch if what.current_epoch is None else what.current_epoch
        unknown = check_against(found.configurations, configurations, at)
        if unknown:
            warn([f"the chain has no configuration for epoch {', '.join(map(str, unknown))}: not compared"])
    datum = encode_datum_json(ConfigurationMarkersPayload.of(configurations).sign(signer).to_bytes())
    require_size(datum)
    write_file(what.target_path, datum.encode())


def _group_of(name: str) -> str:
    return "protocol-configuration" if name.endswith("-markers") else "marker configuration"


def export_command(name: str) -> click.Command:
    """The command that exports, by its name in a group."""
    return command(name, example=f"eraswitch {_group_of(name)} {name} --target-path markers.json")(_export)


def import_command(name: str) -> click.Command:
    """The command that imports, by its name in a group."""
    example = (
        f"eraswitch {_group_of(name)} {name} --import-path markers.json \\\n"
        "  --target-path datum.json \\\n  --protocol-configuration-markers-secret-key-file keys/era.sk"
    )
    return command(name, example=example)(_import)


@click.group("protocol-configuration", cls=KnownGroup)
def protocol_configuration() -> None:
    """Export and import protocol configurations, as Mithril's aggregator does."""


protocol_configuration.add_command(export_command("export-markers"))
protocol_configuration.add_command(import_command("import-markers"))


def on_chain(settings: Settings, place: PlaceOptions) -> ConfigurationsOnChain:
    """The configurations on the chain; warns if deployed readers may read others.

    Raises:
        ConfigurationError: the place or the providers are not usable.
        ChainReadError, StoreError: no provider answers.
        ProtocolConfigurationError: what is signed there cannot be used.
    """
    found = read_configurations(settings, *place.of(settings))
    warn(found.notes)
    return found
