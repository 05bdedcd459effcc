"""The journal of publications: each one is on disk before anything is submitted.

In: a folder. Out: at most one unfinished publication for each era address, and the finished ones. A file is written
whole, to disk, under mode 0600, before its name appears; finishing is one rename. So a process that is killed leaves
the journal as it was before a step, or after it. A lock lets one process at a time publish at an address; the system
releases it when that process ends, however it ends.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import TypedDict

from datum import ERA, MarkerKind
from datum.configuration import ConfigurationMarker
from era_store.drafts import flush, new_folder, write_new
from eras import Epoch, EraMarker, MarkerError, Slot, StoreError, require_epoch
from release_tools.markers.change import AnyMarkers, Change, ChangeDocument, change_of

JOURNAL_VERSION = 1
_CURRENT = "current.json"
_MAX_FILE_BYTES = 1 << 20


class _SpentDocument(TypedDict):
    output: str
    address: str


class _AttemptDocument(TypedDict):
    transaction: str
    cbor: str
    invalid_hereafter: int
    spends: list[_SpentDocument]
    refused: str | None


class _MarkerDocument(TypedDict, total=False):
    name: str
    epoch: Epoch | None
    configuration: str


class _JournalDocument(ChangeDocument):
    """The file of a publication; a marker has the fields of its kind."""

    version: int
    before: list[_MarkerDocument]
    after: list[_MarkerDocument]
    payload: str
    anchor: _SpentDocument
    attempts: list[_AttemptDocument]


@dataclass(frozen=True, slots=True)
class Attempt:
    """A signed transaction that may have been submitted.

    Attributes:
        transaction: its hash.
        cbor: all of it.
        invalid_hereafter: the first slot at which it is no longer valid.
        spends: reference and address of every output that it spends.
        refused: why the ledger refused it when it was first submitted; ``None`` where it did not, or nobody knows.
    """

    transaction: str
    cbor: bytes
    invalid_hereafter: Slot
    spends: tuple[tuple[str, str], ...]
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """A publication.

    Attributes:
        change: what was asked for.
        before: the markers that were in force.
        after: the markers that it publishes.
        payload: the signed payload, as JSON bytes; empty where none is published.
        anchor: reference of an output that every attempt spends, so that at most one of them can ever be in the chain.
        anchor_address: where that output is.
        attempts: its signed transactions, in the order in which they were made.
    """

    change: Change
    before: AnyMarkers
    after: AnyMarkers
    payload: bytes
    anchor: str
    anchor_address: str
    attempts: tuple[Attempt, ...]

    @property
    def latest(self) -> Attempt:
        """The attempt that was made last."""
        return self.attempts[-1]

    def with_refusal(self, reason: str) -> "JournalEntry":
        """Return the entry with the ledger's refusal of the latest attempt."""
        return replace(self, attempts=(*self.attempts[:-1], replace(self.latest, refused=reason)))


class Journal:
    """The journal of one era address on one network.

    Args:
        root: the folder of all journals; made when the first one is written.
        network_magic: the network.
        address: the era address.
        thread: which kind of marker it is of; each is published by itself.
    """

    def __init__(self, root: Path, network_magic: int, address: str, thread: MarkerKind = ERA) -> None:
        self.address = address
        suffix = "" if thread is ERA else f"-{thread.name}"
        self.folder = root / f"{network_magic}-{blake2b(address.encode(), digest_size=8).hexdigest()}{suffix}"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the right to publish at the address within the block.

        Raises:
            StoreError: another process has it, or the folder cannot be used.
        """
        with self._errors("be opened"), new_folder(self.folder):
            descriptor = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise StoreError(
                    f"Another process is publishing at {self.address}",
                    expected=f"the lock {self.folder / 'lock'}",
                    got="one that is held",
                    next_step="Wait until it is done, then run this again",
                    code="JournalHeld",
                ) from error
            yield
        finally:
            os.close(descriptor)

    def current(self) -> JournalEntry | None:
        """The unfinished publication.

        Raises:
            StoreError: it cannot be read, or what is there is none.
        """
        return self._read(self.folder / _CURRENT)

    def finished(self) -> tuple[JournalEntry, ...]:
        """The finished publications, in no particular order.

        Raises:
            StoreError: one cannot be read, or is damaged.
        """
        with self._errors("be read"):
            files = [path for path in self.folder.glob("*.json") if path.name != _CURRENT]
        return tuple(entry for path in files if (entry := self._read(path)) is not None)

    def save(self, entry: JournalEntry) -> None:
        """Write the unfinished publication; it is on disk when this returns.

        Raises:
            StoreError: it cannot be written.
        """
        target = self.folder / _CURRENT
        draft = target.with_suffix(".draft")
        with self._errors("be written"), new_folder(self.folder):
            draft.unlink(missing_ok=True)  # of a process that was killed while it wrote
            write_new(draft, json.dumps(_to_dict(entry), indent=2) + "\n")
            draft.replace(target)
            flush(self.folder)

    def finish(self, transaction: str) -> None:
        """Move the current publication to the finished ones, under the hash of its ``transaction``.

        Raises:
            StoreError: it cannot be written.
        """
        with self._errors("be written"):
            (self.folder / _CURRENT).replace(self.folder / f"{transaction}.json")
            flush(self.folder)

    def drop(self) -> None:
        """Remove the current publication, none of whose transactions can be included any more.

        Raises:
            StoreError: it cannot be written.
        """
        with self._errors("be written"), suppress(FileNotFoundError):
            (self.folder / _CURRENT).unlink()
            flush(self.folder)

    def _read(self, path: Path) -> JournalEntry | None:
        with self._errors("be read"):
            try:
                with path.open("rb") as file:
                    content = file.read(_MAX_FILE_BYTES)
            except FileNotFoundError:
                return None
        try:
            return _from_dict(json.loads(content))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, MarkerError) as error:
            raise StoreError(
                f"The journal {path} is damaged",
                expected="a publication as eraswitch writes it",
                got=f"{type(error).__name__}",
                next_step="Look at the address (eraswitch marker history), then move the file away",
                code="Journal",
            ) from error

    @contextmanager
    def _errors(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError(
                f"The journal {self.folder} cannot {what}",
                expected="a folder that this user may write to",
                got=error.strerror or type(error).__name__,
                next_step="Correct its permissions, make room, or name another folder with --journal",
                code="Journal",
            ) from error


def _to_dict(entry: JournalEntry) -> dict[str, object]:
    return {
        "version": JOURNAL_VERSION,
        **entry.change.to_dict(),
        "before": [marker.to_dict() for marker in entry.before],
        "after": [marker.to_dict() for marker in entry.after],
        "payload": entry.payload.decode(),
        "anchor": {"output": entry.anchor, "address": entry.anchor_address},
        "attempts": [
            {
                "transaction": attempt.transaction,
                "cbor": attempt.cbor.hex(),
                "invalid_hereafter": attempt.invalid_hereafter,
                "spends": [{"output": reference, "address": address} for reference, address in attempt.spends],
                "refused": attempt.refused,
            }
            for attempt in entry.attempts
        ],
    }


def _from_dict(found: _JournalDocument) -> JournalEntry:
    if found["version"] != JOURNAL_VERSION:
        raise ValueError("another version")
    attempts = tuple(_attempt(one) for one in found["attempts"])
    if not attempts:
        raise ValueError("no attempt")
    return JournalEntry(
        change=change_of(found),
        before=_markers(found["before"]),
        after=_markers(found["after"]),
        payload=found["payload"].encode(),
        anchor=found["anchor"]["output"],
        anchor_address=found["anchor"]["address"],
        attempts=attempts,
    )


def _attempt(found: _AttemptDocument) -> Attempt:
    return Attempt(
        transaction=found["transaction"],
        cbor=bytes.fromhex(found["cbor"]),
        invalid_hereafter=Slot(found["invalid_hereafter"]),
        spends=tuple((one["output"], one["address"]) for one in found["spends"]),
        refused=found["refused"],
    )


def _markers(found: list[_MarkerDocument]) -> AnyMarkers:
    if any("configuration" in one for one in found):
        return tuple(ConfigurationMarker(require_epoch(one["epoch"]), one["configuration"]) for one in found)
    return tuple(EraMarker(one["name"], one["epoch"]) for one in found)
