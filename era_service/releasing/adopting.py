"""Adopts a thread token for markers that are already published: the same payload again, with the token (rule T0).

In: an open ``Release`` and the means of payment. Out: an ``Outlook``, as for every other publication. No era key is
needed, since the payload stays as it is; the owner of the era address signs the transaction. A first token is minted,
or another one in its place; a token that was sent away with the marker output and came back is used again.
"""

from dataclasses import replace

from chain_reader.thread_token import spelled
from chain_reader.trust.reading import TrustedReading
from chain_reader.trust.state import verified_of
from era_service.releasing.publishing import (
    MarkersOutlook,
    Outlook,
    PublishingMeans,
    drafted_publication,
    earlier_run,
)
from era_service.releasing.session import Release, output_in_force
from eras import TransactionError
from release_tools.markers.change import RolloutPlan, Upkeep
from release_tools.publishing.publication import Publisher, origin_of
from release_tools.transactions.drafting import MarkerOutputMissingError
from release_tools.transactions.owners import TokenMint

_GONE = "gone"
_REPLACED = (
    "Nodes that are configured with {} keep what they trust, and learn nothing newer until they have the new line"
)


def look_at_adoption(
    release: Release,
    publisher: Publisher[TrustedReading],
    means: PublishingMeans,
    replaces: str | None = None,
) -> MarkersOutlook:
    """See what adopting a thread token would do, without doing any of it.

    Args:
        release: the session.
        publisher: of markers.
        means: pays, signs the transaction and waits.
        replaces: the token, policy id and asset name in hex, that a new one takes the place of.

    Raises:
        TransactionError: the marker output is gone with its token, and nothing states what is to be done; nothing is in
            force, or not confirmed; or another change is being published.
        EraSwitchError: anything else that stands in its way.
    """
    unfinished, anchor, lost = earlier_run(publisher, Upkeep.ADOPT_TOKEN)
    reading = release.read()
    if unfinished is not None:
        return Outlook(reading, None, unfinished)
    payload, held = _payload_in_force(release, reading)
    plan = RolloutPlan(Upkeep.ADOPT_TOKEN, release.epoch_of(reading), reading.markers, reading.markers)
    if held not in (None, _GONE, replaces):
        return Outlook(reading, plan, done_by=origin_of(reading), is_done=True)
    is_gone = held == _GONE
    mints = not (is_gone and means.purse.spend)
    if is_gone and mints and replaces is None:
        raise TransactionError(
            "The marker output that nodes trust was spent, and its thread token with it",
            expected="--spend TX#N, an output at the era address that holds the token again, or --replace TOKEN",
            got=reading.stale or "neither",
            next_step="Have the token sent back to the era address, or give it up: docs/contingency.md",
            code="ThreadToken",
        )
    if mints and replaces is not None:
        plan = replace(plan, warnings=(_REPLACED.format(spelled(replaces)),))
    mint = TokenMint(replaces=replaces) if mints else None
    draft = drafted_publication(release, means, reading, plan, payload, anchor=anchor, mint=mint, is_gone=is_gone)
    return Outlook(reading, plan, lost=lost, draft=draft)


def _payload_in_force(release: Release, reading: TrustedReading) -> tuple[bytes, str | None]:
    """The payload that nodes trust, and the token of its output: ``None`` for none, ``_GONE`` where it was spent.

    Raises:
        TransactionError: nothing is in force, or it could not be confirmed.
        ChainReadError: the gateway could not be reached.
    """
    try:
        in_force = output_in_force(reading)
    except MarkerOutputMissingError:
        known = release.known()
        trusted = None if known is None else known.trusted
        unspent = {output.reference for output in release.gateway.spendable_outputs(release.policy.address)}
        if trusted is None or f"{trusted.transaction}#{trusted.index}" in unspent:
            raise
        return trusted.content, _GONE
    if in_force is None or reading.stale is not None:
        raise TransactionError(
            "No markers are in force that could carry a thread token",
            code="NothingToAdopt",
            expected="markers that nodes trust, confirmed by the provider",
            got=reading.stale or "none",
            next_step="Mint it with the first marker: eraswitch marker activate ERA --at EPOCH --mint-token",
        )
    assets = in_force.output.assets
    return verified_of(in_force).content, assets[0][0] if assets else None
