"""Masks what must never be written down: secrets by name, by form, or because they were registered.

In: JSON-ready values. Out: the same with every secret masked. The event log masks before it writes, logs before a line
is rendered. Masking what is masked changes nothing.
"""

import re
from functools import lru_cache
from types import NoneType
from typing import Any

MASK = "********"
SECRET_KEY = re.compile(
    r"secret|passw|token|api_?key|project_id|signing_key|private|authorization|credential|mnemonic", re.IGNORECASE
)
URL_USER = re.compile(r"(?<=://)[^\s/@]+@")
SECRET_TEXTS = (
    ("Bearer ", re.compile(r"(?<=\bBearer )[\w.~+/=-]{8,}")),
    *(  # a Blockfrost project id
        (network, re.compile(rf"\b{network}[A-Za-z0-9]{{32}}\b"))
        for network in ("mainnet", "preprod", "preview", "sanchonet")
    ),
    ("sk1", re.compile(r"\b(?:ed25519e?_sk|addr_xsk|acct_xsk|root_xsk|stake_xsk)1[02-9ac-hj-np-z]{20,}")),  # in bech32
)
"""What every secret of a form contains, and the form: to look for the first is much faster than to match the second."""

_registered: tuple[str, ...] = ()


def register_secret(secret: str) -> None:
    """From now on ``secret`` is masked wherever it appears."""
    global _registered  # noqa: PLW0603 - one set of secrets per process, added to while it is configured
    if secret and secret not in _registered:
        _registered = (*_registered, secret)


@lru_cache(maxsize=1024)
def is_secret_key(key: str) -> bool:
    """Whether what stands under a key of that name is a secret."""
    return SECRET_KEY.search(key) is not None


def mask_url(text: str) -> str:
    """The text with whatever stands before the host of a URL, a user and a password, masked."""
    return URL_USER.sub(f"{MASK}@", text) if "://" in text else text


def mask_text(text: str) -> str:
    """The text with what is secret in it masked."""
    masked: str = redacted(text)
    return masked


def redacted(value: Any) -> Any:
    """A JSON-ready value with what is secret masked; of any other object its text."""
    if isinstance(value, dict):
        masked = {}
        for key, item in value.items():
            if item is not None and is_secret_key(str(key)):
                masked[key] = MASK
            else:
                masked[key] = item if type(item) in _SHOWN else redacted(item)
        return masked
    if isinstance(value, (list, tuple)):
        items = []
        for item in value:
            items.append(item if type(item) in _SHOWN else redacted(item))  # noqa: PERF401 - a call for each list less
        return items
    if isinstance(value, _SHOWN):
        return value
    text = value if isinstance(value, str) else str(value)
    for secret in _registered:
        text = text.replace(secret, MASK)
    if "://" in text:
        text = URL_USER.sub(f"{MASK}@", text)
    for part, form in SECRET_TEXTS:
        if part in text:
            text = form.sub(MASK, text)
    return text


_SHOWN = (NoneType, bool, int, float)
