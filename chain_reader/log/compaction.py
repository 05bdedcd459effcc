"""Retention: an event log cut at a snapshot, so that what is left can still be replayed.

In: a store, and how much to keep. Out: what was taken out. Only who decides knows a state, so that a cut is made at a
snapshot that a node wrote (at its start, and now and then); a node that runs meanwhile is not disturbed.
"""

from dataclasses import dataclass

from chain_reader.log.replay import Difference, Replay
from era_store import EventFilter, Store, verified
from eras import Epoch, StoreError


@dataclass(frozen=True, slots=True)
class Compaction:
    """The result of a compaction.

    Attributes:
        removed: events that were taken out.
        first_id: the first one that is left.
        size_bytes: bytes of what is left.
    """

    removed: int
    first_id: int
    size_bytes: int


def compact(store: Store, *, keep_from: Epoch | None = None, force: bool = False) -> Compaction:
    """Take out the older part of a log, once it was verified and replayed.

    Args:
        store: whose log.
        keep_from: the first epoch of which every event is kept; by default every node's last snapshot and what
            follows it are.
        force: take it out though it is damaged, or its decisions do not follow from its inputs.

    Raises:
        StoreError: a decision does not follow from the inputs.
        EventLogDamagedError: the log is not what was written.
        StoreError: it could not be read or written.
    """
    replay = Replay()
    try:
        difference = replay.run(verified(store.events.lines(), store.events.head().base_hash))
        if difference is not None:
            raise _not_replayed(difference)
    except StoreError:
        if not force:
            raise
    going_on = (node.snapshot_id for node in replay.nodes.values() if node.resumed_by is None)
    cut = min(going_on, default=0)
    if keep_from is not None:
        cut = min(cut, _before(store, keep_from))
    removed = store.events.compact(cut)
    head = store.events.head()
    return Compaction(removed, head.first_id, head.size_bytes)


def _before(store: Store, epoch: Epoch) -> int:
    """The last snapshot before the first event of an epoch; 0 where there is none."""
    wanted = next(iter(store.events.read(limit=1, only=EventFilter(first_epoch=epoch))), None)
    end = store.events.head().last_id if wanted is None else wanted.id
    found = store.events.last(EventFilter(roles=("snapshot",)), before=end + 1)
    return 0 if found is None else found.id


def _not_replayed(difference: Difference) -> StoreError:
    return StoreError(
        "The event log is not compacted: its decisions do not follow from its inputs",
        code="LogNotReplayed",
        expected="what this version decides",
        got=f"another decision in event {difference.event_id}",
        next_step="Export and inspect it: eraswitch events replay. To compact it anyway: --force",
        event=difference.event_id,
    )
