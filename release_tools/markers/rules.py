"""The rules of a rollout: the markers after a change, and the rules that the change breaks. Pure.

In: the requested change, the markers in force, the epoch, and the requirements of the network. Out: a ``RolloutPlan``
with the new markers, every broken rule, and the differences. The rules:

1. ``name``: the era is in the list of supported eras; any other name must be forced.
2. ``lead``: a new or moved activation is at least the lead ahead; so is the old epoch of one that is moved or
   cancelled, because closer to it a node may not read the markers again.
3. ``order``: eras follow each other as in the list of supported eras, and each activation is later than those before.
4. ``one-way``: an era that has begun is never announced, activated, moved or cancelled again.
5. ``state``: an era that is announced or activated has no epoch yet; one that is moved has an epoch; one that is
   moved, cancelled or retired has a marker.
6. ``later``: postponing moves an era to a later epoch. An earlier one is a new decision: cancel, then activate.
7. ``past``: only an era whose successor is active is retired.
8. ``first``: an era is announced only where another one is active or scheduled; the first one is activated.
9. ``successor``: readers that trust the markers in force accept the change (``chain_reader.is_successor``, rule T4).

A published payload is always a new one, never a copy of an older one (``PublishedBefore``).

The first marker of a network needs no lead, because no node can miss it. Likely slips that break no rule are found by
``release_tools.markers.slips``.
"""

from collections.abc import Iterable

from chain_reader import is_successor
from eras import Epoch, EraMarker, MarkerError, require_epoch
from eras.words import counted
from release_tools.markers.change import (
    BrokenRule,
    ChangeKind,
    MarkerChange,
    Markers,
    PublishedBefore,
    RolloutPlan,
    RolloutRules,
    beginning,
    distinct,
    listed,
)
from release_tools.markers.slips import slips

MAX_NAME_BYTES = 64
"""Longer names are refused even if forced: every byte of a marker on the chain costs ada."""


def plan_change(
    change: MarkerChange,
    before: Iterable[EraMarker],
    epoch: Epoch,
    rules: RolloutRules,
    published: PublishedBefore | None = None,
) -> RolloutPlan:
    """Plan a change.

    Args:
        change: the requested change.
        before: the markers in force, as a node trusts them; empty before the first.
        epoch: the current epoch.
        rules: the requirements of the network.
        published: the payloads that were signed before, so that the new one differs from them.

    Raises:
        MarkerError: the epoch of the change is out of range.
    """
    if change.epoch is not None:
        require_epoch(change.epoch)
    return _Planner(change, distinct(before), epoch, rules, published or PublishedBefore()).plan()


class _Planner:
    """Checks a change against one rule after another."""

    def __init__(
        self, change: MarkerChange, before: Markers, epoch: Epoch, rules: RolloutRules, published: PublishedBefore
    ) -> None:
        self._change = change
        self._before = before
        self._epoch = epoch
        self._rules = rules
        self._published = published
        self._era = next((marker for marker in before if marker.name == change.era), None)
        self._broken: list[BrokenRule] = []

    def plan(self) -> RolloutPlan:
        after = published_order(self._after(), self._epoch)
        if set(after) != set(self._before) or self._era is None:
            self._check(after)
        warnings = tuple(self._warnings(after))
        publish_by = None
        if not self._broken:
            publish_by = publish_by_epoch(self._before, after, self._epoch, self._rules.lead_epochs)
        if set(after) != set(self._before):
            after = self._signed_anew(after)
        broken = tuple(self._broken)
        found = () if broken else self._slips()
        return RolloutPlan(self._change, self._epoch, self._before, after, broken, warnings, publish_by, found)

    def _slips(self) -> tuple[str, ...]:
        change = self._change
        is_new = self._era is None and change.kind in (ChangeKind.ANNOUNCE, ChangeKind.ACTIVATE)
        return slips(
            [change.era] if is_new else [],
            [] if change.epoch is None or (self._era and self._era.epoch == change.epoch) else [change.epoch],
            now=self._epoch,
            max_lead_epochs=self._rules.max_lead_epochs,
            supported=self._rules.supported,
            in_force=self._before,
        )

    def _signed_anew(self, after: Markers) -> Markers:
        published = self._published
        if self._change.kind is ChangeKind.CANCEL and not published.complete:
            published = PublishedBefore(published.payloads | {after})
        return published.signed_anew(after)

    def _after(self) -> list[EraMarker]:
        others = [marker for marker in self._before if marker.name != self._change.era]
        if self._change.kind in (ChangeKind.CANCEL, ChangeKind.RETIRE):
            return others
        return [*others, EraMarker(self._change.era, self._change.epoch)]

    def _check(self, after: Markers) -> None:
        kind = self._change.kind
        if kind in (ChangeKind.ANNOUNCE, ChangeKind.ACTIVATE):
            self._check_name()
            self._check_new()
        else:
            self._check_known()
        if kind is ChangeKind.ANNOUNCE:
            self._check_begun()
        if kind in (ChangeKind.ACTIVATE, ChangeKind.POSTPONE):
            self._check_lead(self._change.epoch, "epoch")
        if kind in (ChangeKind.POSTPONE, ChangeKind.CANCEL) and self._era is not None:
            self._check_lead(self._era.epoch, f"{self._era.name}, which begins in epoch")
        if kind is ChangeKind.POSTPONE:
            self._check_later()
        if kind is ChangeKind.RETIRE:
            self._check_past()
        elif kind is not ChangeKind.CANCEL:
            self._check_order()
        if not self._broken and not is_successor(self._before, after, self._epoch):
            self._break(
                "successor",
                "a change that readers of the markers in force accept",
                "one that alters what has happened",
                "Read the trust rules (T4), and look at what is in force: eraswitch marker show",
            )

    def _check_name(self) -> None:
        name = self._change.era
        if not name or not name.isprintable() or len(name.encode()) > MAX_NAME_BYTES:
            self._break(
                "name",
                f"1 to {MAX_NAME_BYTES} bytes of printable text",
                f"{name!r}"[:100],
                "Correct the name of the era",
            )
        elif name not in self._rules.supported and not self._rules.force_name:
            self._break(
                "name",
                f"one of the supported eras {', '.join(self._rules.supported)}",
                f"{name!r}",
                "Correct the name, add it to network.supported_eras, or give --force-name",
            )

    def _check_new(self) -> None:
        """Rules 4 and 5 for announcing and activating: the era has neither begun nor got an epoch."""
        if self._era is None or self._era.epoch is None:
            return
        begun = self._era.epoch <= self._epoch
        self._break(
            "one-way" if begun else "state",
            f"an era that has not begun by epoch {self._epoch}" if begun else "an era without an epoch",
            f"{self._era}",
            "A switch is one-way: choose a later era" if begun else "To move it, postpone it; to drop it, cancel it",
        )

    def _check_begun(self) -> None:
        """Rule 8: nodes can wait for the next era only in one that runs or is scheduled."""
        if all(marker.epoch is None for marker in self._before):
            supported = list(self._rules.supported)
            place = supported.index(self._change.era) if self._change.era in supported else len(supported)
            first = MarkerChange(ChangeKind.ACTIVATE, supported[max(0, place - 1)], self._epoch)
            self._break(
                "first",
                "an era that is active or scheduled, which the announced one follows",
                listed(self._before),
                f"Begin with the era that the network runs: eraswitch {first.command}",
            )

    def _check_known(self) -> None:
        kind, era = self._change.kind, self._era
        if era is None:
            there = listed(self._before)
            self._break("state", f"an era that is there to {kind.value}", there, "Correct the name of the era")
        elif kind is ChangeKind.POSTPONE and era.epoch is None:
            self._break("state", "an era that has an epoch", f"{era}", "Activate it instead")
        elif kind is not ChangeKind.RETIRE and era.epoch is not None and era.epoch <= self._epoch:
            self._break("one-way", "an era that has not begun", f"{era}", "A switch is one-way: choose a later era")

    def _check_lead(self, begins: Epoch | None, what: str) -> None:
        if not self._before or begins is None:
            return
        if self._era is not None and self._era.epoch is not None and self._era.epoch <= self._epoch:
            return  # it has begun, which breaks rule 4
        lead = max(1, self._rules.lead_epochs)
        least = self._epoch + lead
        if begins < least:
            self._break(
                "lead",
                f"epoch {least} or later, {lead} from now ({self._epoch}), so that every node reads it in time",
                f"{what} {begins}",
                "Choose a later epoch"
                if begins == self._change.epoch
                else "It is too late to move it; --lead-epochs lowers the bar at the risk of a split network",
            )

    def _check_later(self) -> None:
        era, to = self._era, self._change.epoch
        if era is not None and era.epoch is not None and to is not None and to < era.epoch:
            self._break(
                "later", f"an epoch after {era.epoch}", f"{to}", "To begin earlier, cancel it and activate it again"
            )

    def _check_past(self) -> None:
        epochs = [marker.epoch for marker in self._before if marker.epoch is not None]
        current = max((begins for begins in epochs if begins <= self._epoch), default=None)
        if self._era is None or (current is not None and self._era.epoch is not None and self._era.epoch < current):
            return
        self._break(
            "past",
            "an era that is past, with a later one active",
            f"{self._era}, in epoch {self._epoch}",
            "Wait until a later era is active" if self._has_begun(self._era) else "Cancel it instead",
        )

    def _check_order(self) -> None:
        """Rule 3: the era against each of the others."""
        begins = self._change.epoch
        for marker in self._before:
            if marker.name == self._change.era:
                continue
            follows = self._follows(marker)
            if follows is False and self._has_begun(marker):
                self._break("order", f"an era that comes after {marker.name}", self._change.era, "Choose a later era")
            elif begins is None or follows is None:
                continue
            elif marker.epoch is None and follows:
                self._break(
                    "order",
                    f"{marker.name} first, which is announced and comes before {self._change.era}",
                    f"{self._change.era} at epoch {begins}",
                    f"Activate {marker.name} at an earlier epoch, or cancel it",
                )
            elif marker.epoch is not None and (begins <= marker.epoch if follows else begins >= marker.epoch):
                self._break(
                    "order",
                    f"an epoch {'after' if follows else 'before'} {marker.epoch}, when {marker.name} begins",
                    f"epoch {begins} for {self._change.era}",
                    "Choose another epoch, or move the other era",
                )

    def _follows(self, marker: EraMarker) -> bool | None:
        """Whether the era of the change comes after that of ``marker``; ``None`` where that is unknown.

        The list of supported eras decides where it has both, otherwise the eras that have begun.
        """
        supported = self._rules.supported
        if self._change.era in supported and marker.name in supported:
            return supported.index(self._change.era) > supported.index(marker.name)
        if self._has_begun(marker):
            return True
        if marker.epoch is None or self._change.epoch is None:
            return None
        return self._change.epoch >= marker.epoch  # only an equal epoch breaks the rule

    def _has_begun(self, marker: EraMarker | None) -> bool:
        return marker is not None and marker.epoch is not None and marker.epoch <= self._epoch

    def _warnings(self, after: Markers) -> Iterable[str]:
        change = self._change
        if not self._before:
            yield "Nothing is trusted at the era address yet: this will be the first marker of the network"
        if change.kind is ChangeKind.ACTIVATE and self._before and self._era is None:
            yield f"{change.era} was never announced: operators learn of it and of its epoch at the same time"
        announced = [marker.name for marker in after if marker.epoch is None]
        scheduled = [marker for marker in after if marker.epoch is not None and marker.epoch > self._epoch]
        if len(announced) > 1 and not scheduled:
            yield (
                f"Several eras are announced: eraswitch names {announced[0]} as the next one, deployed Mithril readers "
                f"{announced[-1]}"
            )
        if not after:
            yield "No marker is left: nodes that start now find no era"
        elif not any(self._has_begun(marker) for marker in after):
            yield f"No era is active in epoch {self._epoch}: nodes wait until the first one begins"

    def _break(self, rule: str, expected: str, got: str, next_step: str) -> None:
        self._broken.append(BrokenRule(rule, expected, got, next_step))


def publish_by_epoch(
    before: Iterable[EraMarker], after: Iterable[EraMarker], epoch: Epoch, lead_epochs: int
) -> Epoch | None:
    """Return the last epoch in which ``after`` may replace ``before``, so that every node reads it in time.

    The lead is kept before every new or moved activation, and before every future one that is moved or cancelled
    (rule 2). ``None`` where no activation changes, or where no marker is in force.

    Args:
        before: the markers in force.
        after: the markers that replace them.
        epoch: the current epoch.
        lead_epochs: the least number of epochs between publication and activation.
    """
    old, new = set(before), set(after)
    begins = [marker.epoch for marker in new - old if marker.epoch is not None]
    begins += [marker.epoch for marker in old - new if marker.epoch is not None and marker.epoch > epoch]
    return Epoch(min(begins) - max(1, lead_epochs)) if old and begins else None


def require_notice(before: Iterable[EraMarker], after: Iterable[EraMarker], epoch: Epoch, lead_epochs: int) -> None:
    """Check that markers that were signed earlier can still be published in time.

    Raises:
        MarkerError: they are not.
    """
    publish_by = publish_by_epoch(before, after, epoch, lead_epochs)
    if publish_by is not None and epoch > publish_by:
        lead = max(1, lead_epochs)
        raise MarkerError(
            f"Refused to publish these markers in epoch {epoch} (rule lead)",
            expected=f"a publication {counted(lead, 'epoch')} before an activation that is new, moved or cancelled",
            got=f"one at epoch {publish_by + lead}, in epoch {epoch}",
            next_step="Sign markers with a later epoch; --lead-epochs lowers the bar at the risk of a split network",
            rules=["lead"],
            code="RolloutRefused",
        )


def published_order(markers: Iterable[EraMarker], epoch: Epoch) -> Markers:
    """Return the markers in the order in which they are published.

    Deployed Mithril readers take the last marker of the list as the next era, whatever its epoch. So eras that have
    begun come first, then announced ones, then scheduled ones with the nearest last.
    """
    by_beginning = sorted(markers, key=beginning)  # announced ones last, in the order given
    begun = [marker for marker in by_beginning if marker.epoch is not None and marker.epoch <= epoch]
    announced = [marker for marker in by_beginning if marker.epoch is None]
    scheduled = by_beginning[len(begun) : len(by_beginning) - len(announced)]
    return (*begun, *announced, *reversed(scheduled))
