"""A local chain with an era address on it, and the three observers of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from chain_reader import BlockfrostObserver, ChainObserver, LocalObserver, OgmiosObserver
from chain_reader.local_chain import FaucetOutput, Genesis, LocalChain, LocalChainServer, Output
from chain_reader.providers.agreement.observer import AgreementObserver
from chain_reader.providers.cardano_cli.observer import CardanoCliObserver
from chain_reader.providers.koios.observer import KoiosObserver
from chain_reader.providers.kupo.observer import KupoObserver
from chain_reader.providers.transport.rate_limit import forget_paces
from datum import EraMarkersPayload, SigningKey, encode_datum
from eras import Epoch, EraMarker
from tests.chain_reader.fake_cardano_cli import answering
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


@pytest.fixture(autouse=True)
def no_bans() -> None:
    """No provider is remembered from another test that had the same port."""
    forget_paces()


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


def kupo_of(server: LocalChainServer) -> KupoObserver:
    return KupoObserver(f"{server.kupo_url}+{server.ogmios_url}")


@pytest.fixture(params=OBSERVERS)
def observer(request: pytest.FixtureRequest, network: Network, tmp_path: Path) -> Iterator[ChainObserver]:
    """Each observer in turn, of the same chain."""
    if request.param == "local":
        made: ChainObserver = LocalObserver(network.chain)
    elif request.param == "cardano-cli":
        made = CardanoCliObserver(str(network.chain.path), 42, program=answering(tmp_path / "cardano-cli"))
    elif request.param == "agreement":
        running = request.getfixturevalue("server")
        made = AgreementObserver([LocalObserver(network.chain), BlockfrostObserver(running.blockfrost_url)], 2)
    elif request.param == "mixed-agreement":
        running = request.getfixturevalue("server")
        made = AgreementObserver([kupo_of(running), BlockfrostObserver(running.blockfrost_url)], 2)
    else:
        running = request.getfixturevalue("server")
        makers: dict[str, Callable[[], ChainObserver]] = {
            "blockfrost": lambda: BlockfrostObserver(running.blockfrost_url),
            "ogmios": lambda: OgmiosObserver(running.ogmios_url),
            "koios": lambda: KoiosObserver(running.koios_url),
            "kupo": lambda: kupo_of(running),
        }
        made = makers[request.param]()
    yield made
    made.close()
