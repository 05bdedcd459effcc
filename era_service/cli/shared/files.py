"""Files that several of the release team's commands read: signed payloads, signatures made elsewhere."""

from typing import TYPE_CHECKING

from datum import find_datums, kind_of_file
from era_service.cli.shared.arguments import naming, read_bytes, read_text
from eras import ConfigurationError
from release_tools.keys.envelopes import json_object
from release_tools.markers.cosigning import Cosigning

if TYPE_CHECKING:
    from release_tools.transactions.files import CarriedTransaction


def with_witnesses(carried: "CarriedTransaction", files: tuple[str, ...]) -> "CarriedTransaction":
    """A transaction with the signatures in these files.

    Raises:
        ConfigurationError: a file cannot be read.
        EnvelopeError: a file holds no signature.
        TransactionError: a signature does not belong to the transaction.
    """
    from release_tools.transactions.witness_files import read_signatures

    for name in files:
        carried = carried.add(read_signatures(read_text(name), name), name)
    return carried


def read_payload(name: str) -> bytes:
    """The signed payload in a file: in a complete co-signing file, or in whatever holds a datum (``datum.finding``).

    Raises:
        ConfigurationError: it cannot be read, or does not hold one payload.
        MarkerError: its payload is not complete.
    """
    data = read_bytes(name)
    text = read_text(name, data)
    document = json_object(text) or {}
    if "eraswitch_cosigning" in document:
        with naming(name):
            cosigning = Cosigning.from_text(text)
        if not cosigning.is_complete:
            raise ConfigurationError(
                "The co-signing file is not complete",
                expected=f"in {name} the signatures of enough signers",
                got="too few of them",
                next_step=f"Have it signed: eraswitch marker cosign {name}",
                code="InputFile",
            )
        return cosigning.extended.to_bytes()
    if "markers" in document:
        return text.strip().encode()
    contents = {found.content for found in find_datums(data)} - {None}
    if len(contents) == 1 and (content := contents.pop()) is not None:
        return content
    raise ConfigurationError(
        "The file does not hold one signed payload",
        expected=f"in {name} a payload as JSON, one datum in JSON or hex, or a co-signing file",
        got=f"{len(contents)} different datums" if contents else kind_of_file(data),
        next_step="Give the file that --payload-out wrote",
        code="InputFile",
    )
