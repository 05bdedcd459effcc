"""``eraswitch keys``: era keys and payment keys made, taken over from elsewhere, and shown without their secrets.

Files with secrets are made with mode 0600 and never overwritten. A secret is never taken from the command line, where
everyone who can list processes sees it.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from era_service.cli.shared.arguments import json_option, read_bytes, read_secret_key, read_verification_key
from era_service.cli.shared.groups import KnownGroup
from era_service.cli.shared.output import echo_json
from eras import ConfigurationError

if TYPE_CHECKING:
    from datum import SigningKey
    from release_tools import PaymentKey
    from release_tools.keys.forms import FoundKey

KINDS = ("era", "payment")
kind_argument = click.argument("kind", type=click.Choice(KINDS))


@click.group(cls=KnownGroup)
def keys() -> None:
    """Make keys, take keys over, and show what is public of them."""


@keys.command()
@kind_argument
@click.argument("target", type=click.Path(path_type=Path))
@json_option
def new(kind: str, target: Path, *, as_json: bool) -> None:
    """Make a key.

    An era key pair goes into the folder TARGET, as era.sk and era.vk; a payment key into the file TARGET, in
    cardano-cli's envelope.
    """
    if kind == "era":
        from datum import SigningKey

        _write_era_key(SigningKey.generate(), target, as_json=as_json)
    else:
        from release_tools import PaymentKey

        _write_payment_key(PaymentKey.generate(), target, as_json=as_json)


@keys.command("import")
@kind_argument
@click.argument("source")
@click.argument("target", type=click.Path(path_type=Path))
@click.option(
    "--path",
    "path",
    metavar="PATH",
    help="Where in a wallet the payment key is (CIP-1852), for words, root_xsk and acct_xsk. "
    "By default 1852H/1815H/0H/0/0, the first address.",
)
@json_option
def import_(kind: str, source: str, target: Path, *, path: str | None, as_json: bool) -> None:
    """Take a key over from SOURCE, a file, or - for standard input, which a terminal asks for unseen.

    An era key is JSON-hex as in era.sk, or 64 hex digits. A payment key is an envelope of cardano-cli (a payment key,
    plain or extended, or a genesis UTxO key); bech32 (addr_xsk, addr_sk, ed25519_sk, ed25519e_sk); hex of 32, 64, 96
    or 128 bytes, also as a cborHex; or, with --path, a root_xsk, an acct_xsk or the 12, 15 or 24 words of a wallet
    without a passphrase. A file with words must be its owner's alone. TARGET is as for `new`.
    """
    if kind == "era":
        if path is not None:
            raise click.UsageError("--path is for payment keys: an era key is not derived")
        _write_era_key(_era_key(source), target, as_json=as_json)
        return
    from release_tools import PaymentKey

    found = _payment_key(source, path)
    facts = {"form": found.form} | ({} if found.path is None else {"path": found.path})
    _write_payment_key(PaymentKey(found.raw), target, facts, as_json=as_json)


@keys.command()
@click.argument("file")
@click.option("--secret/--public", "is_secret", default=None, help="What FILE holds; told by its ending, .sk or .vk.")
@json_option
def show(file: str, *, is_secret: bool | None, as_json: bool) -> None:
    """Show what is public of the key in FILE: the verification key, or hash and addresses of a payment key."""
    from release_tools.keys.forms import looks_like_payment_key

    if file.endswith(".skey") or (is_secret is None and looks_like_payment_key(_text(file))):
        from release_tools import PaymentKey

        _echo(_public_of_payment_key(PaymentKey.load(Path(file))), as_json=as_json)
        return
    if is_secret is None and not file.endswith((".sk", ".vk")):
        raise click.UsageError("Both halves of an era key look alike: say --secret or --public")
    if is_secret or (is_secret is None and file.endswith(".sk")):
        key = read_secret_key(f"@{file}").verification_key
    else:
        key = read_verification_key(f"@{file}")
    _echo({"kind": "era", "verification_key": key.hex, "json_hex": key.to_json_hex()}, as_json=as_json)


def _era_key(source: str) -> "SigningKey":
    if source != "-":
        return read_secret_key(f"@{source}")
    return read_secret_key(_text(source).strip())


def _payment_key(source: str, path: str | None) -> "FoundKey":
    from release_tools.keys.derivation import DEFAULT_PATH, DerivationError, DerivationPath
    from release_tools.keys.forms import find_payment_key, looks_like_words

    try:
        wanted = DerivationPath.parse(DEFAULT_PATH if path is None else path)
    except DerivationError as error:
        raise click.BadParameter(str(error), param_hint="--path") from None
    name = "standard input" if source == "-" else source
    text = _text(source)
    if source != "-" and looks_like_words(text) and Path(source).stat().st_mode & 0o077:
        raise ConfigurationError(
            "The words of a wallet are not taken from a file that others can read",
            code="KeySource",
            expected=f"{source} to be its owner's alone",
            got=f"mode {Path(source).stat().st_mode & 0o777:o}",
            next_step=f"Run: chmod 600 {source}",
        )
    found = find_payment_key(text, name, wanted)
    if path is not None and found.path is None:
        raise click.UsageError(f"--path is for wallets and accounts, and {name} holds one key: leave --path out")
    return found


def _text(source: str) -> str:
    from datum import text_of

    if source == "-" and sys.stdin is not None and sys.stdin.isatty():
        return str(click.prompt("Key or words (not shown)", hide_input=True, err=True))
    try:
        return text_of(read_bytes(source))
    except UnicodeDecodeError:
        # "from None": the exception holds the bytes, which may be a secret.
        raise ConfigurationError(
            "A key cannot be read",
            code="KeySource",
            expected=f"text in {'standard input' if source == '-' else source}",
            got="bytes that are not text",
            next_step="Check that it was copied whole",
        ) from None


def _write_era_key(key: "SigningKey", folder: Path, *, as_json: bool) -> None:
    from release_tools.keys.files import write_key_pair

    files = write_key_pair(folder, key)
    facts = {"kind": "era", "verification_key": key.verification_key.hex, "secret_file": str(files.secret_key)}
    _echo(facts | {"public_file": str(files.verification_key)}, as_json=as_json)


def _write_payment_key(key: "PaymentKey", file: Path, facts: dict[str, Any] | None = None, *, as_json: bool) -> None:
    key.save(file)
    _echo(_public_of_payment_key(key) | (facts or {}) | {"secret_file": str(file)}, as_json=as_json)


def _public_of_payment_key(key: "PaymentKey") -> dict[str, Any]:
    return {
        "kind": "payment",
        "key_hash": key.key_hash,
        "address_mainnet": key.address(1),
        "address_test_networks": key.address(0),
    }


def _echo(facts: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        echo_json(facts)
        return
    width = max(map(len, facts))
    for name, value in facts.items():
        click.echo(f"{name.replace('_', ' '):<{width}}  {value}")
