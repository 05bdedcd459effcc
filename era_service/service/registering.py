"""Registrations over HTTP: in from nodes, out again with their signatures.

In: the documents that were sent, and who sent them. Out: the result of each; accepted ones are on disk. A wrong one is
rejected by itself, with a reason. A signature must be valid where there is one; once a party has signed, no token can
register it without its signature. What a party signs needs no token.
"""

import json
from collections.abc import Iterable, Sequence
from copy import copy

from era_service.service import changes as kinds
from era_service.service.adoption import current_epoch
from era_service.service.documents import (
    RegistrationOut,
    RegistrationPage,
    RegistrationReceipt,
    RejectedRegistration,
)
from era_service.service.refusals import TokenNeededError
from era_service.service.service import Service
from era_store import Registration, Reject
from era_store.tokens import REGISTRATIONS_WRITE, ApiToken
from eras import Epoch
from eras.words import counted
from release_tools.registrations.judging import Judge, Refusal, rejected, with_epoch
from release_tools.registrations.signed import Signed

NOT_SIGNED = (
    "A registration is not signed, but its party has signed one for this epoch: expected its signature. "
    "Sign it, or wait for the next epoch"
)

UNSIGNED = "it is not signed by its party and came without an API token"

BY_SIGNATURE = "signed by its party"
"""The source of registrations that came without a token."""

MAX_BY_SIGNATURE = 20
"""Registrations in a request without a token."""

STAKE_EPOCHS = 10
"""Epochs back from a registration's, in which its party's stake is looked for."""

MAX_REJECTS_LISTED = 100
MAX_PAGE = 1_000


def register(
    service: Service, token: ApiToken | None, sent: Sequence[object], node_version: str | None
) -> RegistrationReceipt:
    """Take registrations, in one transaction.

    Args:
        service: its store takes them.
        token: with which they were sent; it is their source. ``None`` takes those that their parties have signed.
        sent: JSON values, in their order, judged as rows of files are.
        node_version: the version of the node that sent them, for those that name none.

    Raises:
        TokenNeededError: they were sent without a token, and none is signed by its party, or they are too many.
        RequestError: they were sent without a token, and a party signs too often.
        StoreError: they could not be written; none is.
    """
    now_s, current = service.clock(), current_epoch(service, fresh=True)
    source = BY_SIGNATURE if token is None else f"api {token.id}"
    judge = Judge(source, current, service.settings.network.magic, now_s)
    rows: dict[int, Registration] = {}
    rejects: dict[int, Reject] = {}

    def refuse(index: int, reason: str) -> Reject:
        """The reject of a party that counts by what it has signed: nothing is missing from the whole."""
        rejects[index] = Reject(f"registration {index}", reason, rows[index].party_id)
        return rejects[index]

    for index, one in enumerate(sent):
        found = _judged(judge, one, node_version)
        if isinstance(found, Refusal):
            rejects[index] = rejected(f"registration {index}", found, json.dumps(one))
        elif found.signed is None and not 0 < found.seen_at_s <= now_s:
            # Of now at the latest: dated ahead, it would outrank what its party registers meanwhile.
            rows[index] = found._replace(seen_at_s=now_s)
        else:
            rows[index] = found
    # Of those that came without a token none is kept, or strangers would make up the whole.
    kept = (
        []
        if token is None
        else with_epoch(list(rejects.values()), max((row.epoch for row in rows.values()), default=current))
    )
    if token is None:
        _require_signed(service, rows.values(), len(sent))
        for index in [index for index, row in rows.items() if row.signed is None]:
            refuse(index, UNSIGNED)
            del rows[index]
    rows |= {index: _with_known_stake(service, row, token) for index, row in rows.items() if row.signed is not None}
    indexes = list(rows)
    result = service.store.registrations.ingest(
        list(rows.values()),
        kept,
        source=source,
        time_s=now_s,
        refuse=lambda position: refuse(indexes[position], NOT_SIGNED),
    )
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


def _require_signed(service: Service, rows: Iterable[Registration], sent: int) -> None:
    """Check what came without a token: some of it signed by its party, not much, and not too often.

    Raises:
        TokenNeededError: nothing of it is signed, or it is too much.
        RequestError: a party signs too often.
    """
    signed = [row for row in rows if row.signed is not None]
    if not signed or sent > MAX_BY_SIGNATURE:
        raise TokenNeededError(
            "Writing needs an API token",
            expected="the header Authorization: Bearer eraswitch_…, or registrations that are signed by the key that "
            f"their party id is the hash of, up to {MAX_BY_SIGNATURE} at once",
            got="neither" if not signed else counted(sent, "registration"),
            next_step="Sign them (docs/service.md), or ask the operators for a token: "
            f"eraswitch token new NAME --scope {REGISTRATIONS_WRITE}",
        )
    for row in signed:
        service.party_rates.take(row.party_id)


def _with_known_stake(service: Service, row: Registration, token: ApiToken | None) -> Registration:
    """A signed registration with the stake that it counts with.

    Without a token nobody vouches for the stake that a party states: it counts with the one that is known here, from
    the operators' sources, or with none. With a token the stated one is taken, unless it is 0.
    """
    signed = None if row.signed is None else Signed.from_bytes(row.signed)
    if signed is None or (token is not None and row.stake):
        return row
    last = Epoch(row.epoch)
    known = service.store.registrations.stakes([row.party_id], last, STAKE_EPOCHS, apart_from=BY_SIGNATURE)
    lovelace = known.get(row.party_id, 0)
    return row._replace(stake=lovelace, signed=signed.counted_with(row.stake, lovelace).to_bytes())


def _judged(judge: Judge, one: object, node_version: str | None) -> Registration | Refusal:
    if not isinstance(one, dict):
        return Refusal("it is not a JSON object")
    if node_version is not None and one.get("version") in (None, ""):
        one = copy(one)  # of its class: one that repeats a field stays so
        one["version"] = node_version
    return judge.fields(one)


def _party_of(one: object) -> str:
    named = one.get("party_id") if isinstance(one, dict) else None
    return rejected("", "", named).content if isinstance(named, str) else ""


def registration_page(service: Service, epoch: int, after: str | None, limit: int) -> RegistrationPage:
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
        stated_stake=None if signed is None else signed.stake,
        capability=None if row.capability is None else row.capability.to_dict(),
    )
