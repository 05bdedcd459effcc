"""Screening of outputs, by itself and with a memory that outlives the process: verdicts on datums, in bulk.

In: outputs as an observer reports them. Out: what screening makes of their datums, ``Unreadable`` where the provider
could not show one; all screening of outputs is done here. The store keeps what costs the check of a signature:
forgeries, so that a restart at a flooded address is quick, and the final verdict on every payload with a true
signature, so that it is reported once. A true signature is checked again by every process, and a datum without a
payload is judged faster than it is looked up.
"""

import logging
import zlib
from collections.abc import Iterable, Mapping, Sequence

from chain_reader.ports import DatumOutput, ScreenedOutput
from datum import ERA, MarkerKind, Unreadable, Verdict, VerdictMemory, VerificationKey, WrongSigner, screen
from era_store import CachedVerdict, Store, TrustKey
from eras import StoreError


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
    faults = [output.unreadable for output in outputs]
    if faults.count(None) == len(faults):
        return verdicts
    return tuple(
        [verdict if fault is None else Unreadable(fault) for fault, verdict in zip(faults, verdicts, strict=True)]
    )


_log = logging.getLogger(__name__)


def kept_verdicts(store: Store, key: TrustKey) -> Mapping[str, CachedVerdict]:
    """Return what a store keeps of outputs and transactions, by their places; nothing where it cannot be read."""
    try:
        return store.verdicts.load(key)
    except StoreError as error:
        _log.warning("Kept verdicts could not be read: %s", error)
        return {}


def told_by(kept: Mapping[str, CachedVerdict]) -> dict[str, str]:
    """Return output reference → name of the verdict that was reported for it; what is kept of transactions is left out.

    Args:
        kept: what a store keeps, as ``kept_verdicts`` returns it.
    """
    return {name: verdict.kind for name, verdict in kept.items() if "#" in name}


class RememberedScreening:
    """Screens outputs, and knows those that were screened before.

    Args:
        keys: the verification keys.
        store: where verdicts are kept.
        key: what they are kept under.
        kind: what is read.
        kept: those that the store has, as ``kept_verdicts`` gives them.
    """

    def __init__(
        self,
        keys: tuple[VerificationKey, ...],
        store: Store,
        key: TrustKey,
        kind: MarkerKind,
        kept: Mapping[str, CachedVerdict],
    ) -> None:
        self._keys = keys
        self._kind = kind
        self._store = store
        self._key = key
        self._memory = VerdictMemory()
        self.told = told_by(kept)
        """Output reference → name of the verdict that was reported for it."""
        self._unused = {name: verdict for name, verdict in kept.items() if verdict.kind == WrongSigner.__name__}

    def screen(self, outputs: Sequence[DatumOutput]) -> tuple[ScreenedOutput, ...]:
        """The outputs with what screening makes of their datums, in the same order."""
        if self._unused:
            self._recall(outputs)
        return tuple(
            map(ScreenedOutput, outputs, screen_outputs(outputs, self._keys, kind=self._kind, memory=self._memory))
        )

    def keep(self, judged: Sequence[ScreenedOutput]) -> None:
        """Keep the final verdicts of these; a store that fails costs time at the next start, and nothing else."""
        if not judged:
            return
        entries: list[CachedVerdict] = []
        for item in judged:
            output, verdict = item.output, item.verdict
            content = verdict.content if isinstance(verdict, WrongSigner) else None
            entries.append(
                CachedVerdict(output.reference, fingerprint(output.datum), verdict.name, verdict.reason, content)
            )
            self.told[output.reference] = verdict.name
        try:
            self._store.verdicts.save(self._key, entries)
        except StoreError as error:
            _log.warning("Verdicts could not be kept: %s", error)

    def _recall(self, outputs: Sequence[DatumOutput]) -> None:
        """Put the kept verdicts on these outputs into the memory that screening looks into."""
        entries: list[tuple[str, str, Verdict]] = []
        for output in outputs:
            kept = self._unused.pop(output.reference, None)
            if kept is not None and kept.content is not None and kept.fingerprint == fingerprint(output.datum):
                entries.append((kept.reference, output.datum, WrongSigner(kept.reason, kept.content)))
        self._memory.remember(self._keys, entries)


def fingerprint(datum: str) -> int:
    """A number that distinguishes a datum from another at the same reference, the same in every process.

    It need not withstand an enemy: a provider that could report another datum for a reference could as well hide it,
    and what a kept verdict can do is to refuse.
    """
    return len(datum) << 32 | zlib.crc32(datum.encode())
