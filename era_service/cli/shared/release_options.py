"""Options that the release team's commands share: the network, the provider, keys, money, and waiting.

In: a click command. Out: the same with these options, and what the commands make of their values. A secret never stands
on the command line: keys come from files or from the environment.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from chain_reader.providers.gateway import MAINNET_MAGIC
from era_service.cli.shared.arguments import InputFileError, read_bytes
from era_service.cli.shared.arguments import epoch as epoch_type
from era_service.cli.shared.context import AppContext
from era_service.cli.shared.key_loading import load_payment_key, read_secret_key
from era_service.cli.shared.output import write_file
from eras import ConfigurationError

if TYPE_CHECKING:
    from datum import EraSigner
    from era_service.config.schema import Settings
    from release_tools.keys.payment_key import PaymentSigner
    from release_tools.publishing.submission import Waiting
    from release_tools.transactions.drafting import Purse
    from release_tools.transactions.files import CarriedTransaction

SECRET_KEY_VARIABLE = "ERA_MARKERS_SECRET_KEY"  # noqa: S105 - the name of a variable


def never_on_the_command_line(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """The value of an option that holds a secret; given on the command line it must be ``@FILE``."""
    source = context.get_parameter_source(parameter.name or "")
    if value is not None and source is ParameterSource.COMMANDLINE and not value.startswith("@"):
        raise click.BadParameter(
            f"expected @FILE: a key given here is seen by all who can list processes. Or set {SECRET_KEY_VARIABLE}"
        )
    return value


def output_reference(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """The value of an option that names an output."""
    if value is not None and not re.fullmatch(r"[0-9a-f]{64}#[0-9]{1,5}", value):
        raise click.BadParameter("expected a transaction hash, # and the number of its output")
    return value


def combined(*decorators: Callable[..., Any]) -> Callable[..., Any]:
    """Several decorators as one, in the order in which help lists them."""

    def decorate(command: Any) -> Any:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate


yes_option = click.option("--yes", is_flag=True, help="Do not ask.")
dry_run_option = click.option("--dry-run", is_flag=True, help="Show what would be done, and do nothing.")

network_options = combined(
    click.option("--network-magic", metavar="N", type=click.IntRange(0, 2**32 - 1), help="Magic of the network."),
    click.option("--mainnet", is_flag=True, help=f"The same as --network-magic {MAINNET_MAGIC}."),
)

provider_option = click.option(
    "--provider",
    metavar="URL",
    help="Read here, and submit here: http(s)://… of a Blockfrost API, ws(s)://… of an Ogmios server, or local:FILE.",
)

secret_key_option = click.option(
    "--secret-key",
    metavar="@FILE",
    envvar=SECRET_KEY_VARIABLE,
    show_envvar=True,
    callback=never_on_the_command_line,
    help="File with the era key, JSON-hex as in era.sk or 64 hex digits; the variable may hold the key itself.",
)

payment_key_option = click.option(
    "--payment-key-file",
    "payment_key_files",
    metavar="FILE",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Payment signing key: an envelope of cardano-cli, bech32 or hex. May be given several times.",
)

witness_option = click.option(
    "--witness",
    "witness_files",
    metavar="FILE",
    multiple=True,
    help="Signature made elsewhere, as cardano-cli transaction witness and hardware wallets write it. May be given "
    "several times.",
)

format_option = click.option(
    "--format",
    "form",
    type=click.Choice(["envelope", "hex"]),
    default="envelope",
    show_default=True,
    help="cardano-cli's envelope, or the CBOR in hex, as wallets take it.",
)

max_fee_option = click.option(
    "--max-fee",
    metavar="LOVELACE",
    default=2_000_000,
    show_default=True,
    type=click.IntRange(min=0),
    help="Refuse a transaction that costs more.",
)

payment_address_option = click.option(
    "--payment-address",
    metavar="ADDR",
    default="",
    help="What is there pays, and the change goes there. By default the era address if the payment key owns it, "
    "else that key's own address.",
)

validity_option = click.option(
    "--validity-slots",
    default=7_200,
    show_default=True,
    type=click.IntRange(min=1),
    help="Slots after which the transaction is void; it is so earlier where it would give too little notice.",
)

purse_options = combined(
    payment_address_option,
    click.option(
        "--spend",
        metavar="TX#N",
        multiple=True,
        help="Spend this output too, whatever it carries; else none with tokens or other datums is touched.",
    ),
    click.option(
        "--sweep", is_flag=True, help="Spend older markers and copies at the era address, too: what the era key signed."
    ),
    validity_option,
    max_fee_option,
)

waiting_options = combined(
    click.option(
        "--confirmations",
        metavar="N",
        type=click.IntRange(min=0),
        help="Blocks on top of the transaction's block to wait for; by default 3, or more where nodes ask for more.",
    ),
    click.option(
        "--timeout",
        "timeout_s",
        metavar="SECONDS",
        default=1_800.0,
        show_default=True,
        type=click.FloatRange(min=0),
        help="How long to wait in all. The same command goes on later.",
    ),
    click.option(
        "--poll",
        "poll_s",
        metavar="SECONDS",
        default=1.0,
        type=click.FloatRange(min=0.05),
        help="How often to look while waiting; every second by default.",
    ),
)


signing_options = combined(
    secret_key_option,
    click.option("--payload-file", metavar="FILE", help="The payload, signed elsewhere, in place of the era key."),
    click.option(
        "--payload-out",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Only plan and sign: write the payload here, and submit nothing.",
    ),
    click.option(
        "--from",
        "snapshot",
        metavar="FILE",
        help="Plan from what marker show --json printed, without a network; with --payload-out.",
    ),
    click.option(
        "--expires-epoch",
        metavar="EPOCH",
        type=epoch_type,
        help="With --payload-out: the last epoch in which a co-signed payload is fresh.",
    ),
)

lead_option = click.option(
    "--lead-epochs",
    default=2,
    show_default=True,
    type=click.IntRange(min=1),
    help="Epochs between now and an activation, at least.",
)

not_a_slip_option = click.option(
    "--not-a-slip",
    is_flag=True,
    help="Confirm what looks like a slip: an epoch far ahead, a name that looks like another. --yes does not.",
)

rule_options = combined(
    lead_option,
    click.option("--force-name", is_flag=True, help="Take a name that is not in the list of supported eras."),
    not_a_slip_option,
)

journal_option = click.option(
    "--journal",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Folder of the journal, by which an interrupted run is gone on with; by default below ~/.local/state.",
)


def load_settings(app: AppContext, *, network_magic: int | None, mainnet: bool, provider: str | None) -> "Settings":
    """The settings, with the network that the command line names.

    Raises:
        ConfigurationError: it names two.
        InvalidConfigurationError: the configuration has mistakes.
    """
    if mainnet and network_magic not in (None, MAINNET_MAGIC):
        raise click.UsageError("--mainnet and --network-magic name different networks.")
    flags: dict[str, tuple[Any, str]] = {"reader.providers": (provider, "--provider")} if provider else {}
    settings = app.load(flags).settings
    magic, flag = (MAINNET_MAGIC, "--mainnet") if mainnet else (network_magic, "--network-magic")
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


def read_era_key(text: str | None, settings: "Settings") -> "EraSigner | None":
    """The era key that ``--secret-key`` or the environment names, else the configuration (``keys.era_key_file``).

    Raises:
        InputFileError: its file cannot be read.
        KeyFormatError: it is no key.
    """
    if text is None and settings.keys.era_key_file is not None:
        text = f"@{settings.keys.era_key_file}"
    return None if text is None else read_secret_key(text)


def read_payment_keys(files: tuple[Path, ...], settings: "Settings") -> "tuple[PaymentSigner, ...]":
    """The payment keys in these files, else those of the configuration (``keys.payment_key_files``).

    Raises:
        PaymentKeyError: one cannot be used.
        WrongPassphraseError: the passphrase of an encrypted one is another one.
    """
    return tuple(map(load_payment_key, files or settings.keys.payment_key_files))


def with_witnesses(carried: "CarriedTransaction", files: tuple[str, ...]) -> "CarriedTransaction":
    """A transaction with the signatures in these files.

    Raises:
        InputFileError: a file cannot be read.
        EnvelopeError: a file holds no signature.
        TransactionFileError: a signature does not belong to the transaction.
    """
    from release_tools.transactions.witness_files import read_signatures

    return carried.add([one for name in files for one in read_signatures(read_text(name), name)]) if files else carried


def read_payload(name: str) -> bytes:
    """The signed payload in a file: in a complete co-signing file, or in whatever holds a datum (``datum.finding``).

    Raises:
        InputFileError: it cannot be read, or does not hold one payload.
        MarkerError: its payload is not complete.
    """
    import json

    from datum import find_datums, kind_of_file
    from release_tools.markers.cosigning import Cosigning

    data = read_bytes(name)
    text = read_text(name, data)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if isinstance(document, dict) and "eraswitch_cosigning" in document:
        cosigning = Cosigning.from_text(text)
        if not cosigning.is_complete:
            raise InputFileError(
                "The co-signing file is not complete",
                expected=f"in {name} the signatures of enough signers",
                got="too few of them",
                next_step=f"Have it signed: eraswitch marker cosign {name}",
            )
        return cosigning.extended.to_bytes()
    if isinstance(document, dict) and "markers" in document:
        return text.strip().encode()
    contents = {found.content for found in find_datums(data)} - {None}
    if len(contents) == 1 and (content := contents.pop()) is not None:
        return content
    raise InputFileError(
        "The file does not hold one signed payload",
        expected=f"in {name} a payload as JSON, one datum in JSON or hex, or a co-signing file",
        got=f"{len(contents)} different datums" if contents else kind_of_file(data),
        next_step="Give the file that --payload-out wrote",
    )


def read_text(name: str, data: bytes | None = None) -> str:
    """The text in a file, or in standard input for ``-``; ``data`` is its content, where that is read already.

    Raises:
        InputFileError: it cannot be read, or is not text.
    """
    from datum import text_of

    try:
        return text_of(read_bytes(name) if data is None else data)
    except UnicodeDecodeError as error:
        raise InputFileError(
            "A file cannot be read",
            expected=f"text in {name}",
            got="bytes that are not text",
            next_step="Check the path",
        ) from error


def purse_of(
    *, payment_address: str, spend: tuple[str, ...], sweep: bool, validity_slots: int, max_fee: int
) -> "Purse":
    """What pays, as the options say."""
    from release_tools.transactions.drafting import Purse

    return Purse(payment_address, spend, sweep, validity_slots=validity_slots, max_fee=max_fee)


def write_transaction(out: Path, carried: "CarriedTransaction", form: str) -> None:
    """Write a transaction into a file, in the form that ``--format`` names.

    Raises:
        OutputFileError: it cannot be written.
    """
    text = carried.to_text() if form == "envelope" else carried.cbor.hex() + "\n"
    write_file(out, text.encode())


def waiting_of(settings: "Settings", *, confirmations: int | None, timeout_s: float, poll_s: float) -> "Waiting":
    """How long to wait, as the options say; nodes themselves may wait for more blocks than that (rule T8).

    Raises:
        ConfigurationError: the network, or what its nodes trust, is not known.
    """
    from era_service.releasing.session import require_magic
    from era_service.wiring.trust import trust_policy
    from release_tools.publishing.submission import DEFAULT_CONFIRMATIONS, Waiting

    require_magic(settings)
    if confirmations is None:
        confirmations = max(DEFAULT_CONFIRMATIONS, trust_policy(settings).confirmations)
    return Waiting(confirmations, timeout_s, poll_s)
