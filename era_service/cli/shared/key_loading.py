"""The keys that a command signs with: era keys and payment keys, from files that are plain or encrypted.

Every command that takes a key takes it from here. A file that others can read draws a warning, and so does, once for
each, a plain one on a public network.
"""

from pathlib import Path

import click

from datum import EraSigner, KeyFormatError, SigningKey
from era_service.cli.shared.arguments import file_of, naming, read_text, require_half
from era_service.cli.shared.context import AppContext
from era_service.cli.shared.passphrases import unlock, without_core_dumps
from era_service.config.networks import NETWORKS
from eras import ConfigurationError
from release_tools import PaymentKey
from release_tools.keys.encrypted import OWN_FORMAT, EncryptedKey
from release_tools.keys.envelopes import json_object
from release_tools.keys.payment_key import PaymentSigner, read_key_file
from release_tools.keys.signers import ExternalEraKey, ExternalPaymentKey, Signer

_PUBLIC = frozenset(preset.magic for preset in NETWORKS.values())


def read_secret_key(text: str) -> EraSigner:
    """The era key that an argument gives: JSON-hex as Mithril's, plain hex, or ``@FILE`` with either or encrypted.

    A file may describe an external signer instead, which is asked for each signature.

    Raises:
        ConfigurationError: the file cannot be read, or is damaged; or there is no passphrase, and nobody to ask.
        KeyFormatError: it is not a secret key, or by the ending of the file it is the other half.
        WrongPassphraseError: the passphrase is another one.
    """
    without_core_dumps()
    require_half(text, ".sk")
    file = file_of(text)
    path = None if file is None else Path(file)
    content = text if file is None else read_text(file)
    if content.lstrip().startswith("{"):
        name = "The key" if path is None else str(path)
        encrypted = EncryptedKey.parse(content, name)
        if encrypted is not None and encrypted.kind == "era":
            _warn_of_readers("secret key", path)
            return SigningKey(unlock(encrypted))
        signer = None if path is None else Signer.read(path, content, _notify)
        if signer is not None and signer.kind == "era":
            return ExternalEraKey(signer)
        raise KeyFormatError(
            f"{name} is not an era key",
            expected="the era key, as era generate-keypair writes it (era.sk)",
            got="a payment key" if encrypted or signer else _envelope_words(content),
            next_step="Give a payment key with --payment-key-file; --secret-key takes the era key",
        )
    _warn_of_readers("secret key", path)
    with naming(file):
        key = SigningKey.parse(content)
    _warn_of_plain("era key", path)
    return key


def load_payment_key(path: Path) -> PaymentSigner:
    """The payment key in a file, plain or encrypted, or the external signer that the file describes.

    Raises:
        ConfigurationError: it cannot be used, or is damaged; or there is no passphrase, and nobody to ask.
        WrongPassphraseError: the passphrase is another one.
    """
    without_core_dumps()
    text = read_key_file(path)
    signer = _payment_signer(path, text) if OWN_FORMAT in text else None
    if signer is not None:
        return signer
    opened: list[EncryptedKey] = []

    def opening(encrypted: EncryptedKey) -> bytes:
        opened.append(encrypted)
        return unlock(encrypted)

    key = PaymentKey.parse(text, path, opening)
    _warn_of_readers("payment key", path)
    if not opened:
        _warn_of_plain("payment key", path)
    return key


def _payment_signer(path: Path, text: str) -> PaymentSigner | None:
    """The external signer that a file describes; ``None`` where it holds something else, which is then judged."""
    signer = Signer.read(path, text, _notify)
    if signer is not None and signer.kind != "payment":
        raise ConfigurationError(
            f"{path} is not a payment key",
            expected="a signer file of kind payment",
            got="one of an era key",
            next_step=f"Give the era key with --secret-key @{path}",
            code="PaymentKey",
        )
    return None if signer is None else ExternalPaymentKey(signer)


def _notify(words: str) -> None:
    click.echo(words, err=True)


def _warn_of_readers(what: str, path: Path | None) -> None:
    if path is not None and path.is_file() and path.stat().st_mode & 0o077:
        click.echo(f"Warning: others can read the {what} {path}. Run: chmod 600 {path}", err=True)


def _warn_of_plain(what: str, path: Path | None) -> None:
    """Warn of a key file without a passphrase, where the network is known to be a public one."""
    app = AppContext.current()
    settings = None if app is None else app.loaded
    if path is None or app is None or settings is None or str(path) in app.warned:
        return
    if settings.network.magic in _PUBLIC:
        app.warned.add(str(path))
        click.echo(
            f"Warning: the {what} {path} is not encrypted. Run: eraswitch keys change-passphrase {path}", err=True
        )


def _envelope_words(text: str) -> str:
    """The content of a text that begins as JSON, if it is a text envelope of cardano-cli."""
    kind = (json_object(text) or {}).get("type")
    return f"a text envelope of cardano-cli, of type {kind[:60]!r}" if isinstance(kind, str) else "another JSON object"
