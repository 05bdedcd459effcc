"""The co-signing file: what a signer is shown, who may sign, and that nothing in it can be changed unseen."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datum import (
    EraMarkersPayload,
    ExtendedPayload,
    ExtensionAccepted,
    ExtensionPolicy,
    KeySet,
    PayloadFormatError,
    SigningKey,
    judge_extension,
)
from datum.extension import ExtensionSignature
from eras import EraMarker, MarkerError
from release_tools.markers.cosigning import Cosigning, marker_changes, propose
from tests.errors import raising

ERA = SigningKey(b"e" * 32)
A, B, C, D, E, F = (SigningKey(bytes([number]) * 32) for number in range(1, 7))
THALES, ANNOUNCED, ACTIVATED = EraMarker("thales", 1), EraMarker("pythagoras", None), EraMarker("pythagoras", 20)


def keys(*signers: SigningKey) -> tuple[Any, ...]:
    return tuple(signer.verification_key for signer in signers)


POLICY = ExtensionPolicy(42, "addr_test1x", keys(A, B, C), 2)
FIRST = propose(EraMarkersPayload((THALES, ANNOUNCED)).sign(ERA), POLICY)
TRUSTED = FIRST.sign(A).sign(B).extended
NEXT = propose(EraMarkersPayload((THALES, ACTIVATED)).sign(ERA), POLICY, previous=TRUSTED, expires_epoch=30)
ROTATION = propose(
    EraMarkersPayload((THALES, ACTIVATED)).sign(ERA), POLICY, previous=TRUSTED, new_keys=KeySet(keys(C, D, E), 2)
)


def judged(made: Cosigning) -> str:
    return judge_extension(made.extended, POLICY, made.previous, epoch=10).name


def test_the_first_payload_is_for_the_configured_keys() -> None:
    extension = FIRST.extended.extension
    assert (extension.network_magic, extension.address) == (42, "addr_test1x")
    assert (extension.sequence, extension.previous, extension.expires_epoch) == (1, None, None)
    assert (extension.keys, extension.threshold) == (keys(A, B, C), 2)
    assert FIRST.extended.signatures == ()


def test_the_next_one_follows_it() -> None:
    extension = NEXT.extended.extension
    assert (extension.sequence, extension.previous, extension.expires_epoch) == (2, TRUSTED.hash, 30)
    assert (extension.keys, extension.threshold) == (keys(A, B, C), 2)
    skipping = propose(NEXT.extended.payload, POLICY, previous=TRUSTED, sequence=4)
    assert skipping.extended.extension.sequence == 4


STORIES: dict[str, tuple[Cosigning, tuple[SigningKey, ...], bool]] = {
    "2 of 3, nobody": (NEXT, (), False),
    "2 of 3, one": (NEXT, (C,), False),
    "2 of 3, two": (NEXT, (C, A), True),
    "2 of 3, all": (NEXT, (C, A, B), True),
    "the first, one": (FIRST, (B,), False),
    "the first, two": (FIRST, (B, C), True),
    "rotation, the old": (ROTATION, (A, B), False),
    "rotation, the new": (ROTATION, (D, E), False),
    "rotation, old and new": (ROTATION, (A, B, D, E), True),
    "rotation, one that is both old and new": (ROTATION, (A, C, D), True),
}


@pytest.mark.parametrize(("start", "signers", "complete"), STORIES.values(), ids=STORIES)
def test_passed_from_signer_to_signer(start: Cosigning, signers: tuple[SigningKey, ...], complete: bool) -> None:
    text = start.to_text()
    for signer in signers:
        text = Cosigning.from_text(text).sign(signer).to_text()
    made = Cosigning.from_text(text)
    assert made.is_complete is complete
    assert json.loads(text)["check"]["complete"] is complete
    # A complete one is what a reader takes, and no other is.
    assert (judged(made) == ExtensionAccepted.__name__) is complete
    assert made.extended.to_bytes() == _one_line(json.loads(text)["payload"])


def _one_line(payload: Any) -> bytes:
    return json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode()


def test_what_a_signer_checks() -> None:
    assert json.loads(NEXT.sign(B).to_text())["check"] == {
        "markers": ["unchanged: thales at epoch 1", "changed: pythagoras at epoch 20, was pythagoras (announced)"],
        "network_magic": 42,
        "address": "addr_test1x",
        "sequence": 2,
        "previous": TRUSTED.hash,
        "expires_epoch": 30,
        "hash": NEXT.extended.hash,
        "signers": [
            {
                "who": "keys",
                "threshold": 2,
                "signed": [B.verification_key.hex],
                "missing": [A.verification_key.hex, C.verification_key.hex],
            }
        ],
        "complete": False,
    }
    groups = ROTATION.sign(C).sign(A).check()["signers"]
    assert [(group["who"], group["signed"]) for group in groups] == [
        ("old keys", [A.verification_key.hex, C.verification_key.hex]),
        ("new keys", [C.verification_key.hex]),
    ]


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        ((), (THALES,), ("new: thales at epoch 1",)),
        ((THALES,), (), ("dropped: thales at epoch 1",)),
        ((), (), ()),
        (
            (THALES, ACTIVATED),
            (ACTIVATED, EraMarker("lagrange", None)),
            ("unchanged: pythagoras at epoch 20", "new: lagrange (announced)", "dropped: thales at epoch 1"),
        ),
        (
            (THALES, ACTIVATED),
            (ACTIVATED, THALES),
            (
                "unchanged: pythagoras at epoch 20",
                "unchanged: thales at epoch 1",
                "the order of the unchanged ones changed",
            ),
        ),
        (
            (ANNOUNCED, ANNOUNCED),
            (ACTIVATED, EraMarker("pythagoras", 21), EraMarker("pythagoras", 22)),
            (
                "changed: pythagoras at epoch 20, was pythagoras (announced)",
                "changed: pythagoras at epoch 21, was pythagoras (announced)",
                "new: pythagoras at epoch 22",
            ),
        ),
    ],
)
def test_changes_in_words(
    before: tuple[EraMarker, ...], after: tuple[EraMarker, ...], changes: tuple[str, ...]
) -> None:
    assert marker_changes(before, after) == changes


def test_the_file_is_ascii_and_ends_with_a_line() -> None:
    odd = propose(EraMarkersPayload((EraMarker("рythagoras\x1b[2J\u202e", None),)).sign(ERA), POLICY)
    text = odd.sign(A).to_text()
    assert text.isascii()
    assert text.endswith("}\n")
    assert "\x1b" not in text
    assert Cosigning.from_text(text) == odd.sign(A)


def test_a_key_signs_once() -> None:
    with raising("AlreadyCosigned") as caught:
        NEXT.sign(A).sign(A)
    assert f"got {A.verification_key.hex}. Pass the file on to another signer" in str(caught.value)
    assert f"{B.verification_key.hex} or {C.verification_key.hex}" in str(caught.value)
    with raising("AlreadyCosigned", match="expected nobody else, all have, got .* Publish it"):
        NEXT.sign(A).sign(B).sign(C).sign(A)


@pytest.mark.parametrize("start", [FIRST, NEXT, ROTATION])
def test_a_key_of_neither_set_does_not_sign(start: Cosigning) -> None:
    with raising("CosignerUnknown") as caught:
        start.sign(F)
    assert f"got {F.verification_key.hex}" in str(caught.value)
    assert all(key.hex in str(caught.value) for key in start.keys)


def forged(made: Cosigning, *signatures: ExtensionSignature) -> ExtendedPayload:
    return replace(made.extended, signatures=(*made.extended.signatures, *signatures))


UNFIT: dict[str, tuple[Callable[[], Cosigning], type[Exception], str]] = {
    "unsigned markers": (
        lambda: propose(EraMarkersPayload((THALES,)), POLICY),
        "PayloadFormat",
        "expected a payload that is signed by the era key",
    ),
    "new keys in the first": (
        lambda: propose(FIRST.extended.payload, POLICY, new_keys=KeySet(keys(D), 1)),
        "CosigningFile",
        "expected the configured keys in the first extended payload, got new ones",
    ),
    "a threshold that nobody meets": (
        lambda: propose(NEXT.extended.payload, POLICY, previous=TRUSTED, new_keys=KeySet(keys(D), 2)),
        "PayloadFormat",
        "expected a threshold from 1 to the number of keys, 1, got 2",
    ),
    "another network than before": (
        lambda: propose(NEXT.extended.payload, replace(POLICY, network_magic=1), previous=TRUSTED),
        "CosigningFile",
        "expected network 42 and address addr_test1x, as before",
    ),
    "another address than before": (
        lambda: propose(NEXT.extended.payload, replace(POLICY, address="addr1"), previous=TRUSTED),
        "CosigningFile",
        "expected network 42 and address addr_test1x, as before",
    ),
    "a sequence that does not grow": (
        lambda: propose(NEXT.extended.payload, POLICY, previous=TRUSTED, sequence=1),
        "CosigningFile",
        "expected a sequence above 1, the previous one, got 1",
    ),
    "no previous one": (
        lambda: Cosigning(NEXT.extended, None),
        "CosigningFile",
        "expected the previous payload, which the extension names, got none",
    ),
    "a previous one with other content": (
        lambda: Cosigning(NEXT.extended, replace(TRUSTED, extension=replace(TRUSTED.extension, expires_epoch=9))),
        "CosigningAltered",
        f"expected {replace(TRUSTED, extension=replace(TRUSTED.extension, expires_epoch=9)).hash} as previous",
    ),
    "a previous one that too few signed": (
        lambda: Cosigning(NEXT.extended, FIRST.sign(A).extended),
        "CosigningAltered",
        "expected a previous payload that its own keys have signed, got one that too few of them have",
    ),
    "a stranger's signature": (
        lambda: Cosigning(NEXT.extended.sign(F), TRUSTED),
        "CosigningFile",
        "expected one signature by each of the keys at most",
    ),
    "a signature twice": (
        lambda: Cosigning(forged(NEXT.sign(A), NEXT.sign(A).extended.signatures[0]), TRUSTED),
        "CosigningFile",
        "expected one signature by each of the keys at most",
    ),
    "a signature of something else": (
        lambda: Cosigning(forged(NEXT, FIRST.sign(A).extended.signatures[0]), TRUSTED),
        "CosigningAltered",
        f"expected a signature over what is in the file, got another one by {A.verification_key.hex}",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("make", "error", "message"), UNFIT.values(), ids=UNFIT)
def test_what_does_not_fit_together(make: Callable[[], Cosigning], error: str, message: str) -> None:
    with raising(error) as caught:
        make()
    assert message in str(caught.value)


def test_who_else_signed_the_previous_one_makes_no_difference() -> None:
    assert Cosigning(NEXT.extended, TRUSTED.sign(C)).sign(A).extended == NEXT.sign(A).extended


def altered(change: Callable[[dict[str, Any]], Any], made: Cosigning) -> str:
    document = json.loads(made.to_text())
    change(document)
    return json.dumps(document)


def put(*path: Any, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        inner: Any = document
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] = value

    return change


ALTERATIONS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "an epoch": put("payload", "markers", 1, "epoch", value=21),
    "a name": put("payload", "markers", 1, "name", value="lagrange"),
    "the plain signature": put("payload", "signature", value="00" * 64),
    "the network": put("payload", "extension", "network_magic", value=43),
    "the address": put("payload", "extension", "address", value="addr1"),
    "the sequence": put("payload", "extension", "sequence", value=3),
    "the expiry": put("payload", "extension", "expires_epoch", value=None),
    "the threshold": put("payload", "extension", "threshold", value=1),
    "the keys": put("payload", "extension", "keys", 2, value=D.verification_key.hex),
    "the previous hash": put("payload", "extension", "previous", value="00" * 32),
    "the previous payload": put("previous", "markers", 0, "epoch", value=2),
    "no previous payload": put("previous", value=None),
    "a signature": put("payload", "extension_signatures", 0, "signature", value="00" * 64),
    "a signer": put("payload", "extension_signatures", 0, "key", value=B.verification_key.hex),
    "words for the markers": put("check", "markers", value=["unchanged: thales at epoch 1"]),
    "a word of the network": put("check", "network_magic", value=1),
    "a word of another kind": put("check", "sequence", value=2.0),
    "who has signed": put("check", "signers", 0, "signed", value=[]),
    "a word too many": put("check", "note", value="all is well"),
    "no words": put("check", value=None),
    "a field beside": put("note", value="all is well"),
    "a field beside the payload": put("payload", "note", value=1),
    "the case of a signature": lambda document: document["payload"].update(
        signature=document["payload"]["signature"].upper()
    ),
}


@pytest.mark.parametrize("change", ALTERATIONS.values(), ids=ALTERATIONS)
def test_an_altered_file_is_refused(change: Callable[[dict[str, Any]], Any]) -> None:
    signed = NEXT.sign(A)
    assert Cosigning.from_text(altered(lambda _: None, signed)) == signed
    with raising("CosigningAltered", "CosigningFile") as caught:
        Cosigning.from_text(altered(change, signed))
    assert str(caught.value).startswith(("A co-signing file was altered", "A payload cannot be co-signed as it is"))


def test_words_that_were_altered_are_named() -> None:
    text = altered(put("check", "markers", value=[]), NEXT)
    with raising("CosigningAltered", match="got something else under check. Do not sign it"):
        Cosigning.from_text(text)


@pytest.mark.parametrize(
    ("text", "got"),
    [
        ("", "Expecting value"),
        ("[]", "no JSON object with eraswitch_cosigning 1"),
        ('{"eraswitch_cosigning":2}', "no JSON object with eraswitch_cosigning 1"),
        ('{"eraswitch_cosigning":true}', "no JSON object with eraswitch_cosigning 1"),
        ('{"eraswitch_cosigning":1,"eraswitch_cosigning":1}', "a JSON object with a field twice"),
        ('{"eraswitch_cosigning":1,"payload":{"markers":[]}}', "a payload without an extension"),
        ('{"eraswitch_cosigning":' + "1" * 5000 + "}", "a number of 5000 digits"),
        ("[" * 100_000, "JSON that is nested too deeply"),
    ],
    ids=lambda value: value[:40],
)
def test_what_is_no_cosigning_file(text: str, got: str) -> None:
    with raising("CosigningFile", match="A file is not a co-signing file") as caught:
        Cosigning.from_text(text)
    assert got in str(caught.value)


@pytest.mark.parametrize("payload", [None, 5, [], "x", {"markers": 5}, {"extension": {}}])
def test_what_is_no_payload_in_it(payload: Any) -> None:
    with pytest.raises(PayloadFormatError):
        Cosigning.from_text(altered(put("payload", value=payload), NEXT))
    if payload is not None:
        with pytest.raises(PayloadFormatError):
            Cosigning.from_text(altered(put("previous", value=payload), NEXT))


def test_a_field_twice_is_refused_at_every_level() -> None:
    text = NEXT.to_text()
    again = text.replace('"sequence": 2,', '"sequence": 9, "sequence": 2,')
    assert again != text
    with raising("CosigningFile", match="a JSON object with a field twice"):
        Cosigning.from_text(again)


@given(st.binary(max_size=3), st.integers(0, 5000))
def test_whatever_is_changed_is_refused_or_means_the_same(patch: bytes, position: int) -> None:
    signed = NEXT.sign(A)
    content = bytearray(signed.to_text().encode())
    position %= len(content) + 1
    content[position : position + len(patch)] = patch
    try:
        read = Cosigning.from_text(content.decode(errors="replace"))
    except MarkerError as error:
        assert error.code in ("CosigningFile", "CosigningAltered", "PayloadFormat")
        return
    assert read == signed


@pytest.mark.parametrize(
    ("binding", "expected"),
    [
        ({"network_magic": 1}, "expected network magic 1, got 42"),
        ({"address": "addr1"}, "expected era address addr1, got addr_test1x"),
        ({"verification_key": A.verification_key}, f"expected markers signed by the era key {A.verification_key.hex}"),
    ],
)
def test_another_network_than_the_configured_one(binding: dict[str, Any], expected: str) -> None:
    NEXT.require_binding()
    NEXT.require_binding(network_magic=42, address="addr_test1x", verification_key=ERA.verification_key)
    with raising("CosigningMismatch") as caught:
        NEXT.require_binding(**binding)
    assert expected in str(caught.value)


def test_a_signing_key_never_shows() -> None:
    shown = repr(NEXT.sign(A)) + NEXT.sign(A).to_text()
    assert A.seed.hex() not in shown
    assert A.to_json_hex() not in shown
