"""Reads the stake of the whole network by epoch from a file.

In: the path of a CSV file with the columns ``epoch`` and ``lovelace``. Out: plausible figures by epoch, or an error
that names the line.
"""

import csv
from pathlib import Path

from era_store.registrations import MAX_LOVELACE, MAX_REGISTRATION_EPOCH
from eras import Epoch, MarkerError

MAX_BYTES = 16 * 1024 * 1024
COLUMNS = ("epoch", "lovelace")


def require_network_stake(epoch: int, lovelace: int) -> int:
    """Return the stake if it is plausible for an epoch.

    Raises:
        MarkerError: it is not.
    """
    if not (0 <= epoch <= MAX_REGISTRATION_EPOCH and 0 <= lovelace <= MAX_LOVELACE):
        raise MarkerError(
            "A network's stake cannot be",
            expected=f"an epoch up to {MAX_REGISTRATION_EPOCH}, and lovelace up to {MAX_LOVELACE}, which is all ada",
            got=f"{lovelace} in epoch {epoch}",
            next_step="Correct the figure; it is in lovelace, a millionth of an ada",
            code="NetworkStake",
        )
    return lovelace


def read_network_stake(path: str) -> dict[Epoch, int]:
    """Return the figures in a file.

    Raises:
        MarkerError: it cannot be read, or a figure is implausible.
    """
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise _stake_file_error(path, f"more than {MAX_BYTES} bytes")
        lines = content.decode("utf-8-sig").splitlines()
    except OSError as error:
        raise _stake_file_error(path, error.strerror or type(error).__name__) from error
    except UnicodeDecodeError as error:
        raise _stake_file_error(path, "bytes that are not UTF-8 text") from error
    figures: dict[Epoch, int] = {}
    try:
        rows = csv.reader(lines, strict=True)
        header = [name.strip() for name in next(rows, [])]
        if sorted(header) != sorted(COLUMNS):
            raise _stake_file_error(path, f"the columns {', '.join(header)[:80] or 'none'}")
        for row in rows:
            if not row:
                continue
            found = dict(zip(header, row, strict=False))
            try:
                epoch, lovelace = (int(found[name]) for name in COLUMNS)
            except (KeyError, ValueError) as error:
                raise _stake_file_error(path, f"no pair of whole numbers in line {rows.line_num}") from error
            figures[Epoch(epoch)] = require_network_stake(epoch, lovelace)
    except csv.Error as error:
        raise _stake_file_error(path, f"invalid CSV in line {rows.line_num}") from error
    return figures


def _stake_file_error(path: str, got: str) -> MarkerError:
    return MarkerError(
        f"The network's stake cannot be read from {path}",
        expected=f"a CSV file with the columns {' and '.join(COLUMNS)}, whole numbers",
        got=got,
        next_step="Correct the file; nothing from it was stored",
        code="NetworkStake",
    )
