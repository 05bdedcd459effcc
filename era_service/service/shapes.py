"""What the API looks like in each era: its version, and the shape of the documents that differ.

The service is itself a node of the network: its API is switched by the era, as everything else is. In: an era's name.
Out: the version it speaks there, and the behaviour that writes a document. The shapes, oldest first:

- 0.1: ``/era/status`` names the eras twice, flat and in full.
- 0.2, since lagrange: in full only.
"""

from typing import Any, Final

from era_service.service.documents import EraStatus
from eras import ApiVersion, ApiVersionTable, BehaviourSwitches, EraChecker, EraSwitchError, SupportedEras

FIRST: Final = ApiVersion(0, 1, 0)
NESTED: Final = ApiVersion(0, 2, 0)
NESTED_SINCE: Final = "lagrange"
FLAT_FIELDS: Final = frozenset({"current_era", "upcoming_era", "epochs_to_upcoming"})
STATUS_DOCUMENT: Final = "status_document"


def flat_status(status: EraStatus) -> bytes:
    """``/era/status`` of API 0.1."""
    return status.model_dump_json().encode()


def nested_status(status: EraStatus) -> bytes:
    """``/era/status`` of API 0.2."""
    return status.model_dump_json(exclude=set(FLAT_FIELDS)).encode()


def api_versions(supported: SupportedEras) -> ApiVersionTable:
    """The version that is spoken in each era: a new one begins with an era, and stays until the next."""
    versions, version = {}, FIRST
    for era in supported:
        if era == NESTED_SINCE:
            version = NESTED
        versions[era] = version
    return ApiVersionTable(versions, supported)


def service_switches(checker: EraChecker) -> BehaviourSwitches:
    """The behaviour switches of the service itself, sealed."""
    switches = BehaviourSwitches(checker)
    first = checker.supported[0]
    if first != NESTED_SINCE:
        switches.behaviour(STATUS_DOCUMENT, since=first)(flat_status)
    if NESTED_SINCE in checker.supported:
        switches.behaviour(STATUS_DOCUMENT, since=NESTED_SINCE)(nested_status)
    switches.seal()
    return switches


class Shapes:
    """What is spoken now, by the era of ``checker``.

    Before the first reading, and in an era that this software does not know, it is what the newest era speaks.
    """

    def __init__(self, checker: EraChecker) -> None:
        self._checker = checker
        self._switches = service_switches(checker)
        self.table = api_versions(checker.supported)

    @property
    def era(self) -> str:
        """The era whose API is spoken."""
        try:
            return self._checker.current_era
        except EraSwitchError:
            return self._checker.supported[-1]

    @property
    def version(self) -> ApiVersion:
        """The API version that is spoken."""
        return self.table.for_era(self.era)

    def status(self, status: EraStatus) -> bytes:
        """``/era/status`` in the shape that is spoken."""
        return nested_status(status) if self.version >= NESTED else flat_status(status)

    def versions(self) -> dict[str, str]:
        """Era → API version."""
        return {era: str(self.table.for_era(era)) for era in self._checker.supported}

    @property
    def switches(self) -> BehaviourSwitches:
        """The switches of the service itself."""
        return self._switches


def describe_in_era(description: dict[str, Any], version: ApiVersion) -> dict[str, Any]:
    """An OpenAPI description as it is for an API version: the number, and without the fields that it does not have."""
    described = {**description, "info": {**description["info"], "version": str(version)}}
    if version < NESTED:
        return described
    schemas = dict(described["components"]["schemas"])
    status = schemas["EraStatus"]
    schemas["EraStatus"] = {
        **status,
        "properties": {name: field for name, field in status["properties"].items() if name not in FLAT_FIELDS},
        "required": [name for name in status["required"] if name not in FLAT_FIELDS],
    }
    return {**described, "components": {**described["components"], "schemas": schemas}}
