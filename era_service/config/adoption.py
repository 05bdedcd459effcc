"""The table ``[adoption]`` of the configuration: how adoption is counted, and the gate before an activation."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from era_service.config.types import Above0Whole, Section, ShareText, Whole


class AdoptionSettings(Section):
    """How adoption is counted, and the gate before an activation (docs/adoption.md)."""

    compatibility_file: Path | None = Field(
        default=None, description="The table of eras and versions: which versions support which era (TOML)."
    )
    tickers_file: Path | None = Field(
        default=None,
        description="The names of pools, for people: CSV with party_id and ticker, or what an aggregator answers to "
        "/signers/tickers.",
    )
    gate_threshold: ShareText | None = Field(
        default=None,
        description="The share that must be ready before marker activate activates an era, as 95%. Without it there "
        "is no gate.",
    )
    gate_base: Literal["registered", "network", "recent"] = Field(
        default="registered",
        description="Share of which stake: registered for the epoch, of the whole network, or of each party's newest "
        "registration over recent_epochs.",
    )
    gate_for_epochs: Above0Whole = Field(default=1, description="Consecutive epochs that must have the share.")
    gate_max_age_epochs: Whole = Field(
        default=1, ge=0, description="Registrations older than this many epochs do not meet a gate."
    )
    stake_epoch_offset: Whole = Field(
        default=1,
        ge=0,
        le=100,
        description="A registration of epoch e counts with the network's active stake of epoch e plus this.",
    )
    recent_epochs: Above0Whole = Field(
        default=5, le=1000, description="How many epochs back a party's newest registration is looked for."
    )
    unknown_alarm: ShareText = Field(
        default="5%", description="An alarm is raised when this share of the registered stake has an unknown version."
    )
    unknown_growth_alarm: ShareText = Field(
        default="1%", description="The same when that share grew by this much since the epoch before."
    )
