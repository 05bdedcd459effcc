"""What ``docs/node.md`` shows runs, and what there is stands in it."""

import re

import pytest

from chain_reader.local_chain import Genesis, LocalChain
from era_service.node.hooks import ENVIRONMENT, HookEvent
from tests.conftest import ROOT
from tests.node.world import ADDRESS, KEY, PYTHAGORAS, publish

PAGE = (ROOT / "docs" / "node.md").read_text()


def test_the_embedded_watcher_runs(tmp_path, capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    with LocalChain.create(tmp_path / "chain.sqlite3", genesis=Genesis(epoch_length=100)) as chain:
        publish(chain, (PYTHAGORAS, 0))
        key = KEY.verification_key.hex
        given = {"provider": f"local:{chain.path}", "address": ADDRESS, "verification_key": key}
        exec(compile(code, "docs/node.md", "exec"), given)
        given["watcher"].hooks.close()
    assert sorted(capsys.readouterr().out.splitlines()) == ["pythagoras", "signing in pythagoras"]


def test_every_hook_event_and_variable_is_told() -> None:
    table = PAGE[PAGE.index("## Hooks") : PAGE.index("## Binaries")]
    assert re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE) == [str(event) for event in HookEvent]
    assert all(f"`{name}`" in table for name in ENVIRONMENT)
