"""The works of errands with the service of a release team: registering a node, and checking the support of its era.

In: the key of the party, the node's capability, the URL of a service. Out: works for an ``Errand``. The rules:

1. A node registers, signed, at every epoch and whenever its capability changes. Its stake is the given one; without
   one it states 0, and the service counts the stake that it knows, if any.
2. A node warns if the era in force has less supporting stake than its own threshold. It never refuses the era: a node
   that stays behind alone leaves the network.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from fractions import Fraction
from typing import ClassVar

from chain_reader.node.kinds import DecisionKind
from datum import EraSigner, VerificationKey
from era_service.node.epoch_clock import spread
from era_service.node.errand import Outcome
from era_service.service.client import ServiceClient
from era_store.capability import Capability
from eras import BehaviourSwitches, ChainReadError, ConfigurationError, Epoch, EraView, SupportedEras
from eras.words import percent
from release_tools.adoption.shares import Base, Share
from release_tools.registrations.signed import pool_id, speaks_for

SPREAD_S = 60.0


@dataclass(frozen=True, slots=True)
class Registering:
    """Registers a node with a service, at every epoch and on change: the work of an ``Errand``.

    Attributes:
        url: the base URL of the service.
        key: the key that the party id is, or is the hash of.
        marker_key: the verification key of the network's markers.
        supported: the eras that the software knows.
        network_magic: the magic of the network.
        party_id: the party; by default the pool id of the key.
        version: the version of the node's software, if given.
        stake: the stake in lovelace, if given.
        switches: the sealed switches of the node, if it has any.
        loaded: returns the eras whose behaviour the node has loaded; ``None`` if that is unknown.
        spread_s: seconds over which nodes spread their registrations when an epoch begins.

    Raises:
        ConfigurationError: the key is not that of the party.
    """

    url: str
    key: EraSigner = field(repr=False)
    marker_key: VerificationKey
    supported: SupportedEras
    network_magic: int | None = None
    party_id: str = ""
    version: str | None = None
    stake: int | None = None
    switches: BehaviourSwitches | None = None
    loaded: Callable[[], Iterable[str]] | None = None
    spread_s: float = SPREAD_S
    failed: ClassVar[DecisionKind] = DecisionKind.NOT_REGISTERED

    def __post_init__(self) -> None:
        own = self.key.verification_key.hex
        if not self.party_id:
            object.__setattr__(self, "party_id", pool_id(own))
        if not speaks_for(own, self.party_id):
            raise ConfigurationError(
                "The key that signs registrations is not the party's",
                code="RegisterKey",
                expected=f"the key that {self.party_id[:100]} is, or is the pool id of",
                got=f"the key {own}, of {pool_id(own)}",
                next_step="Set watch.register_key_file to the party's key, or leave out watch.node_id",
            )

    def capability(self) -> Capability:
        """The present capability of the node."""
        digest = None
        if self.switches is not None:
            described = json.dumps([one.to_dict() for one in self.switches.describe()], sort_keys=True)
            digest = hashlib.sha256(described.encode()).hexdigest()
        loaded = None if self.loaded is None else tuple(sorted(set(self.loaded()) & set(self.supported)))
        return Capability(tuple(sorted(self.supported)), digest, loaded)

    def occasion(self, view: EraView) -> tuple[Epoch, Capability] | None:
        """The epoch, and the capability of the node."""
        return None if view.token is None else (view.token.epoch, self.capability())

    def wait_s(self, occasion: tuple[Epoch, Capability]) -> float:
        """The seconds to wait, different for each node."""
        return spread(self.party_id, occasion, self.spread_s)

    def run(self, occasion: tuple[Epoch, Capability]) -> Outcome:
        """Register.

        Raises:
            EraSwitchError: the service refused the registration, or could not be reached.
        """
        epoch, capability = occasion
        with closing(ServiceClient(self.url, self.marker_key, network_magic=self.network_magic)) as client:
            client.register(self.party_id, epoch, self.stake or 0, self.version, key=self.key, capability=capability)
            service = client.name
        stake = "not stated" if self.stake is None else str(self.stake)
        facts = {"service": service, "party": self.party_id, "for": str(epoch), "stake": stake}
        return DecisionKind.REGISTERED, facts | {"eras": ", ".join(capability.eras)}


@dataclass(frozen=True, slots=True)
class SupportRule:
    """Checks that enough stake supports the era in force: the work of an ``Errand``.

    Attributes:
        url: the base URL of the service, whose figures are trusted.
        threshold: the share of stake that must support the era.
        marker_key: the verification key of the network's markers.
        base: the stake that it is a share of.
        node_id: identifies the node.
        spread_s: seconds over which nodes spread their requests.
    """

    url: str
    threshold: Fraction
    marker_key: VerificationKey
    base: Base = Base.REGISTERED
    node_id: str = ""
    spread_s: float = SPREAD_S
    failed: ClassVar[DecisionKind] = DecisionKind.SUPPORT_UNKNOWN

    def occasion(self, view: EraView) -> tuple[int, str] | None:
        """The current era and when it began."""
        return None if view.token is None else (view.token.current.epoch or 0, view.token.current.name)

    def wait_s(self, occasion: tuple[int, str]) -> float:
        """The seconds to wait, different for each node."""
        return spread(self.node_id, occasion, self.spread_s)

    def run(self, occasion: tuple[int, str]) -> Outcome:
        """Ask the service, and compare with the threshold.

        Raises:
            ChainReadError: the service could not be reached, or does not know the share.
        """
        _began, era = occasion
        with closing(ServiceClient(self.url, self.marker_key)) as client:
            found = client.support(era, self.base)
            service = client.name
        if found is None:
            raise ChainReadError(
                f"{service} does not know the stake that supports the era {era}",
                expected=f"a share of the {self.base.value} stake",
                got="none",
                next_step="Ask its operators for a table of eras and versions, or use another service",
            )
        share = Share(*found)
        facts = {"era": era, "service": service, "share": str(share), "base": self.base.value}
        facts["threshold"] = percent(self.threshold)
        return (DecisionKind.SUPPORTED if share.reaches(self.threshold) else DecisionKind.THIN_SUPPORT), facts
