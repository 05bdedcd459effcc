"""The documentation says what the code does: generated parts are up to date, and examples are right."""

import re
import tomllib
from pathlib import Path

from era_service.config.load import load_settings
from era_service.config.networks import NETWORKS
from era_service.config.schema import SECTIONS
from tests import forked
from tests.conftest import ROOT


def test_generated_parts_are_up_to_date() -> None:
    done = forked.run(forked.SCRIPT, str(ROOT / "docs" / "generate.py"), "--check")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_example_configurations_are_right(own_folders: Path) -> None:
    key = Path("blockfrost.key")
    key.touch(mode=0o600)
    examples = re.findall(r"```toml\n(.*?)```", (ROOT / "docs" / "configuration.md").read_text(), re.DOTALL)
    assert len(examples) == 2
    preset = NETWORKS["release-preprod"]
    for example in examples:
        text = example.replace("/etc/eraswitch/blockfrost.key", str(key)).replace("5b…5d", preset.verification_key)
        Path("example.toml").write_text(text.replace("addr_test1…", preset.era_address))
        assert load_settings("example.toml", environ={}).settings.network.magic in (1, 42)
        sections = {name for name, value in tomllib.loads(example).items() if isinstance(value, dict)}
        assert sections <= {*SECTIONS, "networks"}
