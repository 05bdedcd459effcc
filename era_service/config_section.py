"""A table of the configuration, as the schema builds on it. In: values. Out: a frozen model that hides passwords."""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict

from era_store.redaction import mask_url


class Section(BaseModel):
    """A table of the configuration: unknown keys are mistakes, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """What ``repr`` shows: passwords in URLs are masked, as pydantic masks its secrets."""
        for name, value in super().__repr_args__():
            yield name, mask_url(value) if isinstance(value, str) else value
