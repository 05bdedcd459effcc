"""Adoption to pass on: Markdown, CSV and charts, in which nothing that a node says is more than text."""

import csv
from io import StringIO
from xml.etree import ElementTree as ET

from era_store import SqlRegistrations
from eras import Epoch
from release_tools import Compatibility, EpochAdoption
from release_tools.adoption.adoption_charts import MAX_VERSIONS, support_chart, versions_chart
from release_tools.adoption.summary import summarise_last
from release_tools.adoption.text import adoption_csv, adoption_markdown
from tests.release_tools.registered import register, registration, repository, told

__all__ = ["repository"]

ADA = 1_000_000
TABLE = Compatibility.of({"lagrange": ">=0.3.0, !=0.3.5"})


def two_epochs(repository: SqlRegistrations) -> tuple[EpochAdoption, ...]:
    told(repository, 4, f"a 0.2.0 {ADA}, b 0.2.0 {3 * ADA}")
    told(repository, 5, f"a 0.3.0 {ADA}, b 0.2.0 {3 * ADA}, c - {ADA}")
    repository.set_network_stake(Epoch(6), 10 * ADA, source="test", time_s=0)
    return summarise_last(repository, 2, compatibility=TABLE)


def test_markdown_for_a_release_page(repository: SqlRegistrations) -> None:
    lines = adoption_markdown(two_epochs(repository)).splitlines()
    for line in (
        "## Adoption in epoch 5",
        "3 parties registered 5.0 ADA, 50.0 % of the whole network's.",
        "| 0.3.0 | 1.0 ADA | 20.0 % | 10.0 % | 1 | lagrange |",
        "| none given (unknown) | 1.0 ADA | 20.0 % | 10.0 % | 1 |  |",
        "| lagrange | 0.3.0 or newer, but not 0.3.5 | 20.0 % | 10.0 % | 20.0 % |",
        "| b | 3.0 ADA | 0.2.0 |",
        "Since epoch 4: 1 (1.0 ADA) new, 1 (1.0 ADA) upgraded, 0 downgraded, 0 gone.",
        "| 4 | 4.0 ADA | 0.0 % |",
    ):
        assert line in lines, line
    assert any(line.startswith("> **unknown-share**: The version of 20.0 %") for line in lines)
    tables = [line for line in lines if line.startswith("|")]
    assert tables
    assert adoption_markdown(()) == ""


def test_markdown_in_which_a_version_is_no_markup(repository: SqlRegistrations) -> None:
    register(repository, registration("pool|<img src=x>", "1.0.0|[x](http://y)\n# boo", ADA))
    text = adoption_markdown(summarise_last(repository, 1, compatibility=TABLE))
    assert "<img" not in text.replace("\\<img", "")
    assert "\n# boo" not in text
    assert r"\|\[x\]\(http://y\)" in text


def test_csv(repository: SqlRegistrations) -> None:
    rows = list(csv.DictReader(StringIO(adoption_csv(two_epochs(repository)), newline="")))
    assert [(row["epoch"], row["version"], row["share"], row["known"]) for row in rows] == [
        ("5", "0.3.0", "0.200000", "yes"),
        ("5", "0.2.0", "0.600000", "yes"),
        ("5", "", "0.200000", "no"),
        ("4", "0.2.0", "1.000000", "yes"),
    ]
    assert rows[0]["network_share"] == "0.100000"
    assert (rows[0]["supports"], rows[1]["supports"], rows[3]["network_share"]) == ("lagrange", "", "")


def test_csv_in_which_a_version_is_no_formula(repository: SqlRegistrations) -> None:
    told(repository, 5, "a =HYPERLINK() 1")
    (row,) = csv.DictReader(StringIO(adoption_csv(summarise_last(repository, 1)), newline=""))
    assert row["version"] == "'=HYPERLINK()"


def test_charts_show_every_epoch_and_version(repository: SqlRegistrations) -> None:
    adoptions = two_epochs(repository)
    svg = versions_chart(adoptions)
    ET.fromstring(svg)
    for words in ("5: 0.3.0 20.0 %", "5: 0.2.0 60.0 %", "5: unknown 20.0 %", "4: 0.2.0 100.0 %"):
        assert f"<title>{words}</title>" in svg
    assert "In epoch 5: 0.2.0 60.0 %, 0.3.0 20.0 %, unknown 20.0 %." in svg
    lines = support_chart(adoptions, "lagrange")
    ET.fromstring(lines)
    assert "<title>5: the registered stake 20.0 %</title>" in lines
    assert "<title>5: the stake of the whole network 10.0 %</title>" in lines
    assert "<title>4: the stake of the whole network" not in lines, "it is not known there"


def test_small_versions_share_a_colour(repository: SqlRegistrations) -> None:
    told(repository, 5, ", ".join(f"p{index} 0.{index}.0 {index + 1}" for index in range(MAX_VERSIONS + 3)))
    svg = versions_chart(summarise_last(repository, 1))
    assert "<title>5: other versions 11.0 %</title>" in svg
    assert "<title>5: 0.9.0 " in svg
    assert "<title>5: 0.2.0 " not in svg
