"""A funded wallet, and transactions put together byte by byte, so that they can be wrong in every way.

``Wallet.pay`` makes a good transaction out of nothing but defaults: it spends the first funds, pays most of them back,
names a fee above the minimum and is signed. Each argument changes one thing.
"""

import hashlib
import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import cbor2
from cbor2 import CBORTag
from nacl.signing import SigningKey
from pycardano import Address, Network, ScriptHash, VerificationKeyHash

from chain_reader.local_chain import FaucetOutput, LocalChain, Output

ADA = 1_000_000
SLOT = 50  # the slot that everything is judged at

# fields of a transaction body
INPUTS, OUTPUTS, FEE, END, AUXILIARY_HASH, START, MINT, SIGNERS, NETWORK, READ = 0, 1, 2, 3, 7, 8, 9, 14, 15, 18

KEY, OTHER_KEY, STRANGER = (SigningKey(bytes([n]) * 32) for n in (1, 2, 3))
POLICY = b"\xab" * 28
MANY_ASSETS = {b"\xcd" * 28: {bytes([n // 256, n % 256]) * 8: 1 for n in range(274)}}
FULL_VALUE = {b"\xcd" * 28: {**MANY_ASSETS[b"\xcd" * 28], b"z" * 25: 1}}  # 5,000 bytes with lovelace
OVERFULL_VALUE = {b"\xcd" * 28: {**MANY_ASSETS[b"\xcd" * 28], b"z" * 26: 1}}


def units(assets: dict[bytes, dict[bytes, int]]) -> tuple[tuple[str, int], ...]:
    return tuple(
        ((policy + name).hex(), quantity) for policy, names in assets.items() for name, quantity in names.items()
    )


def key_hash(key: SigningKey) -> bytes:
    return hashlib.blake2b(bytes(key.verify_key), digest_size=28).digest()


HASH, OTHER_HASH, STRANGER_HASH = key_hash(KEY), key_hash(OTHER_KEY), key_hash(STRANGER)
NATIVE_SCRIPT = [0, HASH]


def script_hash(script: Any) -> bytes:
    return hashlib.blake2b(b"\x00" + cbor2.dumps(script), digest_size=28).digest()


SCRIPT_HASH = script_hash(NATIVE_SCRIPT)

OWN = Address(VerificationKeyHash(HASH), network=Network.TESTNET)
OTHER = Address(VerificationKeyHash(OTHER_HASH), network=Network.TESTNET)
BASE = Address(VerificationKeyHash(HASH), VerificationKeyHash(OTHER_HASH), Network.TESTNET)
SCRIPT = Address(ScriptHash(SCRIPT_HASH), network=Network.TESTNET)
MAINNET = Address(VerificationKeyHash(HASH), network=Network.MAINNET)

# scripts, the first item of each telling its kind: signature, all, any, at least, after (a slot), before (a slot)
TRIPLE = [[0, HASH], [0, OTHER_HASH], [0, STRANGER_HASH]]
SCRIPTS: dict[str, Any] = {
    "key": NATIVE_SCRIPT,
    "all": [1, TRIPLE],
    "any": [2, TRIPLE],
    "two": [3, 2, TRIPLE],
    "after": [4, SLOT - 10],
    "before": [5, SLOT + 10],
    "lock": [1, [[0, HASH], [5, SLOT + 10]]],
    "spare": [2, [[0, HASH], [1, [[0, OTHER_HASH], [4, SLOT]]]]],
    "everybody": [1, []],
    "nobody": [2, []],
    "none needed": [3, 0, [[0, OTHER_HASH]]],
    "below none": [3, -1, []],
    "too many": [3, 4, TRIPLE],
}


FUNDS = {
    "funds": FaucetOutput(OWN.encode(), 100 * ADA),
    "more": FaucetOutput(OWN.encode(), 50 * ADA),
    "tokens": FaucetOutput(OWN.encode(), 20 * ADA, ((POLICY.hex(), 7), (POLICY.hex() + "6161", 5))),
    "base": FaucetOutput(BASE.encode(), 30 * ADA),
    "script": FaucetOutput(SCRIPT.encode(), 30 * ADA),
    "other": FaucetOutput(OTHER.encode(), 30 * ADA),
    "datum": FaucetOutput(OWN.encode(), 30 * ADA, datum=cbor2.dumps(CBORTag(121, [b"era"])).hex()),
    "full": FaucetOutput(OWN.encode(), 60 * ADA, units(FULL_VALUE)),
    "overfull": FaucetOutput(OWN.encode(), 60 * ADA, units(OVERFULL_VALUE)),
    "minted": FaucetOutput(OTHER.encode(), 20 * ADA, ((SCRIPT_HASH.hex() + "74", 5),)),
    **{
        f"at {name}": FaucetOutput(Address(ScriptHash(script_hash(script)), network=Network.TESTNET).encode(), 20 * ADA)
        for name, script in SCRIPTS.items()
    },
}

Reference = list[Any]


@dataclass(frozen=True)
class Wallet:
    """What ``FUNDS`` became on a chain."""

    outputs: dict[str, Output]

    @classmethod
    def funded(cls, chain: LocalChain) -> "Wallet":
        return cls(dict(zip(FUNDS, chain.place(list(FUNDS.values())), strict=True)))

    def ref(self, name: str) -> Reference:
        """An output as an input of a transaction."""
        return [bytes.fromhex(self.outputs[name].transaction), self.outputs[name].index]

    def pay(
        self,
        *,
        spend: tuple[str, ...] = ("funds",),
        fee: int = ADA,
        extra: int = 0,
        first: Any = None,
        then: tuple[Any, ...] = (),
        auxiliary: Any = None,
        auxiliary_bytes: bytes | None = None,
        drop: Iterable[int] = (),
        **kinds: Any,
    ) -> bytes:
        """A signed transaction.

        Args:
            spend: names of the outputs it spends.
            fee: the fee it names.
            extra: lovelace that it pays out beyond what it has.
            first: the first output; ``...`` in it stands for the lovelace that is left.
            then: further outputs.
            auxiliary: auxiliary data, whose hash goes into the body.
            auxiliary_bytes: the same, encoded.
            drop: body fields to leave out.
            kinds: ``body`` (fields to set), ``keys`` (that sign), ``witnesses`` (instead), ``scripts`` (further
                witness fields), ``valid`` (the flag).
        """
        left = sum(self.outputs[name].lovelace for name in spend) - fee + extra - sum(map(_lovelace, then))
        if auxiliary is not None:
            auxiliary_bytes = cbor2.dumps(auxiliary)
        body: dict[int, Any] = {
            INPUTS: [self.ref(name) for name in spend],
            OUTPUTS: [_filled(output(...) if first is None else first, left), *then],
            FEE: fee,
        }
        if auxiliary_bytes is not None:
            body[AUXILIARY_HASH] = hashlib.blake2b(auxiliary_bytes, digest_size=32).digest()
        body.update(kinds.pop("body", {}))
        for field in drop:
            del body[field]
        return assemble(cbor2.dumps(body), auxiliary=auxiliary_bytes, **kinds)

    def cheapest(self, *, below: int = 0) -> bytes:
        """A transaction that pays the least fee for its size, or ``below`` less."""
        fee = ADA
        for _ in range(3):  # the size depends on the fee, by a byte or two
            # the fee is for the size without the validity flag
            fee = 155_381 + 44 * (len(self.pay(fee=fee)) - 1)
        return self.pay(fee=fee - below)

    def sized(self, size: int) -> bytes:
        """A transaction of ``size`` bytes, filled up with metadata."""
        counts = itertools.product(range(size // 66 - 6, size // 66), range(65))
        strings = ([b"x" * 64] * full + [b"x" * last] for full, last in counts)
        return next(made for some in strings if len(made := self.pay(auxiliary={1: some})) == size)


def assemble(
    body: bytes,
    *,
    keys: tuple[SigningKey, ...] = (KEY,),
    witnesses: Any = None,
    scripts: dict[int, Any] | None = None,
    valid: Any = True,
    auxiliary: bytes | None = None,
) -> bytes:
    """A transaction of these parts, signed over the bytes of the body; ``scripts`` are further witness fields."""
    signed = {0: signatures(body, *keys), **(scripts or {})} if witnesses is None else witnesses
    return b"\x84" + body + cbor2.dumps(signed) + cbor2.dumps(valid) + (b"\xf6" if auxiliary is None else auxiliary)


def signatures(body: bytes, *keys: SigningKey) -> list[list[bytes]]:
    body_hash = hashlib.blake2b(body, digest_size=32).digest()
    return [[bytes(key.verify_key), key.sign(body_hash).signature] for key in keys]


def output(lovelace: Any, *, to: bytes | Address = OWN, assets: Any = None, **fields: Any) -> dict[int, Any]:
    """An output in the form of a map; ``fields`` are ``datum`` (CBOR), ``option`` (the datum field) and ``script``."""
    made: dict[int, Any] = {0: bytes(to), 1: lovelace if assets is None else [lovelace, assets]}
    if "datum" in fields:
        made[2] = [1, CBORTag(24, fields["datum"])]
    if "option" in fields:
        made[2] = fields["option"]
    if "script" in fields:
        made[3] = fields["script"]
    return made


def _lovelace(made: Any) -> int:
    return made[1][0] if isinstance(made[1], list) else made[1]


def _filled(made: Any, left: int) -> Any:
    """``made`` with ``left`` lovelace where it says ``...``."""
    if isinstance(made, dict):
        return {key: _filled(value, left) for key, value in made.items()}
    if isinstance(made, list):
        return [_filled(value, left) for value in made]
    return left if made is ... else made
