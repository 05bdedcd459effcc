"""Right code of a node that embeds eraswitch: mypy and pyright, both strict, find nothing here."""

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from eras import BehaviourSwitches, Epoch, EraChecker, EraMarker, SupportedEras, select_eras
from eras.switches import TypedSwitch


class Era(enum.Enum):
    """The eras of this software, oldest first."""

    PYTHAGORAS = "pythagoras"
    LAGRANGE = "lagrange"


class Switch(enum.StrEnum):
    """The behaviours."""

    CERTIFICATE_HASH = "certificate_hash"
    SIGN = "sign"


@dataclass(frozen=True)
class Message:
    """Something to certify."""

    text: bytes


class Sign(Protocol):
    """How a message is signed."""

    async def __call__(self, message: Message, *, key: bytes) -> bytes: ...


checker = EraChecker(SupportedEras(Era))
switches = BehaviourSwitches(checker)
certificate_hash = switches.declare(Switch.CERTIFICATE_HASH, Callable[[Message], bytes])
sign = switches.declare(Switch.SIGN, Sign)
switches.boolean("compact", since=Era.LAGRANGE)


@certificate_hash.since(Era.PYTHAGORAS)
def hash_of_pythagoras(message: Message) -> bytes:
    """The text itself."""
    return message.text


@certificate_hash.since(Era.LAGRANGE)
def hash_of_lagrange(message: Message, *, rounds: int = 1) -> bytes:
    """The text, again and again: an argument that nobody has to give does not harm."""
    return message.text * rounds


@sign.since("pythagoras")
async def sign_anywhen(message: Message, *, key: bytes) -> bytes:
    """One behaviour for all eras."""
    return message.text + key


def hashed(message: Message) -> int:
    """A call of the current era, and one of another."""
    again: Callable[[Message], bytes] = certificate_hash.in_era(Era.PYTHAGORAS)
    return len(certificate_hash(message)) + len(again(message))


async def signed(message: Message) -> bytes:
    """A call that is awaited."""
    return await sign(message, key=b"key")


def handed_on(switch: TypedSwitch[Sign]) -> Sign:
    """A handle has a type that can be named."""
    return switch.in_era("lagrange")


def asked() -> bool:
    """Members of an enumeration are names."""
    checker.change_era(select_eras([EraMarker("pythagoras", Epoch(0))], Epoch(1), checker.supported))
    return checker.is_active(Era.LAGRANGE) or switches.is_on("compact")


def in_one_era() -> str:
    """A unit of work."""
    with checker.pinned() as era:
        return era
