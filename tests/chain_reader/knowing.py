"""Observers of a local chain that know less than it does, or answer as a provider in trouble would."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from chain_reader import ChainTip, DatumOutput, LocalObserver, ObserverCapabilities
from chain_reader.local_chain import LocalChain
from eras import Epoch

BARE = ObserverCapabilities()
HISTORY = ObserverCapabilities(order=True, slots=True, history=True, blocks=True)
INPUTS = ObserverCapabilities(order=True, slots=True, inputs=True, blocks=True)
ALL = ObserverCapabilities(order=True, slots=True, inputs=True, history=True, blocks=True)
KNOWLEDGE = {"bare": BARE, "history": HISTORY, "inputs": INPUTS, "all": ALL}


@dataclass
class Knowing:
    """A local chain as an observer with ``capabilities`` sees it; ``asked`` counts what it was asked for."""

    chain: LocalChain
    capabilities: ObserverCapabilities = ALL
    name: str = "the provider"
    asked: list[str] = field(default_factory=list)
    change: Callable[[str, Any], Any] = lambda _, answer: answer
    """What becomes of an answer, by the name of the question: here a provider lies, lags, or raises."""

    def __post_init__(self) -> None:
        self._observer = LocalObserver(self.chain)

    def epoch(self) -> Epoch:
        return self._answer("epoch", self._observer.epoch())

    def tip(self) -> ChainTip:
        return self._answer("tip", replace(self._observer.tip(), epoch=None))

    def datums(self, address: str) -> tuple[DatumOutput, ...]:
        found = self._seen(self._observer.datums(address))
        return self._answer("datums", found if self.capabilities.order else tuple(sorted(found, key=_reference)))

    def history(self, address: str) -> tuple[DatumOutput, ...]:
        assert self.capabilities.history
        return self._answer("history", self._seen(self._observer.history(address)))

    def input_addresses(self, transaction: str) -> tuple[str, ...]:
        assert self.capabilities.inputs
        return self._answer("inputs", self._observer.input_addresses(transaction))

    def block_of(self, transaction: str) -> ChainTip | None:
        assert self.capabilities.blocks
        found = self.chain.transaction(transaction)
        if found is None:
            return self._answer("block", None)
        block = found.block
        return self._answer("block", ChainTip(block.slot, block.height, block.hash, block.epoch))

    def close(self) -> None:
        """Nothing to close."""

    def _seen(self, outputs: tuple[DatumOutput, ...]) -> tuple[DatumOutput, ...]:
        if self.capabilities.slots:
            return outputs
        return tuple(replace(output, slot=None, height=None) for output in outputs)

    def _answer(self, question: str, answer: Any) -> Any:
        self.asked.append(question)
        return self.change(question, answer)


def _reference(output: DatumOutput) -> str:
    return output.reference
