"""A message to a webhook: its body, its id and its signature, as Standard Webhooks defines them. Pure.

In: an activity, and secrets. Out: bytes and headers. The signature is HMAC-SHA256 over ``id.timestamp.body``, one for
each secret, so that a secret can be replaced without a message that the receiver refuses.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypedDict
from uuid import NAMESPACE_URL, uuid5

from era_service.dashboard.activity import Activity
from era_service.dashboard.words import iso
from era_store import StoredEvent
from eras import ConfigurationError, __version__

PREFIX = "whsec_"
LEAST_BYTES, MOST_BYTES = 24, 64
TEST = "test"
"""The type of the message that ``eraswitch webhooks test`` sends."""


class NetworkFacts(TypedDict):
    """The network that messages are about."""

    name: str | None
    magic: int | None
    era_address: str | None


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it is sent.

    Attributes:
        id: the id, the same for every attempt.
        type: the type of the event.
        body: the body, JSON.
    """

    id: str
    type: str
    body: str


@dataclass(frozen=True, slots=True)
class Secrets:
    """The keys of a webhook's secrets, which ``repr`` does not show."""

    keys: tuple[bytes, ...] = field(repr=False)

    def headers(self, message: Message, *, time_s: float) -> dict[str, str]:
        """The headers of a message sent at ``time_s``, POSIX seconds."""
        timestamp = str(int(time_s))
        signed = f"{message.id}.{timestamp}.{message.body}".encode()
        signatures = (base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in self.keys)
        return {
            "content-type": "application/json",
            "user-agent": f"eraswitch/{__version__}",
            "webhook-id": message.id,
            "webhook-timestamp": timestamp,
            "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
        }


def parse_secrets(text: str, name: str) -> Secrets:
    """The secrets in ``text``, one a line.

    Args:
        text: the content of the file, or of the environment variable.
        name: the name of the webhook, for the error.

    Raises:
        ConfigurationError: a line is not a secret; the error does not show it.
    """
    keys = []
    for line in text.split():
        try:
            key = base64.b64decode(line.removeprefix(PREFIX), validate=True)
        except binascii.Error:
            key = b""  # the exception holds the text
        if not line.startswith(PREFIX) or not LEAST_BYTES <= len(key) <= MOST_BYTES:
            break
        keys.append(key)
    else:
        if keys:
            return Secrets(tuple(keys))
    raise ConfigurationError(
        f"The secret of the webhook {name} cannot be used",
        code="WebhookSecret",
        expected=f"{PREFIX} and {LEAST_BYTES} to {MOST_BYTES} bytes in base64, one secret a line",
        got="something else" if text.strip() else "nothing",
        next_step="Make one: eraswitch webhooks secret FILE, and name it as secret_file",
    )


def new_secret(entropy: bytes) -> str:
    """A secret made of random bytes."""
    return PREFIX + base64.b64encode(entropy).decode()


def message_of(entry: Activity, event: StoredEvent, network: NetworkFacts) -> Message:
    """An event as a message.

    Args:
        entry: the activity, in words.
        event: the newest entry of the event log that belongs to it.
        network: the network on which it happened.
    """
    facts = {"id": event.id, "kind": event.kind, "epoch": event.epoch, "time_s": event.time_s, "facts": event.facts}
    data = {"title": entry.title, "detail": entry.detail, "epoch": entry.epoch, "network": network, "event": facts}
    return _message(f"{json.dumps(network)} {entry.id} {entry.time_s}", entry.kind, entry.time_s, data)


def sample(network: NetworkFacts, *, time_s: float) -> Message:
    """A test message."""
    data = {
        "title": "This is a test",
        "detail": "Nothing happened",
        "epoch": None,
        "network": network,
        "event": None,
    }
    return _message(f"{TEST} {json.dumps(network)} {time_s}", TEST, time_s, data)


def _message(of: str, kind: str, time_s: float, data: Mapping[str, object]) -> Message:
    body = {"type": kind, "timestamp": iso(time_s), "data": data}
    text = json.dumps(body, ensure_ascii=True, separators=(",", ":"), default=str)
    return Message(f"msg_{uuid5(NAMESPACE_URL, f'urn:eraswitch:webhook:{of}').hex}", kind, text)
