"""``eraswitch keys``: era keys and payment keys made, taken over from elsewhere, and shown without their secrets.

Files with secrets are made with mode 0600 and never overwritten. A secret is never taken from the command line, where
everyone who can list processes sees it.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from era_service.cli.arguments import json_option, read_bytes, read_secret_key, read_verification_key
from era_service.cli.lazy_group import KnownGroup
from era_service.cli.output import echo_json
from eras import ConfigurationError

if TYPE_CHECKING:
    from datum import SigningKey
    from release_tools import PaymentKey

KINDS = ("era", "payment")
kind_argument = click.argument("kind", type=click.Choice(KINDS))


class KeySourceError(ConfigurationError):
    """What should be taken over as a key cannot be read as one."""


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
@json_option
def import_(kind: str, source: str, target: Path, *, as_json: bool) -> None:
    """Take a key over from SOURCE, a file, or - for standard input.

    An era key is JSON-hex as in era.sk, or 64 hex digits. A payment key is cardano-cli's envelope, plain or extended,
    or the hex digits of 32 or 128 bytes. TARGET is as for `new`.
    """
    if kind == "era":
        _write_era_key(_era_key(source), target, as_json=as_json)
    else:
        _write_payment_key(_payment_key(source), target, as_json=as_json)


@keys.command()
@click.argument("file")
@click.option("--secret/--public", "is_secret", default=None, help="What FILE holds; told by its ending, .sk or .vk.")
@json_option
def show(file: str, *, is_secret: bool | None, as_json: bool) -> None:
    """Show what is public of the key in FILE: the verification key, or hash and addresses of a payment key."""
    if file.endswith(".skey") or read_bytes(file).lstrip()[:1] == b"{":
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


def _payment_key(source: str) -> "PaymentKey":
    from release_tools import PaymentKey

    text = _text(source).strip()
    if text.startswith("{"):
        if source == "-":
            raise _no_key(source, "hex digits on standard input, or an envelope in a file", "an envelope")
        return PaymentKey.load(Path(source))
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        raw = b""
    if not raw:
        # Outside the handler: the exception of the decoder holds the text, which is the secret.
        raise _no_key(source, "cardano-cli's envelope, or hex digits", "something else")
    return PaymentKey(raw)


def _text(source: str) -> str:
    content = read_bytes(source)
    return content.decode() if content.isascii() else ""


def _no_key(source: str, expected: str, got: str) -> KeySourceError:
    return KeySourceError(
        f"There is no payment key in {'standard input' if source == '-' else source}",
        expected=expected,
        got=got,
        next_step="Check that it was copied whole",
    )


def _write_era_key(key: "SigningKey", folder: Path, *, as_json: bool) -> None:
    from release_tools.key_files import write_key_pair

    files = write_key_pair(folder, key)
    facts = {"kind": "era", "verification_key": key.verification_key.hex, "secret_file": str(files.secret_key)}
    _echo(facts | {"public_file": str(files.verification_key)}, as_json=as_json)


def _write_payment_key(key: "PaymentKey", file: Path, *, as_json: bool) -> None:
    key.save(file)
    _echo(_public_of_payment_key(key) | {"secret_file": str(file)}, as_json=as_json)


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
