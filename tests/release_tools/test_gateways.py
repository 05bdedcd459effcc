"""The gateways: one contract over the local chain in process and over HTTP, and a provider that misbehaves."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from chain_reader import (
    ProviderFailedError,
    ProviderKeyRefusedError,
    ProviderNotFoundError,
    ProviderRateLimitedError,
    ProviderRefusedError,
    ProviderTimeoutError,
    ProviderUnreachableError,
    ReadLimitExceededError,
    ReadLimits,
    UnexpectedAnswerError,
)
from chain_reader.local_chain import FaucetOutput, LocalChain, LocalChainServer
from chain_reader.providers.blockfrost.gateway import BlockfrostGateway
from chain_reader.providers.from_url import NoGatewayError, gateway_from_url
from chain_reader.providers.gateway import Network, TransactionParameters
from chain_reader.providers.koios.gateway import KoiosGateway
from chain_reader.providers.kupo.gateway import KupoGateway
from chain_reader.providers.ogmios.gateway import OgmiosGateway
from chain_reader.providers.transport.errors import ProviderBannedError, ProviderBusyError, ProviderQuotaExceededError
from eras import ChainReadError, ConfigurationError
from release_tools import (
    EraAddress,
    Funding,
    LedgerContext,
    LocalChainGateway,
    PaymentKey,
    TransactionGateway,
    TransactionRefusedError,
    build_marker_transaction,
    sign_transaction,
    submit_transaction,
)

ADA = 1_000_000


@pytest.fixture(params=["local", "blockfrost", "koios", "kupo"])
def any_gateway(request: pytest.FixtureRequest, chain: LocalChain) -> Iterator[TransactionGateway]:
    if request.param == "local":
        yield LocalChainGateway(chain)
        return
    with LocalChainServer(chain.path, project_id="secret0") as server:
        if request.param == "kupo":
            with closing(KupoGateway(f"{server.kupo_url}+{server.ogmios_url}")) as kupo:
                yield kupo
            return
        if request.param == "koios":
            with closing(KoiosGateway(server.koios_url)) as koios:
                yield koios
            return
        gateway = BlockfrostGateway(server.blockfrost_url, project_id="secret0\n")
        yield gateway
        gateway.close()
        gateway.close()


def test_contract(any_gateway: TransactionGateway, chain: LocalChain, wallet: PaymentKey) -> None:
    """The same answers whichever way the chain is reached."""
    address = wallet.address(0)
    assert isinstance(any_gateway, TransactionGateway)
    assert any_gateway.network() == Network(42, 0)
    assert any_gateway.protocol_parameters() == TransactionParameters(44, 155_381, 16_384, 4_310)
    assert any_gateway.spendable_outputs(address) == ()

    plain = chain.fund(address, 100 * ADA)
    token, unit = ("ab" * 28 + "cd"), 7
    chain.place(
        [FaucetOutput(address, 3 * ADA, assets=((token, unit),)), FaucetOutput(address, 3 * ADA, datum="d87980")]
    )
    chain.advance_slots(5)
    outputs = any_gateway.spendable_outputs(address)
    assert [(known.lovelace, known.assets, known.datum, known.is_plain) for known in outputs] == [
        (100 * ADA, (), None, True),
        (3 * ADA, ((token, unit),), None, False),
        (3 * ADA, (), "d87980", False),
    ]
    assert outputs[0].reference == f"{plain.transaction}#{plain.index}"
    assert any_gateway.tip_slot() == chain.tip().slot == 5

    transaction = sign_transaction(build(any_gateway, wallet), [wallet])
    assert any_gateway.transaction_depth(transaction.hash) is None
    assert submit_transaction(any_gateway, transaction) == transaction.hash
    assert any_gateway.transaction_depth(transaction.hash) == 0
    chain.advance_slots(1)
    chain.advance_slots(1)
    assert any_gateway.transaction_depth(transaction.hash) == 2
    with pytest.raises(TransactionRefusedError, match="BadInputsUTxO"):
        submit_transaction(any_gateway, transaction)


def build(gateway: TransactionGateway, wallet: PaymentKey) -> Any:
    return build_marker_transaction(
        b"\xd8\x79\x80",
        EraAddress(wallet.address(0)),
        Funding.read(gateway, wallet.address(0)),
        LedgerContext.read(gateway),
    )


def test_all_pages_are_read(chain: LocalChain, wallet: PaymentKey) -> None:
    chain.place([FaucetOutput(wallet.address(0), ADA + number) for number in range(250)])
    with LocalChainServer(chain.path) as server:
        gateway = BlockfrostGateway(server.blockfrost_url)
        outputs = gateway.spendable_outputs(wallet.address(0))
        gateway.close()
    assert [known.lovelace for known in outputs] == [ADA + number for number in range(250)]


Answer = tuple[int, Any]


@contextmanager
def provider(answer: Callable[[str], Answer]) -> Iterator[str]:
    """An HTTP server that answers as told: a status, and JSON, or bytes as they are."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            status, body = answer(self.path)
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/api/v0"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def error_body(status: int, message: str) -> Answer:
    return status, {"status_code": status, "error": "x", "message": message}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (402, ProviderQuotaExceededError),
        (403, ProviderKeyRefusedError),
        (418, ProviderBannedError),
        (425, ProviderBusyError),
        (429, ProviderRateLimitedError),
        (500, ProviderFailedError),
        (302, ProviderRefusedError),
    ],
)
@pytest.mark.parametrize(
    "ask",
    [
        lambda gateway: gateway.tip_slot(),
        lambda gateway: gateway.network(),
        lambda gateway: gateway.spendable_outputs("a"),
        lambda gateway: gateway.submit(b""),
    ],
)
def test_statuses_are_told_apart_and_the_key_never_shows(
    ask: Callable[[BlockfrostGateway], object], status: int, kind: type[ChainReadError]
) -> None:
    with provider(lambda path: error_body(status, "the words of the provider about secret0")) as url:
        gateway = BlockfrostGateway(url, project_id="secret0", limits=ReadLimits(max_attempts=1))
        with pytest.raises(kind, match="the words of the provider") as caught:
            ask(gateway)
        assert caught.value.facts["status"] == status
        assert "secret0" not in f"{caught.value} {caught.value.to_dict()} {gateway!r} {gateway.name}"
        gateway.close()


def test_refusal_has_the_words_of_the_ledger() -> None:
    with provider(lambda path: error_body(400, "submit error\n ShelleyTxValidationError secret0")) as url:
        gateway = BlockfrostGateway(url, project_id="secret0")
        with pytest.raises(TransactionRefusedError, match=r"submit error ShelleyTxValidationError \*\*\*"):
            gateway.submit(b"\x80")
        gateway.close()


@pytest.mark.parametrize("body", [b"", b"<html>"])
def test_an_unknown_transaction_is_in_no_block_whoever_says_404(body: bytes) -> None:
    """Dolos answers without a body."""
    with provider(lambda path: (404, body)) as url:
        assert BlockfrostGateway(url).transaction_depth("ab" * 32) is None


def test_an_output_that_makes_no_sense_is_left_out_by_itself(caplog: pytest.LogCaptureFixture) -> None:
    """As one with an empty hash: it cannot be spent, and the others can."""
    good = {
        "address": "addr_test1vqq",
        "tx_hash": "ab" * 32,
        "output_index": 1,
        "amount": [{"unit": "lovelace", "quantity": "5"}],
        "inline_datum": None,
        "data_hash": None,
        "reference_script_hash": None,
    }
    with provider(lambda path: (200, [good | {"tx_hash": ""}, good])) as url:
        outputs = BlockfrostGateway(url).spendable_outputs("addr_test1vqq")
    assert [(output.reference, output.lovelace) for output in outputs] == [(f"{'ab' * 32}#1", 5)]
    assert "tx_hash" in caplog.text


def test_404_of_another_server_is_not_an_unused_address() -> None:
    """Only Blockfrost's own words say that an address was never used: a proxy's 404 must not look like no funds."""
    with provider(lambda path: (404, b"<html>")) as url:
        gateway = BlockfrostGateway(url)
        with pytest.raises(ProviderNotFoundError):
            gateway.spendable_outputs("addr")
        gateway.close()


GOOD_OUTPUT = {
    "address": "addr",
    "tx_hash": "ab" * 32,
    "output_index": 0,
    "amount": [{"unit": "lovelace", "quantity": "5"}],
    "inline_datum": None,
    "data_hash": None,
    "reference_script_hash": None,
}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[" * 100_000,
        b"null",
        [7],
        [{}],
        [GOOD_OUTPUT | {"address": "another"}],
        [GOOD_OUTPUT | {"amount": [{"unit": "lovelace", "quantity": "-5"}]}],
        [GOOD_OUTPUT | {"amount": [{"unit": "lovelace", "quantity": "\u0665"}]}],
        [GOOD_OUTPUT | {"amount": [{"unit": "lovelace", "quantity": 1.5}]}],
        [GOOD_OUTPUT | {"tx_hash": None}],
        [GOOD_OUTPUT | {"output_index": True}],
        [{key: value for key, value in GOOD_OUTPUT.items() if key != "reference_script_hash"}],
    ],
)
def test_answer_that_makes_no_sense(body: Any) -> None:
    with provider(lambda path: (200, body)) as url:
        gateway = BlockfrostGateway(url)
        with pytest.raises(UnexpectedAnswerError, match="not plausible"):
            gateway.spendable_outputs("addr")
        gateway.close()


def test_pages_without_end() -> None:
    with provider(lambda path: (200, [GOOD_OUTPUT] * 100)) as url:
        gateway = BlockfrostGateway(url, limits=ReadLimits(max_pages=3))
        with pytest.raises(ReadLimitExceededError, match="lists more outputs than may be read"):
            gateway.spendable_outputs("addr")
        gateway.close()


def test_hash_of_an_inline_datum_is_no_datum_hash() -> None:
    body = [GOOD_OUTPUT | {"inline_datum": "d87980", "data_hash": "cd" * 32}, GOOD_OUTPUT | {"data_hash": "cd" * 32}]
    with provider(lambda path: (200, body)) as url:
        gateway = BlockfrostGateway(url)
        inline, hashed = gateway.spendable_outputs("addr")
        gateway.close()
    assert (inline.datum, inline.datum_hash) == ("d87980", None)
    assert (hashed.datum, hashed.datum_hash) == (None, "cd" * 32)


def test_silent_provider_and_none_at_all() -> None:
    released = threading.Event()

    def silence(path: str) -> Answer:
        released.wait(20)
        return 200, {}

    with provider(silence) as url:
        gateway = BlockfrostGateway(url, limits=ReadLimits(read_timeout_s=0.2))
        for ask in (gateway.tip_slot, lambda: gateway.submit(b"")):
            with pytest.raises(ProviderTimeoutError, match=r"within 0.2 s"):
                ask()
        released.set()
        gateway.close()
    gateway = BlockfrostGateway(url)
    for ask in (gateway.tip_slot, lambda: gateway.submit(b"")):
        with pytest.raises(ProviderUnreachableError):
            ask()
    gateway.close()


@pytest.mark.parametrize(("url", "key"), [("nonsense", None), ("http://host", "two words"), ("http://host", "línea")])
def test_unusable_configuration(url: str, key: str | None) -> None:
    with pytest.raises(ConfigurationError) as caught:
        BlockfrostGateway(url, project_id=key)
    assert key is None or key not in str(caught.value)


# --- Ogmios


@pytest.fixture
def ogmios(chain: LocalChain) -> Iterator[OgmiosGateway]:
    with LocalChainServer(chain.path) as server:
        gateway = OgmiosGateway(server.ogmios_url)
        yield gateway
        gateway.close()
        gateway.close()


def test_ogmios_knows_what_building_and_confirming_need(
    ogmios: OgmiosGateway, chain: LocalChain, wallet: PaymentKey
) -> None:
    address = wallet.address(0)
    assert isinstance(ogmios, TransactionGateway)
    assert ogmios.name.startswith("ogmios ws://127.0.0.1")
    assert ogmios.network() == Network(42, 0)
    assert ogmios.protocol_parameters() == TransactionParameters(44, 155_381, 16_384, 4_310)
    assert ogmios.spendable_outputs(address) == ()
    token, unit = ("ab" * 28 + "cd"), 7
    chain.fund(address, 100 * ADA)
    chain.place(
        [FaucetOutput(address, 3 * ADA, assets=((token, unit),)), FaucetOutput(address, 3 * ADA, datum="d87980")]
    )
    chain.advance_slots(5)
    local = LocalChainGateway(chain).spendable_outputs(address)
    assert ogmios.spendable_outputs(address) == tuple(sorted(local, key=lambda one: (one.transaction, one.index)))
    assert ogmios.tip_slot() == 5


def test_ogmios_depth_is_counted_from_the_first_look(
    ogmios: OgmiosGateway, chain: LocalChain, wallet: PaymentKey
) -> None:
    chain.fund(wallet.address(0), 100 * ADA)
    transaction = sign_transaction(build(ogmios, wallet), [wallet])
    assert ogmios.transaction_depth(transaction.hash) is None
    assert submit_transaction(ogmios, transaction) == transaction.hash
    chain.advance_slots(1)
    assert ogmios.transaction_depth(transaction.hash) == 0
    chain.advance_slots(1)
    chain.advance_slots(1)
    assert ogmios.transaction_depth(transaction.hash) == 2
    chain.rollback(4)
    assert ogmios.transaction_depth(transaction.hash) is None
    submit_transaction(ogmios, transaction)
    assert ogmios.transaction_depth(transaction.hash) == 0, "counted anew after a rollback"


def test_ogmios_tells_a_refusal_from_a_failure(ogmios: OgmiosGateway, chain: LocalChain, wallet: PaymentKey) -> None:
    chain.fund(wallet.address(0), 100 * ADA)
    transaction = sign_transaction(build(ogmios, wallet), [wallet])
    submit_transaction(ogmios, transaction)
    for bad in (transaction.cbor, b"\x80"):
        with pytest.raises(TransactionRefusedError, match="refused the transaction"):
            ogmios.submit(bad)
    gone = OgmiosGateway("ws://127.0.0.1:1", limits=ReadLimits(max_attempts=1))
    with pytest.raises(ChainReadError) as caught:
        gone.submit(b"\x80")
    assert not isinstance(caught.value, TransactionRefusedError)


@pytest.mark.parametrize(
    ("place", "kind"),
    [("blockfrost:http://127.0.0.1:1/api/v0", BlockfrostGateway), ("blockfrost:preview", BlockfrostGateway)],
)
def test_gateway_from_a_line(place: str, kind: type) -> None:
    gateway = gateway_from_url(place)
    assert isinstance(gateway, kind)
    gateway.close()


def test_gateway_from_a_line_to_a_local_chain_and_to_ogmios(chain: LocalChain) -> None:
    gateway = gateway_from_url(f"local:{chain.path}")
    assert gateway.network() == Network(42, 0)
    gateway.close()
    gateway.close()
    assert isinstance(gateway_from_url("ogmios:ws://127.0.0.1:1"), OgmiosGateway)


def test_provider_that_only_reads() -> None:
    with pytest.raises(
        NoGatewayError, match="takes no transactions: expected one of the kinds blockfrost, koios, ogmios, kupo, local"
    ):
        gateway_from_url("cardano-cli:node.socket")


@pytest.mark.parametrize("place", ["", "nonsense", "carrier:pigeon", "local:", "blockfrost:", "blockfrost:moonnet"])
def test_gateway_from_nonsense(place: str) -> None:
    with pytest.raises(ConfigurationError):
        gateway_from_url(place)
