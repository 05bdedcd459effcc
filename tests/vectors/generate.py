"""Makes ``extension.json``: extended payloads with fixed keys, what they sign, and what a reader must make of them.

``python tests/vectors/generate.py`` writes the file, then checks it; with ``--check`` it changes nothing. Exit code 1
when the file is not what would be written, or when a signature, a message or a hash in it is wrong.

Nothing of the project is imported: the wire format is written down here a second time, with the standard library and
libsodium, so that the tests can hold the one to the other. Other implementations can read the file too.
"""

import json
import sys
from hashlib import blake2b
from pathlib import Path
from typing import Any

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

FILE = Path(__file__).with_name("extension.json")

SEEDS = {name: bytes([number]) * 32 for number, name in enumerate(("era", "a", "b", "c", "d", "e"), start=1)}
SIGNERS = {name: SigningKey(seed) for name, seed in SEEDS.items()}
KEYS = {name: signer.verify_key.encode().hex() for name, signer in SIGNERS.items()}

NETWORK_MAGIC = 42
ADDRESS = "addr_test1vqqqzqsrqszsvpcgpy9qkrqdpc83qygjzv2p29shrqv35xcftcpvd"
OTHER_ADDRESS = "addr_test1vqqsyqcyq5rqwzqfpg9scrgwpugpzysnzs23v9ccrydpk8qxyywge"
POLICY = {"network_magic": NETWORK_MAGIC, "address": ADDRESS, "keys": ["a", "b", "c"], "threshold": 2}


def compact(value: Any, *, sort_keys: bool = False) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=sort_keys)


def message_of(payload: dict[str, Any]) -> str:
    return compact({name: payload[name] for name in ("extension", "markers", "signature")}, sort_keys=True)


def hash_of(message: str) -> str:
    return blake2b(message.encode(), digest_size=32).hexdigest()


def signed(key: str, message: str) -> dict[str, str]:
    return {"key": KEYS[key], "signature": SIGNERS[key].sign(message.encode()).signature.hex()}


def payload(
    markers: list[tuple[str, int | None]],
    sequence: int,
    previous: str | None,
    signers: str,
    *,
    keys: str = "abc",
    threshold: int = 2,
    network_magic: int = NETWORK_MAGIC,
    address: str = ADDRESS,
    expires_epoch: int | None = None,
) -> dict[str, Any]:
    """A payload as writers make it, fields in their order; ``signers`` and ``keys`` have a letter for each key."""
    plain = [{"name": name, "epoch": epoch} for name, epoch in markers]
    whole: dict[str, Any] = {
        "markers": plain,
        "signature": SIGNERS["era"].sign(compact(plain).encode()).signature.hex(),
        "extension": {
            "v": 1,
            "network_magic": network_magic,
            "address": address,
            "sequence": sequence,
            "previous": previous,
            "expires_epoch": expires_epoch,
            "threshold": threshold,
            "keys": [KEYS[key] for key in keys],
        },
    }
    whole["extension_signatures"] = [signed(key, message_of(whole)) for key in signers]
    return whole


def payloads() -> dict[str, dict[str, Any]]:
    announced = [("thales", 1), ("pythagoras", None)]
    activated = [("thales", 1), ("pythagoras", 20)]
    made = {"first": payload(announced, 1, None, "ab")}
    first = hash_of(message_of(made["first"]))
    made["second"] = payload(activated, 2, first, "bc", expires_epoch=30)
    second = hash_of(message_of(made["second"]))
    made |= {
        "second-by-one": payload(activated, 2, first, "b", expires_epoch=30),
        "second-by-one-twice": payload(activated, 2, first, "bb", expires_epoch=30),
        "second-by-strangers": payload(activated, 2, first, "bde", expires_epoch=30),
        "second-by-all-and-a-stranger": payload(activated, 2, first, "abcd", expires_epoch=30),
        "second-of-other-content": payload([("thales", 1), ("pythagoras", 21)], 2, first, "ab"),
        "second-not-after-first": payload(activated, 2, second, "ab"),
        "second-as-if-first": payload(activated, 2, None, "ab"),
        "fourth": payload(activated, 4, second, "ac"),
        "rotated": payload(activated, 3, second, "abde", keys="cde", threshold=2),
        "rotated-without-the-old": payload(activated, 3, second, "cde", keys="cde", threshold=2),
        "rotated-without-the-new": payload(activated, 3, second, "abd", keys="cde", threshold=2),
        "lowered-threshold": payload(activated, 3, second, "ab", threshold=1),
        "lowered-threshold-by-one": payload(activated, 3, second, "a", threshold=1),
        "other-network": payload(activated, 2, first, "ab", network_magic=2),
        "other-address": payload(activated, 2, first, "ab", address=OTHER_ADDRESS),
        "words-of-any-kind": payload([('θ😀"\\\n\u007f', 2**64 - 1)], 2**64 - 1, "ff" * 32, "c", keys="c", threshold=1),
        "nobody-signed": payload(activated, 2, first, ""),
    }
    made["after-rotation"] = payload(activated, 4, hash_of(message_of(made["rotated"])), "de", keys="cde", threshold=2)
    return made


JUDGEMENTS = [
    # name of the case, trusted before, candidate, epoch, verdict, stale
    ("the first", None, "first", 10, "ExtensionAccepted", False),
    ("the first again", "first", "first", 10, "ExtensionAccepted", False),
    ("the next", "first", "second", 10, "ExtensionAccepted", False),
    ("any two of three", "first", "second-by-all-and-a-stranger", 10, "ExtensionAccepted", False),
    ("a second one, to a reader without memory", None, "second", 10, "ExtensionAccepted", False),
    ("in the last epoch before it expires", "first", "second", 30, "ExtensionAccepted", False),
    ("expired", "first", "second", 31, "ExtensionAccepted", True),
    ("expired, and in force already", "second", "second", 31, "ExtensionAccepted", True),
    ("one signature of two", "first", "second-by-one", 10, "BelowThreshold", None),
    ("one key twice", "first", "second-by-one-twice", 10, "BelowThreshold", None),
    ("strangers do not count", "first", "second-by-strangers", 10, "BelowThreshold", None),
    ("nobody has signed", "first", "nobody-signed", 10, "BelowThreshold", None),
    ("an old one again", "second", "first", 10, "RolledBack", None),
    ("an old one of retired keys", "after-rotation", "first", 10, "RolledBack", None),
    ("the same sequence with other content", "second", "second-of-other-content", 10, "Equivocation", None),
    ("the next, after another one", "first", "second-not-after-first", 10, "BrokenChain", None),
    ("the next, as if it were the first", "first", "second-as-if-first", 10, "BrokenChain", None),
    ("a gap in the sequence", "first", "fourth", 10, "ExtensionAccepted", False),
    ("another network", "first", "other-network", 10, "WrongNetwork", None),
    ("another address", "first", "other-address", 10, "WrongAddress", None),
    ("keys rotated by old and new", "second", "rotated", 10, "ExtensionAccepted", False),
    ("keys rotated by the new alone", "second", "rotated-without-the-old", 10, "BelowThreshold", None),
    ("keys rotated by the old, one of the new", "second", "rotated-without-the-new", 10, "BelowThreshold", None),
    ("after the rotation the new keys do", "rotated", "after-rotation", 10, "ExtensionAccepted", False),
    ("the new keys, to a reader that knows the old", "second", "after-rotation", 10, "BelowThreshold", None),
    ("a lower threshold by the old one", "second", "lowered-threshold", 10, "ExtensionAccepted", False),
    ("a lower threshold by itself", "second", "lowered-threshold-by-one", 10, "BelowThreshold", None),
]


def refused(made: dict[str, dict[str, Any]]) -> list[dict[str, str]]:
    """Payloads that no reader of the extension may take, each one step away from a good one."""
    good = made["first"]

    def changed(**extension: Any) -> str:
        return compact(good | {"extension": good["extension"] | extension})

    def without(*names: str) -> str:
        kept = {name: value for name, value in good["extension"].items() if name not in names}
        return compact(good | {"extension": kept})

    def by(**signature: Any) -> str:
        return compact(good | {"extension_signatures": [good["extension_signatures"][0] | signature]})

    text = compact(good)
    key = KEYS["a"]
    cases = {
        "version 2": changed(v=2),
        "version true": changed(v=True),
        "no version": without("v"),
        "no expiry": without("expires_epoch"),
        "an unknown field": changed(note="x"),
        "a field twice": text.replace('"sequence":1', '"sequence":1,"sequence":1'),
        "the extension twice": text.replace('"extension_signatures"', '"extension":null,"extension_signatures"'),
        "an extension that is null": compact(good | {"extension": None}),
        "an extension as an array": compact(good | {"extension": list(good["extension"].values())}),
        "no extension": compact({name: value for name, value in good.items() if name != "extension"}),
        "no signatures": compact({name: value for name, value in good.items() if name != "extension_signatures"}),
        "signatures that are null": compact(good | {"extension_signatures": None}),
        "signatures as an object": compact(good | {"extension_signatures": {}}),
        "no signature of the payload itself": compact(good | {"signature": None}),
        "threshold 0": changed(threshold=0),
        "threshold above the keys": changed(threshold=4),
        "a threshold with a fraction": changed(threshold=2.0),
        "no keys": changed(keys=[], threshold=0),
        "a key twice": changed(keys=[key, KEYS["b"], key]),
        "a key in capitals": changed(keys=[key.upper(), KEYS["b"]]),
        "a short key": changed(keys=[key[:-2], KEYS["b"]]),
        "a key that is no point": changed(keys=["00" * 32, KEYS["b"]]),
        "keys that are a text": changed(keys=key),
        "a sequence below 0": changed(sequence=-1),
        "a sequence beyond 64 bits": changed(sequence=2**64),
        "a sequence as a text": changed(sequence="1"),
        "a network that is null": changed(network_magic=None),
        "an empty address": changed(address=""),
        "an address that is a number": changed(address=5),
        "an address that is no text": text.replace("addr_test1", "\\ud800"),
        "a short previous": changed(previous="ab"),
        "a previous in capitals": changed(previous="AB" * 32),
        "a previous that is a number": changed(previous=0),
        "an expiry as a text": changed(expires_epoch="30"),
        "a signature in capitals": by(signature=good["extension_signatures"][0]["signature"].upper()),
        "a short signature": by(signature="ab"),
        "a signature by no key": by(key="zz"),
        "a signature with another field": by(note=1),
        "a signature that is null": compact(good | {"extension_signatures": [None]}),
        "something after it": text + "{}",
    }
    return [{"name": name, "content": content} for name, content in cases.items()]


def document() -> dict[str, Any]:
    made = payloads()
    return {
        "about": "extended payloads, made by tests/vectors/generate.py; keys are named by a letter",
        "keys": {name: {"seed": SEEDS[name].hex(), "verification_key": KEYS[name]} for name in SEEDS},
        "policy": POLICY,
        "payloads": [
            {"name": name, "content": compact(whole), "message": message_of(whole), "hash": hash_of(message_of(whole))}
            for name, whole in made.items()
        ],
        "judgements": [
            dict(zip(("name", "previous", "candidate", "epoch", "verdict", "stale"), case, strict=True))
            for case in JUDGEMENTS
        ],
        "refused": refused(made),
    }


def written() -> bytes:
    return (json.dumps(document(), indent=1, ensure_ascii=True) + "\n").encode()


def problems(data: bytes) -> list[str]:
    """What is wrong with the file, found from its bytes alone as far as that goes."""
    found = [] if data == written() else [f"{FILE.name} is not what the generator writes"]
    recorded = json.loads(data)
    names = {key["verification_key"]: name for name, key in recorded["keys"].items()}
    for name, key in recorded["keys"].items():
        if SigningKey(bytes.fromhex(key["seed"])).verify_key.encode().hex() != key["verification_key"]:
            found.append(f"key {name} is not that of its seed")
    for entry in recorded["payloads"]:
        whole = json.loads(entry["content"])
        if message_of(whole) != entry["message"] or hash_of(entry["message"]) != entry["hash"]:
            found.append(f"{entry['name']}: message or hash is wrong")
        checks = [("era", compact(whole["markers"]), whole["signature"])]
        checks += [(names[one["key"]], entry["message"], one["signature"]) for one in whole["extension_signatures"]]
        for signer, message, signature in checks:
            key = VerifyKey(bytes.fromhex(recorded["keys"][signer]["verification_key"]))
            try:
                key.verify(message.encode(), bytes.fromhex(signature))
            except BadSignatureError:
                found.append(f"{entry['name']}: the signature by {signer} is wrong")
    good = {entry["name"] for entry in recorded["payloads"]} | {None}
    found += [
        f"{case['name']}: names no payload"
        for case in recorded["judgements"]
        if not {case["previous"], case["candidate"]} <= good
    ]
    contents = [entry["content"] for kind in ("payloads", "refused") for entry in recorded[kind]]
    if len(set(contents)) != len(contents):
        found.append("the same content twice")
    return found


def main(arguments: list[str]) -> int:
    if "--check" not in arguments:
        FILE.write_bytes(written())
    found = problems(FILE.read_bytes())
    for problem in found:
        print(problem, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
