"""Programs that stand in for ``cardano-cli``: one that answers from a local chain, and ones that misbehave."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cbor2

from chain_reader.local_chain import LocalChain, Output

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).parents[2]

_OTHER_NETWORK = (
    'cardano-cli: HandshakeError (Refused NodeToClientV_16 "version data mismatch: NodeToClientVersionData '
    "{{networkMagic = NetworkMagic {{unNetworkMagic = {0}}}, query = False}} /= NodeToClientVersionData "
    '{{networkMagic = NetworkMagic {{unNetworkMagic = 1}}, query = False}}")'
)


def detailed(data: Any) -> Any:
    """Plutus data as the detailed schema has it."""
    if isinstance(data, cbor2.CBORTag):
        return {"constructor": data.tag - 121, "fields": [detailed(item) for item in data.value]}
    if isinstance(data, bytes):
        return {"bytes": data.hex()}
    if isinstance(data, int):
        return {"int": data}
    return {"list": [detailed(item) for item in data]}


def value_of(output: Output) -> dict[str, Any]:
    value: dict[str, Any] = {"lovelace": output.lovelace}
    for unit, quantity in output.assets:
        value.setdefault(unit[:56], {})[unit[56:]] = quantity
    return value


def answer(arguments: Sequence[str], socket: str, *, raw: bool = True) -> dict[str, Any] | str:
    """What ``cardano-cli`` prints as JSON where the node's socket is the file of a local chain, or why it fails."""
    with LocalChain.open(socket) as chain:
        magic = chain.genesis.network_magic
        if list(arguments[-2:]) != ["--testnet-magic", str(magic)]:
            return _OTHER_NETWORK.format(magic)
        if arguments[:2] == ["query", "tip"]:
            tip, length = chain.tip(), chain.genesis.epoch_length
            return {
                "block": tip.height, "epoch": tip.epoch, "era": "Conway", "hash": tip.hash, "slot": tip.slot,
                "slotInEpoch": tip.slot % length, "slotsToEpochEnd": length - tip.slot % length,
                "syncProgress": "100.00",
            }  # fmt: skip
        if arguments[:2] != ["query", "utxo"] or arguments[4] != "--output-json":
            return f"Invalid option `{arguments[2]}'\n\nUsage: cardano-cli query COMMAND"
        asked = arguments[3]
        transaction, _, index = asked.partition("#")
        found = [chain.output(transaction, int(index))] if arguments[2] == "--tx-in" else chain.utxos(asked)
        return {
            f"{output.transaction}#{output.index}": _described(output, raw)
            for output in found
            if output is not None and output.spent_by is None
        }


def _described(output: Output, raw: bool) -> dict[str, Any]:
    datum = output.datum
    return {
        "address": output.address,
        "datum": None,
        "inlineDatum": None if datum is None else detailed(cbor2.loads(bytes.fromhex(datum))),
        **({"inlineDatumRaw": datum} if datum is not None and raw else {}),
        **({"datumhash": None} if datum is None else {"inlineDatumhash": "ab" * 32}),
        "referenceScript": None,
        "value": value_of(output),
    }


def program(path: Path, body: str) -> str:
    """An executable Python program; its path."""
    path.write_text(f"#!{sys.executable}\n{body}")
    path.chmod(0o755)
    return str(path)


def answering(path: Path, *, raw: bool = True) -> str:
    """A ``cardano-cli`` whose node is a local chain: the socket is the chain's file. Old ones print no raw datum."""
    return program(
        path,
        f"""
import json, os, sys
sys.path.insert(0, {str(ROOT)!r})
from tests.chain_reader.fake_cardano_cli import answer
answered = answer(sys.argv[1:], os.environ["CARDANO_NODE_SOCKET_PATH"], raw={raw})
sys.exit(answered) if isinstance(answered, str) else print(json.dumps(answered, indent=4))
""",
    )


def answer_in_process(monkeypatch: "pytest.MonkeyPatch") -> None:
    """Whatever runs ``cardano-cli`` gets its answer without a process, which is quick."""
    from chain_reader.providers import cardano_cli as observer
    from chain_reader.providers.transport.bounded_process import Finished

    def run(command: Sequence[str], environment: Mapping[str, str], **_: Any) -> Finished:
        answered = answer(command[1:], environment["CARDANO_NODE_SOCKET_PATH"])
        if isinstance(answered, str):
            return Finished(1, b"", answered)
        return Finished(0, json.dumps(answered).encode(), "")

    monkeypatch.setattr(observer, "run_bounded", run)
