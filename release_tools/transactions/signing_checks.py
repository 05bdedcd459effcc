"""Checks of a transaction that was built elsewhere, before it is signed. Pure.

In: a carried transaction, and the configuration of the signer's own machine. Out: an error if it must not be signed,
and doubts in words that only the signer can resolve. An attacker may control the machine that built it, so only the
bytes of the body are trusted. The checks:

1. It publishes markers; otherwise money would move, or a marker be spent, without any effect on nodes. An error, except
   for a sweep that does not spend the marker output in force.
2. It publishes only once; otherwise readers may take either of two outputs. An error.
3. Its fee is at most what the signer allows. An error.
4. Every output is at the era address or belongs to the signer. A doubt, since it may be another signer's change.
5. Its markers are signed by the era key and at the era address; otherwise no node would read them. A doubt.
6. It becomes void; otherwise anyone who keeps it can publish these markers years later. A doubt.
"""

from collections.abc import Collection
from dataclasses import dataclass

from datum import VerificationKey
from eras import TransactionError
from eras.words import ada, counted
from release_tools.transactions.drafting import require_fee_at_most
from release_tools.transactions.files import CarriedTransaction
from release_tools.transactions.owners import owner_of
from release_tools.transactions.words import TransactionSummary


@dataclass(frozen=True, slots=True)
class Signer:
    """The keys of a signer, and the configuration of the signer's own machine.

    Attributes:
        network_id: the id of the configured network.
        key_hashes: hashes of the signer's keys.
        addresses: other addresses that may receive change.
        era_address: the era address, if it is known.
        era_key: the key that signs markers, if it is known.
    """

    network_id: int
    key_hashes: Collection[str]
    addresses: Collection[str] = ()
    era_address: str | None = None
    era_key: VerificationKey | None = None


def signing_doubts(
    carried: CarriedTransaction, signer: Signer, *, max_fee: int, sweep_beside: str | None = None
) -> tuple[str, ...]:
    """Return reasons against signing a transaction, in words.

    Args:
        carried: the transaction.
        signer: the signer.
        max_fee: the highest fee, in lovelace.
        sweep_beside: reference of the marker output in force, if the transaction is meant to be a sweep.

    Raises:
        TransactionError: not exactly one output carries markers, it is not the expected sweep, or the fee is too high.
    """
    found = carried.summary(signer.era_key)
    require_fee_at_most(found["fee"], max_fee)
    published = [(output, markers) for output in found["outputs"] if (markers := output["markers"]) is not None]
    if sweep_beside is not None:
        _require_sweep(found, sweep_beside)
    elif not published:
        raise TransactionError(
            "The transaction publishes no markers",
            expected="an output with a signed payload in its datum",
            got=f"{counted(len(found['outputs']), 'output')} without one",
            next_step="Do not sign it: eraswitch tx build makes the transaction that publishes a payload",
            code="TransactionFile",
        )
    elif len(published) > 1:
        raise TransactionError(
            "The transaction publishes markers more than once",
            expected="one output with a signed payload in its datum",
            got=f"{len(published)} of them",
            next_step="Do not sign it: readers may take any of them",
            code="TransactionFile",
        )
    doubts = []
    for output, markers in published:
        if markers["signed_by_era_key"] is False:
            doubts.append("its markers are not signed by the era key, so that no node would read them")
        if signer.era_address is not None and output["address"] != signer.era_address:
            doubts.append(f"its markers go to {output['address']}, which is not the era address {signer.era_address}")
    known = {*signer.addresses, signer.era_address}
    for output in found["outputs"]:
        address = output["address"]
        if address not in known and _owner(address, signer.network_id) not in signer.key_hashes:
            doubts.append(f"{ada(output['lovelace'])} go to {address}, which none of your keys owns")
    if found["invalid_hereafter"] is None:
        doubts.append("it never becomes void: whoever holds it can submit it at any later time")
    return tuple(dict.fromkeys(doubts))


def _require_sweep(found: TransactionSummary, in_force: str) -> None:
    """Check that a transaction sweeps the era address without a change of the markers.

    Raises:
        TransactionError: it spends the marker output in force, or carries a datum.
    """
    spent = [one["output"] for one in found["inputs"]]
    with_datum = [output for output in found["outputs"] if output["datum_bytes"] is not None]
    if in_force in spent or with_datum:
        raise TransactionError(
            "The transaction is not a sweep",
            expected=f"one that leaves the marker output {in_force} alone, and publishes nothing",
            got="one that spends it" if in_force in spent else "an output with a datum",
            next_step="Do not sign it: eraswitch marker sweep --out FILE makes one",
            code="TransactionFile",
        )


def _owner(address: str, network_id: int) -> str | None:
    """The hash of the key that owns an address; ``None`` if no key does."""
    try:
        return owner_of(address, network_id).key_hash
    except TransactionError:
        return None


def require_no_doubt(doubts: tuple[str, ...]) -> None:
    """Check that there are no doubts, for a run without questions.

    Raises:
        TransactionError: there is a doubt.
    """
    if doubts:
        raise TransactionError(
            "The transaction is in doubt, so it is not signed without a look",
            code="TransactionDoubtful",
            expected="an end, outputs at the era address and at your own addresses, markers signed by the era key",
            got="; ".join(doubts),
            next_step="Look at it, then sign it without --yes; --change-address names an address that is right",
        )
