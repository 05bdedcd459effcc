"""Inputs and states as the event log holds them: JSON-ready facts, and back. Pure.

In: ``InputEvent`` and ``NodeState``. Out: facts, from which the very same decisions follow. Verdicts of screening are
not recorded: replay screens the recorded datums again (``log.evidence_records`` has the evidence of an answer).
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import NoneType
from typing import Any

from chain_reader.log.evidence_records import EvidenceReader, EvidenceWriter, output_facts, output_of
from chain_reader.node.core import NodeSettings, NodeState
from chain_reader.node.inputs import KIND_OF_INPUT, InputEvent, MemoryRead, ObserverAnswered
from chain_reader.trust.kinds import ERAS, kind_named
from chain_reader.trust.policy import Checkpoint, TrustPolicy
from datum import ExtensionPolicy, VerificationKey
from datum.kinds import Marker, marker_of
from era_store import NewEvent, StoredEvent, StoredTrust
from era_store.records import Facts, adapter_of
from eras import Epoch, EraStatus, EraView, Provenance, SupportedEras, select_eras
from eras.view import NO_VIEW


def input_event(event: InputEvent, epoch: Epoch | None, stream: int, writer: EvidenceWriter) -> NewEvent:
    """An input as it is recorded.

    Args:
        event: the input.
        epoch: the epoch that the node was in when it had decided.
        stream: the id of the event with which the node started.
        writer: writes the evidence of answers, each against the one before.
    """
    return NewEvent(KIND_OF_INPUT[type(event)], _facts_of(event, writer), epoch, "input", stream)


def _facts_of(event: InputEvent, writer: EvidenceWriter) -> Facts:
    if isinstance(event, ObserverAnswered):
        return writer.facts_of(event.evidence) | {"tip_stale": event.tip_stale}
    if isinstance(event, MemoryRead):
        return {"trust": trust_facts(event.trust)}
    return {name: getattr(event, name) for name in type(event).__slots__ if name != "time_s"}


def read_input(event: StoredEvent, reader: EvidenceReader) -> InputEvent:
    """The input that was recorded as ``event``.

    Raises:
        KeyError, TypeError, ValueError, MarkerError: its facts are not what ``input_event`` writes.
    """
    facts, kind = event.facts, INPUT_OF_KIND[event.kind]
    if kind is ObserverAnswered:
        return ObserverAnswered(reader.evidence_of(facts), event.time_s, facts["tip_stale"])
    if kind is MemoryRead:
        return MemoryRead(trust_of(facts["trust"]), event.time_s)
    for name, fact in facts.items():
        if not isinstance(fact, _FIELDS[name]) or isinstance(fact, bool):
            raise TypeError(f"{name} is {type(fact).__name__}")
    return kind(**facts, time_s=event.time_s)


_FIELDS: Mapping[str, type | tuple[type, ...]] = {
    "epoch": int,
    "slot": (int, NoneType),
    "source": str,
    "code": str,
    "reason": str,
    "party_id": str,
    "version": (str, NoneType),
    "stake": int,
    "name": str,
    "arguments": dict,
    "counts": dict,
}
"""The types of the facts of an input, which are those of its fields."""


INPUT_OF_KIND: Mapping[str, Callable[..., InputEvent]] = {kind: made for made, kind in KIND_OF_INPUT.items()}


# --- the state


def state_facts(state: NodeState) -> Facts:
    """All of a state."""
    view, warned, schedule = state.view, state.warned, state.configurations
    token = view.token
    configurations: Facts = {}
    if schedule is not None:
        configurations = {"configurations": _markers_facts(schedule), "configured": state.configured}
    return {
        **configurations,
        **({} if state.refused is None else {"refused": dict(state.refused)}),
        "settings": settings_facts(state.settings),
        "trust": trust_facts(state.trust),
        "told": dict(state.told),
        "view": {
            "status": view.status.value,
            "message": view.message,
            "epoch": None if token is None else token.epoch,
            "markers": None if token is None else _markers_facts(token.markers),
            "provenance": None if token is None else _provenance_facts(token.provenance),
            "cancelled": _markers_facts(view.cancelled),
        },
        "epoch": state.epoch,
        "clock": state.clock,
        "failing": state.failing,
        "warned": None if warned is None else {"marker": warned[0].to_dict(), "time_s": warned[1]},
        "acknowledged": state.acknowledged,
    }


def state_of(facts: Facts) -> NodeState:
    """The state that ``state_facts`` gave.

    Raises:
        KeyError, TypeError, ValueError, EraSwitchError: the facts are damaged.
    """
    settings, warned = settings_of(facts["settings"]), facts["warned"]
    return NodeState(
        settings,
        trust_of(facts["trust"]),
        facts["told"],
        _view_of(facts["view"], settings.supported),
        facts["epoch"],
        facts["clock"],
        facts["failing"],
        None if warned is None else (marker_of(warned["marker"]), warned["time_s"]),
        facts["acknowledged"],
        configurations=_markers_of(facts["configurations"]) if "configurations" in facts else None,
        configured=facts.get("configured"),
        refused=facts.get("refused"),
    )


def _view_of(facts: Facts, supported: SupportedEras) -> EraView:
    status, cancelled = EraStatus(facts["status"]), _markers_of(facts["cancelled"])
    if facts["epoch"] is None:
        return replace(NO_VIEW, status=status, message=facts["message"], cancelled=cancelled)
    provenance = None if facts["provenance"] is None else Provenance(**facts["provenance"])
    token = select_eras(_markers_of(facts["markers"]), Epoch(facts["epoch"]), supported, provenance=provenance)
    if not token.current_supported:
        return EraView(status, facts["message"], token, cancelled=cancelled)
    current = token.current.name
    active = {era: era == current for era in supported}
    return EraView(status, facts["message"], token, current, active, cancelled)


def _provenance_facts(provenance: Provenance | None) -> Facts | None:
    if provenance is None:
        return None
    return {
        "source": provenance.source,
        "transaction": provenance.transaction,
        "slot": provenance.slot,
        "key": provenance.key,
    }


# --- what a node is configured to do


def settings_facts(settings: NodeSettings) -> Facts:
    """The configuration of a node, as far as a decision depends on it."""
    policy = settings.policy
    extension, checkpoint = policy.extension, policy.checkpoint
    kind = {} if policy.kind is ERAS else {"kind": policy.kind.markers.name}
    return {
        "supported": list(settings.supported),
        "notice_epochs": settings.notice_epochs,
        "warn_again_s": settings.warn_again_s,
        "policy": {
            **kind,
            "address": policy.address,
            "keys": [key.hex for key in policy.keys],
            "network_magic": policy.network_magic,
            "announcers": list(policy.announcers),
            "confirmations": policy.confirmations,
            "max_lead_epochs": policy.max_lead_epochs,
            "notice_epochs": policy.notice_epochs,
            "max_tip_regress_slots": policy.max_tip_regress_slots,
            "extension": None
            if extension is None
            else {"keys": [key.hex for key in extension.keys], "threshold": extension.threshold},
            "checkpoint": None
            if checkpoint is None
            else {"output": output_facts(checkpoint.output), "epoch": checkpoint.epoch},
        },
    }


def settings_of(facts: Facts) -> NodeSettings:
    """The settings that ``settings_facts`` gave.

    Raises:
        KeyError, TypeError, ValueError, EraSwitchError: the facts are damaged.
    """
    policy: Facts = dict(facts["policy"])
    place = (policy["network_magic"], policy["address"])
    extension, checkpoint = policy.pop("extension"), policy.pop("checkpoint")
    keys = _keys_of(policy.pop("keys"))
    kind = kind_named(policy.pop("kind", ERAS.markers.name))
    return NodeSettings(
        TrustPolicy(
            keys=keys,
            kind=kind,
            extension=None
            if extension is None
            else ExtensionPolicy(*place, _keys_of(extension["keys"]), extension["threshold"]),
            checkpoint=None
            if checkpoint is None
            else Checkpoint(output_of(checkpoint["output"]), Epoch(checkpoint["epoch"])),
            **policy,
        ),
        SupportedEras(facts["supported"]),
        facts["notice_epochs"],
        facts["warn_again_s"],
    )


def _keys_of(texts: list[str]) -> tuple[VerificationKey, ...]:
    return tuple(VerificationKey.parse(text) for text in texts)


# --- what is trusted


def trust_facts(trust: StoredTrust) -> Facts:
    """The trusted and remembered state; the store's version of it is left out."""
    facts: Facts = adapter_of(StoredTrust).dump_python(trust, mode="json", exclude={"version"})
    facts["superseded_outputs"].sort()
    return facts


def trust_of(facts: Facts) -> StoredTrust:
    """The trust that ``trust_facts`` gave.

    Raises:
        KeyError, TypeError, ValueError, MarkerError: the facts are damaged.
    """
    trust: StoredTrust = adapter_of(StoredTrust).validate_python(facts)
    return trust


def _markers_facts(markers: tuple[Marker, ...]) -> list[Mapping[str, object]]:
    return [marker.to_dict() for marker in markers]


def _markers_of(facts: list[Facts]) -> tuple[Any, ...]:
    return tuple(map(marker_of, facts))
