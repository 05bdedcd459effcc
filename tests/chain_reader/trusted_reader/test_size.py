"""What a node holds for each output at its era address, where an enemy may leave as many as he pays for."""

import gc
import sys
from collections.abc import Callable
from types import FunctionType, MethodType, ModuleType

import pytest

from tests.chain_reader.conftest import OTHER_KEY, datum_of
from tests.chain_reader.trusted_reader.world import NEW, World

OF_EACH: dict[str, tuple[Callable[[int], str], int]] = {
    "junk": (lambda number: f"5840{number:0128x}", 1_000),
    "forged": (lambda number: datum_of({"t": 1, "stolen": number}, OTHER_KEY), 1_700),
    "copied": (lambda _: datum_of(NEW), 1_700),
}
"""What lies there, and how many bytes of it a node may hold."""


def size_of(thing: object, *beside: object) -> int:
    """The bytes of all that ``thing`` holds, code and what is ``beside`` it left out."""
    seen, waiting, size = {id(one) for one in beside}, [thing], 0
    while waiting:
        one = waiting.pop()
        if id(one) not in seen and not isinstance(one, type | ModuleType | FunctionType | MethodType):
            seen.add(id(one))
            size += sys.getsizeof(one)
            waiting += gc.get_referents(one)
    return size


@pytest.mark.parametrize("kind", OF_EACH)
def test_an_output_is_held_once_whatever_lies_at_the_address(knowing: World, kind: str):
    datum, most_bytes = OF_EACH[kind]
    knowing.network.publish(NEW)
    node = knowing.node()
    sizes = []
    for turn in range(4):
        for number in range(75):
            knowing.network.post_datum(datum(75 * turn + number))
        assert len(node.read().screened) == 75 * turn + 76
        sizes.append(size_of(node, node.store, knowing.observer))
    each = (sizes[-1] - sizes[0]) // 225
    assert each < most_bytes, f"{each} bytes"
