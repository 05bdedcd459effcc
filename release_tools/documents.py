"""The base of all JSON documents of results, which the service returns and the command line prints.

A document reads the attributes of a result; clients parse the JSON with the same model.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from eras import MAX_EPOCH

EpochNumber = Annotated[int, Field(ge=0, le=MAX_EPOCH, strict=True, description="An epoch of the Cardano chain.")]
Stake = Annotated[int, Field(ge=0, strict=True, description="An amount in lovelace.")]


class Document(BaseModel):
    """An immutable JSON document.

    Unknown fields are ignored, since a newer version of the service may have written it.
    """

    model_config = ConfigDict(frozen=True, from_attributes=True)

    def to_dict(self) -> dict[str, object]:
        """The document, JSON-ready."""
        return self.model_dump(mode="json")
