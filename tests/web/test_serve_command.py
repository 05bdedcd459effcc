"""``eraswitch serve`` and ``eraswitch token``, as people run them."""

import http.client
import json
import signal
import socket
import stat
import subprocess
import threading
import time
from contextlib import ExitStack, closing

import pytest
import requests
from click.testing import CliRunner

from era_service.cli.app import cli
from era_service.cli.serve import IDLE_S
from era_service.config.load import load_settings
from era_service.demo.living import EPOCH_S, LivingRehearsal
from era_service.service import adoption
from era_service.service.service import Service
from era_store import open_store
from eras import Epoch, StoreError
from tests.web.processes import environment_of, serve
from tests.web.test_stream import Listener
from tests.web.world import SCHEDULED, Client, World, registration


def run(*arguments, **environ):
    return CliRunner().invoke(cli, [str(argument) for argument in arguments], env=environ)


def test_with_no_configuration_it_shows_a_rehearsal_that_lives_and_keeps_nothing(tmp_path):
    with serve(tmp_path, installed=True, TMPDIR=str(tmp_path)) as served, Client(served.url) as client:
        served.wait_until_ready(client)
        assert served.place["embedded"] is True
        assert "this is a REHEARSAL, not a real network" in served.log
        answer = client.get("/era/config")
        config = answer.json()
        assert (config["network"]["name"], config["network"]["embedded"]) == ("rehearsal", True)
        assert answer.headers["eraswitch-rehearsal"] == "true"
        assert (config["current"]["name"], config["next"]["name"], config["next"]["epoch"]) == ("alder", "birch", 10)
        assert client.get("/adoption/gate").json()["met"] is True
        assert len(client.get("/adoption/history").json()["epochs"]) >= 7
        for page in ("/", "/activity", "/parties"):
            assert client.get(page).text.count("A rehearsal: parties, stakes and eras are made up") == 1
        made = run("token", "new", "nodes", XDG_STATE_HOME=str(tmp_path / "state"), HOME=str(tmp_path))
        assert (made.exit_code, "a rehearsal stores nothing" in made.stderr) == (2, True)
        assert served.end() == 0
    assert list(tmp_path.glob("**/*.sqlite3*")) == []


def test_a_rehearsal_goes_on_from_era_to_era(tmp_path):
    now_s = [time.time()]
    seen = {}
    with LivingRehearsal(tmp_path, clock=lambda: now_s[0]) as rehearsal, ExitStack() as opened:
        settings = load_settings(flags=rehearsal.flags, environ={}).settings
        store = opened.enter_context(closing(open_store(settings.store.url)))
        service = Service(settings, store, embedded=True, clock=lambda: now_s[0])
        opened.callback(service.let_go)
        for epoch in (6, 7, 10, 11, 16, 20):
            now_s[0] = settings.network.system_start_s + epoch * EPOCH_S + 5.0
            rehearsal.catch_up(store.registrations)
            service.read_chain()
            status = service.era_status()
            gate = None if status.upcoming_era is None else adoption.gate(service).met
            seen[epoch] = (status.current_era, status.upcoming_era, gate)
    assert seen == {
        6: ("alder", "birch", True),
        7: ("alder", "birch", True),
        10: ("birch", None, None),
        11: ("birch", "cedar", False),
        16: ("birch", "cedar", True),
        20: ("cedar", None, None),
    }
    assert set(status.verdicts) == {"Accepted", "Superseded", "WrongSigner"}
    assert status.stale is None


def test_it_ends_gracefully_though_somebody_listens_and_is_unready_before_its_socket_closes(world):
    environ = environment_of(world) | {"ERASWITCH_SERVICE__SHUTDOWN_DELAY_S": "3600"}
    with serve(world.folder, **environ) as served, Client(served.url) as client:
        served.wait_until_ready(client)
        listener = Listener(served.url)
        listener.wait_for(lambda _: "retry: 2000" in listener.lines)
        assert "connection" not in client.get("/era/status").headers
        served.process.send_signal(signal.SIGTERM)
        while (unready := client.get("/health/ready")).status_code == 200:
            time.sleep(0.01)
        assert [check["name"] for check in unready.json()["checks"] if not check["ok"]] == ["staying"]
        answer = client.get("/era/status")
        assert (answer.status_code, answer.headers["connection"]) == (200, "close")
        assert served.process.poll() is None
        assert served.end(signal.SIGTERM) == 0, "whoever asks a second time does not wait"
        assert "timeout graceful shutdown exceeded" not in served.log, "the listener was let go, not cut off"
        listener.thread.join(timeout=60)
        listener.response.close()


def test_a_request_that_is_being_answered_is_answered_to_its_end(world):
    with serve(world.folder, **environment_of(world)) as served, Client(served.url) as client:
        served.wait_until_ready(client)
        headers = world.headers() | {"content-type": "application/json"}
        body = json.dumps(registration()).encode()
        ended = threading.Event()

        def slowly():
            yield body[:10]
            served.process.send_signal(signal.SIGTERM)
            ended.set()
            time.sleep(0.5)
            yield body[10:]

        answer = client.post("/registrations", data=slowly(), headers=headers)
        assert ended.is_set()
        assert answer.json()["accepted"] == 1
        assert served.process.wait(timeout=30) == 0


def test_a_switch_reaches_listeners_of_the_running_service(world):
    with serve(world.folder, **environment_of(world)) as served, Client(served.url) as client:
        served.wait_until_ready(client)
        listener = Listener(served.url)
        listener.wait_for(lambda _: "retry: 2000" in listener.lines)
        world.posted.append(world.stage.publish(SCHEDULED, replacing=world.posted[-1]))
        listener.wait_for(lambda events: "scheduled" in [kind for _, kind, _ in events])
        world.stage.begin_epoch(Epoch(4))
        listener.wait_for(lambda events: "activated" in [kind for _, kind, _ in events])
        assert client.get("/era/status").json()["current"]["name"] == "lagrange"
        listener.response.close()


def test_no_secret_reaches_the_logs(world):
    with serve(world.folder, "--log-level", "debug", **environment_of(world)) as served, Client(served.url) as client:
        served.wait_until_ready(client)
        token = world.token()
        client.post("/registrations", json=registration(), headers={"authorization": f"Bearer {token}"})
        client.post("/registrations", json={}, headers={"authorization": "Bearer eraswitch_wrong-hush"})
        client.get("/era/status?token=hush-hush")
        served.end()
        assert token.split("_", 2)[2] not in served.log
        assert "hush" not in served.log


def test_tls_by_file(world):
    cert, key = world.folder / "cert.pem", world.folder / "key.pem"
    subject = ("-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1")
    kind = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1")
    command = ["openssl", "req", "-x509", *kind, *subject, "-keyout", str(key), "-out", str(cert)]
    subprocess.run(command, check=True, capture_output=True)
    key.chmod(0o600)
    arguments = ("--tls-cert", str(cert), "--tls-key", str(key))
    with serve(world.folder, *arguments, **environment_of(world)) as served:
        assert served.url.startswith("https://127.0.0.1:")
        answer = requests.get(f"{served.url}/version", verify=str(cert), timeout=30)
        assert answer.headers["strict-transport-security"]
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(f"{served.url}/version", timeout=30)
        subprocess.run(command, check=True, capture_output=True)  # renewed: the old one is trusted no more
        served.process.send_signal(signal.SIGHUP)
        served.wait_for_log("was reloaded")
        assert requests.get(f"{served.url}/version", verify=str(cert), timeout=30).status_code == 200
    key.chmod(0o644)
    readable = run("serve", *arguments)
    assert readable.exit_code == 2
    assert "mode 0600" in readable.stderr
    key.chmod(0o600)
    cert.write_text("no certificate")
    wrong = run("serve", *arguments, "--port", "0", **environment_of(world))
    assert (wrong.exit_code, "The certificate or its key cannot be used" in wrong.stderr) == (2, True)


def test_a_key_without_its_certificate_is_not_served_in_the_clear(world, tmp_path):
    key = tmp_path / "key.pem"
    key.write_text("a key")
    key.chmod(0o600)
    result = run("serve", "--tls-key", key, "--port", "0", **environment_of(world))
    assert (result.exit_code, "There is a key for TLS, but no certificate" in result.stderr) == (2, True)
    missing = run("serve", "--tls-key", tmp_path / "none.pem", "--port", "0", **environment_of(world))
    assert f"got '{tmp_path}"[:60] in missing.stderr


def test_a_provider_without_a_network_is_not_passed_over(tmp_path):
    own = {"HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)}
    result = run("serve", "--provider", "https://example.test", "--port", "0", **own)
    assert (result.exit_code, "A provider is named, but no network" in result.stderr) == (2, True)
    assert not list(tmp_path.iterdir()), "nothing was made"


def test_a_network_that_nothing_can_read_is_said_before_anybody_asks(world):
    environ = environment_of(world)
    del environ["ERASWITCH_READER__PROVIDERS"]
    result = run("serve", "--port", "0", **environ)
    assert (result.exit_code, "no provider to read the chain from" in result.stderr) == (2, True)


def test_a_port_that_is_taken_is_an_error_in_words(world):
    port = world.client.url.rpartition(":")[2]
    result = run("serve", "--port", port, **environment_of(world))
    assert result.exit_code == 2
    assert f"cannot listen on 127.0.0.1 port {port}" in result.stderr
    own = {"HOME": str(world.folder), "XDG_STATE_HOME": str(world.folder / "nothing")}
    assert run("serve", "--port", port, **own).exit_code == 2
    assert not (world.folder / "nothing").exists(), "nothing was made for it"
    nowhere = run("serve", "--host", "a..b", "--port", "0", **environment_of(world))
    assert (nowhere.exit_code, "cannot listen on a..b" in nowhere.stderr) == (2, True)


def test_who_drips_is_let_go_and_a_proxy_may_be_idle(world):
    limits = {"ERASWITCH_SERVICE__REQUEST_TIMEOUT_S": "0.5", "ERASWITCH_SERVICE__TRUSTED_PROXIES": "127.0.0.1"}
    with serve(world.folder, **environment_of(world), **limits) as served, Client(served.url) as client:
        served.wait_until_ready(client)
        host, _, port = served.url.removeprefix("http://").partition(":")
        proxy = http.client.HTTPConnection(host, int(port), timeout=60)
        proxy.request("GET", "/version")
        first, idle_since_s = proxy.getresponse().read(), time.monotonic()
        kept = proxy.sock
        with socket.create_connection((host, int(port)), timeout=60) as connection:
            connection.sendall(b"GET /")
            assert connection.recv(1) == b"", "it was closed"
        time.sleep(max(0.0, idle_since_s + IDLE_S + 1 - time.monotonic()))
        proxy.request("GET", "/version")
        assert (proxy.getresponse().read(), proxy.sock) == (first, kept)
        proxy.close()


# --- tokens


@pytest.fixture
def store(tmp_path):
    return ("--store", tmp_path / "tokens.sqlite3")


def test_a_token_is_shown_once_listed_and_revoked(store):
    made = run("token", "new", "the nodes", *store)
    assert made.exit_code == 0
    text = made.stdout.strip()
    assert text.startswith("eraswitch_")
    assert "this once" in made.stderr
    assert str(store[1]) in made.stderr, "a token is of one store, and commands beside a service may use another"
    listed = run("token", "list", *store)
    assert "valid" in listed.stdout
    assert "the nodes" in listed.stdout
    assert text.split("_", 2)[2] not in listed.stdout + run("token", "list", *store, "--json").stdout
    token_id = text.split("_")[1]
    revoked = run("token", "revoke", token_id, *store)
    assert revoked.stdout == f"Token {token_id} is revoked\n"
    assert f'adoption withdraw "api {token_id}"' in revoked.stderr
    assert json.loads(run("token", "list", *store, "--json").stdout)["tokens"][0]["state"] == "revoked"
    assert run("token", "revoke", token_id, *store).exit_code == 0, "once more is fine"


def test_a_token_that_the_store_does_not_take_is_in_no_file(store, tmp_path, monkeypatch):
    def fails(*_):
        raise StoreError("The disk is full")

    monkeypatch.setattr("era_store.sql.service.SqlTokens.add", fails)
    assert run("token", "new", "nodes", *store, "--out", tmp_path / "token").exit_code == 1
    assert not (tmp_path / "token").exists()


def test_a_token_in_a_file_is_its_owners_alone(store, tmp_path):
    out = tmp_path / "token"
    made = run("token", "new", "nodes", *store, "--out", out, "--expires", "12h", "--json")
    facts = json.loads(made.stdout)
    assert facts["token"] is None
    assert facts["expires_at_s"] - facts["made_at_s"] == 12 * 3_600
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert out.read_text().strip().split("_")[1] == facts["id"]
    again = run("token", "new", "nodes", *store, "--out", out)
    assert (again.exit_code, "could not be written" in again.stderr) == (1, True)
    assert len(json.loads(run("token", "list", *store, "--json").stdout)["tokens"]) == 1, "nothing by half"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("new", "x", "--scope", "everything"), 2, "expected some of registrations:write, log:write"),
        (("new", "x", "--expires", "soon"), 2, "expected 12h, 90d, 4w or never"),
        (("revoke", "nobody"), 2, "There is no API token with that id"),
        (("new", " "), 2, "A token needs a name"),
        (("new", "two\nlines"), 2, "A token needs a name"),
        (("new", "x" * 101), 2, "A token needs a name"),
    ],
)
def test_mistakes_with_tokens_are_said(store, arguments, code, words):
    result = run("token", *arguments, *store)
    assert (result.exit_code, words in result.stderr) == (code, True), result.stderr


def test_a_token_may_be_without_end(store):
    assert json.loads(run("token", "new", "x", *store, "--expires", "never", "--json").stdout)["expires_at_s"] is None
    assert "never expires" in run("token", "list", *store).stdout
    assert "no tokens" in run("token", "list", "--store", str(store[1]) + ".other").stdout


@pytest.mark.parametrize(("content", "words"), [(None, "No such file"), ("pythagoras = 1", "pythagoras")])
def test_a_wrong_compatibility_file_is_found_at_the_start(tmp_path, monkeypatch, content, words):
    monkeypatch.chdir(tmp_path)
    table = tmp_path / "compatibility.toml"
    if content is not None:
        table.write_text(content)
    environ = {"ERASWITCH_ADOPTION__COMPATIBILITY_FILE": str(table), "XDG_STATE_HOME": str(tmp_path / "state")}
    network = ("--network", "preview", "--provider", "koios:preview")
    done = run("serve", "--port", "0", "--store", "store.sqlite3", *network, **environ)
    assert done.exit_code == 2
    assert "The table of eras and versions" in done.stderr
    assert words in done.stderr
    assert not (tmp_path / "store.sqlite3").exists()


def test_a_database_that_restarts_is_waited_for_at_the_start_and_later(tmp_path, own_cluster):
    own_cluster.execute("CREATE DATABASE eras")
    with World(tmp_path, own_cluster.url("eras")) as world:
        environ = environment_of(world)
        own_cluster.stop()

        def start_once_it_is_waited_for():
            while not any("s more for the store" in log.read_text() for log in tmp_path.glob("serve-*.log")):
                time.sleep(0.05)
            own_cluster.start()

        threading.Thread(target=start_once_it_is_waited_for, daemon=True).start()
        with serve(tmp_path, **environ) as served, Client(served.url) as client:
            served.wait_until_ready(client)
            own_cluster.kill()
            assert client.get("/era/config").json()["current"]["name"] == "pythagoras", "what is known is served"
            assert client.get("/health/ready").status_code == 503
            own_cluster.start()
            served.wait_until_ready(client)
            assert served.end() == 0


def test_signals_that_are_not_for_its_end_do_not_end_it(world):
    with serve(world.folder, **environment_of(world)) as served, Client(served.url) as client:
        served.wait_until_ready(client)
        for number, words in (
            (signal.SIGHUP, "SIGHUP"),
            (signal.SIGUSR1, "level is now debug"),
            (signal.SIGUSR2, "format is now text"),
        ):
            served.process.send_signal(number)
            served.wait_for_log(words)
            assert client.get("/health/ready").status_code == 200
        assert served.end() == 0
