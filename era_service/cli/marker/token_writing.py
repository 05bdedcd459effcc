"""``--write`` of ``marker announce|activate --mint-token`` and of ``adopt-token``: configure the token.

In: what was published and read back, and the file. Out: the file with the thread token, or the reason why not.
"""

from pathlib import Path
from typing import Any

from chain_reader.thread_token import spelled
from chain_reader.trust.reading import TrustedReading
from era_service.cli.shared.commands import option
from era_service.cli.shared.output import write_file
from era_service.config.token_line import with_token
from era_service.releasing.publishing import Outlook
from era_service.releasing.session import Release, output_in_force
from era_service.releasing.trusted_snapshot import token_in_force
from eras import ConfigurationError
from release_tools.publishing.publication import Published


def write_token_option() -> Any:
    """The option that configures the new thread token, as a field of a group."""
    return option(
        "--write",
        is_flag=True,
        help="Put the new thread token into [trust] of the configuration file in use, once nodes trust it.",
    )


def write_token(
    release: Release,
    outlook: Outlook,
    published: Published[TrustedReading] | None,
    file: Path,
    replaced: str | None,
) -> str:
    """Write the token that was read back into the configuration, and return the file's name.

    ``replaced`` is a token that may be configured there, and is not any longer.

    Raises:
        ConfigurationError: there is none, nothing proves that it is the team's, or the file cannot take it.
        EraSwitchError: the file cannot be written.
        EraSwitchError: what is in force cannot be said.
    """
    reading = outlook.reading if published is None else published.reading
    unit, in_force = token_in_force(reading), output_in_force(reading)
    is_own = published is not None and in_force is not None and in_force.output.transaction == published.transaction
    if unit is None or not (is_own or release.trusts_proven()):
        raise ConfigurationError(
            f"No thread token was written into {file}",
            code="TokenLine",
            expected="markers in force, posted by the owner of the era address, with a thread token",
            got="markers without one" if unit is None else "an output not proved to be the owner's",
            next_step="Look at eraswitch marker show; put a token that is yours into [trust] by hand",
        )
    write_file(file, with_token(file, spelled(unit), replaced).encode())
    return str(file)
