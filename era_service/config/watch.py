"""The tables ``[watch]`` and ``[hooks]`` of the configuration: how a node is watched, and what is run for it."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from era_service.config.types import (
    Above0,
    Above0Whole,
    LeaderUrl,
    LoopbackText,
    Paths,
    SecretFile,
    Section,
    ShareText,
    Texts,
    Whole,
)
from era_service.intervals import READ_INTERVAL_S


class WatchSettings(Section):
    """How a node is watched (docs/node.md)."""

    poll_interval_s: Above0 = Field(default=600.0, description="Seconds between two calls to the provider when idle.")
    spread_s: Above0 = Field(
        default=60.0, description="Seconds over which a network's nodes spread their calls when an epoch begins."
    )
    read_interval_s: Above0 = Field(
        default=READ_INTERVAL_S, description="Seconds between two readings within an epoch; nodes spread them."
    )
    node_id: str | None = Field(
        default=None,
        min_length=1,
        description="The identity of this node, its party id: decides its place in that spread (by default "
        "from the host name), and where it continues in a shared store.",
    )
    backoff_max_s: Above0 = Field(
        default=300.0, description="The longest wait between two attempts at a provider that does not answer."
    )
    on_unsupported: Literal["exit", "drain"] = Field(
        default="exit", description="When the current era is not supported: exit at once, or finish work first."
    )
    drain_s: Above0 = Field(default=300.0, description="With drain: how long work may take to finish.")
    http: LoopbackText | None = Field(
        default=None, description="Serve the era over HTTP at this PORT, or HOST:PORT, of a loopback address."
    )
    register_url: LeaderUrl | None = Field(
        default=None, description="Register with the service at this URL, at every epoch and on change."
    )
    register_key_file: SecretFile | None = Field(
        default=None,
        description="File with the key that the party id is, or is the hash of; readable by its owner only.",
    )
    stake: Whole | None = Field(
        default=None,
        ge=0,
        description="The stake that registrations state, in lovelace; without it the service's own figure counts.",
    )
    node_version: str | None = Field(
        default=None, min_length=1, max_length=64, description="The version of the node that registrations state."
    )
    support_url: LeaderUrl | None = Field(
        default=None,
        description="Ask the service at this URL how much stake supports the era in force, and warn if it "
        "is too little.",
    )
    support_threshold: ShareText = Field(
        default="75%", description="The share of stake below which it warns about an era in force."
    )
    eras_folder: Path | None = Field(
        default=None, description="The folder of the node's binaries, one per era, to switch between."
    )
    program: str | None = Field(default=None, min_length=1, description="The name of the program in that folder.")
    stop_grace_s: Above0 = Field(
        default=30.0, description="Seconds that the node has to end before it is killed, where the watcher runs it."
    )


class HookSettings(Section):
    """Executables that are run when something happens (docs/node.md), each in a list of paths."""

    announced: Paths = Field(default=(), description="An upcoming era appeared, or its epoch changed.")
    activating_in: Paths = Field(default=(), description="An epoch began, and an upcoming era has an epoch.")
    activated: Paths = Field(default=(), description="The current era changed; also at start-up.")
    before_switch: Paths = Field(
        default=(), description="An era begins with the next epoch, or has begun: prepare for it, or veto it."
    )
    unsupported_upcoming: Paths = Field(default=(), description="The upcoming era is not supported.")
    unsupported_current: Paths = Field(default=(), description="The current era is not supported: the node must stop.")
    refused: Paths = Field(default=(), description="Something at the era address was refused.")
    configuration_announced: Paths = Field(
        default=(), description="The protocol configuration of a later epoch appeared, changed or vanished."
    )
    configuration_changed: Paths = Field(
        default=(), description="The protocol configuration in force changed; also at start-up."
    )
    timeout_s: Above0 = Field(default=30.0, description="Seconds that a hook may take before it is killed.")
    before_switch_timeout_s: Above0 = Field(
        default=300.0, description="Seconds that a hook of before_switch may take; a late one vetoes the switch."
    )
    max_output_bytes: Above0Whole = Field(default=16_384, description="Bytes kept of what a hook prints.")
    environment: Texts = Field(
        default=(), description="Environment variables passed to hooks, besides PATH, HOME, USER, LANG and the like."
    )
