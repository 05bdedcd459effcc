"""What is asked again, when, and how often; how fast a provider is asked, and when not at all."""

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from typing import Any

import pytest
from websockets.sync.server import ServerConnection, serve

from chain_reader import (
    BlockfrostObserver,
    OgmiosObserver,
    ProviderFailedError,
    ProviderKeyRefusedError,
    ProviderNotFoundError,
    ProviderRateLimitedError,
    ProviderTimeoutError,
    ProviderUnreachableError,
    ReadLimits,
    TruncatedAnswerError,
    UnexpectedAnswerError,
)
from chain_reader.providers.transport import rate_limit
from chain_reader.providers.transport.calls import Call
from chain_reader.providers.transport.errors import ProviderBannedError, ProviderBusyError, ProviderQuotaExceededError
from chain_reader.providers.transport.http import BoundedHttp
from chain_reader.providers.transport.rate_limit import TokenBucket, pace_of
from chain_reader.providers.transport.retries import retried
from eras import ChainReadError, ConfigurationError, Epoch
from tests.chain_reader.fake_clock import FakeClock
from tests.chain_reader.hostile import Chunks, HostileHttp, error, hostile_websocket, reply
from tests.chain_reader.test_ogmios_observer import answer

EPOCH = {"epoch": 5}
LIMITS = ReadLimits(max_attempts=4)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"


@pytest.fixture
def time() -> FakeClock:
    return FakeClock()


def scripted(*answers: Chunks) -> Callable[[str], Chunks]:
    """Gives one answer after the other, then the last for ever."""
    left = list(answers)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


def observer(server: HostileHttp, time: FakeClock, **limits: Any) -> BlockfrostObserver:
    given = {**{name: getattr(LIMITS, name) for name in LIMITS.__slots__}, **limits}
    return BlockfrostObserver(server.url, limits=ReadLimits(**given), clock=time.clock)


LOOKS = ("/health", "/tip")
"""What a server is asked, once, that does not answer as Blockfrost does: which kind it is."""


def paths(server: HostileHttp) -> list[str]:
    return [request.split(" ", 2)[1] for request in server.requests]


class TestWhatIsAskedAgain:
    @pytest.mark.parametrize(
        "bad",
        [error(429), error(500), error(502), error(503), error(504), [b""], [HEAD + b'{"ep']],
        ids=["429", "500", "502", "503", "504", "hang-up", "half-an-answer"],
    )
    def test_what_may_pass_is(self, bad: Chunks, time: FakeClock):
        with HostileHttp(scripted(bad, bad, bad, reply(EPOCH))) as server:
            assert observer(server, time).epoch() == Epoch(5)
            assert len(server.requests) == 4
        assert len(time.sleeps) == 3

    @pytest.mark.parametrize(
        ("status", "kind"),
        [
            (400, ChainReadError),
            (402, ProviderQuotaExceededError),
            (403, ProviderKeyRefusedError),
            (404, ProviderNotFoundError),
            (418, ProviderBannedError),
            (425, ProviderBusyError),
        ],
    )
    def test_what_stays_is_not(self, status: int, kind: type[ChainReadError], time: FakeClock):
        with HostileHttp(scripted(error(status), reply(EPOCH))) as server:
            with pytest.raises(kind):
                observer(server, time).epoch()
            assert paths(server) == ["/epochs/latest", *(LOOKS if status in (400, 404) else ())]
        assert time.sleeps == []

    def test_an_answer_that_makes_no_sense_is_not(self, time: FakeClock):
        with HostileHttp(scripted(reply({"epoch": "5"}), reply(EPOCH))) as server:
            with pytest.raises(UnexpectedAnswerError):
                observer(server, time).epoch()
            assert paths(server) == ["/epochs/latest", *LOOKS]

    def test_a_server_is_asked_only_once_of_what_kind_it_is(self, time: FakeClock):
        with HostileHttp(scripted(error(404))) as server:
            made = observer(server, time)
            for _ in range(3):
                with pytest.raises(ProviderNotFoundError):
                    made.epoch()
            assert paths(server) == ["/epochs/latest", *LOOKS, "/epochs/latest", "/epochs/latest"]
        assert time.sleeps == []

    def test_a_provider_that_hangs_is_not(self, time: FakeClock):
        with HostileHttp(lambda _: ()) as server:
            server.answer = server.silence
            with pytest.raises(ProviderTimeoutError):
                observer(server, time, read_timeout_s=0.3).epoch()
            assert len(server.requests) == 1

    def test_nobody_there_is(self, time: FakeClock):
        made = BlockfrostObserver("http://127.0.0.1:1", limits=LIMITS, clock=time.clock)
        with pytest.raises(ProviderUnreachableError):
            made.epoch()
        assert len(time.sleeps) == 3

    def test_the_last_error_is_the_one_that_is_told(self, time: FakeClock):
        with HostileHttp(scripted(error(500), error(502), error(503), error(429, message="slow down"))) as server:
            with pytest.raises(ProviderRateLimitedError, match="slow down"):
                observer(server, time).epoch()
            assert len(server.requests) == 4

    def test_a_post_never_is(self, time: FakeClock):
        with HostileHttp(scripted(error(503), reply("ab" * 32))) as server:
            http = BoundedHttp(server.url, {}, LIMITS, clock=time.clock)
            call = Call("somebody", "POST /tx/submit")
            answered = http.post("/tx/submit", call, b"\x84", "application/cbor", until=time.now + 9)
            assert answered.status == 503
            assert len(server.requests) == 1
            assert "POST /tx/submit HTTP/1.1" in server.requests[0]
            assert "Content-Type: application/cbor" in server.requests[0]
            http.close()


class TestPauses:
    def test_they_are_random_and_their_bound_doubles(self, time: FakeClock):
        for _ in range(20):
            with HostileHttp(scripted(error(503))) as server, pytest.raises(ProviderFailedError):
                observer(server, time, max_attempts=6).epoch()
        by_attempt = list(zip(*(time.sleeps[start : start + 5] for start in range(0, 100, 5)), strict=True))
        for attempt, pauses in enumerate(by_attempt):
            assert all(0 <= pause <= 0.5 * 2**attempt for pause in pauses)
            assert len(set(pauses)) == 20
        assert max(by_attempt[4]) > 2

    @pytest.mark.parametrize("named", ["7", " 7 ", "date"])
    def test_the_time_that_the_provider_names_is_waited_for(self, named: str, time: FakeClock):
        header = formatdate(time.clock.posix() + 7, usegmt=True) if named == "date" else named
        limited = reply({}, 429, {"Retry-After": header})
        with HostileHttp(scripted(limited, reply(EPOCH))) as server:
            assert observer(server, time).epoch() == Epoch(5)
        assert 7 <= time.sleeps[0] <= 8

    @pytest.mark.parametrize("named", ["", "soon", "-5", "1e3", "٧", "Fri, 31 Dec 99999 23:59:59 GMT"])
    def test_nonsense_names_no_time(self, named: str, time: FakeClock):
        with HostileHttp(
            scripted(reply({}, 429, {"Retry-After": named.encode().decode("latin-1")}), reply(EPOCH))
        ) as server:
            assert observer(server, time).epoch() == Epoch(5)
        assert time.sleeps[0] <= 0.5

    def test_a_time_beyond_the_budget_is_not_waited_for(self, time: FakeClock):
        with HostileHttp(scripted(reply({}, 429, {"Retry-After": "3600"}))) as server:
            with pytest.raises(ProviderRateLimitedError, match="Wait 3600 s, as the provider asks") as caught:
                observer(server, time).epoch()
            assert len(server.requests) == 1
        assert caught.value.facts["retry_after_s"] == 3600
        assert time.sleeps == []

    def test_the_budget_ends_it(self, time: FakeClock):
        with HostileHttp(scripted(reply({}, 503, {"Retry-After": "10"}))) as server:
            with pytest.raises(ProviderFailedError):
                observer(server, time, max_attempts=100, retry_budget_s=35.0).epoch()
            assert len(server.requests) == 4
        assert sum(time.sleeps) <= 35

    def test_the_deadline_of_the_reading_ends_it(self, time: FakeClock):
        with HostileHttp(scripted(reply({}, 503, {"Retry-After": "10"}))) as server:
            with pytest.raises(ProviderFailedError):
                observer(server, time, max_attempts=100, read_deadline_s=25.0).epoch()
            assert len(server.requests) == 3

    def test_other_errors_than_ours_are_not_asked_again(self, time: FakeClock):
        calls = []

        def broken() -> None:
            calls.append(1)
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            retried(broken, time.now + 100, LIMITS, time.clock)
        assert len(calls) == 1


class TestOgmiosReconnects:
    """Over a real websocket, closed under way in each of the ways that happen."""

    def observer(self, url: str, time: FakeClock) -> OgmiosObserver:
        return OgmiosObserver(url, limits=LIMITS, clock=time.clock)

    @staticmethod
    def serving(handle: Callable[[ServerConnection], None]) -> Any:
        return serve(handle, "127.0.0.1", 0, close_timeout=1)

    def test_one_connection_serves_many_questions(self, time: FakeClock):
        connections: set[int] = set()

        def handle(connection: ServerConnection) -> None:
            connections.add(id(connection))
            for request in connection:
                for message in answer(5)(json.loads(request)):
                    connection.send(message)

        with self.serving(handle) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            made = self.observer(f"ws://127.0.0.1:{server.socket.getsockname()[1]}", time)
            assert [made.epoch() for _ in range(3)] == [5, 5, 5]
            assert len(connections) == 1
            made.close()
            assert made.epoch() == Epoch(5)  # closed is not the end of it
            made.close()
            server.shutdown()
            thread.join(60)

    def test_a_connection_that_was_closed_meanwhile_is_replaced_at_once(self, time: FakeClock):
        with hostile_websocket(answer(5)) as url:
            made = self.observer(url, time)
            assert made.epoch() == Epoch(5)
        with hostile_websocket(answer(6), int(url.rsplit(":", 1)[1])):
            assert made.epoch() == Epoch(6)
        assert time.sleeps == []
        with pytest.raises(ProviderUnreachableError):
            made.epoch()
        assert len(time.sleeps) == 3

    def test_a_connection_lost_under_way_is_tried_again(self, time: FakeClock):
        answers = iter([None, None, 5])

        def losing(request: dict[str, Any]) -> Any:
            result = next(answers)
            return None if result is None else answer(result)(request)

        with hostile_websocket(losing) as url:
            made = self.observer(url, time)
            assert made.epoch() == Epoch(5)
            made.close()
        assert len(time.sleeps) == 2

    def test_it_is_given_up_after_so_many_attempts(self, time: FakeClock):
        with hostile_websocket(lambda _: None) as url, pytest.raises(TruncatedAnswerError):
            self.observer(url, time).epoch()
        assert len(time.sleeps) == 3

    def test_after_nonsense_the_connection_is_not_used_again(self, time: FakeClock):
        """A second answer to the first question must not be taken for one to the second."""
        results = iter([["nonsense", "late"], None])

        def two(request: dict[str, Any]) -> list[str]:
            extra = next(results)
            return answer(5)(request) if extra is None else extra

        with hostile_websocket(two) as url:
            made = self.observer(url, time)
            with pytest.raises(UnexpectedAnswerError):
                made.epoch()
            assert made.epoch() == Epoch(5)
            made.close()

    @pytest.mark.parametrize(("status", "attempts"), [(503, 4), (429, 4), (403, 1), (404, 1), (418, 1)])
    def test_a_refused_handshake_is_tried_again_where_that_may_help(self, status: int, attempts: int, time: FakeClock):
        with HostileHttp(lambda _: error(status)) as server:
            with pytest.raises(ChainReadError, match=f"status {status}"):
                self.observer(server.url.replace("http", "ws"), time).epoch()
            assert len(server.requests) == attempts

    @pytest.mark.parametrize("named", ["7", "date"])
    def test_the_time_that_is_named_with_a_refused_handshake_is_waited_for(self, named: str, time: FakeClock):
        header = formatdate(time.clock.posix() + 7, usegmt=True) if named == "date" else named
        failure = pytest.raises(ProviderFailedError, match="Wait [0-9] s, as the provider asks")
        with HostileHttp(lambda _: reply({}, 503, {"Retry-After": header})) as server, failure:
            self.observer(server.url.replace("http", "ws"), time).epoch()
        assert 7 <= time.sleeps[0] <= 8

    def test_a_conversation_to_be_held_once_is(self, time: FakeClock):
        asked = []

        def losing(request: dict[str, Any]) -> None:
            asked.append(request)

        with hostile_websocket(losing) as url:
            made = self.observer(url, time)
            with pytest.raises(TruncatedAnswerError):
                made._api.converse("submitTransaction", lambda talk: talk.ask("submitTransaction", None), once=True)  # type: ignore[arg-type]
        assert len(asked) == 1

    def test_several_threads_do_not_mix_their_answers(self, time: FakeClock):
        def by_address(request: dict[str, Any]) -> list[str]:
            if request["method"] != "queryLedgerState/utxo":
                return answer(5)(request)
            (address,) = request["params"]["addresses"]
            item = {
                "transaction": {"id": "cd" * 32},
                "index": int(address.rsplit("q", 1)[1]),
                "address": address,
                "value": {"ada": {"lovelace": 1}},
                "datum": "00",
            }
            return answer([item])(request)

        with hostile_websocket(by_address) as url:
            made = self.observer(url, time)
            with ThreadPoolExecutor(8) as pool:
                found = list(pool.map(lambda n: made.datums(f"addr_test1vq{n}")[0].index, range(40)))
            assert found == list(range(40))
            made.close()


class TestRate:
    def test_a_burst_goes_at_once_and_then_the_rate_holds(self, time: FakeClock):
        bucket = TokenBucket(10, 500, time.clock.monotonic)
        assert [bucket.take() for _ in range(500)] == [0.0] * 500
        assert [round(bucket.take(), 3) for _ in range(3)] == [0.1, 0.2, 0.3]
        time.pass_(3)
        assert [bucket.take() for _ in range(27)] == [0.0] * 27
        assert bucket.take() == pytest.approx(0.1)
        time.pass_(3_600)
        assert [bucket.take() for _ in range(500)] == [0.0] * 500
        assert bucket.take() == pytest.approx(0.1)

    @pytest.fixture
    def elsewhere(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A server of this machine counts as one that others use."""
        monkeypatch.setattr(rate_limit, "is_loopback", lambda _: False)

    def test_requests_wait_for_their_turn(self, elsewhere: None, time: FakeClock):
        with HostileHttp(lambda _: reply(EPOCH)) as server:
            made = observer(server, time, requests_per_s=10, burst=2)
            for _ in range(4):
                made.epoch()
        assert time.sleeps == [pytest.approx(0.1), pytest.approx(0.1)]

    def test_a_turn_after_the_deadline_is_told_at_once(self, elsewhere: None, time: FakeClock):
        with HostileHttp(lambda _: reply(EPOCH)) as server:
            made = observer(server, time, read_deadline_s=5.0, requests_per_s=0.1, burst=1)
            made.epoch()
            with pytest.raises(ProviderTimeoutError, match="was not sent in time"):
                made.epoch()
            assert len(server.requests) == 1
        assert time.sleeps == []

    def test_a_request_that_was_not_sent_takes_no_turn(self, time: FakeClock):
        bucket = TokenBucket(1, 1, time.clock.monotonic)
        bucket.take()
        assert bucket.take(within_s=0.5) == pytest.approx(1)
        assert bucket.take(within_s=1) == pytest.approx(1)

    def test_all_that_ask_one_provider_share_its_rate(self):
        limits = ReadLimits()
        one = pace_of("https://provider.example/api/v0", limits)
        assert pace_of("https://provider.example/other?x=1", limits) is one
        assert pace_of("https://provider.example:8443/", limits) is not one
        assert pace_of("https://another.example/api/v0", limits) is not one

    @pytest.mark.parametrize(
        ("url", "limited"),
        [
            ("http://127.0.0.1:3000/", False),
            ("ws://localhost:1337", False),
            ("http://[::1]:3000/", False),
            ("https://provider.example", True),
            ("http://10.0.0.1", True),
        ],
    )
    def test_a_provider_on_this_machine_is_not_slowed_down(self, url: str, limited: bool, time: FakeClock):
        pace = pace_of(url, ReadLimits(requests_per_s=0.001, burst=1))
        call = Call("somebody", "GET /")
        pace.enter(call, float("inf"))
        if limited:
            with pytest.raises(ProviderTimeoutError):
                pace.enter(call, 0.0)
        else:
            pace.enter(call, 0.0)

    @pytest.mark.parametrize("name", ["max_attempts", "retry_budget_s", "requests_per_s", "burst"])
    def test_the_limits_are_above_zero(self, name: str):
        with pytest.raises(ConfigurationError, match=name):
            ReadLimits(**{name: 0})


class TestBans:
    @pytest.mark.parametrize(
        ("headers", "seconds"), [({}, 3_600), ({"Retry-After": "90"}, 90), ({"Retry-After": "999999999"}, 86_400)]
    )
    def test_a_ban_is_remembered_and_nothing_is_asked_until_it_is_over(
        self, headers: dict[str, str], seconds: int, time: FakeClock
    ):
        with HostileHttp(lambda _: reply({}, 418, headers)) as server:
            made, another = observer(server, time), observer(server, time)
            with pytest.raises(ProviderBannedError, match="Wait for an hour or more"):
                made.epoch()
            for banned in (made, another):
                with pytest.raises(ProviderBannedError, match=f"was not sent.*a ban for {seconds} s more"):
                    banned.tip()
            time.pass_(seconds - 1)
            with pytest.raises(ProviderBannedError, match="a ban for 1 s more"):
                made.epoch()
            assert len(server.requests) == 1
            time.pass_(1)
            server.answer = lambda _: reply(EPOCH)
            assert made.epoch() == Epoch(5)

    def test_a_ban_at_the_door_of_a_websocket_too(self, time: FakeClock):
        with HostileHttp(lambda _: error(418)) as server:
            made = OgmiosObserver(server.url.replace("http", "ws"), limits=LIMITS, clock=time.clock)
            for _ in range(3):
                with pytest.raises(ProviderBannedError):
                    made.epoch()
            assert len(server.requests) == 1

    def test_observers_of_one_provider_share_a_ban_without_being_told(self):
        with HostileHttp(lambda _: error(418)) as server:
            for _ in range(3):
                with pytest.raises(ProviderBannedError):
                    BlockfrostObserver(server.url + "/api/v0", limits=LIMITS).epoch()
            assert len(server.requests) == 1
