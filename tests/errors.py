"""What tests expect of errors that are told apart by their code."""

import pytest

from eras import EraSwitchError


def raising(*codes: str, match: str | None = None) -> pytest.RaisesExc[EraSwitchError]:
    """Expect an error with one of these codes."""
    return pytest.RaisesExc(EraSwitchError, match=match, check=lambda error: error.code in codes)
