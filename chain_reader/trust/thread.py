"""The thread (rule T12): from the output that is trusted to the one that took its place, and on, output by output.

In: an observer that can be asked for one output. Out: the outputs that its successors made at the era address, or
``None`` where the thread cannot be followed, so that the address has to be read. Nothing is decided here.

1. An output that is unspent has no successor: nothing newer is in force, whatever lies at the address.
2. Which transaction spent it is the provider's word, and what that transaction made and who signed it is judged as of
   any other (T2). A spender that makes no output with a true signature breaks the thread.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from chain_reader.ports import DatumOutput, ScreenedOutput, SuccessorObserver, ThreadObserver
from datum import Accepted
from era_store import StoredOutput

MAX_STEPS = 100
"""More publications than these between two readings are read from the address."""

UNLISTED = "0" * 64
"""Stands for the transaction, where a list could not be read: what is not listed may be there all the same."""

Screen = Callable[[Sequence[DatumOutput]], tuple[ScreenedOutput, ...]]


def follow(
    observer: ThreadObserver, address: str, trusted: DatumOutput, screen: Screen
) -> tuple[ScreenedOutput, ...] | None:
    """Return what took the place of the trusted output, the newest first; empty while it is unspent.

    Raises:
        ChainReadError: the observer could not be reached.
    """
    found: list[ScreenedOutput] = []
    at = trusted
    for _ in range(MAX_STEPS):
        if observer.is_unspent(at):
            return tuple(found)
        made = observer.successors(at, address) if isinstance(observer, SuccessorObserver) else None
        screened = screen(made or ())
        last = next((item for item in screened if isinstance(item.verdict, Accepted)), None)
        if last is None:
            return None
        found = [*screened, *(as_spent(item) if item.output is at else item for item in found)]
        at = last.output
    return None


def taken_up(
    observer: ThreadObserver, address: str, trusted: StoredOutput, screen: Screen
) -> tuple[ScreenedOutput, ...] | None:
    """Return the output that is remembered as trusted, with what took its place before it; ``None`` as of ``follow``.

    Raises:
        ChainReadError: the observer could not be reached.
    """
    output = DatumOutput(
        trusted.transaction, trusted.index, trusted.datum, trusted.lovelace, trusted.slot, trusted.height, spent=False
    )
    (remembered,) = screen([output])
    newer = follow(observer, address, output, screen) if isinstance(remembered.verdict, Accepted) else None
    if newer is None:
        return None
    return (*newer, as_spent(remembered)) if newer else (remembered,)


def holding(found: tuple[ScreenedOutput, ...], unit: str) -> tuple[ScreenedOutput, ...]:
    """Return which of what ``taken_up`` found holds the token: the trusted output, or else its last successor."""
    followed = len(found) > 1
    return tuple(item for item in found if not followed or (item.output.holds(unit) and not item.output.spent))


def is_lost(ahead: Sequence[ScreenedOutput], newer: Sequence[ScreenedOutput]) -> bool:
    """Return whether what counted as newer than the trusted output is not on the thread now: it was rolled back."""
    followed = {item.output.reference for item in newer}
    return any(item.output.reference not in followed for item in ahead)


def unlisted(why: str) -> DatumOutput:
    """Return an output that stands for a list that could not be read, and states why."""
    return DatumOutput(UNLISTED, 0, "", 0, unreadable=why)


def as_spent(item: ScreenedOutput) -> ScreenedOutput:
    """Return the output as one that has been spent."""
    return replace(item, output=item.output.known(spent=True))
