"""What ``docs/node.md`` shows runs, and what there is stands in it."""

import re

from era_service.node.hooks import ENVIRONMENT, HookEvent
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "node.md").read_text()


def test_every_hook_event_and_variable_is_told() -> None:
    table = PAGE[PAGE.index("## Hooks") : PAGE.index("## Binaries")]
    assert re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE) == [str(event) for event in HookEvent]
    assert all(f"`{name}`" in table for name in ENVIRONMENT)
