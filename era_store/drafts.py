"""Files that appear whole or not at all, and folders that are made for them: a failure leaves nothing behind.

In: a path. Out: the path of a draft, which takes the place of the first when the block ends. The draft is in a folder
of its own beside its target, locked for as long as its process lives. Whoever makes the next draft in the same place
removes the folders of processes that have died. A file that must be new, such as a secret, is written in its place.
"""

import contextlib
import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

SUFFIX = ".eraswitch-draft"


@contextlib.contextmanager
def new_folder(folder: Path) -> Iterator[None]:
    """Make a folder, with its parents, for what the block writes into it; an existing one is used as it is.

    If the block fails, the folders that were made for it are removed again, as far as they are empty.

    Raises:
        OSError: a folder cannot be made.
    """
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            for made in missing:
                made.rmdir()
        raise


@contextlib.contextmanager
def draft_of(target: Path) -> Iterator[Path]:
    """A path for a new file, which is flushed to the disk and replaces ``target`` when the block ends without an error.

    Raises:
        OSError: the draft cannot be made, flushed or put in the place of ``target``.
    """
    with contextlib.ExitStack() as stack:
        with _locked(target.parent):  # nobody takes the new folder for a dead one's before it is locked
            _remove_abandoned(target.parent)
            folder = target.with_name(f".{target.name}.{secrets.token_hex(6)}{SUFFIX}")
            folder.mkdir(mode=0o700)
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            stack.enter_context(_locked(folder))
        draft = folder / target.name
        yield draft
        flush(draft)
        draft.replace(target)
        flush(target.parent)


def write_new(path: Path, text: str, mode: int = 0o600) -> None:
    """Create a file that does not exist yet.

    Args:
        path: the path, in an existing folder.
        text: the content, written as UTF-8.
        mode: its permissions, less the umask.

    Raises:
        OSError: it already exists (``FileExistsError``), or cannot be written; no part of it remains.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _remove_abandoned(folder: Path) -> None:
    for abandoned in folder.glob(f".*{SUFFIX}"):
        with contextlib.suppress(OSError), _locked(abandoned, wait=False):
            shutil.rmtree(abandoned, ignore_errors=True)


@contextlib.contextmanager
def _locked(folder: Path, *, wait: bool = True) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(handle)


def flush(path: Path) -> None:
    """Make a file, or the names in a folder, survive a power failure.

    Raises:
        OSError: it cannot be opened or flushed.
    """
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)  # raw: a draft that nobody else has open, or a folder
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
