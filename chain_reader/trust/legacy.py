"""The legacy view (rule T11): what a deployed Mithril reader could make of the same outputs. Pure.

In: the unspent outputs as they were screened, and what this reader trusts. Out: every schedule that a Mithril reader
could take, and whether one of them differs.

A Mithril reader takes the first true signature in the order in which its provider lists the outputs. Providers differ
in that order, so every true signature among them may be the one; what is signed and cannot be used, too, on which it
fails, or which it follows.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from chain_reader.ports import ScreenedOutput
from chain_reader.trust.kinds import ERAS, TrustKind
from chain_reader.trust.ratchet import Markers
from datum import Accepted, Unusable, VerifiedMarkers
from eras import Epoch


@dataclass(frozen=True, slots=True)
class LegacyView:
    """The schedules that Mithril readers could take from the era address.

    Attributes:
        possible: the schedules that one could take, each once, in the order in which the outputs are listed.
        differs: whether one of them is another schedule than the trusted one, or there is none.
        words: how it differs, for an operator; ``None`` when it does not.
    """

    possible: tuple[VerifiedMarkers, ...]
    differs: bool
    words: str | None


def legacy_view(
    unspent: Iterable[ScreenedOutput], trusted: Markers, epoch: Epoch, kind: TrustKind = ERAS
) -> LegacyView:
    """The legacy view.

    Args:
        unspent: the unspent outputs with the verdicts of screening, not with the final ones.
        trusted: the markers in force; empty when nothing is trusted.
        epoch: the current epoch.
        kind: what is read.
    """
    possible: dict[Markers, VerifiedMarkers] = {}
    for item in unspent:
        if isinstance(item.verdict, Accepted | Unusable):
            possible.setdefault(item.verdict.verified.markers, item.verdict.verified)
    others = [markers for markers in possible if kind.schedule(markers) != kind.schedule(trusted)]
    if not possible:
        differs = bool(trusted)
        words = f"a Mithril reader would find no {'markers' if kind is ERAS else 'configurations'}" if differs else None
        return LegacyView((), differs, words)
    words = None
    if others:
        listed = "; or ".join(_described(markers, epoch, kind) for markers in others[:3])
        more = f"; or one of {len(others) - 3} others" if len(others) > 3 else ""
        words = f"a Mithril reader could take {listed}{more}, where this one trusts {_described(trusted, epoch, kind)}"
    return LegacyView(tuple(possible.values()), bool(others), words)


def _described(markers: Markers, epoch: Epoch, kind: TrustKind) -> str:
    return kind.described(markers, epoch) if markers else "nothing"
