"""The adapter ``file``: the markers in a JSON file, read again at every reading.

In: the path of a file that holds ``[{"name":"…","epoch":…},…]``. Out: its markers, or an error that names the cause.
"""

import errno
import stat
from os import PathLike, fspath
from pathlib import Path

from chain_reader.ports import EraReading
from datum import markers_from_json
from eras import ChainReadError, MarkerError, Provenance

MAX_FILE_BYTES = 1 << 20


class FileAdapter:
    """Reads the markers in the file at ``path``."""

    def __init__(self, path: str | PathLike[str]) -> None:
        self.path = Path(fspath(path))

    def __repr__(self) -> str:
        return f"FileAdapter({str(self.path)!r})"

    def read(self) -> EraReading:
        """The markers in the file now.

        Raises:
            ChainReadError: the file could not be read.
            MarkerError: it does not hold a list of markers.
        """
        content = self._content()
        try:
            text = content.decode()
        except UnicodeDecodeError as error:
            raise self._invalid_file(f"bytes that are not UTF-8 (byte {error.start})") from error
        if not text.strip():
            raise self._invalid_file("an empty file")
        try:
            markers = markers_from_json(text)
        except MarkerError as error:
            raise self._invalid_file(error.got or error.what) from error
        return EraReading(markers, Provenance(f"file {self.path}"))

    def _content(self) -> bytes:
        try:
            # A pipe or a device could keep the reader for ever.
            if not stat.S_ISREG(self.path.stat().st_mode):
                raise self._unreadable_file("a directory" if self.path.is_dir() else "something that is not a file")
            with self.path.open("rb") as file:
                content = file.read(MAX_FILE_BYTES + 1)
        except (OSError, ValueError) as error:  # a ValueError for a path with a null byte
            missing = isinstance(error, OSError) and error.errno == errno.ENOENT
            got = "nothing there" if missing else getattr(error, "strerror", None) or str(error)
            raise self._unreadable_file(got) from error
        if len(content) > MAX_FILE_BYTES:
            raise self._unreadable_file(f"more than {MAX_FILE_BYTES} bytes")
        return content

    def _unreadable_file(self, got: str) -> ChainReadError:
        return ChainReadError(
            f"The markers file {self.path} cannot be read",
            expected=f"a readable file of at most {MAX_FILE_BYTES} bytes",
            got=got,
            next_step="Check markers_file in the adapter's parameters, and who may read the file",
            path=str(self.path),
            code="MarkersFileUnreadable",
        )

    def _invalid_file(self, got: str) -> MarkerError:
        return MarkerError(
            f"The markers file {self.path} does not hold a list of markers",
            expected='[{"name":"…","epoch":…},…]',
            got=got,
            next_step="Correct the file",
            path=str(self.path),
            code="MarkersFileInvalid",
        )
