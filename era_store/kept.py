"""How a record is kept: as plain values for a database, or as JSON has them. From its fields alone; pydantic does it.

In: the declaration of a record, a dataclass. Out: its values, and the record again. A field that is added to a record
is kept without another word, with its default where it was written before.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

if TYPE_CHECKING:
    from pydantic import TypeAdapter
    from pydantic_core import CoreSchema

Record = TypeVar("Record")


@dataclass(frozen=True, slots=True)
class Kept:
    """How a field of a type that JSON lacks is kept; stands in its ``Annotated``.

    Attributes:
        read: gives the value again from what is kept.
        write: gives what is kept.
        when: whether a database, too, has what ``write`` gives, or the value itself.
    """

    read: Callable[[Any], Any]
    write: Callable[[Any], Any]
    when: Literal["always", "json"] = "always"

    def __get_pydantic_core_schema__(self, *_: Any) -> "CoreSchema":
        from pydantic_core import core_schema  # takes longer to import than all of a node that reads no such record

        written = core_schema.plain_serializer_function_ser_schema(self.write, when_used=self.when)
        return core_schema.no_info_plain_validator_function(self.read, serialization=written)


Hex = Annotated[bytes, Kept(lambda kept: kept if isinstance(kept, bytes) else bytes.fromhex(kept), bytes.hex, "json")]
"""Bytes; JSON has them in hex."""


@cache
def adapter_of(record: type[Record]) -> "TypeAdapter[Record]":
    """The reader and writer of a record: ``validate_python`` takes what ``dump_python`` gave, in either mode."""
    from pydantic import TypeAdapter

    return TypeAdapter(record)
