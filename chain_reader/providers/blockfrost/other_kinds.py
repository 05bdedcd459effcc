"""Recognises servers of another protocol than Blockfrost's by their answers: the error then names the right form.

In: HTTP requests to a base URL whose answer made no sense, and that error. Out: the same error, or one that names what
the server is. It is asked twice at most, and only after it failed.
"""

import json
from collections.abc import Callable
from typing import Any

from chain_reader.providers.transport.calls import Call
from chain_reader.providers.transport.errors import (
    ProviderNotFoundError,
    ProviderOfOtherKindError,
    ProviderRefusedError,
    UnexpectedAnswerError,
)
from chain_reader.providers.transport.http import BoundedHttp
from eras import ChainReadError

FOREIGN = (ProviderNotFoundError, ProviderRefusedError, UnexpectedAnswerError)
"""The errors in which a question to a server of another kind ends."""


def _has(*names: str) -> Callable[[Any], bool]:
    return lambda found: isinstance(found, dict) and all(name in found for name in names)


def _is_koios_tip(found: Any) -> bool:
    return isinstance(found, list) and len(found) == 1 and _has("epoch_no", "abs_slot")(found[0])


_KINDS: tuple[tuple[str, Callable[[Any], bool], str, str], ...] = (
    (
        "/health",
        _has("networkSynchronization", "lastKnownTip"),
        "Ogmios",
        "Give its websocket: ws://HOST:PORT, or wss://HOST:PORT behind TLS",
    ),
    (
        "/health",
        _has("connection_status", "most_recent_checkpoint"),
        "Kupo",
        "Give it together with the Ogmios that runs beside it: kupo:http://HOST:PORT+ws://HOST:PORT",
    ),
    (
        "/tip",
        _is_koios_tip,
        "Koios",
        "Give it as koios:https://HOST/api/v1, or koios:NETWORK",
    ),
)


def named(error: ChainReadError, http: BoundedHttp, call: Callable[[str], Call], until: float) -> ChainReadError:
    """Return ``error``, or where the server is of another kind an error about that.

    Args:
        error: what the first question ended in.
        http: requests to the server.
        call: the request for a path, as errors name it.
        until: when to be done.
    """
    answers: dict[str, object] = {}
    for path, is_it, kind, next_step in _KINDS:
        if path not in answers:
            answers[path] = _answer(http, path, call(path), until)
        if is_it(answers[path]):
            return call(path).error(
                ProviderOfOtherKindError,
                f"was answered by {kind}, which does not speak Blockfrost's protocol",
                expected="a Blockfrost API",
                got=kind,
                next_step=next_step,
                server=kind.lower(),
            )
    return error


def _answer(http: BoundedHttp, path: str, call: Call, until: float) -> Any:
    try:
        answer = http.get(path, call, headers={"Accept": "application/json"}, until=until)
        return json.loads(answer.body)
    except (ChainReadError, ValueError, RecursionError):
        return None
