"""From settings to the leader of a follower, and its observer."""

from collections.abc import Mapping, Sequence

from chain_reader import TrustPolicy
from chain_reader.providers.leader.client import LeaderClient
from chain_reader.providers.leader.observer import LeaderObserver
from chain_reader.providers.leader.walk import FollowedPayload
from era_service.config.schema import Settings
from era_service.wiring.genesis import configured_genesis
from era_service.wiring.providers import providers_of
from era_service.wiring.trust import era_place, trust_policy
from eras import ConfigurationError


def require_follower(settings: Settings) -> str:
    """The URL of the leader to follow.

    Raises:
        ConfigurationError: no leader is named, or a chain provider is configured too.
        EraPlaceNeededError: no network is configured.
    """
    if settings.follower.leader is None:
        raise ConfigurationError(
            "The leader is not named",
            code="LeaderNeeded",
            expected="--from URL, or the setting follower.leader",
            got="neither",
            next_step="Name the leader's service",
        )
    if settings.reader.agreement is not None or providers_of(settings):
        raise ConfigurationError(
            "A leader cannot follow another one",
            code="LeaderCannotFollow",
            expected="a configuration without chain providers",
            got="reader.providers, or the key of one",
            next_step="Remove follower.leader, or the providers: a service that reads the chain itself follows nobody",
        )
    era_place(settings)  # a genesis is never taken on trust
    return settings.follower.leader


def open_leader(
    settings: Settings,
    *,
    known: Sequence[FollowedPayload] = (),
    kept: Mapping[str, bytes] | None = None,
    accept_stale: bool = False,
    policy: TrustPolicy | None = None,
) -> LeaderObserver:
    """The observer of the configured leader, which the caller closes; for era markers, unless a policy is given.

    Raises:
        ConfigurationError: it cannot be followed.
    """
    client = LeaderClient(require_follower(settings), settings.limits.to_limits())
    return LeaderObserver(
        client,
        trust_policy(settings) if policy is None else policy,
        known=known,
        kept=kept,
        genesis=configured_genesis(settings),
        accept_stale=accept_stale,
        require_proof=settings.follower.require_proof,
    )
