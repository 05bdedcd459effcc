"""The networks that must switch first: the results of ``rollout verify`` for each, and those still to wait for.

In: a plan with ``[[before]]``, and the text of each document. Out: the networks to wait for, in words. A missing
document is waited for; one of another era or network, or of a plan that waits for this one, is a mistake.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from eras import ConfigurationError
from release_tools.adoption.shares import parse_share, share_words
from release_tools.rollout.plan import PlannedBefore, PlannedRollout
from release_tools.rollout.recovery import Recovery


class RecoveryDocument(BaseModel):
    """The part of ``rollout verify --json`` that a plan reads."""

    model_config = ConfigDict(frozen=True, strict=True)

    era: str
    network_magic: int
    before: list[int]
    """The magics of the networks that its own plan waits for."""
    epoch: int
    recovered: bool
    words: str
    wanted: float
    """The share at which it was taken for recovered."""

    @classmethod
    def of(cls, plan: PlannedRollout, found: Recovery) -> dict[str, object]:
        """The whole document, JSON-ready."""
        magics = [one.network_magic for one in plan.before]
        named = {"era": plan.era, "network_magic": plan.network_magic, "before": magics}
        return named | found.to_dict()

    @classmethod
    def from_text(cls, text: str, origin: str) -> Self:
        """The document in a text.

        Raises:
            ConfigurationError: it is malformed.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            got = f"{place}: {first['msg']}" if place else first["msg"]
            raise _before_mistake(origin, "the JSON that rollout verify --json writes", got[:200]) from error


def waits_for(plan: PlannedRollout, read: Callable[[str], str | None]) -> tuple[str, ...]:
    """Return the networks that a plan still waits for, in words; empty if all of them recovered.

    Args:
        plan: the plan.
        read: returns the text of a file that the plan names; ``None`` if it does not exist yet.

    Raises:
        ConfigurationError: a document is malformed, is of another era or network, or of a plan that waits for this
            one.
    """
    waits = []
    for one in plan.before:
        text = read(one.verified)
        if text is None:
            waits.append(f"waits for {one.network}: not verified yet, {one.verified} is not there")
            continue
        found = RecoveryDocument.from_text(text, one.verified)
        _require_fitting(plan, one, found)
        if not found.recovered:
            waits.append(f"waits for {one.network}: not recovered yet in epoch {found.epoch}. {found.words}")
        elif found.wanted < float(wanted := parse_share(one.share)):
            waits.append(
                f"waits for {one.network}: {one.verified} was made with --share {share_words(Fraction(found.wanted))}, "
                f"and this plan wants {share_words(wanted)}"
            )
    return tuple(waits)


def _require_fitting(plan: PlannedRollout, one: PlannedBefore, found: RecoveryDocument) -> None:
    if found.era != plan.era:
        raise _before_mistake(one.verified, f"the era {plan.era}, as the plan", f"{found.era!r}"[:80])
    if found.network_magic != one.network_magic:
        wanted = f"network magic {one.network_magic}, as the plan has for {one.network}"
        raise _before_mistake(one.verified, wanted, f"{found.network_magic}")
    if plan.network_magic in found.before:
        wanted = f"a plan of {one.network} that does not wait for network magic {plan.network_magic}"
        raise _before_mistake(one.verified, wanted, "one that does: each would wait for the other")


def _before_mistake(origin: str, expected: str, got: str) -> ConfigurationError:
    return ConfigurationError(
        f"{origin} is not the recovery that the rollout plan waits for",
        expected=expected,
        got=got,
        next_step="Correct [[before]] in the plan, or write the file again: eraswitch rollout verify PLAN --json",
        code="RecoveryDocument",
    )
