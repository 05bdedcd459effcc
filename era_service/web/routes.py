"""The routes: each parses a request, asks the service, and writes the document that it returns.

In: a service. Out: routers. What all answers have in common is in ``front``; errors are in ``problems``. A document
that exists in memory is answered by the gate, and gets here only before it exists.
"""

from functools import cache
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel
from starlette.requests import ClientDisconnect

from datum import CONFIGURATION, ERA
from era_service.service import adoption
from era_service.service.answers import Answer, cache_control
from era_service.service.documents import (
    MAX_BATCH,
    AdoptionHistory,
    EraConfig,
    EraHistory,
    EraMarkers,
    EraStatus,
    EventPage,
    Health,
    RegistrationPage,
    RegistrationReceipt,
    Switches,
    VersionDocument,
)
from era_service.service.in_force import MAX_PAGE as MAX_IN_FORCE
from era_service.service.in_force import in_force_history
from era_service.service.patterns import EVENT_ID, HEX64, SPOKEN_VERSION, VISIBLE
from era_service.service.refusals import RequestError
from era_service.service.registering import MAX_PAGE, register, registration_page
from era_service.service.service import MAX_EVENTS, Service
from era_service.status.documents import ConfigurationStatus, NodeConfiguration
from era_service.web.access import registering_token
from era_service.web.patience import OneByOne
from era_service.web.problems import PROBLEM_JSON
from era_service.web.stream import EventStream
from era_store.registrations import MAX_PARTY_ID, MAX_REGISTRATION_EPOCH
from eras import API_VERSION_HEADER, MAX_EPOCH, SIGNER_NODE_VERSION_HEADER
from eras.words import counted
from release_tools.adoption.documents import AdoptionGate, AdoptionSummary
from release_tools.forecasting.documents import AdoptionForecast
from release_tools.registrations.judging import read_json

MAX_EVENT_ID = 2**63 - 1
UNBUFFERED = {"x-accel-buffering": "no"}
"""Makes a proxy pass on data immediately."""

LIVE_AGE_S = 5
"""How long caches may keep what changes with every registration."""


def problems_of(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The description of problems as answers, for the OpenAPI document."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": "A problem (RFC 9457).", "content": {PROBLEM_JSON: {"schema": schema}}}
        for status in statuses
    }


async def service_of(request: Request) -> Service:
    """The service that the application was made for. Like every dependency it is async: others take a worker thread."""
    found: Service = request.app.state.service
    return found


ServiceOf = Annotated[Service, Depends(service_of)]
EpochQuery = Annotated[int | None, Query(ge=0, le=MAX_REGISTRATION_EPOCH)]
EraQuery = Annotated[str | None, Query(max_length=64, description="By default the upcoming era.")]
NodeVersion = Annotated[
    str | None, Header(alias=SIGNER_NODE_VERSION_HEADER, max_length=64, pattern=VISIBLE, description="The node's.")
]
Before = Annotated[str | None, Query(pattern=HEX64, description="Only those older than this.")]
InForceLimit = Annotated[int, Query(ge=1, le=MAX_IN_FORCE, description="Of those in force.")]
Spoken = Annotated[
    str | None,
    Header(
        alias=API_VERSION_HEADER,
        max_length=64,
        pattern=SPOKEN_VERSION,
        description="The API version that the node speaks; a version that is not compatible gets a 412.",
    ),
]


async def json_only(request: Request) -> None:
    """Refuse a request whose content type is not JSON.

    Raises:
        RequestError: it has another content type, or none.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise RequestError(
            "The body is not JSON",
            expected="the header Content-Type: application/json",
            got=kind[:80] or "none",
            next_step="Send JSON with this header",
            code="MediaType",
        )


async def spoken(_version: Spoken = None) -> None:
    """Describe the header with the API version, which the gate has judged before (``front``)."""


def written(request: Request, service: Service, document: BaseModel | bytes, max_age_s: int | None = None) -> Response:
    """The answer with a document and its ETag, or 304 if the client has it."""
    known = None if request.scope["query_string"] else service.answer(request.scope["path"])
    answer = known or Answer.of(document if isinstance(document, bytes) else document.model_dump_json().encode())
    # An answer from before the first reading is valid for the moment only.
    most_s = service.settings.service.max_age_s if service.has_read else 0
    age = cache_control(
        most_s if max_age_s is None else min(max_age_s, most_s), service.epoch_ends_at_s, service.clock()
    )
    tag = request.headers.get("if-none-match")
    headers = {"etag": answer.etag.decode(), age[0].decode(): age[1].decode()}
    if answer.matches(None if tag is None else tag.encode("latin-1")):
        return Response(status_code=304, headers=headers)
    return Response(answer.body, headers=headers, media_type="application/json")


def unstored(document: BaseModel, status: int = 200) -> Response:
    """An answer with a document that caches must not keep."""
    return Response(
        document.model_dump_json(), status, headers={"cache-control": "no-store"}, media_type="application/json"
    )


@cache
def era_router() -> APIRouter:
    """The state of the eras."""
    router = APIRouter(
        tags=["eras"],
        dependencies=[Depends(spoken)],
        responses={304: {"description": "The client has the current answer."}, **problems_of(400, 412, 422, 503)},
    )

    @router.get("/era/config", response_model=EraConfig)
    def config(request: Request, service: ServiceOf) -> Response:
        """The versions that a node of this network must run: now, next and at last."""
        return written(request, service, service.era_config())

    @router.get("/era/status", response_model=EraStatus)
    def status(request: Request, service: ServiceOf) -> Response:
        """The epoch, the eras, what is trusted and why, what was refused; with the signed payload itself."""
        return written(request, service, service.era_status())

    @router.get("/era/markers", response_model=EraMarkers, responses=problems_of(404))
    def markers(request: Request, service: ServiceOf) -> Response:
        """The markers in force with their signed payload: a node verifies it, and need not trust this service."""
        return written(request, service, service.era_markers())

    @router.get("/era/history", response_model=EraHistory)
    def history(
        request: Request,
        service: ServiceOf,
        in_force: Annotated[bool, Query(description="Only those that are or were in force, by pages.")] = False,
        before: Before = None,
        limit: InForceLimit = 100,
    ) -> Response:
        """Every payload that was ever seen at the era address, with its verdict; newest first."""
        if in_force:
            return written(request, service, in_force_history(service, ERA, before, limit), LIVE_AGE_S)
        return written(request, service, service.snapshot.history)

    @router.get("/configuration", response_model=ConfigurationStatus, responses=problems_of(404))
    def configuration(request: Request, service: ServiceOf) -> Response:
        """The protocol configurations in force: now, next, and the three that a node needs."""
        return written(request, service, service.configuration())

    @router.get("/configuration/history", response_model=EraHistory, responses=problems_of(404))
    def configuration_history(
        request: Request, service: ServiceOf, before: Before = None, limit: InForceLimit = 100
    ) -> Response:
        """The payloads of protocol configurations that are or were in force, by pages, newest first."""
        service.configuration()  # raises if none are read
        return written(request, service, in_force_history(service, CONFIGURATION, before, limit), LIVE_AGE_S)

    @router.get("/configuration/{epoch}", response_model=NodeConfiguration, responses=problems_of(404))
    def configuration_of(
        request: Request, service: ServiceOf, epoch: Annotated[int, Path(ge=0, le=MAX_EPOCH)]
    ) -> Response:
        """The protocol configuration that holds at an epoch, as Mithril's nodes ask for it; 404 before the first."""
        return written(request, service, service.configuration_of(epoch))

    @router.get("/switches", response_model=Switches)
    def switches(request: Request, service: ServiceOf) -> Response:
        """The behaviour switches of the program that embeds this service: what each does in every era, and now."""
        return written(request, service, service.switches())

    return router


@cache
def adoption_router() -> APIRouter:
    """The ready parties."""
    router = APIRouter(
        prefix="/adoption",
        tags=["adoption"],
        dependencies=[Depends(spoken)],
        responses=problems_of(400, 404, 412, 422, 503),
    )

    @router.get("/summary", response_model=AdoptionSummary)
    def summary(request: Request, service: ServiceOf, epoch: EpochQuery = None) -> Response:
        """Stake by version and by readiness, in an epoch; by default the newest with registrations."""
        return written(request, service, adoption.summary(service, epoch), LIVE_AGE_S)

    @router.get("/history", response_model=AdoptionHistory)
    def history(
        request: Request,
        service: ServiceOf,
        first: Annotated[EpochQuery, Query(alias="from", description="The first epoch.")] = None,
        last: Annotated[EpochQuery, Query(alias="to", description="By default the newest that has begun.")] = None,
    ) -> Response:
        """Stake by version and by readiness over epochs, oldest first; the newest of them where there are many."""
        return written(request, service, adoption.history(service, first, last), LIVE_AGE_S)

    @router.get("/gate", response_model=AdoptionGate)
    def gate(request: Request, service: ServiceOf, era: EraQuery = None) -> Response:
        """Whether enough of the stake is ready for an era, and whom to call if not."""
        return written(request, service, adoption.gate(service, era), LIVE_AGE_S)

    @router.get("/forecast", response_model=AdoptionForecast)
    def forecast(
        request: Request,
        service: ServiceOf,
        era: EraQuery = None,
        at: Annotated[int | None, Query(ge=0, le=MAX_EPOCH, description="By default its scheduled epoch.")] = None,
    ) -> Response:
        """The chance that the network keeps its quorum when an era begins."""
        return written(request, service, adoption.forecast(service, era, at), LIVE_AGE_S)

    return router


@cache
def registrations_router() -> APIRouter:
    """Registrations, in and out."""
    router = APIRouter(
        prefix="/registrations",
        tags=["registrations"],
        dependencies=[Depends(spoken)],
        responses=problems_of(400, 412, 422, 503),
    )

    @router.get("", response_model=RegistrationPage)
    def handed_on(
        request: Request,
        service: ServiceOf,
        epoch: Annotated[int, Query(ge=0, le=MAX_REGISTRATION_EPOCH)],
        after: Annotated[str | None, Query(max_length=MAX_PARTY_ID)] = None,
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 500,
    ) -> Response:
        """The newest registration of each party for an epoch, with its signature, so that anyone can count them."""
        page = registration_page(service, epoch, after, limit)
        if service.settings.service.public:
            page = page.without_sources()
        return written(request, service, page, LIVE_AGE_S)

    @router.post(
        "",
        response_model=RegistrationReceipt,
        responses={
            **problems_of(401, 403, 413, 415, 429),
            207: {"model": RegistrationReceipt, "description": "Some were accepted, some refused."},
            422: {
                "description": "All were refused, or the body does not hold registrations.",
                "content": {
                    "application/json": {"schema": {"$ref": "#/components/schemas/RegistrationReceipt"}},
                    PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}},
                },
            },
        },
        openapi_extra={
            "security": [{"token": []}, {}],
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {
                        "schema": {
                            "anyOf": [
                                {"$ref": "#/components/schemas/RegistrationIn"},
                                {"$ref": "#/components/schemas/RegistrationBatch"},
                            ]
                        }
                    }
                },
            },
        },
    )
    async def take(request: Request, service: ServiceOf, version: NodeVersion = None) -> Response:
        """Accept one registration, or several; accepted ones are on disk before the answer is sent.

        A bad one does not affect the others: the answer is 200 if all are accepted, 207 if some are refused, and 422 if
        all are. The receipt has the counts, and each refusal names the field. A registration that is signed by the
        party's own key needs no token, and counts with the stake that the service knows.
        """
        intake: OneByOne = request.app.state.intake
        token = await intake.run(registering_token, request, service)
        await json_only(request)
        try:
            body = await request.body()
        except ClientDisconnect as error:
            raise RequestError(
                "The body is incomplete",
                expected="all of it",
                got="the end of the connection",
                next_step="Send it again",
                code="MalformedRequest",
            ) from error
        receipt = await intake.run(lambda: register(service, token, _read(body), version))
        status = HTTPStatus.OK if not receipt.rejected else HTTPStatus.MULTI_STATUS
        if receipt.rejected and not receipt.accepted + receipt.repeated:
            status = HTTPStatus.UNPROCESSABLE_ENTITY
        return unstored(receipt, status)

    return router


def events_router(stream: EventStream) -> APIRouter:
    """The events."""
    router = APIRouter(
        prefix="/events", tags=["events"], dependencies=[Depends(spoken)], responses=problems_of(400, 412, 422, 503)
    )

    @router.get("", response_model=EventPage)
    async def page(
        request: Request,
        service: ServiceOf,
        after: Annotated[int, Query(ge=0, le=MAX_EVENT_ID)] = 0,
        limit: Annotated[int, Query(ge=1, le=MAX_EVENTS)] = 100,
    ) -> Response:
        """The events in the log, oldest first, by pages; `eraswitch events cat` has every input that was read, too."""
        return written(request, service, await stream.page(after, limit), 0)

    @router.get(
        "/stream",
        response_class=StreamingResponse,
        responses={200: {"description": "Server-sent events.", "content": {"text/event-stream": {}}}},
    )
    async def follow(
        last_event_id: Annotated[
            str | None,
            Header(alias="last-event-id", max_length=20, pattern=EVENT_ID, description="Continue after this id."),
        ] = None,
    ) -> StreamingResponse:
        """The event log as it grows: each entry once, with its kind as the event, and its id to resume from."""
        stream.admit()
        after = None if last_event_id is None else min(int(last_event_id), MAX_EVENT_ID)
        return StreamingResponse(
            stream.listen(after), media_type="text/event-stream", headers={"cache-control": "no-store", **UNBUFFERED}
        )

    return router


@cache
def health_router() -> APIRouter:
    """The health and the version of the service."""
    router = APIRouter(tags=["service"])

    def health(found: Health) -> Response:
        return unstored(found, 200 if found.status == "ok" else 503)

    # Needs no worker thread: there may be none left when thousands ask.
    @router.get("/health/live", response_model=Health, responses=problems_of(503))
    async def live(service: ServiceOf) -> Response:
        """Whether the process works; if not, it should be restarted."""
        return health(service.live())

    @router.get("/health/ready", response_model=Health, responses=problems_of(503))
    def ready(service: ServiceOf) -> Response:
        """Whether it can answer: an era is known, and the store takes changes, which is tried once a second at most."""
        return health(service.ready())

    @router.get("/health/startup", response_model=Health, responses=problems_of(503))
    async def started(service: ServiceOf) -> Response:
        """Whether a first reading was made."""
        return health(service.started())

    @router.get("/version", response_model=VersionDocument)
    def version(request: Request, service: ServiceOf) -> Response:
        """The version of this software, of its API, and of the schema of its store."""
        return written(request, service, service.version())

    return router


def _read(body: bytes) -> list[object]:
    """The registrations in a body, each judged for itself afterwards.

    Raises:
        RequestError: it is not JSON, or neither a registration nor a batch of them.
    """
    wanted = f'one registration, or {{"registrations": […]}} with 1 to {MAX_BATCH}'
    try:
        found = read_json(body)
    except (ValueError, RecursionError) as error:
        raise RequestError(
            "The registrations are not JSON",
            expected=wanted,
            got=str(error)[:200],
            next_step="Correct the body; nothing was accepted",
            code="MalformedRequest",
        ) from error
    if isinstance(found, dict) and "registrations" not in found:
        return [found]
    batch = found["registrations"] if isinstance(found, dict) else None
    if not isinstance(batch, list) or not 1 <= len(batch) <= MAX_BATCH:
        got = counted(len(batch), "registration") if isinstance(batch, list) else "neither"
        raise RequestError(
            "The registrations are not valid",
            expected=wanted,
            got=got,
            next_step="Correct them; none was accepted",
            code="RequestInvalid",
        )
    return batch
