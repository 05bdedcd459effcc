"""Programs that stand in for ``cardano-cli``: one that answers from a local chain, and ones that misbehave."""

import sys
from pathlib import Path

ANSWERS = '''
import json, os, sys
import cbor2
from chain_reader.local_chain import LocalChain

def fail(text, code=1):
    print(text, file=sys.stderr)
    sys.exit(code)

def detailed(data):
    """Plutus data as the detailed schema has it."""
    if isinstance(data, cbor2.CBORTag):
        return {"constructor": data.tag - 121, "fields": [detailed(item) for item in data.value]}
    if isinstance(data, bytes):
        return {"bytes": data.hex()}
    if isinstance(data, int):
        return {"int": data}
    return {"list": [detailed(item) for item in data]}

def value_of(output):
    value = {"lovelace": output.lovelace}
    for unit, quantity in output.assets:
        value.setdefault(unit[:56], {})[unit[56:]] = quantity
    return value

arguments = sys.argv[1:]
with LocalChain.open(os.environ["CARDANO_NODE_SOCKET_PATH"]) as chain:
    magic = chain.genesis.network_magic
    if arguments[-2:] != ["--testnet-magic", str(magic)]:
        fail(
            'cardano-cli: HandshakeError (Refused NodeToClientV_16 "version data mismatch: NodeToClientVersionData '
            '{networkMagic = NetworkMagic {unNetworkMagic = %d}, query = False} /= NodeToClientVersionData '
            '{networkMagic = NetworkMagic {unNetworkMagic = 1}, query = False}")' % magic
        )
    if arguments[:2] == ["query", "tip"]:
        tip = chain.tip()
        answer = {
            "block": tip.height, "epoch": tip.epoch, "era": "Conway", "hash": tip.hash, "slot": tip.slot,
            "slotInEpoch": tip.slot % chain.genesis.epoch_length,
            "slotsToEpochEnd": chain.genesis.epoch_length - tip.slot % chain.genesis.epoch_length,
            "syncProgress": "100.00",
        }
    elif arguments[:2] == ["query", "utxo"] and arguments[4] == "--output-json":
        answer, asked = {}, arguments[3]
        if arguments[2] == "--tx-in":
            found = [chain.output(asked.partition("#")[0], int(asked.partition("#")[2]))]
        else:
            found = chain.utxos(asked)
        for output in found:
            if output is None or output.spent_by is not None:
                continue
            inline = output.datum is not None
            answer[f"{output.transaction}#{output.index}"] = {
                "address": output.address,
                "datum": None,
                "inlineDatum": detailed(cbor2.loads(bytes.fromhex(output.datum))) if inline else None,
                **({"inlineDatumRaw": output.datum} if inline and RAW else {}),
                **({"inlineDatumhash": "ab" * 32} if inline else {"datumhash": None}),
                "referenceScript": None,
                "value": value_of(output),
            }
    else:
        fail("Invalid option `%s'\\n\\nUsage: cardano-cli query COMMAND" % arguments[2])
print(json.dumps(answer, indent=4))
'''


def program(path: Path, body: str) -> str:
    """An executable Python program; its path."""
    path.write_text(f"#!{sys.executable}\n{body}")
    path.chmod(0o755)
    return str(path)


def answering(path: Path, *, raw: bool = True) -> str:
    """A ``cardano-cli`` whose node is a local chain: the socket is the chain's file. Old ones print no raw datum."""
    return program(path, f"RAW = {raw}\n{ANSWERS}")
