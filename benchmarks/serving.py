"""The service under load, over HTTP: against a bare route, through an epoch boundary, to listeners, and taking in rows.

Throughput is counted in the server's processor time, which is what bounds it: the server has one event loop, and the
time that other programs of the machine take from it is none of its doing. Waiting is counted in real time.
"""

import asyncio
import gc
import json
import random
import statistics
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from multiprocessing import Queue, get_context
from typing import Any
from urllib.parse import urlsplit

import requests

from benchmarks.adoption import FIRST_EPOCH, registrations
from benchmarks.load_client import Connection, Times, load, request_bytes
from benchmarks.measure import Benchmark
from benchmarks.served import SWITCH_EPOCH, Served, bare_intake, bare_route, processor_seconds, raise_limit, service
from era_store import Registration

SELDOM_S = 3_600.0
"""Between two readings of the chain, where they are not what is measured."""
REQUESTS, CONNECTIONS, ROUNDS = 1_000, 32, 9
STATUS = "/era/status"

NODES, EVERY_S, IDLE_S, BOUNDARY_S = 3_000, 3.0, 3.0, 6.0
BOUNDARY_POLL_S, BOUNDARY_ROUNDS, CALMEST = 1.0, 5, 3
SETTLED_S = 0.2
"""Until all nodes are there: making them holds up this process, not the service."""
BATCHES_PER_S, BATCH_OF = 10, 50

LISTENERS, LISTEN_POLL_S, LISTEN_S = 5_000, 0.25, 60.0
SWITCHED = b"event: activated"

INGEST_BATCH, INGEST_BATCHES, INGEST_CONNECTIONS = 500, 20, 4


def status_time() -> float:
    """The time of ``/era/status`` divided by that of a bare route with the same document."""
    return _against_bare(known=False)


def not_modified_time() -> float:
    """The time of its 304 divided by that of the bare route, which knows none."""
    return _against_bare(known=True)


def _against_bare(*, known: bool) -> float:
    with service(SELDOM_S) as served:
        answer = requests.get(served.url + STATUS, timeout=30)
        plain = request_bytes("/")
        asked = request_bytes(STATUS, if_none_match=answer.headers["etag"]) if known else request_bytes(STATUS)
        with bare_route(answer.json()) as (bare_url, bare_process):

            def took(url: str, process: int, request: bytes) -> float:
                before = processor_seconds(process)
                asyncio.run(load(url, request, requests=REQUESTS, connections=CONNECTIONS))
                return processor_seconds(process) - before

            pairs = [
                (took(served.url, served.process, asked), took(bare_url, bare_process, plain)) for _ in range(ROUNDS)
            ]
    return statistics.median(ours / bare for ours, bare in pairs[1:])


def boundary_latency() -> float:
    """The p99 of nodes polling through a switch while registrations come in, divided by their p50 when all is calm.

    The p99 of a round is how long the 60 ms last in which most have to wait: any other program that wants the
    processors for so long is all that it shows. The rounds count in which the calm time was the calmest.
    """
    rounds = sorted(_boundary_latency() for _ in range(BOUNDARY_ROUNDS))
    return statistics.median(latency for _, latency in rounds[:CALMEST])


def _boundary_latency() -> tuple[float, float]:
    """The p99 while nothing happens, and that through a switch; both divided by the p50 while nothing happens."""
    with service(BOUNDARY_POLL_S) as served:
        try:
            calm, busy = asyncio.run(_through_the_boundary(served))
        finally:
            gc.enable()
    usual_s = calm.require_no_error().quantile(0.5)
    return calm.quantile(0.99) / usual_s, busy.require_no_error().quantile(0.99) / usual_s


async def _through_the_boundary(served: Served) -> tuple[Times, Times]:
    gc.freeze()  # the nodes are many machines: what one collects holds up no other
    gc.disable()
    nodes = [await Connection.open(served.url) for _ in range(NODES)]
    tags: list[str] = [""] * NODES
    made = registrations(first_epoch=1)
    batches = [
        _batch(list(islice(made, BATCH_OF)), served.token) for _ in range(int(BOUNDARY_S * BATCHES_PER_S * 2 / 3))
    ]
    await _poll_for(EVERY_S, nodes, tags, Times())  # a warm-up: each gets the document once
    calm, busy, sent = Times(), Times(), Times()
    await _poll_for(IDLE_S, nodes, tags, calm)

    async def switch() -> None:
        await asyncio.sleep(1)
        await asyncio.to_thread(served.stage.begin_epoch, SWITCH_EPOCH)

    before = set(tags)
    await asyncio.gather(_poll_for(BOUNDARY_S, nodes, tags, busy), switch(), _register(served, batches, sent))
    for node in nodes:
        node.close()
    sent.require_no_error()
    if before & set(tags):
        raise RuntimeError("not every node was told of the switch")
    return calm, busy


async def _poll_for(duration_s: float, nodes: Sequence[Connection], tags: list[str], times: Times) -> None:
    """Every node polls every ``EVERY_S`` seconds, each at a moment of its own."""
    loop, rng = asyncio.get_running_loop(), random.Random(3)
    begins = loop.time() + SETTLED_S
    ends = begins + duration_s

    async def poll(index: int) -> None:
        at = begins + rng.random() * EVERY_S
        while at < ends:
            await asyncio.sleep(at - loop.time())
            request = request_bytes(STATUS, if_none_match=tags[index], signer_node_version="0.2.209")
            head, _, _ = (await nodes[index].ask(request, times)).partition(b"\r\n\r\n")
            tags[index] = head.partition(b"etag: ")[2].partition(b"\r\n")[0].decode()
            at += EVERY_S

    await asyncio.gather(*(poll(index) for index in range(len(nodes))))


async def _register(served: Served, batches: Sequence[bytes], times: Times) -> None:
    connection = await Connection.open(served.url)
    for batch in batches:
        await connection.ask(batch, times)
        await asyncio.sleep(1 / BATCHES_PER_S)
    connection.close()


def _batch(rows: Sequence[Registration], token: str, path: str = "/registrations") -> bytes:
    sent = [
        {
            "party_id": row.party_id,
            "epoch": row.epoch,
            "stake": row.stake,
            "version": row.version,
            "time_s": int(row.seen_at_s),
        }
        for row in rows
    ]
    body = json.dumps({"registrations": sent}).encode()
    return request_bytes(path, method="POST", body=body, authorization=f"Bearer {token}")


def switch_told() -> float:
    """Seconds from the first block of the switch's epoch until the last listener is told."""
    context = get_context("spawn")
    with service(LISTEN_POLL_S) as served:
        told: Queue[Any] = context.Queue()
        listening = context.Process(target=_listen, args=(served.url, told), daemon=True)
        listening.start()
        try:
            if told.get(timeout=LISTEN_S) != "all listen":
                raise RuntimeError("not all could listen")
            time.sleep(1)
            began_s = time.monotonic()
            served.stage.begin_epoch(SWITCH_EPOCH)
            last_s = float(told.get(timeout=LISTEN_S))
        finally:
            listening.terminate()
            listening.join()
    return last_s - began_s


def _listen(url: str, told: "Queue[Any]") -> None:
    raise_limit()
    asyncio.run(_listen_all(url, told))


async def _listen_all(url: str, told: "Queue[Any]") -> None:
    parts, ready = urlsplit(url), asyncio.Semaphore(200)

    async def open_stream() -> asyncio.StreamReader:
        async with ready:
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            writer.write(request_bytes("/events/stream", accept="text/event-stream"))
            await reader.readuntil(b"retry: 2000\n\n")
            _writers.append(writer)
            return reader

    streams = await asyncio.gather(*(open_stream() for _ in range(LISTENERS)))
    told.put("all listen")
    await asyncio.gather(*(reader.readuntil(SWITCHED) for reader in streams))
    told.put(time.monotonic())


_writers: list[asyncio.StreamWriter] = []
"""Kept open: a writer that is forgotten closes its connection."""


def ingest_time() -> float:
    """The processor time of registrations sent to the service, by that of the same batches sent to a bare intake."""
    with (
        service(SELDOM_S, epoch=FIRST_EPOCH + 100) as served,
        bare_intake(served.folder / "bare.sqlite3") as (bare_url, bare_process),
    ):
        return asyncio.run(_ingest(served, bare_url, bare_process))


async def _ingest(served: Served, bare_url: str, bare_process: int) -> float:
    made, times, ratios = registrations(), Times(), []

    async def send(connection: Connection, requests: Iterator[bytes]) -> None:
        for request in requests:
            answer = await connection.ask(request, times)
            if json.loads(answer.partition(b"\r\n\r\n")[2])["accepted"] != INGEST_BATCH:
                raise RuntimeError(f"not every registration was accepted: {answer[-300:].decode()}")

    async def took(connections: Sequence[Connection], process: int, requests: Sequence[bytes]) -> float:
        before_s, waiting = processor_seconds(process), iter(requests)
        await asyncio.gather(*(send(connection, waiting) for connection in connections))
        return processor_seconds(process) - before_s

    ours, bare = [[await Connection.open(url) for _ in range(INGEST_CONNECTIONS)] for url in (served.url, bare_url)]
    for _ in range(ROUNDS):
        batches = [list(islice(made, INGEST_BATCH)) for _ in range(INGEST_BATCHES)]
        bare_s = await took(bare, bare_process, [_batch(rows, served.token, "/") for rows in batches])
        ratios.append(await took(ours, served.process, [_batch(rows, served.token) for rows in batches]) / bare_s)
    for connection in (*ours, *bare):
        connection.close()
    times.require_no_error()
    return statistics.median(ratios[1:])


BENCHMARKS = (
    Benchmark("serving.status", 1 / 0.6, "a bare Starlette route with the same document", status_time),
    Benchmark("serving.not_modified", 1 / 0.8, "the same route, which sends it every time", not_modified_time),
    Benchmark("serving.boundary_p99", 10, f"the p50 of {NODES:,} nodes when nothing happens", boundary_latency),
    Benchmark("serving.switch_told", 2, f"one second, until {LISTENERS:,} listeners are told", switch_told),
    Benchmark("serving.ingest", 2.5, "a bare route that parses, validates and inserts each batch", ingest_time),
)
