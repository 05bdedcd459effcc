"""The program never reads its own prose: whoever needs to know compares an enum or a field, not a sentence.

Nor does it carry results in untyped dictionaries: they keep their types up to the document, the page or the terminal.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator

import pytest

from tests.architecture.test_imports import PACKAGES, PATHS, ROOT, modules
from tests.architecture.trees import nodes

TAKES_APART = {
    "count", "endswith", "find", "index", "partition", "removeprefix", "removesuffix", "replace", "rpartition", "split",
    "startswith",
}  # fmt: skip
PROSE = {
    "alarm",
    "alarms",
    "detail",
    "lacks",
    "message",
    "reason",
    "reasons",
    "stale",
    "warning",
    "warnings",
    "why",
    "words",
}
"""The fields that hold sentences."""

SENTENCE = re.compile(r"[a-z,;:] [a-z(]|[;:] $")
FOREIGN = {
    "chain_reader/local_chain/faces/http_answers.py": "Starlette's words for a path that does not exist",
    "chain_reader/providers/blockfrost/api.py": "Blockfrost's words of a refusal, on one line",
    "era_service/cli/serve.py": "the words of the system for an address that cannot be listened at",
    "era_store/sql/database_errors.py": "a database server's words of a connection that failed, without a code",
    "release_tools/findings.py": "pydantic's words of a finding",
}
"""Where sentences of somebody else are read, who has no other way to tell."""

SAME_AGAIN = {
    "era_service/node/binaries.py": "whether the same is still wrong with a binary, which is reported once a day",
    "era_service/dashboard/routes.py": "the page without its clock, which makes its version",
    "chain_reader/trust/transactions.py": "the addresses of an author, which its verdict keeps",
    "release_tools/registrations/text_files.py": "whether a line was rejected for one of the constants of its judge",
}
"""Where a text is compared as a whole, or is no sentence."""


def text_of(node: ast.AST) -> str:
    """The fixed text of a literal."""
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part) for part in node.values)
    if isinstance(node, ast.Tuple):
        return "\n".join(text_of(part) for part in node.elts)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def is_prose(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr in PROSE
    return isinstance(node, ast.Name) and node.id in PROSE - {"message"}  # which is a protocol's, as a rule


def is_enum(node: ast.AST) -> bool:
    """Whether it is a member of an enum, or several."""
    if isinstance(node, ast.Tuple):
        return all(map(is_enum, node.elts))
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id[:1].isupper()


def readings(found: Iterable[ast.AST]) -> Iterator[int]:
    """The lines that take a sentence apart, or compare one with more than ``None``."""
    for node in found:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in TAKES_APART:
            if any(SENTENCE.search(text_of(argument)) for argument in node.args[:1]) or is_prose(node.func.value):
                yield node.lineno
        elif isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            if any(map(is_enum, sides)):
                continue
            if isinstance(node.ops[0], ast.Eq | ast.NotEq) and any(map(is_prose, sides)):
                yield node.lineno
            if isinstance(node.ops[0], ast.In | ast.NotIn) and (
                any(map(is_prose, sides[:2])) or SENTENCE.search(text_of(sides[0]))
            ):
                yield node.lineno


@pytest.mark.parametrize("package", PACKAGES)
def test_the_program_never_reads_its_own_prose(package):
    found = [
        f"{place}:{line}"
        for path in modules(package)
        if (place := path.relative_to(ROOT).as_posix()) not in FOREIGN.keys() | SAME_AGAIN.keys()
        for line in readings(nodes(path))
    ]
    assert found == []
    assert all((ROOT / place).is_file() for place in FOREIGN | SAME_AGAIN)


@pytest.mark.parametrize(
    "code",
    [
        'x.startswith("its schema is era_")',
        'x.replace(":; ", ", ")',
        'x.removeprefix(f"signed by {key}; ")',
        "part in warning",
        "reason in known.reasons",
        "reason not in known",
        "view.message == other",
        '"is not supported" in text',
        'warning.split("x")',
    ],
)
def test_a_sentence_that_is_read_is_found(code):
    assert list(readings(ast.walk(ast.parse(code)))) == [1]


UNTYPED = {
    "chain_reader.local_chain": (4, "a request to a face, before it is looked at, and the facts of a refusal"),
    "chain_reader.providers": (2, "the facts of an error, and arguments of requests"),
    "datum.configuration": (2, "the fields of a CBOR map, each read by a reader of its own"),
    "datum.extension": (1, "the fields of a JSON object, which the value made of them checks"),
    "datum.kinds": (1, "a marker of any kind, which is found out here"),
    "era_service.cli": (5, "arguments of click, and the facts of an error"),
    "era_service.config": (8, "TOML and environment before they are validated, and settings as JSON"),
    "era_service.demo": (6, "what a step of the story shows, each its own"),
    "era_service.node": (1, "the facts of an event, as a hook receives them"),
    "era_service.service": (1, "a finding of pydantic"),
    "era_service.web": (2, "arguments of uvicorn, and the type that FastAPI has for answers"),
    "era_store.records": (2, "the facts of an event, of which each kind has its own, and marks as arguments"),
    "release_tools.adoption": (1, "a table of eras and versions, before it is validated"),
    "release_tools.registrations": (2, "a row of a file, before it is judged"),
    "release_tools.rehearsal": (2, "the TOML of a scenario, before it is validated"),
}
"""Package or module → how many dictionaries of anything it has, and of what. The figures may fall, and not rise."""


def test_results_keep_their_types_to_the_edge():
    found = Counter(
        ".".join(module.split(".")[:2])
        for module, path in PATHS.items()
        for node in nodes(path)
        if isinstance(node, ast.Subscript) and ast.unparse(node) in ("dict[str, Any]", "Mapping[str, Any]")
    )
    more = {place: count for place, count in found.items() if count > UNTYPED.get(place, (0, ""))[0]}
    assert more == {}, "give a result a model, a dataclass or a TypedDict; what is only passed on is of objects"
