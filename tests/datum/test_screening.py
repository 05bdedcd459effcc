"""Screening: a verdict for every datum, in order, at speed, with a memory."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

import datum.screening
from datum import (
    Accepted,
    EraMarkersPayload,
    Malformed,
    SigningKey,
    VerdictMemory,
    WrongSigner,
    decode_datum,
    encode_datum,
    encode_datum_json,
    screen,
)
from eras import EraMarker, EraSwitchError

KEY, OTHER, STRANGER = (SigningKey(bytes([n]) * 32) for n in (1, 2, 3))
MARKERS = (EraMarker("thales", 1), EraMarker("pythagoras", 9))
VALID = encode_datum(EraMarkersPayload(MARKERS).sign(KEY).to_bytes()).hex()
FORGED = encode_datum(EraMarkersPayload(MARKERS).sign(STRANGER).to_bytes()).hex()
JUNK = encode_datum(b"\x00" * 300).hex()


def cbor(content: bytes) -> str:
    return encode_datum(content).hex()


def test_rule_t1_each_datum_is_judged_alone_and_in_order():
    verdicts = screen([JUNK, VALID, "", FORGED, VALID], KEY.verification_key)
    assert [verdict.name for verdict in verdicts] == ["Malformed", "Accepted", "Malformed", "WrongSigner", "Accepted"]
    assert verdicts[1].verified.markers == MARKERS
    assert verdicts[1].verified.key == KEY.verification_key
    assert verdicts[3].payload == EraMarkersPayload(MARKERS).sign(STRANGER)
    assert screen([], KEY.verification_key) == ()


def test_every_form_of_a_datum():
    payload = EraMarkersPayload(MARKERS).sign(KEY).to_bytes()
    forms = [
        encode_datum(payload),
        VALID,
        VALID.upper(),
        VALID + "\n",
        encode_datum_json(payload),
        "\n " + encode_datum_json(payload),
    ]
    assert {verdict.name for verdict in screen(forms, KEY.verification_key)} == {"Accepted"}


@pytest.mark.parametrize("text", ["d8799f", "d87980", "cc", "d8799f5840" + b'{"markers":['.hex(), "d8799"])
def test_white_space_makes_no_datum_long_enough(text):
    (verdict,) = screen([text + " " * 300], KEY.verification_key)
    assert verdict.name == "Malformed"


def test_hex_that_is_broken_far_behind_says_so():
    (verdict,) = screen([VALID + "zz"], KEY.verification_key)
    assert (verdict.name, verdict.reason) == ("Malformed", "Non-hexadecimal digit found")


def test_any_of_the_keys_will_do():
    verdicts = screen([VALID], (OTHER.verification_key, KEY.verification_key))
    assert verdicts[0].verified.key == KEY.verification_key
    assert screen([VALID], ())[0].name == "WrongSigner"


@pytest.mark.parametrize(
    ("content", "verdict", "reason"),
    [
        (b"", Malformed, "not the datum of a signed payload"),
        (b"{" + b"x" * 300, Malformed, "not the datum of a signed payload"),
        (b'{"x":"' + b"a" * 300 + b'","markers":[]}', Malformed, "a payload without a signature"),
        (b'{"markers":[]' + b"a" * 300, Malformed, "Expecting ',' delimiter"),
        ((b'{"x":"' + b"a" * 300 + b'"}'), Malformed, "not the datum of a signed payload"),
        (b'{"markers":null,"signature":"' + b"aa" * 64 + b'"}', Malformed, "markers that are None"),
        (b'{"mark\\u0065rs":[],"signature":"' + b"aa" * 64 + b'"}', WrongSigner, "signed by none"),
        (b'  [[],"' + b"aa" * 64 + b'"]', WrongSigner, "signed by none"),
        (
            b'{"markers":[{"name":"' + b"a" * 128 + b'","epoch":1}],"signature":"' + b"ax" * 64 + b'"}',
            Malformed,
            "not hex",
        ),
        (b'{"markers":[{"name":"a","epoch":1}],"signature":"' + b"AA" * 64 + b'"}', WrongSigner, "signed by none"),
    ],
)
def test_the_reason_of_a_verdict(content, verdict, reason):
    (found,) = screen([cbor(content)], KEY.verification_key)
    assert isinstance(found, verdict)
    assert reason in found.reason


def slow_verdict(text: str) -> str:
    """What the datum is, by the readers alone, without any of the short cuts of screening."""
    try:
        payload = EraMarkersPayload.from_bytes(decode_datum(text).content)
        if payload.signature is None:
            return "Malformed"
        payload.verify(KEY.verification_key)
    except EraSwitchError as error:
        return "WrongSigner" if error.code == "SignatureMismatch" else "Malformed"
    return "Accepted"


@given(st.data())
def test_the_short_cuts_never_change_a_verdict(data):
    payload = EraMarkersPayload(MARKERS).sign(data.draw(st.sampled_from([KEY, STRANGER]))).to_bytes()
    written = data.draw(
        st.sampled_from(
            [
                payload,
                b" " + payload,
                payload.replace(b"markers", b"mark\\u0065rs", 1),
                json.dumps(list(json.loads(payload).values())).encode(),
                payload[:-1],
            ]
        )
    )
    sizes = data.draw(st.lists(st.integers(0, 70), min_size=1, max_size=3))
    chunks, rest = [], written
    for size in sizes:
        chunks.append(rest[:size])
        rest = rest[size:]
    chunks.append(rest)
    head = data.draw(st.sampled_from(["d8799f", "d87a9f", "d9007a9f", "d905009f", "d8669f009f"]))
    junk_fields = data.draw(st.lists(st.sampled_from(["", "05", "80", "40", "5800", "4100"]), max_size=2))
    fields = "".join((f"58{len(c):02x}" if len(c) < 256 else f"59{len(c):04x}") + c.hex() for c in chunks)
    text = head + "".join(junk_fields) + fields + ("ffff" if head.startswith("d8669f") else "ff")
    cut = data.draw(st.sampled_from([None, None, None, -2, 9, 100]))
    text = text[:cut]
    text = data.draw(st.sampled_from([text, text.upper()]))
    assert screen([text], KEY.verification_key)[0].name == slow_verdict(text)


@given(
    st.text(max_size=400)
    | st.binary(max_size=300).map(bytes.hex)
    | st.binary(max_size=300).map(lambda b: "d8799f" + b.hex())
)
def test_screening_never_raises(text):
    assert screen([text], KEY.verification_key)[0].name == slow_verdict(text) == "Malformed"


def test_many_signatures_are_checked_on_several_threads_in_order(monkeypatch):
    monkeypatch.setattr(datum.screening, "_FEW", 8)
    datums = [
        cbor(EraMarkersPayload((EraMarker("a", n),)).sign(KEY if n % 3 else STRANGER).to_bytes()) for n in range(50)
    ]
    verdicts = screen(datums, KEY.verification_key)
    for n, verdict in enumerate(verdicts):
        assert verdict.name == ("Accepted" if n % 3 else "WrongSigner")
        markers = verdict.verified.markers if n % 3 else verdict.payload.markers
        assert markers == (EraMarker("a", n),)


class TestMemory:
    @pytest.fixture
    def checked(self, monkeypatch):
        """Counts the datums that are judged afresh."""
        judged = []
        original = datum.screening._screen
        monkeypatch.setattr(
            datum.screening, "_screen", lambda texts, keys, kind: judged.extend(texts) or original(texts, keys, kind)
        )
        return judged

    def test_a_second_read_judges_nothing_again(self, checked):
        memory = VerdictMemory()
        first = screen([VALID, FORGED], KEY.verification_key, references=["a#0", "b#0"], memory=memory)
        second = screen([FORGED, VALID], KEY.verification_key, references=["b#0", "a#0"], memory=memory)
        assert (second[1], second[0]) == first
        assert checked == [VALID, FORGED]

    def test_what_is_new_is_judged(self, checked):
        memory = VerdictMemory()
        screen([VALID], KEY.verification_key, references=["a#0"], memory=memory)
        verdicts = screen([JUNK, VALID], KEY.verification_key, references=["c#0", "a#0"], memory=memory)
        assert [verdict.name for verdict in verdicts] == ["Malformed", "Accepted"]
        assert checked == [VALID, JUNK]

    def test_copies_of_a_true_payload_are_judged_once_and_have_one_verdict(self, checked):
        memory = VerdictMemory()
        first, beside = screen([VALID, VALID], KEY.verification_key, references=["a#0", "a#1"], memory=memory)
        (later,) = screen([VALID], KEY.verification_key, references=["b#0"], memory=memory)
        assert first is beside is later
        assert checked == [VALID]
        assert screen([VALID], OTHER.verification_key, references=["c#0"], memory=memory)[0].name == "WrongSigner"

    def test_a_provider_that_lied_about_a_datum_does_not_poison_it(self, checked):
        memory = VerdictMemory()
        screen([JUNK], KEY.verification_key, references=["a#0"], memory=memory)
        assert screen([VALID], KEY.verification_key, references=["a#0"], memory=memory)[0].name == "Accepted"

    def test_verdicts_belong_to_the_keys(self, checked):
        memory = VerdictMemory()
        screen([VALID], OTHER.verification_key, references=["a#0"], memory=memory)
        (verdict,) = screen([VALID], KEY.verification_key, references=["a#0"], memory=memory)
        assert isinstance(verdict, Accepted)

    def test_no_verdict_is_recalled_while_the_keys_change(self):
        memory = VerdictMemory()
        screen([VALID], OTHER.verification_key, references=["a#0"], memory=memory)
        with memory._lock, ThreadPoolExecutor(1) as pool:
            memory._keys = (KEY.verification_key,)  # half of a change: the verdicts are still those of the other key
            recalled = pool.submit(memory.recall, (KEY.verification_key,), ["a#0"], [VALID])
            with pytest.raises(TimeoutError):
                recalled.result(0.05)
            memory._verdicts, memory._hashes = {}, {}
            memory._lock.release()
            assert recalled.result(10) == [None]
            memory._lock.acquire()

    def test_the_oldest_go_first(self):
        memory = VerdictMemory(capacity=2)
        screen([JUNK, VALID, FORGED], KEY.verification_key, references=["a#0", "b#0", "c#0"], memory=memory)
        keys = (KEY.verification_key,)
        assert len(memory) == 2
        assert memory.recall(keys, ["a#0"], [JUNK]) == [None]
        assert memory.recall(keys, ["c#0"], [FORGED])[0].name == "WrongSigner"

    def test_without_references_nothing_is_remembered(self):
        memory = VerdictMemory()
        screen([VALID], KEY.verification_key, memory=memory)
        assert len(memory) == 0
