"""``eraswitch datum``: the verdicts of Mithril's own reader, JSON whatever happens, and words for any junk."""

import json
from pathlib import Path
from typing import Any

import pytest

from datum import (
    EraMarkersPayload,
    ExtendedPayload,
    Extension,
    SigningKey,
    encode_datum,
    encode_datum_json,
    read_extended,
)
from eras import Epoch, EraMarker
from tests.conftest import MithrilFile
from tests.era_service.conftest import Shell, invoke

KEY = SigningKey(bytes(range(32)))
OTHER = SigningKey(bytes(range(1, 33)))
PUBLIC = KEY.verification_key.hex
SHAPE = {"markers", "current_era", "upcoming_era", "verdicts", "error", "note"}


def payload(*markers: tuple[str, int | None], key: SigningKey = KEY) -> bytes:
    listed = tuple(EraMarker(name, None if epoch is None else Epoch(epoch)) for name, epoch in markers)
    return EraMarkersPayload(listed).sign(key).to_bytes()


def verify(
    *arguments: str, text: str | bytes = "", key: str = PUBLIC, epoch: str = "5"
) -> tuple[int, dict[str, Any], str]:
    """Exit code, report and stderr of ``datum verify -``."""
    result = invoke("datum", "verify", *(arguments or ["-"]), "--verification-key", key, "--epoch", epoch, input=text)
    report = json.loads(result.stdout)
    assert set(report) == SHAPE
    return result.exit_code, report, result.stderr


def test_every_case_of_mithrils_reader(mithril: MithrilFile) -> None:
    cases = json.loads(mithril("reader_cases.json").read_text())
    assert len(cases["cases"]) == 41
    for case in cases["cases"]:
        text = "\n\n".join(json.dumps(datum) for datum in case["datums"]) + "\n"
        code, report, _ = verify(text=text, key=cases["verification_key"], epoch=str(case["epoch"]))
        theirs, name = case["mithril"], case["case"]
        assert report["markers"] == theirs["markers"], name
        assert report["current_era"] == theirs["current_era"], name
        assert report["error"] == theirs["error"], name
        assert len(report["verdicts"]) == len(case["datums"]), name
        assert code == (5 if theirs["error"] else 0), name


def test_a_datum_with_its_reasons() -> None:
    lines = [encode_datum_json(payload(("thales", 1), ("pythagoras", 9))), encode_datum(payload(("thales", 1))).hex()]
    lines.insert(1, encode_datum_json(payload(("thales", 1), key=OTHER)))
    code, report, errors = verify(text="\n".join([*lines, "junk"]))
    assert code == 0
    assert (report["current_era"], report["upcoming_era"], report["error"]) == ("thales", "pythagoras", None)
    assert [entry["verdict"] for entry in report["verdicts"]] == ["Accepted", "WrongSigner", "Accepted", "Malformed"]
    assert [entry["index"] for entry in report["verdicts"]] == [0, 1, 2, 3]
    assert all(entry["reason"] for entry in report["verdicts"])
    assert "datum 0 comes first and wins, as for deployed readers; datum 2 differs" in report["note"]
    assert errors == f"Note: {report['note']}\n"


def test_no_note_when_all_valid_ones_agree() -> None:
    line = encode_datum_json(payload(("thales", 1)))
    code, report, errors = verify(text=f"{line}\n{line}")
    assert (code, report["note"], errors) == (0, None, "")
    assert verify("-", "--json", text=line)[1]["current_era"] == "thales"


@pytest.mark.parametrize("form", ["json-hex", "hex", "file", "file with a newline"])
def test_forms_of_the_key(form: str) -> None:
    key = KEY.verification_key
    Path("era.vk").write_text(key.to_json_hex() + ("\n" if form == "file with a newline" else ""))
    argument = {"json-hex": key.to_json_hex(), "hex": key.hex}.get(form, "@era.vk")
    assert verify(text=encode_datum_json(payload(("thales", 1))), key=argument)[0] == 0


@pytest.mark.parametrize("form", ["one line", "pretty", "CBOR hex", "CBOR", "CBOR with a newline", "windows"])
def test_forms_of_the_file(form: str) -> None:
    content = payload(("thales", 1), ("é", 9))
    text = encode_datum_json(content)
    forms: dict[str, str | bytes] = {
        "one line": text,
        "pretty": "\n" + json.dumps(json.loads(text), indent=2) + "\n",
        "CBOR hex": encode_datum(content).hex(),
        "CBOR": encode_datum(content),
        "CBOR with a newline": encode_datum(content.replace(b"{", b"\n{", 1)),
        "windows": "\ufeff" + text + "\r\n\r\n",
    }
    data = forms[form]
    Path("datum").write_bytes(data if isinstance(data, bytes) else data.encode())
    code, report, _ = verify("datum")
    assert (code, report["upcoming_era"], len(report["verdicts"])) == (0, "é", 1)


@pytest.mark.parametrize(
    ("arguments", "key", "epoch", "error", "code"),
    [
        ([], "xyz", "5", "KeyFormat", 2),
        ([], PUBLIC[:-1], "5", "KeyFormat", 2),
        ([], "", "5", "KeyFormat", 2),
        ([], "@nowhere.vk", "5", "InputFile", 2),
        ([], "@.", "5", "InputFile", 2),
        ([], "@era.sk", "5", "KeyFormat", 2),
        ([], PUBLIC, "-1", "EpochArgument", 2),
        ([], PUBLIC, "18446744073709551616", "EpochArgument", 2),
        ([], PUBLIC, "five", "EpochArgument", 2),
        (["nowhere.json"], PUBLIC, "5", "InputFile", 2),
        (["."], PUBLIC, "5", "InputFile", 2),
        ([], PUBLIC, "5", "CurrentEraNotFound", 5),
    ],
)
def test_bad_input_still_answers_in_json(arguments: list[str], key: str, epoch: str, error: str, code: int) -> None:
    found = verify(*arguments, key=key, epoch=epoch)
    assert (found[0], found[1]["error"]) == (code, error)
    assert found[1]["markers"] == []
    assert found[2].startswith("Error: ")


def test_before_the_first_era() -> None:
    code, report, errors = verify(text=encode_datum_json(payload(("thales", 7))))
    assert (code, report["error"], report["current_era"]) == (5, "CurrentEraNotFound", None)
    assert report["markers"] == [{"name": "thales", "epoch": 7}]
    assert "got thales at epoch 7" in errors


def test_names_cannot_steer_the_terminal() -> None:
    text = encode_datum_json(payload(("\x1b[2Jcleared\x9b", 7)))
    assert "\x1b" not in verify(text=text)[2]
    decoded = invoke("datum", "decode", "-", input=text).stdout
    assert "\\u001b[2Jcleared\\u009b" in decoded


def test_decode_in_words_and_in_json() -> None:
    text = encode_datum_json(payload(("thales", 1), ("pythagoras", None)))
    words = invoke("datum", "decode", "-", input=text).stdout
    assert "constructor 0, 4 byte strings" in words
    assert "era thales: from epoch 1" in words
    assert "era pythagoras: announced, no epoch yet" in words
    assert "(not verified)" in words
    (entry,) = json.loads(invoke("datum", "decode", "-", "--json", input=text).stdout)["datums"]
    assert entry["payload"]["markers"] == [{"name": "thales", "epoch": 1}, {"name": "pythagoras", "epoch": None}]
    assert entry["problem"] is None


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"d87980", "0 byte strings"),
        (b'{"constructor":0,"fields":[{"int":1},{"bytes":"7b7d"}]}', "1 other field"),
        (b'{"constructor":0,"fields":[{"int":' + b"9" * 5_000 + b'},{"bytes":"7b7d"}]}', "1 other field"),
        (b'{"constructor":0,"fields":[{"bytes":"7b226d61726b657273223a5b5d7d"}]}', "not signed"),
    ],
)
def test_decode_takes_any_junk(data: bytes, words: str) -> None:
    result = invoke("datum", "decode", "-", input=data)
    assert result.exit_code == 0
    assert words in result.stdout
    assert json.loads(invoke("datum", "decode", "-", "--json", input=data).stdout)["datums"] is not None


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "Not a datum: standard input holds nothing"),
        (b"\x00\xff" * 999, "CBOR that is not a constructor"),
        (b"zz", "Non-hexadecimal digit"),
        (b'{"int":' + b"9" * 5_000 + b"}", "JSON without a list of fields"),
        (b"d8799f40", "CBOR that ends early"),
        (b"{", "A datum could not be read"),
        (b"[[[[" * 9999, "A datum could not be read"),
        (b'{"constructor":0,"fields":[' + b'{"list":[' * 5000, "A datum could not be read"),
        (b'[{"inline_datum":null}]', "Not a datum: standard input holds JSON"),
        (b"one\ntwo", "Not a datum: standard input holds text"),
        (b"SQLite format 3\0\x10\0\n" * 9, "Not a datum: standard input holds a SQLite database"),
        (b"\x89PNG\r\n\x1a\n\0\0", "Not a datum: standard input holds a PNG image"),
        (b"\xff\n\xfe\x00", "Not a datum: standard input holds bytes that are neither text nor CBOR of a datum"),
    ],
)
def test_decode_fails_where_nothing_is_a_datum(data: bytes, words: str) -> None:
    result = invoke("datum", "decode", "-", input=data)
    assert result.exit_code == 1
    assert words in result.stdout
    assert "Traceback" not in result.output
    assert result.stdout.count("\n") == 1
    assert "sys.set_int_max_str_digits" not in result.output
    as_json = invoke("datum", "decode", "-", "--json", input=data)
    assert as_json.exit_code == 1
    assert "Not a datum" in as_json.stderr
    assert all(entry["content_hex"] is None for entry in json.loads(as_json.stdout)["datums"])


@pytest.mark.parametrize(
    ("encoded", "refused"),
    [
        ("d8799f5841" + "00" * 65 + "ff", "in one piece of 65 bytes"),
        ("d8799f5f5841" + "00" * 65 + "ffff", "in one piece of 65 bytes"),
        ("d8799f9f5841" + "00" * 65 + "ffff", "in one piece of 65 bytes"),
        ("d8799f5f5840" + "00" * 64 + "5840" + "00" * 64 + "ffff", None),
        ("d8799f5840" + "00" * 64 + "a1016161ff", None),
        (json.dumps({"fields": [{"bytes": "00" * 65}]}), None),
    ],
)
def test_decode_judges_the_ledgers_limit_by_the_encoding(encoded: str, refused: str | None) -> None:
    """The ledger takes a longer byte string in chunks, which cardano-cli makes of a long field in JSON."""
    words = invoke("datum", "decode", "-", input=encoded).stdout
    assert ("the ledger refuses it" in words) == (refused is not None)
    assert refused is None or refused in words


def test_a_datum_is_found_in_the_json_of_a_provider_with_its_place() -> None:
    datum = encode_datum(payload(("thales", 1)))
    answer = [{"tx_hash": "ab", "inline_datum": None}, {"tx_hash": "cd", "inline_datum": datum.hex()}]
    text = json.dumps(answer, indent=1)
    code, report, _ = verify(text=text)
    assert (code, report["current_era"]) == (0, "thales")
    assert [entry.get("place") for entry in report["verdicts"]] == ["[1].inline_datum"]
    assert "Datum 0, found at [1].inline_datum\n" in invoke("datum", "decode", "-", input=text).stdout


def extended(**fields: Any) -> bytes:
    facts: dict[str, Any] = {"previous": None, "expires_epoch": None} | fields
    signed = EraMarkersPayload((EraMarker("thales", Epoch(1)),)).sign(KEY)
    keys = (KEY.verification_key, OTHER.verification_key)
    return ExtendedPayload(signed, Extension(7, "addr_test1x", 3, threshold=1, keys=keys, **facts), ()).to_bytes()


def test_decode_shows_an_extension_and_who_signed_it() -> None:
    content = extended(previous="ab" * 32, expires_epoch=Epoch(40))
    read = read_extended(content)
    assert read is not None
    content = read.sign(OTHER).to_bytes()
    text = encode_datum(content).hex()
    (entry,) = json.loads(invoke("datum", "decode", "-", "--json", input=text).stdout)["datums"]
    assert entry["payload"]["markers"] == [{"name": "thales", "epoch": 1}]
    assert entry["extension"] | {"signatures": []} == read.extension.to_dict() | {"hash": read.hash, "signatures": []}
    assert [signed["key"] for signed in entry["extension"]["signatures"]] == [OTHER.verification_key.hex]
    words = invoke("datum", "decode", "-", input=text).stdout
    assert f"extension 3 ({read.hash}) after {'ab' * 32}" in words
    assert "for network magic 7, address addr_test1x, fresh until the end of epoch 40" in words
    assert f"1 of these keys must sign: {PUBLIC}, {OTHER.verification_key.hex}" in words
    assert f"a signature by {OTHER.verification_key.hex} (not verified)" in words


def test_decode_says_that_an_extension_is_unsigned_or_unreadable() -> None:
    words = invoke("datum", "decode", "-", input=encode_datum(extended()).hex()).stdout
    assert "fresh for ever" in words
    assert "no signature yet" in words
    broken = extended().replace(b'"threshold":1', b'"threshold":9')
    (entry,) = json.loads(invoke("datum", "decode", "-", "--json", input=encode_datum(broken).hex()).stdout)["datums"]
    assert entry["payload"]["markers"] == [{"name": "thales", "epoch": 1}]
    assert entry["extension"] is None
    assert "Its extension cannot be read: " in entry["problem"]
    assert entry["problem"] in invoke("datum", "decode", "-", input=encode_datum(broken).hex()).stdout


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("hello\x1b[2J é".encode(), "as text: 'hello\\x1b[2J é'\n"),
        (b"\xff\x00", "in hex: ff00\n"),
        (b"e" * 161, f"as text: '{'e' * 160}' …\n"),
    ],
)
def test_decode_shows_a_content_that_is_no_payload(content: bytes, words: str) -> None:
    assert invoke("datum", "decode", "-", input=encode_datum(content).hex()).stdout.endswith(words)


@pytest.mark.parametrize("junk", [b"\xff\xfe", b"\xd8\x79", "a\u2028b\x0cc\x1dd".encode()])
def test_a_line_that_is_no_text_spoils_no_other(junk: bytes) -> None:
    line = encode_datum_json(payload(("thales", 1))).encode()
    code, report, _ = verify(text=b"\n".join([junk, line, junk]))
    assert (code, report["current_era"]) == (0, "thales")
    assert [entry["verdict"] for entry in report["verdicts"]] == ["Malformed", "Accepted", "Malformed"]


@pytest.mark.parametrize(
    ("text", "got"),
    [
        ("", "no datum at all"),
        (f"{encode_datum_json(payload(('thales', 1), key=OTHER))}\njunk\njunk", "none: 2 Malformed, 1 WrongSigner"),
    ],
)
def test_an_error_says_what_became_of_the_datums(text: str, got: str) -> None:
    code, report, errors = verify(text=text)
    assert (code, report["error"]) == (5, "CurrentEraNotFound")
    assert f"expected a datum that the verification key signed, got {got}." in errors


def test_decode_names_a_file_it_cannot_read(shell: Shell) -> None:
    done = shell("datum", "decode", "nowhere")
    assert done.returncode == 2
    assert done.stderr == (
        "Error: A file cannot be read: expected to read nowhere, got No such file or directory. "
        "Check the path and its permissions\n"
    )


CONFIGURATION_SHAPE = ["kind", "markers", "configuration_at_epoch", "window", "verdicts", "error", "note"]
OURS_COUNTS_ANOTHER = {
    "era-empty-then-configuration": "a signed payload without markers hides no other",
    "empty-then-valid": "a signed payload without markers hides no other",
    "unreadable-then-valid": "a signed payload that cannot be read ends no reading",
}
"""Cases in which another datum counts for ours than for Mithril's reader, with the reason."""


def verify_configurations(text: str, key: str, epoch: str) -> tuple[int, dict[str, Any], str]:
    arguments = ("datum", "verify", "-", "--kind", "configuration", "--verification-key", key, "--epoch", epoch)
    result = invoke(*arguments, "--json", input=text)
    report = json.loads(result.stdout)
    assert list(report) == CONFIGURATION_SHAPE
    return result.exit_code, report, result.stderr


def test_every_configuration_case_of_mithrils_reader(vectors: Path) -> None:
    stricter = set()
    for case in json.loads((vectors / "mithril-config" / "cases.json").read_text()):
        text = "\n".join(json.dumps(datum) for datum in case["datums"]) + "\n"
        code, report, _errors = verify_configurations(text, case["verification_key"], str(case["epoch"]))
        theirs, name = case["mithril"], case["case"]
        if name == "verification-key-bad":
            assert (code, report["error"]) == (2, "KeyFormat")
            continue
        assert len(report["verdicts"]) == len(case["datums"]), name
        if name in OURS_COUNTS_ANOTHER:
            assert report["markers"] != theirs["markers"], name
            assert "deployed readers" in report["note"], name
            continue
        if theirs["error"] is None and report["error"] is not None:
            stricter.add(name)
            assert report["error"] == "ProtocolConfiguration"
            continue
        assert (report["error"] is None) == (theirs["error"] is None), name
        markers = [{key: one[key] for key in ("epoch", "configuration")} for one in theirs["markers"] or []]
        assert report["markers"] == markers, name
        assert report["configuration_at_epoch"] == theirs["configuration_at_epoch"], name
        assert code == (1 if report["error"] else 0 if report["configuration_at_epoch"] else 5), name
        if theirs.get("window") is not None:
            window = {key: value for key, value in theirs["window"].items() if key != "error"}
            assert report["window"] == (None if theirs["window"]["error"] else window), name
    assert len(stricter) == 12, "listed with their reasons in tests/datum/test_configuration.py"


def test_decode_shows_configurations_and_why_they_cannot_be_used(vectors: Path) -> None:
    file = str(vectors / "mithril-config" / "datum-one-epoch.json")
    words = invoke("datum", "decode", file).stdout
    assert "configuration from epoch " in words
    (entry,) = json.loads(invoke("datum", "decode", file, "--json").stdout)["datums"]
    assert (entry["kinds"], entry["problem"]) == (["configuration"], None)
    assert entry["payload"]["markers"][0]["configuration"]["protocol_parameters"]["k"] > 0
    unreadable = b'{"markers":[{"epoch":7,"configuration":"00"}],"signature":"' + b"00" * 64 + b'"}'
    words = invoke("datum", "decode", "-", input=encode_datum(unreadable).hex()).stdout
    assert "configuration from epoch 7: it cannot be read" in words
    assert "It cannot be used: the configuration of epoch 7 cannot be read" in words
    empty = invoke("datum", "decode", "-", input=encode_datum(payload()).hex()).stdout
    assert "no markers: a payload of every kind (era, configuration)" in empty


@pytest.mark.parametrize(
    "command",
    [
        ("datum", "verify", "bad", "--verification-key", "@bad", "--epoch", "1"),
        ("marker", "cosign", "bad"),
        (
            "adoption",
            "forecast",
            "thales",
            "--at",
            "3",
            "--signatures",
            "bad",
            "--k",
            "1",
            "--m",
            "9",
            "--phi-f",
            "0.2",
        ),
        ("adoption", "forecast", "thales", "--at", "3", "--with-configuration", "bad"),
    ],
)
def test_an_error_about_a_file_names_it(command: tuple[str, ...], own_folders: Path) -> None:
    Path("bad").write_text("[1,2")
    assert "Error: bad: " in invoke(*command).stderr
