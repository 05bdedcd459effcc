"""The configuration: which source wins, where each value came from, and what is said about mistakes."""

from pathlib import Path

import pytest

from chain_reader.providers.transport.limits import DEFAULT_LIMITS
from era_service.config.load import find_config_file, load_settings, sets_supported_eras
from era_service.config.loaded import LoadedSettings
from era_service.config.mistakes import ConfigMistake, InvalidConfigurationError
from era_service.config.networks import NETWORKS
from era_service.config.records import setting_keys, setting_records
from era_service.config.schema import SECTIONS
from era_service.config.sources import MAX_BYTES
from era_service.wiring.checks import deep_mistakes

KEY = NETWORKS["release-mainnet"].verification_key
ADDRESS = NETWORKS["release-preprod"].era_address
CUSTOM = f"""
network = "rehearsal"
[networks.rehearsal]
magic = 42
era_address = "{ADDRESS}"
verification_key = "{KEY}"
supported_eras = ["thales", "pythagoras"]
"""


def write(text: str, mode: int = 0o644) -> str:
    path = Path("given.toml")
    path.write_text(text)
    path.chmod(mode)
    return str(path)


def mistakes(text: str, mode: int = 0o644, environ: dict[str, str] | None = None) -> dict[str, ConfigMistake]:
    with pytest.raises(InvalidConfigurationError) as caught:
        load_settings(write(text, mode), environ=environ or {})
    assert caught.value.exit_code == 2
    return {mistake.key: mistake for mistake in caught.value.mistakes}


def level(loaded: LoadedSettings) -> tuple[str, str]:
    return loaded.settings.log.level, loaded.origins.get("log.level", "default")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('[adoption]\ncompatibility_file = "a\\u0000b"', "adoption.compatibility_file"),
        ('[store]\nurl = "a\\u0000b"', "store.url"),
        ('[hooks]\nannounced = ["/bin/true", "a\\u0000b"]', "hooks.announced"),
    ],
)
def test_a_nul_byte_is_a_mistake_and_no_bug(text: str, key: str) -> None:
    (mistake,) = mistakes(text).values()
    assert (mistake.key, mistake.expected) == (key, "text without a NUL byte")


def test_strength_of_the_sources() -> None:
    assert level(load_settings(environ={})) == ("info", "default")
    file = write('[log]\nlevel = "debug"')
    assert level(load_settings(file, environ={})) == ("debug", "file given.toml")
    environ = {"ERASWITCH_LOG__LEVEL": "warning"}
    assert level(load_settings(file, environ=environ)) == ("warning", "environment ERASWITCH_LOG__LEVEL")
    flags = {"log.level": ("error", "--log-level"), "log.format": (None, "--log-format")}
    loaded = load_settings(file, flags, environ)
    assert level(loaded) == ("error", "flag --log-level")
    assert "log.format" not in loaded.origins


def test_sources_are_merged_setting_by_setting() -> None:
    file = write(f'[network]\nname = "preprod"\nverification_key = "{KEY}"\nnotice_epochs = 3')
    settings = load_settings(file, environ={"ERASWITCH_NETWORK__NOTICE_EPOCHS": "5"}).settings.network
    assert (settings.name, settings.notice_epochs) == ("release-preprod", 5)
    assert (settings.verification_key, settings.era_address) == (KEY, ADDRESS)


@pytest.mark.parametrize("name", [*NETWORKS, "mainnet", "preprod", "preview"])
def test_a_network_fills_in_what_is_public(name: str) -> None:
    loaded = load_settings(flags={"network.name": (name, "--network")}, environ={})
    preset = NETWORKS[str(loaded.settings.network.name)]
    network = loaded.settings.network
    assert (network.magic, network.era_address) == (preset.magic, preset.era_address)
    assert network.verification_key == preset.verification_key
    assert loaded.settings.reader.adapter_type == "cardano-chain"
    assert loaded.origins["network.magic"] == f"network {network.name}"
    assert loaded.origins["network.name"] == "flag --network"


def test_a_network_of_ones_own() -> None:
    network = load_settings(write(CUSTOM), environ={}).settings.network
    assert (network.name, network.magic, network.era_address) == ("rehearsal", 42, ADDRESS)
    assert network.supported_eras == ("thales", "pythagoras")


def test_without_network_the_adapter_is_mithrils_default() -> None:
    assert load_settings(environ={}).settings.reader.adapter_type == "bootstrap"


def test_mithrils_environment_is_understood_and_ours_is_stronger() -> None:
    environ = {"ERA_READER_ADAPTER_TYPE": "file", "ERA_READER_ADAPTER_PARAMS": '{"markers_file":"m.json"}'}
    loaded = load_settings(environ=environ)
    assert loaded.settings.reader.adapter_type == "file"
    assert loaded.settings.reader.adapter_params == '{"markers_file":"m.json"}'
    assert loaded.origins["reader.adapter_type"] == "environment ERA_READER_ADAPTER_TYPE"
    stronger = load_settings(environ=environ | {"ERASWITCH_READER__ADAPTER_TYPE": "dummy"})
    assert stronger.settings.reader.adapter_type == "dummy"


def test_adapter_params_are_json_text_or_a_table_and_replace_each_other_whole() -> None:
    file = write('[reader.adapter_params]\naddress = "a"\nverification_key = "b"')
    assert load_settings(file, environ={}).settings.reader.adapter_params == '{"address": "a", "verification_key": "b"}'
    environ = {"ERA_READER_ADAPTER_PARAMS": '{"markers_file":"m.json"}'}
    assert load_settings(file, environ=environ).settings.reader.adapter_params == environ["ERA_READER_ADAPTER_PARAMS"]


def test_a_table_of_params_that_json_cannot_hold_is_a_mistake() -> None:
    assert (
        "as JSON has them" in mistakes("[reader.adapter_params]\nwhen = 2026-01-01")["reader.adapter_params"].expected
    )


def test_empty_variables_count_as_not_set() -> None:
    assert load_settings(environ={"ERASWITCH_NETWORK": "", "ERASWITCH_LOG__LEVEL": ""}).origins == {}


def test_providers_from_the_environment_and_from_tables() -> None:
    urls = "http://one:1/api/v0, ws://two:2"
    providers = load_settings(environ={"ERASWITCH_READER__PROVIDERS": urls}).settings.reader.providers
    assert [provider.url for provider in providers] == ["http://one:1/api/v0", "ws://two:2"]
    listed = '["http://one:1/api/v0", {"url": "ws://two:2"}]'
    assert load_settings(environ={"ERASWITCH_READER__PROVIDERS": listed}).settings.reader.providers == providers
    file = write('[reader]\nproviders = ["http://one:1/api/v0"]\n[log]\nlevel = "info"')
    assert load_settings(file, environ={}).settings.reader.providers == providers[:1]


def test_where_the_file_is_looked_for(own_folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    user = Path.home() / ".config" / "eraswitch" / "eraswitch.toml"
    assert find_config_file(environ={}) is None
    user.parent.mkdir(parents=True)
    user.touch()
    assert find_config_file(environ={}) == (user, "the user's own")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(own_folders / "xdg"))
    assert find_config_file(environ={}) is None
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")
    assert find_config_file(environ={}) == (user, "the user's own")
    Path("eraswitch.toml").touch()
    assert find_config_file(environ={}) == (Path("eraswitch.toml"), "this folder")
    environ = {"ERASWITCH_CONFIG": "elsewhere.toml"}
    assert find_config_file(environ=environ) == (Path("elsewhere.toml"), "environment ERASWITCH_CONFIG")
    assert find_config_file("named.toml", environ) == (Path("named.toml"), "flag --config")


def test_every_mistake_is_found_at_once() -> None:
    found = mistakes(
        """
        network = "preprodd"
        [network_]
        [reader]
        adapter_typ = "file"
        adapter_type = "cardano-chan"
        adapter_params = "[1]"
        providers = ["ftp://x"]
        [limits]
        max_pages = 1.5
        read_timeout_s = true
        [log]
        level = 3
        [watch]
        http = "0.0.0.0:1"
        [networks.own]
        magic = -1
        era_address = "addr1"
        verification_key = "abc"
        note = "x"
        """,
        environ={"ERASWITCH_NETWORK__NOTICE_EPOCHS": "many", "ERASWITCH_LOG_FORMAT": "json"},
    )
    assert set(found) == {
        "network.name", "network_", "reader.adapter_typ", "reader.adapter_type", "reader.adapter_params",
        "reader.providers.0.url", "limits.max_pages", "limits.read_timeout_s", "log.level", "watch.http",
        "networks.own.magic", "networks.own.era_address", "networks.own.verification_key", "networks.own.note",
        "network.notice_epochs", "ERASWITCH_LOG_FORMAT",
    }  # fmt: skip
    assert found["network.name"].nearest == "preprod"
    assert found["network_"].nearest == "network"
    assert found["reader.adapter_typ"].nearest == "reader.adapter_type"
    assert found["reader.adapter_type"].nearest == "cardano-chain"
    assert found["ERASWITCH_LOG_FORMAT"].nearest == "ERASWITCH_LOG__FORMAT"
    assert str(found["limits.max_pages"]) == "limits.max_pages (file given.toml): expected a whole number, got 1.5"
    assert str(found["network.notice_epochs"]) == (
        "network.notice_epochs (environment ERASWITCH_NETWORK__NOTICE_EPOCHS): expected a whole number, got 'many'"
    )
    assert "listens on this machine only, got '0.0.0.0:1'" in str(found["watch.http"])
    assert "expected more" not in str(found["networks.own.magic"])
    assert str(found["networks.own.magic"]).endswith("expected at least 0, got -1")


@pytest.mark.parametrize(
    ("name", "meant"),
    [("on_switch", "activated"), ("switched", "activated"), ("on_published", "announced"), ("activatd", "activated")],
)
def test_a_hook_by_another_name_is_answered_with_the_one_that_is_meant(name: str, meant: str) -> None:
    assert mistakes(f'[hooks]\n{name} = ["/bin/true"]\n')[f"hooks.{name}"].nearest == f"hooks.{meant}"


def test_a_syntax_error_names_its_place_and_hides_no_other_mistake() -> None:
    found = mistakes("[network]\nname = \n", environ={"ERASWITCH_LOG__LEVEL": "loud"})
    assert "line 2, column 8" in found["given.toml"].got
    assert found["log.level"].origin == "environment ERASWITCH_LOG__LEVEL"


@pytest.mark.parametrize("kind", ["missing", "folder", "not UTF-8"])
def test_a_named_file_that_cannot_be_read(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "named.toml"
    if kind == "folder":
        path.mkdir()
    elif kind == "not UTF-8":
        path.write_bytes(b'name = "\xff"')
    with pytest.raises(InvalidConfigurationError, match="expected") as caught:
        load_settings(str(path), environ={})
    (mistake,) = caught.value.mistakes
    assert mistake.key == str(path)


def test_a_file_that_is_too_long_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "long.toml"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(InvalidConfigurationError, match=f"expected at most {MAX_BYTES} bytes of TOML, got more"):
        load_settings(str(path), environ={})


def test_a_custom_network_cannot_take_the_name_of_a_public_one() -> None:
    found = mistakes(CUSTOM.replace("rehearsal", "mainnet"))
    assert set(found) == {"networks.mainnet"}


def test_a_mistake_in_a_custom_network_is_said_once() -> None:
    assert set(mistakes(CUSTOM + "note = 1")) == {"networks.rehearsal.note"}


def test_others_may_use_our_prefix_but_not_misspell_our_names() -> None:
    service = {"ERASWITCH_SERVICE_HOST": "10.0.0.1", "ERASWITCH_PORT": "tcp://10.0.0.1:80", "ERASWITCH_VECTORS": "x"}
    assert load_settings(environ=service).origins == {}
    assert set(mistakes("", environ={"ERASWITCH_LOG__LEVL": "info"})) == {"log.levl"}


def test_secrets_are_masked_in_what_is_shown_and_in_mistakes() -> None:
    environ = {
        "BLOCKFROST_PROJECT_ID": "hush-hush",
        "ERASWITCH_READER__PROVIDERS": '[{"url": "https://me:hush-hush@host/api", "project_id": "hush-hush"}]',
    }
    loaded = load_settings(environ=environ)
    assert loaded.settings.reader.project_id is not None
    assert loaded.settings.reader.project_id.get_secret_value() == "hush-hush"
    assert "hush-hush" not in repr(loaded) + repr(loaded.rows())
    assert "https://********@host/api" in repr(loaded.rows())
    assert "expected text, got something else" in str(mistakes("[reader]\nproject_id = 7", 0o600)["reader.project_id"])
    found = mistakes(
        '[reader]\nproject_id = ["hush-hush"]\nprojct_id = "hush-hush"\nproviders = ["ftp://me:hush-hush@x"]', 0o600
    )
    assert len(found) == 3
    assert "hush-hush" not in "".join(map(str, found.values()))


def test_a_secret_in_a_file_that_others_can_read_is_refused() -> None:
    text = '[reader]\nproject_id = "x"\nproviders = [{url = "http://h", project_id = "y"}]'
    assert set(mistakes(text, 0o640)) == {"reader.project_id", "reader.providers.0.project_id"}
    assert load_settings(write(text, 0o600), environ={}).settings.reader.project_id is not None


def test_a_key_file_must_be_its_owners_alone() -> None:
    key = Path("blockfrost.key")
    environ = {"ERASWITCH_READER__PROJECT_ID_FILE": str(key)}
    assert "No such file" in mistakes("", environ=environ)["reader.project_id_file"].expected
    key.write_text("secret")
    key.chmod(0o640)
    assert "mode 0600, this is 0640" in mistakes("", environ=environ)["reader.project_id_file"].expected
    key.chmod(0o600)
    assert load_settings(environ=environ).settings.reader.project_id_file == key


@pytest.mark.parametrize(("content", "got"), [(b"", "an empty file"), (b"\xff", "something else")])
def test_a_key_file_without_a_key_is_a_mistake(content: bytes, got: str) -> None:
    key = Path("blockfrost.key")
    key.write_bytes(content)
    key.chmod(0o600)
    loaded = load_settings(environ={"ERASWITCH_READER__PROJECT_ID_FILE": str(key), "ERASWITCH_NETWORK": "preprod"})
    (mistake,) = deep_mistakes(loaded.settings, loaded.origins)
    assert (mistake.key, mistake.expected, mistake.got) == (
        "reader.providers.0",
        "an API key in blockfrost.key",
        got,
    )
    key.unlink()
    key.mkdir(mode=0o700)
    (mistake,) = deep_mistakes(loaded.settings, loaded.origins)
    assert mistake.got == "Is a directory"


def test_what_is_wrong_with_a_list_of_eras_is_said() -> None:
    found = mistakes('[network]\nsupported_eras = ["a", "b", "a"]')["network.supported_eras"]
    assert found.expected == "at least one name, each a string and each once, not 'a' twice"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("ERASWITCH_PROVIDERS", "ERASWITCH_READER__PROVIDERS"),
        ("ERASWITCH_VERIFICATION_KEY", "ERASWITCH_NETWORK__VERIFICATION_KEY"),
        ("ERASWITCH_THRESHOLD", "ERASWITCH_TRUST__THRESHOLD"),
    ],
)
def test_a_variable_without_its_section_is_a_mistake(name: str, meant: str) -> None:
    found = mistakes("", environ={name: "x"})
    assert (found[name].nearest, found[name].origin) == (meant, "environment")


@pytest.mark.parametrize("name", ["SERVICE_HOST", "SERVICE_PORT_HTTP", "PORT", "PORT_8080_TCP_ADDR", "MODE", "ERA"])
def test_what_others_set_beside_a_service_called_eraswitch_is_no_mistake(name: str) -> None:
    assert load_settings(environ={f"ERASWITCH_{name}": "tcp://10.0.0.1:8080"}).origins == {}


def test_settings_never_change() -> None:
    settings = load_settings(environ={}).settings
    with pytest.raises(ValueError, match="frozen"):
        settings.log.level = "debug"  # type: ignore[misc]


def test_every_setting_has_a_help_and_a_row() -> None:
    records = {record.key: record for record in setting_records()}
    assert tuple(records) == setting_keys()
    assert all(record.help.endswith(".") for record in records.values())
    assert [key for key, _, _ in load_settings(environ={}).rows()] == list(records)
    assert records["log.level"].variables == ("ERASWITCH_LOG__LEVEL",)
    assert records["network.name"].variables == ("ERASWITCH_NETWORK__NAME", "ERASWITCH_NETWORK")


def test_limits_are_those_of_the_observers() -> None:
    assert load_settings(environ={}).settings.limits.to_limits() == DEFAULT_LIMITS
    assert tuple(SECTIONS["limits"].model_fields) == tuple(DEFAULT_LIMITS.__slots__)


def test_what_could_set_the_supported_eras(own_folders: Path) -> None:
    assert not sets_supported_eras(None, None, {"PATH": "x"})
    assert sets_supported_eras(None, "preprod", {})
    assert sets_supported_eras("x.toml", None, {})
    assert sets_supported_eras(None, None, {"ERASWITCH_NETWORK__SUPPORTED_ERAS": "thales"})
    Path("eraswitch.toml").touch()
    assert sets_supported_eras(None, None, {})
