"""Registrations over HTTP: in from nodes, out again with their signatures.

In: the documents that were sent, and who sent them. Out: what became of each; what is counted as accepted is on the
disk. One that is wrong is said to be, and spoils no other. A signature that is there must be true; and for a party that
has signed, nobody with a token speaks without its signature.
"""

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from era_service.service import changes as kinds
from era_service.service.documents import (
    RegistrationOut,
    RegistrationPage,
    RegistrationReceipt,
    RejectedRegistration,
)
from era_service.service.gate_watch import current_epoch
from era_store import Registration, Reject
from eras import Epoch
from release_tools.registrations.judging import Judge, Refusal, rejected, with_epoch
from release_tools.registrations.signed import Signed, without_those_of_signers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from era_service.service.service import Service
    from era_store import ApiToken

NOT_SIGNED = (
    "A registration is not signed, and its party has signed one for this epoch: expected its signature. "
    "Sign it, or wait for the next epoch"
)

MAX_REJECTS_LISTED = 100
MAX_PAGE = 1_000


def register(
    service: "Service", token: "ApiToken", sent: "Sequence[object]", node_version: str | None
) -> RegistrationReceipt:
    """Take registrations, in one transaction.

    Args:
        service: its store takes them.
        token: with which they were sent; it is their source.
        sent: JSON values, in their order, judged as rows of files are.
        node_version: the version of the node that sent them, for those that name none.

    Raises:
        StoreError: they could not be written; none is.
    """
    now_s, source, current = service.clock(), f"api {token.id}", current_epoch(service, fresh=True)
    judge = Judge(source, current, service.settings.network.magic, now_s)
    read: list[tuple[int, Registration]] = []
    rejects: dict[int, Reject] = {}
    for index, one in enumerate(sent):
        found = _judged(judge, one, node_version)
        if isinstance(found, Refusal):
            rejects[index] = rejected(f"registration {index}", found, json.dumps(one))
        elif found.signed is None:
            # Of now at the latest: dated ahead, it would count for more than what its party says meanwhile.
            read.append((index, replace(found, seen_at_s=min(found.seen_at_s or now_s, now_s))))
        else:
            read.append((index, found))
    taken = without_those_of_signers(service.store.registrations, [row for _, row in read])
    kept = set(taken)
    for index, row in read:
        if row not in kept:  # its party counts by what it has signed: nothing is missing from the whole
            rejects[index] = Reject(f"registration {index}", NOT_SIGNED, row.party_id)
    near = max((row.epoch for row in taken), default=current)
    found_rejects = with_epoch([one for _, one in sorted(rejects.items()) if one.reason != NOT_SIGNED], near)
    found_rejects += [one for _, one in sorted(rejects.items()) if one.reason == NOT_SIGNED]
    result = service.store.registrations.ingest(taken, found_rejects, source=source, time_s=now_s)
    if result.accepted:
        service.changes.notify(kinds.REGISTRATIONS)
    refused = [
        RejectedRegistration(index=index, party_id=_party_of(sent[index]), reason=one.reason)
        for index, one in sorted(rejects.items())
    ]
    return RegistrationReceipt(
        accepted=result.accepted,
        repeated=result.repeated,
        rejected=len(refused),
        rejects=refused[:MAX_REJECTS_LISTED],
        notes=dict(judge.notes),
    )


def _judged(judge: Judge, one: object, node_version: str | None) -> Registration | Refusal:
    if not isinstance(one, dict):
        return Refusal("it is not a JSON object")
    said = one.get("version") not in (None, "") or node_version is None
    return judge.fields(one if said else one | {"version": node_version})


def _party_of(one: object) -> str:
    named = one.get("party_id") if isinstance(one, dict) else None
    return rejected("", "", named).content if isinstance(named, str) else ""


def registration_page(service: "Service", epoch: int, after: str | None, limit: int) -> RegistrationPage:
    """The newest registration of each party for an epoch, some at a time.

    Raises:
        StoreError: they could not be read.
    """
    found = list(service.store.registrations.newest(Epoch(epoch), after=after, limit=min(limit, MAX_PAGE)))
    full = len(found) == min(limit, MAX_PAGE)
    return RegistrationPage(
        epoch=epoch, registrations=[_out(row) for row in found], next=found[-1].party_id if full else None
    )


def _out(row: Registration) -> RegistrationOut:
    signed = None if row.signed is None else Signed.from_bytes(row.signed)
    return RegistrationOut(
        party_id=row.party_id,
        epoch=row.epoch,
        stake=row.stake,
        version=row.version,
        seen_at_s=row.seen_at_s,
        source=row.source,
        time_s=None if signed is None else signed.time_s,
        key=None if signed is None else signed.key,
        signature=None if signed is None else signed.signature,
        capability=None if row.capability is None else row.capability.to_dict(),
    )
