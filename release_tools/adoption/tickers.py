"""Reads the tickers of pools from a file: party id → ticker.

In: a CSV file with the columns ``party_id`` and ``ticker``, or a Mithril aggregator's answer to ``/signers/tickers``.
Out: a mapping. Tickers are only shown, so a line without one is skipped.
"""

import csv
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from eras import EraSwitchError


def load_tickers(path: Path) -> dict[str, str]:
    """Return the tickers in a file.

    Raises:
        EraSwitchError: it cannot be read, or is neither of the two formats.
    """
    try:
        return read_tickers(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise EraSwitchError(
            "The file of tickers cannot be read",
            expected=f"a file of UTF-8 text at {path}",
            got=getattr(error, "strerror", None) or "bytes that are not UTF-8",
            next_step="Correct adoption.tickers_file",
            code="Tickers",
        ) from error


def read_tickers(text: str) -> dict[str, str]:
    """Return the tickers in the text of a file.

    Raises:
        EraSwitchError: it is neither of the two formats.
    """
    rows = _of_aggregator(text) if text.lstrip()[:1] == "{" else _of_csv(text)
    return {party: ticker for party, ticker in rows if party and ticker}


def _of_csv(text: str) -> Iterable[tuple[str, str]]:
    rows = csv.DictReader(text.splitlines(), restval="")
    try:
        columns, listed = rows.fieldnames or (), list(rows)
    except csv.Error as error:
        raise _tickers_error(f"{error} after line {rows.line_num}") from error
    if not {"party_id", "ticker"} <= set(columns):
        raise _tickers_error(", ".join(columns)[:80] or "an empty file")
    return [(row["party_id"].strip(), row["ticker"].strip()) for row in listed]


def _of_aggregator(text: str) -> Iterable[tuple[str, str]]:
    try:
        document: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _tickers_error("text that begins like JSON but is not JSON") from error
    signers = document.get("signers")
    if not isinstance(signers, list):
        raise _tickers_error("JSON without a list of signers")
    known = [one for one in signers if isinstance(one, Mapping)]
    return [(str(one.get("party_id") or ""), str(one.get("pool_ticker") or "")) for one in known]


def _tickers_error(got: str) -> EraSwitchError:
    return EraSwitchError(
        "The file of tickers cannot be used",
        expected="CSV with the columns party_id and ticker, or the JSON of an aggregator's /signers/tickers",
        got=got,
        next_step="Correct the file that adoption.tickers_file names",
        code="Tickers",
    )
