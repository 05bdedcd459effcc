"""A real ledger's verdict on a transaction: the Scalus emulator, in a Node process.

In: the unspent outputs and the slot of a local chain, then signed transactions. Out: verdicts. Scalus judges by
protocol parameters of its own, which are the defaults of ``ProtocolParameters``; cases at the limits hold both to them.

    ledger = ScalusLedger(chain.utxos(address), chain.current_slot())
    assert ledger.submit(cbor).accepted
"""

import atexit
import itertools
import json
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cbor2
from pycardano import Address

from chain_reader.local_chain import Output
from tests.node_packages import install

HERE = Path(__file__).resolve().parent

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Verdict:
    """What the ledger made of a transaction: its hash, or why it was refused."""

    accepted: bool
    hash: str | None = None
    error: str | None = None


class ScalusLedger:
    """A ledger that holds ``utxos`` at ``slot``; what it accepts changes it. All of them share one process."""

    def __init__(self, utxos: Iterable[Output], slot: int) -> None:
        self._number = next(_numbers)
        self._ask(utxos=utxo_map(utxos).hex(), slot=slot)

    def submit(self, cbor: bytes) -> Verdict:
        """Judge a signed transaction, and apply it if it is good."""
        return Verdict(**self._ask(submit=cbor.hex()))

    def _ask(self, **question: Any) -> dict[str, Any]:
        process = _process()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps({"ledger": self._number, **question}) + "\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        assert answer, f"the judge ended with exit code {process.wait()}"
        return json.loads(answer)


def utxo_map(utxos: Iterable[Output]) -> bytes:
    """Outputs as the ledger's map of inputs to outputs, in CBOR."""
    entries = [cbor2.dumps([bytes.fromhex(made.transaction), made.index]) + _encoded(made) for made in utxos]
    return cbor2.dumps({n: n for n in range(len(entries))})[: _head_length(len(entries))] + b"".join(entries)


def _head_length(count: int) -> int:
    return 1 if count < 24 else 2 if count < 2**8 else 3


def _encoded(made: Output) -> bytes:
    assets: dict[bytes, dict[bytes, int]] = {}
    for unit, quantity in made.assets:
        raw = bytes.fromhex(unit)
        assets.setdefault(raw[:28], {})[raw[28:]] = quantity
    fields: dict[int, Any] = {
        0: _address(made.address),
        1: [made.lovelace, assets] if assets else made.lovelace,
    }
    if made.datum is not None:
        fields[2] = [1, cbor2.CBORTag(24, bytes.fromhex(made.datum))]
    elif made.datum_hash is not None:
        fields[2] = [0, bytes.fromhex(made.datum_hash)]
    return cbor2.dumps(fields)


@cache
def _address(text: str) -> bytes:
    return bytes(Address.from_primitive(text))


@cache
def _process() -> subprocess.Popen[str]:
    install(HERE)
    process = subprocess.Popen(
        ["node", str(HERE / "judge.mjs")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=HERE
    )
    atexit.register(_stop, process)
    return process


def _stop(process: subprocess.Popen[str]) -> None:
    process.communicate(timeout=30)
