"""An error has a class of its own only where callers tell it apart; every other one is in the registry of codes."""

import re

from eras import ChainReadError, ConfigurationError, EraSwitchError, MarkerError, StoreError, TransactionError
from tests.architecture.test_errors import every_error_class
from tests.architecture.test_imports import PACKAGES, modules

FAMILIES = (EraSwitchError, ChainReadError, ConfigurationError, MarkerError, StoreError, TransactionError)


def test_an_error_has_a_class_of_its_own_only_where_something_tells_it_apart() -> None:
    """Whoever adds a class that nobody catches, inherits or names elsewhere registers a code instead."""
    texts = {path: path.read_text() for package in PACKAGES for path in modules(package)}
    alone = [
        cls.__name__
        for cls in every_error_class()
        if not cls.__subclasses__()
        and "__init__" not in vars(cls)
        and sum(bool(re.search(rf"\b{cls.__name__}\b", text)) for text in texts.values()) == 1
        and not any(re.search(rf"(except|isinstance|case)[^\n]*\b{cls.__name__}\b", text) for text in texts.values())
        and any(re.search(rf"raise {cls.__name__}\(|return {cls.__name__}\(", text) for text in texts.values())
        and cls.__bases__[0] in FAMILIES
    ]
    assert alone == []
