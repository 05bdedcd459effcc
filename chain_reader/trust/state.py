"""The memory of a reader between two readings, and the identity of payloads. Pure.

A payload is the same payload when the same markers are signed in the same order: who copies it cannot change that, and
who holds the key can publish the same schedule as a new payload, which a cancelled activation needs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from chain_reader.ports import ScreenedOutput
from chain_reader.trust.kinds import ERAS, Markers, TrustKind
from datum import Accepted, VerifiedMarkers
from datum.kinds import Marker
from era_store.records import TrustMarks
from eras import Epoch


@dataclass(frozen=True, slots=True)
class TrustState(TrustMarks):
    """The memory of a reader.

    Attributes:
        trusted: the output whose payload is in force, its verdict ``Accepted``.
        superseded_payloads: digests of payloads whose place another took; none of them wins again (T3, T4).
        epoch: the last epoch in which a reading confirmed what is trusted.
        kind: what is read.
    """

    trusted: ScreenedOutput | None = None
    superseded_payloads: frozenset[str] = frozenset()
    epoch: Epoch | None = None
    kind: TrustKind = ERAS


@dataclass(frozen=True, slots=True)
class ChainFacts:
    """Facts about the outputs of one reading, besides their datums.

    Attributes:
        spends: transaction → whether it spends an input at the era address; ``None`` where inputs cannot be known. A
            transaction left out was not asked about, because a newer output already won.
        unproven: transaction → why it is unknown whether it spends an input at the era address.
        false: transaction → why it cannot have made what a provider reports of it.
        proved: transactions of which their bytes show who signed them; of the others the provider reports it.
        announced: transactions that spend an input at an announcer's address.
        impostors: references of outputs that an observer that knows inputs found to be impostors before.
        published: transaction → epoch of its block, where known.
        newest_first: whether the outputs are in that order.
        history: whether they are all that was ever at the address, spent ones included.
        lagging: whether the tip is behind one that was read before.
        holders: references of the outputs that hold the thread token; ``None`` where none is configured (T0).
        copy_gone: whether an output that had the payload in force is gone, be it the one that is trusted or another:
            of several nobody can tell which is the team's, but whichever is gone was spent by the team.
    """

    spends: Mapping[str, bool] | None = None
    unproven: Mapping[str, str] = field(default_factory=dict)
    false: Mapping[str, str] = field(default_factory=dict)
    proved: frozenset[str] = frozenset()
    announced: frozenset[str] = frozenset()
    impostors: frozenset[str] = frozenset()
    published: Mapping[str, Epoch] = field(default_factory=dict)
    newest_first: bool = False
    history: bool = False
    lagging: bool = False
    holders: frozenset[str] | None = None
    copy_gone: bool = False


def verified_of(item: ScreenedOutput) -> VerifiedMarkers:
    """The verified markers of an output that was accepted."""
    assert isinstance(item.verdict, Accepted)  # noqa: S101 - only accepted ones are asked
    return item.verdict.verified


def markers_of(item: ScreenedOutput) -> Markers:
    """The markers of an output that was accepted."""
    assert isinstance(item.verdict, Accepted)  # noqa: S101 - as of ``verified_of``
    return item.verdict.verified.markers


def digest_of(item: ScreenedOutput) -> str:
    """The identity of an accepted output's payload."""
    assert isinstance(item.verdict, Accepted)  # noqa: S101 - as of ``verified_of``
    return item.verdict.verified.digest


def may_follow(state: TrustState, item: ScreenedOutput, at: Epoch, epoch: Epoch) -> bool:
    """Whether ``item``, published in epoch ``at``, may take the place of what is trusted in ``epoch`` (T4)."""
    if state.trusted is None:
        return True
    markers = markers_of(item)
    if state.activation is not None and not state.kind.keeps_mark(state.activation, markers, epoch):
        return False
    return state.kind.is_successor(markers_of(state.trusted), markers, at)


def schedule_of(state: TrustState, item: ScreenedOutput) -> frozenset[Marker]:
    """The schedule of an accepted output, whatever the order of its markers."""
    return state.kind.schedule(markers_of(item))
