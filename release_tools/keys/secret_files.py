"""Files that hold secrets: made new, their owner's alone from the moment they exist, whole or not at all.

In: a path and a text. Out: the file, on the disk; or an ``OSError``, and then no file that this made.
"""

import os
from pathlib import Path

OWNER_ONLY = 0o600


def write_new(path: Path, text: str, mode: int = OWNER_ONLY) -> None:
    """Make a file that is not there yet.

    Args:
        path: where; its folder exists.
        text: its content, written as UTF-8.
        mode: its permissions, less the umask.

    Raises:
        OSError: it exists already (``FileExistsError``), or cannot be written; what was begun is gone.
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


def replace(path: Path, text: str) -> None:
    """Give a file with a secret another content, whole or not at all; a link to it stays one.

    Raises:
        OSError: it cannot be written; it is as it was.
    """
    target = path.resolve()
    draft = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    write_new(draft, text)
    try:
        draft.replace(target)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
