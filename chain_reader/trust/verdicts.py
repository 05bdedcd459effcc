"""The verdicts of trust: what is made of a payload that the era key did sign, and that is not in force all the same.

Each has its reason, so that nothing refused is silent (rule T10). The verdicts of screening and of the extension are in
``datum``.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from chain_reader.ports import ScreenedOutput
from datum import Accepted, Unreadable, Verdict, VerifiedMarkers
from datum.extension_rules import ExtensionAccepted
from datum.verdicts import OtherKind
from eras.words import counted

CHECK_REFUSED = "Check the verification key and the era address; each refused datum has its reason"
"""The next step where every datum was refused."""


@dataclass(frozen=True, slots=True)
class Untrusted(Verdict):
    """A payload with a true signature that is not the one in force."""

    verified: VerifiedMarkers


@dataclass(frozen=True, slots=True)
class Impostor(Untrusted):
    """Its transaction spends nothing at the era address: somebody without the key to the address posted it (T2)."""


@dataclass(frozen=True, slots=True)
class WithoutToken(Untrusted):
    """It does not hold the thread token that is configured, which only the team's output can hold (T0)."""


@dataclass(frozen=True, slots=True)
class Superseded(Untrusted):
    """A newer output, or one that was trusted before, took its place."""

    is_refusal = False


@dataclass(frozen=True, slots=True)
class Replayed(Untrusted):
    """An old payload: the one in force is its successor, or took its place (T3, T4)."""


@dataclass(frozen=True, slots=True)
class Conflict(Untrusted):
    """It contradicts the payload in force: an activation that has happened would change, or no order is known."""


@dataclass(frozen=True, slots=True)
class Unconfirmed(Untrusted):
    """Its block is not deep enough in the chain yet (T8)."""

    is_refusal = False


NOT_REFUSED = frozenset(kind.name for kind in (Accepted, ExtensionAccepted, OtherKind, Superseded, Unconfirmed))
"""The names of the verdicts that turn nothing down, for callers that have only names."""


def signed_markers(verdict: Verdict) -> VerifiedMarkers | None:
    """Return what one of the keys signed, trusted or not; ``None`` where no key did."""
    return verdict.verified if isinstance(verdict, Accepted | Untrusted | Unreadable) else None


def tally(outputs: Iterable[ScreenedOutput]) -> tuple[dict[str, int], str]:
    """Return how many outputs have each verdict, and the same in words where none of them is in force."""
    counts = Counter([item.verdict.name for item in outputs])
    listed = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
    return dict(counts), f"{counted(counts.total(), 'datum')}, none of them in force: {listed}"
