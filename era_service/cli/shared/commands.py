"""Commands whose options come in groups, and whose help has sections and an example.

In: frozen dataclasses, made by ``option_group``, whose fields are options (``option``), arguments (``argument``) or
other groups (``nested``). Out: commands (``command``, or the same of a ``KnownGroup``) whose functions take one object
for each parameter that is annotated with a group, and the ``AppContext`` if the first is annotated with it.

The type of a field decides what its option takes, unless the option states it: a ``bool`` is a flag, a tuple of any
length can be repeated, and an ``Epoch`` and a ``Path`` are checked as such. A default that is not empty is shown, and
one that is applied elsewhere is named as ``show_default``. No line of help is broken within a word with hyphens.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import wraps
from inspect import signature
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, dataclass_transform, get_args, get_origin

import click

from era_service.cli.shared.arguments import epoch
from era_service.cli.shared.context import AppContext
from eras import Epoch

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
_SETTING = "setting"
_COLUMN = 30
_HYPHEN = "\N{NON-BREAKING HYPHEN}"
_sections: dict[type, str] = {}


class SectionOption(click.Option):
    """An option that is listed in a section of its command's help."""

    def __init__(self, *args: Any, section: str = OPTIONS, **attributes: Any) -> None:
        if attributes.get("multiple"):
            attributes["help"] += " Can be repeated."
        super().__init__(*args, **attributes)
        self.section = section

    def get_help_extra(self, ctx: click.Context) -> click.types.OptionHelpExtra:
        """The default as it would be typed, and what else click adds to the help."""
        extra = super().get_help_extra(ctx)
        if isinstance(self.show_default, str):
            extra["default"] = self.show_default
        elif isinstance(self.default, float):
            extra["default"] = f"{self.default:g}"
        return extra


class UnbrokenHelp(click.HelpFormatter):
    """Help whose lines are broken between words only, so that every option and command in it can be copied."""

    def write_text(self, text: str) -> None:
        """Write a paragraph."""
        super().write_text(text.replace("-", _HYPHEN))  # raw: a paragraph, in no file

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = _COLUMN, col_spacing: int = 2) -> None:
        """Write a list of names with their texts."""
        super().write_dl([(name, text.replace("-", _HYPHEN)) for name, text in rows], col_max, col_spacing)

    def getvalue(self) -> str:
        """The help."""
        return super().getvalue().replace(_HYPHEN, "-")


class HelpContext(click.Context):
    """The context of a command with such help."""

    formatter_class = UnbrokenHelp


def option(*declarations: str, setting: str | None = None, **attributes: Any) -> Any:
    """A field of an option group: an option.

    Args:
        declarations: its names, as ``click.option`` takes them.
        setting: the setting that it overrides (see ``settings_given``).
        attributes: its attributes, as ``click.option`` takes them.
    """
    return field(metadata={_PARAMETER: (SectionOption, declarations, attributes), _SETTING: setting})


def argument(**attributes: Any) -> Any:
    """A field of an option group: an argument of the command, with attributes as ``click.argument`` takes them."""
    return field(metadata={_PARAMETER: (click.Argument, (), attributes)})


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


def settings_given(*groups: Any) -> dict[str, tuple[Any, str]]:
    """The settings that options give, as ``AppContext.load`` takes them: setting → (value, option)."""
    return {
        setting: (value, one.metadata[_PARAMETER][1][0])
        for group in groups
        for one in fields(group)
        if (setting := one.metadata.get(_SETTING)) is not None and (value := getattr(group, one.name)) is not None
    }


def _parameters(group: type[Any]) -> Iterator[click.Parameter]:
    for one in fields(group):
        if _NESTED in one.metadata:
            yield from _parameters(one.metadata[_NESTED])
            continue
        kind, declarations, attributes = one.metadata[_PARAMETER]
        own = _TYPES.get(_bare(one.type), {})
        if kind is SectionOption:
            own = {"section": _sections[group], "show_default": bool(attributes.get("default")), **_of_type(one.type)}
        yield kind([*declarations, one.name], **{**own, **attributes})


_TYPES: dict[Any, dict[str, Any]] = {
    bool: {"is_flag": True},
    Epoch: {"type": epoch},
    Path: {"type": click.Path(path_type=Path)},
}


def _bare(kind: Any) -> Any:
    """A type without ``| None``."""
    return next(one for one in get_args(kind) if one is not NoneType) if _is_optional(kind) else kind


def _is_optional(kind: Any) -> bool:
    return get_origin(kind) in (Union, UnionType) and NoneType in get_args(kind)


def _of_type(kind: Any) -> dict[str, Any]:
    """The attributes of an option that follow from the type of its field."""
    if get_origin(kind) is tuple:
        item, *rest = get_args(kind)
        return {**_of_type(item), "multiple": True} if rest == [...] else {}
    attributes = _TYPES.get(_bare(kind), {}) | ({"metavar": "FILE"} if _bare(kind) is Path else {})
    return {**attributes, "default": None} if _is_optional(kind) and "is_flag" in attributes else attributes


def _made(group: type[Any], values: dict[str, object]) -> Any:
    made = {}
    for one in fields(group):
        inner = one.metadata.get(_NESTED)
        made[one.name] = values.pop(one.name) if inner is None else _made(inner, values)
    return group(**made)


class SectionedCommand(click.Command):
    """A command that takes groups of options, and whose help lists them by section, and ends with an example.

    Args:
        example: a command line that shows how it is used, beginning with ``eraswitch``.
        takes: the groups of parameters that its function has defaults for.
        attributes: those of a click command.
    """

    context_class = HelpContext

    def __init__(
        self, *args: Any, example: str | None = None, takes: Mapping[str, type[Any]] | None = None, **attributes: Any
    ) -> None:
        if (function := attributes.get("callback")) is not None:
            attributes["callback"], groups = _taking(function, takes or {})
            more = [one for group in groups.values() for one in _parameters(group)]
            attributes["params"] = [*(attributes.get("params") or ()), *more]
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


def command(
    name: str | None = None, *, example: str, **attributes: Any
) -> Callable[[Callable[..., Any]], SectionedCommand]:
    """Decorator: a ``SectionedCommand``, with its own arguments and those of a click command."""
    return click.command(name, cls=SectionedCommand, example=example, **attributes)


def _taking(
    function: Callable[..., Any], takes: Mapping[str, type[Any]]
) -> tuple[Callable[..., Any], dict[str, type[Any]]]:
    """The function as click calls it, with single options, and the groups that it takes them in."""
    parameters = signature(function).parameters.values()
    needed = {one.name: one.annotation for one in parameters if one.default is one.empty}
    groups = {**takes, **{name: kind for name, kind in needed.items() if kind in _sections}}
    has_app = AppContext in needed.values()

    @wraps(function)
    def run(*args: Any, **values: Any) -> Any:
        given = {name: _made(group, values) for name, group in groups.items()}
        app = [AppContext.current()] if has_app else []
        return function(*app, *args, **values, **given)

    return run, groups


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
