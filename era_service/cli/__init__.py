"""The command line. The command ``eraswitch`` calls ``main``; ``era_service.cli.app`` holds the commands."""

import os
import sys
from io import TextIOWrapper
from types import ModuleType

__all__ = ["main"]

UNUSED_BACKENDS = ("blockfrost", "cardano_cli", "ogmios_v5", "ogmios_v6")
"""Modules of pycardano that ask providers: no command uses them, and what they import takes longest."""


def main() -> int:
    """Run the command line with the arguments of the process, and return its exit code."""
    _open_closed_streams()
    os.environ.setdefault("PYCARDANO_NO_TYPE_CHECK", "true")  # mypy checks our calls; it halves the import of pycardano
    for name in UNUSED_BACKENDS:
        sys.modules.setdefault(f"pycardano.backend.{name}", ModuleType(name))
    try:
        from era_service.cli.app import cli
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        from era_store.installation import install_command

        sys.stderr.write(f"The package click is not installed. Install it: {install_command('click')}\n")
        return 2
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name that the terminal cannot show is not a failure
    return int(cli.main(standalone_mode=False) or 0)


def _open_closed_streams() -> None:
    """Connect the standard streams that were closed to the null device.

    A file that is opened later would otherwise get the number of one, and receive what is written to that.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))
