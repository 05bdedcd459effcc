"""How a thread token was minted, by the bytes of the transactions since: its script, and how many were made (rule T0).

In: an observer that shows bytes, the token, and the transaction of the output that holds it. Out: the script and the
quantity; ``None`` where the bytes do not lead back to the minting. Each publication spends the one before, so that the
walk goes from output 0 to output 0; it is bounded.
"""

from chain_reader.local_chain import LedgerRefusedError
from chain_reader.local_chain.ledger.transaction import parse_transaction
from chain_reader.ports import BytesObserver, ChainObserver
from chain_reader.providers.gateway import TransactionGateway
from chain_reader.thread_token import spelled
from release_tools.doctor import Examination
from release_tools.transactions.scripts import MAX_LOCK_SLOTS, KeyScript

MAX_STEPS = 50
_MAX_BYTES = 1 << 16
_POLICY_DIGITS = 56


def minting_of(unit: str, transaction: str, observer: ChainObserver) -> tuple[KeyScript, int] | None:
    """Return the script that a token was minted under, and how many were; ``None`` where that is not shown.

    Raises:
        ChainReadError: the provider could not be asked.
    """
    waiting, seen = [transaction], {transaction}
    while waiting and len(seen) <= MAX_STEPS and isinstance(observer, BytesObserver):
        data = observer.transaction_bytes(waiting.pop(0))
        if data is None:
            continue
        try:
            found = parse_transaction(data, max_bytes=_MAX_BYTES)
        except LedgerRefusedError:
            continue
        quantity = dict(found.new.minted).get(unit)
        if quantity is not None:
            scripts = (KeyScript.of_item(script.item) for script in found.scripts)
            script = next((one for one in scripts if one.hash == unit[:_POLICY_DIGITS]), None)
            return None if script is None else (script, quantity)
        before = [spent for spent, index in found.new.inputs if index == 0 and spent not in seen]
        waiting += before
        seen.update(before)
    return None


def check_thread_token(
    examination: Examination,
    observer: ChainObserver,
    gateway: TransactionGateway,
    address: str,
    unit: str,
    *,
    check: str = "thread token",
) -> None:
    """Examine a thread token: where it is, its script, its time lock, and how many there are."""

    def look() -> None:
        outputs = gateway.spendable_outputs(address)
        holders = [output for output in outputs if unit in dict(output.assets)]
        if [dict(output.assets)[unit] for output in holders] != [1] or holders[0].datum is None:
            found = ", ".join(f"{output.reference} with {dict(output.assets)[unit]}" for output in holders) or "nothing"
            examination.problem(
                check,
                f"{spelled(unit)} should be in one output with markers at the era address; found: {found}",
                "If it was sent elsewhere, publish with --spend TX#N; if it is lost, mint another: marker adopt-token",
            )
            return
        (holder,) = holders
        examination.fine(check, f"{holder.reference} at the era address holds it")
        minted = minting_of(unit, holder.transaction, observer)
        if minted is None:
            examination.warning(
                f"{check} policy",
                f"not checked: {observer.name} does not show the transaction that minted it, within {MAX_STEPS} steps",
                "Ask a provider that shows the bytes of transactions; an explorer shows policy script and supply",
            )
            return
        script, quantity = minted
        slot = gateway.tip_slot()
        words = f"minted {quantity} under a script of {', '.join(script.key_hashes)}"
        if quantity != 1 or script.lock is None or script.lock > slot + MAX_LOCK_SLOTS:
            lock = "no time lock" if script.lock is None else f"a lock at slot {script.lock}"
            examination.problem(
                f"{check} policy",
                f"{words}, with {lock}: more can be minted",
                "Do not configure it; mint one by eraswitch marker adopt-token",
            )
        elif script.lock > slot:
            examination.fine(f"{check} policy", f"{words}, which is void from slot {script.lock} on: not yet")
        else:
            examination.fine(f"{check} policy", f"{words}, void since slot {script.lock}: nobody can mint another")

    examination.attempt(check, look)
