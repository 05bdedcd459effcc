"""The two real clients as tests use them, and what they have to say."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ogmios
import pytest
from blockfrost import ApiError

from chain_reader.local_chain import LocalChainServer
from tests.local_chain_faces.provider_schemas import OgmiosDescription

NOT_FOUND = "The requested component has not been found."


def refusal(call: Any, *args: Any, **kwargs: Any) -> tuple[int, str, str]:
    """What the Blockfrost client says of a call that is refused: status, error and message."""
    with pytest.raises(ApiError) as caught:
        call(*args, **kwargs)
    return caught.value.status_code, caught.value.error, caught.value.message


class CheckedOgmios(ogmios.Client):
    """The real Ogmios client; each request and response is checked."""

    def __init__(self, server: LocalChainServer, description: OgmiosDescription) -> None:
        super().__init__(server.host, server.port)
        self.description = description

    def send(self, request: str) -> None:
        self.description.check_request({key: value for key, value in json.loads(request).items() if value is not None})
        super().send(request)

    def receive(self) -> dict[str, Any]:
        response = super().receive()
        self.description.check(response)
        return response

    def ask(self, method: Any, **params: Any) -> dict[str, Any]:
        """A request that the client has no method for, or that is wrong on purpose; the response is checked."""
        self.connection.send(json.dumps({"jsonrpc": "2.0", "method": method, "params": params, "id": [1, "x"]}))
        response = self.receive()
        assert response["id"] == [1, "x"]
        return response


@contextmanager
def connected(server: LocalChainServer, description: OgmiosDescription) -> Iterator[CheckedOgmios]:
    """The real Ogmios client, connected. It never enters its connection, which websockets 17 deprecates."""
    client = CheckedOgmios(server, description)
    with client.connection:
        yield client
