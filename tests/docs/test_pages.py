"""The pages hang together: each can be reached, each link leads to its heading, and figures are those of the code."""

import re
from itertools import pairwise
from pathlib import Path

import click
import pytest

from chain_reader import LocalObserver, NodeCore, NodeSettings, TrustedReader, TrustPolicy
from chain_reader.local_chain import FaucetOutput, LocalChain
from chain_reader.local_chain.ledger.parameters import ProtocolParameters
from datum import EraMarkersPayload, ExtendedPayload, Extension, SigningKey, encode_datum
from era_service.cli.app import cli
from era_service.config.schema import ServiceSettings
from era_store import MemoryStore
from eras import EraMarker, SupportedEras
from tests.architecture.test_imports import ORDER
from tests.conftest import ROOT
from tests.ledger.wallet import OWN

PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")]
ADRS = ROOT / "docs" / "adr"


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def links(page: Path) -> list[tuple[Path, str]]:
    """The files that a page links to, each with the heading it means, if any."""
    found = re.findall(r"\]\(([^)#:\s]*)(?:#([^)\s]+))?\)", prose(page))
    return [((page.parent / path).resolve() if path else page, anchor) for path, anchor in found]


def anchors(page: Path) -> set[str]:
    """What headings are called in links."""
    plain = (re.sub(r"[^\w\- ]", "", title.lower()) for title in re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE))
    return {title.strip().replace(" ", "-") for title in plain}


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached: set[Path] = set()
    waiting = {ROOT / "README.md"}
    while waiting:
        page = waiting.pop()
        reached.add(page)
        waiting |= {target for target, _ in links(page) if target.suffix == ".md" and target.is_file()} - reached
    assert sorted(str(page.relative_to(ROOT)) for page in set(PAGES) - reached) == []


def test_every_heading_that_is_linked_exists() -> None:
    broken = [
        f"{page.relative_to(ROOT)}: {target.name}#{anchor}"
        for page in PAGES
        for target, anchor in links(page)
        if anchor and (target.suffix != ".md" or anchor not in anchors(target))
    ]
    assert broken == []


def test_every_page_that_code_and_help_name_exists() -> None:
    named = {
        name
        for package in (*ORDER, "benchmarks", "examples", "tests")
        for path in (ROOT / package).rglob("*.py")
        for name in re.findall(r"\bdocs/[\w/-]+\.md\b", path.read_text(encoding="utf-8"))
    }
    assert len(named) > 5
    assert sorted(name for name in named if not (ROOT / name).is_file()) == []


def unknown_words(line: str) -> list[str]:
    """The words of a command line that are no command and no option of theirs."""
    command: click.Command = cli
    options: set[str] = {"--help"}
    unknown = []
    for word in line.partition(" -- ")[0].split()[1:]:
        if word.startswith("-"):
            options |= {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
            unknown += {word.partition("=")[0]} - options
        elif isinstance(command, click.Group) and re.fullmatch(r"[a-z|-]+", word):
            options |= {name for one in command.params for name in one.opts}
            found = [command.get_command(click.Context(command), name) for name in word.split("|")]
            if None in found:
                return [*unknown, word]
            command = found[0] or command
    return unknown


def test_every_command_that_prose_names_exists_with_its_options() -> None:
    named = [
        (page.name, line)
        for page in PAGES
        if page.name != "CHANGELOG.md"
        for line in re.findall(r"`(eraswitch [^`\n]+)`", prose(page))
    ]
    assert len(named) > 200
    assert [(page, line, found) for page, line in named if (found := unknown_words(line))] == []


def test_no_line_of_a_paragraph_begins_like_an_item_of_a_list() -> None:
    """A sentence that was wrapped before *1.* or a dash is shown as a list."""
    broken = [
        f"{page.relative_to(ROOT)}: {line[:60]}"
        for page in PAGES
        for before, line in pairwise(prose(page).splitlines())
        if re.match(r"(1\.|[-+*]|#+|>) ", line) and re.match(r"\w", before) and not re.match(r"\d+\. ", before)
    ]
    assert broken == []


def test_what_a_public_name_is_stands_in_the_list_of_names() -> None:
    pages = "".join((ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("api.md", "embedding.md"))
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", pages, re.MULTILINE)
    assert len(rows) > 190
    bare = [name for name, text in rows if "NewType" in text or (len(text) < 20 and not text.startswith("`"))]
    assert bare == []


def test_every_decision_stands_in_the_index_by_its_number() -> None:
    pages = sorted(ADRS.glob("0*.md"))
    index = re.findall(r"^\| \[(\d+)\]\(([\w.-]+)\)", (ADRS / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert index == [(str(number), page.name) for number, page in enumerate(pages, start=1)]
    for number, page in enumerate(pages, start=1):
        text = page.read_text(encoding="utf-8")
        assert text.startswith(f"# {number}. "), page.name
        assert "\nStatus: " in text, page.name
        assert {"## Context", "## Decision", "## Consequences"} <= set(text.splitlines()), page.name


def test_the_order_of_the_packages_is_told_as_it_is() -> None:
    assert " ← ".join(f"`{package}`" for package in ORDER) in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_the_extension_costs_what_its_page_says() -> None:
    page = (ROOT / "docs" / "extension.md").read_text(encoding="utf-8").split("### What it costs")[1].split("\n## ")[0]
    keys = [SigningKey(bytes([number]) * 32) for number in range(1, 8)]
    payload = EraMarkersPayload((EraMarker("thales", 537), EraMarker("pythagoras", 539))).sign(keys[0])

    def size(count: int, threshold: int) -> int:
        public = tuple(key.verification_key for key in keys[:count])
        extended = ExtendedPayload(payload, Extension(764824073, "a" * 103, 2, "0" * 64, 600, threshold, public), ())
        for key in keys[:threshold]:
            extended = extended.sign(key)
        return len(encode_datum(extended.to_bytes()))

    table = re.findall(r"^\| (\d+) \| (\d+) \| ([\d,]+) \|$", page, re.MULTILINE)
    assert len(table) == 4
    told = {(int(count), int(least)): int(size.replace(",", "")) for count, least, size in table}
    assert told == {asked: size(*asked) for asked in told}
    assert f"without the extension: {len(encode_datum(payload.to_bytes()))})" in page
    assert f"{ProtocolParameters().coins_per_utxo_byte:,} lovelace" in page


def test_a_poll_at_rest_fills_the_event_log_as_its_pages_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the name of a provider is in each line: one of usual length
    key = SigningKey(bytes(32))
    policy = TrustPolicy(OWN.encode(), (key.verification_key,))
    core = NodeCore(NodeSettings(policy, SupportedEras(("thales",))), MemoryStore(), name="service")
    payload = EraMarkersPayload((EraMarker("thales", 0),)).sign(key)
    with LocalChain.create(Path("chain.sqlite3")) as chain:
        chain.place([FaucetOutput(policy.address, 2_000_000, datum=encode_datum(payload.to_bytes()).hex())])
        reader = TrustedReader(LocalObserver(chain), policy, core=core)
        sizes = []
        for _ in range(12):
            chain.advance_slots(1)
            reader.refresh(chain.epoch())
            sizes.append(core.store.events.head().size_bytes)
    poll = (sizes[-1] - sizes[1]) / (len(sizes) - 2)
    decision = (ADRS / "0014-decisions-are-a-pure-function.md").read_text(encoding="utf-8")
    (size,) = re.findall(r"an idle poll costs some (\d+) bytes", decision)
    assert poll == pytest.approx(int(size), abs=50)
    page = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
    ((interval, megabytes),) = re.findall(r"polls every (\d+) s fills some ([\d.]+) MB a day", page)
    assert int(interval) == ServiceSettings().poll_interval_s
    assert 86_400 / int(interval) * poll / 1e6 == pytest.approx(float(megabytes), abs=0.2)
