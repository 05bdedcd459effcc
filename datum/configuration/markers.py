"""The payload of configuration markers, ``{"epoch":…,"configuration":"<hex>"}``: how its markers are read and written.

What is signed is the text of each configuration as it stands, in whatever case its digits are. A signature is written
in hex, or as the hex of a JSON array of its bytes; it is not optional. The rest is as in every signed payload.
"""

from binascii import unhexlify
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from datum.configuration.cbor import decode_configuration, encode_configuration
from datum.configuration.values import EpochConfiguration, ProtocolConfiguration
from datum.signed_payload import (
    SIGNATURE_BYTES,
    MarkersPayload,
    list_of,
    read_epoch,
    read_hex,
    struct_fields,
)
from datum.strict_json import described, parse, quote
from eras import Epoch


@dataclass(frozen=True, slots=True)
class ConfigurationMarker:
    """A configuration from an epoch on, as it is signed.

    Attributes:
        epoch: from which on it holds.
        encoded: the hex of its CBOR, as it was written.
    """

    epoch: Epoch
    encoded: str

    def __str__(self) -> str:
        return f"the configuration from epoch {self.epoch}"

    @classmethod
    def of(cls, item: EpochConfiguration) -> "ConfigurationMarker":
        """The marker of a configuration, as Mithril writes it."""
        return cls(item.epoch, encode_configuration(item.configuration).hex())

    @property
    def configuration(self) -> ProtocolConfiguration:
        """The configuration.

        Raises:
            ValueError: it cannot be read.
        """
        return _decoded(self.encoded)

    def to_dict(self) -> dict[str, object]:
        """The marker, JSON-ready, with the fields of Mithril's."""
        return {"epoch": self.epoch, "configuration": self.encoded}


@dataclass(frozen=True, slots=True)
class ConfigurationMarkersPayload(MarkersPayload[ConfigurationMarker]):
    """Configuration markers with a signature that nobody has checked yet, or with none."""

    KIND = "configuration markers"

    @classmethod
    def of(cls, configurations: Iterable[EpochConfiguration]) -> "ConfigurationMarkersPayload":
        """The payload of configurations, in their order, not yet signed."""
        return cls(tuple(ConfigurationMarker.of(item) for item in configurations))

    @classmethod
    def from_json(cls, value: Any) -> "ConfigurationMarkersPayload":
        """The payload that a parsed JSON value is; other fields than its own are ignored.

        Raises:
            ValueError: it is not one.
        """
        markers, signature = struct_fields(value, ("markers", "signature"), "a payload")
        return cls(list_of(markers, _read_marker, "markers"), _read_signature(signature))

    @property
    def signed_bytes(self) -> bytes:
        """The bytes that the signature is over."""
        items = (f'{{"epoch":{one.epoch},"configuration":{quote(one.encoded)}}}' for one in self.markers)
        return f"[{','.join(items)}]".encode()


def fault_of(markers: Iterable[ConfigurationMarker]) -> str | None:
    """Why a payload cannot be used, though its key signed it: a configuration that cannot be read or cannot be.

    Mithril's readers end their whole reading where one cannot be read, and take parameters that no lottery can have.
    """
    for marker in markers:
        try:
            problems = marker.configuration.parameters.problems()
        except ValueError as error:
            return f"the configuration of epoch {marker.epoch} cannot be read: {error}"
        if problems:
            return f"in the configuration of epoch {marker.epoch} {problems[0]}"
    return None


def decoded(markers: Iterable[ConfigurationMarker]) -> tuple[EpochConfiguration, ...]:
    """The configurations of markers, in their order.

    Raises:
        ValueError: one cannot be read.
    """
    return tuple(EpochConfiguration(one.epoch, one.configuration) for one in markers)


@lru_cache(maxsize=256)
def _decoded(encoded: str) -> ProtocolConfiguration:
    return decode_configuration(unhexlify(encoded))


def _read_marker(value: Any) -> ConfigurationMarker:
    epoch, encoded = struct_fields(value, ("epoch", "configuration"), "a marker")
    at = read_epoch(epoch)
    if not isinstance(encoded, str):
        raise ValueError(f"a configuration that is {described(encoded)}")  # noqa: TRY004 - bad data, not a bad call
    if not encoded.isascii():
        encoded.encode()  # half a surrogate pair has no UTF-8 form
    return ConfigurationMarker(at, encoded)


def _read_signature(value: Any) -> bytes:
    raw = read_hex(value, "a signature")
    if len(raw) == SIGNATURE_BYTES:
        return raw
    listed = parse(raw)
    if not isinstance(listed, list) or len(listed) != SIGNATURE_BYTES:
        raise ValueError(f"a signature of {len(raw)} bytes")
    if not all(type(one) is int and 0 <= one < 256 for one in listed):
        raise ValueError("a signature whose bytes are not numbers from 0 to 255")
    return bytes(listed)
