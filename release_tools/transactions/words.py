"""Describes a transaction to its signer: as a document, and in words at a terminal or an external signer. Pure."""

from collections.abc import Iterable
from typing import TypedDict

from eras import Slot
from eras.marker import MarkerFacts
from eras.words import ada, begins, counted, visible


class MarkersDocument(TypedDict):
    """The markers in a datum; ``signed_by_era_key`` is ``None`` where no era key is known."""

    list: list[MarkerFacts]
    signed_by_era_key: bool | None


class InputDocument(TypedDict):
    """An output that is spent; its address and ada are ``None`` where the file does not state them."""

    output: str
    address: str | None
    lovelace: int | None


class OutputDocument(TypedDict):
    """An output that is made; ``markers`` is ``None`` where its datum holds none."""

    address: str
    lovelace: int
    assets: dict[str, int]
    datum_bytes: int | None
    markers: MarkersDocument | None


class TransactionSummary(TypedDict):
    """The effects of a transaction, decoded from its own bytes; ``network_magic`` is stated by the file beside them."""

    transaction: str
    network_id: int | None
    network_magic: int | None
    fee: int
    size: int
    invalid_hereafter: Slot | None
    minted: dict[str, int]
    inputs: list[InputDocument]
    outputs: list[OutputDocument]
    signed_by: list[str]
    missing_keys: list[str]
    complete: bool


def transaction_lines(summary: TransactionSummary) -> list[str]:
    """Return the lines that describe a transaction."""
    lines = [f"Transaction {summary['transaction']}"]
    for one in summary["inputs"]:
        known = "" if one["lovelace"] is None else f", {ada(one['lovelace'])} at {one['address']}"
        lines.append(f"  spends  {one['output']}{known}")
    for output in summary["outputs"]:
        tokens = f" and {counted(len(output['assets']), 'token')}" if output["assets"] else ""
        lines.append(f"  pays    {ada(output['lovelace'])}{tokens} to {output['address']}")
        lines += _datum_lines(output)
    lines.append(f"  fee     {ada(summary['fee'])}")
    if summary["invalid_hereafter"] is not None:
        lines.append(f"  valid   before slot {summary['invalid_hereafter']}")
    return lines


def _datum_lines(output: OutputDocument) -> list[str]:
    markers = output["markers"]
    if markers is None:
        return [] if output["datum_bytes"] is None else ["          with a datum that holds no markers"]
    signer = {True: "signed by the era key", False: "NOT SIGNED BY THE ERA KEY", None: "not checked: no era key known"}
    words = signer[markers["signed_by_era_key"]]
    return [f"          with markers: {markers_words(markers['list'])} ({words})"]


def markers_words(markers: Iterable[MarkerFacts]) -> str:
    """Return markers in words."""
    return ", ".join(f"{visible(one['name'])} {begins(one['epoch'])}" for one in markers) or "none"
