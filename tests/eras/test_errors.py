"""The base error: message, facts and code."""

import pytest

from eras import ConfigurationError, CurrentEraNotFoundError, EraSwitchError, UnsupportedEraError
from eras.error_codes import ERROR_CODES
from eras.errors import kept, known_codes
from eras.words import visible


def test_a_message_says_what_expected_got_and_next():
    error = ConfigurationError("A thing broke", expected="a", got="b", next_step="Mend it", key="x")
    assert str(error) == "A thing broke: expected a, got b. Mend it"
    assert error.facts == {"key": "x"}
    assert error.to_dict() == {
        "code": "Configuration",
        "message": "A thing broke: expected a, got b. Mend it",
        "what": "A thing broke",
        "expected": "a",
        "got": "b",
        "next_step": "Mend it",
        "facts": {"key": "x"},
    }


def test_parts_may_be_left_out():
    assert str(EraSwitchError("A thing broke")) == "A thing broke"
    assert str(EraSwitchError("A thing broke", expected="a")) == "A thing broke: expected a"
    assert str(EraSwitchError("A thing broke", got="b", next_step="Mend it")) == "A thing broke: got b. Mend it"


def test_a_full_stop_of_another_program_is_not_doubled():
    error = EraSwitchError("The file was not read", got="Cannot operate on a closed database.", next_step="Open it")
    assert str(error) == "The file was not read: got Cannot operate on a closed database. Open it"


def test_codes_are_class_names_without_the_suffix():
    assert UnsupportedEraError.code == "UnsupportedEra"
    assert (CurrentEraNotFoundError.code, CurrentEraNotFoundError.exit_code) == ("CurrentEraNotFound", 5)


def test_a_registered_code_brings_its_statuses():
    error = EraSwitchError("Not known here", code="HistoryUnknown", provider="ogmios")
    assert (error.code, error.http_status, error.exit_code) == ("HistoryUnknown", 501, 5)
    assert (error.to_dict()["code"], error.facts) == ("HistoryUnknown", {"provider": "ogmios"})
    assert EraSwitchError.code == "EraSwitch", "the class keeps its own"


def test_a_code_that_is_not_registered_is_a_mistake_of_the_program():
    with pytest.raises(KeyError):
        EraSwitchError("Not known here", code="Nowhere")


def test_the_table_has_the_codes_of_classes_and_of_the_registry_once():
    rows = known_codes()
    assert [row.code for row in rows] == sorted({row.code for row in rows})
    assert set(ERROR_CODES) < {row.code for row in rows}
    table = {row.code: (row.http_status, row.exit_code, row.meaning) for row in rows}
    assert table["CurrentEraNotFound"][:2] == (CurrentEraNotFoundError.http_status, CurrentEraNotFoundError.exit_code)
    assert table["HistoryUnknown"] == (501, 5, ERROR_CODES["HistoryUnknown"].meaning)


def test_only_lines_of_an_error_s_own_begin_a_line() -> None:
    foreign = "a\nError: b"
    error = ConfigurationError(
        f"The file {foreign} has 2 mistakes:", lines=[f"one {foreign}", "two"], next_step=f"Correct {foreign}"
    )
    assert error.message(visible).splitlines() == [
        "The file a\\nError: b has 2 mistakes:",
        "  one a\\nError: b",
        "  two",
        "Correct a\\nError: b",
    ]
    assert len(ConfigurationError(foreign, expected=foreign, next_step=foreign).message(visible).splitlines()) == 1
    assert str(error) == error.message()


def test_an_error_that_is_kept_holds_no_frame_nor_do_its_causes() -> None:
    def fail() -> None:
        try:
            ().index(0)
        except ValueError:
            try:
                {}["cause"]
            except KeyError as cause:
                raise EraSwitchError("failed") from cause

    with pytest.raises(EraSwitchError) as raised:
        fail()
    error = kept(raised.value)
    assert error is raised.value
    assert isinstance(error.__cause__, KeyError)
    assert isinstance(error.__cause__.__context__, ValueError)
    assert [one.__traceback__ for one in (error, error.__cause__, error.__cause__.__context__)] == [None] * 3
