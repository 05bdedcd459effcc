"""The era-id: a few bytes by which two peers notice that they are on different schedules. Pure.

It is Ethereum's fork id (EIP-2124), of eras. The checksum is a CRC32 over the network (magic, era address, verification
key), then over each activation that has passed, in order; beside it stands the epoch of the next activation. As text:
``5e1fd4b2/620``, and ``5e1fd4b2/0`` where no activation is known to come.

What a peer's era-id is compared with, in this order:

1. The same checksum and the same next activation: the *same* schedule.
2. The same checksum, and the peer expects an activation that has passed here without one: *foreign*. Any other
   difference of the next activation: another *plan*; one of the two has not read the newest markers.
3. The checksum of a part of our own past: the peer is *behind*. One that also names another next activation than the
   one that followed there will never catch up: *foreign*.
4. The checksum that we shall have once what is scheduled has begun: the peer is *ahead*, or our clock is slow.
5. Anything else is *foreign*: another network, key, or history.

A retired era leaves the markers, and not at the same moment everywhere: what is compared is every end of our past, as
if older eras had been retired already. Thirty-two bits keep mistakes apart, not enemies: an era-id warns, nothing more.
"""

import enum
import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from eras.errors import MarkerError
from eras.marker import MAX_EPOCH, Epoch, EraMarker

ERA_ID_HEADER = "era-id"

_TEXT = re.compile(r"([0-9a-f]{8})/(0|[1-9]\d{0,19})", re.ASCII)


class PeerSchedule(enum.Enum):
    """The state of a peer's schedule, as its era-id shows it."""

    SAME = "same"
    OTHER_PLAN = "other plan"
    BEHIND = "behind"
    AHEAD = "ahead"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class EraId:
    """An era-id.

    Attributes:
        checksum: of the network and the activations that have passed, 32 bits.
        next_epoch: when the next activation is; ``None`` where none is known to come.
    """

    checksum: int
    next_epoch: Epoch | None

    @classmethod
    def parse(cls, text: str) -> "EraId":
        """The era-id that ``text`` writes.

        Raises:
            MarkerError: it writes none.
        """
        match = _TEXT.fullmatch(text)
        if match is None or int(match[2]) > MAX_EPOCH:
            raise MarkerError(
                "An era-id is not usable",
                expected="eight hex digits, a slash and an epoch, for example 5e1fd4b2/620",
                got=f"{text!r}"[:80],
                next_step=f"Correct the header {ERA_ID_HEADER}, or leave it out",
            )
        return cls(int(match[1], 16), Epoch(int(match[2])) if match[2] != "0" else None)

    def __str__(self) -> str:
        return f"{self.checksum:08x}/{self.next_epoch or 0}"


@dataclass(frozen=True, slots=True)
class EraIdentity:
    """The parts of an era-id beside the epoch.

    Attributes:
        network_magic: magic of the Cardano network; ``None`` where it is not configured.
        era_address: where the markers are published.
        verification_key: what they are signed with, 64 hex digits.
        markers: the markers in force.
    """

    network_magic: int | None
    era_address: str
    verification_key: str
    markers: tuple[EraMarker, ...]

    def at(self, epoch: Epoch) -> EraId:
        """The era-id at an epoch."""
        passed, coming = self._split(epoch)
        return EraId(self._checksum(passed), _first_epoch(coming))

    def compare(self, peer: EraId, epoch: Epoch) -> PeerSchedule:
        """The state of the peer's schedule by its era-id ``peer``, when it is ``epoch`` here (rules 1 to 5)."""
        passed, coming = self._split(epoch)
        own_next = _first_epoch(coming)
        for past in (passed[start:] for start in range(max(1, len(passed)))):
            if peer.checksum == self._checksum(past):
                return _by_plan(peer.next_epoch, own_next, epoch)
        for start in range(len(passed)):
            for end in range(start, len(passed)):
                if peer.checksum == self._checksum(passed[start:end]):
                    expected = passed[end].epoch
                    return PeerSchedule.BEHIND if peer.next_epoch in (None, expected) else PeerSchedule.FOREIGN
        for end in range(1, len(coming) + 1):
            for start in range(len(passed) + 1):
                if peer.checksum == self._checksum((*passed[start:], *coming[:end])):
                    return PeerSchedule.AHEAD
        return PeerSchedule.FOREIGN

    def _split(self, epoch: Epoch) -> tuple[tuple[EraMarker, ...], tuple[EraMarker, ...]]:
        """The activations that have passed at ``epoch``, and those to come, each in order.

        A marker that appears twice, as in a payload that was signed again, is one activation.
        """
        scheduled = sorted({m for m in self.markers if m.epoch is not None}, key=lambda m: (m.epoch or 0, m.name))
        passed = tuple(m for m in scheduled if m.epoch is not None and m.epoch <= epoch)
        return passed, tuple(scheduled[len(passed) :])

    def _checksum(self, activations: Iterable[EraMarker]) -> int:
        place = f"{self.network_magic}\n{self.era_address}\n{self.verification_key}\n"
        checksum = zlib.crc32(place.encode())
        for marker in activations:
            # The epoch first, and of fixed length: a name could otherwise run into it.
            checksum = zlib.crc32((marker.epoch or 0).to_bytes(8, "big") + marker.name.encode() + b"\n", checksum)
        return checksum


def _first_epoch(coming: Sequence[EraMarker]) -> Epoch | None:
    return coming[0].epoch if coming else None


def _by_plan(peers: Epoch | None, own: Epoch | None, epoch: Epoch) -> PeerSchedule:
    if peers == own:
        return PeerSchedule.SAME
    return PeerSchedule.FOREIGN if peers is not None and peers <= epoch else PeerSchedule.OTHER_PLAN
