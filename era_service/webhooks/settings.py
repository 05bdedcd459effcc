"""The configured webhooks, with their secrets read."""

from typing import NamedTuple

from era_service.config.schema import Settings
from era_service.config.webhooks import WebhookSettings
from era_service.webhooks.message import NetworkFacts, Secrets, parse_secrets
from era_service.wiring.providers import secret_in
from era_store.redaction import register_secret


class Webhook(NamedTuple):
    """A webhook, and the secrets that sign its messages."""

    settings: WebhookSettings
    secrets: Secrets


def webhooks_of(settings: Settings) -> dict[str, Webhook]:
    """Every configured webhook by its name.

    Raises:
        ConfigurationError: a secret is missing or cannot be used.
    """
    return {one.name: Webhook(one, secrets_of(one)) for one in settings.service.webhooks}


def secrets_of(one: WebhookSettings) -> Secrets:
    """The secrets of a webhook, which are never logged from now on.

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
    return secrets


def network_facts(settings: Settings) -> NetworkFacts:
    """The network that messages are about."""
    network = settings.network
    return {"name": network.name, "magic": network.magic, "era_address": network.era_address}
