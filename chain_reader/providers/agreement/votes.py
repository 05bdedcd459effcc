"""Agreement between several observers of one chain, as pure functions.

In: their answers by name, and how many must agree. Out: the answer that so many stand behind, and who does not; or
nothing. Observers follow the chain at their own pace, so that honest answers differ for a moment:

1. The agreed epoch is the highest that so many have reached, if they differ from it by one at most: some have seen the
   first block of the new epoch, and the old one holds until as many as must agree have seen it.
2. Of tips, the agreed one is the highest that so many have reached. One that claims to be ahead does not push it, and
   one that lags does not hold it back.
3. Outputs count only where so many report them, alike in all that matters. *Which payloads with a true signature there
   are* must be the same for so many, or one that hides the newest could not be distinguished from one that is right. A
   copy of a payload that is there already makes no difference: else a poster of copies could keep observers from
   agreeing.
4. Neither does the order of outputs that do not count, which providers may list as they like within one block.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from chain_reader.ports import UNKNOWN_ADDRESS, ChainTip, DatumOutput
from chain_reader.trust.screening import screen_outputs
from datum import Accepted, VerdictMemory, VerificationKey
from eras import Epoch
from eras.words import counted

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Agreed(Generic[Answer]):
    """An answer, and the observers that gave another one."""

    answer: Answer
    differing: frozenset[str] = frozenset()


def agreed_value(
    answers: Mapping[str, Answer], needed: int, *, identity: Callable[[Answer], Hashable]
) -> Agreed[Answer] | None:
    """The answer that ``needed`` give alike, and no other as many."""
    groups: dict[Hashable, list[str]] = {}
    for name, answer in answers.items():
        groups.setdefault(identity(answer), []).append(name)
    enough = [names for names in groups.values() if len(names) >= needed]
    if len(enough) != 1:
        return None
    return Agreed(answers[enough[0][0]], frozenset(answers) - frozenset(enough[0]))


def agreed_inputs(answers: Mapping[str, tuple[str, ...]], needed: int) -> Agreed[tuple[str, ...]] | None:
    """The addresses that a transaction spends from, each as ``needed`` observers report.

    Who does not know where an input was abstains on the addresses that it does not name. Where too many abstain, the
    answer has ``UNKNOWN_ADDRESS``, too.
    """
    if len(answers) < needed:
        return None
    agreed: list[str] = []
    differing: set[str] = set()
    unknown = False
    for address in dict.fromkeys(address for answer in answers.values() for address in answer):
        if address == UNKNOWN_ADDRESS:
            continue
        named = {name for name, answer in answers.items() if address in answer}
        denied = {name for name, answer in answers.items() if name not in named and UNKNOWN_ADDRESS not in answer}
        if len(named) >= needed > len(denied):
            agreed.append(address)
            differing |= denied
        elif len(denied) >= needed > len(named):
            differing |= named
        elif len(named) + len(denied) == len(answers):
            return None
        else:
            unknown = True
    whole = sum(UNKNOWN_ADDRESS not in answer for answer in answers.values())
    if unknown or whole < needed:
        agreed.append(UNKNOWN_ADDRESS)
    return Agreed(tuple(agreed), frozenset(differing))


def agreed_epoch(answers: Mapping[str, Epoch], needed: int) -> Agreed[Epoch] | None:
    """The epoch that ``needed`` have reached, and that as many are near (rule 1)."""
    if len(answers) < needed:
        return None
    agreed = sorted(answers.values(), reverse=True)[needed - 1]
    far = frozenset(name for name, epoch in answers.items() if abs(epoch - agreed) > 1)
    return Agreed(agreed, far) if len(answers) - len(far) >= needed > len(far) else None


def agreed_tip(tips: Mapping[str, ChainTip], needed: int) -> ChainTip | None:
    """The highest tip that ``needed`` have reached (rule 2); height and epoch are agreed on by themselves."""
    if len(tips) < needed:
        return None
    tip = sorted(tips.values(), key=lambda one: one.slot, reverse=True)[needed - 1]
    heights = sorted((one.height for one in tips.values() if one.height is not None), reverse=True)
    epochs = {name: one.epoch for name, one in tips.items() if one.epoch is not None}
    epoch = agreed_epoch(epochs, needed)
    return replace(
        tip,
        height=heights[needed - 1] if len(heights) >= needed else None,
        epoch=None if epoch is None else epoch.answer,
    )


class OutputVotes:
    """Finds the outputs that several observers agree on (rule 3).

    Args:
        keys: the keys that make a signature true; with none, no payload matters more than another.
        needed: how many must agree.
    """

    def __init__(self, keys: Iterable[VerificationKey], needed: int) -> None:
        self._keys = tuple(keys)
        self._needed = needed
        self._memory = VerdictMemory()

    def agreed(
        self,
        answers: Mapping[str, Sequence[DatumOutput]],
        *,
        slots: bool,
        ordered: bool,
        tokens: bool = True,
        counts: Callable[[str], bool] | None = None,
    ) -> Agreed[tuple[DatumOutput, ...]] | None:
        """The outputs agreed on, in the order of the first observer that is among those who agree.

        Args:
            answers: what each observer reports.
            slots: whether all of them know slots; else slots are left out.
            ordered: whether all of them report newest first; then the order must be agreed on, too.
            tokens: whether all of them know tokens; else tokens are left out.
            counts: whether a transaction's outputs count, asked for those alone whose order is in dispute (rule 4);
                where that is not known, of each payload the output that is there longest counts.
        """
        heights = all(output.height is not None for outputs in answers.values() for output in outputs)
        common = {
            name: tuple(
                replace(
                    output,
                    slot=output.slot if slots else None,
                    height=output.height if heights else None,
                    assets=output.assets if tokens else (),
                )
                for output in outputs
            )
            for name, outputs in answers.items()
        }
        payloads = {name: self._payloads(outputs) for name, outputs in common.items()}
        group = agreed_value(payloads, self._needed, identity=lambda found: frozenset(found.values()))
        if group is None:
            return None
        members = [name for name in common if name not in group.differing]
        votes = Counter(_identity(output) for name in members for output in common[name])
        voted = {name: tuple(o for o in common[name] if votes[_identity(o)] >= self._needed) for name in members}
        differing = group.differing
        if ordered:
            orders = {
                name: tuple(output.reference for output in voted[name] if output.reference in payloads[name])
                for name in members
            }
            in_order = agreed_value(orders, self._needed, identity=lambda order: order)
            if in_order is None:
                orders = _that_count(orders, payloads, counts)
                in_order = agreed_value(orders, self._needed, identity=lambda order: order)
            if in_order is None:
                return None
            differing |= {name for name in members if _contradict(orders[name], in_order.answer)}
            members = [name for name in members if name not in in_order.differing]
        return Agreed(voted[members[0]], differing)

    def described(self, outputs: Sequence[DatumOutput]) -> str:
        """The report of an observer, as far as it matters, in words."""
        if not self._keys:
            return counted(len(outputs), "output")
        found = sorted(set(self._payloads(outputs).values()))
        return counted(len(found), "signed payload") + "".join(f" [{words}]" for words in found[:5])

    def _payloads(self, outputs: Sequence[DatumOutput]) -> dict[str, str]:
        """Of each output with a true signature its payload: the markers in their order, in words."""
        if not self._keys:
            return {}
        verdicts = screen_outputs(outputs, self._keys, memory=self._memory)
        return {
            output.reference: ", ".join(
                f"{marker.name!r} {'announced' if marker.epoch is None else marker.epoch}"
                for marker in verdict.verified.markers
            )
            for output, verdict in zip(outputs, verdicts, strict=True)
            if isinstance(verdict, Accepted)
        }


def _disputed(orders: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """The orders without what all of them begin and end with."""
    lists = list(orders.values())
    shortest = min(map(len, lists))
    begin = next((i for i in range(shortest) if len({order[i] for order in lists}) > 1), shortest)
    left = shortest - begin
    end = next((i for i in range(left) if len({order[-1 - i] for order in lists}) > 1), left)
    return {name: tuple(order[begin : len(order) - end]) for name, order in orders.items()}


def _that_count(
    orders: Mapping[str, Sequence[str]],
    payloads: Mapping[str, Mapping[str, str]],
    counts: Callable[[str], bool] | None,
) -> dict[str, tuple[str, ...]]:
    """The orders with those alone that are in dispute and count (rule 4)."""
    disputed = _disputed(orders)
    if counts is not None:
        return {
            name: tuple(reference for reference in order if counts(reference.partition("#")[0]))
            for name, order in disputed.items()
        }
    found = {}
    for name, order in orders.items():
        oldest = {payloads[name][reference]: reference for reference in order}  # they come newest first
        found[name] = tuple(one for one in disputed[name] if oldest[payloads[name][one]] == one)
    return found


def _contradict(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether two lists have what both have in another order; that one lacks some is no contradiction, but a lag."""
    common = set(one) & set(other)
    return [item for item in one if item in common] != [item for item in other if item in common]


def _identity(output: DatumOutput) -> Hashable:
    """All that must be alike for two reports to be of the same output."""
    return output.reference, output.datum, output.slot, output.height, frozenset(output.assets)
