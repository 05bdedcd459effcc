"""Screening of outputs: of each the verdict on its datum, or ``Unreadable`` where the provider could not show it.

In: outputs as an observer reports them. Out: their verdicts in the same order. Whoever screens outputs does so here.
"""

from collections.abc import Iterable, Sequence

from chain_reader.ports import DatumOutput
from datum import ERA, MarkerKind, Unreadable, Verdict, VerdictMemory, VerificationKey, screen


def screen_outputs(
    outputs: Sequence[DatumOutput],
    keys: Iterable[VerificationKey],
    *,
    kind: MarkerKind = ERA,
    memory: VerdictMemory | None = None,
) -> tuple[Verdict, ...]:
    """Return the verdict on each of ``outputs``; with a ``memory``, those seen before cost a look-up each."""
    verdicts = screen(
        [output.datum for output in outputs],
        tuple(keys),
        kind=kind,
        references=None if memory is None else [output.reference for output in outputs],
        memory=memory,
    )
    return tuple(
        [
            verdict if output.unreadable is None else Unreadable(output.unreadable)
            for output, verdict in zip(outputs, verdicts, strict=True)
        ]
    )
