"""``eraswitch keys``: creates, imports, encrypts, exports and shows era keys and payment keys.

Files with secrets are made with mode 0600 and never overwritten. A secret is never taken from the command line, where
everyone who can list processes sees it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import click

from datum import SigningKey, VerificationKey
from era_service.cli.shared.arguments import json_option, path_type, read_text, read_verification_key
from era_service.cli.shared.commands import option, option_group
from era_service.cli.shared.groups import KnownGroup
from era_service.cli.shared.key_loading import load_payment_key, read_secret_key
from era_service.cli.shared.output import echo_json
from era_service.cli.shared.passphrases import (
    EncryptOptions,
    asked_passphrase,
    given_passphrase,
    is_interactive,
    new_passphrase,
    passphrase_of_new_keys,
    passphrase_options,
    read_passphrase,
    unlock,
    without_core_dumps,
)
from era_store.drafts import write_new
from eras import ConfigurationError
from release_tools import PaymentKey
from release_tools.keys.derivation import DEFAULT_PATH, DerivationError, DerivationPath
from release_tools.keys.encrypted import EncryptedKey, Kind, encrypt
from release_tools.keys.files import era_key_text, replace, write_key_pair
from release_tools.keys.forms import FoundKey, find_payment_key, looks_like_payment_key, looks_like_words
from release_tools.keys.payment_key import enterprise_address, public_key_hash
from release_tools.keys.signers import Signer

_K = TypeVar("_K")
KINDS = ("era", "payment")
kind_argument = click.argument("kind", type=click.Choice(KINDS))


@click.group(cls=KnownGroup)
def keys() -> None:
    """Create and import keys, and show their public parts."""


@keys.command(example="eraswitch keys new era keys --encrypt")
@kind_argument
@click.argument("target", type=path_type)
@json_option
def new(kind: str, target: Path, *, new: EncryptOptions, as_json: bool) -> None:
    """Create a key.

    An era key pair goes into the folder TARGET, as era.sk and era.vk; a payment key into the file TARGET, in
    cardano-cli's envelope. With --encrypt, or a passphrase from a file, the secret is encrypted.
    """
    if kind == "era":
        _write_era_key(SigningKey.generate(), target, encrypts=new.encrypts, as_json=as_json)
    else:
        _write_payment_key(PaymentKey.generate(), target, encrypts=new.encrypts, as_json=as_json)


@option_group("Keys")
class ImportOptions(EncryptOptions):
    """The way in which a key is imported."""

    path: str | None = option(
        "--path",
        metavar="PATH",
        help="Where in a wallet the payment key is (CIP-1852), for words, root_xsk and acct_xsk.",
        show_default=DEFAULT_PATH,
    )
    second_factor: str | None = option(
        "--second-factor", metavar="FILE", help="The passphrase of a wallet's words: a file, or - for a prompt."
    )


@keys.command("import", example="eraswitch keys import payment wallet.words pay.skey --path 1852H/1815H/0H/0/0")
@kind_argument
@click.argument("source")
@click.argument("target", type=path_type)
@json_option
def import_(kind: str, source: str, target: Path, *, how: ImportOptions, as_json: bool) -> None:
    """Import a key from SOURCE, a file, or - for standard input (a terminal prompts without echo).

    An era key is JSON-hex as in era.sk, or 64 hex digits. A payment key is an envelope of cardano-cli (a payment key,
    plain or extended, or a genesis UTxO key); bech32 (addr_xsk, addr_sk, ed25519_sk, ed25519e_sk); hex of 32, 64, 96 or
    128 bytes, also as a cborHex; or, with --path, a root_xsk, an acct_xsk or the 12, 15 or 24 words of a wallet, with
    --second-factor if it has one. Either may be encrypted. Only its owner may be able to read a file with words. TARGET
    is as for `new`.
    """
    if kind == "era":
        if how.path is not None or how.second_factor is not None:
            raise click.UsageError("--path and --second-factor are for payment keys: an era key is not derived")
        key = read_secret_key(f"@{source}" if source != "-" else _text(source).strip())
        _write_era_key(_own(key, SigningKey), target, encrypts=how.encrypts, as_json=as_json)
        return

    found = _payment_key(source, how.path, how.second_factor)
    facts = {"form": found.form} | ({} if found.path is None else {"path": found.path})
    _write_payment_key(PaymentKey(found.raw), target, facts, encrypts=how.encrypts, as_json=as_json)


@keys.command(example="eraswitch keys show keys/era.vk")
@click.argument("file")
@click.option(
    "--secret/--public", "is_secret", default=None, help="What FILE holds; by default its ending decides, .sk or .vk."
)
@json_option
def show(file: str, *, is_secret: bool | None, as_json: bool) -> None:
    """Show the public part of the key in FILE: the verification key, or hash and addresses of a payment key.

    An encrypted key needs no passphrase for this; with one from a file it is opened and checked.
    """
    text = _text(file)
    signer = None if file == "-" else Signer.read(Path(file), text)
    if signer is not None:
        facts = _public_facts(signer.kind, signer.public.raw)
        _echo(facts | {"signer": " ".join(signer.program)}, as_json=as_json)
        return
    encrypted = EncryptedKey.parse(text, file)
    if encrypted is not None:
        checked = given_passphrase() is not None
        if checked:
            unlock(encrypted)
        state = {"encrypted": True, "opened": checked}
        _echo(_public_facts(encrypted.kind, encrypted.public) | state, as_json=as_json)
        return
    if file.endswith(".skey") or (is_secret is None and looks_like_payment_key(text)):
        _echo(_public_facts("payment", _own(load_payment_key(Path(file)), PaymentKey).public), as_json=as_json)
        return
    if is_secret is None and not file.endswith((".sk", ".vk")):
        raise click.UsageError("Both halves of an era key look alike: give --secret or --public")
    if is_secret or (is_secret is None and file.endswith(".sk")):
        key = read_secret_key(f"@{file}").verification_key
    else:
        key = read_verification_key(f"@{file}")
    _echo(_public_facts("era", key.raw), as_json=as_json)


@keys.command(
    "change-passphrase",
    params=passphrase_options("new-", of="to encrypt with"),
    example="eraswitch keys change-passphrase keys/era.sk",
)
@click.argument("file", type=path_type)
@json_option
def change_passphrase(
    file: Path, *, new_passphrase_fd: int | None, new_passphrase_file: Path | None, as_json: bool
) -> None:
    """Encrypt the key in FILE with a new passphrase; a plain key is encrypted in place.

    The file is replaced in one step, once the new one has been opened. Copies and backups keep the old passphrase, or
    none.
    """
    kind, secret, was_encrypted = _secret_of(file)
    given = read_passphrase((new_passphrase_fd, new_passphrase_file), "--new-passphrase")
    if given is None and not was_encrypted:
        given = given_passphrase()
    passphrase = new_passphrase(given, str(file))
    text = encrypt(kind, secret, passphrase)
    written = EncryptedKey.parse(text, str(file))
    if written is None or written.open(passphrase) != secret:
        raise RuntimeError("the key that was encrypted does not open")
    try:
        replace(file, text)
    except OSError as error:
        raise ConfigurationError(
            f"{file} is unchanged: it cannot be replaced",
            code="KeySource",
            expected="a file in a folder that can be written to",
            got=error.strerror or type(error).__name__,
            next_step="Correct the permissions of the folder",
        ) from error
    _echo(_public_facts(kind, written.public) | {"encrypted": True, "secret_file": str(file)}, as_json=as_json)


@keys.command(example="eraswitch keys export keys/era.sk plain/era.sk")
@click.argument("file", type=path_type)
@click.argument("target", type=path_type)
@json_option
def export(file: Path, target: Path, *, as_json: bool) -> None:
    """Write the encrypted key in FILE to the new file TARGET without encryption, for other tools.

    An era key as Mithril's tools write it (JSON-hex), a payment key as cardano-cli's envelope.
    """
    kind, secret, was_encrypted = _secret_of(file)
    if not was_encrypted:
        raise ConfigurationError(
            f"{file} is not encrypted",
            code="KeySource",
            expected="an encrypted key",
            got="a plain one",
            next_step="Copy it; or change its form: eraswitch keys import KIND SOURCE TARGET",
        )
    try:
        write_new(target, era_key_text(SigningKey(secret)) if kind == "era" else PaymentKey(secret).to_text())
    except OSError as error:
        raise ConfigurationError(
            f"The key was not written to {target}",
            code="KeySource",
            expected="a new file in a folder that exists",
            got=error.strerror or type(error).__name__,
            next_step="Choose another TARGET; key files are never overwritten",
        ) from error
    click.echo(f"Warning: {target} holds the key without encryption", err=True)
    public = SigningKey(secret).verification_key.raw if kind == "era" else PaymentKey(secret).public
    _echo(_public_facts(kind, public) | {"secret_file": str(target)}, as_json=as_json)


def _secret_of(file: Path) -> tuple[Kind, bytes, bool]:
    """The secret in a key file, its kind, and whether it was encrypted."""
    without_core_dumps()
    text = _text(str(file))
    encrypted = EncryptedKey.parse(text, str(file))
    if encrypted is not None:
        return encrypted.kind, unlock(encrypted), True
    if file.suffix == ".skey" or looks_like_payment_key(text):
        return "payment", _own(load_payment_key(file), PaymentKey).secret(), False
    if file.suffix != ".sk":
        raise click.UsageError("Both halves of an era key look alike: name the file of the secret one as .sk")
    return "era", _own(read_secret_key(f"@{file}"), SigningKey).seed, False


def _own(key: object, kind: type[_K]) -> _K:
    """The key, which must be in its file and not with an external signer."""
    if isinstance(key, kind):
        return key
    raise ConfigurationError(
        "The key is held by an external signer",
        code="KeySource",
        expected="a file that holds the key itself",
        got="a signer file",
        next_step="Show what is public of it: eraswitch keys show FILE",
    )


def _payment_key(source: str, path: str | None, second_factor: str | None) -> FoundKey:
    try:
        wanted = DerivationPath.parse(DEFAULT_PATH if path is None else path)
    except DerivationError as error:
        raise click.BadParameter(str(error), param_hint="--path") from None
    name = "standard input" if source == "-" else source
    text = _text(source)
    encrypted = EncryptedKey.parse(text, name)
    if encrypted is not None and encrypted.kind == "payment":
        return FoundKey(unlock(encrypted), "encrypted")
    has_words = looks_like_words(text)
    if source != "-" and has_words and Path(source).stat().st_mode & 0o077:
        raise ConfigurationError(
            "The words of a wallet are not read from a file that others can read",
            code="KeySource",
            expected=f"{source} to be readable by its owner only",
            got=f"mode {Path(source).stat().st_mode & 0o777:o}",
            next_step=f"Run: chmod 600 {source}",
        )
    if second_factor is not None and not has_words:
        raise click.UsageError(f"--second-factor belongs to a wallet's words, and {name} holds none: leave it out")
    found = find_payment_key(text, name, wanted, b"" if second_factor is None else _second_factor(second_factor))
    if path is not None and found.path is None:
        raise click.UsageError(f"--path is for wallets and accounts, and {name} holds one key: leave --path out")
    return found


def _second_factor(source: str) -> bytes:
    if source == "-":
        return asked_passphrase("Passphrase of the wallet, its second factor")
    return read_passphrase((None, Path(source)), "--second-factor") or b""


def _text(source: str) -> str:
    if source == "-" and is_interactive():
        return str(click.prompt("Key or words (not shown)", hide_input=True, err=True))
    return read_text(source)


def _write_era_key(key: SigningKey, folder: Path, *, encrypts: bool, as_json: bool) -> None:
    passphrase = passphrase_of_new_keys("the era key", encrypts=encrypts)
    files = write_key_pair(folder, key, passphrase)
    facts = {"kind": "era", "verification_key": key.verification_key.hex, "secret_file": str(files.secret_key)}
    facts |= {"public_file": str(files.verification_key)}
    _echo({**facts, "encrypted": passphrase is not None}, as_json=as_json)


def _write_payment_key(
    key: PaymentKey, file: Path, facts: Mapping[str, object] | None = None, *, encrypts: bool, as_json: bool
) -> None:
    passphrase = passphrase_of_new_keys("the payment key", encrypts=encrypts)
    key.save(file, passphrase)
    state = {"secret_file": str(file), "encrypted": passphrase is not None}
    _echo({**_public_facts("payment", key.public), **(facts or {}), **state}, as_json=as_json)


def _public_facts(kind: str, public: bytes) -> dict[str, object]:
    if kind == "era":
        key = VerificationKey(public)
        return {"kind": "era", "verification_key": key.hex, "json_hex": key.to_json_hex()}

    return {
        "kind": "payment",
        "key_hash": public_key_hash(public),
        "address_mainnet": enterprise_address(public, 1),
        "address_test_networks": enterprise_address(public, 0),
    }


def _echo(facts: dict[str, object], *, as_json: bool) -> None:
    if as_json:
        echo_json(facts)
        return
    width = max(map(len, facts))
    for name, value in facts.items():
        shown = {True: "yes", False: "no"}[value] if isinstance(value, bool) else value
        click.echo(f"{name.replace('_', ' '):<{width}}  {shown}")
