"""Answers that are written once and sent many times: bytes with a strong ETag, and how long caches may keep them.

In: a document's bytes. Out: an ``Answer``, whose ETag is a hash of exactly these bytes, so that two replicas with
the same document give it the same ETag. An answer may be kept until the epoch ends, at most for the configured age, and
a second less, because a cache may count from the arrival of an answer, not from when it was sent.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

JSON = b"application/json"
ON_ITS_WAY_S = 1
"""How long an answer may be on its way to a cache."""


Header = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Answer:
    """A document, ready to be sent.

    Attributes:
        body: its bytes.
        etag: of these bytes, in quotes.
        headers: what goes with the body.
    """

    body: bytes
    etag: bytes
    headers: tuple[Header, ...]

    @classmethod
    def of(cls, body: bytes, content_type: bytes = JSON) -> "Answer":
        """The answer with that body."""
        etag = b'"' + hashlib.sha256(body).hexdigest()[:32].encode() + b'"'
        length = str(len(body)).encode()
        return cls(body, etag, ((b"content-type", content_type), (b"content-length", length), (b"etag", etag)))

    def matches(self, if_none_match: bytes | None) -> bool:
        """Whether the client has these bytes already."""
        if if_none_match is None:
            return False
        if if_none_match == self.etag:
            return True
        tags: Iterable[bytes] = (tag.strip().removeprefix(b"W/") for tag in if_none_match.split(b","))
        return if_none_match.strip() == b"*" or self.etag in tags


def cache_control(max_age_s: int, epoch_ends_at_s: float | None, now_s: float) -> Header:
    """How long an answer may be kept: up to the end of the epoch, and never longer than ``max_age_s``."""
    age = max_age_s
    if epoch_ends_at_s is not None:
        age = max(0, min(age, int(epoch_ends_at_s - now_s) - ON_ITS_WAY_S))
    return (b"cache-control", b"public, max-age=%d, must-revalidate" % age)
