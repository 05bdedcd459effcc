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
