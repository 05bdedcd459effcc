"""The schema of the configuration: every setting with its type, default and help, checked by pydantic.

In: merged values (``sources``). Out: a frozen ``Settings``. The field descriptions are the help of ``config schema``,
from which ``docs/configuration.md`` is generated (``records``).
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from chain_reader.adapters import AdapterType
from chain_reader.providers.transport.limits import DEFAULT_LIMITS, ReadLimits
from chain_reader.trust.policy import DEFAULT_MAX_LEAD_EPOCHS
from era_service.config.adoption import AdoptionSettings
from era_service.config.networks import full_name
from era_service.config.types import (
    Above0,
    Above0Whole,
    Address,
    Addresses,
    JsonText,
    KeyText,
    KeyTexts,
    LeaderUrl,
    Names,
    Paths,
    ProviderUrl,
    SecretFile,
    Section,
    ThreadTokenText,
    Whole,
    listed,
    provider_tables,
)
from era_service.config.watch import HookSettings, WatchSettings
from era_service.config.webhooks import Webhooks
from era_store.redaction import mask_url
from eras import SupportedEras

ENVIRONMENT_PREFIX = "ERASWITCH_"
ALIASES = {
    "ERASWITCH_NETWORK": "network.name",
    "ERA_READER_ADAPTER_TYPE": "reader.adapter_type",
    "ERA_READER_ADAPTER_PARAMS": "reader.adapter_params",
    "BLOCKFROST_PROJECT_ID": "reader.project_id",
}
"""Environment variables besides ``ERASWITCH_SECTION__KEY``, which wins if both are set."""


class GenesisFields(Section):
    """The genesis of a private network; that of the public ones is known."""

    era_script_file: Path | None = Field(
        default=None,
        description="cardano-cli's script file of an era address that k of n payment keys own; needed to publish.",
    )
    genesis_file: Path | None = Field(
        default=None,
        description="The Shelley genesis file of the network, instead of the four values below.",
    )
    system_start_s: Above0 | None = Field(
        default=None, description="POSIX time of slot 0. With the lengths below, tips are compared with the clock."
    )
    slot_length_s: Above0 | None = Field(default=None, description="Seconds of a slot.")
    epoch_length: Above0Whole | None = Field(default=None, description="Slots of an epoch.")
    active_slots_coefficient: Above0 = Field(default=0.05, le=1, description="The share of slots that get a block.")


class NetworkSettings(GenesisFields):
    """The network whose eras are followed."""

    name: Annotated[str, AfterValidator(full_name)] | None = Field(
        default=None, description="The network: a public one (see docs/configuration.md), or one under [networks]."
    )
    magic: Whole | None = Field(default=None, ge=0, lt=2**32, description="Magic of the Cardano network.")
    era_address: Address | None = Field(default=None, description="Where the era markers are published.")
    verification_key: KeyText | None = Field(
        default=None, description="The key that era markers are signed with, JSON-hex or 64 hex digits."
    )
    supported_eras: Names = Field(
        default=tuple(SupportedEras.DEFAULT), description="The eras that this software knows, oldest first."
    )
    notice_epochs: Whole = Field(
        default=2, ge=0, description="An era that begins in fewer epochs than this is locked: too late to move it."
    )


class ProviderSettings(Section):
    """A provider of chain data."""

    url: ProviderUrl = Field(
        description="http(s)://… of a Blockfrost API, koios:NETWORK or koios:http(s)://… of Koios, ws(s)://… of an "
        "Ogmios server, kupo:http(s)://…+ws(s)://… of a Kupo and an Ogmios beside it, cardano-cli:SOCKET of a node, or "
        "local:FILE of a local chain."
    )
    project_id: SecretStr | None = Field(default=None, description="API key of this provider.")
    project_id_file: SecretFile | None = Field(
        default=None, description="File with the API key, readable by its owner only."
    )
    program: str | None = Field(
        default=None, min_length=1, description="The program that cardano-cli: runs; by default the one on the PATH."
    )


class ReaderSettings(Section):
    """The source of era markers."""

    adapter_type: AdapterType = Field(
        default="bootstrap",
        description="The source of era markers. With a network known, cardano-chain is the default.",
    )
    adapter_params: JsonText | None = Field(
        default=None,
        description="Parameters of the source, a JSON object (in TOML, a table), as Mithril's. For cardano-chain "
        "the network's era address and verification key are the default.",
    )
    providers: Annotated[tuple[ProviderSettings, ...], BeforeValidator(provider_tables)] = Field(
        default=(),
        description="Providers of chain data, tried in order until one answers: a list of URLs, or of tables with "
        "url and project_id_file. With an API key and a public network, Blockfrost's own is the default.",
    )
    agreement: Above0Whole | None = Field(
        default=None,
        description="How many of the providers must agree (docs/providers.md); all are then asked at once. "
        "Without it the first answer counts.",
    )
    max_tip_age_s: Above0 | None = Field(
        default=None,
        description="A tip older than this is stale; by default older than chance explains, 10 minutes on a public "
        "network.",
    )
    project_id: SecretStr | None = Field(
        default=None, description="API key for every provider that names none of its own."
    )
    project_id_file: SecretFile | None = Field(
        default=None, description="File with that API key, readable by its owner only."
    )


class TrustSettings(Section):
    """The rules of trust (docs/trust.md)."""

    mode: Literal["markers", "extended"] = Field(
        default="markers", description="markers: a signed payload is enough; extended: its extension is required."
    )
    cosigner_keys: KeyTexts = Field(default=(), description="With extended: the keys that sign the extension.")
    threshold: Above0Whole | None = Field(default=None, description="With extended: how many of them must sign.")
    announcers: Addresses = Field(
        default=(), description="Addresses from which the first payload may come, before the era address has spent."
    )
    thread_token: ThreadTokenText | None = Field(
        default=None,
        description="The token of the marker output, <policy id>.<asset name> in hex; then no other output counts.",
    )
    confirmations: Whole | None = Field(
        default=None,
        ge=0,
        description="Blocks on top of a payload before it counts; by default 10 on a public network, else 0.",
    )
    max_lead_epochs: Whole = Field(
        default=DEFAULT_MAX_LEAD_EPOCHS, ge=0, description="An activation further ahead than this raises an alarm."
    )
    checkpoint_file: Path | None = Field(
        default=None, description="A payload that was in force when this was released, to trust at the first start."
    )


class ProtocolConfigurationSettings(Section):
    """The publication of the network's protocol configurations (docs/protocol-configuration.md)."""

    enabled: bool = Field(default=False, description="Whether to read protocol configurations.")
    address: Address | None = Field(
        default=None, description="Where they are published; by default at the era address."
    )
    verification_key: KeyText | None = Field(
        default=None, description="The key that they are signed with; by default that of the era markers."
    )
    thread_token: ThreadTokenText | None = Field(
        default=None, description="The token of their output, as trust.thread_token: each kind has its own."
    )
    checkpoint_file: Path | None = Field(
        default=None, description="As trust.checkpoint_file, with a payload of configurations: each kind has its own."
    )


class KeySettings(Section):
    """The paths of a release team's keys, never the keys (docs/runbook.md)."""

    era_key_file: Path | None = Field(
        default=None,
        description="File with the era key; commands that sign markers take it where --secret-key is not given.",
    )
    payment_key_files: Paths = Field(
        default=(),
        description="Files with payment keys, for commands that sign transactions without --payment-key-file.",
    )


class StoreSettings(Section):
    """The store."""

    url: str | None = Field(
        default=None,
        min_length=1,
        description="The path of a SQLite file, or a database URL, that keeps what is trusted from one run "
        "to the next. Without it each run starts afresh.",
    )


class EventSettings(Section):
    """How much of the event log is kept in the store (docs/events.md)."""

    max_bytes: Above0Whole = Field(
        default=64 * 1024 * 1024,
        description="A larger log is compacted: its older half is removed, up to a snapshot of the node.",
    )
    snapshot_every: Above0Whole = Field(
        default=1_000, description="Inputs between two snapshots; a restart or a replay begins at one."
    )


class ServiceSettings(Section):
    """The offer of ``eraswitch serve``: what, to whom, and how much (docs/service.md)."""

    host: str = Field(default="127.0.0.1", min_length=1, description="The address to listen on.")
    port: Whole = Field(default=8470, ge=0, lt=2**16, description="The port to listen on; 0 picks a free one.")
    tls_cert: Path | None = Field(default=None, description="File with the certificate chain (PEM): serve over TLS.")
    tls_key: SecretFile | None = Field(
        default=None, description="File with the certificate's private key (PEM), readable by its owner only."
    )
    public: bool = Field(
        default=False, description="Read only: nothing can be written over HTTP, and no provider is named."
    )
    poll_interval_s: Above0 = Field(default=20.0, description="Seconds between two readings of the chain.")
    max_age_s: Whole = Field(
        default=60, ge=0, description="How long caches may keep an answer, in seconds; never beyond the epoch."
    )
    max_body_bytes: Above0Whole = Field(default=2 * 1024 * 1024, description="Bytes of one request.")
    writes_per_s: Above0 = Field(
        default=20.0, description="Writing requests per second for each token or address, on average."
    )
    write_burst: Above0Whole = Field(default=100, description="How many of them at once before that rate applies.")
    signed_without_token: bool = Field(
        default=True,
        description="Accept registrations without an API token where they are signed by the key whose hash "
        "is the party id.",
    )
    request_timeout_s: Above0 = Field(default=30.0, description="Seconds that a client may take to send a request.")
    max_streams: Above0Whole = Field(default=10_000, description="Listeners to the event stream at the same time.")
    heartbeat_s: Above0 = Field(default=15.0, description="Seconds between keep-alive messages on the event stream.")
    shutdown_delay_s: Above0 | None = Field(
        default=None, description="Seconds after SIGTERM in which it still answers while /health/ready fails."
    )
    cors_origins: Annotated[tuple[str, ...], BeforeValidator(listed)] = Field(
        default=(), description="Origins whose pages may read it in a browser; by default none."
    )
    trusted_proxies: Annotated[tuple[str, ...], BeforeValidator(listed)] = Field(
        default=(), description="Addresses of proxies whose X-Forwarded-For and X-Forwarded-Proto are trusted."
    )
    webhooks: Webhooks = Field(default=(), description="URLs to notify of events: a list of tables (docs/service.md).")
    tracing: bool = Field(
        default=False, description="Send OpenTelemetry traces, as the OTEL_… variables define (docs/metrics.md)."
    )


class FollowerSettings(Section):
    """Whom to follow instead of reading a chain (docs/operations.md)."""

    leader: LeaderUrl | None = Field(
        default=None, description="The service of a leader, http(s)://…; cannot be combined with a chain provider."
    )
    registrations: bool = Field(default=False, description="Whether to take registrations from the leader too.")
    require_proof: bool = Field(
        default=True,
        description="Whether the leader has to show the bytes of each publication, which prove who made "
        "it; without it only the era key's signatures and rule T4 protect against a lying leader.",
    )


class QuorumSettings(Section):
    """The quorum parameters (docs/forecast.md); none of them is ever assumed."""

    model: Literal["lottery", "cosmos", "ethereum"] = Field(
        default="lottery",
        description="lottery: Mithril's, with the three parameters below; cosmos: more than 2/3; ethereum: at least "
        "2/3.",
    )
    k: Above0Whole | None = Field(default=None, description="Indices of the lottery that must be won.")
    m: Above0Whole | None = Field(default=None, description="Indices of the lottery.")
    phi_f: Above0 | None = Field(default=None, le=1, description="The chance that the whole stake wins an index.")
    source: str | None = Field(
        default=None, min_length=1, description="Where these parameters come from; shown with every forecast."
    )
    lag_epochs: Above0Whole = Field(
        default=2, le=10, description="Epochs from a registration to the signatures it counts for; Mithril's is 2."
    )


class LimitSettings(Section):
    """The limits of reading a chain; beyond one the answer is an error, never a part of the truth."""

    connect_timeout_s: Above0 = Field(default=DEFAULT_LIMITS.connect_timeout_s, description="Seconds to connect.")
    read_timeout_s: Above0 = Field(
        default=DEFAULT_LIMITS.read_timeout_s, description="Seconds of silence in the middle of an answer."
    )
    call_deadline_s: Above0 = Field(default=DEFAULT_LIMITS.call_deadline_s, description="Seconds for one request.")
    read_deadline_s: Above0 = Field(
        default=DEFAULT_LIMITS.read_deadline_s, description="Seconds for one question, all its pages included."
    )
    max_answer_bytes: Above0Whole = Field(
        default=DEFAULT_LIMITS.max_answer_bytes, description="Bytes of one HTTP answer, decompressed."
    )
    max_message_bytes: Above0Whole = Field(
        default=DEFAULT_LIMITS.max_message_bytes,
        description="Bytes of one websocket message, which holds all outputs at an address, or of one HTTP answer of "
        "which a part is kept; decompressed.",
    )
    max_pages: Above0Whole = Field(default=DEFAULT_LIMITS.max_pages, description="Pages of one list.")
    max_transactions: Above0Whole = Field(
        default=DEFAULT_LIMITS.max_transactions, description="Transactions looked up to answer one question."
    )
    max_attempts: Above0Whole = Field(
        default=DEFAULT_LIMITS.max_attempts, description="Attempts at one request, including the first."
    )
    retry_budget_s: Above0 = Field(
        default=DEFAULT_LIMITS.retry_budget_s, description="Seconds for all attempts of one request together."
    )
    requests_per_s: Above0 = Field(
        default=DEFAULT_LIMITS.requests_per_s,
        description="Requests per second to a remote provider, on average.",
    )
    burst: Above0Whole = Field(
        default=DEFAULT_LIMITS.burst, description="Requests to it at once before that rate applies."
    )

    def to_limits(self) -> ReadLimits:
        """The limits, as observers take them."""
        return ReadLimits(**self.model_dump())


class LogSettings(Section):
    """The log on stderr: its level and format."""

    level: Literal["debug", "info", "warning", "error", "critical"] = Field(
        default="info", description="The least severity that is logged."
    )
    format: Literal["auto", "text", "json"] = Field(
        default="auto", description="text, json, or auto: text on a terminal, JSON otherwise."
    )


class CustomNetwork(GenesisFields):
    """A private network: the settings that its name fills in, as the name of a public one does."""

    magic: Whole = Field(ge=0, lt=2**32, description="Magic of the Cardano network.")
    era_address: Address = Field(description="Where the era markers are published.")
    verification_key: KeyText = Field(description="The key that era markers are signed with.")
    supported_eras: Names | None = Field(default=None, description="The eras that this software knows, oldest first.")
    notice_epochs: Whole | None = Field(default=None, ge=0, description="Epochs of notice before an activation.")


class Settings(BaseSettings):
    """Everything that can be configured."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        env_prefix=ENVIRONMENT_PREFIX,
        env_nested_delimiter="__",
        hide_input_in_errors=True,
    )

    network: NetworkSettings = Field(default_factory=NetworkSettings)
    reader: ReaderSettings = Field(default_factory=ReaderSettings)
    trust: TrustSettings = Field(default_factory=TrustSettings)
    protocol_configuration: ProtocolConfigurationSettings = Field(default_factory=ProtocolConfigurationSettings)
    keys: KeySettings = Field(default_factory=KeySettings)
    store: StoreSettings = Field(default_factory=StoreSettings)
    events: EventSettings = Field(default_factory=EventSettings)
    adoption: AdoptionSettings = Field(default_factory=AdoptionSettings)
    service: ServiceSettings = Field(default_factory=ServiceSettings)
    follower: FollowerSettings = Field(default_factory=FollowerSettings)
    quorum: QuorumSettings = Field(default_factory=QuorumSettings)
    limits: LimitSettings = Field(default_factory=LimitSettings)
    log: LogSettings = Field(default_factory=LogSettings)
    watch: WatchSettings = Field(default_factory=WatchSettings)
    hooks: HookSettings = Field(default_factory=HookSettings)
    networks: dict[str, CustomNetwork] = Field(
        default_factory=dict, description="Your own networks, by name: [networks.NAME] tables."
    )

    def masked(self) -> dict[str, Any]:
        """The settings, JSON-ready, with secrets masked."""
        tree = self.model_dump(mode="json")  # pydantic masks SecretStr
        for provider in tree["reader"]["providers"]:
            provider["url"] = mask_url(provider["url"])
        for webhook, shown in zip(self.service.webhooks, tree["service"]["webhooks"], strict=True):
            shown["url"] = webhook.host
        if tree["store"]["url"] is not None:
            tree["store"]["url"] = mask_url(tree["store"]["url"])
        return tree


SECTIONS: dict[str, type[Section]] = {
    name: field.annotation
    for name, field in Settings.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, Section)
}
"""The tables of the configuration; ``networks`` is a table of tables."""
