"""Describes a transaction in words: for its signer, at a terminal or behind an external signer. Pure."""

from typing import Any

from eras.visible import visible
from eras.words import ada, counted


def transaction_lines(summary: dict[str, Any]) -> list[str]:
    """The lines that show a ``CarriedTransaction.summary``."""
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


def _datum_lines(output: dict[str, Any]) -> list[str]:
    if output["markers"] is None:
        return [] if output["datum_bytes"] is None else ["          with a datum that holds no markers"]
    signer = {True: "signed by the era key", False: "NOT SIGNED BY THE ERA KEY", None: "not checked: no era key known"}
    words = signer[output["markers"]["signed_by_era_key"]]
    listed = ", ".join(
        f"{visible(one['name'])} " + ("announced" if one["epoch"] is None else f"from epoch {one['epoch']}")
        for one in output["markers"]["list"]
    )
    return [f"          with markers: {listed or 'none'} ({words})"]
