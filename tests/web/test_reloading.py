"""A service takes new settings while it runs, or stays wholly as it was."""

import signal
from pathlib import Path

import pytest

from chain_reader.local_chain import Genesis, LocalChain
from era_service.config.schema import ProviderSettings, Settings
from era_service.service.reloading import UNUSED_SECTIONS, is_reloaded, reload
from eras import ConfigurationError, EraSwitchError
from tests.conftest import ROOT
from tests.web.processes import environment_of, serve
from tests.web.world import Client


def changed(world, **sections):
    """The world's settings with others in some sections."""
    old = world.settings
    return old.model_copy(
        update={name: getattr(old, name).model_copy(update=values) for name, values in sections.items()}
    )


def test_providers_gates_and_rates_change_and_the_rest_is_named(world):
    before = world.service.settings
    provider = before.reader.providers[0]
    result = reload(
        world.service,
        changed(
            world,
            reader={"providers": (provider, provider)},
            adoption={"gate_threshold": "90%"},
            service={"write_burst": 1, "writes_per_s": 0.001, "port": 1, "max_age_s": 7},
            trust={"confirmations": 99},
        ),
    )
    assert set(result.changed) == {
        "reader.providers",
        "adoption.gate_threshold",
        "service.write_burst",
        "service.writes_per_s",
        "service.max_age_s",
    }
    assert set(result.kept) == {"service.port", "trust.confirmations"}
    now = world.service.settings
    assert (now.service.port, now.trust) == (before.service.port, before.trust)
    assert world.client.get("/era/status").headers["cache-control"] == "public, max-age=7, must-revalidate"
    answers = [world.client.post("/registrations", json={}, headers={}).status_code for _ in range(2)]
    assert answers == [401, 429], "the new rate counts"
    world.read()
    assert world.client.get("/health/ready").status_code == 200


@pytest.mark.parametrize(
    "mistake",
    [
        {"adoption": {"compatibility_file": ROOT / "there-is-no-such-file.toml"}},
        {"reader": {"agreement": 2}},
    ],
)
def test_a_mistake_changes_nothing(world, mistake):
    before = world.service.settings
    with pytest.raises(EraSwitchError):
        reload(world.service, changed(world, service={"max_age_s": 7}, **mistake))
    assert world.service.settings is before
    world.read()


def test_a_provider_that_opens_and_is_of_another_network_changes_nothing(world):
    elsewhere = world.folder / "elsewhere.sqlite3"
    LocalChain.create(elsewhere, genesis=Genesis(network_magic=7)).close()
    before = world.service.settings
    with pytest.raises(EraSwitchError, match="network"):
        reload(world.service, changed(world, reader={"providers": (ProviderSettings(url=f"local:{elsewhere}"),)}))
    assert world.service.settings is before


def test_providers_that_stay_and_do_not_answer_hold_up_nothing_else(world):
    chain = Path(world.settings.reader.providers[0].url.removeprefix("local:"))
    away = chain.rename(chain.with_name("away"))
    assert reload(world.service, changed(world, service={"max_age_s": 7})).changed == ("service.max_age_s",)
    assert world.service.settings.service.max_age_s == 7
    away.rename(chain)
    world.read()
    assert world.client.get("/health/ready").status_code == 200


def test_every_setting_that_is_reloaded_exists_and_is_named_in_the_docs():
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    part = text.partition("### Reload")[2].partition("\n## ")[0]
    for section in set(Settings.model_fields) - UNUSED_SECTIONS:
        for name in Settings.model_fields[section].annotation.model_fields:
            if is_reloaded(f"{section}.{name}"):
                assert name in part or f"`{section}`" in part, f"{section}.{name}"


def test_sighup_reads_the_file_again_and_says_what_a_restart_needs(world):
    file = world.folder / "eraswitch.toml"
    file.write_text('[adoption]\ngate_threshold = "80%"\n')
    environ = environment_of(world) | {"ERASWITCH_CONFIG": str(file)}
    with serve(world.folder, **environ) as served, Client(served.url) as client:
        served.wait_until_ready(client)
        file.write_text('[adoption]\ngate_threshold = "70%"\n[service]\nmax_streams = 5\n[log]\nlevel = "debug"\n')
        served.process.send_signal(signal.SIGHUP)
        served.wait_for_log("need a restart: service.max_streams")
        assert "adoption.gate_threshold" in served.log
        file.write_text('[adoption]\ngate_threshold = "many"\n')
        served.process.send_signal(signal.SIGHUP)
        served.wait_for_log("nothing was changed")
        assert client.get("/health/ready").status_code == 200
        assert "Traceback" not in served.log
        assert served.end() == 0


def test_a_reload_of_a_bad_certificate_is_refused(world, tmp_path):
    import ssl

    from era_service.cli.serve import _load_certificate

    (tmp_path / "cert.pem").write_text("none")
    own = world.settings.service.model_copy(update={"tls_cert": tmp_path / "cert.pem"})
    with pytest.raises(ConfigurationError, match="cannot be used"):
        _load_certificate(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), own)
