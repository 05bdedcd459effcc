"""Checks a thread token: its place, its supply, and whether another one can be minted (rule T0).

In: an observer, a gateway, the era address and the token. Out: findings. The supply comes from a provider that counts
tokens at all addresses, since a token that was minted elsewhere may never reach the era address. The script is in the
minting transaction, which is found by following inputs backwards; transactions that the provider cannot show are
skipped, and the search is bounded.
"""

from dataclasses import dataclass

from chain_reader.local_chain import LedgerRefusedError
from chain_reader.local_chain.ledger.transaction import parse_transaction
from chain_reader.ports import BytesObserver, ChainObserver
from chain_reader.providers.gateway import SpendableOutput, SupplyGateway, TransactionGateway
from chain_reader.thread_token import spelled
from eras import ChainReadError, StoreError
from release_tools.doctor import Examination
from release_tools.transactions.owners import MAX_LOCK_SLOTS, KeyScript

MAX_STEPS = 50
_MAX_BYTES = 1 << 16
_POLICY_DIGITS = 56
ERA_CHECK = "thread token"
_WHY_ONE = "whoever holds another can put old markers beside the team's, and nodes cannot tell which are right"
_ASK_ANOTHER = (
    "Ask a Blockfrost API, Koios, or a Kupo that follows the token at all addresses: eraswitch doctor --provider URL"
)


@dataclass(frozen=True, slots=True)
class Minting:
    """The minting of a token: its transaction, its script, and the quantity."""

    transaction: str
    script: KeyScript
    quantity: int


def minting_of(unit: str, transaction: str, observer: ChainObserver) -> Minting | None:
    """Return the minting of the token in a transaction's output; ``None`` if the provider does not show it."""
    waiting, seen = [(0, transaction)], {transaction}
    while waiting and len(seen) <= MAX_STEPS and isinstance(observer, BytesObserver):
        _, asked = waiting.pop(0)
        try:
            data = observer.transaction_bytes(asked)
            if data is None:
                continue
            found = parse_transaction(data, max_bytes=_MAX_BYTES)
        except (ChainReadError, StoreError, LedgerRefusedError):
            continue  # may be a stranger's: all inputs of a publication are followed
        quantity = dict(found.new.minted).get(unit)
        if quantity is not None:
            scripts = (KeyScript.of_item(script.item) for script in found.scripts)
            script = next((one for one in scripts if one.hash == unit[:_POLICY_DIGITS]), None)
            return None if script is None else Minting(asked, script, quantity)
        before = [(index, spent) for spent, index in found.new.inputs if spent not in seen]
        waiting = sorted([*waiting, *before], key=lambda one: one[0])  # markers are always in output 0
        seen.update(spent for _, spent in before)
    return None


def check_thread_token(
    examination: Examination,
    observer: ChainObserver,
    gateway: TransactionGateway,
    address: str,
    unit: str,
    *,
    check: str = ERA_CHECK,
) -> None:
    """Check a thread token: its place, its supply, its script and its time lock."""
    look = _Look(examination, observer, gateway, unit, check)
    examination.attempt(check, lambda: look.at(address))


@dataclass(frozen=True, slots=True)
class _Look:
    """The check of one token; its findings have the subject ``check``."""

    examination: Examination
    observer: ChainObserver
    gateway: TransactionGateway
    unit: str
    check: str

    def at(self, address: str) -> None:
        outputs = self.gateway.spendable_outputs(address)
        holder = self._holder([output for output in outputs if self.unit in dict(output.assets)])
        if holder is not None:
            minting = minting_of(self.unit, holder.transaction, self.observer)
            self._supply(minting)
            self._policy(minting)

    @property
    def _replace(self) -> str:
        if self.check != ERA_CHECK:
            return "Take it out of the configuration; nodes then decide by who published (rule T2)"
        return f"Replace it by one of another policy: eraswitch marker adopt-token --replace {spelled(self.unit)}"

    def _holder(self, holders: list[SpendableOutput]) -> SpendableOutput | None:
        """The one output with markers that holds one token."""
        held = [dict(output.assets)[self.unit] for output in holders]
        if held == [1] and holders[0].datum is not None:
            self.examination.fine(self.check, f"{holders[0].reference} at the era address holds it")
            return holders[0]
        where = ", ".join(f"{output.reference} with {count}" for output, count in zip(holders, held, strict=True))
        if sum(held) > 1:
            next_step = f"Nodes cannot tell which are right. {self._replace}"
        elif holders and self.check == ERA_CHECK:
            next_step = f"Publish the markers with it: eraswitch marker adopt-token --spend {holders[0].reference}"
        else:
            next_step = "Nodes keep what they trust, and nothing can be published: see docs/contingency.md"
        self.examination.problem(
            self.check,
            f"expected {spelled(self.unit)} in one output with markers at the era address, got {where or 'none there'}",
            next_step,
        )
        return None

    def _supply(self, minting: Minting | None) -> None:
        check, examination, name = f"{self.check} supply", self.examination, self.gateway.name
        if minting is not None and minting.quantity != 1:
            words = f"expected one, got {minting.quantity}, minted by {minting.transaction}: {_WHY_ONE}"
            examination.problem(check, words, self._replace)
            return
        if not isinstance(self.gateway, SupplyGateway):
            examination.warning(check, f"not checked: {name} cannot count them", _ASK_ANOTHER)
            return
        try:
            count = self.gateway.supply(self.unit)
        except ChainReadError as error:
            examination.warning(check, f"not checked: {error}", _ASK_ANOTHER)
            return
        if count > 1:
            examination.problem(check, f"expected one, got {count}, by {name}: {_WHY_ONE}", self._replace)
        elif count < 1:
            examination.warning(check, f"not checked: {name} counts none, though it shows one", _ASK_ANOTHER)
        else:
            examination.fine(check, f"there is one, by {name}")

    def _policy(self, minting: Minting | None) -> None:
        check, examination = f"{self.check} policy", self.examination
        if minting is None:
            examination.warning(
                check,
                f"not checked: {self.observer.name} does not show the transaction that minted it, within {MAX_STEPS} "
                "steps",
                "Ask a provider that shows the bytes of transactions; an explorer shows the policy script",
            )
            return
        script, slot = minting.script, self.gateway.tip_slot()
        words = f"{minting.transaction} minted it under a script of {', '.join(script.key_hashes)}"
        if script.lock is None or script.lock > slot + MAX_LOCK_SLOTS:
            lock = "without a time lock" if script.lock is None else f"until slot {script.lock}"
            words = f"{words}, {lock}: more can be minted, where a day is the longest that should be"
            examination.problem(check, words, self._replace)
        elif script.lock > slot:
            examination.fine(check, f"{words}, which is void from slot {script.lock} on: not yet")
        else:
            examination.fine(check, f"{words}, void since slot {script.lock}: nobody can mint another")
