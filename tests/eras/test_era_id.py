"""The era-id: who is on the same schedule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eras import Epoch, EraMarker, MarkerError
from eras.era_id import EraId, EraIdentity, PeerSchedule

ADDRESS, KEY = "addr_test1qexample", "ab" * 32


def marker(name: str, epoch: int | None) -> EraMarker:
    return EraMarker(name, None if epoch is None else Epoch(epoch))


def identity(*markers: EraMarker, magic: int | None = 42, address: str = ADDRESS, key: str = KEY) -> EraIdentity:
    return EraIdentity(magic, address, key, markers)


T1, P7, L9 = marker("thales", 1), marker("pythagoras", 7), marker("lagrange", 9)
ONE = identity(T1)
TWO = identity(T1, P7)
THREE = identity(T1, P7, L9)


def test_the_text_form_is_fixed():
    """Peers of other versions read it: it must never change."""
    assert str(TWO.at(Epoch(3))) == "e9637a76/7"
    assert str(TWO.at(Epoch(7))) == "1d5efe57/0"
    assert EraId.parse("1d5efe57/0") == TWO.at(Epoch(7))


def test_a_marker_said_twice_is_one_activation():
    """A payload that is signed anew says its first marker twice: whoever has read it is on the same schedule."""
    anew = identity(T1, T1, P7)
    assert anew.at(Epoch(8)) == TWO.at(Epoch(8))
    assert TWO.compare(anew.at(Epoch(3)), Epoch(3)) is PeerSchedule.SAME
    assert anew.compare(THREE.at(Epoch(3)), Epoch(3)) is PeerSchedule.SAME


@pytest.mark.parametrize("text", ["", "1d5efe57", "1D5EFE57/0", "1d5efe57/", "1d5efe57/01", f"1d5efe57/{2**64}", "x/1"])
def test_anything_else_is_no_era_id(text):
    with pytest.raises(MarkerError, match="An era-id is not usable"):
        EraId.parse(text)


@pytest.mark.parametrize(
    "other",
    [
        identity(T1, P7, magic=1),
        identity(T1, P7, magic=None),
        identity(T1, P7, address="addr_test1qother"),
        identity(T1, P7, key="cd" * 32),
        identity(marker("thales", 2), P7),
        identity(marker("euclid", 1), P7),
    ],
)
@pytest.mark.parametrize("epoch", [3, 7, 8])
def test_another_network_key_or_past_is_foreign(other, epoch):
    assert other.at(Epoch(epoch)) != TWO.at(Epoch(epoch))
    assert TWO.compare(other.at(Epoch(epoch)), Epoch(epoch)) is PeerSchedule.FOREIGN


def test_what_is_announced_without_epoch_is_no_part_of_it():
    assert identity(T1, marker("pythagoras", None)).at(Epoch(3)) == ONE.at(Epoch(3))


@pytest.mark.parametrize(
    ("own", "epoch", "peer", "peers_epoch", "expected"),
    [
        (TWO, 3, TWO, 3, PeerSchedule.SAME),
        (TWO, 8, TWO, 8, PeerSchedule.SAME),
        (TWO, 3, ONE, 3, PeerSchedule.OTHER_PLAN),  # it has not read the newest markers
        (ONE, 3, TWO, 3, PeerSchedule.OTHER_PLAN),  # or we have not
        (TWO, 7, TWO, 6, PeerSchedule.BEHIND),  # its clock is slow, or it is being synchronised
        (TWO, 7, ONE, 7, PeerSchedule.BEHIND),  # it has not heard of the switch
        (TWO, 6, TWO, 7, PeerSchedule.AHEAD),
        (TWO, 3, THREE, 9, PeerSchedule.FOREIGN),  # it has passed what we do not know of
        (THREE, 3, THREE, 9, PeerSchedule.AHEAD),
        (THREE, 9, THREE, 3, PeerSchedule.BEHIND),
        (TWO, 8, identity(T1, marker("pythagoras", 8)), 7, PeerSchedule.FOREIGN),  # it will switch at another epoch
        (ONE, 8, TWO, 6, PeerSchedule.FOREIGN),  # it expects a switch in an epoch that has passed here without one
        (TWO, 8, identity(P7), 8, PeerSchedule.SAME),  # it has read that thales is retired
        (THREE, 8, identity(P7, L9), 8, PeerSchedule.SAME),
        (THREE, 9, identity(P7, L9), 8, PeerSchedule.BEHIND),
        (THREE, 8, identity(P7, L9), 9, PeerSchedule.AHEAD),
    ],
)
def test_what_a_peers_era_id_says(own, epoch, peer, peers_epoch, expected):
    assert own.compare(peer.at(Epoch(peers_epoch)), Epoch(epoch)) is expected


markers = st.lists(
    st.tuples(st.sampled_from(["thales", "pythagoras", "lagrange", "euler", ""]), st.none() | st.integers(0, 12)),
    max_size=5,
).map(lambda found: tuple(marker(*one) for one in found))


@given(markers, st.integers(0, 14), st.integers(0, 14))
def test_one_schedule_is_never_foreign_to_itself(found, own_epoch, peers_epoch):
    own = identity(*found)
    verdict = own.compare(own.at(Epoch(peers_epoch)), Epoch(own_epoch))
    assert verdict is not PeerSchedule.FOREIGN
    assert verdict is PeerSchedule.SAME or own_epoch != peers_epoch


@given(markers, st.integers(0, 14))
def test_the_text_says_it_all(found, epoch):
    era_id = identity(*found).at(Epoch(epoch))
    assert EraId.parse(str(era_id)) == era_id
