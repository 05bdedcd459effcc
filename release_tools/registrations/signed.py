"""Registrations signed by their parties, so that anyone can compute the adoption without trusting anybody.

In: a party's statement, and its key. Out: the bytes to sign, and the verification of a registration. The rules:

1. Signed is, with Ed25519, the canonical JSON (sorted keys, no spaces, UTF-8) of ``{"epoch":…,"kind":
   "eraswitch-registration-1","network_magic":…|null,"party_id":…,"stake":…,"time_s":…,"version":…|null}``: a signature
   of another network, of another kind of message or of another time does not count here. Where the party reports what
   it can do, ``"capability":{"eras":[…],"loaded":[…]|null,"switches":…|null}`` is signed too; where it does not, the
   key is absent, so that nodes that know no capability sign the same bytes as ever.
2. ``time_s`` is the time of the statement, which decides which one is the newest: sending a copy later has no effect.
3. A key speaks for a party when the party's id *is* the key: its 64 hex digits, or the pool id (``pool1…``) that is the
   hash of the key. For any other party id the key must be configured.
4. If a party has signed a registration for an epoch, unsigned ones of the same party and epoch are ignored, or refused
   as they come in (``SqlRegistrations.ingest``).
5. The key, signature and time of a registration are stored in the same JSON form, and passed on.
6. A party states its stake, or 0 if it does not know it; nobody has to accept it. If the registration counts with
   another stake, the stated one is stored with the signature, so that anyone can still verify it.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from types import NoneType

from chain_reader.bech32 import encode_bech32
from datum import EraSigner, VerificationKey, verify_signature
from era_store import Registration
from era_store.capability import Capability
from era_store.registrations import MAX_LOVELACE
from eras import Epoch, MarkerError

KIND = "eraswitch-registration-1"
SIGNATURE_BYTES = 64
MAX_TIME_S = 2**40
"""The time of a statement is below this."""
_KEY, _SIGNATURE = re.compile("[0-9a-f]{64}"), re.compile("[0-9a-f]{128}")


class RegistrationSignatureError(MarkerError):
    """A registration was not signed by the key of its party."""

    advice = "Sign it again with the key of its party, for this network."


@dataclass(frozen=True, slots=True)
class Statement:
    """A party's statement.

    Attributes:
        network_magic: of the Cardano network; ``None`` where it is not configured.
        party_id: the party.
        epoch: the epoch that it registers for.
        version: the version of its software.
        stake: in lovelace.
        time_s: POSIX time of the statement, in whole seconds.
        capability: its capabilities; ``None`` if it reports only its version.
    """

    network_magic: int | None
    party_id: str
    epoch: Epoch
    version: str | None
    stake: int
    time_s: int
    capability: Capability | None = None

    @property
    def message(self) -> bytes:
        """The bytes that are signed (rule 1)."""
        said: dict[str, object] = {
            "kind": KIND,
            "network_magic": self.network_magic,
            "party_id": self.party_id,
            "epoch": self.epoch,
            "version": self.version,
            "stake": self.stake,
            "time_s": self.time_s,
        }
        return _canonical(said if self.capability is None else said | {"capability": self.capability.to_dict()})

    def sign(self, key: EraSigner) -> "Signed":
        """Return the signature of the statement."""
        return Signed(key.verification_key.hex, key.sign(self.message).hex(), self.time_s)


@dataclass(frozen=True, slots=True)
class Signed:
    """The signature of a statement, as it is stored and passed on.

    Attributes:
        key: the verification key, 64 hex digits.
        signature: 128 hex digits.
        time_s: the time of the statement.
        stake: the stated stake, if the registration counts with another one (rule 6).
    """

    key: str
    signature: str
    time_s: int
    stake: int | None = None

    @classmethod
    def from_bytes(cls, content: bytes) -> "Signed | None":
        """Return what ``to_bytes`` wrote; ``None`` for anything else, and for what no party can have signed."""
        try:
            found = json.loads(content)
            signed = cls(found["key"], found["signature"], found["time_s"], found.get("stake"))
            possible = (
                _KEY.fullmatch(signed.key)
                and _SIGNATURE.fullmatch(signed.signature)
                and type(signed.time_s) is int
                and 0 <= signed.time_s < MAX_TIME_S
                and type(signed.stake) in (int, NoneType)
                and 0 <= (signed.stake or 0) <= MAX_LOVELACE
            )
        except (ValueError, TypeError, KeyError, RecursionError):
            return None
        return signed if possible else None

    def to_bytes(self) -> bytes:
        """Return the stored form (rule 5)."""
        kept = {"key": self.key, "signature": self.signature, "time_s": self.time_s}
        return _canonical(kept if self.stake is None else kept | {"stake": self.stake})

    def statement(self, row: Registration, network_magic: int | None) -> Statement:
        """Return the statement of a registration."""
        stake = row.stake if self.stake is None else self.stake
        return Statement(network_magic, row.party_id, row.epoch, row.version, stake, self.time_s, row.capability)

    def counted_with(self, stake: int, lovelace: int) -> "Signed":
        """Return a copy for a registration that states ``stake`` and counts with ``lovelace``."""
        stated = stake if self.stake is None else self.stake
        return replace(self, stake=None if stated == lovelace else stated)

    def verify(self, statement: Statement, *, party_key: str | None = None) -> None:
        """Check that the party signed ``statement``.

        Args:
            statement: the statement.
            party_key: the party's key, if it is configured.

        Raises:
            RegistrationSignatureError: the signature is invalid, or the key is not the party's (rule 3).
        """
        if not (self.key == party_key or (party_key is None and speaks_for(self.key, statement.party_id))):
            raise RegistrationSignatureError(
                f"The key of a registration is not the key of {statement.party_id}",
                expected=party_key or "a party id that is the key, or the pool id that is the hash of the key",
                got=self.key,
                next_step="Register under the key's own id, or without a signature",
            )
        try:
            key, signature = VerificationKey(bytes.fromhex(self.key)), bytes.fromhex(self.signature)
        except (ValueError, MarkerError) as error:
            raise _not_signed(statement, "a malformed key or signature") from error
        if len(signature) != SIGNATURE_BYTES or not verify_signature(statement.message, signature, key):
            raise _not_signed(statement, "another signature")


@dataclass(frozen=True, slots=True)
class Sorted:
    """Registrations by the state of their signatures."""

    verified: tuple[Registration, ...]
    unsigned: tuple[Registration, ...]
    refused: tuple[tuple[Registration, str], ...]


def sort_by_signature(registrations: Iterable[Registration], network_magic: int | None) -> Sorted:
    """Sort registrations into verified, unsigned, and refused ones with the reasons.

    Args:
        registrations: the registrations.
        network_magic: the network that they must belong to.
    """
    verified: list[Registration] = []
    unsigned: list[Registration] = []
    refused: list[tuple[Registration, str]] = []
    for row in registrations:
        if row.signed is None:
            unsigned.append(row)
            continue
        signed = Signed.from_bytes(row.signed)
        if signed is None:
            refused.append((row, "the stored signature is malformed"))
            continue
        try:
            signed.verify(signed.statement(row, network_magic))
        except RegistrationSignatureError as error:
            refused.append((row, str(error)))
        else:
            verified.append(row)
    return Sorted(tuple(verified), tuple(unsigned), tuple(refused))


def speaks_for(key: str, party_id: str) -> bool:
    """Whether a party's id is this key, 64 hex digits, or its hash (rule 3)."""
    return party_id == key or (party_id.startswith("pool1") and party_id == pool_id(key))


def pool_id(key: str) -> str:
    """The pool id of a cold verification key, ``pool1…``."""
    return encode_bech32("pool", hashlib.blake2b(bytes.fromhex(key), digest_size=28).digest())


def _canonical(value: dict[str, object]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _not_signed(statement: Statement, got: str) -> RegistrationSignatureError:
    return RegistrationSignatureError(
        f"A registration was not signed by {statement.party_id}",
        expected="its signature of this registration, on this network",
        got=got,
        next_step="Sign exactly what is registered (docs/service.md)",
    )
