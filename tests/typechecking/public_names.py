"""The public names as somebody else's program uses them: ``make types`` reads this, and nothing runs it.

A line with ``type: ignore`` is a mistake that has to be refused: were it accepted, mypy would call the comment unused.
"""

from collections.abc import Callable

from chain_reader import (
    AgreementObserver,
    BlockfrostObserver,
    CardanoChainAdapter,
    ChainObserver,
    EraReader,
    EraReaderAdapter,
    LocalObserver,
    OgmiosObserver,
    TrustedReader,
    TrustPolicy,
)
from chain_reader.adapters.file import FileAdapter
from chain_reader.adapters.fixed import DummyAdapter
from chain_reader.providers.cardano_cli import CardanoCliObserver
from datum import Accepted, EraMarkersPayload, SigningKey, VerificationKey, VerifiedMarkers, screen
from era_store import MemoryStore, SqlStore, Store
from eras import BehaviourSwitches, Epoch, EraChecker, EraEpochToken, EraMarker, Slot, SupportedEras, select_eras


def observers(
    agreement: AgreementObserver,
    blockfrost: BlockfrostObserver,
    cardano_cli: CardanoCliObserver,
    local: LocalObserver,
    ogmios: OgmiosObserver,
) -> tuple[ChainObserver, ...]:
    """Every observer is one."""
    return agreement, blockfrost, cardano_cli, local, ogmios


def adapters(
    chain: CardanoChainAdapter, file: FileAdapter, dummy: DummyAdapter, trusted: TrustedReader
) -> tuple[EraReaderAdapter, ...]:
    """Every source of markers is one, the trusted reader too."""
    return chain, file, dummy, trusted


def stores(memory: MemoryStore, sql: SqlStore) -> tuple[Store, ...]:
    """Both stores are one."""
    return memory, sql


def an_epoch_is_no_slot(slot: Slot, markers: tuple[EraMarker, ...], eras: SupportedEras) -> EraEpochToken:
    """Numbers that mean different things are told apart."""
    select_eras(markers, slot, eras)  # type: ignore[arg-type]
    return select_eras(markers, Epoch(5), eras)


def what_is_not_verified_is_not_taken_for_it(payload: EraMarkersPayload, key: VerificationKey) -> VerifiedMarkers:
    """Verified and unverified markers are different types."""
    wrong: VerifiedMarkers = payload  # type: ignore[assignment]
    return payload.verify(key) if wrong else payload  # type: ignore[return-value]


def the_halves_of_a_key_are_told_apart(payload: EraMarkersPayload, key: SigningKey) -> None:
    """A secret key is never given where its public half is asked for."""
    payload.verify(key)  # type: ignore[arg-type]
    payload.sign(key.verification_key)  # type: ignore[arg-type]
    TrustPolicy("addr1", (key,))  # type: ignore[arg-type]


def values_do_not_change(marker: EraMarker, token: EraEpochToken) -> None:
    """What was read stays as it was read."""
    marker.epoch = Epoch(9)  # type: ignore[misc]
    token.current = marker  # type: ignore[misc]


def a_verdict_has_to_be_looked_at(datums: list[str], key: VerificationKey) -> list[VerifiedMarkers]:
    """Only an accepted datum has markers."""
    verdicts = screen(datums, (key,))
    print(verdicts[0].verified)  # type: ignore[attr-defined]
    return [verdict.verified for verdict in verdicts if isinstance(verdict, Accepted)]


def a_behaviour_keeps_its_type(checker: EraChecker) -> Callable[[bytes], int]:
    """The decorator gives back the function that it was given."""
    switches = BehaviourSwitches(checker)

    @switches.behaviour("hash", since="thales")
    def hash_of_thales(message: bytes) -> int:
        return len(message)

    hash_of_thales("text")  # type: ignore[arg-type]
    return hash_of_thales


def a_reader_takes_an_adapter(reader: EraReader, observer: OgmiosObserver, eras: SupportedEras) -> EraEpochToken:
    """An observer reads a chain, and no markers."""
    EraReader(observer, eras)  # type: ignore[arg-type]
    return reader.read_era_epoch_token(Epoch(1))
