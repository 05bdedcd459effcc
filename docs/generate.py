"""Writes the parts of the documentation that the code knows best, between their markers.

``python docs/generate.py`` writes; with ``--check`` it changes nothing, names the pages that are out of date, and
exits 1. A part stands between ``<!-- generated: NAME -->`` and ``<!-- end of NAME -->``.
"""

import ast
import json
import re
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

import click

PAGES = Path(__file__).resolve().parent


def cli_reference() -> str:
    """Every command with its help, as the command line prints it."""
    from era_service.cli.app import cli

    return "\n\n".join(
        _command_help(cli, click.Context(cli, info_name="eraswitch", terminal_width=100, **cli.context_settings))
    )


def _command_help(command: click.Command, context: click.Context) -> Iterator[str]:
    yield f"## {context.command_path}\n\n```text\n{command.get_help(context)}\n```"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None and not below.hidden:
                yield from _command_help(below, click.Context(below, parent=context, info_name=name))


def error_table() -> str:
    """Every error code with its HTTP status, exit code, meaning and advice."""
    from eras.errors import known_codes

    project = tomllib.loads((PAGES.parent / "pyproject.toml").read_text(encoding="utf-8"))
    for package in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]:
        for module in walk_packages(import_module(package).__path__, f"{package}."):
            import_module(module.name)
    rows = [
        f"| `{one.code}` | {one.http_status} | {one.exit_code} | {one.meaning} | {one.advice} |"
        for one in known_codes()
    ]
    head = ["| code | HTTP status | exit code | meaning | what to do |", "| --- | --- | --- | --- | --- |"]
    return "\n".join([*head, *rows])


def settings() -> str:
    """Every setting with its type, default, environment variables and help."""
    from era_service.config.records import setting_records

    rows = []
    for record in setting_records():
        variables = "<br>".join(f"`{variable}`" for variable in record.variables)
        cells = (f"`{record.key}`", record.kind, f"`{record.default}`", variables, record.help)
        rows.append("| " + " | ".join(cell.replace(" | ", ", ") for cell in cells) + " |")
    return "\n".join(["| setting | type | default | environment | meaning |", "| --- | --- | --- | --- | --- |", *rows])


def networks() -> str:
    """The public networks with what their names fill in."""
    from era_service.config.networks import NETWORKS, SHORT_NAMES

    short = {full: f"`{name}`" for name, full in SHORT_NAMES.items()}
    rows = [
        f"| `{name}` | {short.get(name, '')} | {preset.magic} | `{preset.era_address}` |"
        for name, preset in NETWORKS.items()
    ]
    return "\n".join(["| name | short | magic | era address |", "| --- | --- | --- | --- |", *rows])


def metrics() -> str:
    """Every metric of the service with its kind, labels and meaning."""
    from era_service.telemetry.declared import metric_table

    return metric_table()


def house() -> str:
    """Every package and folder with its question and the packages that it imports."""
    root = PAGES.parent
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    rows = []
    for package in packages:
        paths = [path for kind in ("*.py", "*.pyi") for path in (root / package).rglob(kind)]
        below = {name for path in paths for name in _imported_packages(path)} & set(packages) - {package}
        rows.append(_package_row(root / package, ", ".join(sorted(below, key=packages.index)) or "nothing"))
        rows += [_package_row(door.parent, "") for door in sorted((root / package).glob("*/__init__.py"))]
    return "\n".join(["| package | question | imports |", "| --- | --- | --- |", *rows])


def _imported_packages(path: Path) -> Iterator[str]:
    for node in _statements(_tree(path)):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]
        elif isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """The statements within a node; expressions, which are most of a module, are not gone through."""
    for branch in ("body", "handlers", "cases", "orelse", "finalbody"):
        for below in getattr(node, branch, ()):
            yield below
            yield from _statements(below)


@cache
def _tree(path: Path) -> ast.Module:
    """The syntax of a module, which is read once."""
    return ast.parse(path.read_text(encoding="utf-8"))


def _package_row(folder: Path, imports: str) -> str:
    summary = ast.get_docstring(_tree(folder / "__init__.py")) or ""
    name = "/".join(folder.relative_to(PAGES.parent).parts)
    return f"| {f'**`{name}`**' if imports else f'`{name}`'} | {summary.splitlines()[0]} | {imports} |"


def node_names() -> str:
    """Every name that a node developer imports, with what it is."""
    return "\n\n".join(f"From `{door}`:\n\n{_names_of(door)}" for door in ("eraswitch", "eraswitch.testing"))


def _names_of(door: str) -> str:
    return "\n".join(["| name | what it is |", "| --- | --- |", *_documented(door)])


def _documented(door: str) -> Iterator[str]:
    """The public names of a front door, each with the first sentence of its documentation, or with its value."""
    package = import_module(door)
    written = _documentation_of_values(Path(str(package.__file__)).with_suffix(".pyi"))
    for name in package.__all__:
        found = getattr(package, name)
        text = f"`{found}`" if isinstance(found, str) else written.get(name) or found.__doc__ or ""
        yield f"| `{name}` | {text.strip().splitlines()[0].replace('|', 'or')} |"


def _documentation_of_values(door: Path) -> dict[str, str]:
    """The texts below constants and new types in the modules that a door shows names of."""
    texts = {}
    for line in door.read_text(encoding="utf-8").splitlines():
        module = re.match(r"from ([\w.]+) import (\w+)", line)
        if module is None:
            continue
        path = PAGES.parent.joinpath(*module[1].split("."))
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        for value, text in pairwise(_tree(path).body):
            if isinstance(value, ast.Assign | ast.AnnAssign) and isinstance(text, ast.Expr):
                target = value.target if isinstance(value, ast.AnnAssign) else value.targets[0]
                if ast.unparse(target) == module[2] and isinstance(text.value, ast.Constant):
                    texts[module[2]] = str(text.value.value)
    return texts


def public_names() -> str:
    """The names of every front door but those of a node, which are on the page about embedding."""
    root = PAGES.parent
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    parts = []
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    for package in reversed([one for one in packages if one != "eraswitch"]):
        for path in sorted((root / package).rglob("__init__.pyi")):
            door = ".".join(path.parent.relative_to(root).parts)
            parts.append(f"## {door}\n\n{_names_of(door)}")
    return "\n\n".join(parts)


def http_reference() -> str:
    """Every route of the service with its parameters and statuses, and every document it answers with."""
    described = _openapi()
    operations = [
        (method.upper(), path, operation)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    ]
    rows = [
        f"| [`{method} {path}`](#{_anchor(f'{method} {path}')}) | {_paragraphs(operation)[0]} |"
        for method, path, operation in operations
    ]
    documents = described["components"]["schemas"]
    parts = ["\n".join(["| request | what it answers |", "| --- | --- |", *rows])]
    parts += [_operation(*one) for one in operations]
    parts += ["## Documents", *(_document(name, documents[name]) for name in sorted(documents))]
    return "\n\n".join(parts)


def _openapi() -> dict[str, Any]:
    """The OpenAPI description that a service gives of itself; no network and no provider is asked."""
    from era_service.config.schema import Settings
    from era_service.service.service import Service
    from era_service.web.app import build_api
    from era_service.web.explorer import describe
    from era_store import open_store
    from era_store.networks import NO_NETWORK

    with tempfile.TemporaryDirectory() as folder:
        service = Service(Settings.model_construct(), open_store(f"{folder}/store.sqlite3", network=NO_NETWORK))
        try:
            return describe(build_api(service))
        finally:
            service.close()


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    """A route: what it is for, who may ask, what to send, and what comes back."""
    from eras import API_VERSION_HEADER

    parts = [f"## {method} {path}", *_paragraphs(operation)]
    security = operation.get("security", [])
    if security:
        parts.append("Needs a token, or the signature of the party." if {} in security else "Needs a token.")
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        parts.append(f"Send {_shape(content['schema'])} as `{kind}`.")
    parameters = [
        f"| `{one['name']}` | {one['in']} | {_shape(one['schema']).removesuffix(' or null')} | "
        f"{', '.join(filter(None, ['required' * one['required'], _plain(one.get('description', ''))]))} |"
        for one in operation.get("parameters", [])
        if one["name"] != API_VERSION_HEADER
    ]
    if parameters:
        parts.append("\n".join(["| parameter | in | value | meaning |", "| --- | --- | --- | --- |", *parameters]))
    problems, rows = [], []
    for status, answer in sorted(operation["responses"].items()):
        shapes = {_shape(content["schema"]) for content in answer.get("content", {}).values() if "schema" in content}
        if shapes == {"[Problem](#problem)"}:
            problems.append(status)
        else:
            remark = _plain(answer["description"].replace("Successful Response", ""))
            rows.append(f"| {status} | {' or '.join(sorted(shapes))}{': ' * bool(shapes and remark)}{remark} |")
    rows += [f"| {', '.join(problems)} | [Problem](#problem) |"] if problems else []
    return "\n\n".join([*parts, "\n".join(["| status | answer |", "| --- | --- |", *rows])])


def _document(name: str, schema: dict[str, Any]) -> str:
    """A document with its fields."""
    rows = [
        f"| `{field}` | {_shape(value)} | {_plain(value.get('description', ''))} |"
        for field, value in schema.get("properties", {}).items()
    ]
    table = ["\n".join(["| field | value | meaning |", "| --- | --- | --- |", *rows])] if rows else []
    choices = [f"{_shape(schema)}."] if "enum" in schema else []
    return "\n\n".join([f"### {name}", *_paragraphs(schema), *choices, *table])


def _shape(schema: dict[str, Any]) -> str:
    """What a value looks like, in words; a document is a link to its fields."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{_anchor(name)})"
    if of := schema.get("anyOf", schema.get("oneOf")):
        return " or ".join(_shape(one) for one in of)
    choices = schema.get("enum", [schema["const"]] if "const" in schema else [])
    if choices:
        return " or ".join(f"`{one}`" for one in choices)
    kind = schema.get("type", "JSON")
    if kind == "array":
        return f"list of {_shape(schema['items'])}"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"object of {_shape(schema['additionalProperties'])}"
    words = str(kind)
    if schema.get("maximum", 2**53) < 2**53:
        words += f" from {schema.get('minimum', 0)} to {schema['maximum']:,}"
    if schema.get("default") is not None:
        words += f", by default {str(schema['default']).lower()}"
    return words


def _paragraphs(described: dict[str, Any]) -> list[str]:
    return [_plain(paragraph) for paragraph in described.get("description", "").split("\n\n") if paragraph.strip()]


def _plain(text: str) -> str:
    return " ".join(text.replace("``", "`").split()).replace("|", "\\|")


def _anchor(title: str) -> str:
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def benchmark_results() -> str:
    """The last run of the benchmarks that was kept: where and when, each ratio, and what was left out."""
    kept = json.loads((PAGES.parent / "benchmarks" / "results.json").read_text(encoding="utf-8"))
    where = [f"| {name} | {value} |" for name, value in kept["where"].items()]
    rows = [
        f"| `{one['name']}` | {_plain(one['what'])} | {one['ratio']:.4g} | {one['target']:.4g}"
        f"{'' if one['ok'] else ', **missed**'} | {_plain(one['against'])} |"
        for one in kept["results"]
    ]
    missing = ", ".join(f"`{name}`" for name in kept["left out"]) or "none"
    head = ["| benchmark | what is measured | result | at most | in multiples of |", "| --- | --- | --- | --- | --- |"]
    tables = ["\n".join(["| where and when | |", "| --- | --- |", *where]), "\n".join([*head, *rows])]
    return "\n\n".join([*tables, f"Left out of this run: {missing}."])


PARTS: dict[str, tuple[str, Callable[[], str]]] = {
    "cli": ("cli.md", cli_reference),
    "errors": ("errors.md", error_table),
    "settings": ("configuration.md", settings),
    "networks": ("configuration.md", networks),
    "metrics": ("metrics.md", metrics),
    "http": ("http.md", http_reference),
    "benchmarks": ("benchmarks.md", benchmark_results),
    "node names": ("embedding.md", node_names),
    "public names": ("api.md", public_names),
    "house": ("architecture.md", house),
}
"""Name of a part → its page, and what makes it."""


def updated_pages() -> dict[Path, str]:
    """Every page that has a generated part, with what it should hold.

    Raises:
        SystemExit: a page lacks the markers of a part.
    """
    pages: dict[Path, str] = {}
    for name, (page, make) in PARTS.items():
        path = PAGES / page
        text = pages.get(path) or path.read_text(encoding="utf-8")
        begin, end = f"<!-- generated: {name} -->", f"<!-- end of {name} -->"
        if text.count(begin) != 1 or text.count(end) != 1:
            raise SystemExit(f"{path} needs {begin} and {end}, once each")
        before, _, rest = text.partition(begin)
        pages[path] = f"{before}{begin}\n\n{make()}\n\n{end}{rest.partition(end)[2]}"
    return pages


def main(arguments: list[str]) -> int:
    """Write the pages, or with ``--check`` list those that are out of date."""
    stale = {path: text for path, text in updated_pages().items() if path.read_text(encoding="utf-8") != text}
    for path, text in stale.items():
        if "--check" in arguments:
            sys.stderr.write(f"docs/{path.name} is out of date: run python docs/generate.py\n")
        else:
            path.write_text(text, encoding="utf-8")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
