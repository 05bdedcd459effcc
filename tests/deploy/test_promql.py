"""The little PromQL of these tests says what Prometheus would say."""

import pytest

from tests.deploy.promql import PromQLError, Scrapes, parse, selectors

SCRAPES = Scrapes(
    {
        0.0: {"hits_total": [({"code": "200"}, 10), ({"code": "500"}, 4)], "up": [({"job": "a"}, 1)]},
        60.0: {
            "hits_total": [({"code": "200"}, 70), ({"code": "500"}, 1)],
            "up": [({"job": "a"}, 0), ({"job": "b"}, 1)],
        },
    }
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("up", [({"job": "a"}, 0), ({"job": "b"}, 1)]),
        ('up{job="a"}', [({"job": "a"}, 0)]),
        ('up{job!="a"} == 1', [({"job": "b"}, 1)]),
        ('up{job=~"a|c"} > 0', []),
        ("up{} < 1", [({"job": "a"}, 0)]),
        ("missing", []),
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("time() - 20", 40),
        ("time() - up", [({"job": "a"}, 60), ({"job": "b"}, 59)]),
        ("sum(up)", [({}, 1)]),
        ("max by (job) (up)", [({"job": "a"}, 0), ({"job": "b"}, 1)]),
        ("min(up) == 0 and on (none) sum(up) == 1", [({}, 0)]),
        ("up == 0 or up == 1", [({"job": "a"}, 0), ({"job": "b"}, 1)]),
        ("up unless up == 0", [({"job": "b"}, 1)]),
        ('increase(hits_total{code="200"}[5m])', [({"code": "200"}, 60)]),
        ('rate(hits_total{code="200"}[1m])', [({"code": "200"}, 1)]),
        ('increase(hits_total{code="500"}[5m])', [({"code": "500"}, 1)]),  # it began anew
        ("sum(rate(hits_total[5m])) / sum(rate(hits_total[5m])) > 0.5", [({}, 1)]),
    ],
)
def test_what_an_expression_comes_to(text, value):
    assert SCRAPES.evaluate(text, 60.0) == value


def test_quantiles_of_a_histogram():
    buckets = [({"le": "0.1"}, 50), ({"le": "1"}, 100), ({"le": "+Inf"}, 100)]
    scrapes = Scrapes({0.0: {"b": buckets}, 1.0: {}})
    assert scrapes.evaluate("histogram_quantile(0.5, sum by (le) (b))", 0.0) == [({}, pytest.approx(0.1))]
    assert scrapes.evaluate("histogram_quantile(0.75, b)", 0.0) == [({}, pytest.approx(0.55))]


def test_old_samples_count_no_more():
    assert SCRAPES.evaluate("up", 359.0) != []
    assert SCRAPES.evaluate("up", 361.0) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "up >",
        "up{job=a}",
        'up{job="a"',
        "up[5m",
        "rate(up)",
        "sum by job (up)",
        "up up",
        "by",
        "nonsense(up)",
        "up == 1)",
        "up # 1",
        "up[5]",
        'up{job="a" x="b"}',
    ],
)
def test_what_is_no_expression_is_refused(text):
    with pytest.raises(PromQLError):
        parse(text)


def test_every_selector_is_found():
    tree = parse('sum by (a) (rate(one_total{x="y"}[5m])) / max(two) > 1 and on (a) three')
    assert [found.name for found in selectors(tree)] == ["one_total", "two", "three"]
