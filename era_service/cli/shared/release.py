"""Groups of options that the release team's commands share, and what becomes of their values.

A secret never stands on the command line: keys come from files or from the environment.
"""

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from chain_reader.providers.gateway import MAINNET_MAGIC
from datum import EraSigner
from era_service.cli.shared.arguments import MAGIC, NATURAL, POSITIVE, PROVIDER_HELP, Seconds
from era_service.cli.shared.commands import OUTPUT, nested, option, option_group, settings_given
from era_service.cli.shared.context import AppContext
from era_service.cli.shared.key_loading import load_payment_key, read_secret_key
from era_service.cli.shared.output import write_file
from era_service.config.load import user_state_folder
from era_service.config.schema import Settings
from era_service.releasing.publishing import PublishingMeans
from era_service.wiring.trust import required_confirmations
from eras import ConfigurationError, Epoch
from release_tools.keys.payment_key import PaymentSigner
from release_tools.publishing.submission import DEFAULT_CONFIRMATIONS, Waiting
from release_tools.transactions.drafting import Purse

if TYPE_CHECKING:
    from release_tools.transactions.files import CarriedTransaction

SECRET_KEY_VARIABLE = "ERA_MARKERS_SECRET_KEY"  # noqa: S105 - the name of a variable


def never_on_the_command_line(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """The value of an option that holds a secret; given on the command line it must be ``@FILE``."""
    source = context.get_parameter_source(parameter.name or "")
    if value is not None and source is ParameterSource.COMMANDLINE and not value.startswith("@"):
        raise click.BadParameter(
            f"expected @FILE: everyone who can list processes can see a key given here. Or set {SECRET_KEY_VARIABLE}"
        )
    return value


def output_reference(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """The value of an option that names an output."""
    if value is not None and not re.fullmatch(r"[0-9a-f]{64}#[0-9]{1,5}", value):
        raise click.BadParameter("expected a transaction hash, # and the number of its output")
    return value


# --- the network


@option_group("Network")
class NameOptions:
    """The network, by its name, for what asks no provider."""

    network_magic: int | None = option("--network-magic", metavar="N", type=MAGIC, help="Magic of the network.")
    mainnet: bool = option("--mainnet", help=f"Same as --network-magic {MAINNET_MAGIC}.")

    def settings(self, app: AppContext) -> Settings:
        """The settings, with the network, and the provider if any, that the command line names.

        Raises:
            ConfigurationError: it names two networks.
            InvalidConfigurationError: the configuration has mistakes.
        """
        if self.mainnet and self.network_magic not in (None, MAINNET_MAGIC):
            raise click.UsageError("--mainnet and --network-magic name different networks.")
        flags = settings_given(self)
        settings = app.load(flags).settings
        magic, flag = (MAINNET_MAGIC, "--mainnet") if self.mainnet else (self.network_magic, "--network-magic")
        if magic is None:
            return settings
        if settings.network.magic not in (None, magic):
            raise ConfigurationError(
                "Two networks are named",
                code="NetworkContradiction",
                expected=f"network magic {settings.network.magic} of {settings.network.name or 'the configuration'}",
                got=f"{magic} by {flag}",
                next_step="Name one network",
            )
        return app.load({**flags, "network.magic": (magic, flag)}).settings


@option_group("Network")
class NetworkOptions(NameOptions):
    """The network, and where its chain is read."""

    provider: str | None = option(
        "--provider",
        setting="reader.providers",
        metavar="URL",
        callback=lambda _context, _parameter, url: url or None,
        help=PROVIDER_HELP,
    )


# --- keys


def secret_key_option(of: str = "the era key", *, more: str = "") -> Any:
    """The option with a secret key, as a field of a group."""
    return option(
        "--secret-key",
        metavar="@FILE",
        envvar=SECRET_KEY_VARIABLE,
        show_envvar=True,
        callback=never_on_the_command_line,
        section="Keys",
        help=f"File with {of}, JSON-hex as in era.sk or 64 hex digits; the variable may hold the key itself.{more}",
    )


@option_group("Keys")
class EraKeyOptions:
    """The key that markers are signed with."""

    secret_key: str | None = secret_key_option()

    def text(self, settings: Settings) -> str | None:
        """The era key or its ``@FILE``, as given here or in the environment, else as configured (``era_key_file``)."""
        configured = settings.keys.era_key_file
        return self.secret_key if self.secret_key is not None or configured is None else f"@{configured}"

    def era_key(self, settings: Settings) -> EraSigner | None:
        """The era key of ``text``.

        Raises:
            ConfigurationError: its file cannot be read.
            KeyFormatError: it is not a key.
        """
        text = self.text(settings)
        return None if text is None else read_secret_key(text)


@option_group("Keys")
class PaymentKeyOptions:
    """The keys that transactions are signed with."""

    payment_key_files: tuple[Path, ...] = option(
        "--payment-key-file", help="Payment signing key: an envelope of cardano-cli, bech32 or hex."
    )

    def payment_keys(self, settings: Settings) -> tuple[PaymentSigner, ...]:
        """The payment keys in these files, else the configured ones (``keys.payment_key_files``).

        Raises:
            ConfigurationError: one cannot be used.
            WrongPassphraseError: the passphrase of an encrypted one is another one.
        """
        return tuple(map(load_payment_key, self.payment_key_files or settings.keys.payment_key_files))


# --- paying


payment_address_option = partial(
    option,
    "--payment-address",
    metavar="ADDR",
    default="",
    help="Pays from this address and returns the change to it. By default the era address if the payment key owns "
    "it, else that key's own address.",
)
"""Option field: the address that pays."""


max_fee_option = partial(
    option,
    "--max-fee",
    metavar="LOVELACE",
    default=2_000_000,
    type=NATURAL,
    help="Refuse a transaction that costs more.",
)
"""Option field: the highest fee."""


@option_group("Paying")
class LimitOptions:
    """The validity of a transaction, and its highest cost."""

    validity_slots: int = option(
        "--validity-slots",
        metavar="SLOTS",
        default=7_200,
        type=POSITIVE,
        help="Slots after which the transaction is void; fewer where it would otherwise give too little notice.",
    )
    max_fee: int = max_fee_option()

    def purse(self, payment_address: str, spend: tuple[str, ...], *, sweep: bool) -> Purse:
        """The payment within limits."""
        return Purse(payment_address, spend, sweep, validity_slots=self.validity_slots, max_fee=self.max_fee)


@option_group("Paying")
class PurseOptions:
    """The payment of a publication."""

    payment_address: str = payment_address_option()
    spend: tuple[str, ...] = option(
        "--spend",
        metavar="TX#N",
        help="Also spend this output, whatever it carries; otherwise none with tokens or other datums is touched.",
    )
    sweep: bool = option(
        "--sweep", help="Also spend older markers and copies at the era address: those that the era key signed."
    )
    limits: LimitOptions = nested(LimitOptions)

    def purse(self) -> Purse:
        """The payment."""
        return self.limits.purse(self.payment_address, self.spend, sweep=self.sweep)


# --- waiting


@option_group("Waiting")
class WaitingOptions:
    """The wait of a command for its transaction."""

    confirmations: int | None = option(
        "--confirmations",
        metavar="N",
        type=NATURAL,
        help="Blocks on top of the transaction's block to wait for; by default 3, or more where nodes require more.",
    )
    timeout_s: float = option(
        "--timeout",
        metavar="SECONDS",
        default=1_800.0,
        type=Seconds(min=0),
        help="How long to wait in total. The same command continues later.",
    )
    poll_s: float = option(
        "--poll",
        metavar="SECONDS",
        default=1.0,
        type=Seconds(min=0.05),
        help="Seconds between checks while waiting.",
    )

    def waiting(self, settings: Settings) -> Waiting:
        """The wait; nodes themselves may wait for more blocks than that (rule T8)."""
        confirmations = self.confirmations
        if confirmations is None:
            confirmations = max(DEFAULT_CONFIRMATIONS, required_confirmations(settings))
        return Waiting(confirmations, self.timeout_s, self.poll_s)


@option_group("Waiting")
class JournalOptions:
    """The journal of interrupted runs."""

    journal: Path | None = option(
        "--journal",
        metavar="DIR",
        help="Folder of the journal, which lets an interrupted run continue; by default below ~/.local/state.",
    )

    @property
    def root(self) -> Path:
        """The folder of all journals."""
        return self.journal or user_state_folder() / "publications"


# --- what is written


@option_group(OUTPUT)
class JsonOptions:
    """The output of a command."""

    as_json: bool = option("--json", help="Print JSON.")


@option_group(OUTPUT)
class DryRunOptions(JsonOptions):
    """Whether a command only shows what it would do, and what it prints."""

    dry_run: bool = option("--dry-run", help="Show what would be done, but do nothing.")


@option_group(OUTPUT)
class AskingOptions(DryRunOptions):
    """Whether a command asks before it does anything, and what it prints."""

    yes: bool = option("--yes", help="Do not ask for confirmation.")


format_option = partial(
    option,
    "--format",
    type=click.Choice(["envelope", "hex"]),
    default="envelope",
    help="cardano-cli's envelope, or the CBOR in hex, as wallets take it.",
)
"""Option field: the form of a transaction."""


@option_group(OUTPUT)
class TransactionFileOptions:
    """The file of a transaction, and its form."""

    out: Path = option("--out", required=True, help="Where to write the transaction.")
    form: str = format_option()

    def write(self, carried: "CarriedTransaction") -> None:
        """Write a transaction into the file.

        Raises:
            EraSwitchError: it cannot be written.
        """
        write_transaction(self.out, carried, self.form)


def write_transaction(out: Path, carried: "CarriedTransaction", form: str) -> None:
    """Write a transaction into a file, in the form that ``--format`` names.

    Raises:
        EraSwitchError: it cannot be written.
    """
    text = carried.to_text() if form == "envelope" else carried.cbor.hex() + "\n"
    write_file(out, text.encode())


# --- what publications have in common


@option_group()
class PublishingOptions:
    """The way of publishing: signers, wait, network, output and confirmation."""

    keys: PaymentKeyOptions = nested(PaymentKeyOptions)
    waiting: WaitingOptions = nested(WaitingOptions)
    journal: JournalOptions = nested(JournalOptions)
    network: NetworkOptions = nested(NetworkOptions)
    output: AskingOptions = nested(AskingOptions)

    def means(self, settings: Settings, purse: Purse) -> PublishingMeans:
        """The payment, the signature of the transaction, and the wait.

        Raises:
            ConfigurationError: a key cannot be used.
        """
        return PublishingMeans(
            purse, self.keys.payment_keys(settings), self.journal.root, self.waiting.waiting(settings)
        )


not_a_slip_option = partial(
    option,
    "--not-a-slip",
    help="Confirm what looks like a slip: an epoch far ahead, a name that looks like another. --yes does not.",
)
"""Option field: confirms what looks like a slip."""


lead_option = partial(
    option,
    "--lead-epochs",
    metavar="EPOCHS",
    default=2,
    type=POSITIVE,
    help="Least number of epochs between now and an activation.",
)
"""Option field: the notice of an activation."""


write_token_option = partial(
    option,
    "--write",
    help="Put the new thread token into [trust] of the configuration file in use, once nodes trust it.",
)
"""Option field: configures the new thread token."""


force_name_option = partial(option, "--force-name", help="Accept a name that is not in the list of supported eras.")
"""Option field: takes an unknown era."""


def expires_option(text: str) -> Any:
    """The option with the last epoch in which a co-signed payload is fresh, as a field of a group."""
    return option("--expires-epoch", help=text)


@option_group("Keys")
class MarkerSourceOptions(EraKeyOptions):
    """The signature of the markers: by the era key, or from elsewhere."""

    payload_file: str | None = option(
        "--payload-file", metavar="FILE", help="The payload, signed elsewhere, instead of the era key."
    )


@option_group("Signing apart")
class SigningFiles:
    """The files of signing without a network: what is trusted, the payload, and how long it is fresh."""

    payload: Path | None = option(
        "--payload-out", help="Only plan and sign: write the payload here; nothing is submitted."
    )
    snapshot: str | None = option(
        "--from",
        metavar="FILE",
        help="Plan from the output of marker show --json, without a network; with --payload-out.",
    )
    expires_epoch: Epoch | None = expires_option(
        "With --payload-out: the last epoch in which a co-signed payload is fresh."
    )
