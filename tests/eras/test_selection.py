"""The rules of ``eras.selection``, by number, and the values around them."""

import enum

import pytest

from eras import (
    MAX_EPOCH,
    ConfigurationError,
    CurrentEraNotFoundError,
    EraMarker,
    MarkerError,
    SupportedEras,
    UnsupportedEraError,
    require_epoch,
    select_eras,
)
from eras.selection import EraState

THALES = EraMarker("thales", 1)
PYTHAGORAS = EraMarker("pythagoras", 10)
LAGRANGE = EraMarker("lagrange", 20)
ANNOUNCED = EraMarker("lagrange", None)


@pytest.mark.parametrize(
    ("markers", "epoch", "current", "upcoming"),
    [
        ([THALES], 1, THALES, None),
        ([THALES], MAX_EPOCH, THALES, None),
        ([THALES, PYTHAGORAS], 9, THALES, PYTHAGORAS),
        ([THALES, PYTHAGORAS], 10, PYTHAGORAS, None),
        ([LAGRANGE, PYTHAGORAS, THALES], 10, PYTHAGORAS, LAGRANGE),  # the order in the list does not matter
        ([THALES, LAGRANGE, PYTHAGORAS], 5, THALES, PYTHAGORAS),  # the nearest later one, not the last in the list
        ([THALES, ANNOUNCED], 5, THALES, ANNOUNCED),
        ([THALES, ANNOUNCED, PYTHAGORAS], 5, THALES, PYTHAGORAS),  # an epoch beats an announcement
        ([THALES, ANNOUNCED, EraMarker("euler", None)], 5, THALES, ANNOUNCED),
        ([ANNOUNCED, PYTHAGORAS, LAGRANGE], 20, LAGRANGE, None),  # announced once, begun since
        ([EraMarker("a", 5), EraMarker("b", 5)], 5, EraMarker("a", 5), None),  # as deployed readers: the first
        ([EraMarker("a", 0), EraMarker("b", 7), EraMarker("c", 7)], 0, EraMarker("a", 0), EraMarker("b", 7)),
        ([EraMarker("", 0)], 0, EraMarker("", 0), None),
    ],
)
def test_rules_1_and_2_current_and_upcoming(markers, epoch, current, upcoming):
    token = select_eras(markers, epoch)
    assert (token.current, token.upcoming, token.epoch) == (current, upcoming, epoch)
    assert token.markers == tuple(markers)


@pytest.mark.parametrize("markers", [[], [ANNOUNCED], [PYTHAGORAS], [ANNOUNCED, PYTHAGORAS]])
def test_rule_3_without_a_current_era_the_error_names_the_epoch_and_every_era_known(markers):
    with pytest.raises(CurrentEraNotFoundError) as caught:
        select_eras(markers, 9)
    assert "No era is active at epoch 9" in str(caught.value)
    assert caught.value.facts["epoch"] == 9
    assert [m["name"] for m in caught.value.facts["markers"]] == [m.name for m in markers]
    for marker in markers:
        assert str(marker) in str(caught.value)


def test_rule_4_states():
    token = select_eras([THALES, PYTHAGORAS, LAGRANGE, EraMarker("euler", None)], 10)
    assert token.state_of(THALES) is EraState.PAST
    assert token.state_of(PYTHAGORAS) is EraState.ACTIVE
    assert token.state_of(LAGRANGE) is EraState.SCHEDULED
    assert token.state_of(EraMarker("euler", None)) is EraState.ANNOUNCED
    assert token.state_of(EraMarker("gauss", 30)) is EraState.CANCELLED


@pytest.mark.parametrize(
    ("epoch", "notice", "state"),
    [(17, 2, EraState.SCHEDULED), (18, 2, EraState.SCHEDULED), (19, 2, EraState.LOCKED), (16, 5, EraState.LOCKED)],
)
def test_rule_4_locked_is_when_less_than_the_notice_is_left(epoch, notice, state):
    token = select_eras([THALES, LAGRANGE], epoch)
    assert token.state_of(LAGRANGE, notice_epochs=notice) is state


def test_the_token_says_what_is_supported():
    eras = SupportedEras(["thales", "pythagoras"])
    token = select_eras([THALES, LAGRANGE], 5, eras)
    assert (token.current_supported, token.upcoming_supported, token.epochs_to_upcoming) == (True, False, 15)
    token.require_supported()
    token = select_eras([THALES, ANNOUNCED], 5, eras)
    assert (token.upcoming_supported, token.epochs_to_upcoming) == (False, None)
    token = select_eras([LAGRANGE], 20, eras)
    assert (token.current_supported, token.upcoming_supported, token.epochs_to_upcoming) == (False, None, None)
    with pytest.raises(UnsupportedEraError, match="expected one of thales, pythagoras, got 'lagrange'"):
        token.require_supported()


@pytest.mark.parametrize("epoch", [-1, MAX_EPOCH + 1, 1.0, "1", True, None])
def test_an_epoch_is_an_unsigned_64_bit_integer(epoch):
    with pytest.raises(MarkerError, match="a whole number from 0 to 18446744073709551615"):
        require_epoch(epoch)
    with pytest.raises(MarkerError):
        select_eras([THALES], epoch)
    if epoch is not None:
        with pytest.raises(MarkerError):
            EraMarker("thales", epoch)


@pytest.mark.parametrize("name", ["\ud800", "era\udcff"])  # the second is what a shell makes of a stray byte
def test_a_name_that_utf8_cannot_write_is_refused(name):
    with pytest.raises(MarkerError, match="expected text that UTF-8 can encode"):
        EraMarker(name, None)


def test_a_marker_needs_a_string_for_a_name():
    with pytest.raises(MarkerError, match="expected a string, got 5"):
        EraMarker(5, 1)
    assert EraMarker("thales", MAX_EPOCH).to_dict() == {"name": "thales", "epoch": 18446744073709551615}
    assert list(EraMarker("thales", None).to_dict()) == ["name", "epoch"]


def test_supported_eras_keep_their_order():
    eras = SupportedEras(["thales", "pythagoras", "lagrange"])
    assert sorted(["lagrange", "thales"], key=eras.index) == ["thales", "lagrange"]
    assert (list(eras), len(eras), eras[0], eras[1:]) == (
        ["thales", "pythagoras", "lagrange"],
        3,
        "thales",
        ("pythagoras", "lagrange"),
    )
    assert "thales" in eras
    assert "euler" not in eras
    assert eras == SupportedEras(("thales", "pythagoras", "lagrange"))
    assert hash(eras) == hash(SupportedEras(("thales", "pythagoras", "lagrange")))
    assert eras != ("thales", "pythagoras", "lagrange")
    assert repr(eras) == "SupportedEras(['thales', 'pythagoras', 'lagrange'])"
    assert list(SupportedEras.DEFAULT) == ["pythagoras", "lagrange"]
    with pytest.raises(UnsupportedEraError, match="Upgrade to a version that knows 'euler'"):
        eras.index("euler")


def test_an_enum_of_strings_makes_supported_eras():
    class Era(enum.Enum):
        THALES = "thales"
        PYTHAGORAS = "pythagoras"

    class StrEra(enum.StrEnum):
        THALES = "thales"

    assert list(SupportedEras(Era)) == ["thales", "pythagoras"]
    assert [type(name) for name in SupportedEras(StrEra)] == [str]


@pytest.mark.parametrize(
    ("names", "got"),
    [([], "no name"), (["a", "b", "a"], "'a' twice"), (["a", 5], "5"), ("thales", "the single string 'thales'")],
)
def test_a_list_of_supported_eras_that_makes_no_sense(names, got):
    with pytest.raises(ConfigurationError, match=f"got {got}"):
        SupportedEras(names)
