"""A local chain with an era address on it, and the three observers of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from chain_reader import BlockfrostObserver, ChainObserver, LocalObserver, OgmiosObserver
from chain_reader.local_chain import FaucetOutput, Genesis, LocalChain, LocalChainServer, Output
from chain_reader.providers.agreement.observer import AgreementObserver
from chain_reader.providers.cardano_cli import CardanoCliObserver
from chain_reader.providers.koios.observer import KoiosObserver
from chain_reader.providers.kupo.observer import KupoObserver
from chain_reader.providers.transport.limits import DEFAULT_LIMITS, ReadLimits
from chain_reader.trust.policy import TrustPolicy
from datum import EraMarkersPayload, SigningKey, encode_datum
from eras import Epoch, EraMarker
from release_tools import (
    EraAddress,
    Funding,
    LedgerContext,
    LocalChainGateway,
    PaymentKey,
    sign_transaction,
)
from release_tools.transactions.building import build_sweep_transaction
from release_tools.transactions.owners import TokenMint
from release_tools.transactions.posting import post_datum
from tests.chain_reader.fake_cardano_cli import answer_in_process
from tests.local_chain_faces.wallet import Wallet

ADA = 1_000_000
KEY = SigningKey(bytes(range(32)))
OTHER_KEY = SigningKey(bytes(32))

Schedule = dict[str, int | None]


def markers(schedule: Schedule) -> tuple[EraMarker, ...]:
    return tuple(EraMarker(name, None if epoch is None else Epoch(epoch)) for name, epoch in schedule.items())


def datum_of(schedule: Schedule, key: SigningKey = KEY) -> str:
    """The datum, CBOR in hex, of a schedule signed by ``key``."""
    return encode_datum(EraMarkersPayload(markers(schedule)).sign(key).to_bytes()).hex()


@dataclass
class Network:
    """A chain, the wallet of the release team with the era address, and what people do there."""

    chain: LocalChain
    team: Wallet
    funds: Output

    @property
    def address(self) -> str:
        return self.team.address

    def publish(self, schedule: Schedule, key: SigningKey = KEY) -> Output:
        """The team spends from the era address and pays a signed datum to it."""
        return self.publish_datum(datum_of(schedule, key))

    def publish_datum(self, datum: str) -> Output:
        """The team spends from the era address and pays this datum to it."""
        transaction = self.chain.submit(self.team.pay(self.funds, self.address, 5 * ADA, datum=datum, fee=300_000))
        self.funds = self._output(transaction, 1)
        return self._output(transaction, 0)

    def spend(self, output: Output) -> str:
        """The team spends an output at the era address, and pays no datum."""
        return self.chain.submit(self.team.pay(output, Wallet.new().address, output.lovelace - 300_000, fee=300_000))

    def post(self, schedule: Schedule, key: SigningKey = KEY) -> Output:
        """Somebody without the key to the era address pays a datum to it."""
        return self.post_datum(datum_of(schedule, key))

    def post_datum(self, datum: str) -> Output:
        return self.chain.place([FaucetOutput(self.address, 2 * ADA, datum=datum)])[0]

    def _output(self, transaction: str, index: int) -> Output:
        output = self.chain.output(transaction, index)
        assert output is not None
        return output


class Team:
    """A release team by the tools that it has: each publication spends the one before, and passes on the token."""

    def __init__(self, chain: LocalChain, *, token: bool = True) -> None:
        self.chain, self.wallet = chain, PaymentKey.generate()
        self.address, self.gateway = self.wallet.address(0), LocalChainGateway(chain)
        self.token: str | None = "" if token else None
        self.reference: str | None = None
        chain.fund(self.address, 1_000 * ADA)

    @property
    def policy(self) -> TrustPolicy:
        return TrustPolicy(self.address, (KEY.verification_key,), network_magic=42, thread_token=self.token)

    def publish(self, schedule: Schedule, times: int = 1) -> str:
        """Publish a schedule; what says it twice was signed anew."""
        payload = EraMarkersPayload(markers(schedule) * times).sign(KEY)
        return self.publish_datum(encode_datum(payload.to_bytes()))

    def publish_datum(self, datum: bytes) -> str:
        mint = TokenMint() if self.token == "" else None
        built = post_datum(self.gateway, datum, self.address, self.wallet, replacing=self.reference, thread_token=mint)
        if self.token is not None:
            self.token = built.thread_token or ""
        self.reference = f"{built.hash}#0"
        return built.hash

    def spend(self, reference: str, to: str | None = None) -> None:
        """Spend an output at the era address, token and all; to the team's own address, or away."""
        outputs = self.gateway.spendable_outputs(self.address)
        swept = build_sweep_transaction(
            EraAddress(self.address),
            Funding(to or self.address, outputs, [one for one in outputs if one.reference == reference]),
            LedgerContext.read(self.gateway),
        )
        self.gateway.submit(sign_transaction(swept, [self.wallet]).cbor)

    def post(self, schedule: Schedule, assets: tuple[tuple[str, int], ...] = ()) -> str:
        """A stranger pays a payload that the team signed to the era address; its transaction."""
        (made,) = self.chain.place([FaucetOutput(self.address, 3 * ADA, assets, datum=datum_of(schedule))])
        return made.transaction


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    """A chain in epoch 5, the era address funded and otherwise unused."""
    with LocalChain.create(tmp_path / "chain.sqlite", genesis=Genesis(epoch_length=100)) as chain:
        chain.advance_to_epoch(5)
        team = Wallet.new()
        yield Network(chain, team, chain.fund(team.address, 1_000 * ADA))


@pytest.fixture
def server(network: Network) -> Iterator[LocalChainServer]:
    with LocalChainServer(network.chain.path) as running:
        yield running


OBSERVERS = ("local", "blockfrost", "koios", "ogmios", "kupo", "cardano-cli", "agreement", "mixed-agreement")


def kupo_of(server: LocalChainServer, limits: ReadLimits = DEFAULT_LIMITS) -> KupoObserver:
    return KupoObserver(f"{server.kupo_url}+{server.ogmios_url}", limits=limits)


def opened(
    name: str, chain: LocalChain, serving: Callable[[], LocalChainServer], limits: ReadLimits = DEFAULT_LIMITS
) -> ChainObserver:
    """The observer of that name; where ``cli_in_process`` is used, it answers for cardano-cli."""
    makers: dict[str, Callable[[], ChainObserver]] = {
        "local": lambda: LocalObserver(chain),
        "blockfrost": lambda: BlockfrostObserver(serving().blockfrost_url, limits=limits),
        "koios": lambda: KoiosObserver(serving().koios_url, limits=limits),
        "ogmios": lambda: OgmiosObserver(serving().ogmios_url, limits=limits),
        "kupo": lambda: kupo_of(serving(), limits),
        "cardano-cli": lambda: CardanoCliObserver(str(chain.path), 42, limits=limits),
        "agreement": lambda: AgreementObserver([makers["local"](), makers["blockfrost"]()], 2),
        "mixed-agreement": lambda: AgreementObserver([makers["kupo"](), makers["blockfrost"]()], 2),
    }
    return makers[name]()


@pytest.fixture
def cli_in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers for cardano-cli without a process for each question."""
    answer_in_process(monkeypatch)


@pytest.fixture(params=OBSERVERS)
def observer(request: pytest.FixtureRequest, network: Network, cli_in_process: None) -> Iterator[ChainObserver]:
    """Each observer in turn, of the same chain."""
    made = opened(request.param, network.chain, lambda: request.getfixturevalue("server"))
    yield made
    made.close()
