"""A leader that tells whatever a test wants: true histories, and lies; in whole answers, and in halves."""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import cbor2
import nacl.signing

from chain_reader.authorship import transaction_id
from chain_reader.bech32 import decode_bech32
from datum import CONFIGURATION, ERA, MarkerKind, SigningKey, encode_datum
from datum.configuration import (
    ConfigurationMarkersPayload,
    EpochConfiguration,
    ProtocolConfiguration,
    ProtocolParameters,
)
from datum.kinds import kinds_of
from eras import Epoch
from release_tools import PaymentKey
from tests.era_service.release_world import ERA_KEY, MAGIC, WALLET, payload

ADDRESS = WALLET.address(0)
SEED = bytes(range(32))  # of the wallet
PAGE = 100


def publication(content: bytes, spends: str | None, seed: bytes = SEED, at: str | None = None) -> bytes:
    """A transaction that makes an output with a payload at the era address, and spends the one of ``spends`` there."""
    before = bytes(32) if spends is None else bytes.fromhex(spends)
    datum = cbor2.CBORTag(24, encode_datum(content))
    body = {
        0: [[before, 0]],
        1: [{0: decode_bech32(at or PaymentKey(seed).address(0))[1], 1: 2_000_000, 2: [1, datum]}],
        2: 200_000,
    }
    identity = hashlib.blake2b(cbor2.dumps(body), digest_size=32).digest()
    signer = nacl.signing.SigningKey(seed)
    return cbor2.dumps([body, {0: [[bytes(signer.verify_key), signer.sign(identity).signature]]}, True, None])


def entry(
    number: int, content: bytes, previous: str | None, spends: str | None = None, seed: bytes = SEED
) -> dict[str, Any]:
    """An entry of a true history, the ``number``-th payload, whose transaction spends that of ``spends``."""
    signed = kinds_of(content)[0].payload.from_bytes(content).signed_bytes
    data = publication(content, spends, seed=seed)
    return {
        "output": f"{transaction_id(data)}#0", "publications": [data.hex()],
        "slot": 10 * number, "height": number, "spent": None, "seen_epoch": 5,
        "verdict": "Accepted", "reason": "", "superseded": True, "markers": [],
        "payload": content.decode(), "digest": hashlib.sha256(signed).hexdigest(), "previous": previous,
    }  # fmt: skip


def history(*contents: bytes, seed: bytes = SEED) -> list[dict[str, Any]]:
    """The entries of payloads given oldest first, newest first."""
    made: list[dict[str, Any]] = []
    for number, content in enumerate(contents, 1):
        last = made[-1] if made else None
        spends = None if last is None else last["output"].partition("#")[0]
        made.append(entry(number, content, last and last["digest"], spends, seed))
    return made[::-1]


def configurations(plan: dict[int, int], key: SigningKey = ERA_KEY) -> bytes:
    """A signed payload of protocol configurations: the epoch of each, and its k."""
    made = [
        EpochConfiguration(Epoch(at), ProtocolConfiguration(ProtocolParameters(k, 9_000, 0.2)))
        for at, k in plan.items()
    ]
    return ConfigurationMarkersPayload.of(made).sign(key).to_bytes()


def growing(count: int, key: SigningKey = ERA_KEY, kind: MarkerKind = ERA) -> list[bytes]:
    """Payloads of which each announces one era, or one configuration, more."""
    if kind is CONFIGURATION:
        later = [{100 + at: 1_001 + at for at in range(number)} for number in range(count)]
        return [configurations({1: 1_000, **plan}, key) for plan in later]
    eras: list[tuple[str, int | None]] = [("thales", 1)]
    made = []
    for number in range(count):
        made.append(payload(*eras, key=key))
        eras.append((f"era{number}", 100 + number))
    return made


@dataclass
class Leader:
    """What the stub tells; a test changes it. The entries are of one kind; of eras there is always some history."""

    kind: MarkerKind = ERA
    entries: list[dict[str, Any]] = field(default_factory=list)
    network: dict[str, Any] = field(
        default_factory=lambda: {
            "name": None, "magic": MAGIC, "era_address": ADDRESS, "verification_key": ERA_KEY.verification_key.hex
        }
    )  # fmt: skip
    epoch: int = 5
    tip_slot: int | None = 500
    stale: str | None = None
    registrations: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    prefix: str = ""
    page: int = PAGE
    spoil: Callable[[str, dict[str, str], bytes], tuple[int, bytes] | None] = lambda _path, _query, _body: None
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def __post_init__(self) -> None:
        self.entries = self.entries or history(*self.growing(3))

    def growing(self, count: int, key: SigningKey = ERA_KEY) -> list[bytes]:
        """Payloads of its kind of which each announces more."""
        return growing(count, key, self.kind)

    def pages(self) -> int:
        """How many pages of the history were asked for."""
        return sum(path == "/era/history" for path in self.asked)

    def answer(self, path: str, query: dict[str, str]) -> dict[str, Any] | None:
        if path == "/era/config":
            fresh = {"stale": self.stale, "read_at_s": 1.0, "tip_slot": self.tip_slot, "epoch_ends_at_s": None}
            return {"network": self.network, "epoch": self.epoch, "freshness": fresh, "era_id": "x"}
        if path == f"/{self.kind}/history" and query.get("in_force") == "true":
            return {"network": self.network, "payloads": self.entries_from(query), "not_listed": 0, "next": None}
        if path == "/era/history":
            return {"network": self.network, "payloads": history(*growing(3))}
        if path == "/registrations":
            rows = self.registrations.get(int(query["epoch"]), [])
            first = 0 if "after" not in query else 1 + [row["party_id"] for row in rows].index(query["after"])
            some = rows[first : first + 2]
            more = some[-1]["party_id"] if rows[first + 2 :] else None
            return {"epoch": int(query["epoch"]), "registrations": some, "next": more}
        return None

    def entries_from(self, query: dict[str, str]) -> list[dict[str, Any]]:
        first = 0
        if "before" in query:
            places = [place for place, one in enumerate(self.entries) if one["digest"] == query["before"]]
            first = places[-1] + 1 if places else len(self.entries)
        return self.entries[first : first + min(self.page, int(query["limit"]))]


@contextmanager
def running(leader: Leader) -> Iterator[Leader]:
    """The stub, at ``leader.url`` (its prefix included)."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            path = parts.path.removeprefix(leader.prefix)
            leader.asked.append(path)
            found = leader.answer(path, query) if parts.path.startswith(leader.prefix + "/") else None
            status, body = (404, b"{}") if found is None else (200, json.dumps(found).encode())
            length = len(body)
            spoiled = leader.spoil(path, query, body)
            if spoiled is not None:
                status, body = spoiled
                length = len(body) if status != 200 else max(length, len(body))
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(length))
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = len(body) < length

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    leader.url = f"http://127.0.0.1:{server.server_address[1]}{leader.prefix}"
    try:
        yield leader
    finally:
        server.shutdown()
        server.server_close()
        thread.join(60)
