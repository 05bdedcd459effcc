"""The command line. The command ``eraswitch`` calls ``main``; ``era_service.cli.app`` holds the commands."""

import sys
from io import TextIOWrapper

__all__ = ["main"]


def main() -> int:
    """Run the command line with the arguments of the process, and return its exit code."""
    try:
        from era_service.cli.app import cli
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        sys.stderr.write("The command line is not installed. Install it: pip install 'eraswitch[tools]'\n")
        return 2
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name that the terminal cannot show is no failure
    return int(cli.main(standalone_mode=False) or 0)
