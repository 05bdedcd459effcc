"""The targets for fuzzing: each has a corpus, takes an input, and checks that every promise holds for it.

In: a folder for files. Out: the corpus and a function that raises when a promise is broken. An error that is not an
``EraSwitchError`` breaks one wherever it comes from.
"""

import json
import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from chain_reader import ChainObserver
from datum import (
    CONFIGURATION,
    Accepted,
    EraMarkersPayload,
    SigningKey,
    VerificationKey,
    decode_datum,
    encode_datum,
    encode_datum_json,
    find_datums,
    kind_of_file,
    screen,
)
from era_service.config.load import load_settings
from era_store import MemoryStore
from era_store.event_files import EventFile, write_events
from eras import Epoch, EraMarker, EraSwitchError
from release_tools import PaymentKey
from release_tools.registrations import open_source
from tests.chain_reader import test_hostile_answers as answers
from tests.datum import test_configuration_fuzz as configurations
from tests.web.world import World

Take = Callable[[bytes], None]
Opened = tuple[list[bytes], Take]
Target = Callable[[Path], AbstractContextManager[Opened]]

KEY = SigningKey(bytes(range(32)))
MARKERS = (EraMarker("thales", Epoch(1)), EraMarker("pythagoras", Epoch(5)), EraMarker("lagrange", None))
PAYLOAD = EraMarkersPayload(MARKERS).sign(KEY).to_bytes()


class BrokenPromiseError(Exception):
    """A target did not do what it promises."""


def _require(kept: bool, promise: str) -> None:
    if not kept:
        raise BrokenPromiseError(promise)


@contextmanager
def datum(_folder: Path) -> Iterator[Opened]:
    """Datums: junk is described, and never spoils its neighbour."""
    good = encode_datum(PAYLOAD)

    def take(data: bytes) -> None:
        for one in find_datums(data):
            with suppress(EraSwitchError):
                decode_datum(one.datum)
        kind_of_file(data)
        verdicts = screen([data, good], KEY.verification_key)
        _require(len(verdicts) == 2 and isinstance(verdicts[1], Accepted), "a neighbour is judged for itself")

    yield [good, good.hex().encode(), encode_datum_json(PAYLOAD).encode(), PAYLOAD], take


@contextmanager
def payload(_folder: Path) -> Iterator[Opened]:
    """Signed payloads: what is accepted is what was signed."""

    def take(data: bytes) -> None:
        (verdict,) = screen([encode_datum(data)], KEY.verification_key)
        if isinstance(verdict, Accepted):
            _require(verdict.verified.markers == MARKERS, "what is accepted is what was signed")

    yield [PAYLOAD], take


@contextmanager
def configuration(_folder: Path) -> Iterator[Opened]:
    """Configuration payloads: judged as by a decoder that is slow and obviously right; the input seeds the payload."""

    def take(data: bytes) -> None:
        content = configurations.payload(random.Random(data))
        (verdict,) = screen([encode_datum(content)], KEY.verification_key, kind=CONFIGURATION)
        _require(configurations.ours(verdict) == configurations.slow_payload(content), f"judged alike: {content!r}")

    yield [bytes([number]) for number in range(32)], take


def answers_of(kind: str) -> Target:
    """The answers of a kind of provider."""

    @contextmanager
    def target(folder: Path) -> Iterator[Opened]:
        said = [""]
        good = answers.outputs(kind, *(answers.entry(kind, "null", f"{number:02x}") for number in (1, 2)))

        def take(data: bytes) -> None:
            said[0] = data.decode(errors="replace")
            for read in answers.READS.values():
                with suppress(EraSwitchError):
                    read(observer)

        with answers.provider(kind, lambda _asked: said[0], folder) as observer:
            assert isinstance(observer, ChainObserver)
            yield [good.encode(), b"5", b'{"epoch":5,"slot":5,"height":5}', b'[{"epoch_no":5}]', b"null", b"[]"], take

    return target


@contextmanager
def keys(folder: Path) -> Iterator[Opened]:
    """Key files: a key or an error of ours, which does not hold the secret."""
    file = folder / "payment.skey"
    PaymentKey(bytes(range(32))).save(file)

    def take(data: bytes) -> None:
        file.write_bytes(data)
        file.chmod(0o600)
        text = data.decode(errors="replace")
        for read in (SigningKey.parse, VerificationKey.parse):
            with suppress(EraSwitchError):
                read(text)
        with suppress(EraSwitchError):
            PaymentKey.load(file)

    texts = [KEY.to_json_hex(), KEY.verification_key.to_json_hex(), KEY.verification_key.hex]
    yield [file.read_bytes(), *(text.encode() for text in texts)], take


@contextmanager
def settings(folder: Path) -> Iterator[Opened]:
    """Configuration files: settings or an error of ours."""
    file = folder / "eraswitch.toml"
    text = (
        'network = "preprod"\n[reader]\nproviders = ["ws://localhost:1337", {url = "local:x"}]\nagreement = 1\n[log]\n'
        'level = "warning"\n[adoption]\ngate_threshold = "95%"\n[quorum]\nk = 5\nphi_f = 0.2\n'
        "[networks.mine]\nmagic = 42\n"
    )

    def take(data: bytes) -> None:
        file.write_bytes(data)
        with suppress(EraSwitchError):
            load_settings(str(file), environ={})

    yield [text.encode()], take


def registrations_in(suffix: str) -> Target:
    """Registrations in a file: each line is a registration or a reject, or the file is refused whole."""

    @contextmanager
    def target(folder: Path) -> Iterator[Opened]:
        file = folder / f"rows.{suffix}"
        row = {"party_id": "pool1a", "epoch": 5, "stake": 7, "version": "1.2.3", "seen_at": 1_700_000_000}
        lines = [json.dumps(row | {"party_id": f"pool{number}"}) for number in range(4)]
        if suffix == "csv":
            lines = [",".join(row), *(f"pool{number},5,7,1.2.3,1700000000" for number in range(4))]

        def take(data: bytes) -> None:
            file.write_bytes(data)
            with suppress(EraSwitchError):
                source = open_source(str(file))
                found = sum(len(batch.rows) + len(batch.rejects) for batch in source.batches(None, 100))
                if suffix == "jsonl":
                    expected = sum(bool(line) and not line.isspace() for line in data.split(b"\n"))
                    _require(found == expected, f"no line is lost: {found} of {expected}")

        yield ["\n".join(lines).encode() + b"\n"], take

    return target


@contextmanager
def events(folder: Path) -> Iterator[Opened]:
    """Event logs: read as they were written, or refused."""
    file, store = folder / "events.jsonl", MemoryStore()
    for number in range(5):
        store.events.append("activated", {"era": f"era-{number}"}, time_s=float(number), epoch=Epoch(number))
    write_events(file, store.events.lines(), "0" * 64)
    written = tuple(EventFile.open(file).lines())

    def take(data: bytes) -> None:
        file.write_bytes(data)
        with suppress(EraSwitchError):
            _require(tuple(EventFile.open(file).lines()) == written, "a log that was changed is refused")

    yield [file.read_bytes()], take


@contextmanager
def http(folder: Path) -> Iterator[Opened]:
    """Bodies of ``POST /registrations``: taken or refused, item by item, and never a failure of the service."""
    row = {"party_id": "pool1a", "epoch": 1, "stake": 7, "version": "1.2.3", "time_s": 1_700_000_000}
    batch = {"registrations": [row | {"party_id": f"pool{number}"} for number in range(3)]}
    with World(folder, service={"writes_per_s": 1e6, "write_burst": 10**6}) as world:
        headers = world.headers() | {"content-type": "application/json"}

        def take(data: bytes) -> None:
            answer = world.client.post("/registrations", data=data, headers=headers)
            _require(answer.status_code < 500, f"an answer: {answer.status_code}")
            if answer.status_code in (200, 207, 422) and "accepted" in (said := answer.json()):
                _require(said["accepted"] + said["repeated"] + said["rejected"] >= 1, "each item is counted")

        yield [json.dumps(row).encode(), json.dumps(batch).encode()], take


TARGETS: dict[str, Target] = {
    "datum": datum,
    "payload": payload,
    "configuration": configuration,
    **{kind: answers_of(kind) for kind in ("blockfrost", "koios", "ogmios", "kupo")},
    "keys": keys,
    "settings": settings,
    **{f"registrations-{suffix}": registrations_in(suffix) for suffix in ("csv", "jsonl")},
    "events": events,
    "http": http,
}
