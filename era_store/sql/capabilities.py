"""The capabilities that nodes report, in a database: each once, by a number.

In: registrations, or numbers. Out: numbers, or capabilities. Nodes of one release mostly report the same.
"""

import hashlib
from collections.abc import Collection, Set

from sqlalchemy import Connection, insert, select

from era_store.capability import Capability
from era_store.sql.tables_registrations import capability


def capability_numbers(connection: Connection, reported: Set[Capability | None]) -> dict[Capability | None, int]:
    """The number of each capability that nodes report; one that has none gets one."""
    table = capability
    numbers: dict[Capability | None, int] = {None: 0}
    for one in reported:
        if one is None:
            continue
        content = one.text
        digest = hashlib.sha256(content.encode()).hexdigest()
        number: int | None = connection.execute(select(table.c.id).where(table.c.digest == digest)).scalar()
        if number is None:
            made = insert(table).values(digest=digest, content=content)
            (number,) = connection.execute(made).inserted_primary_key or (0,)
        numbers[one] = number
    return numbers


def capabilities_of(connection: Connection, numbers: Collection[int]) -> dict[int, Capability | None]:
    """The capability of each number."""
    if not any(numbers):
        return {}
    asked = select(capability.c.id, capability.c.content).where(capability.c.id.in_(numbers))
    return {row.id: Capability.parse(row.content) for row in connection.execute(asked)}
