"""The cast of the demo: three distributions of a node, six nodes with their stakes, and the calendar."""

from dataclasses import dataclass
from fractions import Fraction

from eras import Epoch

THALES, PYTHAGORAS = "thales", "pythagoras"


@dataclass(frozen=True, slots=True)
class Distribution:
    """A release of the node's software: its version, and the eras it knows."""

    version: str
    eras: tuple[str, ...]


FIRST = Distribution("1.0.0", (THALES,))
SECOND = Distribution("2.0.0", (THALES, PYTHAGORAS))
THIRD = Distribution("3.0.0", (PYTHAGORAS,))
DISTRIBUTIONS = (FIRST, SECOND, THIRD)

COMPATIBILITY = {THALES: ">=1.0.0, <3.0.0", PYTHAGORAS: ">=2.0.0"}
"""The versions that the release team vouches for; the story compares them with the eras that the nodes know."""

ADA = 1_000_000
CAST = (
    ("oslo", 30_000_000 * ADA, FIRST),
    ("lima", 22_000_000 * ADA, FIRST),
    ("cairo", 18_000_000 * ADA, FIRST),
    ("perth", 14_000_000 * ADA, FIRST),
    ("quito", 10_000_000 * ADA, SECOND),
    ("hanoi", 6_000_000 * ADA, THIRD),
)
"""Name, stake in lovelace and first distribution of every node."""

LAGGARD, LATECOMER = "perth", "hanoi"
UPGRADES = (("oslo", Epoch(3)), ("lima", Epoch(4)), ("cairo", Epoch(5)))
"""The nodes that upgrade before the switch, and their epochs. The laggard does not upgrade."""

BEGIN, ANNOUNCE, ATTACK, SWITCH, RETIRE = Epoch(1), Epoch(2), Epoch(6), Epoch(7), Epoch(8)

GATE = Fraction(4, 5)
"""The share of the stake that must know an era before the release team activates it."""
