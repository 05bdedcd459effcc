"""Asks several chain observers at once, and answers only what enough of them agree on (rule T7).

In: observers of one chain, and how many must agree. Out: the answers of the ``ChainObserver`` port, or the
error ``Agreement``, which names each observer with its answer. What *agree* means for each question is in ``votes``.

1. Each observer is asked in a thread of its own. A slow one holds nobody up: once enough agree, the others get a moment
   to be heard, and at the deadline what was heard must do. One that still works on an earlier question is not asked.
2. Who differs is named in ``dissents`` and in the log; an observer that fails counts as one that did not answer.
3. It knows what all of them know, so that what enough agree on is never less than what it declares.
4. Providers that read from the same servers are not several: that they agree proves nothing.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from functools import partial
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from chain_reader.authorship import TransactionBytesError, transaction_id
from chain_reader.ports import (
    UNKNOWN_ADDRESS,
    BytesObserver,
    ChainObserver,
    ChainTip,
    DatumOutput,
    LocatingObserver,
    ObserverCapabilities,
    ThreadObserver,
)
from chain_reader.providers.agreement.votes import (
    Agreed,
    OutputVotes,
    agreed_epoch,
    agreed_inputs,
    agreed_tip,
    agreed_value,
)
from datum import VerificationKey
from eras import ChainReadError, ConfigurationError, Epoch
from eras.errors import kept

Answer = TypeVar("Answer")

DEADLINE_S = 60.0
GRACE_S = 2.0
"""Seconds to wait for the others once enough agree, so that one that differs is noticed."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Dissent:
    """An observer that differs from those that agree, or did not answer."""

    observer: str
    question: str
    said: str


@dataclass(frozen=True, slots=True)
class _Heard(Generic[Answer]):
    """The answers to one question, and why there is none from the others."""

    answers: Mapping[str, Answer]
    silent: Mapping[str, str]


class AgreementObserver:
    """A ``ChainObserver`` that answers what ``needed`` of several observers agree on; an error where too few do.

    Args:
        observers: at least ``needed``, each with connections of its own; closed with this one.
        needed: how many must agree; more than half of them, or two sides could be right at once.
        keys: the keys that payloads are signed with. Whether observers agree is asked of the payloads that these
            signed; outputs that others signed count where enough report them.
        deadline_s: seconds for one question.
        grace_s: seconds to wait for the others once enough agree.

    Raises:
        ConfigurationError: so many of so few cannot agree.
    """

    def __init__(
        self,
        observers: Sequence[ChainObserver],
        needed: int,
        *,
        keys: Iterable[VerificationKey] = (),
        deadline_s: float = DEADLINE_S,
        grace_s: float = GRACE_S,
    ) -> None:
        if not 1 <= needed <= len(observers):
            raise ConfigurationError(
                "Observers cannot agree",
                expected=f"at least 1 and at most {len(observers)} of {len(observers)} that must agree",
                got=str(needed),
                next_step="Correct how many must agree, or configure more providers",
            )
        self._observers = dict(zip(_names(observers), observers, strict=True))
        self._needed = needed
        self._votes = OutputVotes(keys, needed)
        self._deadline_s = deadline_s
        self._grace_s = grace_s
        self._busy: dict[str, threading.Thread] = {}
        self._turn = threading.Lock()
        self._dissents: dict[str, tuple[Dissent, ...]] = {}
        self._spends: dict[str, bool] = {}
        self.name = f"{needed} of {len(observers)} ({', '.join(self._observers)})"
        self.capabilities = ObserverCapabilities(
            **{
                known.name: all(getattr(one.capabilities, known.name) for one in observers)
                for known in fields(ObserverCapabilities)
            }
        )

    def __repr__(self) -> str:
        return f"AgreementObserver({self.name!r})"

    @property
    def observers(self) -> tuple[ChainObserver, ...]:
        """The observers that are asked."""
        return tuple(self._observers.values())

    @property
    def dissents(self) -> tuple[Dissent, ...]:
        """The observers that differed, or did not answer, when each kind of question was last asked."""
        return tuple(dissent for dissents in self._dissents.values() for dissent in dissents)

    def epoch(self) -> Epoch:
        """The current epoch, agreed on give or take one at its boundary: the old one until enough report the new."""
        return self._agreed(
            "the epoch",
            "",
            lambda one: one.epoch(),
            lambda answers: agreed_epoch(answers, self._needed),
            "epoch {}".format,
        )

    def tip(self) -> ChainTip:
        """The newest block that enough have reached."""

        def agreed(tips: Mapping[str, ChainTip]) -> Agreed[ChainTip] | None:
            tip = agreed_tip(tips, self._needed)
            return None if tip is None else Agreed(tip)

        return self._agreed("the tip", "", lambda one: one.tip(), agreed, _tip_words)

    def tips(self) -> Mapping[str, ChainTip]:
        """The tip of every observer that reports one, by name."""
        return self._ask(lambda one: one.tip(), lambda _: False).answers

    def datums(self, address: str) -> tuple[DatumOutput, ...]:
        """The unspent outputs at ``address`` with an inline datum that enough report."""
        return self._outputs("the datums at", address, lambda one: one.datums(address))

    def history(self, address: str) -> tuple[DatumOutput, ...]:
        """Every output with an inline datum that was ever at ``address`` and that enough report."""
        return self._outputs("the history of", address, lambda one: one.history(address), tokens=False)

    def input_addresses(self, transaction: str) -> tuple[str, ...]:
        """The addresses of the inputs that ``transaction`` spends, as enough of them report."""
        return self._agreed(
            "the inputs of transaction",
            transaction,
            lambda one: one.input_addresses(transaction),
            lambda answers: agreed_inputs(answers, self._needed),
            lambda addresses: ", ".join(address or "an unknown address" for address in addresses),
        )

    @property
    def listed(self) -> int:
        """The length of the longest of the last listings of an address."""
        return max((one.listed for one in self._observers.values() if isinstance(one, ThreadObserver)), default=0)

    def is_unspent(self, output: DatumOutput) -> bool | None:
        """Whether an output is unspent, as enough of them report; ``None`` where too few know."""
        return self._agreed(
            "whether it is unspent, output",
            output.reference,
            lambda one: one.is_unspent(output) if isinstance(one, ThreadObserver) else None,
            lambda answers: agreed_value(answers, self._needed, identity=lambda answer: answer),
            str,
        )

    def transaction_bytes(self, transaction: str) -> bytes | None:
        """The bytes of ``transaction``, from the first observer that shows them: they prove themselves."""
        for one in self._observers.values():
            with suppress(ChainReadError, TransactionBytesError):
                data = one.transaction_bytes(transaction) if isinstance(one, BytesObserver) else None
                if data is not None and transaction_id(data) == transaction:
                    return data
        return None

    def block_of(self, transaction: str) -> ChainTip | None:
        """The block that ``transaction`` is in, as enough of them report."""

        def ask(one: ChainObserver) -> ChainTip | None:
            if not isinstance(one, LocatingObserver):
                raise ChainReadError(f"{one.name} does not know the blocks of transactions")
            return one.block_of(transaction)

        return self._agreed(
            "the block of transaction",
            transaction,
            ask,
            lambda answers: agreed_value(answers, self._needed, identity=lambda block: block),
            lambda block: "in no block" if block is None else _tip_words(block),
        )

    def close(self) -> None:
        """Close every observer. Calling it twice is fine."""
        for observer in self._observers.values():
            observer.close()

    def _outputs(
        self, kind: str, address: str, ask: Callable[[ChainObserver], tuple[DatumOutput, ...]], *, tokens: bool = True
    ) -> tuple[DatumOutput, ...]:
        """The answer that enough report; of a history without tokens, which the bytes of a transaction do not show."""
        knows = self.capabilities
        counts = partial(self._spends_at, address) if knows.inputs else None

        def agreed(answers: Mapping[str, tuple[DatumOutput, ...]]) -> Agreed[tuple[DatumOutput, ...]] | None:
            return self._votes.agreed(
                answers, slots=knows.slots, ordered=knows.order, tokens=tokens and knows.tokens, counts=counts
            )

        return self._agreed(kind, address, ask, agreed, self._votes.described)

    def _spends_at(self, address: str, transaction: str) -> bool:
        """Whether a transaction spends at ``address``, or may: what is not known proves nothing. Asked for once."""
        found = self._spends.get(transaction)
        if found is None:
            try:
                inputs = self.input_addresses(transaction)
            except ChainReadError:
                return True
            found = address in inputs or UNKNOWN_ADDRESS in inputs
            self._spends[transaction] = found
        return found

    def _agreed(
        self,
        kind: str,
        about: str,
        ask: Callable[[ChainObserver], Answer],
        agree: Callable[[Mapping[str, Answer]], Agreed[Answer] | None],
        words: Callable[[Answer], str],
    ) -> Answer:
        """The answer that enough agree on, once all that answer in time were heard."""
        question = f"{kind} {about}".rstrip()
        heard = self._ask(ask, lambda answers: agree(answers) is not None)
        agreed = agree(heard.answers)
        said = {name: words(answer) for name, answer in heard.answers.items()} | dict(heard.silent)
        if agreed is None:
            raise ChainReadError(
                f"Too few observers agree on {question}",
                expected=f"{self._needed} of {len(self._observers)} that agree",
                got="; ".join(f"{name}: {said[name]}" for name in self._observers),
                next_step="Read again; if they still differ, find out which of them is wrong, and replace it",
                answers=said,
                question=question,
                code="Agreement",
            )
        differing = {name: said[name] for name in self._observers if name in agreed.differing or name in heard.silent}
        self._note(kind, tuple(Dissent(name, question, text) for name, text in differing.items()))
        return agreed.answer

    def _note(self, kind: str, dissents: tuple[Dissent, ...]) -> None:
        """Remember who differs, and log it when it is news."""
        known = self._dissents.get(kind, ())
        self._dissents[kind] = dissents
        for dissent in dissents:
            if dissent not in known:
                _log.warning(
                    "%s differs from those that agree on %s: %s", dissent.observer, dissent.question, dissent.said
                )

    def _ask(
        self, ask: Callable[[ChainObserver], Answer], enough: Callable[[Mapping[str, Answer]], bool]
    ) -> _Heard[Answer]:
        """Ask every observer that has nothing to do, until all were heard, enough agree, or the time is over."""
        results: SimpleQueue[tuple[str, Answer | Exception]] = SimpleQueue()
        silent = dict.fromkeys(self._observers, f"no answer within {self._deadline_s:g} s")
        waiting = self._start(ask, results, silent)
        answers: dict[str, Answer] = {}
        until = time.monotonic() + self._deadline_s
        with suppress(Empty):
            while waiting:
                name, result = results.get(timeout=max(0.0, until - time.monotonic()))
                waiting.discard(name)
                if isinstance(result, Exception):
                    silent[name] = f"no answer: {result}"
                    continue
                answers[name] = result
                del silent[name]
                if enough(answers):
                    until = min(until, time.monotonic() + self._grace_s)
        return _Heard({name: answers[name] for name in self._observers if name in answers}, silent)

    def _start(
        self,
        ask: Callable[[ChainObserver], Answer],
        results: "SimpleQueue[tuple[str, Answer | Exception]]",
        silent: dict[str, str],
    ) -> set[str]:
        """Start a thread for each observer; whose last question still runs is left out, and counts as silent."""

        def run(name: str, observer: ChainObserver) -> None:
            try:
                results.put((name, ask(observer)))
            except Exception as error:
                if not isinstance(error, ChainReadError):
                    _log.exception("%s failed unexpectedly", name)
                results.put((name, kept(error)))

        started = set()
        with self._turn:
            for name, observer in self._observers.items():
                last = self._busy.get(name)
                if last is not None and last.is_alive() and not _ended(last):
                    silent[name] = "no answer: it is still working on an earlier question"
                    continue
                # A daemon, so that a process can end though a provider hangs.
                thread = threading.Thread(target=run, args=(name, observer), name=f"ask {name}", daemon=True)
                self._busy[name] = thread
                thread.start()
                started.add(name)
        return started


def _ended(thread: threading.Thread) -> bool:
    """Whether a thread that has given its answer is over, too; a moment lies between."""
    thread.join(0.05)
    return not thread.is_alive()


def _names(observers: Sequence[ChainObserver]) -> list[str]:
    """The observers' names; where two are alike, with a number."""
    names = [observer.name for observer in observers]
    return [name if names.count(name) == 1 else f"{name} #{place}" for place, name in enumerate(names, start=1)]


def _tip_words(tip: ChainTip) -> str:
    return f"slot {tip.slot}, height {tip.height}, block {tip.block_hash}"
