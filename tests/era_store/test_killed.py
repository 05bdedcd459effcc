"""A process that is killed while it writes leaves the memory as it was before the write, or after it."""

import random
import time

from era_store import check_store, open_store
from tests.era_store.conftest import KEY, output
from tests.forked import Forked

WRITER = """
import sys
from dataclasses import replace
from era_store import NewEvent, open_store
from tests.era_store.conftest import KEY, output, seen, trust
store = open_store(sys.argv[1])
number = 0
while True:
    number += 1
    saved = store.trust.load(KEY) or trust(version=0)
    n = saved.version + 1
    store.trust.save(
        KEY,
        replace(
            saved,
            trusted=output(n),
            payloads=tuple(seen(f"{n:063x}{i}", reason=str(n)) for i in range(5)),
            superseded_outputs=frozenset(f"{n}#{i}" for i in range(5)),
        ),
        [NewEvent("trusted", {"version": n})],
        time_s=1.0,
    )
    print(n, flush=True)
"""


def test_kill_at_any_moment(sql_url: str) -> None:
    chance = random.Random(4)
    said = 0
    for _ in range(8):
        with Forked(WRITER, sql_url) as writer:
            first = int(writer.stdout.readline())
            assert first > said - 1
            time.sleep(chance.uniform(0.0, 0.05))
            writer.kill()
            said = max([first, *(int(line) for line in writer.stdout.read().split())])
        assert check_store(sql_url).faults == ()
        with open_store(sql_url) as store:
            found = store.trust.load(KEY)
            assert found is not None
            version = found.version
            assert said <= version <= said + 1, "what was said to be written is written, and at most one more"
            assert found.trusted == output(version)
            assert {payload.reason for payload in found.payloads} == {str(version)}
            assert found.superseded_outputs == {f"{version}#{i}" for i in range(5)}
            assert [event.facts["version"] for event in store.events.read()] == list(range(1, version + 1))
            said = version
