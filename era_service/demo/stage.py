"""The stage of the demo: a local chain behind its HTTP face, the release team's keys and wallet, and an attacker's.

In: a folder. Out: real transactions on a real ledger, each built, signed and submitted over HTTP as
on any network. Anyone can send outputs to the era address without a key of the release team: the attacker does.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from chain_reader.local_chain import Genesis, LocalChain, LocalChainServer
from chain_reader.providers.blockfrost.gateway import BlockfrostGateway
from datum import EraMarkersPayload, SigningKey, encode_datum
from era_service.demo.node import PYTHAGORAS, THALES
from era_store.drafts import new_folder
from eras import ConfigurationError, Epoch, EraMarker, TransactionError
from release_tools import PaymentKey
from release_tools.keys.files import write_key_pair
from release_tools.transactions.posting import post_datum

CHAIN_FILE = "chain.sqlite3"
CONFIGURATION_FILE = "eraswitch.toml"
_FUNDS_LOVELACE = 100_000_000


@dataclass(frozen=True, slots=True)
class Posted:
    """A transaction that is on the chain, with an output at the era address; ``spent`` are the outputs it spends."""

    transaction: str
    markers: tuple[EraMarker, ...]
    datum: bytes
    fee: int
    size: int
    spent: tuple[str, ...]

    @property
    def reference(self) -> str:
        """The output at the era address, ``transaction#index``."""
        return f"{self.transaction}#0"


class Stage:
    """The chain and the two parties that write to it. A context manager; ``with`` starts the HTTP face.

    Args:
        folder: the folder for the chain file and the keys; it must be empty or absent.
        genesis: the genesis of the chain.

    Raises:
        ConfigurationError: (by ``with``) the folder is not empty, or cannot be made; what was begun there is removed.
    """

    def __init__(self, folder: Path, *, genesis: Genesis | None = None) -> None:
        self.folder = folder
        self._genesis = genesis or Genesis()
        self.era_key = SigningKey.generate()
        self.wallet = PaymentKey.generate()
        self.attacker_key = SigningKey.generate()
        self.attacker_wallet = PaymentKey.generate()
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with _empty_folder(self.folder), ExitStack() as opening:
            self.chain = opening.enter_context(LocalChain.create(self.folder / CHAIN_FILE, genesis=self._genesis))
            self._save_keys()
            self.era_address = self.wallet.address(self.chain.genesis.network_id)
            self.attacker_address = self.attacker_wallet.address(self.chain.genesis.network_id)
            self._save_configuration()
            self.chain.fund(self.era_address, _FUNDS_LOVELACE)
            self.chain.fund(self.attacker_address, _FUNDS_LOVELACE)
            server = opening.enter_context(LocalChainServer(self.chain.path))
            self.url: str = server.blockfrost_url
            self._gateway = BlockfrostGateway(self.url)
            opening.callback(self._gateway.close)
            self._open = opening.pop_all()
        return self

    def __exit__(self, *reason: object) -> None:
        self._open.close()

    @property
    def epoch(self) -> Epoch:
        """The epoch of the chain."""
        return self.chain.epoch()

    def begin_epoch(self, epoch: Epoch) -> None:
        """Advance the chain to the first slot of ``epoch``."""
        self.chain.advance_to_epoch(epoch)

    def publish(self, markers: Iterable[EraMarker], *, replacing: Posted | None) -> Posted:
        """Publish ``markers`` as the release team, spending the marker output before."""
        payload = EraMarkersPayload(tuple(markers)).sign(self.era_key)
        return self._post(payload, self.wallet, replacing)

    def forge(self, markers: Iterable[EraMarker]) -> Posted:
        """Send ``markers`` to the era address as the attacker, signed with its own key."""
        payload = EraMarkersPayload(tuple(markers)).sign(self.attacker_key)
        return self._post(payload, self.attacker_wallet, None)

    def replay(self, old: Posted) -> Posted:
        """Copy an old datum of the release team, with its valid signature, to the era address as the attacker."""
        return self._submit(old.datum, old.markers, self.attacker_wallet, None)

    def _post(self, payload: EraMarkersPayload, payer: PaymentKey, replacing: Posted | None) -> Posted:
        return self._submit(encode_datum(payload.to_bytes()), payload.markers, payer, replacing)

    def _submit(
        self, datum: bytes, markers: tuple[EraMarker, ...], payer: PaymentKey, replacing: Posted | None
    ) -> Posted:
        gateway, replaced = self._gateway, None if replacing is None else replacing.reference
        posted = post_datum(gateway, datum, self.era_address, payer, replacing=replaced)
        if gateway.transaction_depth(posted.hash) is None:
            raise TransactionError("A transaction was accepted but is in no block", got=posted.hash)
        return Posted(posted.hash, markers, datum, posted.fee, posted.size, posted.inputs)

    def _save_keys(self) -> None:
        self.wallet.save(self.folder / "wallet.skey")
        self.attacker_wallet.save(self.folder / "attacker.skey")
        write_key_pair(self.folder, self.era_key)

    def _save_configuration(self) -> None:
        """Write the configuration with which every command of eraswitch reads this chain, if the folder is kept."""
        provider = f"local:{self.chain.path.resolve()}"
        text = f"""\
[network]
magic = {self.chain.genesis.network_magic}
era_address = "{self.era_address}"
verification_key = "{self.era_key.verification_key.to_json_hex()}"
supported_eras = {json.dumps([THALES, PYTHAGORAS])}

[reader]
providers = [{json.dumps(provider, ensure_ascii=False)}]
"""
        (self.folder / CONFIGURATION_FILE).write_text(text, encoding="utf-8")  # raw: TOML


@contextmanager
def _empty_folder(folder: Path) -> Iterator[None]:
    """An empty folder, new or not; empty again if the block fails."""
    with ExitStack() as made:
        try:
            made.enter_context(new_folder(folder))
            held = next(folder.iterdir(), None)
        except OSError as error:
            raise ConfigurationError(
                f"The folder {folder} cannot be used",
                expected="a folder that can be written, or a place where one can be made",
                got=error.strerror or type(error).__name__,
                next_step="Choose another folder",
            ) from error
        if held is not None:
            raise ConfigurationError(
                f"The folder {folder} is not empty",
                expected="an empty folder, or none yet",
                got=held.name,
                next_step="Choose another folder: nothing is ever overwritten",
            )
        try:
            yield
        except BaseException:
            for file in folder.iterdir():
                file.unlink()
            raise
