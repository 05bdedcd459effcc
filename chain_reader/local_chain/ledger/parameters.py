"""The genesis and the protocol parameters of a local chain, like those of a Conway-era test network.

In: keyword arguments, or the JSON that ``to_json`` wrote. Out: frozen values; amounts are lovelace, sizes bytes, ratios
exact.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from functools import cache
from importlib import resources
from typing import Literal, Self

from chain_reader.genesis import exact
from eras import ConfigurationError

MAX_LOVELACE_SUPPLY = 45_000_000_000_000_000

ClockMode = Literal["manual", "wall"]


def _require(holds: bool, name: str, expected: str, got: object) -> None:
    if not holds:
        raise ConfigurationError(
            f"The genesis value {name} is not usable",
            expected=expected,
            got=repr(got)[:80],
            next_step=f"Correct {name}",
        )


@dataclass(frozen=True, slots=True)
class Genesis:
    """The settings that never change on a chain.

    Attributes:
        network_magic: distinguishes test networks.
        network_id: 0 for a test network, 1 for a main network; every address carries it.
        epoch_length: in slots.
        slot_length_s: in seconds.
        system_start_s: POSIX time of slot 0; 0 stands for the moment of creation.
        security_param: how many blocks a chain may roll back, as nodes see it; the local chain goes back to genesis.
        active_slots_coeff: the share of slots that have a block; by the wall clock, the empty blocks come this often.
        clock_mode: ``manual`` moves slots by command only, ``wall`` also by the clock.

    Raises:
        ConfigurationError: a value is out of range.
    """

    network_magic: int = 42
    network_id: int = 0
    epoch_length: int = 100
    slot_length_s: float = 1.0
    system_start_s: float = 0
    security_param: int = 2160
    active_slots_coeff: Fraction = Fraction(1, 20)
    clock_mode: ClockMode = "manual"

    def __post_init__(self) -> None:
        _require(0 <= self.network_magic < 2**32, "network_magic", "an unsigned 32-bit integer", self.network_magic)
        _require(self.network_id in (0, 1), "network_id", "0 or 1", self.network_id)
        _require(0 < self.epoch_length < 2**32, "epoch_length", "slots, at least 1", self.epoch_length)
        _require(0 < self.slot_length_s < 2**32, "slot_length_s", "seconds, above 0", self.slot_length_s)
        _require(0 <= self.system_start_s < 2**40, "system_start_s", "a POSIX time", self.system_start_s)
        _require(0 < self.security_param < 2**32, "security_param", "blocks, at least 1", self.security_param)
        _require(0 < self.active_slots_coeff <= 1, "active_slots_coeff", "above 0, at most 1", self.active_slots_coeff)
        _require(self.clock_mode in ("manual", "wall"), "clock_mode", "manual or wall", self.clock_mode)

    def slot_at(self, time_s: float) -> int:
        """The slot at a POSIX time; below 0 before the start."""
        return int((exact(time_s) - exact(self.system_start_s)) // exact(self.slot_length_s))

    def time_of(self, slot: int) -> float:
        """The POSIX time at which a slot begins."""
        return float(exact(self.system_start_s) + slot * exact(self.slot_length_s))

    def to_json(self) -> str:
        """The genesis as JSON text."""
        return _json(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The genesis that ``to_json`` wrote."""
        values = json.loads(text)
        values["active_slots_coeff"] = Fraction(values["active_slots_coeff"])
        return cls(**values)


@dataclass(frozen=True, slots=True)
class ProtocolParameters:
    """The numbers the ledger judges by, and the version of the protocol.

    Scripts, pools and governance are not modelled: what clients of a node ask for of these is only reported
    (``faces.parameters``).
    """

    min_fee_coefficient: int = 44
    min_fee_constant: int = 155_381
    max_transaction_size: int = 16_384
    max_value_size: int = 5_000
    coins_per_utxo_byte: int = 4_310
    protocol_version: tuple[int, int] = (10, 0)

    def min_fee(self, size: int) -> int:
        """The least fee of a transaction of ``size`` bytes, in lovelace."""
        return self.min_fee_coefficient * size + self.min_fee_constant

    def min_lovelace(self, output_size: int) -> int:
        """The least lovelace that an output of ``output_size`` serialised bytes must hold."""
        return self.coins_per_utxo_byte * (160 + output_size)

    def to_json(self) -> str:
        """The parameters as JSON text."""
        return _json(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The parameters that ``to_json`` wrote, of this version or of one that kept more of them."""
        values = {name: value for name, value in json.loads(text).items() if name in cls.__slots__}
        return cls(**values | {"protocol_version": tuple(values["protocol_version"])})


@cache
def cost_models() -> Mapping[int, tuple[int, ...]]:
    """The cost models of Plutus V1, V2 and V3, by version: mainnet's since protocol version 10.

    No script runs on a local chain; clients want them before they build any transaction.
    """
    text = resources.files("chain_reader.local_chain").joinpath("cost_models.json").read_text()
    return {int(version): tuple(costs) for version, costs in json.loads(text).items()}


def _json(values: dict[str, object]) -> str:
    plain = {name: str(value) if isinstance(value, Fraction) else value for name, value in values.items()}
    return json.dumps(plain, sort_keys=True)
