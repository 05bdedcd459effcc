"""The base error: message, facts and code."""

from eras import ConfigurationError, CurrentEraNotFoundError, EraSwitchError, UnsupportedEraError


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
