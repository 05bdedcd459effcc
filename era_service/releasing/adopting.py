"""Minting a thread token for markers that are published already: the same payload again, beside it (rule T0).

In: an open ``Release`` and what pays. Out: an ``Outlook``, as of every other publication. No era key is needed, since
nothing is signed anew; the owner of the era address signs the transaction.
"""

from typing import TYPE_CHECKING

from era_service.releasing.publishing import Outlook, Prepared, PublishingMeans, drafted_publication
from era_service.releasing.session import output_in_force
from eras import TransactionError

if TYPE_CHECKING:
    from chain_reader.trust.reading import TrustedReading
    from era_service.releasing.session import Release
    from release_tools.publishing.journal import Journal
    from release_tools.publishing.publication import Publisher


def look_at_adoption(
    release: "Release", means: PublishingMeans, publisher: "Publisher[TrustedReading]", journal: "Journal"
) -> Outlook:
    """See what minting a thread token would do, without doing any of it.

    Raises:
        TransactionError: nothing is in force, or it could not be confirmed.
        OtherPublicationError: another change is being published.
        EraSwitchError: anything else that stands in its way.
    """
    from datum import decode_datum
    from release_tools.markers.change import ADOPT_TOKEN, RolloutPlan
    from release_tools.publishing.publication import Standing, require_same_change

    entry, anchor, lost = journal.current(), None, None
    if entry is not None:
        standing = publisher.standing(entry)
        if standing in (Standing.LANDED, Standing.LIVE):
            require_same_change(entry, ADOPT_TOKEN, standing)
            return Outlook(release.read(), unfinished=entry)
        anchor = publisher.anchor(entry)
        lost = entry if standing is Standing.LOST else None
    reading = release.read()
    in_force = output_in_force(reading)
    if in_force is None or reading.stale is not None:
        raise TransactionError(
            "There are no markers in force that a thread token could go with",
            code="NothingToAdopt",
            expected="markers that nodes trust, confirmed by the provider",
            got=reading.stale or "none",
            next_step="Mint it with the first marker: eraswitch marker activate ERA --at EPOCH --mint-token",
        )
    plan = RolloutPlan(ADOPT_TOKEN, release.epoch_of(reading), reading.markers, reading.markers)
    if in_force.output.assets:
        return Outlook(reading, plan, done_by=in_force.output.transaction, is_done=True)
    payload = decode_datum(in_force.output.datum).content
    drafted, draft = drafted_publication(release, means, Prepared(reading, plan, payload, anchor, mint_token=True))
    return Outlook(reading, plan, lost=lost, drafted=drafted, draft=draft)
