"""Payment keys derived from a wallet's words, root key or account key, as CIP-3 (Icarus) and CIP-1852 define it. Pure.

In: 12, 15, 18, 21 or 24 words, or an extended private key with its chain code; a derivation path. Out: the extended
private key at that path. No error shows a word or a key.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from typing import Final

from nacl.bindings import crypto_scalarmult_ed25519_base_noclamp

WORD_COUNTS = (12, 15, 18, 21, 24)
DEFAULT_PATH = "1852H/1815H/0H/0/0"
"""The first payment key of the first account, which wallets show as their first address."""

HARDENED: Final = 1 << 31
_PURPOSES = (1852, 1854)
_COIN = 1815
_OTHER_ROLES = {2: "a stake key", 3: "a DRep key", 4: "a committee cold key", 5: "a committee hot key"}
_STEP = re.compile(r"(0|[1-9][0-9]{0,9})(['hH]?)")


class DerivationError(ValueError):
    """A key cannot be derived. ``expected`` and ``got`` show no secret."""

    def __init__(self, expected: str, got: str) -> None:
        self.expected = expected
        self.got = got
        super().__init__(f"expected {expected}, got {got}")


@dataclass(frozen=True, slots=True)
class ExtendedKey:
    """An extended private key: 64 private bytes and 32 of chain code. Its ``repr`` shows neither.

    Raises:
        DerivationError: the private half is not one that Ed25519 can use.
    """

    private: bytes = field(repr=False)
    chain_code: bytes = field(repr=False)

    def __post_init__(self) -> None:
        first, last = self.private[0], self.private[31]
        if first & 0b111 or last & 0b1100_0000 != 0b0100_0000:
            raise DerivationError("an extended private key", "bytes that are not one")

    @property
    def public(self) -> bytes:
        """Its public key, 32 bytes."""
        return bytes(crypto_scalarmult_ed25519_base_noclamp(self.private[:32]))

    def child(self, index: int) -> "ExtendedKey":
        """The key one step further; from ``HARDENED`` on the step is a hardened one."""
        step = index.to_bytes(4, "little")
        head, message = (b"\x00", self.private) if index >= HARDENED else (b"\x02", self.public)
        tweak = hmac.digest(self.chain_code, head + message + step, "sha512")
        chain = hmac.digest(self.chain_code, bytes([head[0] + 1]) + message + step, "sha512")
        left = 8 * int.from_bytes(tweak[:28], "little") + int.from_bytes(self.private[:32], "little")
        right = (int.from_bytes(tweak[32:], "little") + int.from_bytes(self.private[32:], "little")) % (1 << 256)
        return ExtendedKey(left.to_bytes(32, "little") + right.to_bytes(32, "little"), chain[32:])

    def at(self, steps: tuple[int, ...]) -> "ExtendedKey":
        """The key after several steps."""
        key = self
        for step in steps:
            key = key.child(step)
        return key


@dataclass(frozen=True, slots=True)
class DerivationPath:
    """The path of a payment key. ``steps`` are all five; from ``HARDENED`` on a step is a hardened one."""

    steps: tuple[int, ...]

    @classmethod
    def parse(cls, text: str) -> "DerivationPath":
        """The path that ``text`` writes, such as ``1852H/1815H/0H/0/0`` or ``m/1852'/1815'/0'/0/0``.

        Raises:
            DerivationError: it is not the path of a payment key (CIP-1852, or CIP-1854 for keys that sign together).
        """
        found = [_STEP.fullmatch(part) for part in text.strip().removeprefix("m/").split("/")]
        if len(found) != 5:
            raise _not_a_path(f"{text!r}"[:60])
        steps = tuple(int(one[1]) + HARDENED * bool(one[2]) if one else -1 for one in found)
        purpose, coin, account, role, index = steps
        if role in _OTHER_ROLES:
            raise _not_a_path(f"the path of {_OTHER_ROLES[role]}")
        right = purpose - HARDENED in _PURPOSES and coin == HARDENED + _COIN
        if not (right and HARDENED <= account < 2 * HARDENED and role in (0, 1) and 0 <= index < HARDENED):
            raise _not_a_path(f"{text!r}"[:60])
        return cls(steps)

    @property
    def in_account(self) -> tuple[int, ...]:
        """The steps below the account: role and index."""
        return self.steps[3:]

    def __str__(self) -> str:
        return "/".join(f"{step - HARDENED}H" if step >= HARDENED else str(step) for step in self.steps)


def root_of_words(words: list[str], second_factor: bytes = b"") -> ExtendedKey:
    """The root key of a wallet's words, with the passphrase of its second factor if it has one.

    Raises:
        DerivationError: they are not the words of a wallet; the error shows none of them.
    """
    from mnemonic import Mnemonic

    english = Mnemonic("english")
    if len(words) not in WORD_COUNTS:
        raise DerivationError(f"{', '.join(map(str, WORD_COUNTS[:-1]))} or {WORD_COUNTS[-1]} words", f"{len(words)}")
    unknown = [number for number, word in enumerate(words, 1) if word not in english.wordlist]
    if unknown:
        raise DerivationError("words of the English list of BIP-39", f"another one at {', '.join(map(str, unknown))}")
    try:
        entropy = bytes(english.to_entropy(words))
    except ValueError:
        # "from None": the exception of the library may hold the words
        raise DerivationError("words whose check digits are right", "a wrong word, or words in another order") from None
    raw = bytearray(hashlib.pbkdf2_hmac("sha512", second_factor, entropy, 4096, 96))
    raw[0] &= 0b1111_1000
    raw[31] = raw[31] & 0b0001_1111 | 0b0100_0000
    return ExtendedKey(bytes(raw[:64]), bytes(raw[64:]))


def _not_a_path(got: str) -> DerivationError:
    return DerivationError(f"the path of a payment key, such as {DEFAULT_PATH}", got)
