"""A client of the service for nodes: it takes markers from it, and need not trust it.

In: the URL of a service, and the verification key that the node was configured with. Out: markers, as an
``EraReaderAdapter`` gives them. What the client holds the service to:

1. The signed payload is verified here, with the node's own key; the service's own statements beside it are ignored.
2. The payload may follow the one before it (rule T4 of trust): an older one is refused, however true its signature.
3. A service that answers 412 speaks another API version; what it speaks is in the error.
4. With ``publications`` the client proves who published, too: every link of the chain, by the bytes of transactions.

A service alone cannot prove that its payload is the newest: for that, ask several, or follow the chain.
"""

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from http import HTTPStatus

from pydantic import TypeAdapter

from chain_reader.ports import EraReading
from chain_reader.providers.leader.client import LeaderClient
from chain_reader.providers.leader.observer import LeaderObserver
from chain_reader.providers.transport.calls import Call, provider_name
from chain_reader.providers.transport.errors import ProviderNotFoundError, UnexpectedAnswerError
from chain_reader.providers.transport.http import BoundedHttp, HttpAnswer
from chain_reader.providers.transport.limits import DEFAULT_LIMITS, ReadLimits
from chain_reader.trust.kinds import ERAS, TrustKind, is_successor
from chain_reader.trust.policy import Checkpoint, TrustPolicy
from chain_reader.trust.publications import Link
from datum import EraMarkersPayload, EraSigner, VerificationKey
from era_service.service.documents import API_VERSION, EraMarkers, EraStatus, Problem, RegistrationReceipt
from era_store.capability import Capability
from eras import (
    API_VERSION_HEADER,
    SIGNER_NODE_VERSION_HEADER,
    ApiVersion,
    ChainReadError,
    Epoch,
    EraMarker,
    EraSwitchError,
    MarkerError,
    Provenance,
    Slot,
)
from eras.era_id import ERA_ID_HEADER, EraIdentity
from release_tools.adoption.documents import AdoptionSummary
from release_tools.adoption.shares import Base
from release_tools.registrations.signed import Statement

TEXT = 200


class ServiceVersionError(ChainReadError):
    """A service speaks an API version that this client does not."""

    advice = "Upgrade whichever of the two is older."


class ServiceRolledBackError(ChainReadError):
    """A service hands out a payload that may not follow the one it handed out before."""

    advice = "Ask another service, or read a chain."


_MARKERS = TypeAdapter(EraMarkers)
_STATUS = TypeAdapter(EraStatus)
_SUMMARY = TypeAdapter(AdoptionSummary)
_RECEIPT = TypeAdapter(RegistrationReceipt)
_REFUSED: TypeAdapter[RegistrationReceipt | Problem] = TypeAdapter(RegistrationReceipt | Problem)


class ServiceClient:
    """A client of one service. An ``EraReaderAdapter``; one thread at a time.

    Args:
        url: where the service begins, with or without a slash.
        key: the verification key of the network's markers.
        node_version: the node's own version.
        token: an API token, where it registers.
        network_magic: of the Cardano network, for what is signed and for the era-id.
        era_address: of the network, for the era-id.
        limits: of time, size and attempts.

    Raises:
        ConfigurationError: the URL cannot be used.
    """

    def __init__(
        self,
        url: str,
        key: VerificationKey,
        *,
        node_version: str | None = None,
        token: str | None = None,
        network_magic: int | None = None,
        era_address: str | None = None,
        limits: ReadLimits = DEFAULT_LIMITS,
    ) -> None:
        self._url = url
        self._name = provider_name("service", url, ("http", "https"))
        self._key = key
        self._token = token
        self._network_magic, self._era_address = network_magic, era_address
        self._limits = limits
        own = {"accept": "application/json", SIGNER_NODE_VERSION_HEADER: node_version}
        self._http = BoundedHttp(url, own, limits)
        self._known: tuple[EraMarker, ...] = ()
        self._epoch: Epoch | None = None

    def __repr__(self) -> str:
        return f"ServiceClient({self._name!r})"

    def close(self) -> None:
        """Close the connections. Calling it twice is fine."""
        self._http.close()

    def read(self) -> EraReading:
        """The markers in force, verified.

        Raises:
            SignatureMismatchError: the payload is not signed by the node's key.
            ServiceRolledBackError: it may not follow the one before it.
            ChainReadError: the service did not answer, or made no sense.
        """
        call, answer = self._get("/era/markers")
        found = call.parse(_MARKERS, answer.body)
        verified = EraMarkersPayload.from_bytes(found.payload.encode()).verify(self._key)
        epoch = Epoch(found.epoch)
        self._require_successor(call, verified.markers, self._epoch or epoch)
        self._known, self._epoch = verified.markers, max(epoch, self._epoch or epoch)
        slot = None if found.source.slot is None else Slot(found.source.slot)
        return EraReading(verified.markers, Provenance(self._name, found.source.transaction, slot, verified.key.hex))

    def publications(
        self,
        *,
        kind: TrustKind = ERAS,
        announcers: Sequence[str] = (),
        checkpoint: Checkpoint | None = None,
    ) -> tuple[Link, ...]:
        """Return every publication that led to the markers in force, newest first, each proved by its transaction.

        Args:
            kind: ``CONFIGURATIONS`` for the protocol configurations, at the address and by the key of this client.
            announcers: addresses that may have made the first one, beside the era address.
            checkpoint: where the chain has to lead back to, instead of to the first one that the service knows.

        Raises:
            LeaderHistoryError: one is left out, swapped or invented, or the service cannot prove them.
            ServiceRolledBackError: the newest may not follow what was read before.
            ChainReadError: the service did not answer, or made no sense.
        """
        policy = TrustPolicy(
            self._era_address or "",
            (self._key,),
            self._network_magic,
            announcers=tuple(announcers),
            checkpoint=checkpoint,
            kind=kind,
        )
        with closing(LeaderObserver(LeaderClient(self._url, self._limits), policy)) as leader:
            leader.datums(policy.address)
            links = leader.links
        if links and kind is ERAS:
            self._require_successor(Call(self._name, "GET /era/history"), links[0].markers, self._epoch or Epoch(0))
        return links

    def epoch(self) -> Epoch:
        """The epoch by the service, which nothing proves: a node has a better source, or asks several.

        Raises:
            ChainReadError: the service did not answer, or made no sense.
        """
        call, answer = self._get("/era/markers")
        return Epoch(call.parse(_MARKERS, answer.body).epoch)

    def current_era(self) -> str | None:
        """The current era as the service states it, which nothing proves.

        Raises:
            ChainReadError: the service did not answer, or made no sense.
        """
        call, answer = self._get("/era/status")
        return call.parse(_STATUS, answer.body).current_era

    @property
    def name(self) -> str:
        """The service, as it is named in messages."""
        return self._name

    def support(self, era: str, base: Base) -> tuple[int, int] | None:
        """The stake that supports an era and the whole of it, as the service counts them; ``None`` if it does not.

        Args:
            era: its name.
            base: of what stake.

        Raises:
            ChainReadError: the service did not answer, or made no sense.
        """
        call, answer = self._get("/adoption/summary")
        for row in call.parse(_SUMMARY, answer.body).eras:
            if row.era == era and (share := row.of(base)) is not None:
                return share.stake, share.total
        return None

    def register(
        self,
        party_id: str,
        epoch: Epoch,
        stake: int,
        version: str | None,
        *,
        time_s: int | None = None,
        key: EraSigner | None = None,
        capability: Capability | None = None,
    ) -> None:
        """Register, signed where a key is given; it is on the service's disk when this returns.

        Sent again with the same ``time_s`` it counts once.

        Raises:
            EraSwitchError: the service did not take it.
            ChainReadError: whether it arrived is not known: send it again.
        """
        made_s = int(time.time()) if time_s is None else time_s
        document: dict[str, object] = {
            "party_id": party_id,
            "epoch": epoch,
            "stake": stake,
            "version": version,
            "time_s": made_s,
        }
        if capability is not None:
            document["capability"] = capability.to_dict()
        if key is not None:
            statement = Statement(self._network_magic, party_id, epoch, version, stake, made_s, capability)
            signed = statement.sign(key)
            document |= {"key": signed.key, "signature": signed.signature}
        receipt = self.register_many([document])
        if receipt.rejected:
            raise _registration_refused(_reason(receipt))

    def register_many(self, documents: Sequence[Mapping[str, object]]) -> RegistrationReceipt:
        """Send registrations, as ``/openapi.json`` describes them, in one request; returns the receipt.

        Raises:
            EraSwitchError: the service took none of them.
            ChainReadError: whether they arrived is not known: send them again.
        """
        call = Call(self._name, "POST /registrations", self._token)
        body = json.dumps({"registrations": list(documents)}).encode()
        sent = {} if self._token is None else {"authorization": f"Bearer {self._token}"}
        answer = self._http.post(
            "/registrations", call, body, "application/json", headers=self._headers() | sent, until=self._until()
        )
        self._require_spoken(call, answer)
        if answer.status >= 500 or answer.status == 429:
            raise call.status_error(answer.status, retry_after_s=answer.retry_after_s)
        if answer.status not in (200, 207):
            raise _registration_refused(_detail(answer.body))
        return call.parse(_RECEIPT, answer.body)

    def _require_successor(self, call: Call, markers: Sequence[EraMarker], epoch: Epoch) -> None:
        """Check rule 2.

        Raises:
            ServiceRolledBackError: the markers may not follow those read before.
        """
        if self._known and not is_successor(self._known, tuple(markers), epoch):
            raise call.error(
                ServiceRolledBackError,
                "got a payload that is older than the previous one",
                expected=f"a successor of {', '.join(map(str, self._known))}",
                got=", ".join(map(str, markers)),
                next_step="The previous markers stay in force; use another service, and inform its operators",
            )

    def _get(self, path: str) -> tuple[Call, HttpAnswer]:
        call = Call(self._name, f"GET {path}")
        answer = self._http.get(path, call, headers=self._headers(), until=self._until())
        self._require_spoken(call, answer)
        if answer.status == HTTPStatus.NOT_FOUND:
            raise call.error(
                ProviderNotFoundError,
                "found nothing",
                got=f"status 404, {_detail(answer.body)}",
                next_step="Check that the URL is that of a service of this project; if it is, ask its operators",
            )
        if answer.status != HTTPStatus.OK:
            raise call.status_error(answer.status, retry_after_s=answer.retry_after_s)
        return call, answer

    def _require_spoken(self, call: Call, answer: HttpAnswer) -> None:
        """Refuse the answer of a service that speaks another API version.

        Raises:
            ServiceVersionError: it does.
        """
        if answer.status != HTTPStatus.PRECONDITION_FAILED:
            return
        spoken = str(_spoken(call, answer.body))
        raise call.error(
            ServiceVersionError,
            "was refused: the service speaks another API version",
            expected=f"one that is compatible with {API_VERSION}",
            got=spoken,
            next_step="Upgrade this node, or use a service of its own version",
            spoken=spoken,
        )

    def _headers(self) -> dict[str, str]:
        headers = {API_VERSION_HEADER: str(API_VERSION)}
        if self._era_address is not None and self._epoch is not None and self._known:
            identity = EraIdentity(self._network_magic, self._era_address, self._key.hex, self._known)
            headers[ERA_ID_HEADER] = str(identity.at(self._epoch))
        return headers

    def _until(self) -> float:
        return time.monotonic() + self._limits.read_deadline_s


def _spoken(call: Call, body: bytes) -> ApiVersion:
    """The version that a 412 names.

    Raises:
        UnexpectedAnswerError: it names none.
    """
    try:
        return ApiVersion.parse(str(Problem.model_validate_json(body).facts.get("spoken")))
    except (ValueError, MarkerError) as error:
        raise call.error(
            UnexpectedAnswerError,
            "was refused for its API version, but the service does not state which it speaks",
            expected="facts.spoken in the problem",
            got="none",
            next_step="Check that the URL is that of a service of this project",
        ) from error


def _detail(body: bytes) -> str:
    try:
        refused = _REFUSED.validate_json(body)
    except ValueError:
        return "no reason"
    return (refused.detail if isinstance(refused, Problem) else _reason(refused))[:TEXT]


def _reason(receipt: RegistrationReceipt) -> str:
    return receipt.rejects[0].reason if receipt.rejects else "no reason"


def _registration_refused(got: str) -> EraSwitchError:
    return EraSwitchError(
        "The service did not accept the registration",
        code="RegistrationRefused",
        expected="it to be accepted",
        got=got,
        next_step="Correct it, or the API token",
    )
