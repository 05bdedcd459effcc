"""Change notices: heard once, in any thread, and waiting for one may be given up."""

import asyncio

import pytest

from era_service.service.changes import EVENTS, SNAPSHOT, Changes


async def next_kind(kinds):
    return await anext(kinds)


def test_waiting_that_was_given_up_can_be_begun_again():
    """A listener that looks every second would else never wait again, and spin."""

    async def heard() -> list[str]:
        changes = Changes()
        async with changes.subscribe() as kinds:
            for _ in range(2):
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(next_kind(kinds), 0.01)
            changes.notify(EVENTS)
            changes.notify(EVENTS)
            changes.notify(SNAPSHOT)
            return [await asyncio.wait_for(next_kind(kinds), 5) for _ in range(2)]

    assert asyncio.run(heard()) == [EVENTS, SNAPSHOT]


def test_whoever_left_is_told_nothing_and_one_that_raises_stops_nobody(caplog: pytest.LogCaptureFixture):
    changes, told = Changes(), []

    def broken(kind: str) -> None:
        raise ValueError(kind)

    changes.listen(broken)
    end = changes.listen(told.append)
    changes.notify(EVENTS)
    end()
    changes.notify(SNAPSHOT)
    assert told == [EVENTS]
    assert "failed on 'events'" in caplog.text
