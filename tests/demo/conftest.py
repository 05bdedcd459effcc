"""The story, played in this process on a real chain, with a presenter that keeps what it is shown."""

from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

from era_service.demo.presenters import DemoEvent
from era_service.demo.stage import Stage
from era_service.demo.story import Story


class Recorder:
    """Keeps every event."""

    def __init__(self) -> None:
        self.events: list[DemoEvent] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *reason: object) -> None:
        pass

    def show(self, event: DemoEvent) -> None:
        self.events.append(event)

    def of(self, kind: str, step: int | None = None) -> list[DemoEvent]:
        return [event for event in self.events if event.event == kind and step in (None, event.step)]


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[bool, Recorder, Stage]]:
    """The whole story, told once: whether it was verified, its events, and the stage it was played on."""
    recorder = Recorder()
    with Stage(tmp_path_factory.mktemp("demo") / "stage") as stage:
        yield Story(stage, recorder).tell(), recorder, stage


def play(folder: Path) -> tuple[bool, Recorder]:
    """Tell the story on a new stage."""
    recorder = Recorder()
    with Stage(folder) as stage:
        return Story(stage, recorder).tell(), recorder
