"""The protocol configurations in force as JSON has them: what holds, what comes next, what a node needs. Pure.

Configurations have the field names of Mithril's ``/protocol-configuration/{epoch}``.
"""

from collections import Counter
from typing import Any

from chain_reader.configuration_reader import ConfigurationReading
from datum.configuration import EpochConfiguration, ProtocolConfiguration, configuration_document
from eras import Epoch


def node_document(configuration: ProtocolConfiguration) -> dict[str, Any]:
    """A configuration as a node of Mithril asks for it."""
    parameters, transactions, blocks, enabled = configuration_document(configuration).values()
    return {
        "protocol_parameters": parameters,
        "cardano_transactions_signing_config": transactions,
        "cardano_blocks_transactions_signing_config": blocks,
        "available_signed_entity_types": enabled,
    }


def describe_configuration(found: ConfigurationReading, at: Epoch | None) -> dict[str, Any]:
    """A reading of configurations at the epoch ``at``, which is the current one by default."""
    trusted = found.trusted
    epoch = found.epoch if at is None else at
    origin = trusted.provenance if trusted.markers else None
    current = None if epoch is None else found.configuration_at(epoch)
    window = None if epoch is None else found.window_at(epoch)
    begun = [item for item in found.configurations if epoch is not None and item.epoch <= epoch]
    return {
        "epoch": epoch,
        "current": None if current is None else _from_epoch(begun[-1]),
        "next": _next(found, epoch),
        "window": None
        if window is None
        else {name: node_document(getattr(window, name)) for name in type(window).__slots__},
        "configurations": [_from_epoch(item) for item in found.configurations],
        "trusted": None
        if origin is None
        else {"source": origin.source, "transaction": origin.transaction, "slot": origin.slot, "why": trusted.why},
        "stale": trusted.stale,
        "legacy_differs": None if trusted.legacy is None else trusted.legacy.differs,
        "verdicts": dict(sorted(Counter(item.verdict.name for item in trusted.screened).items())),
        "refused": [
            {"output": item.output.reference, "verdict": item.verdict.name, "reason": item.verdict.reason}
            for item in trusted.screened
            if item.verdict.is_refusal and item.verdict.is_payload
        ][:LISTED],
        "warnings": list(trusted.alarms),
    }


LISTED = 20
"""Refused payloads that are listed; ``verdicts`` counts all."""


def _from_epoch(item: EpochConfiguration) -> dict[str, Any]:
    return {"epoch": item.epoch, **node_document(item.configuration)}


def _next(found: ConfigurationReading, epoch: Epoch | None) -> dict[str, Any] | None:
    """The next change after ``epoch``: the configuration, how far it is, and what differs, in words."""
    coming = None if epoch is None else found.upcoming_after(epoch)
    if coming is None or epoch is None:
        return None
    before = found.configuration_at(epoch)
    changes = [] if before is None else list(before.differences(coming.configuration))
    return {**_from_epoch(coming), "epochs_left": coming.epoch - epoch, "changes": changes}
