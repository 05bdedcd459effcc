"""``eraswitch marker``: a rollout by commands over every face, and everything that can stand in its way."""

import subprocess
from typing import Any

import pytest

from tests import forked
from tests.era_service.conftest import Shell
from tests.era_service.release_world import World

KILLER = """
import os, signal, sys
from release_tools.publishing.submission import Submission
STEP = sys.argv[1]
tell = Submission.tell
def kill(self, step, *rest, **options):
    tell(self, step, *rest, **options)
    if step.name == STEP:
        os.kill(os.getpid(), signal.SIGKILL)
Submission.tell = kill
from era_service.cli import main
sys.argv = ["eraswitch", *sys.argv[2:]]
sys.exit(main())
"""


def run_killed(step: str, command: list[str], world: World, shell: Shell) -> subprocess.CompletedProcess[str]:
    """The end of a command that the system kills at a step."""
    return forked.run(KILLER, step, *command, cwd=world.folder, env=shell.environment())


def interrupt_after(monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    from release_tools.publishing.submission import Submission

    tell = Submission.tell

    def interrupting(self: Submission, told: Any, *rest: Any) -> None:
        tell(self, told, *rest)
        if told.name == step:
            raise KeyboardInterrupt

    monkeypatch.setattr(Submission, "tell", interrupting)
