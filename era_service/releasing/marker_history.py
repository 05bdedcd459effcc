"""Every payload that was ever at the era address, with its place, its author and its verdict.

In: an open ``Release``. Out: a JSON-ready document, newest first. The verdicts are those of a node that has seen the
whole history. The place of an output is the reader's if it knows it; otherwise the gateway is asked for its slot.
"""

from dataclasses import replace
from typing import TypedDict

from chain_reader import ScreenedOutput
from chain_reader.ports import UNKNOWN_ADDRESS, LocatingObserver
from chain_reader.trust.screening import screen_outputs
from datum import Malformed, Verdict, WrongSigner
from era_service.releasing.session import Release
from eras import ChainReadError, EraMarker
from eras.marker import MarkerFacts


class HistoryEntry(TypedDict):
    """A payload that was at the era address."""

    output: str
    transaction: str
    slot: int | None
    height: int | None
    spent: bool | None
    author: str
    verdict: str
    reason: str
    markers: list[MarkerFacts]


class _Place(TypedDict):
    magic: int
    era_address: str


class MarkerHistory(TypedDict):
    """Every payload, newest first, as ``marker history --json`` prints it; ``no_payload`` counts the others."""

    network: _Place
    payloads: list[HistoryEntry]
    not_listed: int
    no_payload: int


def read_history(release: Release, limit: int) -> MarkerHistory:
    """The history of the era address; ``limit`` bounds the payloads that are listed.

    Raises:
        ChainReadError: the observer does not know it, or it could not be read.
    """
    if not release.observer.capabilities.history:
        raise ChainReadError(
            f"{release.observer.name} does not know the history of an address",
            code="HistoryUnknown",
            expected="an observer that knows what was at an address before",
            got="one that only knows the unspent outputs",
            next_step="Use another provider, such as a Blockfrost API",
        )
    reading = release.read()
    judged = reading.history or _screened(release)
    payloads = [item for item in judged if not isinstance(item.verdict, Malformed)]
    return {
        "network": {"magic": release.network.magic, "era_address": release.policy.address},
        "payloads": [_entry(item, release) for item in payloads[:limit]],
        "not_listed": max(0, len(payloads) - limit),
        "no_payload": len(judged) - len(payloads),
    }


def _screened(release: Release) -> tuple[ScreenedOutput, ...]:
    """The history with the verdicts of screening alone, if the reading did not need it."""
    outputs = release.observer.history(release.policy.address)
    if any(output.spent is None and output.unreadable is None for output in outputs):  # bytes do not show it
        unspent = {output.reference for output in release.observer.datums(release.policy.address)}
        outputs = tuple(replace(output, spent=output.reference not in unspent) for output in outputs)
    verdicts = screen_outputs(outputs, release.policy.keys)
    return tuple(ScreenedOutput(output, verdict) for output, verdict in zip(outputs, verdicts, strict=True))


def _entry(item: ScreenedOutput, release: Release) -> HistoryEntry:
    output, observer = item.output, release.observer
    block = None
    if output.slot is None and isinstance(observer, LocatingObserver) and observer.capabilities.blocks:
        block = observer.block_of(output.transaction)
    return {
        "output": output.reference,
        "transaction": output.transaction,
        "slot": output.slot if block is None else block.slot,
        "height": output.height if block is None else block.height,
        "spent": output.spent,
        "author": _author(output.transaction, release),
        "verdict": item.verdict.name,
        "reason": item.verdict.reason,
        "markers": [marker.to_dict() for marker in _markers(item.verdict)],
    }


def _author(transaction: str, release: Release) -> str:
    """The maker of a transaction: the owner of what it spends."""
    if not release.observer.capabilities.inputs:
        return "unknown"

    addresses = dict.fromkeys(release.observer.input_addresses(transaction))
    if release.policy.address in addresses:
        return "the owner of the era address"
    if UNKNOWN_ADDRESS in addresses:
        return "unknown"
    return ", ".join(addresses) or "nobody: it spends nothing"


def _markers(verdict: Verdict) -> tuple[EraMarker, ...]:
    """The markers of a payload, signed by the era key or not."""
    if isinstance(verdict, WrongSigner):
        return verdict.payload.markers
    verified = getattr(verdict, "verified", None)
    return () if verified is None else verified.markers
