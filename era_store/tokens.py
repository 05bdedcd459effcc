"""API tokens: who may write over HTTP. Records and the repository's port (``era_store.sql.service`` keeps them).

In: a name, scopes, an expiry. Out: the token's text, once, and a record that does not hold it: only the SHA-256 of its
secret part is kept. The secret is 32 random bytes, so that a slow hash would protect nothing that a fast one does not.
A token is ``eraswitch_ID_SECRET``; its id is no secret and is what people call it by.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from eras import ConfigurationError

REGISTRATIONS_WRITE = "registrations:write"
LOG_WRITE = "log:write"
SCOPES = (REGISTRATIONS_WRITE, LOG_WRITE)
"""The scopes that a token can have."""

MAX_NAME = 100
"""Characters of the name of a token."""

_TEXT = re.compile(r"eraswitch_([0-9a-f]{16})_([A-Za-z0-9_-]{43})", re.ASCII)


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token as it is kept.

    Attributes:
        id: 16 hex digits.
        name: what it is for, in words.
        scopes: what it allows.
        made_at_s: POSIX time when it was made.
        expires_at_s: POSIX time from which it counts no more; ``None`` for never.
        revoked_at_s: POSIX time when it was revoked.
        secret_hash: SHA-256 of its secret part, in hex.
    """

    id: str
    name: str
    scopes: tuple[str, ...]
    made_at_s: float
    expires_at_s: float | None = None
    revoked_at_s: float | None = None
    secret_hash: str = field(default="", repr=False)

    def counts_at(self, time_s: float) -> bool:
        """Whether it is neither revoked nor expired."""
        return self.revoked_at_s is None and (self.expires_at_s is None or time_s < self.expires_at_s)

    def state_at(self, time_s: float) -> str:
        """``revoked``, ``expired`` or ``valid``."""
        if self.revoked_at_s is not None:
            return "revoked"
        return "valid" if self.counts_at(time_s) else "expired"


def new_token(
    name: str, scopes: Iterable[str], *, time_s: float, expires_at_s: float | None = None
) -> tuple[str, ApiToken]:
    """A new token: its text, which is nowhere kept, and the record to keep.

    Raises:
        ConfigurationError: the name is empty, too long, or cannot be printed.
        ConfigurationError: a scope does not exist, or no scope is given.
    """
    name = name.strip()
    if not 0 < len(name) <= MAX_NAME or not name.isprintable():
        raise ConfigurationError(
            "A token needs a name by which people can recognise it",
            code="TokenName",
            expected=f"1 to {MAX_NAME} characters that can be printed",
            got=f"{name!r}"[:40],
            next_step="Describe what it is for",
        )
    wanted = tuple(dict.fromkeys(scopes))
    unknown = [scope for scope in wanted if scope not in SCOPES]
    if unknown or not wanted:
        raise ConfigurationError(
            "A token cannot have these scopes",
            code="UnknownScope",
            expected=f"some of {', '.join(SCOPES)}",
            got=", ".join(unknown) or "none",
            next_step="Correct the scopes",
        )
    token_id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
    record = ApiToken(token_id, name, wanted, time_s, expires_at_s, secret_hash=_hash(secret))
    return f"eraswitch_{token_id}_{secret}", record


def check_token(text: str, find: Callable[[str], ApiToken | None], *, time_s: float) -> ApiToken | None:
    """The token that ``text`` is, if ``find`` knows its id and it counts at that time; else ``None``.

    Raises:
        StoreError: they could not be reached.
    """
    match = _TEXT.fullmatch(text)
    if match is None:
        return None
    token = find(match[1])
    if token is None or not hmac.compare_digest(_hash(match[2]), token.secret_hash) or not token.counts_at(time_s):
        return None
    return token


def token_not_found(token_id: str) -> ConfigurationError:
    """The error for a token that is not there."""
    return ConfigurationError(
        "There is no API token with that id",
        code="TokenNotFound",
        expected="an id that eraswitch token list shows",
        got=f"{token_id!r}"[:60],
        next_step="Look at the list: eraswitch token list",
    )


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
