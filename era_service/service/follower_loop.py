"""Registrations that keep coming from a leader, while a follower serves.

In: a running ``Service`` whose settings name a leader and want its registrations. Out: a thread that takes them at the
pace of the polls. Of several replicas on one store one does. (The marker history needs no thread: the leader is the
provider that the service polls.)
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from era_service.follower.sync import follow_registrations
from era_service.service.changes import REGISTRATIONS
from era_service.service.service import Service
from era_store.sql.locks import FOLLOWER
from eras import EraSwitchError

_log = logging.getLogger(__name__)


@contextmanager
def following_registrations(service: Service) -> Iterator[None]:
    """Within the block, registrations are taken from the leader, where that is configured."""
    follower = service.settings.follower
    if follower.leader is None or not follower.registrations:
        yield
        return
    ended = threading.Event()
    thread = threading.Thread(target=_follow, args=(service, ended), name="follower", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(service.settings.limits.call_deadline_s)


def _follow(service: Service, ended: threading.Event) -> None:
    lock = service.store.lock(FOLLOWER)
    try:
        while not ended.is_set():
            try:
                taken = lock.acquire() and follow_registrations(service.settings, service.store, clock=service.clock)
                if taken and taken.accepted:
                    service.changes.notify(REGISTRATIONS)
            except EraSwitchError as error:
                _log.warning("Registrations could not be taken from the leader: %s", error)
            except Exception:
                _log.exception("Registrations could not be taken from the leader")
            ended.wait(service.settings.service.poll_interval_s)
    finally:
        lock.release()
