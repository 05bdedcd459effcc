"""The gate before an activation: whether enough of the stake is ready, in one epoch after another.

In: registrations, the table of eras and versions, and a ``Gate``. Out: a ``GateResult``: whether the gate is met, and
if not, how much stake is missing and from whom. The rules:

1. Each of the last n epochs must have the share, without a gap; an epoch without registrations does not have it.
2. Whole lovelace are compared with an exact fraction; rounding never opens a gate.
3. On the network base, a network stake that is unknown, or less than the registered stake, never meets the gate.
4. An epoch that has not begun is ignored if the current epoch is known, because a single false registration for it
   would be all that counts.
5. Rejected rows of an epoch count as not ready. If the stake of one cannot be read, the gate is not met, unless the
   rules leave such rows out; on the network base, where the total is known, they have no effect.
6. The missing stake is that of the last epoch, since earlier epochs cannot change any more.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from eras import Epoch, EraSwitchError
from eras.words import about_ada, counted
from release_tools.adoption.compatibility import Compatibility
from release_tools.adoption.documents import AdoptionGate
from release_tools.adoption.parties import NotReady, not_ready
from release_tools.adoption.shares import AdoptionRules, Base, Gate, Share, parties_words, share_words
from release_tools.adoption.summary import (
    AdoptionAlarm,
    EpochAdoption,
    how_to_have_some,
    newest_begun,
    rejected_words,
    require_told,
    summarise,
)

if TYPE_CHECKING:
    from era_store import SqlRegistrations


class GateNotMetError(EraSwitchError):
    """Too little of the stake is ready for an era, or the share is unknown."""

    http_status = 409
    exit_code = 6


@dataclass(frozen=True, slots=True)
class GateEpoch:
    """An epoch before the gate.

    Attributes:
        epoch: the epoch.
        share: the share that is ready; ``None`` if it is unknown.
        met: whether it is enough.
        why: the reason why it is not, in words; ``None`` if it is.
    """

    epoch: Epoch
    share: Share | None
    met: bool
    why: str | None


@dataclass(frozen=True, slots=True)
class GateResult:
    """The result of the gate.

    Attributes:
        era: the era to activate.
        base: the stake that the share refers to.
        threshold: the required share.
        epochs: the judged epochs, newest first.
        minimum: the version to install, in words.
        missing_stake: lovelace that must become ready for the last epoch to have the share; ``None`` if the share is
            unknown.
        whom: the parties to call, largest first: the fewest whose upgrade would be enough, cut to the rules' limit.
        enough: the number of these parties before the cut; ``None`` if all registered parties would not be enough.
        unregistered_stake: on the network base, the lovelace that is not registered.
        alarms: anomalies of the last epoch, whether the gate is met or not.
    """

    era: str
    base: Base
    threshold: Fraction
    epochs: tuple[GateEpoch, ...]
    minimum: str | None
    missing_stake: int | None = None
    whom: tuple[NotReady, ...] = ()
    enough: int | None = 0
    unregistered_stake: int | None = None
    alarms: tuple[AdoptionAlarm, ...] = ()

    @property
    def met(self) -> bool:
        """Whether the era may be activated."""
        return all(one.met for one in self.epochs)

    @property
    def epoch(self) -> Epoch:
        """The newest judged epoch."""
        return self.epochs[0].epoch

    @property
    def share(self) -> Share | None:
        """The share in that epoch."""
        return self.epochs[0].share

    @property
    def words(self) -> str:
        """The result in one sentence."""
        asked = f"{share_words(self.threshold)} of {self.base.words}"
        over = f" in each of {len(self.epochs)} epochs" if len(self.epochs) > 1 else ""
        if self.met:
            share = "" if self.share is None else self.share.words
            return f"The gate of {self.era} is met: {asked}{over}, {share} in epoch {self.epoch}"
        return f"The gate of {self.era} is not met: it asks for {asked}{over}"

    @property
    def lacks(self) -> tuple[str, ...]:
        """The missing stake and its parties, line by line; empty if the gate is met."""
        return tuple(self._lacks())

    def _lacks(self) -> Iterator[str]:
        yield from self._gaps()
        if not self.met and self.whom:
            yield f"{self._whom_words}:"
            yield from (f"  {one.name}  {about_ada(one.stake)}  {one.version or 'no version'}" for one in self.whom)
            yield from (f"  {words}" for words in self._others())

    def _gaps(self) -> Iterator[str]:
        """The unmet conditions, one sentence each."""
        for one in self.epochs:
            if not one.met:
                yield f"epoch {one.epoch}: {one.why}"
        if self.met:
            return
        if self.epochs[0].met:
            opens = next(one.epoch for one in self.epochs if not one.met) + len(self.epochs)
            yield f"the last epoch has the share; if it stays so, the gate opens in epoch {opens}"
        if self.missing_stake:
            yield f"missing: {about_ada(self.missing_stake)} on {self.minimum}"
        if self.unregistered_stake:
            yield f"{about_ada(self.unregistered_stake)} did not register at all"

    @property
    def _whom_words(self) -> str:
        all_of = "not enough even with all of them" if self.enough is None else f"{parties_words(self.enough)} would do"
        return f"whom to call ({all_of})"

    def _others(self) -> Iterator[str]:
        if self.enough is not None and self.enough > len(self.whom):
            yield f"and {self.enough - len(self.whom)} more"

    def _call_list(self) -> Iterator[str]:
        """The parties to call, in one sentence."""
        if not self.met and self.whom:
            listed = [f"{one.name} {about_ada(one.stake)} {one.version or 'no version'}" for one in self.whom]
            yield f"{self._whom_words}: {'; '.join([*listed, *self._others()])}"

    def document(self) -> AdoptionGate:
        """The result as a JSON document."""
        return AdoptionGate.model_validate(self)

    def require_met(self) -> None:
        """Check that the gate is met.

        Raises:
            GateNotMetError: it is not; the error states the missing stake and its parties.
        """
        if not self.met:
            raise GateNotMetError(
                f"The gate of {self.era} is not met",
                expected=f"{share_words(self.threshold)} of {self.base.words}",
                got="; ".join([*self._gaps(), *self._call_list()]),
                next_step="Call the parties that are missing",
                gate=self.document().to_dict(),
            )


def judge_gate(
    repository: "SqlRegistrations",
    era: str,
    gate: Gate,
    compatibility: Compatibility,
    *,
    epoch: Epoch | None = None,
    current: Epoch | None = None,
    rules: AdoptionRules | None = None,
) -> GateResult:
    """Check whether the adoption of an era meets a gate.

    Args:
        repository: the registrations.
        era: the era to activate.
        gate: the gate.
        compatibility: the table of eras and versions.
        epoch: the last epoch to judge; by default the newest that has registrations and has begun.
        current: the current epoch, if it is known.
        rules: the rules for counting adoption.

    Raises:
        EraNotListedError: neither the table nor the reports of nodes show who is ready.
        GateNotMetError: there are no registrations at all, and no epoch was named.
        StoreError: they cannot be read.
    """
    rules, base, threshold = rules or AdoptionRules(), gate.base, gate.threshold
    known = repository.epochs()
    require_told(repository, era, compatibility, known[: gate.for_epochs])
    if epoch is None and not known:
        raise GateNotMetError(
            f"The gate of {era} is not met: there are no registrations at all",
            expected=f"{share_words(threshold)} of {base.words}",
            got="no registrations",
            next_step=how_to_have_some(repository),
        )
    last = next(one for one in (epoch, newest_begun(known, current), current) if one is not None)
    asked = [Epoch(last - back) for back in range(gate.for_epochs) if last >= back]
    found = [
        summarise(
            repository,
            epoch=one,
            compatibility=compatibility,
            eras=(era,),
            base=base,
            rules=rules,
            details=base is Base.RECENT,
        )
        if one in known
        else None
        for one in asked
    ]
    epochs = tuple(_judged(one, adoption, gate) for one, adoption in zip(asked, found, strict=True))
    if len(asked) < gate.for_epochs:
        why = f"there are fewer than {counted(gate.for_epochs, 'epoch')} before it"
        epochs += (GateEpoch(Epoch(0), None, met=False, why=why),)
    share, adoption = epochs[0].share, found[0]
    alarms = () if adoption is None else adoption.alarms
    if share is None or adoption is None:
        return GateResult(era, base, threshold, epochs, compatibility.minimum(era), alarms=alarms)
    missing = share.missing(threshold)
    behind = not_ready(repository, epoch=last, era=era, compatibility=compatibility, base=base, rules=rules)
    whom, enough = _fewest(behind, missing, rules.limit)
    unregistered = share.total - adoption.registered_stake if base is Base.NETWORK else None
    return GateResult(
        era, base, threshold, epochs, compatibility.minimum(era), missing, whom, enough, unregistered, alarms
    )


def _judged(epoch: Epoch, adoption: EpochAdoption | None, gate: Gate) -> GateEpoch:
    if adoption is None:
        return GateEpoch(epoch, None, met=False, why="no registrations")
    base = gate.base
    share = adoption.eras[0].of(base)
    if share is None:
        return GateEpoch(
            epoch,
            None,
            met=False,
            why=f"the stake of the whole network in epoch {adoption.network_epoch} is not known: "
            "eraswitch adoption network-stake",
        )
    if adoption.rejected.unknown and base is not Base.NETWORK:
        why = f"{rejected_words(adoption.rejected)}. Correct and ingest them, or leave them out: --ignore-rejected"
        return GateEpoch(epoch, share, met=False, why=why)
    met = share.reaches(gate.threshold)
    apart = f": {share.apart}" if share.apart else ""
    return GateEpoch(
        epoch, share, met, None if met else f"{share} of {base.words} ({about_ada(share.total)}) is ready{apart}"
    )


def _fewest(behind: Iterator[NotReady], missing: int, limit: int) -> tuple[tuple[NotReady, ...], int | None]:
    """The largest parties that together have the missing stake, cut to ``limit``, and their number before the cut."""
    whom: list[NotReady] = []
    count = 0
    while missing > 0:
        party = next(behind, None)
        if party is None:
            return tuple(whom), None
        count += 1
        missing -= party.stake
        if len(whom) < limit:
            whom.append(party)
    return tuple(whom), count
