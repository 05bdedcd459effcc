"""A release team's folder in the tests: a chain, keys, a configuration; and a second ledger that judges it all."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from chain_reader.local_chain import FaucetOutput, Genesis, LedgerRefusedError, LocalChain, LocalChainServer
from chain_reader.local_chain.ledger.transaction import parse_transaction
from datum import EraMarkersPayload, SigningKey, encode_datum
from era_store.networks import NetworkKey
from eras import Epoch, EraMarker
from release_tools import PaymentKey
from tests.chain_reader.fake_cardano_cli import answer_in_process
from tests.conftest import require
from tests.era_service.conftest import invoke
from tests.ledger.judge import ScalusLedger

ADA = 1_000_000
ERA_KEY = SigningKey(bytes(range(60, 92)))
WALLET = PaymentKey(bytes(range(32)))
STRANGER = PaymentKey(bytes(range(100, 132)))
MAGIC = 42
NETWORK = NetworkKey(MAGIC, WALLET.address(0))


@dataclass
class World:
    """The folder of a release team. ``run`` gives the options that every publishing command needs.

    ``provider`` may be several, with spaces between.
    """

    chain: LocalChain
    folder: Path
    provider: str = "local:chain.sqlite3"
    options: tuple[str, ...] = ("--confirmations", "0", "--poll", "0.05")
    address: str = field(default_factory=lambda: WALLET.address(0))

    def configure(self, extra: str = "") -> None:
        (self.folder / "eraswitch.toml").write_text(
            f"""network = "rehearsal"
            [reader]
            providers = {json.dumps(self.provider.split())}
            [networks.rehearsal]
            magic = {MAGIC}
            era_address = "{self.address}"
            verification_key = "{ERA_KEY.verification_key.hex}"
            supported_eras = ["thales", "pythagoras", "lagrange"]
            {extra}
            """
        )

    @property
    def keys(self) -> tuple[str, ...]:
        return ("--secret-key", "@keys/era.sk", "--payment-key-file", "payment.skey")

    def change(self, *arguments: str, **more: Any) -> Result:
        """A change of the markers, agreed to, with all keys."""
        kind, *rest = arguments
        return invoke("marker", kind, *self.keys, *self.options, *rest, "--yes", **more)

    def changed(self, *arguments: str) -> dict[str, Any]:
        """The document of a change that succeeds."""
        result = self.change(*arguments, "--json")
        assert result.exit_code == 0, result.output
        found: dict[str, Any] = json.loads(result.stdout)
        return found

    def show(self) -> dict[str, Any]:
        """What ``marker show`` says."""
        result = invoke("marker", "show", "--json")
        assert result.exit_code == 0, result.output
        found: dict[str, Any] = json.loads(result.stdout)
        return found

    def transactions(self) -> list[str]:
        """Every transaction that ever put a datum at the era address."""
        return [made.transaction for made in self.chain.outputs(self.address) if made.datum is not None]

    def post(self, *datums: str) -> None:
        """Put datums at the era address, as anyone can."""
        self.chain.place([FaucetOutput(self.address, 2 * ADA, datum=datum) for datum in datums])


def payload(*markers: tuple[str, int | None], key: SigningKey = ERA_KEY) -> bytes:
    """A signed payload."""
    listed = tuple(EraMarker(name, None if epoch is None else Epoch(epoch)) for name, epoch in markers)
    return EraMarkersPayload(listed).sign(key).to_bytes()


def datum(*markers: tuple[str, int | None], key: SigningKey = ERA_KEY) -> str:
    """The datum of a signed payload, in hex."""
    return encode_datum(payload(*markers, key=key)).hex()


@contextmanager
def release_world(folder: Path, monkeypatch: pytest.MonkeyPatch, face: str = "local") -> Iterator[World]:
    """A world in epoch 5, with 100 ada at the era address; every transaction is judged by Scalus, too."""
    (folder / "keys").mkdir()
    secret = folder / "keys" / "era.sk"
    secret.write_text(ERA_KEY.to_json_hex())
    secret.chmod(0o600)
    (folder / "keys" / "era.vk").write_text(ERA_KEY.verification_key.to_json_hex())
    WALLET.save(folder / "payment.skey")
    with LocalChain.create(folder / "chain.sqlite3", genesis=Genesis(epoch_length=10, network_magic=MAGIC)) as chain:
        world = World(chain, folder)
        chain.fund(world.address, 100 * ADA)
        chain.advance_to_epoch(5)
        judge_every_transaction(monkeypatch)
        if face in ("local", "cardano-cli"):
            if face == "cardano-cli":  # it takes no transactions
                world.provider = f"cardano-cli:chain.sqlite3 {world.provider}"
                answer_in_process(monkeypatch)
            world.configure()
            yield world
            return
        with LocalChainServer(chain.path) as server:
            world.provider = {
                "blockfrost": server.blockfrost_url,
                "koios": f"koios:{server.koios_url}",
                "kupo": f"kupo:{server.kupo_url}+{server.ogmios_url}",
                "ogmios": server.ogmios_url,
            }[face]
            world.configure()
            yield world


def judge_every_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold every verdict of a local chain against that of the Scalus ledger."""
    require(shutil.which("node") is not None, "node")
    submit = LocalChain.submit

    def judged(chain: LocalChain, cbor: bytes) -> str:
        unspent = [made for key in (WALLET, STRANGER) for made in chain.utxos(key.address(0))]
        new = parse_transaction(cbor, max_bytes=1 << 16).new
        for reference in {*new.inputs, *new.reference_inputs} - {(made.transaction, made.index) for made in unspent}:
            spent = chain.output(*reference)
            if spent is not None and spent.spent_by is None:
                unspent.append(spent)
        verdict = ScalusLedger(unspent, chain.current_slot()).submit(cbor)
        try:
            submitted = submit(chain, cbor)
        except LedgerRefusedError as error:
            assert not verdict.accepted, f"the local chain refuses what Scalus takes: {error}"
            raise
        assert verdict.hash == submitted, verdict
        return submitted

    monkeypatch.setattr(LocalChain, "submit", judged)
