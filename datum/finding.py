"""Datums in whatever people bring: what a provider answered, what a tool wrote, or the datum itself. Pure.

In: the bytes of a file. Out: the datums in it, each with the place where it was found.

1. A file is the CBOR of one datum, or text: one JSON document, or a line for each.
2. A line, or the document, is a datum in JSON or in hex (also with ``0x`` or in quotes), or JSON that holds datums:
   outputs as cardano-cli, Blockfrost, Kupo, Ogmios or Koios list them, text envelopes, lists.
3. In JSON every string that is the hex of a whole datum is one, and every object with ``fields``, whatever its name is.
   An object that holds the same datum in two forms (``inlineDatum`` and ``inlineDatumRaw``) holds it once.
4. A signed payload, which a datum would carry, is read as the datum that carries it.
5. A line in which nothing is found is a datum too, a bad one: it does not spoil the others, and is not lost.
"""

import json
from dataclasses import dataclass
from typing import Any

from datum.foreign_text import text_of
from datum.plutus import DatumFormatError, decode_datum, encode_datum
from datum.strict_json import whole_or_nan

_MAGIC = (
    (b"SQLite format 3\0", "a SQLite database"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"%PDF", "a PDF document"),
    (b"\x7fELF", "a program"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
)
_DEEPEST = 64
_SHORTEST = 6
"""Hex digits of the shortest datum, a constructor without fields."""


@dataclass(frozen=True, slots=True)
class FoundDatum:
    """A datum, or a line without one.

    Attributes:
        datum: as it was found: CBOR, CBOR in hex, or JSON text.
        place: where in the document it was, as a path of names and numbers; nothing where it is the whole of a line.
        in_payload: whether what was found is a payload, and the datum was made of it.
    """

    datum: str | bytes
    place: str = ""
    in_payload: bool = False

    @property
    def content(self) -> bytes | None:
        """The joined byte strings; ``None`` where it is no datum."""
        try:
            return decode_datum(self.datum).content
        except DatumFormatError:
            return None


def find_datums(data: bytes) -> tuple[FoundDatum, ...]:
    """The datums in the bytes of a file, in order."""
    whole = FoundDatum(data)
    if not data.strip():
        return ()
    try:
        text = text_of(data)
    except UnicodeDecodeError:
        if b"\n" not in data or whole.content is not None:
            return (whole,)
        text = data.decode("utf-8-sig", "backslashreplace")
    # Only at the ends of lines, as whoever counts them does: junk has every other character that Python splits at.
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    if len(lines) > 1 and text.lstrip()[:1] in ("{", "[") and _parsed(text) is not None:
        lines = [text.strip()]
    return tuple(found for line in lines for found in _in_line(line))


def kind_of_file(data: bytes) -> str:
    """A description of a file without any datum."""
    known = next((words for magic, words in _MAGIC if data.startswith(magic)), None)
    if known is not None:
        return known
    try:
        text = text_of(data)
    except UnicodeDecodeError:
        return "bytes that are neither text nor CBOR of a datum"
    return "JSON" if _parsed(text) is not None else "text"


def _in_line(line: str) -> list[FoundDatum]:
    document = _parsed(line)
    if document is None or isinstance(document, int | float):  # some hex is a number, too
        bare = line.strip("\"'").removeprefix("0x")
        return [FoundDatum(bare if bare != line and _is_datum(bare) else line)]
    if isinstance(document, dict) and isinstance(document.get("fields"), list):
        return [FoundDatum(line)]  # as it was written: a reader joins and skips by its text
    if _is_payload(document):
        return [FoundDatum(encode_datum(line.encode(errors="surrogatepass")), in_payload=True)]
    return _in_json(document) or [FoundDatum(line)]


def _parsed(text: str) -> Any:
    """The JSON in a text; ``None`` where it is not JSON, or only null."""
    try:
        return json.loads(text, parse_int=whole_or_nan)
    except (ValueError, RecursionError):
        return None


def _in_json(value: Any, place: str = "", depth: int = 0) -> list[FoundDatum]:
    """The datums in a JSON value, in order; what nests deeper than any tool writes it is not looked at."""
    if depth > _DEEPEST:
        return []
    one = _as_datum(value, place)
    if one is not None:
        return [one]
    if isinstance(value, list):
        return [found for index, item in enumerate(value) for found in _in_json(item, f"{place}[{index}]", depth + 1)]
    if not isinstance(value, dict):
        return []
    found: list[FoundDatum] = []
    forms: dict[bytes | None, int] = {}
    for name, item in value.items():
        at = f"{place}.{name}" if place else name
        inside = _in_json(item, at, depth + 1)
        if len(inside) == 1 and inside[0].place == at:  # not deeper: another form of the same datum, perhaps
            first = forms.setdefault(inside[0].content, len(found))
            if first < len(found):
                if _is_hex(item):
                    found[first] = inside[0]
                continue
        found += inside
    return found


def _as_datum(value: Any, place: str) -> FoundDatum | None:
    """The datum that a JSON value is by itself."""
    if isinstance(value, str):
        text = value.strip().removeprefix("0x")
        return FoundDatum(text, place) if _is_hex(text) and _is_datum(text) else None
    if isinstance(value, dict) and isinstance(value.get("fields"), list):
        return FoundDatum(json.dumps(value), place)
    if _is_payload(value):
        return FoundDatum(
            encode_datum(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode(errors="surrogatepass")),
            place,
            in_payload=True,
        )
    return None


def _is_payload(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("markers"), list) and "signature" in value


def _is_hex(value: Any) -> bool:
    return isinstance(value, str) and len(value) >= _SHORTEST and value[:1] in "dD"


def _is_datum(text: str) -> bool:
    return FoundDatum(text).content is not None
