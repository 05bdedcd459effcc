"""Reading a flooded era address as a node does: over HTTP, with the rules of trust."""

from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import Queue, get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import requests

from benchmarks.core import DATUMS, forged
from benchmarks.measure import Benchmark, ratio, seconds
from chain_reader import BlockfrostObserver
from chain_reader.local_chain import FaucetOutput, LocalChain, LocalChainServer
from chain_reader.trust.policy import TrustPolicy
from chain_reader.trusted_reader import TrustedReader
from datum import EraMarkersPayload, SigningKey, VerdictMemory, encode_datum, screen
from eras import Epoch, EraMarker
from release_tools import LocalChainGateway, PaymentKey
from release_tools.transactions.owners import TokenMint
from release_tools.transactions.posting import post_datum

JUNK_OUTPUTS = 20_000
PAGE = 100
KEY = SigningKey(b"r" * 32)
ADA = 1_000_000
DATUM = encode_datum(EraMarkersPayload((EraMarker("thales", Epoch(0)),)).sign(KEY).to_bytes())


@contextmanager
def funded_chain() -> Iterator[tuple[LocalChain, PaymentKey, str]]:
    """A chain, a wallet with money on it, and the wallet's address."""
    with TemporaryDirectory(prefix="eraswitch-bench-") as folder, LocalChain.create(Path(folder) / "chain") as chain:
        wallet = PaymentKey.generate()
        address = wallet.address(chain.genesis.network_id)
        chain.fund(address, 100 * ADA)
        yield chain, wallet, address


@contextmanager
def flooded() -> Iterator[tuple[str, TrustPolicy]]:
    """A chain with a marker and newer junk at its era address: the URL of its HTTP face, and whom to trust."""
    with funded_chain() as (chain, wallet, address):
        publish(chain, wallet, address)
        chain.place([FaucetOutput(address, 2 * ADA, datum=f"d8799f5820{n:064x}ff") for n in range(JUNK_OUTPUTS)])
        with serving(chain.path) as url:
            yield url, TrustPolicy(address, (KEY.verification_key,))


@contextmanager
def serving(path: Path) -> Iterator[str]:
    """The URL of the HTTP face of a chain, served by a process of its own, as a provider is."""
    urls: Queue[str] = get_context("spawn").Queue()
    server = get_context("spawn").Process(target=_serve, args=(path, urls), daemon=True)
    server.start()
    try:
        yield urls.get(timeout=60)
    finally:
        server.terminate()
        server.join()


def _serve(path: Path, urls: "Queue[str]") -> None:
    LocalChainServer(path).serve_forever(lambda server: urls.put(server.blockfrost_url))


def publish(chain: LocalChain, wallet: PaymentKey, address: str, mint: TokenMint | None = None) -> str | None:
    """The release team puts the marker of ``DATUM`` at the era address; the thread token, where one is minted."""
    return post_datum(LocalChainGateway(chain), DATUM, address, wallet, thread_token=mint).thread_token


def first_read() -> float:
    """A first trusted read, against fetching the same pages and throwing them away."""
    with flooded() as (url, policy), requests.Session() as session:

        def fetch_pages() -> None:
            for page in range(1, JUNK_OUTPUTS // PAGE + 2):
                answer = session.get(
                    f"{url}/addresses/{policy.address}/utxos",
                    params={"order": "desc", "count": str(PAGE), "page": str(page)},
                    timeout=60,
                )
                answer.raise_for_status()

        def read() -> None:
            observer = BlockfrostObserver(url)
            reading = TrustedReader(observer, policy).read()
            observer.close()
            if not reading.markers:
                raise RuntimeError("the marker was not found")

        return ratio(read, fetch_pages, rounds=3)


def next_read_requests() -> float:
    """How many requests the next read makes at an unchanged tip."""
    with flooded() as (url, policy):
        observer = BlockfrostObserver(url)
        reader = TrustedReader(observer, policy)
        reader.read()
        counted = requests_of(reader)
        observer.close()
        return float(counted)


def requests_of(reader: TrustedReader) -> int:
    """How many requests a reading makes."""
    with requests_sent() as sent:
        if not reader.read().markers:
            raise RuntimeError("the marker was not found")
    if not sent:
        raise RuntimeError("no request was seen: they are counted in the wrong place")
    return len(sent)


@contextmanager
def requests_sent() -> Iterator[list[str]]:
    """The URLs of the requests that this process sends within the block."""
    sent: list[str] = []
    send = requests.Session.send

    def noted(session: requests.Session, request: requests.PreparedRequest, **options: object) -> object:
        sent.append(str(request.url))
        return send(session, request, **options)  # type: ignore[arg-type]

    with patch.object(requests.Session, "send", noted):
        yield sent


def verdict_cache_hit() -> float:
    """Microseconds an output, for a bulk look-up of verdicts that are remembered."""
    datums = forged()
    references = [f"{index:064x}#0" for index in range(len(datums))]
    memory = VerdictMemory()
    key = KEY.verification_key
    screen(datums, key, references=references, memory=memory)
    best = min(seconds(lambda: screen(datums, key, references=references, memory=memory)) for _ in range(5))
    return best / DATUMS * 1e6


BENCHMARKS = (
    Benchmark("reading.first_read", 1.5, f"fetching the pages of {JUNK_OUTPUTS:,} newer junk outputs", first_read),
    Benchmark("reading.next_requests", 3, "one request (the figure is their number)", next_read_requests),
    Benchmark("reading.verdict_hit", 2, "one microsecond an output", verdict_cache_hit),
)
