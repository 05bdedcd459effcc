"""Hostile configuration payloads against a decoder that is slow and obviously right: no error but ours, no difference.

The sample is drawn from a seed; ``make fuzz`` draws others, as many as there is time for.
"""

import json
import math
import random
import re
import struct
from typing import Any

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey as NaclKey

from datum import CONFIGURATION, Accepted, SigningKey, Unusable, Verdict, encode_datum, screen
from datum.configuration.markers import decoded

COUNT = 3_000
SEED = bytes(range(32))
KEY = SigningKey(SEED)
NACL = NaclKey(SEED)
NAMES = ["MithrilStakeDistribution", "CardanoStakeDistribution", "CardanoDatabase", "CardanoTransactions"]
NAMES.append("CardanoBlocksTransactions")
U64 = 2**64


class RefusedError(Exception):
    """The slow decoder takes it for no configuration, or no payload."""


# --- the slow decoder: CBOR into a tree of (kind, value) first, then the rules of FORMAT.md on the tree


def tree(data: bytes, at: int) -> tuple[tuple[str, Any], int]:
    if at >= len(data):
        raise RefusedError
    major, low = divmod(data[at], 32)
    at += 1
    number: int | None = low
    if low in (24, 25, 26, 27):
        size = 2 ** (low - 24)
        if at + size > len(data):
            raise RefusedError
        number, raw, at = int.from_bytes(data[at : at + size], "big"), data[at : at + size], at + size
        if major == 7 and low > 24:
            return ("float", struct.unpack(">" + "efd"[low - 25], raw)[0]), at
    elif low in (28, 29, 30):
        raise RefusedError
    elif low == 31:
        if major == 7:
            return ("break", None), at
        if major not in (2, 3, 4, 5):
            raise RefusedError
        number = None
    if major in (0, 1):
        return ("int", number if major == 0 else -1 - (number or 0)), at
    if major in (2, 3):
        return string(data, at, major, number)
    if major in (4, 5):
        items: list[tuple[str, Any]] = []
        wanted = None if number is None else number * (1 if major == 4 else 2)
        while wanted is None or len(items) < wanted:
            item, at = tree(data, at)
            if item[0] == "break":
                if wanted is None and (major == 4 or len(items) % 2 == 0):
                    break
                raise RefusedError
            items.append(item)
        return ("list" if major == 4 else "map", items), at
    if major == 6:
        item, at = tree(data, at)
        if item[0] == "break":
            raise RefusedError
        return ("tag", (number, item)), at
    return ("simple", number), at


def string(data: bytes, at: int, major: int, number: int | None) -> tuple[tuple[str, Any], int]:
    kind = "bytes" if major == 2 else "text"
    if number is not None:
        if at + number > len(data):
            raise RefusedError
        return (kind, [data[at : at + number], False]), at + number
    chunks, open_strings = [], 1
    while open_strings:
        if at < len(data) and data[at] == major * 32 + 31:
            open_strings, at = open_strings + 1, at + 1
            continue
        item, at = tree(data, at)
        if item[0] == "break":
            open_strings -= 1
        elif item[0] == kind:
            if kind == "text":
                utf8(item[1][0])
            chunks.append(item[1][0])
        else:
            raise RefusedError
    return (kind, [b"".join(chunks), True]), at


def utf8(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise RefusedError from None


def without_tags(item: tuple[str, Any]) -> tuple[str, Any]:
    while item[0] == "tag":
        item = item[1][1]
    return item


def check_any(item: tuple[str, Any], *, strict: bool) -> None:
    """An item that nobody uses; ``strict`` for one in the list of types, where less is taken."""
    kind, value = item
    if kind == "text":
        utf8(value[0])
    elif kind in ("list", "map"):
        for one in value:
            check_any(one, strict=strict)
    elif kind == "tag":
        if strict or (value[0] in (2, 3) and value[1][0] != "bytes"):
            raise RefusedError
        check_any(value[1], strict=False)
    elif kind == "simple":
        if value not in (20, 21, 22, 23):
            raise RefusedError
    elif kind == "int" and strict and not -(2**63) <= value < U64:
        raise RefusedError


def fields(item: tuple[str, Any], known: list[str]) -> dict[str, Any]:
    kind, entries = without_tags(item)
    if kind != "map":
        raise RefusedError
    found: dict[str, Any] = {}
    for position in range(0, len(entries), 2):
        key, value = without_tags(entries[position]), entries[position + 1]
        if key[0] not in ("text", "bytes") or key[1][1] or len(key[1][0]) > 4096:
            raise RefusedError
        if key[0] == "text":
            utf8(key[1][0])
        name = key[1][0].decode("latin-1")
        if name not in known:
            check_any(value, strict=False)
        elif name in found:
            raise RefusedError
        else:
            found[name] = value
    return found


def whole(item: tuple[str, Any]) -> int:
    while item[0] == "tag" and item[1][0] not in (2, 3):
        item = item[1][1]
    if item[0] == "tag" and item[1][0] == 2 and item[1][1][0] == "bytes":
        value = int.from_bytes(item[1][1][1][0], "big")
    elif item[0] == "int":
        value = item[1]
    else:
        raise RefusedError
    if not 0 <= value < U64:
        raise RefusedError
    return int(value)


def signing(item: tuple[str, Any] | None) -> tuple[int, int] | None:
    if item is None or item in (("simple", 22), ("simple", 23)):
        return None
    found = fields(item, ["security_parameter", "step"])
    if len(found) < 2:
        raise RefusedError
    return whole(found["security_parameter"]), whole(found["step"])


def slow_configuration(data: bytes) -> tuple[Any, ...]:
    item, _ = tree(data, 0)
    names = [
        "protocol_parameters",
        "enabled_signed_entity_types",
        "cardano_transactions",
        "cardano_blocks_transactions",
    ]
    found = fields(item, names)
    if names[0] not in found or names[1] not in found:
        raise RefusedError
    parameters = fields(found[names[0]], ["k", "m", "phi_f"])
    if len(parameters) < 3:
        raise RefusedError
    kind, phi_f = without_tags(parameters["phi_f"])
    listed, entries = without_tags(found[names[1]])
    if kind != "float" or listed != "list":
        raise RefusedError
    for entry in entries:
        check_any(entry, strict=True)
    texts = {entry[1][0].decode() for entry in entries if entry[0] == "text"}
    enabled = tuple(name for name in NAMES if name in texts)
    bits = struct.pack(">d", phi_f).hex()
    optional = signing(found.get(names[2])), signing(found.get(names[3]))
    return whole(parameters["k"]), whole(parameters["m"]), bits, enabled, *optional


class Number(str):  # noqa: SLOT000
    """A JSON number, as it was written."""


def struct_of(value: Any, names: list[str]) -> list[Any]:
    if isinstance(value, list) and len(value) == len(names):
        return value
    if not isinstance(value, dict):
        raise RefusedError
    pairs = [pair for pair in value["pairs"] if pair[0] in names]
    for name, _ in value["pairs"]:
        if re.search("[\ud800-\udfff]", name):
            raise RefusedError
    if sorted(name for name, _ in pairs) != sorted(names):
        raise RefusedError
    return [dict(pairs)[name] for name in names]


def slow_payload(content: bytes) -> tuple[str, list[tuple[int, Any]]]:
    """What became of a payload, and its configurations where it was accepted."""
    try:
        value = json.loads(
            content.decode(errors="surrogateescape"),
            object_pairs_hook=lambda pairs: {"pairs": pairs},
            parse_int=Number,
            parse_float=Number,
            parse_constant=lambda _: 1 / 0,
        )
        markers, signature = struct_of(value, ["markers", "signature"])
        if not isinstance(markers, list):
            return "Malformed", []
        read = [struct_of(one, ["epoch", "configuration"]) for one in markers]
    except (ValueError, RefusedError, ZeroDivisionError):
        return "Malformed", []
    for epoch, text in read:
        if not isinstance(epoch, Number) or not re.fullmatch("0|[1-9][0-9]*", epoch) or len(epoch) > 20:
            return "Malformed", []
        if int(epoch) >= U64 or type(text) is not str or re.search("[\ud800-\udfff]", text):
            return "Malformed", []
    try:
        raw = bytes.fromhex(signature) if type(signature) is str and signature.isalnum() else b""
    except ValueError:
        raw = b""
    if len(raw) != 64:
        return "Malformed", []
    items = ",".join(
        f'{{"epoch":{epoch},"configuration":{json.dumps(text, ensure_ascii=False)}}}' for epoch, text in read
    )
    try:
        NACL.verify_key.verify(f"[{items}]".encode(), raw)
    except BadSignatureError:
        return "WrongSigner", []
    try:
        found = [(int(epoch), slow_configuration(unhex(text))) for epoch, text in read]
    except RefusedError:
        return "Unusable", []
    for _, (k, m, bits, *_rest) in found:
        phi_f = struct.unpack(">d", bytes.fromhex(bits))[0]
        if not (1 <= k <= m and not math.isnan(phi_f) and 0 < phi_f <= 1):
            return "Unusable", []
    return "Accepted", found


def unhex(text: str) -> bytes:
    if not re.fullmatch("([0-9a-fA-F]{2})*", text, re.ASCII) or text.endswith("\n"):
        raise RefusedError
    return bytes.fromhex(text)


# --- what is fed to both


def head(draw: random.Random, major: int, number: int) -> bytes:
    sizes = [size for size in (1, 2, 4, 8) if number < 256**size]
    if number < 24 and draw.random() < 0.9:
        return bytes([major * 32 + number])
    size = sizes[0] if draw.random() < 0.9 else draw.choice(sizes)
    return bytes([major * 32 + 24 + (1, 2, 4, 8).index(size)]) + number.to_bytes(size, "big")


def text(draw: random.Random, value: str) -> bytes:
    raw = value.encode()
    major = 3 if draw.random() < 0.97 else 2
    if draw.random() < 0.04:
        middle = draw.randrange(len(raw) + 1)
        return (
            bytes([major * 32 + 31])
            + b"".join(head(draw, major, len(p)) + p for p in (raw[:middle], raw[middle:]))
            + b"\xff"
        )
    return head(draw, major, len(raw)) + raw


def junk(draw: random.Random, depth: int = 0) -> bytes:
    kind = draw.randrange(10 if depth < 3 else 6)
    if kind < 2:
        return head(draw, kind, draw.choice([0, 23, 24, 255, 2**31, U64 - 1]))
    if kind == 2:
        return head(draw, 2, 3) + b"\x01\xff\x00"
    if kind == 3:
        return text(draw, draw.choice([*NAMES, "é", ""]))
    if kind == 4:
        return draw.choice(
            [b"\xf4", b"\xf5", b"\xf6", b"\xf7", b"\xf0", b"\xf8\x20", b"\xf9\x7e\x00", b"\xfb" + bytes(8)]
        )
    if kind == 5:
        return draw.choice([b"\xc2\x41\x05", b"\xc3\x41\x05", b"\xc2\x05", b"\xc2\x5f\x41\x01\xff", b"\xff"])
    if kind == 6:
        return head(draw, 6, draw.choice([1, 24, 258, 55799])) + junk(draw, depth + 1)
    count = draw.randrange(3)
    items = b"".join(junk(draw, depth + 1) for _ in range(count * (2 if kind == 9 else 1)))
    major = 5 if kind == 9 else 4
    return head(draw, major, count) + items if draw.random() < 0.7 else bytes([major * 32 + 31]) + items + b"\xff"


def mapped(draw: random.Random, entries: list[tuple[str, bytes]]) -> bytes:
    if draw.random() < 0.05:
        draw.shuffle(entries)
    if draw.random() < 0.04:
        entries.pop(draw.randrange(len(entries)))
    if draw.random() < 0.04 and entries:
        entries.append(draw.choice(entries))
    if draw.random() < 0.1:
        entries.insert(draw.randrange(len(entries) + 1), (draw.choice(["x", "k", "é"]), junk(draw)))
    body = b"".join(text(draw, name) + value for name, value in entries)
    whole_map = head(draw, 5, len(entries)) + body if draw.random() < 0.9 else b"\xbf" + body + b"\xff"
    return (b"\xd9\xd9\xf7" if draw.random() < 0.03 else b"") + whole_map


def number(draw: random.Random) -> bytes:
    if draw.random() < 0.03:
        return junk(draw)
    return head(draw, 0, draw.choice([0, 1, 5, 23, 24, 300, 20_973, 2**32, U64 - 1]))


def phi(draw: random.Random) -> bytes:
    if draw.random() < 0.04:
        return junk(draw)
    value = draw.choice([0.2, 0.5, 1.0, 0.65, 1e-7, 0.0, -0.5, 2.0, math.nan, math.inf])
    form = draw.choice("efd")
    return {"e": b"\xf9", "f": b"\xfa", "d": b"\xfb"}[form] + struct.pack(f">{form}", value)


def configuration(draw: random.Random) -> bytes:
    names = [
        text(draw, draw.choice([*NAMES, "Later"])) if draw.random() < 0.93 else junk(draw)
        for _ in range(draw.randrange(6))
    ]

    def optional() -> bytes:
        if draw.random() < 0.4:
            return draw.choice([b"\xf6", b"\xf6", b"\xf7", b"\xf4"])
        return mapped(draw, [("security_parameter", number(draw)), ("step", number(draw))])

    entries = [
        ("protocol_parameters", mapped(draw, [("k", number(draw)), ("m", number(draw)), ("phi_f", phi(draw))])),
        ("enabled_signed_entity_types", head(draw, 4, len(names)) + b"".join(names)),
        ("cardano_transactions", optional()),
        ("cardano_blocks_transactions", optional()),
    ]
    data = bytearray(mapped(draw, entries))
    if draw.random() < 0.15:
        spoil(draw, data)
    return bytes(data)


def spoil(draw: random.Random, data: bytearray) -> None:
    for _ in range(draw.randrange(1, 4)):
        at = draw.randrange(len(data))
        what = draw.randrange(4)
        if what == 0:
            data[at] = draw.randrange(256)
        elif what == 1:
            data[at] ^= 1 << draw.randrange(8)
        elif what == 2:
            data.insert(at, draw.randrange(256))
        elif len(data) > 1:
            del data[at]


def payload(draw: random.Random) -> bytes:
    items = []
    for _ in range(draw.choice([0, 1, 1, 1, 2, 3])):
        encoded = configuration(draw).hex()
        if draw.random() < 0.05:
            encoded = draw.choice([encoded.upper(), encoded + " ", encoded[:-1], "0x" + encoded, "é"])
        items.append(f'{{"epoch":{draw.choice([0, 5, 500, U64 - 1])},"configuration":"{encoded}"}}')
    markers = f"[{','.join(items)}]"
    written = bytearray(f'{{"markers":{markers},"signature":"{NACL.sign(markers.encode()).signature.hex()}"}}'.encode())
    if draw.random() < 0.2:
        spoil(draw, written)
    return bytes(written)


def ours(verdict: Verdict) -> tuple[str, list[tuple[int, Any]]]:
    name = "Malformed" if verdict.name == "OtherKind" else verdict.name
    if not isinstance(verdict, Accepted):
        assert isinstance(verdict, Unusable) or verdict.name in ("Malformed", "WrongSigner", "OtherKind")
        return name, []
    found = []
    for one in decoded(verdict.verified.markers):
        parameters, both = one.configuration.parameters, (one.configuration.transactions, one.configuration.blocks)
        pairs = [None if pair is None else (pair.security_parameter, pair.step) for pair in both]
        bits = struct.pack(">d", parameters.phi_f).hex()
        found.append((int(one.epoch), (parameters.k, parameters.m, bits, one.configuration.enabled, *pairs)))
    return name, found


def test_no_payload_is_judged_otherwise_than_by_a_slow_decoder() -> None:
    draw = random.Random(20_260_820)
    seen: dict[str, int] = {}
    for number_of_case in range(COUNT):
        content = payload(draw)
        (verdict,) = screen([encode_datum(content)], KEY.verification_key, kind=CONFIGURATION)
        found, wanted = ours(verdict), slow_payload(content)
        assert found == wanted, (number_of_case, verdict.reason, content)
        seen[found[0]] = seen.get(found[0], 0) + 1
    assert all(seen[name] > COUNT / 100 for name in ("Accepted", "Unusable", "Malformed", "WrongSigner")), seen
