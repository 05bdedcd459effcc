"""Gathers what an observer knows about the era address, at one point of the chain (rules T1, T2, T3, T7).

In: an observer and the policy. Out: ``Evidence``, or a ``ChainReadError``; nothing is decided here.

1. Tip and epoch are read before the outputs, and held against the tip after them: a chain that was rolled back, or
   crossed into another epoch, meanwhile is read again. At an unchanged tip, what was read is still so. A history that
   lacks an output that is unspent is of another moment, and read again, too; one that lacks it each time is not
   believed, or an output that a provider forgets there could keep every node from reading.
2. Where history is known it is read too. At an address with more unspent outputs than ``whole_outputs``, reading
   stops at the newest one that counts, and there, as where history cannot be had or is longer than the limits allow,
   the unspent outputs must do; what is missing is reported. An observer that knows no inputs has to be asked again
   instead. Where a thread token is configured, the newest page and the output that holds the token are all that is read
   (T0).
3. Who published what is asked for only where a signature is true (``publishers``).
4. Every publication spends the one before it (rule T12). So where reading the address would cost more than a page, and
   it was read in this epoch, the trusted output is asked for instead: while it is unspent, nothing newer is in force.
5. An address that cannot be read (too long, refused, slow, malformed) ends no reading where the trusted output, or the
   history, can be had: it is one ``Unreadable`` verdict, remembered, and read again later, each time after twice the
   pause.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from chain_reader.ports import (
    BytesObserver,
    ChainObserver,
    ChainTip,
    DatumOutput,
    ScreenedOutput,
    SelectiveHistoryObserver,
    ThreadObserver,
    TokenObserver,
    read_datums,
)
from chain_reader.providers.transport.errors import (
    OF_ONE_ANSWER,
    ProviderNotFoundError,
    ReadLimitExceededError,
    UnsteadyAnswerError,
)
from chain_reader.trust.policy import TrustPolicy
from chain_reader.trust.publishers import Publishers
from chain_reader.trust.screening import RememberedScreening
from chain_reader.trust.state import ChainFacts
from chain_reader.trust.thread import as_spent, follow, holding, is_lost, taken_up, unlisted
from chain_reader.trust.transactions import Author, Transactions
from datum import Accepted
from era_store import StoredOutput
from eras import ChainReadError, Epoch, Slot

_log = logging.getLogger(__name__)

ATTEMPTS = 3
_NO_TOKENS = "does not report which output holds the thread token, so that it is decided without it (T2 to T4)"
_NOT_SHOWN = (ReadLimitExceededError, ProviderNotFoundError)
"""What is not permanent, and will be no better in the next reading."""

CROWD = 100
"""Outputs or transactions at the era address that are read again without a thought: a page of Blockfrost's."""

_ADDRESS, _NEWEST = "address", "newest"
"""Where it is kept that the address, or the newest page of it, cannot be read (rule 5)."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The knowledge of an observer, at one point of the chain.

    Attributes:
        source: what operators call the observer.
        tip: the tip at which it was read.
        epoch: the epoch at that tip.
        unspent: the outputs at the era address, as the observer lists them, screened.
        considered: all that the choice is made from: the whole history where it is known.
        facts: what is known of them.
        blocks: transaction → its block, of those that were asked for.
        history_missing: why the history is not known, though the observer declares it.
    """

    source: str
    tip: ChainTip
    epoch: Epoch
    unspent: tuple[ScreenedOutput, ...]
    considered: tuple[ScreenedOutput, ...]
    facts: ChainFacts
    blocks: Mapping[str, ChainTip] = field(default_factory=dict)
    history_missing: str | None = None

    def place_of(self, output: DatumOutput) -> tuple[Slot | None, int | None]:
        """Slot and height of an output's block, each where known."""
        block = self.blocks.get(output.transaction)
        if block is None:
            return output.slot, output.height
        return (
            block.slot if output.slot is None else output.slot,
            block.height if output.height is None else output.height,
        )


class EvidenceGatherer:
    """Gathers evidence from one observer, and remembers what does not change.

    Args:
        observer: the caller closes it.
        policy: address, announcers and limits.
        screening: judges datums.
        transactions: knows their authors.
        on_tip: called with the tip of a reading as soon as it is known, before the rest is read.
    """

    def __init__(
        self,
        observer: ChainObserver,
        policy: TrustPolicy,
        screening: RememberedScreening,
        transactions: Transactions,
        on_tip: Callable[[ChainTip], object] = lambda _tip: None,
    ) -> None:
        self.observer = observer
        self._on_tip = on_tip
        self._policy = policy
        self._screening = screening
        self._transactions = transactions
        self._publishers = Publishers(observer, policy, transactions)
        self._last: Evidence | None = None

    def gather(self, trusted: StoredOutput | None = None, before: Evidence | None = None) -> Evidence:
        """The evidence of the observer now.

        Args:
            trusted: the output that is trusted (rules 4 and 5).
            before: the evidence before it, of this observer or another: what is equal is shared with it.

        Raises:
            ChainReadError: it could not be read.
        """
        self._publishers.begin()
        for attempt in range(1, ATTEMPTS + 1):
            tip, epoch = self._point()
            last = self._last
            if last is not None and tip.block_hash is not None and (last.tip, last.epoch) == (tip, epoch):
                return last
            try:
                evidence = self._found(tip, epoch, trusted, is_last=attempt == ATTEMPTS)
            except ChainReadError:
                if self._is_steady(tip, epoch):
                    raise
                continue  # what was asked for may have been rolled back
            finally:
                self._transactions.save()  # what was learnt holds, whatever comes of the reading
            if evidence is not None and self._is_steady(tip, epoch):
                self._last = _held_once(evidence, before)
                return self._last
        raise UnsteadyAnswerError(
            f"{self.observer.name}: the chain changed while the era address was read",
            expected="a chain that only grows, within one epoch",
            got=f"a different one, {ATTEMPTS} times",
            next_step="Read again",
            provider=self.observer.name,
        )

    def _found(self, tip: ChainTip, epoch: Epoch, trusted: StoredOutput | None, *, is_last: bool) -> Evidence | None:
        """The evidence by the thread, else of the address, else without it; ``None`` as of ``_read``."""
        evidence = self._by_thread(tip, epoch, None if trusted is None else f"{trusted.transaction}#{trusted.index}")
        if evidence is not None:
            return evidence
        doubt = self._transactions.failure(self.observer, _ADDRESS)
        if doubt is not None and (evidence := self._without_the_address(tip, epoch, trusted, doubt.why)) is not None:
            return evidence
        try:
            evidence = self._read(tip, epoch, is_last=is_last)
        except ChainReadError as error:
            evidence = self._without_the_address(tip, epoch, trusted, str(error))
            if evidence is None:
                raise
            self._transactions.fail(self.observer, _ADDRESS, str(error))
        else:
            self._transactions.had(self.observer, _ADDRESS)
        return evidence

    def _without_the_address(
        self, tip: ChainTip, epoch: Epoch, trusted: StoredOutput | None, why: str
    ) -> Evidence | None:
        """The evidence of the thread, or else of the history; ``None`` if neither can be read (rule 5)."""
        knows, unit, address = self.observer.capabilities, self._policy.thread_token, self._policy.address
        unread = self._screening.screen([unlisted(why)])
        facts = ChainFacts(newest_first=knows.order)
        found: tuple[ScreenedOutput, ...] | None = None
        try:
            if trusted is not None and isinstance(self.observer, ThreadObserver):
                found = taken_up(self.observer, address, trusted, self._screening.screen)
            if unit is not None and knows.tokens:
                if not (found := holding(found or (), unit)):
                    return None
                facts = replace(facts, holders=frozenset(item.output.reference for item in found))
            elif found is None and knows.history and knows.inputs:
                found = self._screening.screen(self._history(()))
                facts = ChainFacts(newest_first=True, history=True)
        except ChainReadError as error:
            _log.info("What is trusted cannot be confirmed without the era address: %s", error)
        if found is None:
            return None
        here = () if facts.history else tuple(item for item in found if not item.output.spent)
        source, missing = self.observer.name, f"the era address could not be read: {why}"
        unspent, considered = (*unread, *here), (*unread, *found)
        return self._known_of(Evidence(source, tip, epoch, unspent, considered, facts, history_missing=missing))

    def _by_thread(self, tip: ChainTip, epoch: Epoch, trusted: str | None) -> Evidence | None:
        """The evidence from before, where the trusted output is unspent; ``None`` where the address must be read."""
        last, observer = self._last, self.observer
        if last is None or last.epoch != epoch or not isinstance(observer, ThreadObserver) or observer.listed <= CROWD:
            return None
        references = [item.output.reference for item in last.considered]
        place = references.index(trusted) if trusted in references else None
        if place is None or not isinstance(last.considered[place].verdict, Accepted):
            return None
        try:
            newer = follow(observer, self._policy.address, last.considered[place].output, self._screening.screen)
        except ChainReadError as error:
            _log.info("The thread is not followed, and the era address read instead: %s", error)
            return None
        spends, ahead = last.facts.spends or {}, last.considered[:place]
        if newer is None or is_lost([item for item in ahead if spends.get(item.output.transaction)], newer):
            return None
        return self._continued(last, trusted, newer, tip) if newer else replace(last, tip=tip)

    def _continued(
        self, last: Evidence, trusted: str | None, newer: Sequence[ScreenedOutput], tip: ChainTip
    ) -> Evidence:
        """The evidence from before, with what took the place of the trusted output."""
        known = {item.output.reference for item in newer}
        gone = {trusted} | {item.output.reference for item in newer if item.output.spent}
        kept = (item for item in last.considered if item.output.reference not in known)
        ever = (*newer, *(as_spent(item) if item.output.reference == trusted else item for item in kept))
        here = {item.output.reference: item for item in (*newer, *last.unspent) if item.output.reference not in gone}
        unspent, facts = tuple(here.values()), last.facts
        known_before = ChainFacts(newest_first=facts.newest_first, history=facts.history)
        considered = ever if facts.history else unspent
        return self._known_of(replace(last, tip=tip, unspent=unspent, considered=considered, facts=known_before))

    def _point(self) -> tuple[ChainTip, Epoch]:
        """The tip and its epoch; if the tip has no epoch, the current one is used."""
        tip = self.observer.tip()
        self._on_tip(tip)
        return tip, self.observer.epoch() if tip.epoch is None else tip.epoch

    def _is_steady(self, tip: ChainTip, epoch: Epoch) -> bool:
        after = self.observer.tip()
        if after == tip:
            return True
        grown = after.slot >= tip.slot and (after.height or 0) >= (tip.height or 0)
        return grown and epoch == (self.observer.epoch() if after.epoch is None else after.epoch)

    def _read(self, tip: ChainTip, epoch: Epoch, *, is_last: bool) -> Evidence | None:
        """The evidence of the address; ``None`` when unspent outputs and history contradict each other (rule 1).

        In the last attempt, only the unspent outputs are then used.
        """
        capabilities = self.observer.capabilities
        if self._policy.thread_token is not None and capabilities.tokens:
            return self._of_token(self._policy.thread_token, tip, epoch)
        unspent, missing = self._unspent()
        considered = unspent
        if capabilities.history and missing is None:
            try:
                ever = self._history(unspent)
            except ChainReadError as error:
                can_do_without = capabilities.inputs or error.is_permanent or isinstance(error, _NOT_SHOWN)
                if not can_do_without:
                    raise
                missing = str(error)
            else:
                lacking = {item.output.reference for item in unspent if item.output.unreadable is None}
                lacking.difference_update([output.reference for output in ever])
                if lacking and not is_last:
                    return None
                if lacking:
                    missing = f"the history of the era address lacks {min(lacking)}, which is unspent there"
                else:
                    considered = self._ever(ever, unspent)
        is_history = capabilities.history and missing is None
        if self._policy.thread_token is not None:
            missing = f"{self.observer.name} {_NO_TOKENS}"
        ordered = capabilities.order or is_history
        facts = ChainFacts(newest_first=ordered, history=is_history)
        return self._known_of(
            Evidence(self.observer.name, tip, epoch, unspent, considered, facts, history_missing=missing)
        )

    def _ever(self, ever: Sequence[DatumOutput], unspent: Sequence[ScreenedOutput]) -> tuple[ScreenedOutput, ...]:
        """The history, screened: what is unspent has its verdict already, and is the very same where it is equal."""
        here = {item.output.reference: item for item in unspent if item.output.unreadable is None}
        found: list[ScreenedOutput | None] = []
        others: list[DatumOutput] = []
        for output in ever:
            listed = here.get(output.reference)
            if listed is None:
                known = output.known(spent=True)
            else:
                known = output.known(listed.output, spent=False, assets=listed.output.assets)
            if listed is None or known.datum != listed.output.datum or known.unreadable is not None:
                others.append(known)
                found.append(None)
            else:
                found.append(listed if known == listed.output else ScreenedOutput(known, listed.verdict))
        judged = iter(self._screening.screen(others) if others else ())
        return tuple([next(judged) if item is None else item for item in found])

    def _known_of(self, read: Evidence) -> Evidence:
        """The evidence from what was read, with who published what counts, and where."""
        valid = [item.output for item in read.considered if isinstance(item.verdict, Accepted)]
        facts, blocks = self._publishers.placed(self._publishers.named(read.facts, valid), valid, read.tip)
        return replace(read, facts=facts, blocks=blocks)

    def _of_token(self, unit: str, tip: ChainTip, epoch: Epoch) -> Evidence:
        """The evidence of the thread token: its holder is the team's, whatever else lies at the address (T0)."""
        unspent = self._screening.screen(self._beside_token(unit))
        holding = [item.output for item in unspent if item.output.holds(unit)]
        if isinstance(self.observer, BytesObserver):
            for output in holding:  # it decides nothing: its bytes are kept, so that the publication can be proved
                self._publishers.author_of(output)
        facts = ChainFacts(
            spends={output.transaction: True for output in holding},
            newest_first=True,
            holders=frozenset(output.reference for output in holding),
        )
        facts, blocks = self._publishers.placed(facts, holding, tip)
        return Evidence(self.observer.name, tip, epoch, unspent, unspent, facts, blocks)

    def _beside_token(self, unit: str) -> tuple[DatumOutput, ...]:
        """The newest outputs at the era address, and the one with the token wherever it is among them."""
        address, observer, known = self._policy.address, self.observer, self._transactions
        doubt = known.failure(observer, _NEWEST)
        if doubt is not None and (found := self._holding(unit)) is not None:
            return (unlisted(doubt.why), *found)
        try:
            newest = read_datums(observer, address, lambda _: True)
        except (*OF_ONE_ANSWER, UnsteadyAnswerError) as error:  # a flood hides nothing from a question for the token
            found = self._holding(unit)
            if found is None:
                raise
            known.fail(observer, _NEWEST, str(error))
            return (unlisted(str(error)), *found)
        known.had(observer, _NEWEST)
        if any(output.holds(unit) for output in newest):
            return newest
        found = self._holding(unit)
        if found is None:
            return read_datums(observer, address, lambda page: any(output.holds(unit) for output in page))
        listed = {output.reference for output in newest}
        return (*newest, *(output for output in found if output.reference not in listed))

    def _holding(self, unit: str) -> tuple[DatumOutput, ...] | None:
        observer = self.observer
        return observer.holders(self._policy.address, unit) if isinstance(observer, TokenObserver) else None

    def _unspent(self) -> tuple[tuple[ScreenedOutput, ...], str | None]:
        """The unspent outputs, screened, and what was left out where there are very many (rule 2)."""
        read: set[str] = set()
        judged: dict[int, ScreenedOutput] = {}  # by the identity of the output, which ``judged`` keeps alive
        stopped = False

        def settled(page: tuple[DatumOutput, ...]) -> bool:
            nonlocal stopped
            screened = self._screening.screen(page)
            judged.update([(id(item.output), item) for item in screened])
            read.update([output.reference for output in page])
            stopped = len(read) >= self._policy.whole_outputs and any(map(self._counts, screened))
            return stopped

        outputs = read_datums(self.observer, self._policy.address, settled)
        screened = tuple([judged[id(output)] for output in outputs if id(output) in judged])
        if len(screened) < len(outputs):  # not every observer reads by pages
            screened = self._screening.screen(outputs)
        words = f"only the newest {len(outputs)} outputs at the era address were read, to the newest one that counts"
        return screened, words if stopped else None

    def _counts(self, item: ScreenedOutput) -> bool:
        """Whether an output has a true signature and spends at the era address, so that no older one can win."""
        if not isinstance(item.verdict, Accepted) or not self.observer.capabilities.inputs:
            return False
        author = self._publishers.author_of(item.output)
        return isinstance(author, Author) and self._policy.address in author.addresses

    def _history(self, unspent: Sequence[ScreenedOutput]) -> tuple[DatumOutput, ...]:
        if not isinstance(self.observer, SelectiveHistoryObserver):
            return self.observer.history(self._policy.address)
        # Junk is known in full from what is unspent: only the team can spend it. What is signed is asked for.
        signed = {item.output.transaction for item in unspent if isinstance(item.verdict, Accepted)}
        listed: dict[str, list[DatumOutput]] = {}
        for item in unspent:
            if item.output.transaction not in signed and item.output.unreadable is None:
                listed.setdefault(item.output.transaction, []).append(item.output)
        read: dict[str, list[DatumOutput]] = {}
        if self._last is not None and self._last.facts.history:
            for item in self._last.considered:
                if item.output.unreadable is None:
                    read.setdefault(item.output.transaction, []).append(item.output)
        failing = self._transactions.unreadable(self.observer)
        known: dict[str, Sequence[DatumOutput]] = {**failing, **listed, **read, **self._transactions.made}
        before = known.keys() | set()
        try:
            return self.observer.history_beside(self._policy.address, known)
        finally:
            here = {item.output.reference: item.output for item in unspent}
            new = {
                transaction: tuple([one.known(here.get(one.reference)) for one in known[transaction]])
                for transaction in known.keys() - before
            }
            self._transactions.learn(self.observer, new)


def _held_once(now: Evidence, before: Evidence | None) -> Evidence:
    """The evidence with the very outputs that are known where they are equal.

    None of a flood is then held twice, and equal evidence is quick to decide on.
    """
    if before is None:
        return now
    unspent = _same(now.unspent, before.unspent)
    considered = unspent if now.considered is now.unspent else _same(now.considered, before.considered)
    return replace(now, unspent=unspent, considered=considered)


def _same(now: tuple[ScreenedOutput, ...], before: tuple[ScreenedOutput, ...]) -> tuple[ScreenedOutput, ...]:
    if now == before:
        return before
    known = {item.output.reference: item for item in before}
    return tuple([there if (there := known.get(item.output.reference)) == item else item for item in now])
