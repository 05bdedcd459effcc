"""Commands take groups of options, and their help has an example that can be typed."""

import ast
import re
import shlex
from collections.abc import Iterator

import click
import pytest

from chain_reader.node.kinds import DecisionKind
from era_service.cli.app import cli
from era_service.cli.shared.commands import SectionedCommand, option_group
from era_service.cli.shared.groups import KnownGroup, LazyGroup
from tests.architecture.test_imports import PACKAGES, ROOT, modules
from tests.architecture.trees import nodes

MAX_PARAMETERS = 6


def leaves(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that is not a group, by the words that call it."""
    if not isinstance(command, click.Group):
        yield path, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        below = command.get_command(context, name)
        assert below is not None
        yield from leaves(below, (*path, name))


def test_help_of_a_group_lists_the_first_sentence_of_commands_that_it_does_not_load() -> None:
    checked, groups = 0, [cli]
    while groups:
        group = groups.pop()
        context = click.Context(group)
        for name in group.list_commands(context):
            below = group.get_command(context, name)
            assert below is not None
            assert isinstance(group, KnownGroup), name
            assert group.summary(context, name) == KnownGroup.summary(group, context, name)
            assert below.help is not None
            assert " ".join(below.help.split()).startswith(group.summary(context, name) + ".")
            groups += [below] if isinstance(below, click.Group) else []
            checked += isinstance(group, LazyGroup)
    assert checked > 50, "lazy groups have their commands' sentences in a table"


def test_functions_of_the_command_line_take_few_parameters() -> None:
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in modules("era_service")
        if "cli" in path.parts
        for node in nodes(path)
        if isinstance(node, ast.FunctionDef)
        and len(node.args.posonlyargs) + len(node.args.args) + len(node.args.kwonlyargs) > MAX_PARAMETERS
    ]
    assert long == [], "options that belong together are an option_group"


def test_every_command_has_an_example_that_its_own_parser_takes() -> None:
    found = dict(leaves(cli))
    assert len(found) > 60
    for path, command in found.items():
        assert isinstance(command, SectionedCommand), path
        assert command.example is not None, path
        assert max(map(len, command.example.splitlines())) <= 78, path
        words = shlex.split(command.example.replace("\\\n", " "))
        assert words[: len(path) + 1] == ["eraswitch", *path]
        context = command.make_context(path[-1], words[len(path) + 1 :], parent=click.Context(cli))
        assert f"Example:\n  {command.example.splitlines()[0]}" in command.get_help(context)


def test_a_command_in_advice_is_followed_by_what_it_has_to_be_given() -> None:
    wanting = {
        path: [one.make_metavar(click.Context(command)) for one in command.params if one.required]
        for path, command in leaves(cli)
    }
    bare = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.value.rpartition('eraswitch ')[2]} lacks {lacks}"
        for package in PACKAGES
        for path in modules(package)
        for node in nodes(path)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "eraswitch " in node.value
        for lacks in [wanting.get(tuple(node.value.rpartition("eraswitch ")[2].split()))]
        if lacks and not node.value.endswith(" ")  # else an f-string goes on
    ]
    assert bare == []


def test_no_option_shows_the_name_of_a_type_in_place_of_its_value() -> None:
    shown = [
        f"{' '.join(path)} {one.opts[0]} {one.make_metavar(click.Context(command))}"
        for path, command in leaves(cli)
        for one in command.params
        if isinstance(one, click.Option) and not one.is_flag
        if re.search("TEXT|INTEGER|FLOAT|RANGE", one.make_metavar(click.Context(command)))
    ]
    assert shown == [], "an option has a metavar: what is to be given, as N, SECONDS or FILE"


def test_events_in_examples_exist() -> None:
    known = {kind.value for kind in DecisionKind}
    examples = [command.example or "" for _, command in leaves(cli) if isinstance(command, SectionedCommand)]
    named = [name for example in examples for name in re.findall(r"(?:--hook|events cat --kind) ([a-z-]+)", example)]
    assert len(named) >= 2
    assert set(named) <= known


def test_a_group_of_options_is_listed_in_a_section_that_help_has() -> None:
    with pytest.raises(ValueError, match="'Elsewhere' is not a section"):
        option_group("Elsewhere")
