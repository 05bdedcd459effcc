"""The configured webhooks, with their secrets read. In: settings. Out: ``Webhook`` values."""

from dataclasses import dataclass

from era_service.config.schema import Settings
from era_service.config.webhooks import WebhookSettings
from era_service.webhooks.message import NetworkFacts, Secrets, parse_secrets
from era_service.wiring.providers import secret_in
from era_store.redaction import register_secret


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook.

    Attributes:
        name: its name.
        url: the URL that receives messages.
        secrets: sign the messages.
        events: the types to send; empty for all.
        allow_private: whether an address that is not public is permitted.
    """

    name: str
    url: str
    secrets: Secrets
    events: tuple[str, ...]
    allow_private: bool

    def wants(self, kind: str) -> bool:
        """Whether messages of a type are sent."""
        return not self.events or kind in self.events


def webhooks_of(settings: Settings) -> tuple[Webhook, ...]:
    """Every configured webhook.

    Raises:
        ConfigurationError: a secret is missing or cannot be used.
    """
    return tuple(webhook_of(one) for one in settings.service.webhooks)


def webhook_of(one: WebhookSettings) -> Webhook:
    """A configured webhook.

    Raises:
        ConfigurationError: its secret is missing or cannot be used.
    """
    if one.secret is not None:
        text = one.secret.get_secret_value()
    else:
        text = "" if one.secret_file is None else secret_in(one.secret_file, "the secret of a webhook")
    secrets = parse_secrets(text, one.name)
    for line in text.split():
        register_secret(line)
    return Webhook(one.name, one.url, secrets, one.events, one.allow_private)


def network_facts(settings: Settings) -> NetworkFacts:
    """The network that messages are about."""
    network = settings.network
    return {"name": network.name, "magic": network.magic, "era_address": network.era_address}
