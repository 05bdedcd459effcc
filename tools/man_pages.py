"""Writes the man pages of the command line into a folder: ``python tools/man_pages.py FOLDER``.

In: the commands as click has them. Out: one page of section 1 for each command, ``eraswitch-marker-show.1``.
"""

import inspect
import sys
from pathlib import Path

import click

from era_service.cli.app import cli
from eras import __version__


def main(folder: Path) -> None:
    """Write every page into ``folder``, which is made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    written = 0
    pending: list[tuple[click.Command, click.Context]] = [(cli, click.Context(cli, info_name="eraswitch"))]
    while pending:
        command, context = pending.pop()
        name = context.command_path.replace(" ", "-")
        (folder / f"{name}.1").write_text(page(command, context), encoding="utf-8")
        written += 1
        if isinstance(command, click.Group):
            for sub in command.list_commands(context):
                found = command.get_command(context, sub)
                if found is not None and not found.hidden:
                    pending.append((found, click.Context(found, parent=context, info_name=sub)))
    print(f"{written} man pages in {folder}")


def page(command: click.Command, context: click.Context) -> str:
    """The man page of one command, as roff."""
    title = context.command_path
    lines = [
        f'.TH "{title.upper().replace(" ", "-")}" 1 "" "eraswitch {__version__}"',
        ".SH NAME",
        escaped(f"{title.replace(' ', '-')} - {command.get_short_help_str(200)}"),
        ".SH SYNOPSIS",
        ".B " + escaped(title),
        escaped(" ".join(command.collect_usage_pieces(context))),
    ]
    if command.help:
        lines.append(".SH DESCRIPTION")
        for paragraph in inspect.cleandoc(command.help).split("\n\n"):
            lines += [".PP", escaped(paragraph.replace("\b\n", ""))]
    records = [found for one in command.get_params(context) if (found := one.get_help_record(context)) is not None]
    if records:
        lines.append(".SH OPTIONS")
    for flags, words in records:
        lines += [".TP", r"\fB" + escaped(flags) + r"\fR", escaped(words)]
    if isinstance(command, click.Group):
        lines.append(".SH SEE ALSO")
        lines += [escaped(f"{title.replace(' ', '-')}-{sub}(1)") for sub in command.list_commands(context)]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """Text in which nothing is a request or an escape of roff."""
    lines = text.replace("\\", r"\e").replace("-", r"\-").splitlines()
    return "\n".join(rf"\&{line}" if line.startswith((".", "'")) else line for line in lines)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
