"""The story of the demo, step by step, with assertions after each.

In: a stage and a presenter. Out: events, and whether every assertion held. Assertions concern the reports of the nodes
and the chain; the first that does not hold ends the story.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from era_service.demo.network import Network, NetworkReport
from era_service.demo.node import (
    ANNOUNCE,
    ATTACK,
    BEGIN,
    CAST,
    CERTIFIERS,
    DISTRIBUTIONS,
    FIRST,
    GATE,
    LAGGARD,
    LATECOMER,
    PYTHAGORAS,
    RETIRE,
    SECOND,
    SWITCH,
    THALES,
    THIRD,
    UPGRADES,
    NodeReport,
    NodeState,
    Source,
    described,
)
from era_service.demo.presenters import DemoEvent, Presenter
from era_service.demo.stage import Posted, Stage
from eras import Epoch, EraMarker, EraSwitchError
from eras.words import counted, percent
from release_tools.adoption.shares import Share


class Story:
    """The story over one stage. ``tell`` plays it once."""

    def __init__(self, stage: Stage, presenter: Presenter) -> None:
        self._stage = stage
        self._presenter = presenter
        self.network = Network(Source(stage.url, stage.era_address, stage.era_key.verification_key))
        self._now = NetworkReport({}, Share(0, 0))
        self._published: list[Posted] = []
        self._step = self._assertions = self._transactions = 0
        self._steps: tuple[Callable[[], None], ...] = (
            self._activate_thales,
            self._announce_pythagoras,
            self._upgrade_one_by_one,
            self._activate_pythagoras,
            self._attack,
            self._switch,
            self._bring_the_laggard_back,
            self._retire_thales,
        )

    def tell(self) -> bool:
        """Play every step, and return whether all assertions held."""
        began_s = time.monotonic()
        self._show("started", f"{len(CAST)} nodes, and a chain at {self._stage.url}", **self._setting())
        verified = False
        try:
            for step in self._steps:
                self._step += 1
                step()
            verified = True
        except EraSwitchError as error:
            self._show("failed", str(error), **error.to_dict())
        finally:
            self.network.stop()
        counts = {
            "verified": verified,
            "steps": self._step - (not verified),
            "assertions": self._assertions,
            "transactions": self._transactions,
            "nodes": len(self.network.nodes),
            "seconds": round(time.monotonic() - began_s, 2),
        }
        self._show("finished", _summary(counts), **counts)
        return verified

    # -- the steps --------------------------------------------------------------------------------------------------

    def _activate_thales(self) -> None:
        self._begin("Activate thales", "The release team signs the first marker and puts it on the chain.")
        self._enter(BEGIN)
        self._publish(EraMarker(THALES, BEGIN))
        for name, _, distribution in CAST:
            self.network.nodes[name].start(distribution)
        now = self._turn()
        self._verify("every node that knows thales runs it", now.knowing(THALES), now.in_era(THALES))
        self._verify("the one that does not know it stops", {LATECOMER: "UnsupportedEra"}, now.errors())
        self._verify_one_certificate(THALES)

    def _announce_pythagoras(self) -> None:
        self._begin("Announce pythagoras", "A second marker, without an epoch: operators learn what is coming.")
        self._enter(ANNOUNCE)
        self._publish(EraMarker(THALES, BEGIN), EraMarker(PYTHAGORAS, None))
        now = self._turn()
        self._verify(f"the nodes on {FIRST.version} warn, the others do not", now.on(FIRST), now.warned())
        self._verify_all_go_on()
        self._verify_adoption(now.on(SECOND))

    def _upgrade_one_by_one(self) -> None:
        self._begin("Upgrade, one by one", f"{SECOND.version} knows both eras: when a node upgrades does not matter.")
        for name, epoch in UPGRADES:
            self._enter(epoch)
            before = self._now.adoption.fraction
            self.network.nodes[name].start(SECOND)
            now = self._turn()
            self._verify(f"{name} is on {SECOND.version}", SECOND.version, now.nodes[name].version)
            self._verify(f"it no longer warns, the others on {FIRST.version} do", now.on(FIRST), now.warned())
            self._verify_all_go_on()
            self._verify_adoption(now.on(SECOND))
            self._verify("the adoption has risen", expected=True, got=now.adoption.fraction > before)

    def _activate_pythagoras(self) -> None:
        adoption = self._now.adoption
        self._begin("Activate pythagoras", f"{adoption} of the stake knows it. It is to begin at epoch {SWITCH}.")
        self._verify(f"the gate of {percent(GATE)} is met", expected=True, got=adoption.fraction >= GATE)
        self._publish(EraMarker(THALES, BEGIN), EraMarker(PYTHAGORAS, SWITCH))
        now = self._turn()
        scheduled = dict.fromkeys(now.running, f"{PYTHAGORAS} at epoch {SWITCH}")
        self._verify("every running node knows when", scheduled, now.upcoming())
        self._verify_all_go_on()

    def _attack(self) -> None:
        self._begin("An attack", "Anyone can send outputs to the era address. Somebody does.")
        self._enter(ATTACK)
        before = self._turn()
        self._verify_all_go_on()
        forged = self._stage.forge([EraMarker(THALES, BEGIN), EraMarker(PYTHAGORAS, ATTACK)])
        self._posted("forgery", forged, f"forged, to switch everyone at once: {described(forged.markers)}")
        replayed = self._stage.replay(self._published[0])
        self._posted("replay", replayed, f"copied, true signature and all: {described(replayed.markers)}")
        after = self._turn()
        for refused, names in after.refused().items():
            self._show(
                "refused",
                f"{refused.verdict}, by {counted(len(names), 'node')}: {refused.reason}",
                transaction=refused.transaction,
                verdict=refused.verdict,
                reason=refused.reason,
                nodes=names,
            )
        verdicts = {forged.transaction: "WrongSigner", replayed.transaction: "Impostor"}
        self._verify("every running node refuses both", dict.fromkeys(after.running, verdicts), after.verdicts())
        fooled = dict.fromkeys(after.running, described(replayed.markers))
        self._verify("a reader that believes the newest true signature would be fooled", fooled, after.legacy())
        untouched = {
            name: replace(after.nodes[name], refused=(), legacy=was.legacy) for name, was in before.nodes.items()
        }
        self._verify("nothing else changes on any node", before.nodes, untouched)

    def _switch(self) -> None:
        self._begin("The switch", f"Epoch {SWITCH} begins. Nobody gives a command.")
        self._enter(SWITCH)
        expected = self._now.running & self._now.knowing(PYTHAGORAS)
        now = self._turn()
        same_epoch = dict.fromkeys(expected, SWITCH)
        self._verify("all that know pythagoras switch in the same epoch", same_epoch, now.switched())
        self._verify("they run it", expected, now.in_era(PYTHAGORAS))
        self._verify_one_certificate(PYTHAGORAS)
        stopped = dict.fromkeys((LAGGARD, LATECOMER), "UnsupportedEra")
        self._verify(f"{LAGGARD} stops rather than fork away", stopped, now.errors())

    def _bring_the_laggard_back(self) -> None:
        self._begin(f"{LAGGARD.capitalize()} comes back", "Its operator upgrades it. Nothing on the chain changes.")
        before = self._now.in_era(PYTHAGORAS)
        self.network.nodes[LAGGARD].start(SECOND)
        now = self._turn()
        self._verify(f"{LAGGARD} runs pythagoras like the others", before | {LAGGARD}, now.in_era(PYTHAGORAS))
        self._verify_one_certificate(PYTHAGORAS)
        self._verify_adoption(now.on(SECOND))

    def _retire_thales(self) -> None:
        self._begin("Retire thales", f"Its marker leaves the chain; its code has left {THIRD.version}, as one line.")
        self._enter(RETIRE)
        before = self._turn()
        self._verify("all continue in pythagoras", set(self.network.nodes) - {LATECOMER}, before.in_era(PYTHAGORAS))
        self._publish(EraMarker(PYTHAGORAS, SWITCH))
        self.network.nodes[LATECOMER].start(THIRD)
        now = self._turn()
        self._verify(f"{LATECOMER} joins, on {THIRD.version}", set(self.network.nodes), now.in_era(PYTHAGORAS))
        followed = self._published[-1]
        same = {
            name: replace(before.nodes[name], trusted=followed.transaction, legacy=described(followed.markers))
            for name in before.running
        }
        self._verify("nothing else changes on any node", same, {name: now.nodes[name] for name in same})
        self._verify_one_certificate(PYTHAGORAS)
        self._verify_adoption(set(self.network.nodes))

    # -- what the steps are made of ---------------------------------------------------------------------------------

    def _begin(self, title: str, text: str) -> None:
        self._show("step", text, title=title, steps=len(self._steps))

    def _enter(self, epoch: Epoch) -> None:
        self._stage.begin_epoch(epoch)
        self._show("epoch", f"epoch {epoch} begins")

    def _publish(self, *markers: EraMarker) -> None:
        before = self._published[-1] if self._published else None
        posted = self._stage.publish(markers, replacing=before)
        self._published.append(posted)
        self._transactions += 1
        self._show("published", f"signed and on the chain: {described(markers)}", **_posted_facts(posted))
        on_chain = self._stage.chain.output(posted.transaction, 0)
        written = on_chain.datum if on_chain else None
        self._verify("the chain holds the signed datum, byte for byte", posted.datum.hex(), written)
        if before is not None:
            spent = before.reference in posted.spent
            self._verify("the marker output before it is spent", expected=True, got=spent)

    def _posted(self, attack: str, posted: Posted, text: str) -> None:
        self._transactions += 1
        self._show("posted", text, attack=attack, **_posted_facts(posted))

    def _turn(self) -> NetworkReport:
        """Let every node take a turn, and show the changes."""
        before, self._now = self._now, self.network.turn(self._stage.epoch)
        for name, report in self._now.nodes.items():
            change = _change(before.nodes.get(name), report)
            if change:
                self._show("node", change, node=report.to_dict())
        text = (
            f"{len(self._now.running)} of {len(CAST)} nodes run; {self._now.adoption} of their stake knows {PYTHAGORAS}"
        )
        self._show("network", text, **self._now.to_dict())
        return self._now

    def _verify(self, what: str, expected: Any, got: Any) -> None:
        if expected != got:
            wanted, there = _differences(expected, got)
            raise EraSwitchError(
                f"Step {self._step} does not hold, “{what}”", code="StepFailed", expected=wanted, got=there
            )
        self._assertions += 1
        self._show("verified", what)

    def _verify_all_go_on(self) -> None:
        self._verify("all continue in thales", self._now.knowing(THALES), self._now.in_era(THALES))
        self._verify_one_certificate(THALES)

    def _verify_one_certificate(self, era: str) -> None:
        expected = CERTIFIERS[era](self._stage.epoch)
        self._verify(f"one certificate on all of them: {expected}", {expected}, self._now.certificates())

    def _verify_adoption(self, names: set[str]) -> None:
        expected = self._now.stake_share(names)
        self._verify(f"the adoption of {PYTHAGORAS} is {expected}", expected, self._now.adoption)

    def _show(self, event: str, text: str, /, **facts: Any) -> None:
        self._presenter.show(DemoEvent(event, self._step, self._stage.epoch, text, facts))

    def _setting(self) -> dict[str, object]:
        return {
            "url": self._stage.url,
            "era_address": self._stage.era_address,
            "verification_key": self._stage.era_key.verification_key.hex,
            "distributions": {distribution.version: list(distribution.eras) for distribution in DISTRIBUTIONS},
        }


def _posted_facts(posted: Posted) -> dict[str, object]:
    return {
        "transaction": posted.transaction,
        "markers": [marker.to_dict() for marker in posted.markers],
        "fee": posted.fee,
        "size": posted.size,
        "spent": list(posted.spent),
    }


def _change(before: NodeReport | None, after: NodeReport) -> str | None:
    """The news about a node, in words; ``None`` without any."""
    name = f"{after.name} ({after.version})"
    if after.state is NodeState.STOPPED and (before is None or before.state is not NodeState.STOPPED):
        return f"{name} stops, {after.error}Error: {after.message}"
    if after.state is NodeState.RUNNING:
        if before is None or before.state is not NodeState.RUNNING or before.version != after.version:
            return f"{name} runs {after.era}, and knows {' and '.join(after.knows)}"
        if before.era != after.era:
            return f"{name} switches from {before.era} to {after.era}"
        if after.warning and not (before.warning and before.upcoming == after.upcoming):
            return f"{name} warns: it does not know {after.upcoming}"
    return None


def _differences(expected: Any, got: Any) -> tuple[str, str]:
    """Two different values, as an error shows them: of mappings and reports only the parts that differ."""
    if isinstance(expected, NodeReport) and isinstance(got, NodeReport):
        return _differences(expected.to_dict(), got.to_dict())
    if isinstance(expected, Mapping) and isinstance(got, Mapping):
        keys = sorted(key for key in {*expected, *got} if expected.get(key) != got.get(key))
        pairs = {key: _differences(expected.get(key), got.get(key)) for key in keys}
        wanted, there = ("; ".join(f"{key}: {pair[side]}" for key, pair in pairs.items()) for side in (0, 1))
        return wanted, there
    return _plain(expected), _plain(got)


def _plain(value: Any) -> str:
    return ", ".join(sorted(map(str, value))) or "none" if isinstance(value, set) else str(value)


def _summary(counts: Mapping[str, Any]) -> str:
    if not counts["verified"]:
        return f"NOT verified: the demo ended in step {counts['steps'] + 1}"
    return (
        f"Verified: {counts['assertions']} assertions in {counts['steps']} steps, {counts['nodes']} nodes, "
        f"{counts['transactions']} transactions, {counts['seconds']} s\n"
        "- all that knew the new era switched in the same epoch, with no coordinator\n"
        "- the one that did not stopped with an error, and came back upgraded\n"
        "- a forged and a replayed payload changed nothing, and each has its verdict"
    )
