"""Rules T5 (threshold) and T6 (extension) of the trust rules, as tables of named cases."""

from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datum import (
    EraMarkersPayload,
    ExtendedPayload,
    Extension,
    ExtensionAccepted,
    ExtensionPolicy,
    KeySet,
    SigningKey,
    judge_extension,
)
from datum.extension import ExtensionSignature
from datum.extension_rules import (
    BelowThreshold,
    BrokenChain,
    Equivocation,
    RolledBack,
    WrongAddress,
    WrongNetwork,
    choose_extended,
    required_key_sets,
)
from eras import EraMarker
from tests.errors import raising

ERA = SigningKey(b"e" * 32)
SIGNING = {letter: SigningKey(letter.encode() * 32) for letter in "abcdefghij"}
MAGIC, ADDRESS = 42, "addr_test1x"


def keys(letters):
    return tuple(SIGNING[letter].verification_key for letter in letters)


def policy(letters="abc", threshold=2, magic=MAGIC, address=ADDRESS):
    return ExtensionPolicy(magic, address, keys(letters), threshold)


def payload(sequence, signers, *, after=None, names="abc", threshold=2, at=20, expires=None, **binding):
    """An extended payload in a line; ``after`` is the one before or its hash, ``signers`` and ``names`` are letters."""
    extension = Extension(
        network_magic=binding.get("magic", MAGIC),
        address=binding.get("address", ADDRESS),
        sequence=sequence,
        previous=after.hash if isinstance(after, ExtendedPayload) else after,
        expires_epoch=expires,
        threshold=threshold,
        keys=keys(names),
    )
    markers = EraMarkersPayload((EraMarker("thales", 1), EraMarker("pythagoras", at))).sign(ERA)
    made = ExtendedPayload(markers, extension)
    message = made.message
    signatures = (
        ExtensionSignature(SIGNING[letter].verification_key, SIGNING[letter].sign(message)) for letter in signers
    )
    return replace(made, signatures=tuple(signatures))


FIRST = payload(1, "ab")
SECOND = payload(2, "bc", after=FIRST, at=21)


def judge(candidate, previous=None, *, by=None, epoch=10):
    return judge_extension(candidate, by or policy(), previous, epoch=epoch)


THRESHOLDS = {
    # case: (keys named, threshold, who signed, accepted, words)
    "1 of 1": ("a", 1, "a", True, "signed by 1 of the 1 keys (1 must sign)"),
    "1 of 1, nobody": ("a", 1, "", False, "signed by 0 of the 1 keys (1 must sign)"),
    "2 of 3, first two": ("abc", 2, "ab", True, "signed by 2 of the 3 keys (2 must sign)"),
    "2 of 3, last two": ("abc", 2, "cb", True, "signed by 2 of the 3 keys (2 must sign)"),
    "2 of 3, all": ("abc", 2, "abc", True, "signed by 3 of the 3 keys (2 must sign)"),
    "2 of 3, one": ("abc", 2, "c", False, "signed by 1 of the 3 keys (2 must sign)"),
    "2 of 3, one three times": ("abc", 2, "ccc", False, "signed by 1 of the 3 keys (2 must sign)"),
    "2 of 3, one and a stranger": ("abc", 2, "cd", False, "signed by 1 of the 3 keys (2 must sign), 1 by unknown keys ignored"),  # noqa: E501
    "2 of 3, strangers": ("abc", 2, "defd", False, "signed by 0 of the 3 keys (2 must sign), 3 by unknown keys ignored"),  # noqa: E501
    "2 of 3, two and a stranger": ("abc", 2, "dab", True, "signed by 2 of the 3 keys (2 must sign), 1 by unknown keys ignored"),  # noqa: E501
    "3 of 5": ("abcde", 3, "ace", True, "signed by 3 of the 5 keys (3 must sign)"),
    "3 of 5, two": ("abcde", 3, "ae", False, "signed by 2 of the 5 keys (3 must sign)"),
    "5 of 5, four": ("abcde", 5, "abcd", False, "signed by 4 of the 5 keys (5 must sign)"),
}  # fmt: skip


@pytest.mark.parametrize(("names", "threshold", "signers", "accepted", "words"), THRESHOLDS.values(), ids=THRESHOLDS)
def test_rule_t5_threshold(names, threshold, signers, accepted, words):
    verdict = judge(payload(1, signers, names=names, threshold=threshold), by=policy(names, threshold))
    assert isinstance(verdict, ExtensionAccepted if accepted else BelowThreshold)
    assert verdict.reason.removeprefix("sequence 1, ") == words


def test_rule_t5_a_wrong_signature_does_not_count():
    made = payload(1, "a")
    forged = ExtensionSignature(SIGNING["b"].verification_key, SIGNING["c"].sign(made.message))
    assert isinstance(judge(replace(made, signatures=(*made.signatures, forged))), BelowThreshold)


def test_rule_t5_a_signature_of_another_content_does_not_count():
    assert isinstance(judge(replace(payload(1, "", at=99), signatures=FIRST.signatures)), BelowThreshold)


ROTATIONS = {
    # case: (old keys, threshold) → (new keys, threshold), who signed, accepted
    "3 of 5, one key rotated": ("abcde", 3, "abcdf", 3, "abcf", True),
    "3 of 5, one key rotated, by those that stay": ("abcde", 3, "abcdf", 3, "abc", True),
    "3 of 5, one key rotated, too few of the old": ("abcde", 3, "abcdf", 3, "abf", False),
    "3 of 5, one key rotated, the one that goes counts for the old": ("abcde", 3, "abcdf", 3, "abef", True),
    "3 of 5, one key rotated, too few of the new": ("abcde", 3, "abcdf", 3, "abe", False),
    "3 of 5, all keys rotated, by both": ("abcde", 3, "fghij", 3, "abcfgh", True),
    "3 of 5, all keys rotated, by the old": ("abcde", 3, "fghij", 3, "abcde", False),
    "3 of 5, all keys rotated, by the new": ("abcde", 3, "fghij", 3, "fghij", False),
    "3 of 5 to 1 of 1, by both": ("abcde", 3, "f", 1, "abcf", True),
    "3 of 5 to 1 of 1, by the one": ("abcde", 3, "f", 1, "f", False),
    "1 of 1 to 2 of 3, by the one": ("a", 1, "abc", 2, "a", False),
    "1 of 1 to 2 of 3, by two": ("a", 1, "abc", 2, "ab", True),
    "2 of 3, threshold lowered by the old one": ("abc", 2, "abc", 1, "ab", True),
    "2 of 3, threshold lowered by itself": ("abc", 2, "abc", 1, "a", False),
    "2 of 3, threshold raised by the old one": ("abc", 2, "abc", 3, "ab", False),
    "2 of 3, threshold raised by itself": ("abc", 2, "abc", 3, "abc", True),
    "2 of 3, same keys in another order": ("abc", 2, "cab", 2, "ab", True),
}


@pytest.mark.parametrize("remembered", [True, False], ids=["after a trusted payload", "after the configuration"])
@pytest.mark.parametrize(
    ("old", "old_threshold", "new", "new_threshold", "signers", "accepted"), ROTATIONS.values(), ids=ROTATIONS
)
def test_rule_t5_key_rotation(old, old_threshold, new, new_threshold, signers, accepted, remembered):
    before = payload(1, old, names=old, threshold=old_threshold)
    rotated = payload(2, signers, after=before, names=new, threshold=new_threshold)
    # Once a payload is trusted its keys are in force, whatever the configuration says.
    by = policy("j", 1) if remembered else policy(old, old_threshold)
    verdict = judge(rotated, before if remembered else None, by=by)
    assert isinstance(verdict, ExtensionAccepted if accepted else BelowThreshold), verdict.reason
    assert (" old keys " in verdict.reason and " new keys " in verdict.reason) == (
        (set(old), old_threshold) != (set(new), new_threshold)
    )


def test_rule_t5_retired_keys_sign_nothing_any_more():
    rotated = payload(2, "abde", after=FIRST, names="def")
    assert isinstance(judge(rotated, FIRST), ExtensionAccepted)
    assert isinstance(judge(payload(3, "abc", after=rotated, names="def"), rotated), BelowThreshold)
    assert isinstance(judge(payload(3, "abc", after=rotated), rotated), BelowThreshold)
    assert isinstance(judge(payload(3, "ef", after=rotated, names="def"), rotated), ExtensionAccepted)


def test_rule_t5_who_must_sign():
    old, same, new = KeySet(keys("abc"), 2), KeySet(keys("cab"), 2), KeySet(keys("abd"), 2)
    assert required_key_sets(payload(1, "").extension, same) == (same,)
    assert required_key_sets(payload(1, "", names="abd").extension, old) == (old, new)


@pytest.mark.parametrize(
    ("letters", "threshold", "message"),
    [
        ("abc", 0, "expected a threshold from 1 to the number of keys, 3, got 0"),
        ("abc", 4, "expected a threshold from 1 to the number of keys, 3, got 4"),
        ("abc", True, "expected a threshold from 1 to the number of keys, 3, got True"),
        ("", 1, "expected a threshold from 1 to the number of keys, 0, got 1"),
        ("aba", 2, "expected distinct keys, got one twice"),
    ],
)
def test_rule_t5_a_policy_that_cannot_be_met_is_a_configuration_error(letters, threshold, message):
    with raising("ExtensionPolicy", match=message) as caught:
        policy(letters, threshold)
    assert caught.value.exit_code == 2


CHAINS = {
    # case: (trusted before, candidate, verdict, words)
    "the first one": (None, FIRST, ExtensionAccepted, "sequence 1, "),
    "a later one is the first that is seen": (None, SECOND, ExtensionAccepted, "sequence 2, "),
    "the same again": (FIRST, FIRST, ExtensionAccepted, "sequence 1, "),
    "the same with other signatures": (FIRST, payload(1, "bc"), ExtensionAccepted, "sequence 1, "),
    "the same with too few signatures": (FIRST, payload(1, "b"), BelowThreshold, "1 of the 3"),
    "the next": (FIRST, SECOND, ExtensionAccepted, "sequence 2, "),
    "the one before": (SECOND, FIRST, RolledBack, "sequence 1 is below 2, which is trusted"),
    "the one before, signed by nobody": (SECOND, payload(1, ""), RolledBack, "sequence 1 is below 2"),
    "the same sequence, other content": (SECOND, payload(2, "ab", after=FIRST, at=22), Equivocation, SECOND.hash),
    "the same sequence, other expiry": (SECOND, payload(2, "ab", after=FIRST, at=21, expires=9), Equivocation, SECOND.hash),  # noqa: E501
    "the same sequence, other content, signed by one": (SECOND, payload(2, "a", after=FIRST, at=22), BelowThreshold, "1 of the 3"),  # noqa: E501
    "the next, after another one": (FIRST, payload(2, "ab", after="00" * 32), BrokenChain, f"follows {'00' * 32}"),
    "the next, as if the first": (FIRST, payload(2, "ab"), BrokenChain, "sequence 2 follows nothing"),
    "a gap": (FIRST, payload(9, "ab", after="00" * 32), ExtensionAccepted, "sequence 9, "),
    "a gap, after the one that is trusted": (FIRST, payload(9, "ab", after=FIRST), ExtensionAccepted, "sequence 9, "),
    "a gap, as if the first": (FIRST, payload(9, "ab"), BrokenChain, "sequence 9 follows nothing"),
    "a gap, signed by one": (FIRST, payload(9, "a", after="00" * 32), BelowThreshold, "1 of the 3"),
    "another network": (FIRST, payload(2, "ab", after=FIRST, magic=1), WrongNetwork, "for the network with magic 1, not 42"),  # noqa: E501
    "another address": (FIRST, payload(2, "ab", after=FIRST, address="addr1"), WrongAddress, "for the address addr1, not addr_test1x"),  # noqa: E501
    "another network, to a fresh reader": (None, payload(1, "ab", magic=1), WrongNetwork, "magic 1"),
    "another network, an old one": (SECOND, payload(1, "ab", magic=1), WrongNetwork, "magic 1"),
}  # fmt: skip


@pytest.mark.parametrize(("trusted", "candidate", "verdict", "words"), CHAINS.values(), ids=CHAINS)
def test_rule_t6_sequence_and_binding(trusted, candidate, verdict, words):
    found = judge(candidate, trusted)
    assert type(found) is verdict, found.reason
    assert words in found.reason
    assert found.name == verdict.__name__


@pytest.mark.parametrize("trusted", [None, FIRST, "itself"], ids=["fresh", "after another", "in force already"])
@pytest.mark.parametrize(("epoch", "stale"), [(29, False), (30, False), (31, True), (2**64 - 1, True)])
def test_rule_t6_past_its_expiry_it_stays_in_force_and_is_stale(trusted, epoch, stale):
    expiring = payload(2, "ab", after=FIRST, expires=30)
    verdict = judge(expiring, expiring if trusted == "itself" else trusted, epoch=epoch)
    assert isinstance(verdict, ExtensionAccepted)
    assert verdict.stale is stale
    assert verdict.reason.endswith("stale since epoch 30 is over") is stale


def test_rule_t6_without_expiry_it_is_never_stale():
    assert judge(FIRST, epoch=2**64 - 1) == judge(FIRST, epoch=0)


def in_every_order(candidates, previous=None, by=None):
    """What is chosen, which must be the same in whatever order the candidates come."""
    found = set()
    for order in permutations(range(len(candidates))):
        verdicts, trusted = choose_extended([candidates[index] for index in order], by or policy(), previous, epoch=10)
        named = sorted(zip(order, (verdict.name for verdict in verdicts), strict=True))
        found.add((tuple(name for _, name in named), trusted))
    assert len(found) == 1
    return found.pop()


def test_rule_t6_the_highest_sequence_wins_in_whatever_order():
    third = payload(3, "ac", after=SECOND)
    strange = payload(9, "de")
    names, trusted = in_every_order([FIRST, SECOND, third, strange])
    assert names == ("RolledBack", "RolledBack", "ExtensionAccepted", "BelowThreshold")
    assert trusted == third


def test_rule_t6_nothing_better_leaves_the_trusted_one_in_force():
    assert in_every_order([], FIRST) == ((), FIRST)
    assert in_every_order([]) == ((), None)
    assert in_every_order([payload(1, "a")]) == (("BelowThreshold",), None)
    other = payload(2, "ab", after=FIRST, at=22)
    assert in_every_order([FIRST, other], SECOND) == (("RolledBack", "Equivocation"), SECOND)
    names, trusted = in_every_order([payload(1, "abc")], FIRST)
    assert (names, trusted.signatures) == (("ExtensionAccepted",), FIRST.signatures)


def test_rule_t6_what_may_not_follow_for_other_reasons_is_refused_and_a_later_one_judged_after_the_one_before():
    asked = []

    def refuse(before, after):
        asked.append((before, after))
        return RolledBack("its markers move an activation that has happened") if after == SECOND else None

    verdicts, trusted = choose_extended([FIRST, SECOND], policy(), None, epoch=10, refuse=refuse)
    assert [verdict.name for verdict in verdicts] == ["ExtensionAccepted", "RolledBack"]
    assert (verdicts[1].reason, trusted) == ("its markers move an activation that has happened", FIRST)
    assert asked == [(None, FIRST), (FIRST, SECOND)]


def test_rule_t6_what_is_of_another_network_stays_so_below_the_trusted_sequence():
    assert in_every_order([payload(1, "ab", magic=1), SECOND]) == (("WrongNetwork", "ExtensionAccepted"), SECOND)


def test_rule_t6_the_same_payload_many_times_is_judged_once(monkeypatch):
    count = 0

    def counted(*arguments, real=judge_extension, **named):
        nonlocal count
        count += 1
        return real(*arguments, **named)

    monkeypatch.setattr("datum.extension_rules.judge_extension", counted)
    verdicts, trusted = choose_extended([FIRST] * 500 + [SECOND] * 500, policy(), None, epoch=10)
    assert [verdict.name for verdict in verdicts] == ["RolledBack"] * 500 + ["ExtensionAccepted"] * 500
    assert (trusted, count) == (SECOND, 2)


def test_rule_t6_equivocation_that_a_fresh_reader_sees_leaves_the_one_before():
    other = payload(2, "abc", after=FIRST, at=22)
    assert in_every_order([FIRST, SECOND, other]) == (("ExtensionAccepted", "Equivocation", "Equivocation"), FIRST)
    assert in_every_order([SECOND, other]) == (("Equivocation", "Equivocation"), None)


def test_rule_t6_equivocation_is_healed_by_a_payload_that_is_good_after_either():
    other = payload(2, "abc", after=FIRST, at=22)
    healing = payload(4, "ab", after=SECOND)
    names, trusted = in_every_order([FIRST, SECOND, other, healing])
    assert names == ("RolledBack", "Equivocation", "Equivocation", "ExtensionAccepted")
    assert trusted == healing
    for remembered in (FIRST, SECOND, other):
        assert isinstance(judge(healing, remembered), ExtensionAccepted)
    directly = payload(3, "ab", after=SECOND)
    names, trusted = in_every_order([FIRST, SECOND, other, directly])
    assert (names[-1], trusted) == ("BrokenChain", FIRST)


def test_rule_t6_stolen_keys_that_were_rotated_away_do_not_come_back_by_equivocation():
    rotated = payload(2, "abde", after=FIRST, names="def")
    stolen, absurd = payload(2, "ab", after=FIRST, at=11), payload(100, "abc", at=11, after="00" * 32)
    names, trusted = in_every_order([FIRST, rotated, stolen, absurd])
    assert (names[-1], trusted) == ("BelowThreshold", FIRST)
    assert isinstance(judge(absurd, rotated), BelowThreshold)


def test_rule_t6_a_fresh_reader_follows_the_rotations_through_history():
    rotated = payload(2, "abde", after=FIRST, names="def")
    again = payload(3, "degh", after=rotated, names="ghi")
    names, trusted = in_every_order([FIRST, rotated, again])
    assert (names, trusted) == (("RolledBack", "RolledBack", "ExtensionAccepted"), again)
    # Without history only the configuration can say whose keys these are.
    assert in_every_order([again]) == (("BelowThreshold",), None)
    assert in_every_order([again], by=policy("def")) == (("ExtensionAccepted",), again)


@st.composite
def honest_histories(draw):
    """Payloads as an honest release team publishes them, rotations and skipped numbers included."""
    made = [payload(draw(st.integers(0, 2)), "ab")]
    for _ in range(draw(st.integers(0, 4))):
        last = made[-1].extension
        held = "".join(letter for letter, key in SIGNING.items() if key.verification_key in last.keys)
        names = "".join(draw(st.permutations("abcdef"))[:3]) if draw(st.booleans()) else held
        made.append(
            payload(
                last.sequence + draw(st.integers(1, 2)),
                held + names,
                after=made[-1],
                names=names,
                at=draw(st.integers(20, 25)),
            )
        )
    return made


@given(honest_histories(), st.data())
def test_rule_t6_readers_with_and_without_memory_reach_the_same_answer(history, data):
    """Whatever one has seen so far, in whatever order, with forgeries between."""
    forged = [replace(one, signatures=one.signatures[:1]) for one in history]
    forged += [payload(50, "ghi", after=history[-1], names="ghi"), payload(60, "gh", magic=1)]
    seen = data.draw(st.permutations(history + forged))
    _, fresh = choose_extended(seen, policy(), None, epoch=10)
    assert fresh == history[-1]
    _, remembered = choose_extended(
        history[: data.draw(st.integers(0, len(history)))] + forged, policy(), None, epoch=10
    )
    _, later = choose_extended(seen, policy(), remembered, epoch=10)
    assert later == history[-1]
