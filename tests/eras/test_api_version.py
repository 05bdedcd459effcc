"""API versions: the compatibility rule and the table of an era's version."""

import pytest

from eras import (
    AGGREGATOR_NODE_VERSION_HEADER,
    API_VERSION_HEADER,
    SIGNER_NODE_VERSION_HEADER,
    ApiVersion,
    ConfigurationError,
    MarkerError,
    SupportedEras,
    UnsupportedEraError,
)
from eras.api_version import ApiVersionTable

V = ApiVersion.parse


@pytest.mark.parametrize(
    ("one", "other", "compatible"),
    [
        ("0.1.35", "0.1.50", True),
        ("0.1.35", "0.2.35", False),
        ("0.1.0", "1.1.0", False),
        ("1.2.3", "1.9.0", True),
        ("1.2.3", "2.2.3", False),
        ("1.0.0", "0.9.9", False),
    ],
)
def test_compatible_is_same_major_or_below_one_same_major_and_minor(one, other, compatible):
    assert V(one).is_compatible_with(V(other)) is compatible
    assert V(other).is_compatible_with(V(one)) is compatible


def test_versions_order_by_number_and_print_as_they_are_written():
    assert sorted(map(V, ["0.10.0", "0.9.12", "0.9.2"])) == list(map(V, ["0.9.2", "0.9.12", "0.10.0"]))
    assert str(V("0.10.2")) == "0.10.2"


@pytest.mark.parametrize(
    "text", ["", "1", "1.2", "1.2.3.4", "1.2.x", "01.2.3", "1.2.3-rc1", " 1.2.3", "١.٢.٣", "1.2.-3"]
)
def test_what_is_no_version(text):
    with pytest.raises(MarkerError, match="three whole numbers, for example 0.1.35"):
        V(text)


def test_header_names_of_the_network():
    assert API_VERSION_HEADER == "mithril-api-version"
    assert SIGNER_NODE_VERSION_HEADER == "signer-node-version"
    assert AGGREGATOR_NODE_VERSION_HEADER == "aggregator-node-version"


def test_the_table_of_an_era():
    table = ApiVersionTable({"pythagoras": V("0.1.50"), "lagrange": V("0.2.0")})
    assert table.for_era("lagrange") == V("0.2.0")
    assert table.eras_speaking(V("0.1.2")) == ("pythagoras",)
    assert table.eras_speaking(V("7.0.0")) == ()
    with pytest.raises(UnsupportedEraError):
        table.for_era("euler")


@pytest.mark.parametrize(
    ("versions", "got"),
    [({"a": V("1.0.0")}, "none for 'b'"), ({"a": V("1.0.0"), "b": V("1.0.0"), "c": V("1.0.0")}, "one for 'c'")],
)
def test_a_table_that_does_not_fit(versions, got):
    with pytest.raises(ConfigurationError, match=f"got {got}"):
        ApiVersionTable(versions, SupportedEras(["a", "b"]))
