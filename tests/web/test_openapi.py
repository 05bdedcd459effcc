"""The description of the API holds: whatever it allows is answered as it says, and nothing makes the service fail."""

import contextlib
import warnings
from unittest import SkipTest

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable

from tests.web.world import SCHEDULED, World, client_of, registration

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what schemathesis imports warns of its own past
    import schemathesis
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        response_schema_conformance,
        status_code_conformance,
    )

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
OPERATIONS = 22
EXAMPLES = 12


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    limits = {"writes_per_s": 1e6, "write_burst": 10**6}
    with World(tmp_path_factory.mktemp("openapi"), service=limits) as world:
        world.publish(SCHEDULED)
        rows = [registration(f"pool1{n}", version=f"{n % 3}.0.0") for n in range(9)]
        world.client.post("/registrations", json={"registrations": rows}, headers=world.headers())
        with client_of(world.service) as client:
            client.headers.update(world.headers())
            yield client


def test_whatever_the_description_allows_is_answered_as_it_says(running):
    client = running
    session = requests.Session()
    session.headers.update(client.headers)
    session.trust_env = False
    schema = schemathesis.openapi.from_dict(client.get("/openapi.json").json())
    schema.config.update(base_url=client.url)
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) == OPERATIONS
    for operation in operations:
        if operation.path != "/events/stream":  # it does not end
            for mode in (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE):
                _ask(operation, mode, session)
    session.close()


def _ask(operation, mode, session):
    """Ask whatever the description allows, or, with the negative mode, what it does not."""

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def ask(case):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            case.validate_response(case.call(session=session), checks=CHECKS)

    with contextlib.suppress(SkipTest, Unsatisfiable):  # where nothing can be wrong, nothing is asked
        ask()


def test_every_route_is_described_and_nothing_else(running):
    described = running.get("/openapi.json").json()["paths"]
    assert set(described) == {
        "/admin/log",
        "/adoption/forecast",
        "/adoption/gate",
        "/adoption/history",
        "/adoption/summary",
        "/configuration",
        "/configuration/history",
        "/configuration/{epoch}",
        "/era/config",
        "/era/history",
        "/era/markers",
        "/era/status",
        "/events",
        "/events/stream",
        "/health/live",
        "/health/ready",
        "/health/startup",
        "/openapi.json",
        "/registrations",
        "/switches",
        "/version",
    }
    assert described["/registrations"]["post"]["security"] == [{"token": []}, {}]
