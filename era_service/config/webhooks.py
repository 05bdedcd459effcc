"""The settings of webhooks: a table for each URL that receives events."""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator

from era_service.config.types import SecretFile, Section, Texts, listed, matching

URL = re.compile(r"(?=[!-~]*\Z)https?://[^/@?#]+(/[^#]*)?(\?[^#]*)?")
HOST = re.compile(r"https?://[^/?]+")
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
TYPES = ("published", "switched", "gate-crossed", "overridden", "refused")


def _types(value: tuple[str, ...]) -> tuple[str, ...]:
    if not set(value) <= set(TYPES):
        raise ValueError("some of " + ", ".join(TYPES))
    return value


Url = Annotated[str, matching(URL, "http(s)://HOST/PATH without a user and a fragment")]
Name = Annotated[str, matching(NAME, "a name of at most 40 small letters, digits and hyphens")]
Types = Annotated[Texts, AfterValidator(_types)]


class WebhookSettings(Section):
    """A URL that receives events (docs/service.md)."""

    name: Name = Field(description="Its name in logs, metrics and the store.")
    url: Url = Field(description="Where messages are sent, https://…; http:// is for private addresses.")
    secret: SecretStr | None = Field(default=None, description="The secret that messages are signed with, whsec_….")
    secret_file: SecretFile | None = Field(
        default=None,
        description="File with that secret, readable by its owner only; with two lines, both secrets sign.",
    )
    events: Types = Field(default=(), description="Types of messages that are sent; by default all.")
    allow_private: bool = Field(
        default=False, description="Send to loopback, private and link-local addresses, too, and by http://."
    )

    @model_validator(mode="after")
    def _secured(self) -> Self:
        if (self.secret is None) == (self.secret_file is None):
            raise ValueError(f"webhook {self.name!r} to have either a secret_file or a secret")
        if self.url.startswith("http:") and not self.allow_private:
            raise ValueError(f"webhook {self.name!r} to have an https:// url, or allow_private = true beside it")
        return self

    @property
    def host(self) -> str:
        """The host of the URL, without the path, which may contain a secret."""
        return HOST.match(self.url)[0]  # type: ignore[index]  # the URL matches a stricter pattern

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """The arguments of ``repr``, with only the host of the URL."""
        for name, value in super().__repr_args__():
            yield name, self.host if name == "url" else value


def _named_apart(value: tuple[WebhookSettings, ...]) -> tuple[WebhookSettings, ...]:
    """Tables with different names."""
    if len({one.name for one in value}) < len(value):
        raise ValueError("tables with distinct names")
    return value


Webhooks = Annotated[tuple[WebhookSettings, ...], BeforeValidator(listed), AfterValidator(_named_apart)]
