"""Public functions document what they raise; docstrings, messages and pages are in plain English."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.architecture.test_imports import PACKAGES, ROOT, modules
from tests.architecture.trees import nodes, tree

Function = ast.FunctionDef | ast.AsyncFunctionDef
CRYPTIC = re.compile(
    r"^(What|Who|Whose|That|Where) |\b(tells|told(?!:)|says|comes to|came to|goes by|(?<!there )(is|are) none)\b"
)
CALQUES = re.compile(
    r"\b(tells|comes to|came to|goes by|goes on(?! the)|anew|one's own|could not be asked|(?<!there )(is|are) none"
    r"|(?<![Tt]here )(is|are) no (JSON|CSV|text|database|datum|payload|registrations?|number|epoch|event|file))\b"
)
"""Word-for-word translations that are never right in a message, a help text or a page."""

SPEAKING = re.compile(r"\b(says?|said|told (of|apart|by))\b")
"""What code and files do not do on a page: they *state*, *report*, *continue*, *accept*."""

IN_BACKTICKS = re.compile(r"``([a-z][a-z_.]*)``")
WORD = re.compile(r"\w+")
FOREIGN = re.compile(r"gather_pages|preexec_fn|signer_registration_summary")
"""Names of other programs that no code of ours has."""


def public_functions(node: ast.AST) -> Iterator[Function]:
    """The public functions of a module and the public methods of its public classes."""
    for below in ast.iter_child_nodes(node):
        if isinstance(below, ast.ClassDef) and not below.name.startswith("_"):
            yield from public_functions(below)
        elif isinstance(below, Function) and not below.name.startswith("_"):
            yield below


def raises(node: ast.AST) -> bool:
    """Whether a function itself raises, whatever the functions within it do."""
    for below in ast.iter_child_nodes(node):
        if isinstance(below, ast.Raise) and below.exc is not None and ast.unparse(below.exc) != "NotImplementedError":
            return True
        if not isinstance(below, Function | ast.Lambda) and raises(below):
            return True
    return False


def test_public_functions_say_what_they_raise():
    """Those of the command line are left out: their docstrings are the help that operators read."""
    silent = [
        f"{path.relative_to(ROOT)}:{function.lineno} {function.name}"
        for package in PACKAGES
        for path in modules(package)
        if "cli" not in path.parts
        for function in public_functions(tree(path))
        if raises(function) and "Raises:" not in (ast.get_docstring(function) or "")
    ]
    assert silent == []


def test_no_default_is_the_environment():
    """``help()`` prints defaults, and with this one every secret of the process."""
    printed = [
        f"{path.relative_to(ROOT)}:{default.lineno}"
        for package in PACKAGES
        for path in modules(package)
        for function in nodes(path)
        if isinstance(function, Function)
        for default in (*function.args.defaults, *function.args.kw_defaults)
        if default is not None and "environ" in ast.unparse(default)
    ]
    assert printed == []


@pytest.mark.parametrize("package", PACKAGES)
def test_docstrings_are_plain(package: str):
    """They name the thing or the action, and use the usual word: *reports*, *states*, *results in*, *is missing*."""
    cryptic = [
        f"{path.relative_to(ROOT)}: {found.group()!r} in {text[:60]!r}"
        for path in modules(package)
        for node in nodes(path)
        if isinstance(node, ast.Module | ast.ClassDef | Function)
        if (text := ast.get_docstring(node)) and (found := CRYPTIC.search(text) or SPEAKING.search(text))
    ]
    assert cryptic == []


@pytest.mark.parametrize("package", PACKAGES)
def test_messages_are_plain(package: str):
    """Errors, log lines and help texts: every text of the code that is not documentation."""
    calques = [
        f"{path.relative_to(ROOT)}:{node.lineno} {found.group()!r} in {node.value[:60]!r}"
        for path in modules(package)
        for documentation in [{id(node.value) for node in nodes(path) if isinstance(node, ast.Expr)}]
        for node in nodes(path)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation
        if " " in node.value  # a single word is a name
        if (found := CALQUES.search(node.value))
    ]
    assert calques == []


THINGS = (
    "epoch|output|datum|payload|registration|event|input|decision|state|node|part(?:y|ie)|block|slot|row|figure"
    "|publication|mistake|transaction|marker|reject|signature|signer"
)
UNCOUNTED = re.compile(rf"(?<!at most )(?<! of )(?<! to )\{{([^{{}}]*[a-z][^{{}}]*)\}} (?:signed )?(?:{THINGS})s\b")
"""A number with a plural after it, where ``eras.words.counted`` would write *1 epoch*; a constant is in capitals."""

MANY = {
    "config.security_parameter",
    "count:g",
    "counts['nodes']",
    "counts['steps']",
    "counts['transactions']",
    "counts['assertions']",
    "epoch - now",
    "genesis.epoch_length",
    "len(CAST)",
    "len(crashed)",
    "len(mistakes)",
    "len(outputs)",
    "len(rows)",
    "len(self.epochs)",
    "scenario.nodes:,",
}
"""What is never one, or is looked at before."""


def uncounted(source: str) -> list[str]:
    return [found for found in UNCOUNTED.findall(source) if not found.startswith("counted(") and found not in MANY]


@pytest.mark.parametrize("package", PACKAGES)
def test_one_of_a_thing_has_no_plural(package: str):
    found = [f"{path.relative_to(ROOT)}: {one}" for path in modules(package) for one in uncounted(path.read_text())]
    assert found == [], "write the number with eras.words.counted"
    assert uncounted('f"{count} epochs"') == uncounted('f"{count} signed payloads"') == ["count"]


@pytest.mark.parametrize("package", PACKAGES)
def test_shares_are_written_by_one_helper(package: str):
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in modules(package)
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if re.search(r":[,.\d]*%\}", line)
    ]
    assert found == [], "eras.words.percent writes 92.0 %"


def test_pages_are_plain():
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").glob("*.md")]
    calques = [
        f"{page.relative_to(ROOT)}: {found.group()!r} in {text.strip()[:60]!r}"
        for page in pages
        if page.name != "CHANGELOG.md"
        for text in page.read_text(encoding="utf-8").splitlines()
        if (found := CALQUES.search(text) or SPEAKING.search(text))
    ]
    assert calques == []
    assert len(pages) > 50


def test_names_at_the_top_of_modules_are_names_of_something():
    """What was renamed or moved is renamed in the prose, too: a name in backticks stands somewhere outside of them."""
    paths = [path for package in PACKAGES for path in modules(package)]
    known = {word for path in paths for word in WORD.findall(IN_BACKTICKS.sub("", path.read_text(encoding="utf-8")))}
    stale = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in paths
        for name in IN_BACKTICKS.findall(ast.get_docstring(tree(path)) or "")
        if "_" in name and not FOREIGN.fullmatch(name) and not known.issuperset(WORD.findall(name))
    ]
    assert stale == []
