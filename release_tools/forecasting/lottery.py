"""The chance that a network reaches its quorum, from the share of the stake that signs. Pure.

In: a share and the parameters of the protocol. Out: probabilities, and the share needed for a probability. Two models:

- ``Lottery``, Mithril's: there are m indices, and a certificate needs k of them won. A party with relative stake s
  wins an index with ``1-(1-phi_f)^s``. An index may be won by several, and counts once; it stays unwon with
  ``(1-phi_f)^s₁ · (1-phi_f)^s₂ · … = (1-phi_f)^a``, so only the total share a of those who sign matters, and the
  quorum is a binomial tail: ``P(Bin(m, 1-(1-phi_f)^a) ≥ k)``. The tail is the regularised incomplete beta function
  ``I_p(k, m-k+1)``, which has its digits in both tails (docs/forecast.md).
- ``FixedQuorum``: the quorum is there, or is not, at a fixed share, as two thirds in Ethereum or in Cosmos.

The chance is that of one certificate, since the lottery is drawn once for each message.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from eras import ConfigurationError

MAX_INDICES = 10**9
"""More than any network uses; above it the tail would lose precision."""

_SURE, _HOPELESS = 0.9999, 0.0001
_WHOLE = 1 + 1e-9  # a share that is a sum of floats may exceed 1 by a rounding


@dataclass(frozen=True, slots=True)
class Lottery:
    """Mithril's lottery.

    Attributes:
        k: indices that must be won.
        m: indices that are drawn.
        phi_f: the chance that the whole stake wins an index.

    Raises:
        ConfigurationError: k or m is below 1, or phi_f not more than 0 and at most 1.
    """

    k: int
    m: int
    phi_f: float

    def __post_init__(self) -> None:
        for name, value in (("k", self.k), ("m", self.m)):
            if type(value) is not int or not 1 <= value <= MAX_INDICES:
                raise _bad_value(f"The parameter {name} of the lottery", f"a whole number, 1 to {MAX_INDICES}", value)
        if isinstance(self.phi_f, bool) or not 0 < self.phi_f <= 1:
            raise _bad_value("The parameter phi_f of the lottery", "more than 0 and at most 1", self.phi_f)

    @property
    def words(self) -> str:
        """The model and its parameters, for people."""
        return f"Mithril's lottery with k={self.k}, m={self.m}, phi_f={self.phi_f:g}"

    def winning_probability(self, share: float) -> float:
        """The chance that signers with ``share`` of the registered stake win an index.

        Raises:
            ConfigurationError: the share is not from 0 to 1.
        """
        share = require_share(share)
        if share == 1 or self.phi_f == 1:
            return self.phi_f if share else 0.0
        return -math.expm1(share * math.log1p(-self.phi_f))

    def quorum_probability(self, share: float) -> float:
        """The chance of a quorum when ``share`` of the registered stake signs, 0 to 1.

        Raises:
            ConfigurationError: the share is not from 0 to 1.
        """
        from scipy.special import betainc

        winning = self.winning_probability(share)
        return 0.0 if self.k > self.m else float(betainc(self.k, self.m - self.k + 1, winning))

    def failure_probability(self, share: float) -> float:
        """The chance of no quorum, precise even where ``1 - quorum_probability`` is not.

        Raises:
            ConfigurationError: the share is not from 0 to 1.
        """
        from scipy.special import betaincc

        winning = self.winning_probability(share)
        return 1.0 if self.k > self.m else float(betaincc(self.k, self.m - self.k + 1, winning))

    def share_needed(self, probability: float) -> float | None:
        """The least share that reaches a quorum with ``probability``; ``None`` if no share does.

        This share suffices, and the next smaller number does not.

        Raises:
            ConfigurationError: the probability is not more than 0 and at most 1.
        """
        require_probability(probability)

        def suffices(share: float) -> bool:
            if probability < 0.5:
                return self.quorum_probability(share) >= probability
            return self.failure_probability(share) <= 1 - probability  # a probability near 1 has lost its precision

        return _least(suffices) if suffices(1.0) else None

    def to_dict(self) -> dict[str, object]:
        """The model and its parameters, JSON-ready."""
        return {"model": "lottery", "k": self.k, "m": self.m, "phi_f": self.phi_f}


@dataclass(frozen=True, slots=True)
class FixedQuorum:
    """A quorum at a fixed share of the stake.

    Attributes:
        share: the share.
        exceeded: whether more than the share is needed (Cosmos), not only the share itself (Ethereum).

    Raises:
        ConfigurationError: the share is not between 0 and 1.
    """

    share: Fraction = Fraction(2, 3)
    exceeded: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise _bad_value("The share of a fixed quorum", "more than 0 and less than 1", self.share)

    @property
    def words(self) -> str:
        """The rule, for people."""
        return f"a fixed quorum of {'more than' if self.exceeded else 'at least'} {self.share} of the stake"

    def quorum_probability(self, share: float) -> float:
        """See ``Lottery``: 1 or 0."""
        given = Fraction(require_share(share))
        return float(given > self.share if self.exceeded else given >= self.share)

    def failure_probability(self, share: float) -> float:
        """See ``Lottery``: 0 or 1."""
        return 1.0 - self.quorum_probability(share)

    def share_needed(self, probability: float) -> float | None:
        """See ``Lottery``: the same share for every probability."""
        require_probability(probability)
        return _least(lambda share: self.quorum_probability(share) == 1)

    def to_dict(self) -> dict[str, object]:
        """The rule, JSON-ready."""
        return {"model": "fixed", "share": str(self.share), "exceeded": self.exceeded}


QuorumModel = Lottery | FixedQuorum
"""The rule that decides whether there are enough signers."""

FIXED_QUORUMS = {"cosmos": FixedQuorum(exceeded=True), "ethereum": FixedQuorum(exceeded=False)}
"""The fixed rules by the network that has them (sources in docs/forecast.md)."""


def require_share(share: float) -> float:
    """Check that ``share`` is one, and return it, at most 1.

    Raises:
        ConfigurationError: it is not from 0 to 1.
    """
    if isinstance(share, bool) or not 0 <= share <= _WHOLE:
        raise _bad_value("A share of the stake", "from 0 to 1", share)
    return min(share, 1.0)


def require_probability(probability: float) -> None:
    """Check that ``probability`` can be required.

    Raises:
        ConfigurationError: it is not more than 0 and at most 1.
    """
    if isinstance(probability, bool) or not 0 < probability <= 1:
        raise _bad_value("A probability to reach", "more than 0 and at most 1", probability)


def chance_words(probability: float) -> str:
    """Format a probability; one that is not certain is never shown as 0 % or 100 %."""
    if probability > _SURE:
        return "> 99.99 %"
    return "< 0.01 %" if probability < _HOPELESS else f"{probability * 100:.2f} %"


def probability_words(probability: float) -> str:
    """Format a wanted probability with the digits that it was given: ``99.9 %``."""
    return f"{probability * 100:.10g} %"


def _bad_value(what: str, expected: str, got: object) -> ConfigurationError:
    return ConfigurationError(
        f"{what} is not usable", expected=expected, got=f"{got}"[:60], next_step="Correct it", code="QuorumParameters"
    )


def _least(suffices: Callable[[float], bool]) -> float:
    """The least number from 0 to 1 that ``suffices``, by bisection to the last bit; 1 and all between must suffice."""
    low, high = 0.0, 1.0
    while low < (middle := (low + high) / 2) < high:
        low, high = (low, middle) if suffices(middle) else (middle, high)
    return high
