"""A publication of protocol configurations from the order to what is signed, for ``marker configuration publish``.

In: an open ``Release`` and an order. Out: a ``ConfigurationOutlook``, which states what would be done before anything
is. The transaction spends the configuration output that it replaces, and never the era output at the same address.
"""

import time
from dataclasses import dataclass, replace

from chain_reader import TrustPolicy
from chain_reader.providers.failover import Failover
from datum import CONFIGURATION, EraSigner, encode_datum, encode_datum_json
from datum.configuration import ConfigurationMarkersPayload, EpochConfiguration
from datum.configuration.imports import require_size
from era_service.config.schema import Settings
from era_service.releasing.configurations import ConfigurationsOnChain, read_to_replace
from era_service.releasing.publishing import Outlook, PublishingMeans, earlier_run, require_owner, rolled_back
from era_service.releasing.session import Release
from era_service.releasing.signed_payload import require_era_key
from era_service.wiring.adoption import open_adoption_store, require_store
from era_service.wiring.deciding import open_reader
from release_tools.markers.configurations import ConfigurationPlan, plan_configurations
from release_tools.publishing.publication import Draft, Publisher
from release_tools.transactions.drafting import ReadersView, draft_transaction
from release_tools.transactions.owners import EraAddress, TokenMint

FORCED = "configuration-forced"
"""The kind of the event that keeps the reason for a change of what nodes use already."""


@dataclass(frozen=True, slots=True)
class ConfigurationOrder:
    """An operator's order.

    Attributes:
        configurations: what is published.
        key: signs them.
        means: pays, signs the transaction and waits.
        force: the reason to change configurations that nodes already use.
        mint_token: whether a thread token of this kind is minted (rule T0).
    """

    configurations: tuple[EpochConfiguration, ...]
    key: EraSigner
    means: PublishingMeans
    force: str | None = None
    mint_token: bool = False


ConfigurationOutlook = Outlook[ConfigurationsOnChain, ConfigurationPlan]
"""The outlook of a publication of protocol configurations."""


def at_place(release: Release, policy: TrustPolicy) -> Release:
    """The same session at the address that a policy trusts, with the memory of its kind.

    Raises:
        StoreError: what is remembered of configurations cannot be read.
    """
    providers = Failover.over([release.observer], release.tip_check)
    reader = open_reader(release.settings, release.reader.store, providers, policy)
    era = (
        release.era if policy.address == release.era.text else EraAddress(policy.address)
    )  # the script is of the first
    return replace(release, policy=policy, reader=reader, era=era)


def look_at_configurations(
    release: Release, publisher: Publisher[ConfigurationsOnChain], order: ConfigurationOrder
) -> ConfigurationOutlook:
    """See what is to be done, without doing any of it.

    Args:
        release: the session, at the place of configurations.
        publisher: of configurations at that place.
        order: what is ordered.

    Raises:
        ProtocolConfigurationError: configurations that nodes already use would change, and no reason is given.
        TransactionError: other configurations are being published.
        EraSwitchError: anything else that stands in its way.
    """
    found = read_to_replace(release)
    require_era_key(order.key, release.policy)
    plan = plan_configurations(found.markers, order.configurations, found.epoch, order.force)
    if plan.force is not None:
        require_store(release.settings)
    unfinished, anchor, lost = earlier_run(publisher, plan.change)
    unfinished = unfinished or rolled_back(publisher, found, plan.change)
    if unfinished is not None or plan.is_done:
        return Outlook(found, plan, unfinished, is_done=unfinished is None)
    payload = ConfigurationMarkersPayload(plan.after).sign(order.key).to_bytes()
    require_size(encode_datum_json(payload))
    require_owner(release, order.means.payment_keys)
    address = order.means.purse.address or release.policy.address
    release.require_timely()
    drafted = draft_transaction(
        release.gateway,
        encode_datum(payload),
        release.thread(),
        ReadersView.of(found.replaces, found.screened, CONFIGURATION),
        replace(order.means.purse, address=address, anchor=anchor, deadline=release.deadline_after(plan.publish_by)),
        mint=TokenMint(CONFIGURATION) if order.mint_token else None,
    )
    return Outlook(found, plan, lost=lost, draft=Draft(plan, payload, drafted, anchor or drafted.spends[0]))


def record_force(settings: Settings, plan: ConfigurationPlan) -> None:
    """Write the reason into the event log if configurations that nodes already use are changed.

    Raises:
        ConfigurationError: there is no store to keep the reason in.
        StoreError: it cannot be written.
    """
    if plan.force is None:
        return
    facts = {
        "reason": plan.force,
        "changes": [one.to_dict() for one in plan.differences],
        "broken": plan.broken,
        "digest": plan.change.digest,
    }
    with open_adoption_store(settings) as store:
        store.events.append(FORCED, facts, time_s=time.time(), epoch=plan.epoch)
