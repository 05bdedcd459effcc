"""Points, outputs, parameters and genesis of a local chain in the JSON shapes of Ogmios v6.

In: values of ``model`` and ``parameters``. Out: JSON-ready values; ratios are strings (``3/10``), amounts have units.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

from chain_reader.genesis import exact
from chain_reader.local_chain.faces.blockfrost_bodies import (
    MAX_KES_EVOLUTIONS,
    SLOTS_PER_KES_PERIOD,
    UPDATE_QUORUM,
    whole,
)
from chain_reader.local_chain.faces.parameters import ogmios_parameters
from chain_reader.local_chain.ledger.model import POLICY_DIGITS, Block, NewOutput, Output
from chain_reader.local_chain.ledger.parameters import MAX_LOVELACE_SUPPLY, Genesis, ProtocolParameters

ERAS = ("byron", "shelley", "allegra", "mary", "alonzo", "babbage", "conway")
CURRENT_ERA = ERAS[-1]


def point(block: Block) -> dict[str, object]:
    """The point of ``block``."""
    return {"slot": block.slot, "id": block.hash}


def ada(lovelace: int) -> dict[str, dict[str, int]]:
    """An amount of lovelace."""
    return {"ada": {"lovelace": lovelace}}


def value(lovelace: int, assets: Iterable[tuple[str, int]]) -> dict[str, dict[str, int]]:
    """Lovelace, and assets by policy and name."""
    found = ada(lovelace)
    for unit, quantity in assets:
        found.setdefault(unit[:POLICY_DIGITS], {})[unit[POLICY_DIGITS:]] = quantity
    return found


def reference(transaction: str, index: int) -> dict[str, object]:
    """A reference to an output."""
    return {"transaction": {"id": transaction}, "index": index}


def output(found: Output | NewOutput) -> dict[str, object]:
    """An output without its reference."""
    shown: dict[str, object] = {"address": found.address, "value": value(found.lovelace, found.assets)}
    if found.datum is not None:
        shown["datum"] = found.datum
    if found.datum_hash is not None:
        shown["datumHash"] = found.datum_hash
    return shown


def utxo(found: Output) -> dict[str, object]:
    """An unspent output."""
    return reference(found.transaction, found.index) | output(found)


def start_time(genesis: Genesis) -> str:
    """The time at which slot 0 began, in UTC."""
    return utc(genesis.system_start_s)


def utc(time_s: float) -> str:
    """A POSIX time in UTC, with a fraction of a second where it has one."""
    return datetime.fromtimestamp(time_s, UTC).isoformat().removesuffix("+00:00") + "Z"


def network(genesis: Genesis) -> str:
    """The kind of the network."""
    return "mainnet" if genesis.network_id == 1 else "testnet"


def bound(genesis: Genesis, epoch: int) -> dict[str, object]:
    """The beginning of ``epoch``; its time counts from the start of the network."""
    slot = epoch * genesis.epoch_length
    return {"time": {"seconds": whole(float(slot * exact(genesis.slot_length_s)))}, "slot": slot, "epoch": epoch}


def era_summaries(genesis: Genesis, tip: Block) -> list[dict[str, object]]:
    """The eras of the ledger.

    All before the current one ended where the network began; this one is known to last for as long as nodes could
    not yet have agreed on another.
    """
    safe_zone = int(3 * genesis.security_param / genesis.active_slots_coeff)
    parameters = {
        "epochLength": genesis.epoch_length,
        "slotLength": slot_length(genesis),
        "safeZone": safe_zone,
    }
    horizon = -(-(tip.slot + safe_zone) // genesis.epoch_length)
    ends = {**dict.fromkeys(ERAS, 0), CURRENT_ERA: horizon}
    return [{"start": bound(genesis, 0), "end": bound(genesis, ends[era]), "parameters": parameters} for era in ERAS]


def slot_length(genesis: Genesis) -> dict[str, object]:
    """The length of a slot in milliseconds, which may have a fraction."""
    return {"milliseconds": whole(float(1000 * exact(genesis.slot_length_s)))}


def shelley_genesis(genesis: Genesis, parameters: ProtocolParameters) -> dict[str, object]:
    """The genesis configuration of the Shelley era, which has all of a local chain's genesis."""
    coefficient = genesis.active_slots_coeff
    return {
        "era": "shelley",
        "startTime": start_time(genesis),
        "networkMagic": genesis.network_magic,
        "network": network(genesis),
        "activeSlotsCoefficient": f"{coefficient.numerator}/{coefficient.denominator}",
        "securityParameter": genesis.security_param,
        "epochLength": genesis.epoch_length,
        "slotsPerKesPeriod": SLOTS_PER_KES_PERIOD,
        "maxKesEvolutions": MAX_KES_EVOLUTIONS,
        "slotLength": slot_length(genesis),
        "updateQuorum": UPDATE_QUORUM,
        "maxLovelaceSupply": MAX_LOVELACE_SUPPLY,
        "initialParameters": ogmios_parameters(parameters),
        "initialDelegates": [],
        "initialFunds": {},
        "initialStakePools": {"stakePools": {}, "delegators": {}},
    }
