"""The policy of a reader, and the checkpoint that a release may ship.

In: addresses, keys, numbers. Out: a frozen ``TrustPolicy``. Nothing is read here but the text of a checkpoint.
"""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from chain_reader.ports import DatumOutput
from chain_reader.providers.transport.limits import DEFAULT_LIMITS, ReadLimits
from chain_reader.thread_token import is_unit
from chain_reader.trust.kinds import ERAS, TrustKind
from datum import ExtensionPolicy, VerificationKey
from datum.strict_json import short_whole
from era_store import TrustKey
from eras import ConfigurationError, Epoch, MarkerError, Slot, require_epoch

DEFAULT_MAX_LEAD_EPOCHS = 146
"""Two years of Cardano's epochs of five days: nobody plans a switch for later."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A payload that was in force when a release was made; a first start treats it as already read.

    Attributes:
        output: the output that carries it; transaction and index are its place on the chain.
        epoch: the epoch in which it was known to be in force.
    """

    output: DatumOutput
    epoch: Epoch

    @classmethod
    def from_json(cls, text: str) -> "Checkpoint":
        """The checkpoint that ``to_json`` wrote.

        Raises:
            ConfigurationError: it is not a checkpoint.
        """
        try:
            return _read_checkpoint(json.loads(text, parse_int=short_whole))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, MarkerError) as error:
            raise ConfigurationError(
                "The checkpoint cannot be used",
                expected="a JSON object with transaction, index, datum, lovelace, slot, height and epoch",
                got=f"{type(error).__name__}: {error}"[:120],
                next_step="Take the checkpoint of the release again, or leave it out",
                code="CheckpointInvalid",
            ) from error

    def to_json(self) -> str:
        """The checkpoint as JSON, as a release ships it."""
        fields = asdict(self.output)
        del fields["spent"], fields["assets"], fields["reference"]
        return json.dumps({**fields, "epoch": self.epoch}, indent=2)


@dataclass(frozen=True, slots=True)
class TrustPolicy:
    """The configured rules of a reader: address, keys, network, confirmations, token, extension.

    Attributes:
        address: the era address.
        keys: the verification keys; a payload is looked at when one of them signed it.
        network_magic: magic of the Cardano network, where it is configured.
        announcers: addresses from which the first payload may be published, when nothing is at the era address (T2).
        confirmations: how many blocks must lie upon an output before it counts (T8).
        max_lead_epochs: an activation further ahead raises an alarm (T5).
        notice_epochs: an activation that is published with less notice raises an alarm (T5).
        extension: keys and threshold of extended payloads; where set, only such are taken (T5, T6).
        checkpoint: what to trust before the first reading.
        max_tip_regress_slots: a tip further behind one that was read before makes the reading stale (T7).
        whole_outputs: with more unspent outputs than this at the address, reading stops at the newest that counts.
        limits: of time and size.
        thread_token: the unit of the token that the marker output holds; where set, no other output counts (T0).
        kind: what is read there; every kind has a memory of its own.
        key: under which the memory of this trust is kept.

    Raises:
        ConfigurationError: there is no key, or a number is below zero, or the extension is for another place.
    """

    address: str
    keys: tuple[VerificationKey, ...]
    network_magic: int | None = None
    announcers: tuple[str, ...] = ()
    confirmations: int = 0
    max_lead_epochs: int = DEFAULT_MAX_LEAD_EPOCHS
    notice_epochs: int = 2
    extension: ExtensionPolicy | None = None
    checkpoint: Checkpoint | None = None
    max_tip_regress_slots: int = 300
    whole_outputs: int = 5_000
    limits: ReadLimits = DEFAULT_LIMITS
    thread_token: str | None = None
    kind: TrustKind = ERAS
    key: TrustKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "keys", tuple(self.keys))
        object.__setattr__(self, "announcers", tuple(self.announcers))
        if self.thread_token is not None and not is_unit(self.thread_token):
            raise _policy_error("a thread token as token_unit makes it of its name", f"{self.thread_token!r}"[:150])
        if not self.keys:
            raise _policy_error("a verification key", "none")
        for key in self.keys:
            if not isinstance(key, VerificationKey):
                raise _policy_error("each key as VerificationKey.parse makes it of its text", f"a {type(key).__name__}")
        for name in ("confirmations", "max_lead_epochs", "notice_epochs", "max_tip_regress_slots", "whole_outputs"):
            value = getattr(self, name)
            if type(value) is not int or value < 0:
                raise _policy_error(f"{name} of at least 0", repr(value))
        if self.extension is not None:
            place = (self.extension.network_magic, self.extension.address)
            if place != (self.network_magic, self.address):
                raise _policy_error(f"an extension for {self.address}, magic {self.network_magic}", f"one for {place}")
        signers = tuple([key.raw.hex() for key in self.keys])
        object.__setattr__(self, "key", TrustKey(signers, self.network_magic, self.address, self.kind.markers.name))


def _read_checkpoint(value: Any) -> Checkpoint:
    epoch = require_epoch(value.pop("epoch"))
    slot, height = value.pop("slot", None), value.pop("height", None)
    output = DatumOutput(**value, slot=None if slot is None else Slot(require_epoch(slot)), height=height)
    texts, numbers = (output.transaction, output.datum), (output.index, output.lovelace, output.height or 0)
    if not all(type(text) is str for text in texts) or not all(type(number) is int for number in numbers):
        raise TypeError("a value of another kind")
    return Checkpoint(output, epoch)


def _policy_error(expected: str, got: str) -> ConfigurationError:
    return ConfigurationError(
        "The trust policy is not usable", expected=expected, got=got, next_step="Correct the configuration of trust"
    )
