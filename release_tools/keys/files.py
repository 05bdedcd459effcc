"""Key files. A secret file is private from its creation, and written completely or not at all.

An era key is ``era.sk`` and ``era.vk``, as Mithril's aggregator writes them (JSON-hex, no newline at the end). With a
passphrase ``era.sk`` is encrypted (``encrypted``). A key that exists is never overwritten: losing the secret key of a
network is losing the network.
"""

from dataclasses import dataclass
from pathlib import Path

from datum import SigningKey
from era_store.drafts import draft_of, new_folder, write_new
from eras import ConfigurationError
from release_tools.keys.encrypted import encrypt

SECRET_KEY_FILE = "era.sk"  # noqa: S105 - the name of a file
VERIFICATION_KEY_FILE = "era.vk"
_READABLE = 0o644


@dataclass(frozen=True, slots=True)
class KeyFiles:
    """The paths of a key pair."""

    secret_key: Path
    verification_key: Path


def era_key_text(key: SigningKey, passphrase: bytes | None = None) -> str:
    """The content of the secret file: as Mithril writes it, or encrypted."""
    return key.to_json_hex() if passphrase is None else encrypt("era", key.seed, passphrase)


def write_key_pair(folder: Path, key: SigningKey, passphrase: bytes | None = None) -> KeyFiles:
    """Write both halves of ``key`` into ``folder``, which is created if missing; both, or none.

    The secret file, encrypted where there is a passphrase, is readable by its owner only from the moment it exists.

    Raises:
        ConfigurationError: one of the files exists, or the folder cannot be written to.
    """
    files = KeyFiles(folder / SECRET_KEY_FILE, folder / VERIFICATION_KEY_FILE)
    try:
        with new_folder(folder):
            write_new(files.secret_key, era_key_text(key, passphrase))
            try:
                write_new(files.verification_key, key.verification_key.to_json_hex(), _READABLE)
            except BaseException:
                files.secret_key.unlink()
                raise
    except OSError as error:
        if isinstance(error, FileExistsError) and Path(error.filename).parent == folder:
            expected, got = f"no {SECRET_KEY_FILE} and no {VERIFICATION_KEY_FILE} in {folder}", f"{error.filename}"
            next_step = "Choose another folder; keys are never overwritten"
        else:
            expected, got = f"to write to {folder}", error.strerror or type(error).__name__
            next_step = "Choose a folder that can be written to"
        raise ConfigurationError(
            "No key pair was written", expected=expected, got=got, next_step=next_step, code="KeyFile"
        ) from error
    return files


def replace(path: Path, text: str) -> None:
    """Replace the content of a secret file atomically; a symbolic link to it is kept.

    Raises:
        OSError: it cannot be written; it has not changed.
    """
    with draft_of(path.resolve()) as draft:
        write_new(draft, text)
