"""A table of the configuration, as the schema builds on it. In: values. Out: a frozen model that hides passwords."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator

from era_store.redaction import mask_url


class Section(BaseModel):
    """A table of the configuration: unknown keys are mistakes, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    @field_validator("*")
    @classmethod
    def _without_nul(cls, value: Any) -> Any:
        """No text with a NUL byte: no file, database or header takes it, and each would say so in its own way."""
        for one in value if isinstance(value, tuple) else (value,):
            if isinstance(one, str | Path) and "\0" in str(one):
                raise ValueError("text without a NUL byte")
        return value

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """The arguments of ``repr``: passwords in URLs are masked, as pydantic masks its secrets."""
        for name, value in super().__repr_args__():
            yield name, mask_url(value) if isinstance(value, str) else value
