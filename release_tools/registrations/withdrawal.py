"""Withdraws registrations whose source cannot be trusted, such as a stolen token or a wrong file.

In: a store, a source, and the registrations to withdraw. Out: the number of withdrawn registrations of each epoch.
Withdrawn registrations stay among the rejects of their source, with the reason, and the event log records it.
"""

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from era_store import Withdrawal
from eras import ConfigurationError, Epoch

if TYPE_CHECKING:
    from era_store import SqlStore

WITHDRAWN = "registrations-withdrawn"
"""The kind of the event."""


def withdraw(
    store: "SqlStore", withdrawal: Withdrawal, *, clock: Callable[[], float] = time.time
) -> Mapping[Epoch, int]:
    """Withdraw registrations.

    Args:
        store: the store.
        withdrawal: the registrations, and the reason.
        clock: returns the POSIX time.

    Returns:
        Epoch → the number of registrations that are withdrawn, or would be.

    Raises:
        ConfigurationError: there is no such source; nothing has changed.
        StoreError: the store cannot be used; nothing has changed.
    """
    names = store.registrations.sources()
    if withdrawal.source not in names:
        shown, more = ", ".join(names[:20]) or "none has been read", len(names) - 20
        raise ConfigurationError(
            "No registrations have come from this source",
            code="SourceNotFound",
            expected=f"{shown} and {more} more" if more > 0 else shown,
            got=withdrawal.source,
            next_step="Name one of them; adoption export lists the source of each registration that counts",
        )
    found = store.registrations.withdraw(withdrawal, time_s=clock())
    if found and not withdrawal.dry_run:
        facts = {"source": withdrawal.source, "reason": withdrawal.reason, "registrations": sum(found.values())}
        store.events.append(WITHDRAWN, {**facts, "epochs": [min(found), max(found)]}, time_s=clock())
    return found
