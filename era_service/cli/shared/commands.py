"""Commands whose options come in groups, and whose help has sections and an example.

In: frozen dataclasses, made by ``option_group``, whose fields are options (``option``), arguments (``argument``) or
other groups (``nested``). Out: commands that take one object of each (``takes``). A command is of the class
``SectionedCommand``, or of a group of the class ``KnownGroup``, so that its help is written in sections.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import wraps
from typing import Any, TypeVar, dataclass_transform

import click

T = TypeVar("T")

OPTIONS = "Options"
OUTPUT = "Output"
SECTIONS = (OPTIONS, "Keys", "Signing apart", "Paying", "Waiting", "Network", "Data", OUTPUT)
"""The sections of a command's help, in the order in which they are listed."""

_USUAL = dict.fromkeys(("--json", "--dry-run", "--yes", "--help"), OUTPUT) | {
    "--store": "Data",
    "--provider": "Network",
}
"""The sections of options that belong to no group."""

_PARAMETER = "parameter"
_NESTED = "nested"
_COLUMN = 30
_sections: dict[type, str] = {}


class SectionOption(click.Option):
    """An option that is listed in a section of its command's help."""

    def __init__(self, *args: Any, section: str = OPTIONS, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.section = section


def option(*declarations: str, **attributes: Any) -> Any:
    """A field of an option group: the option with these declarations and attributes, as ``click.option`` takes them."""
    return field(metadata={_PARAMETER: (click.option, declarations, attributes)})


def argument(**attributes: Any) -> Any:
    """A field of an option group: an argument of the command, with attributes as ``click.argument`` takes them."""
    return field(metadata={_PARAMETER: (click.argument, (), attributes)})


def nested(group: type[T]) -> Any:
    """A field of an option group: the options of another group, as one object."""
    return field(metadata={_NESTED: group})


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(option, argument, nested))
def option_group(section: str = OPTIONS) -> Callable[[type[T]], type[T]]:
    """Decorator: a frozen dataclass whose fields are the options of a command, listed in a section of its help.

    Raises:
        ValueError: there is no such section.
    """
    if section not in SECTIONS:
        raise ValueError(f"{section!r} is not a section of help")

    def decorate(group: type[T]) -> type[T]:
        made: type[T] = dataclass(frozen=True, slots=True, kw_only=True)(group)
        _sections[made] = section
        return made

    return decorate


def takes(**groups: type[Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator: the command has the options of these groups, and takes each group as the argument of that name."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def run(*args: Any, **values: Any) -> Any:
            given = {name: _made(group, values) for name, group in groups.items()}
            return command(*args, **values, **given)

        decorated: Callable[..., Any] = run
        for group in reversed(groups.values()):
            for decorator in reversed([*_decorators(group)]):
                decorated = decorator(decorated)
        return decorated

    return decorate


def _decorators(group: type[Any]) -> Iterator[Callable[[Callable[..., Any]], Callable[..., Any]]]:
    for one in fields(group):
        if _NESTED in one.metadata:
            yield from _decorators(one.metadata[_NESTED])
            continue
        kind, declarations, attributes = one.metadata[_PARAMETER]
        if kind is click.option:
            attributes = {"cls": SectionOption, "section": _sections[group], **attributes}
        yield kind(*declarations, one.name, **attributes)


def _made(group: type[Any], values: dict[str, object]) -> Any:
    made = {}
    for one in fields(group):
        inner = one.metadata.get(_NESTED)
        made[one.name] = values.pop(one.name) if inner is None else _made(inner, values)
    return group(**made)


class SectionedCommand(click.Command):
    """A command whose help lists its options by section, and ends with an example.

    Args:
        example: a command line that shows how it is used, beginning with ``eraswitch``.
        attributes: those of a click command.
    """

    def __init__(self, *args: Any, example: str | None = None, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.example = example

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the options of each section, all with their help in one column."""
        rows = _rows_by_section(self, ctx)
        widest = max(len(name) for section in rows.values() for name, _ in section)
        for section, listed in rows.items():
            with formatter.section(section):
                formatter.write_dl([(f"{name:<{min(widest, _COLUMN)}}", text) for name, text in listed])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Show the example, as it is typed."""
        super().format_epilog(ctx, formatter)
        if self.example is not None:
            with formatter.section("Example"):
                for line in self.example.splitlines():
                    formatter.write(f"{'':>{formatter.current_indent}}{line}\n")


def _rows_by_section(command: click.Command, context: click.Context) -> Mapping[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {section: [] for section in SECTIONS}
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and isinstance(parameter, click.Option):
            found[_section_of(parameter)].append(record)
    return {section: rows for section, rows in found.items() if rows}


def _section_of(option: click.Option) -> str:
    if isinstance(option, SectionOption):
        return option.section
    return next((_USUAL[name] for name in option.opts if name in _USUAL), OPTIONS)
