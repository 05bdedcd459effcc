"""``eraswitch init``: sets up a folder in which a release team, or a node, can work."""

from dataclasses import replace
from pathlib import Path

import click

from era_service.cli.shared.arguments import MAGIC, PROVIDER, read_verification_key
from era_service.cli.shared.commands import command, nested, option, option_group
from era_service.cli.shared.context import AppContext
from era_service.cli.shared.key_loading import load_payment_key, read_secret_key
from era_service.cli.shared.output import echo_json, printable, warn
from era_service.cli.shared.passphrases import EncryptOptions, is_interactive, passphrase_of_new_keys
from era_service.cli.shared.release import DryRunOptions
from era_service.config.load import CONFIG_FILE_NAME
from era_service.config.networks import NETWORKS, SHORT_NAMES, full_name
from era_service.releasing.setup import LOCAL, SetUp, SetUpOrder, set_up
from eras import ConfigurationError

DEFAULT_REHEARSAL = "rehearsal"


@option_group("Network")
class InitNetworkOptions:
    """The network that is set up."""

    network_magic: int | None = option(
        "--network-magic", metavar="N", type=MAGIC, help="Magic, for a network of your own."
    )
    provider: str | None = option(
        "--provider",
        metavar="URL",
        help=f"{PROVIDER}, a rehearsal chain, which is created if missing.",
    )
    project_id_file: Path | None = option(
        "--project-id-file", help="File with the provider's API key, readable by its owner only."
    )
    eras: tuple[str, ...] = option("--era", metavar="NAME", help="A supported era, oldest first.")

    @property
    def is_local(self) -> bool:
        """Whether the chain is in a file."""
        return self.provider is not None and self.provider.startswith(LOCAL)


@option_group("Keys")
class InitKeyOptions:
    """The keys that exist, and where new ones go."""

    era_key: Path | None = option(
        "--era-key", help="An existing era key (era.sk). By default a network of your own gets a new one."
    )
    verification_key: str | None = option(
        "--verification-key", metavar="KEY", help="The era key's public half, if somebody else signs."
    )
    payment_key_file: Path | None = option(
        "--payment-key-file", help="An existing payment key that owns the era address. By default a new one is created."
    )
    era_address: str | None = option(
        "--era-address", metavar="ADDR", help="The era address, if its payment key is elsewhere."
    )
    keys_folder: Path = option("--keys", metavar="DIR", default="keys", help="The folder for new keys.")
    new: EncryptOptions = nested(EncryptOptions)


@command(example="eraswitch init --provider local:chain.sqlite3")
def init(app: AppContext, *, network: InitNetworkOptions, keys: InitKeyOptions, output: DryRunOptions) -> None:
    """Set up this folder: keys, and a configuration that names them.

    --network NAME is a public network, whose era address and key are built in, or your own name for another one, for
    which missing keys are created. On a terminal it asks for missing values. Afterwards commands need no key options.
    Existing files are never replaced.
    """
    name, network, keys = _asked(app.network, network, keys)
    order = SetUpOrder(
        name=name,
        magic=network.network_magic,
        provider=network.provider,
        project_id_file=network.project_id_file,
        era_key_file=keys.era_key,
        verification_key=None if keys.verification_key is None else read_verification_key(keys.verification_key),
        payment_key_file=keys.payment_key_file,
        era_address=keys.era_address,
        eras=network.eras,
        keys_folder=keys.keys_folder,
        config=Path(app.config or CONFIG_FILE_NAME),
        passphrase=passphrase_of_new_keys("the new keys", encrypts=keys.new.encrypts and not output.dry_run),
    )
    made = set_up(
        order,
        None if keys.era_key is None else read_secret_key(f"@{keys.era_key}"),
        None if keys.payment_key_file is None else load_payment_key(keys.payment_key_file),
    )
    if not output.dry_run:
        made.write()
    if output.as_json:
        echo_json(_document(made, dry_run=output.dry_run))
        return
    click.echo("\n".join(map(printable, _lines(made, dry_run=output.dry_run))))
    warn([] if made.warning is None else [made.warning])


def _asked(
    name: str | None, network: InitNetworkOptions, keys: InitKeyOptions
) -> tuple[str, InitNetworkOptions, InitKeyOptions]:
    """The network, provider and keys to set up; a terminal is asked for those that are missing."""
    is_terminal = is_interactive()
    if name is None and network.is_local:
        name = DEFAULT_REHEARSAL
    asks_keys = name is None and is_terminal
    if name is None and is_terminal:
        known = ", ".join(SHORT_NAMES)
        name = _ask(f"Network ({known}, or a name of your own)", DEFAULT_REHEARSAL)
    if network.provider is None and is_terminal:
        default = f"{LOCAL}chain.sqlite3" if name == DEFAULT_REHEARSAL else ""
        provider = _ask("Provider (http(s)://… of Blockfrost, ws(s)://… of Ogmios, local:FILE)", default)
        network = replace(network, provider=provider or None)
    is_own = name is not None and full_name(name) not in NETWORKS
    if is_terminal and is_own and not network.is_local and network.network_magic is None:
        words = "Magic of the Cardano network (1 preprod, 2 preview)"
        network = replace(network, network_magic=click.prompt(words, type=MAGIC, err=True))
    if asks_keys:
        otherwise = "a new one is created" if is_own else "none"
        keys = replace(
            keys,
            era_key=keys.era_key or _ask_for_key("Era key", otherwise),
            payment_key_file=keys.payment_key_file or _ask_for_key("Payment key", otherwise),
        )
    if name is None:
        raise ConfigurationError(
            "The network is not named",
            expected="--network NAME, a public network or a name of your own; or --provider local:FILE",
            got="neither",
            next_step="To try it all on a chain in a file: eraswitch init --provider local:chain.sqlite3",
            code="SetUp",
        )
    return name, network, keys


def _ask_for_key(words: str, otherwise: str) -> Path | None:
    file = _ask(f"{words}, the file that has it (empty: {otherwise})", "")
    return Path(file) if file else None


def _ask(words: str, default: str) -> str:
    return str(click.prompt(words, default=default, show_default=bool(default), err=True))


def _lines(made: SetUp, *, dry_run: bool) -> list[str]:
    files = ", ".join(map(str, made.files))
    lines = [f"{'Nothing was written: this was a dry run. It would write' if dry_run else 'Wrote'} {files}"]
    lines.append(f"Network      {made.order.name}, magic {made.magic}")
    if dry_run and made.payment_key is not None:
        return [*lines, "Era address  that of the payment key, which is only created without --dry-run"]
    lines.append(f"Era address  {made.era_address}")
    if not made.is_public and made.order.rehearsal_chain is None:
        lines.append(f"Fund it      send 10 ADA or more to {made.era_address}")
    return [*lines, "Next:", *(f"  {command}" for command in made.commands)]


def _document(made: SetUp, *, dry_run: bool) -> dict[str, object]:
    passing = dry_run and made.payment_key is not None  # the key, and so its address, is made anew next time
    address = None if passing else made.era_address
    return {
        "status": "planned" if dry_run else "written",
        "files": [str(path) for path in made.files],
        "network": {"name": made.order.name, "magic": made.magic, "public": made.is_public},
        "era_address": address,
        "verification_key": None if dry_run and made.era_key is not None else made.verification_key.hex,
        "fund": None if made.is_public else address,
        "next": [] if passing else list(made.commands),
        "warning": made.warning,
    }
