"""The two ports of the reader: what it asks of a chain, and what a node asks of a source of markers.

A ``ChainObserver`` reads a chain. Providers differ in what they know, so an observer *declares* its capabilities, and
the trust rules (``docs/trust.md``) use what is declared, never what an answer happens to contain.

An ``EraReaderAdapter`` has one method, ``read``: the markers in force, with where they come from.
"""

from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, runtime_checkable

from chain_reader.genesis import NetworkGenesis
from datum import Verdict
from eras import Epoch, EraMarker, Provenance, Slot

UNKNOWN_ADDRESS = ""
"""Among the addresses of a transaction's inputs: the provider does not know where one was, or of what kind it is."""


@dataclass(frozen=True, slots=True)
class ObserverCapabilities:
    """The knowledge of an observer about the outputs it reports.

    Attributes:
        order: ``datums`` comes newest first; else its order means nothing.
        slots: every reported output carries its slot.
        inputs: ``input_addresses`` can be asked.
        history: ``history`` can be asked, spent outputs included.
        blocks: ``block_of`` can be asked (``LocatingObserver``).
        tokens: every reported output carries the tokens that it holds.
    """

    order: bool = False
    slots: bool = False
    inputs: bool = False
    history: bool = False
    blocks: bool = False
    tokens: bool = False


@dataclass(frozen=True, slots=True)
class ChainTip:
    """The newest block an observer has seen; what it does not know of it is ``None``.

    ``epoch`` is that of this very block: after the tip, the epoch need not be asked for, and both are of one point.
    """

    slot: Slot
    height: int | None
    block_hash: str | None
    epoch: Epoch | None = None


@dataclass(frozen=True, slots=True)
class DatumOutput:
    """A transaction output at an address, with the inline datum it carries.

    Attributes:
        transaction: hash of the transaction that made it, 64 hex digits.
        index: its place among that transaction's outputs.
        datum: the inline datum, CBOR in hex.
        lovelace: the ada it holds.
        slot: slot of its block, where the observer knows it.
        height: height of its block, where the observer knows it.
        spent: whether it has been spent, where the observer knows it.
        unreadable: why it could not be read, where the provider lists it and cannot show it; its fields are then what
            is known of it.
        assets: the tokens it holds, each policy id + asset name in hex, and its quantity, where the observer knows.
        reference: the output reference, ``transaction#index``.
    """

    transaction: str
    index: int
    datum: str
    lovelace: int
    slot: Slot | None = None
    height: int | None = None
    spent: bool | None = None
    unreadable: str | None = None
    assets: tuple[tuple[str, int], ...] = ()
    reference: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "reference", f"{self.transaction}#{self.index}")

    def known(self, listed: "DatumOutput | None" = None, **facts: Any) -> "DatumOutput":
        """Return the output with what else is known of it.

        There may be thousands, each known in several forms, so that these share their texts: those of this one, or
        where they are equal those of ``listed``.
        """
        found = replace(self, **facts)
        texts = self if listed is None or (self.reference, self.datum) != (listed.reference, listed.datum) else listed
        for name in ("transaction", "datum", "reference"):
            object.__setattr__(found, name, getattr(texts, name))
        return found

    def holds(self, unit: str) -> bool:
        """Whether it holds exactly one of a token."""
        return (unit, 1) in self.assets


@runtime_checkable
class ChainObserver(Protocol):
    """Reads a chain. Every method raises ``ChainReadError`` (or a subclass) when it cannot answer, in bounded time."""

    @property
    def name(self) -> str:
        """Its name in logs and errors, with no secret in it (``blockfrost http://host:1234``)."""
        ...

    @property
    def capabilities(self) -> ObserverCapabilities:
        """Its knowledge; constant over its life."""
        ...

    def epoch(self) -> Epoch:
        """The current epoch."""
        ...

    def tip(self) -> ChainTip:
        """The newest block."""
        ...

    def datums(self, address: str) -> tuple[DatumOutput, ...]:
        """The unspent outputs at ``address`` that carry an inline datum; newest first where ``order`` is declared."""
        ...

    def input_addresses(self, transaction: str) -> tuple[str, ...]:
        """The addresses of the inputs that ``transaction`` spends (not reference or collateral inputs).

        ``UNKNOWN_ADDRESS`` stands for inputs of which the provider does not know it. Only where ``inputs`` is declared.
        """
        ...

    def history(self, address: str) -> tuple[DatumOutput, ...]:
        """Every output with an inline datum that was ever at ``address``, newest first. Only where declared."""
        ...

    def close(self) -> None:
        """Release connections. Calling it twice is fine."""
        ...


@runtime_checkable
class PagedObserver(ChainObserver, Protocol):
    """A chain observer that need not read all of an address: newest first, it can stop where the answer is settled."""

    def datums_until(self, address: str, settled: Callable[[tuple[DatumOutput, ...]], bool]) -> tuple[DatumOutput, ...]:
        """The answer of ``datums``, up to the end of the first page that ``settled`` accepts.

        What is answered is of one state of the address: if that changed meanwhile, reading began again.
        """
        ...


@runtime_checkable
class LocatingObserver(ChainObserver, Protocol):
    """A chain observer that knows which block a transaction is in (its capability ``blocks`` shows whether it does)."""

    def block_of(self, transaction: str) -> ChainTip | None:
        """The block of ``transaction``; ``None`` where the provider reports that it knows no such transaction."""
        ...


@runtime_checkable
class BytesObserver(ChainObserver, Protocol):
    """A chain observer that can show the bytes of a transaction, which prove who signed it (``authorship``)."""

    def transaction_bytes(self, transaction: str) -> bytes | None:
        """Return the bytes of ``transaction``; ``None`` where the provider does not show them.

        Raises:
            ChainReadError: it could not be reached.
        """
        ...


@runtime_checkable
class ThreadObserver(ChainObserver, Protocol):
    """A chain observer that can be asked for one output, whatever else is at its address (rule T12)."""

    @property
    def listed(self) -> int:
        """How many outputs, or transactions, the last listing of an address had: what reading it again would cost."""
        ...

    def is_unspent(self, output: DatumOutput) -> bool | None:
        """Return whether an output is unspent; ``None`` where the provider cannot be relied on to know.

        Raises:
            ChainReadError: it could not be reached.
        """
        ...


@runtime_checkable
class SuccessorObserver(ThreadObserver, Protocol):
    """A chain observer that knows which transaction spent an output."""

    def successors(self, output: DatumOutput, address: str) -> tuple[DatumOutput, ...] | None:
        """Return what the spender of an output made at ``address``, with a datum; ``None`` where no spender is known.

        Raises:
            ChainReadError: it could not be reached.
        """
        ...


@runtime_checkable
class SelectiveHistoryObserver(ChainObserver, Protocol):
    """A chain observer that reads the history of an address without asking again for what is known."""

    def history_beside(
        self, address: str, known: MutableMapping[str, Sequence[DatumOutput]]
    ) -> tuple[DatumOutput, ...]:
        """As ``history``; ``known`` holds the outputs with a datum of transactions that need not be asked for.

        Those that are asked for are added, though the limits may end it; what cannot be had, as an unreadable output.
        """
        ...


@runtime_checkable
class TokenObserver(ChainObserver, Protocol):
    """A chain observer that can ask for what holds a token, whatever else lies at the address."""

    def holders(self, address: str, unit: str) -> tuple[DatumOutput, ...] | None:
        """Return the unspent outputs at ``address`` with a datum that hold a token; ``None`` where it is not served.

        Raises:
            ChainReadError: they could not be read.
        """
        ...


@runtime_checkable
class GenesisObserver(ChainObserver, Protocol):
    """A chain observer that knows the genesis of its network."""

    def genesis(self) -> NetworkGenesis:
        """The genesis; it never changes, so it is asked for once."""
        ...


def read_datums(
    observer: ChainObserver, address: str, settled: Callable[[tuple[DatumOutput, ...]], bool]
) -> tuple[DatumOutput, ...]:
    """The outputs that ``observer`` has at ``address``, no more of them than needed where it can stop early.

    Args:
        observer: any chain observer.
        address: whose outputs.
        settled: whether, newest first, no output after this page can change the answer. It may be called again for
            the same page, when the chain moved and reading began again.

    Raises:
        ChainReadError: they could not be read.
    """
    if isinstance(observer, PagedObserver) and observer.capabilities.order:
        return observer.datums_until(address, settled)
    return observer.datums(address)


@dataclass(frozen=True, slots=True)
class ScreenedOutput:
    """An output with the verdict on its datum."""

    output: DatumOutput
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class EraReading:
    """The reading of an adapter: the markers in force, their origin, and what was refused and why."""

    markers: tuple[EraMarker, ...]
    provenance: Provenance | None = None
    screened: tuple[ScreenedOutput, ...] = field(default=())


@runtime_checkable
class EraReaderAdapter(Protocol):
    """A source of era markers."""

    def read(self) -> EraReading:
        """The markers in force now.

        Raises:
            ChainReadError: the source could not be read.
            MarkerError: it was read, and what it holds is not a list of markers.
        """
        ...
