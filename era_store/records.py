"""The records of a store, as plain values: they know neither SQL nor the rules that fill them.

In and out of every store, the one in a database and the one in memory alike. How a record is kept, as plain values for
a database or as JSON has them, follows from its fields alone; pydantic does it. A field that is added to a record is
read with its default where it was not written yet; a database needs a column of its name, which a migration adds.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, TypeVar

from datum.kinds import Marker, marker_of
from eras import Epoch, Slot

if TYPE_CHECKING:
    from pydantic import TypeAdapter
    from pydantic_core import CoreSchema


Record = TypeVar("Record")


@dataclass(frozen=True, slots=True)
class Kept:
    """How a field of a type that JSON lacks is kept; stands in its ``Annotated``.

    Attributes:
        read: gives the value again from what is kept.
        write: gives what is kept.
        when: whether a database, too, has what ``write`` gives, or the value itself.
    """

    read: Callable[[Any], Any]
    write: Callable[[Any], Any]
    when: Literal["always", "json"] = "always"

    def __get_pydantic_core_schema__(self, *_: Any) -> "CoreSchema":
        from pydantic_core import core_schema  # takes longer to import than all of a node that reads no such record

        written = core_schema.plain_serializer_function_ser_schema(self.write, when_used=self.when)
        return core_schema.no_info_plain_validator_function(self.read, serialization=written)


Hex = Annotated[bytes, Kept(lambda kept: kept if isinstance(kept, bytes) else bytes.fromhex(kept), bytes.hex, "json")]
"""Bytes; JSON has them in hex."""


@cache
def adapter_of(record: type[Record]) -> "TypeAdapter[Record]":
    """The reader and writer of a record: ``validate_python`` takes what ``dump_python`` gave, in either mode."""
    from pydantic import TypeAdapter

    return TypeAdapter(record)


@dataclass(frozen=True, slots=True)
class TrustKey:
    """The scope of trust: it is not shared with other keys, another network or another address.

    Attributes:
        keys: the verification keys, 64 hex digits each, sorted.
        network_magic: magic of the Cardano network; ``None`` where it is not configured.
        address: the era address.
        kind: name of the kind of markers; each is a thread of its own.
        id: the same for the same four, 64 hex digits; the kind counts where it is not eras.
    """

    keys: tuple[str, ...]
    network_magic: int | None
    address: str
    kind: str = "era"
    id: str = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "keys", tuple(sorted(set(self.keys))))
        parts = [list(self.keys), self.network_magic, self.address]
        text = json.dumps(parts if self.kind == "era" else [*parts, self.kind], separators=(",", ":"))
        object.__setattr__(self, "id", hashlib.sha256(text.encode()).hexdigest())


KeptMarker = Annotated[Marker, Kept(marker_of, lambda marker: marker.to_dict())]
"""A marker of any kind; JSON has its fields as they are signed."""


@dataclass(frozen=True, slots=True)
class StoredOutput:
    """The output whose payload is in force: its content, and where it is on the chain.

    Attributes:
        transaction: hash of its transaction.
        index: its place among that transaction's outputs.
        datum: the inline datum, CBOR in hex, from which the payload is read and verified again.
        content: the payload that the datum holds, as JSON bytes.
        markers: the markers of the payload, for people who look into the store.
        lovelace: the ada it holds.
        slot: slot of its block, where known.
        height: height of its block, where known.
    """

    transaction: str
    index: int
    datum: str
    content: Hex
    markers: tuple[KeptMarker, ...]
    lovelace: int
    slot: Slot | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True)
class SeenPayload:
    """A validly signed payload that was seen at some time, and where it first appeared.

    Attributes:
        digest: hash of what is signed (``chain_reader.trust.rules``), 64 hex digits.
        content: the payload, as JSON bytes.
        reference: the first output that carried it, ``transaction#index``.
        slot: slot of that output's block, where known.
        height: height of that output's block, where known.
        seen_epoch: the epoch of the first reading that saw it.
        seen_height: height of the tip at that reading, where known.
        verdict: the last verdict on it.
        reason: why.
        superseded: whether it was in force and another took its place, so that it never wins again.
    """

    digest: str
    content: Hex
    reference: str
    slot: Slot | None
    height: int | None
    seen_epoch: Epoch
    seen_height: int | None
    verdict: str
    reason: str
    superseded: bool = False


@dataclass(frozen=True, slots=True)
class Sighting:
    """The position of the chain when an answer was last accepted, for nodes without a clock of their own.

    Attributes:
        epoch: the greatest epoch.
        slot: the slot of the highest tip.
        time_s: when it was read, POSIX time in seconds.
        claim: epoch and slot of a later answer that is in doubt, until the next one confirms it.
    """

    epoch: Epoch
    slot: Slot
    time_s: float
    claim: tuple[Epoch, Slot] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustMarks:
    """The marks that the rules of trust leave from one reading to the next. A new one is a field here, and a column.

    Attributes:
        superseded_outputs: references of the outputs whose place another took; none of them wins again (T2).
        activation: the high-water mark: the last activation known to have happened under what was trusted.
        sequence: the high-water mark of extended payloads: the highest sequence accepted.
        complete: whether every older payload is known, because it was read where history is.
        proven: whether what is trusted was seen to spend at the era address, by an observer that knows inputs.
    """

    superseded_outputs: frozenset[str] = frozenset()
    activation: KeptMarker | None = None
    sequence: int | None = None
    complete: bool = False
    proven: bool = False

    def marks(self) -> dict[str, Any]:
        """The marks by name."""
        return {name: getattr(self, name) for name in TrustMarks.__slots__}


@dataclass(frozen=True, slots=True)
class StoredTrust(TrustMarks):
    """All that is remembered for one ``TrustKey``. Stores and the event log have its fields as they are declared.

    Attributes:
        trusted: what is in force; ``None`` before anything is.
        epoch: the epoch of the last reading; what had begun by then has happened.
        tip_slot: slot of the highest tip that was read.
        payloads: every payload with a true signature ever seen.
        stale: why the last reading could not confirm what is in force; ``None`` when it did.
        legacy_differs: whether a deployed Mithril reader could have read something else then.
        malformed: how many unspent outputs carried no payload at all then.
        sighting: where the chain was at the last reading by a node without a clock of its own.
        version: how often it was written; a store refuses to write over a version that the writer has not read.
    """

    trusted: StoredOutput | None
    epoch: Epoch
    tip_slot: Slot
    payloads: tuple[SeenPayload, ...] = ()
    stale: str | None = None
    legacy_differs: bool = False
    malformed: int = 0
    sighting: Sighting | None = None
    version: int = 0


class StoredSnapshot(NamedTuple):
    """The last snapshot of the eras as it was written: bytes that a store keeps by a name, and does not read.

    Attributes:
        content: the bytes.
        time_s: POSIX time when it was written.
    """

    content: bytes
    time_s: float


class CachedVerdict(NamedTuple):
    """The result of screening an output's datum, in a form that can be kept; there are many, so it is a tuple.

    Attributes:
        reference: the output.
        fingerprint: ``fingerprint`` of its datum; another datum at the same reference is another question.
        kind: the name of the verdict.
        reason: its reason.
        content: the payload of a ``WrongSigner``.
    """

    reference: str
    fingerprint: int
    kind: str
    reason: str
    content: bytes | None = None


Facts = dict[str, Any]
"""The facts of an event, JSON-ready. Each kind has its own (docs/events.md); whoever reads them knows the kind."""


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event that is to be written to the event log.

    Attributes:
        kind: what happened, one word of the list in ``docs/events.md``.
        facts: the facts, JSON-ready.
        epoch: the epoch it happened in, where known.
        role: ``input`` (something came in), ``decision``, or ``snapshot`` (a whole state, from which replay may begin).
        stream: the id of the event with which the node that this belongs to started; ``None`` for everything else.
    """

    kind: str
    facts: Facts
    epoch: Epoch | None = None
    role: str = "decision"
    stream: int | None = None


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An entry of the event log.

    Attributes:
        id: strictly increasing.
        kind: what happened.
        epoch: the epoch it happened in, where known.
        facts: the facts, with secrets masked.
        version: the version of this software that wrote it.
        time_s: POSIX time, in seconds, as the writer gave it.
        role: as in ``NewEvent``; ``decision`` where the writer gave none.
        stream: as in ``NewEvent``.
        cause: the id of the input that this decision was made upon; ``None`` where that was not recorded.
    """

    id: int
    kind: str
    epoch: Epoch | None
    facts: Facts
    version: str
    time_s: float
    role: str = "decision"
    stream: int | None = None
    cause: int | None = None

    @property
    def verdict(self) -> str | None:
        """The verdict in it, if any."""
        found = self.facts.get("verdict")
        return found if isinstance(found, str) else None
