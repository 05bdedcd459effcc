"""The base of the JSON documents of results: those that the service answers and the command line prints.

A document is made of a result, whose attributes it reads; whoever gets it as JSON has the same model.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from eras import MAX_EPOCH

EpochNumber = Annotated[int, Field(ge=0, le=MAX_EPOCH, strict=True, description="An epoch of the Cardano chain.")]
Stake = Annotated[int, Field(ge=0, strict=True, description="An amount in lovelace.")]


class Document(BaseModel):
    """A JSON document; it never changes once it is made.

    Fields that are not known are passed over: a newer version of the service may have written it.
    """

    model_config = ConfigDict(frozen=True, from_attributes=True)

    def to_dict(self) -> dict[str, object]:
        """The document, JSON-ready."""
        return self.model_dump(mode="json")
