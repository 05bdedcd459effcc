"""Webhooks: one source with the activity, signatures that another program verifies, retries, one sender, no secret."""

import base64
import contextlib
import hashlib
import hmac
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pydantic import ValidationError

from chain_reader.genesis import EpochCalendar
from era_service.config.webhooks import TYPES, WebhookSettings
from era_service.dashboard.activity import KINDS, activity_of
from era_service.service.reloading import reload
from era_service.webhooks.deliverer import Deliverer, Deliveries
from era_service.webhooks.message import Message, new_secret, parse_secrets, sample
from era_service.webhooks.outbox import GIVEN_UP, MOST_WAITING, RETRIES_S, Outbox, load_outbox, outbox_key
from era_service.webhooks.sending import Answer, addresses_of, post
from era_service.webhooks.settings import Webhook, secrets_of
from era_service.wiring.trust import network_key
from era_store import StoredEvent
from era_store.event_log import EventFilter
from eras import ConfigurationError, StoreError
from tests.era_service.conftest import invoke, own_folders, untouched_logging
from tests.errors import raising
from tests.web.world import ANNOUNCED, SCHEDULED

KEYS = (b"k" * 24, b"l" * 32)
SECRETS = "\n".join(map(new_secret, KEYS))
YES, NO, GONE = Answer("204 No Content", 204), Answer("500 Oops", 500), Answer("410 Gone", 410)


class Receiver:
    """What the messages are sent to: keeps them, and gives the answers that it is told."""

    def __init__(self):
        self.answers, self.got = [], []

    def __call__(self, url, headers, body, *, allow_private):
        self.got.append((headers, json.loads(body)))
        return self.answers.pop(0) if self.answers else YES

    @property
    def types(self):
        return [body["type"] for _, body in self.got]

    @property
    def titles(self):
        return [body["data"]["title"] for _, body in self.got]


def hook(*events):
    table = {"name": "ops", "url": "https://hooks.example/x", "secret": SECRETS, "events": events}
    return Webhook(WebhookSettings.model_validate(table), parse_secrets(SECRETS, "ops"))


@pytest.fixture
def receiver():
    return Receiver()


@pytest.fixture
def deliverer(world, receiver):
    made = Deliverer(world.service, hook(), receiver)
    made.turn()
    assert receiver.got == [], "what happened before it was configured is not told"
    return made


def outbox(world):
    return load_outbox(world.service.store.snapshots, outbox_key(network_key(world.settings), "ops"))


def test_what_the_activity_tells_is_sent_and_signed_as_the_scheme_wants_it(world, receiver, deliverer):
    world.publish(ANNOUNCED)
    world.publish(SCHEDULED)
    world.enter(4)
    world.service.store.events.append("gate-overridden", {"era": "lagrange", "reason": "tested"}, time_s=world.now_s)
    deliverer.turn()
    told = activity_of(world.service.store.events.read(only=EventFilter(kinds=KINDS)), EpochCalendar())
    sent = [one.title for one in reversed(told)][-len(receiver.titles) :]
    assert receiver.types == ["published", "published", "switched", "overridden"]
    assert receiver.titles == sent
    headers, body = receiver.got[1]
    assert body["data"]["network"]["era_address"] == world.stage.era_address
    assert body["data"]["event"]["facts"]["markers"][1] == {"name": "lagrange", "epoch": 4}
    raw = json.dumps(body, separators=(",", ":"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{raw}".encode()
    wanted = [base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode() for key in KEYS]
    assert headers["webhook-signature"] == " ".join(f"v1,{one}" for one in wanted)
    before = len(receiver.got)
    deliverer.turn()
    assert len(receiver.got) == before, "nothing twice"


def test_the_signature_is_the_one_of_the_scheme_s_own_example():
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    message = Message("msg_p5jXN8AQM9LWM0D4loKWxJek", "test", '{"test": 2432232314}')
    headers = parse_secrets(secret, "x").headers(message, time_s=1614265330.0)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_failure_is_tried_again_later_by_whoever_starts_next_and_given_up_in_sight(
    world, receiver, deliverer, caplog
):
    receiver.answers = [NO] * 99
    world.publish(ANNOUNCED)
    deliverer.turn()
    deliverer.turn()
    assert len(receiver.got) == 1, "not before its time"
    for pause_s in RETRIES_S:
        world.now_s += pause_s
        deliverer = Deliverer(world.service, hook(), receiver)  # as after a restart
        deliverer.turn()
    assert len(receiver.got) == 1 + len(RETRIES_S)
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
    found = outbox(world)
    assert (found.waiting, found.given_up, found.failure) == ((), 1, "500 Oops")
    (event,) = world.service.store.events.read(only=EventFilter(kinds=(GIVEN_UP,)))
    assert event.facts["webhook"] == "ops"
    assert event.facts["reason"] == "500 Oops"
    assert "is given up: 500 Oops" in caplog.text
    assert deliverer.outcomes == {"accepted": 0, "failed": 1, "given up": 1}


@pytest.mark.parametrize(("asked_s", "waits_s"), [(1.0, 5.0), (120.0, 120.0), (1e9, max(RETRIES_S))])
def test_a_receiver_may_ask_for_patience_within_bounds(world, receiver, deliverer, asked_s, waits_s):
    receiver.answers = [Answer("503 Busy", 503, "", asked_s)]
    world.publish(ANNOUNCED)
    deliverer.turn()
    (one,) = outbox(world).waiting
    assert one.due_s == world.now_s + waits_s


@pytest.mark.usefixtures(own_folders.__name__, untouched_logging.__name__)
def test_a_reload_takes_other_webhooks_and_leaves_those_alone_that_stay(world, tmp_path):
    secret, other = tmp_path / "a.secret", tmp_path / "b.secret"
    for file in (secret, other):
        assert invoke("webhooks", "secret", str(file)).exit_code == 0

    def with_hooks(*tables):
        made = tuple(WebhookSettings.model_validate({"allow_private": True, **one}) for one in tables)
        return world.settings.model_copy(
            update={"service": world.settings.service.model_copy(update={"webhooks": made})}
        )

    one = {"name": "ops", "url": "http://127.0.0.1:1/", "secret_file": secret}
    reload(world.service, with_hooks(one))
    deliveries = Deliveries(world.service)
    (kept,) = deliveries
    moved, second = {**one, "url": "http://127.0.0.1:2/"}, {**one, "name": "more", "secret_file": other}
    assert reload(world.service, with_hooks(moved, second)).changed == ("service.webhooks",)
    assert [found.name for found in deliveries] == ["ops", "more"]
    assert next(iter(deliveries)) is kept
    assert kept.hook.settings.url == "http://127.0.0.1:2/"
    before = kept.hook.secrets
    secret.write_text(other.read_text())
    reload(world.service, with_hooks(moved, second))
    assert kept.hook.secrets != before, "a secret is read again though its path stays"
    secret.write_text("none")
    with raising("WebhookSecret"):
        reload(world.service, with_hooks(moved))
    assert len(list(deliveries)) == 2, "a mistake changes nothing"
    secret.write_text(other.read_text())
    with deliveries.running():
        reload(world.service, with_hooks(second))
    assert ([found.name for found in deliveries], kept.ended.is_set()) == (["more"], True)


def test_who_wants_no_more_is_not_asked_again(world, receiver, deliverer):
    receiver.answers = [GONE]
    world.publish(ANNOUNCED)
    deliverer.turn()
    assert outbox(world).given_up == 1


def test_only_the_types_that_are_wanted_are_sent(world, receiver):
    deliverer = Deliverer(world.service, hook("switched"), receiver)
    deliverer.turn()
    world.publish(SCHEDULED)
    world.enter(4)
    deliverer.turn()
    assert receiver.types == ["switched"]


def test_refused_payloads_are_counted_once(world, receiver, deliverer):
    for number in (1, 2):
        facts = {"output": f"{number}#0", "verdict": "Impostor", "reason": "not ours"}
        world.service.store.events.append("refused", facts, time_s=world.now_s)
        deliverer.turn()
    assert receiver.titles == ["1 payload refused"] * 2


def test_who_does_not_read_the_chain_sends_nothing(world, receiver, deliverer, monkeypatch):
    monkeypatch.setattr(type(world.service), "reads_chain", property(lambda _: False))
    world.publish(ANNOUNCED)
    deliverer.turn()
    assert receiver.got == []
    assert deliverer.outbox is None
    monkeypatch.undo()
    deliverer.turn()
    assert receiver.types == ["published"]


def test_what_could_not_be_saved_is_sent_again_with_the_same_id(world, receiver, deliverer, monkeypatch):
    world.publish(ANNOUNCED)
    snapshots = type(world.service.store.snapshots)
    save, left = snapshots.save, [1]

    def failing(self, *args, **options):
        if left[0] == 0:
            raise StoreError("no")
        left[0] -= 1
        return save(self, *args, **options)

    monkeypatch.setattr(snapshots, "save", failing)
    with pytest.raises(StoreError):
        deliverer.turn()
    monkeypatch.undo()
    deliverer.turn()
    first, second = (headers["webhook-id"] for headers, _ in receiver.got)
    assert first == second


def test_too_many_that_wait_give_up_the_oldest():
    messages = [sample({"name": str(number)}, time_s=1.0) for number in range(MOST_WAITING + 2)]
    box, events = Outbox(0).taken(messages, 5, 1.0)
    assert (len(box.waiting), box.given_up, box.cursor, len(events)) == (MOST_WAITING, 2, 5, 2)
    assert box.waiting[0].message == messages[2]
    assert Outbox.from_bytes(box.to_bytes()) == box
    with pytest.raises(StoreError, match="outbox"):
        Outbox.from_bytes(b'{"waiting": 3}')


def test_the_types_are_those_of_the_activity():
    facts = {
        "era": "x", "began": 1, "met": True, "threshold": 0.9, "share": None, "base": "network", "reason": "why",
        "verdict": "Impostor", "verdicts": {"Impostor": 2}, "output": "a#0", "markers": (),
    }  # fmt: skip
    kinds = {
        one.kind
        for number, kind in enumerate(KINDS)
        for one in activity_of([StoredEvent(number, kind, None, facts, "0", 1.0)], EpochCalendar())
    }
    assert kinds == set(TYPES)


# --- one attempt


@contextlib.contextmanager
def listening(answer):
    """A receiver on this machine, whose socket ``answer`` has."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            answer(self)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/in?a=b"
        finally:
            server.shutdown()
            thread.join()


def reply(status, body=b"", **headers):
    def answer(handler):
        handler.rfile.read(int(handler.headers["content-length"]))
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def test_what_comes_back_is_told(monkeypatch):
    seen = []

    def keep(handler):
        seen.append((handler.path, handler.headers["x"]))
        reply(200, b"thanks")(handler)

    with listening(keep) as url:
        found = post(url, {"x": "y"}, b"{}", allow_private=True)
        assert (found.is_accepted, found.words, found.text) == (True, "200 OK", "thanks")
        assert seen == [("/in?a=b", "y")]
        refused = post(url, {}, b"{}", allow_private=False)
        assert not refused.is_accepted
        assert refused.words.startswith("127.0.0.1 is not a public address")
        assert len(seen) == 1
        assert "TLS" in post(url.replace("http:", "https:"), {}, b"{}", allow_private=True).words
    with listening(reply(503, **{"Retry-After": "120"})) as url:
        assert post(url, {}, b"{}", allow_private=True).retry_after_s == 120
    with listening(reply(302, Location="http://127.0.0.1:1/")) as url:
        assert post(url, {}, b"{}", allow_private=True).words == "302 Found"
    assert post("http://127.0.0.1:1/", {}, b"{}", allow_private=True).words == "Connection refused"


def test_who_answers_drop_by_drop_is_not_waited_for():
    def drip(handler):
        with contextlib.suppress(OSError):
            for _ in range(100):
                handler.connection.sendall(b"H")
                threading.Event().wait(0.02)

    with listening(drip) as url:
        assert post(url, {}, b"{}", allow_private=True, timeout_s=0.1).words == "no answer within 0.1 s"


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "::ffff:10.0.0.1", "fe80::1%lo", "224.0.0.1"]
)
def test_a_name_that_leads_to_a_private_address_is_refused(monkeypatch, address):
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, 443)) for one in ("8.8.8.8", address)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(OSError, match="not a public address"):
        addresses_of("hooks.example", 443, allow_private=False)
    assert addresses_of("hooks.example", 443, allow_private=True) == ["8.8.8.8", address]


# --- secrets and settings


@pytest.mark.parametrize(
    "text", ["", "whsec_", "whsec_AAAA", "c2VjcmV0", "whsec_" + "A" * 200, f"{new_secret(b'k' * 24)}\nx"]
)
def test_a_secret_that_is_none_is_refused_unseen(text):
    with pytest.raises(ConfigurationError) as caught:
        parse_secrets(text, "ops")
    assert caught.value.code == "WebhookSecret"
    hidden = text.removeprefix("whsec_").strip()
    assert not hidden or hidden not in str(caught.value)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"url": "http://a.example/x"}, "webhook 'ops' to have an https:// url, or allow_private"),
        ({"url": "https://u:p@a.example/x"}, "without a user"),
        ({"secret": None}, "secret_file"),
        ({"name": "Ops!"}, "small letters"),
        ({"events": ["activated"]}, "gate-crossed"),
    ],
)
def test_a_mistake_in_a_webhook_is_named(changes, expected):
    facts = {"name": "ops", "url": "https://a.example/x", "secret": new_secret(KEYS[0])} | changes
    with pytest.raises(ValidationError, match=expected):
        WebhookSettings.model_validate(facts)


def test_no_secret_is_shown():
    text = new_secret(KEYS[0])
    one = WebhookSettings.model_validate({"name": "ops", "url": "https://a.example/hidden", "secret": text})
    shown = f"{one!r} {secrets_of(one)!r}"
    assert text not in shown
    assert "hidden" not in repr(one)
    assert KEYS[0].decode() not in shown


# --- the service and the commands


@pytest.mark.usefixtures(own_folders.__name__, untouched_logging.__name__)
def test_a_service_that_serves_sends_and_counts(world, tmp_path):
    secret = tmp_path / "hook.secret"
    assert invoke("webhooks", "secret", str(secret)).exit_code == 0
    assert secret.stat().st_mode & 0o077 == 0
    came, bodies = threading.Event(), []

    def keep(handler):
        bodies.append(json.loads(handler.rfile.read(int(handler.headers["content-length"]))))
        handler.send_response(204)
        handler.end_headers()
        came.set()

    with listening(keep) as url:
        table = {"name": "ops", "url": url, "secret_file": secret, "allow_private": True}
        own = world.settings.service.model_copy(update={"webhooks": (WebhookSettings.model_validate(table),)})
        world.service.settings = world.settings.model_copy(update={"service": own})
        deliveries = Deliveries(world.service)
        (one,) = deliveries
        one.turn()
        with deliveries.running():
            world.publish(ANNOUNCED)
            assert came.wait(30)
        configured = tmp_path / "eraswitch.toml"
        configured.write_text(
            f'[store]\nurl = "{world.store_url}"\n[network]\nmagic = 42\nera_address = "{world.stage.era_address}"\n'
            f'[[service.webhooks]]\nname = "ops"\nurl = "{url}"\nsecret_file = "{secret}"\nallow_private = true\n'
        )
        flags = ["--config", str(configured)]
        shown = invoke(*flags, "config", "show").output
        assert "/in?" not in shown
        assert "http://127.0.0.1" in shown
        found = invoke(*flags, "webhooks", "test")
        assert (found.exit_code, found.output[:21]) == (0, "ops  http://127.0.0.1")
        assert "accepted: 204 No Content" in found.output
        assert [body["type"] for body in bodies] == ["published", "test"]
    found = invoke(*flags, "webhooks", "test", "ops", "--json")
    assert (found.exit_code, json.loads(found.stdout)["webhooks"][0]["answer"]) == (1, "Connection refused")
    assert "all: 1 accepted, 0 waiting, 0 given up" in invoke(*flags, "webhooks", "list").output
    found = invoke(*flags, "webhooks", "test", "nope", "--json")
    assert (found.exit_code, json.loads(found.stdout)["error"]["code"]) == (2, "WebhookUnknown")
