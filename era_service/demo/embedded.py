"""The embedded network: what ``eraswitch serve`` shows while no network is configured. A local chain, a schedule on it.

In: a folder. Out: the settings that make the service follow the chain in it. The first time, the chain is made: a
wallet, an era key, the first era that this software knows in force, and the next one announced, then scheduled. Its
slots follow the clock, one a second. It is nobody's real network; its keys are beside it, for the release commands.
"""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eras import ConfigurationError, Epoch, EraMarker, SupportedEras

if TYPE_CHECKING:
    from chain_reader.local_chain import LocalChain
    from datum import SigningKey
    from release_tools import PaymentKey

CHAIN_FILE, ERA_KEY_FILE, WALLET_FILE = "chain.sqlite3", "era.vk", "wallet.skey"
EPOCH_SLOTS = 300
SWITCH_EPOCH = Epoch(2)
FUNDS_LOVELACE = 100_000_000

Flags = dict[str, tuple[Any, str]]


def embedded_flags(folder: Path) -> Flags:
    """The settings that follow the embedded chain in ``folder``, which is made if it is not there.

    Raises:
        ConfigurationError: the folder cannot be used, or something else is in it.
        StoreError: the chain cannot be opened.
    """
    from chain_reader.local_chain import LocalChain
    from datum import VerificationKey
    from release_tools import PaymentKey

    if not (folder / CHAIN_FILE).is_file():
        _make(folder)
    try:
        key = VerificationKey.parse((folder / ERA_KEY_FILE).read_text(encoding="ascii"))  # raw: a key
    except OSError as error:
        raise _unusable(folder, error.strerror or "an error") from error
    with LocalChain.open(folder / CHAIN_FILE) as chain:
        genesis = chain.genesis
    address = PaymentKey.load(folder / WALLET_FILE).address(genesis.network_id)
    origin = "the embedded chain"
    values = {
        "reader.providers": f"local:{folder / CHAIN_FILE}",
        "network.magic": genesis.network_magic,
        "network.era_address": address,
        "network.verification_key": key.hex,
        "network.system_start_s": float(genesis.system_start_s),
        "network.slot_length_s": genesis.slot_length_s,
        "network.epoch_length": genesis.epoch_length,
        "network.active_slots_coefficient": float(genesis.active_slots_coeff),
    }
    return {setting: (value, origin) for setting, value in values.items()}


def _make(folder: Path) -> None:
    """Make the chain beside its place, and move it there when it is whole."""
    from chain_reader.local_chain import Genesis, LocalChain
    from datum import SigningKey
    from release_tools import PaymentKey
    from release_tools.keys.files import write_key_pair

    making = folder.with_name(f".{folder.name}.making")
    try:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(mode=0o700)
        era_key, wallet = SigningKey.generate(), PaymentKey.generate()
        wallet.save(making / WALLET_FILE)
        write_key_pair(making, era_key)
        genesis = Genesis(clock_mode="wall", epoch_length=EPOCH_SLOTS)
        with LocalChain.create(making / CHAIN_FILE, genesis=genesis) as chain:
            chain.fund(wallet.address(chain.genesis.network_id), FUNDS_LOVELACE)
            first, *others = SupportedEras.DEFAULT
            begun = EraMarker(first, Epoch(0))
            _publish(chain, wallet, era_key, (begun,))
            if others:
                _publish(chain, wallet, era_key, (begun, EraMarker(others[0], None)))
                _publish(chain, wallet, era_key, (begun, EraMarker(others[0], SWITCH_EPOCH)))
        making.rename(folder)
    except OSError as error:
        raise _unusable(folder, error.strerror or "an error") from error


def _publish(chain: "LocalChain", wallet: "PaymentKey", era_key: "SigningKey", markers: tuple[EraMarker, ...]) -> None:
    from datum import EraMarkersPayload, encode_datum
    from release_tools import LocalChainGateway, build_marker_transaction, sign_transaction, submit_transaction

    gateway = LocalChainGateway(chain)
    address = wallet.address(chain.genesis.network_id)
    outputs = gateway.spendable_outputs(address)
    transaction = build_marker_transaction(
        encode_datum(EraMarkersPayload(markers).sign(era_key).to_bytes()),
        era_address=address,
        change_address=address,
        payer_outputs=outputs,
        parameters=gateway.protocol_parameters(),
        network_id=chain.genesis.network_id,
        slot=gateway.tip_slot(),
        previous=next((output for output in reversed(outputs) if output.datum is not None), None),
    )
    submit_transaction(gateway, sign_transaction(transaction, [wallet]))


def _unusable(folder: Path, got: str) -> ConfigurationError:
    return ConfigurationError(
        "The embedded chain cannot be used",
        code="EmbeddedChain",
        expected=f"{folder}, with the chain and its keys, or a place where they can be made",
        got=got,
        next_step=f"Move {folder} away, or configure a network: eraswitch serve --network NAME",
    )
