"""The patterns that parts of requests must match, each with a description for people.

In: what pydantic found wrong. Out: why, in words.
"""

from collections.abc import Mapping
from typing import Any, Final

VISIBLE: Final = "^[!-~]+$"
HEX64: Final = "^[0-9a-f]{64}$"
HEX128: Final = "^[0-9a-f]{128}$"
EVENT_ID: Final = "^[0-9]+$"
SPOKEN_VERSION: Final = r"^(0|[1-9][0-9]{0,18})\.(0|[1-9][0-9]{0,18})\.(0|[1-9][0-9]{0,18})$"

WORDS: Final = {
    VISIBLE: "visible ASCII, no spaces",
    HEX64: "64 hex digits in lower case",
    HEX128: "128 hex digits in lower case",
    EVENT_ID: "the id of an event: digits only",
    SPOKEN_VERSION: "three numbers, as in 0.1.0",
}


def reason_of(mistake: Mapping[str, Any]) -> str:
    """The reason of a mistake in pydantic's findings."""
    if mistake["type"] == "string_pattern_mismatch":
        words = WORDS.get(mistake["ctx"]["pattern"])
        if words is not None:
            return f"it should be {words}"
    return str(mistake["msg"])
