"""Registrations over HTTP: in from nodes, out again with their signatures.

In: the documents that were sent, and who sent them. Out: what became of each; what is counted as accepted is on the
disk. One that is wrong is said to be, and spoils no other. A signature that is there must be true; and for a party that
has signed, nobody with a token speaks without its signature.
"""

from typing import TYPE_CHECKING

from era_service.service import changes as kinds
from era_service.service.adoption import current_epoch
from era_service.service.documents import (
    RegistrationIn,
    RegistrationOut,
    RegistrationPage,
    RegistrationReceipt,
    RejectedRegistration,
)
from era_service.web.problems import RequestInvalidError
from era_store import Registration, Reject
from eras import Epoch
from release_tools.registrations.judging import AHEAD_S, EPOCHS_AHEAD
from release_tools.registrations.signed import (
    RegistrationSignatureError,
    Signed,
    Statement,
    without_those_of_signers,
)

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


class RegistrationWrongError(RequestInvalidError):
    """A registration cannot be taken: it is half signed, of the future, or not signed by its party."""


def register(
    service: "Service", token: "ApiToken", sent: "Sequence[RegistrationIn]", node_version: str | None
) -> RegistrationReceipt:
    """Take registrations, in one transaction.

    Args:
        service: its store takes them.
        token: with which they were sent; it is their source.
        sent: in their order.
        node_version: the version of the node that sent them, for those that name none.

    Raises:
        StoreError: they could not be written; none is.
    """
    now_s, source, current = service.clock(), f"api {token.id}", current_epoch(service, fresh=True)
    read: list[tuple[int, Registration]] = []
    refused: list[RejectedRegistration] = []
    magic = service.settings.network.magic
    for index, one in enumerate(sent):
        try:
            _require_near(one.epoch, current)
            read.append((index, _registration(one, one.version or node_version, magic, now_s, source)))
        except (RegistrationWrongError, RegistrationSignatureError) as error:
            refused.append(RejectedRegistration(index=index, party_id=one.party_id, reason=str(error)))
    taken = without_those_of_signers(service.store.registrations, [row for _, row in read])
    if len(taken) < len(read):
        kept = set(taken)
        left_out = [(index, row.party_id) for index, row in read if row not in kept]
        refused += [RejectedRegistration(index=index, party_id=party, reason=NOT_SIGNED) for index, party in left_out]
        refused.sort(key=lambda one: one.index)
    rejects = [Reject(f"registration {one.index}", one.reason, one.party_id) for one in refused]
    result = service.store.registrations.ingest(taken, rejects, source=source, time_s=now_s)
    if result.accepted:
        service.changes.notify(kinds.REGISTRATIONS)
    return RegistrationReceipt(
        accepted=result.accepted,
        repeated=result.repeated,
        rejected=len(refused),
        rejects=refused[:MAX_REJECTS_LISTED],
    )


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


def _require_near(epoch: int, current: Epoch | None) -> None:
    """Check that a registration is not for an epoch of the far future, where the current one is known.

    Raises:
        RegistrationWrongError: it is.
    """
    if current is not None and epoch > current + EPOCHS_AHEAD:
        raise RegistrationWrongError(
            "A registration is for an epoch of the far future",
            expected=f"an epoch up to {current + EPOCHS_AHEAD}",
            got=str(epoch),
            next_step="Check which network the node is on",
        )


def _registration(
    one: RegistrationIn, version: str | None, network_magic: int | None, now_s: float, source: str
) -> Registration:
    """What the store takes.

    Raises:
        RegistrationWrongError: it cannot be.
        RegistrationSignatureError: its signature is not true.
    """
    epoch = Epoch(one.epoch)
    if one.time_s is not None and one.time_s > now_s + AHEAD_S:
        raise RegistrationWrongError(
            "A registration is of the future",
            expected=f"a time up to {int(now_s)}",
            got=str(one.time_s),
            next_step="Check the clock of the node",
        )
    seen_at_s = now_s if one.time_s is None else float(one.time_s)
    if one.key is None and one.signature is None:
        # Of now at the latest: dated ahead, it would count for more than what its party signs meanwhile.
        return Registration(one.party_id, epoch, version, one.stake, min(seen_at_s, now_s), source)
    if one.key is None or one.signature is None or one.time_s is None:
        raise RegistrationWrongError(
            "A registration is signed by half",
            expected="key, signature and time_s, or none of key and signature",
            got="some of them",
            next_step="Complete it",
        )
    signed = Signed(one.key, one.signature, one.time_s)
    signed.verify(Statement(network_magic, one.party_id, epoch, version, one.stake, one.time_s))
    return Registration(one.party_id, epoch, version, one.stake, seen_at_s, source, signed.to_bytes())


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
    )
