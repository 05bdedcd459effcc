"""Mistakes in a scenario, in words: each names its key, what would be right, and the nearest right key."""

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ValidationError

from release_tools.findings import findings_of


def mistakes_in(
    error: ValidationError,
    whole: type[BaseModel],
    tables: Mapping[str, type[BaseModel] | None],
    actions: Mapping[str, type[BaseModel]],
) -> list[str]:
    """Every finding of pydantic, a line each.

    Args:
        error: what pydantic raised.
        whole: the scenario.
        tables: key of it → its table; ``None`` for that of the actions.
        actions: what an action does → its table.
    """

    def keys_beside(place: Sequence[str]) -> tuple[str, ...]:
        table = whole if len(place) == 1 else tables.get(place[0])
        if table is not None:
            return tuple(table.model_fields)
        return tuple({name: None for action in set(actions.values()) for name in action.model_fields})

    return [str(one) for one in findings_of(error, "a key of the scenario", keys_beside, place_of=_place)]


def _place(place: Sequence[str]) -> Sequence[str]:
    """The place without the kind of an action, which pydantic adds."""
    return [*place[:2], *place[3:]] if len(place) > 2 and place[0] == "actions" else place
