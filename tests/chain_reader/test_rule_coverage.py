"""Every rule of trust has a test that is named after it, and ``docs/trust.md`` says what the code does."""

import ast
import re
from collections import defaultdict
from pathlib import Path

from chain_reader import trusted_reader
from chain_reader.trust import reading as trust_reading
from chain_reader.trust import verdicts as verdicts_of_trust
from datum import Verdict, extension_rules
from datum import verdicts as verdicts_of_datums
from era_service.cli.shared.publication_view import refused_lines
from era_service.node.reactions import ROUTINE
from tests.conftest import ROOT

RULES = tuple(f"T{number}" for number in range(14))
PAGE = (ROOT / "docs" / "trust.md").read_text(encoding="utf-8")


def named_after_rules() -> dict[str, list[str]]:
    """The tests whose name says which rule they are for."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for name, number in re.findall(
            r"^ *def (test_rule_t(\d+)_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE
        ):
            found[f"T{number}"].append(name)
    return found


def test_every_rule_has_a_test_named_after_it():
    found = named_after_rules()
    assert [rule for rule in RULES if not found[rule]] == []
    assert sorted(set(found) - set(RULES)) == []


def test_every_rule_has_its_part_of_the_page():
    tests = named_after_rules()
    headings = re.findall(r"^## (T\d+) ", PAGE, re.MULTILINE)
    assert tuple(headings) == RULES
    for part in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:15]:
        assert "*Left to trust:*" in part or part.startswith("T10"), part.splitlines()[0]
        rule = part.split()[0]
        shown = re.findall(r"`(test_rule_t\d+_\w+)`", part.partition("*Shown by:*")[2])
        assert shown, part.splitlines()[0]
        assert set(shown) <= set(tests[rule]), part.splitlines()[0]


def test_every_verdict_is_on_the_page():
    verdicts = {
        name
        for module in (verdicts_of_trust, verdicts_of_datums, extension_rules)
        for name, found in vars(module).items()
        if isinstance(found, type) and issubclass(found, Verdict) and not name.startswith("_")
    } - {"Verdict", "Untrusted", "ExtensionAccepted"}
    assert len(verdicts) > 12
    assert {name for name in verdicts if f"`{name}`" not in PAGE} == set()


def test_what_turns_nothing_down_is_decided_once():
    kinds = [Verdict]
    for kind in kinds:
        kinds += kind.__subclasses__()
    assert {kind.name for kind in kinds if not kind.is_refusal} == verdicts_of_trust.NOT_REFUSED
    assert set(ROUTINE) | {"Accepted", "ExtensionAccepted"} == verdicts_of_trust.NOT_REFUSED
    assert refused_lines(dict.fromkeys(("Accepted", "Impostor", "Superseded", "Unconfirmed"), 1)) == [
        "Refused       1 Impostor"
    ]


def test_every_event_is_on_the_page_and_none_else():
    kinds = set()
    for module in (trust_reading, trusted_reader):
        tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("tell", "NewEvent") and node.args:
                kinds |= {part.value for part in ast.walk(node.args[0]) if isinstance(part, ast.Constant)}
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "kind":
                kinds |= {part.value for part in ast.walk(node.value) if isinstance(part, ast.Constant)}
    kinds = {kind for kind in kinds if isinstance(kind, str) and re.fullmatch(r"[a-z-]+", kind)}
    kinds |= {"absurd-epoch", "short-notice"}
    table = PAGE.split("| event | what happened |")[1].split("\n## ")[0]
    documented = {
        name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall(r"`(.+?)`", row)
    }
    assert kinds == documented
