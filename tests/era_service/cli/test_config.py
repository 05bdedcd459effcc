"""``eraswitch config``: what it shows, finds and explains."""

import json
from pathlib import Path

import pytest

from era_service.config.networks import NETWORKS
from era_service.config.records import setting_keys
from tests.era_service.conftest import Shell, invoke

PREPROD = NETWORKS["release-preprod"]


def test_show_says_where_each_value_came_from() -> None:
    Path("eraswitch.toml").write_text('network = "preprod"\n[log]\nformat = "json"\n')
    arguments = ["config", "show", "--log-level", "debug", "--json"]
    shown = json.loads(invoke(*arguments, env={"BLOCKFROST_PROJECT_ID": "hush-hush"}).stdout)
    assert shown["file"] == "eraswitch.toml"
    rows = {row["key"]: (row["value"], row["origin"]) for row in shown["settings"]}
    assert rows["log.level"] == ("debug", "flag --log-level")
    assert rows["log.format"] == ("json", "file eraswitch.toml")
    assert rows["network.name"] == ("release-preprod", "file eraswitch.toml")
    assert rows["network.magic"] == (1, "network release-preprod")
    assert rows["reader.project_id"] == ("**********", "environment BLOCKFROST_PROJECT_ID")
    assert rows["network.notice_epochs"] == (2, "default")


def test_show_in_words(shell: Shell) -> None:
    done = shell("config", "show", env={"ERASWITCH_NETWORK": "mainnet", "BLOCKFROST_PROJECT_ID": "hush-hush"})
    assert done.returncode == 0
    assert "network.magic" in done.stdout
    assert "= 764824073  (network release-mainnet)" in done.stdout
    assert "hush-hush" not in done.stdout + done.stderr


def test_check(shell: Shell) -> None:
    assert shell("config", "check").stdout == "The configuration is valid (no file).\n"
    assert json.loads(shell("config", "check", "--json").stdout) == {"ok": True, "file": None, "mistakes": []}
    (shell.folder / "eraswitch.toml").write_text('netwrk = "preprod"\n[log]\nlevel = "loud"\n')
    done = shell("config", "check")
    assert (done.returncode, done.stdout) == (2, "")
    assert "2 mistakes" in done.stderr
    assert done.stderr.endswith("then run: eraswitch config check\n")
    (shell.folder / "my own.toml").write_text('netwrk = "preprod"\n')
    for command in (("config", "check"), ("status",)):
        advised = shell(*command, "--config", "my own.toml").stderr
        assert advised.endswith("then run: eraswitch config check --config 'my own.toml'\n")
    assert (
        "netwrk (file eraswitch.toml): expected a setting, got an unknown name. Did you mean 'network'?" in done.stderr
    )
    done = shell("config", "check", "--json")
    assert done.returncode == 2
    report = json.loads(done.stdout)
    assert (report["ok"], [mistake["key"] for mistake in report["mistakes"]]) == (False, ["log.level", "netwrk"])


def test_check_looks_beyond_the_schema(shell: Shell) -> None:
    preset = NETWORKS["release-preprod"]
    (shell.folder / "eraswitch.toml").write_text(
        f"""
        [network]
        magic = 764824073
        era_address = "{preset.era_address}"
        [reader]
        adapter_params = {{ address = "x" }}
        providers = ["blockfrost:prepro", "local:gone.sqlite3", "http://127.0.0.1:1/api/v0"]
        [networks.own]
        magic = 42
        era_address = "{preset.era_address[:-1]}q"
        verification_key = "{preset.verification_key}"
        """
    )
    found = {item["key"]: item for item in json.loads(shell("config", "check", "--json").stdout)["mistakes"]}
    assert {key: item["got"] for key, item in found.items() if "address" in key} == {
        "network.era_address": "one of a test network",
        "networks.own.era_address": f"{preset.era_address[:60]}…",
        "reader.adapter_params.address": "x",
    }
    assert set(found) - {"network.era_address", "networks.own.era_address", "reader.adapter_params.address"} == {
        "reader.providers.0", "reader.providers.1", "reader.adapter_params",
    }  # fmt: skip
    assert all(item["origin"] == "file eraswitch.toml" for item in found.values())
    assert shell("config", "check").returncode == 2


@pytest.mark.parametrize(
    ("params", "mistakes"),
    [
        ({"address": PREPROD.era_address, "verification_key": PREPROD.verification_key}, {}),
        ({"address": PREPROD.era_address, "verification_key": "5b5d"}, {"reader.adapter_params"}),
        ({"address": PREPROD.era_address}, {"reader.adapter_params"}),
        ({"address": 5, "verification_key": PREPROD.verification_key}, {"reader.adapter_params"}),
        (
            {"address": PREPROD.era_address[:-1], "verification_key": PREPROD.verification_key},
            {"reader.adapter_params.address"},
        ),
    ],
)
def test_check_looks_into_mithrils_parameters_without_a_provider_too(
    params: dict[str, object], mistakes: set[str]
) -> None:
    environ = {"ERA_READER_ADAPTER_TYPE": "cardano-chain", "ERA_READER_ADAPTER_PARAMS": json.dumps(params)}
    result = invoke("config", "check", "--json", env=environ)
    found = json.loads(result.stdout)["mistakes"]
    assert {mistake["key"] for mistake in found} == set(mistakes)
    assert {mistake["origin"] for mistake in found} <= {"environment ERA_READER_ADAPTER_PARAMS"}


def test_check_finds_mistakes_of_every_kind_at_once(shell: Shell) -> None:
    (shell.folder / "eraswitch.toml").write_text(
        """
        [network]
        name = "own"
        [reader]
        provders = []
        providers = ["local:gone.sqlite3"]
        [limits]
        max_pages = "many"
        [networks.own]
        magic = 42
        era_address = "addr_test1vzpwq95z3xyum8vqndgdd9mdnmafh3djcxnc6jemlgdmswcve6tkw"
        verification_key = "5b"
        """
    )
    found = [item["key"] for item in json.loads(shell("config", "check", "--json").stdout)["mistakes"]]
    assert sorted(found) == [
        "limits.max_pages", "network.verification_key", "networks.own.verification_key", "reader.provders",
        "reader.providers.0",
    ]  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_the_public_networks_pass_the_check(name: str) -> None:
    assert invoke("config", "check", "--network", name).exit_code == 0


def test_schema(shell: Shell) -> None:
    text = shell("config", "schema").stdout
    assert all(f"\n{key}  (" in f"\n{text}" for key in setting_keys())
    schema = json.loads(shell("config", "schema", "--json").stdout)
    assert schema["additionalProperties"] is False
    assert set(schema["properties"]) >= {"network", "reader", "limits", "log", "networks"}


def test_each_mistake_stands_on_a_line_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "eraswitch.toml"
    file.write_text('[trust]\nconfirmations = "x\\ny"\nfoo = 1\n')
    for command in (["config", "check"], ["status"]):
        lines = invoke(*command, "--config", str(file)).stderr.splitlines()
        assert lines[0] == "Error: The configuration has 2 mistakes:", command
        assert [line[:8] for line in lines[1:3]] == ["  trust."] * 2
        assert "x\\ny" in "".join(lines)
        assert lines[3].startswith("Correct it, then run: eraswitch config check --config ")
