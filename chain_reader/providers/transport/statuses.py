"""The meaning of a provider's HTTP status, and what to do about it.

In: a status, and the provider's words with it. Out: the error an operator can act on. The words are Blockfrost's; a
websocket that is refused at the door answers with the same statuses.
"""

from typing import Any

from chain_reader.providers.transport.calls import Call
from chain_reader.providers.transport.errors import (
    ProviderBannedError,
    ProviderBusyError,
    ProviderFailedError,
    ProviderKeyRefusedError,
    ProviderNotFoundError,
    ProviderQuotaExceededError,
    ProviderRateLimitedError,
    ProviderRefusedError,
)
from eras import ChainReadError

_MEANINGS: dict[int, tuple[type[ChainReadError], str, str]] = {
    402: (
        ProviderQuotaExceededError,
        "was refused: the daily quota is used up",
        "Wait until midnight UTC, take a larger plan, or use another provider",
    ),
    403: (
        ProviderKeyRefusedError,
        "was refused: the provider's key is missing, wrong, or of another network",
        "Set the key (Blockfrost's project id) of this network",
    ),
    404: (
        ProviderNotFoundError,
        "found nothing",
        "Check the URL of the provider, and that it has caught up with the chain",
    ),
    418: (
        ProviderBannedError,
        "was refused: this machine is banned for ignoring a rate limit",
        "Wait for an hour or more, then send fewer requests; until then nothing is sent to it",
    ),
    425: (
        ProviderBusyError,
        "was refused: the mempool of the provider is full",
        "Ask again in a minute",
    ),
    429: (
        ProviderRateLimitedError,
        "was refused: too many requests, at once or for the provider's plan",
        "Wait, then ask less often, or take a larger plan",
    ),
}
_FAILED = (ProviderFailedError, "failed at the provider", "Wait, or use another provider")
_REFUSED = (
    ProviderRefusedError,
    "was refused",
    "Check the URL of the provider and its version, and that the address is one of its network",
)


def status_error(call: Call, status: int, said: str = "", *, retry_after_s: float | None = None) -> ChainReadError:
    """The error for an answer with ``status``, with what the provider ``said`` and how long it asks to wait."""
    kind, what, next_step = _MEANINGS.get(status, _FAILED if status >= 500 else _REFUSED)
    facts: dict[str, Any] = {"status": status}
    if retry_after_s is not None:
        next_step = f"Wait {retry_after_s:.0f} s, as the provider asks. {next_step}"
        facts["retry_after_s"] = retry_after_s
    return call.error(kind, what, got=f"status {status} {said}".rstrip(), next_step=next_step, **facts)
