"""``eraswitch rollout plan``: write the plan of a rollout, for people to review."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import click

from datum.configuration import EpochConfiguration
from era_service.cli.adoption.options import BASES, QuorumOptions, compatibility_option, from_option
from era_service.cli.rollout.verify import planned_changes_of
from era_service.cli.shared.commands import OUTPUT, command, nested, option, option_group
from era_service.cli.shared.context import AppContext
from era_service.cli.shared.output import echo_json, printable, write_file
from era_service.cli.shared.release import JsonOptions, NetworkOptions, force_name_option
from era_service.config.schema import Settings
from era_service.releasing.rollouts import gate_evidence, planned_quorum, trusted_configurations
from era_service.releasing.session import open_release, require_magic
from era_service.wiring.deciding import known_calendar
from era_service.wiring.quorum import GivenQuorum, quorum_of
from eras import ConfigurationError, Epoch, EraSwitchError
from eras.nearest import nearest
from release_tools.adoption.shares import share_words
from release_tools.rollout.configurations import PlannedChange, configuration_standings
from release_tools.rollout.plan import PLAN_VERSION, PlannedRollout

DEFAULT_WAY_EPOCHS = 10
"""Epochs from announcing to the switch by default: seven weeks on mainnet."""

_PERSON = "NAME or NAME <CONTACT>"


@option_group()
class GateOptions:
    """The conditions before the era is activated."""

    threshold: str | None = option(
        "--threshold",
        metavar="SHARE",
        help="The share that must be ready to activate, as 95%; by default adoption.gate_threshold.",
    )
    base: str = option("--of", type=click.Choice(BASES), default="registered", help="Share of which stake.")
    for_epochs: int = option(
        "--for-epochs",
        metavar="N",
        type=click.IntRange(1, 100),
        default=1,
        help="Consecutive epochs that must have it.",
    )
    quorum_probability: float | None = option(
        "--quorum-probability",
        metavar="P",
        type=click.FloatRange(0, 1, min_open=True, max_open=True),
        help="Also require this chance of a quorum right after the switch.",
    )
    files: tuple[str, ...] = from_option()
    compatibility_file: Path | None = compatibility_option()
    quorum: QuorumOptions = nested(QuorumOptions)


@option_group()
class ScheduleOptions:
    """The epochs of the phases, and the people to inform."""

    announce_at: Epoch | None = option("--announce-at", help="The earliest epoch to announce in; by default now.")
    at: Epoch | None = option("--at", help="The epoch at which ERA begins; by default 10 after announcing.")
    lead_epochs: int = option(
        "--lead-epochs",
        metavar="N",
        type=click.IntRange(1, 100),
        default=2,
        help="How many epochs before that it must be activated at the latest.",
    )
    tell: tuple[str, ...] = option("--tell", metavar=_PERSON, help="Somebody to inform.")
    configurations: tuple[str, ...] = option(
        "--configuration",
        metavar="EPOCH:FILE|EPOCH:K,M,PHI",
        help="A change of the protocol configuration that goes with it: a file of marker configuration "
        "export, or parameters.",
    )
    force_name: bool = force_name_option()


@option_group(OUTPUT)
class PlanOutputOptions(JsonOptions):
    """The file of the plan, and the output."""

    out: str | None = option(
        "--out", metavar="FILE", help="The file to write, - for standard output; by default rollout-ERA.toml."
    )
    yes: bool = option("--yes", help="Replace FILE if it exists.")


@command(example="eraswitch rollout plan pythagoras --threshold 95% --at 760 --network preview")
@click.argument("era")
def plan(
    app: AppContext,
    /,
    *,
    era: str,
    gate: GateOptions,
    schedule: ScheduleOptions,
    network: NetworkOptions,
    output: PlanOutputOptions,
) -> None:
    """Write the plan of a rollout of ERA: its two phases, gates and epochs, and whom to inform.

    The file is TOML, for people to review and change; nothing happens until rollout next is run.
    """
    settings = network.settings(app)
    threshold = gate.threshold or settings.adoption.gate_threshold
    if threshold is None:
        raise click.UsageError("Give --threshold, or set adoption.gate_threshold.")
    if not schedule.force_name:
        _require_supported(era, settings.network.supported_eras)
    require_magic(settings)
    known, announced = _on_chain(settings, schedule.announce_at)
    made = _planned(settings, era, replace(gate, threshold=threshold), schedule, announced, is_on_chain=bool(known))
    target = _target(era, output.out)
    changes = planned_changes_of(made, str(target or "-"))
    if target is None:
        click.echo(made.to_text(), nl=False)
        return
    if target.exists() and not output.yes:
        raise EraSwitchError(
            "The rollout plan exists already",
            expected=f"no file {target}",
            got="one",
            next_step="Change it with an editor, or replace it with --yes",
            code="Output",
        )
    write_file(target, made.to_text().encode())
    if output.as_json:
        echo_json({"file": str(target), "plan": made.model_dump(mode="json", exclude_none=True)})
        return
    phases, calendar = made.activate, known_calendar(settings)
    click.echo(f"Plan of the rollout of {printable(era)}")
    click.echo(f"  announce  in {calendar.coming(made.announce.epoch)}")
    click.echo(f"  activate  at {calendar.coming(phases.at)}")
    asked = f"{share_words(phases.gate.share)} of {phases.gate.base.words}"
    click.echo(f"  gate      {asked}, by {calendar.epoch(phases.decide_by)}")
    for line in _quorum_lines(settings, made, known, changes, gate):
        click.echo(printable(line))
    click.echo(f"Written to {target}. Its progress: eraswitch rollout status {target}")


def _planned(
    settings: Settings, era: str, asked: GateOptions, schedule: ScheduleOptions, announced: Epoch, *, is_on_chain: bool
) -> PlannedRollout:
    gate: dict[str, object] = {"threshold": asked.threshold, "of": asked.base, "for_epochs": asked.for_epochs}
    quorum: dict[str, object] | None = None
    given = asked.quorum.given
    if asked.quorum_probability is not None:
        gate["quorum_probability"] = asked.quorum_probability
        if given != GivenQuorum() or not is_on_chain:  # otherwise they are read from the chain each time
            found = quorum_of(settings, given)
            quorum = {**_parameters(found.model.to_dict()), "source": found.source}
    elif given != GivenQuorum():
        raise click.UsageError("--k, --m, --phi-f and --model belong to --quorum-probability.")
    tree = {
        "version": PLAN_VERSION,
        "era": era,
        "network_magic": settings.network.magic,
        "announce": {"epoch": announced},
        "activate": {
            "at": announced + DEFAULT_WAY_EPOCHS if schedule.at is None else schedule.at,
            "lead_epochs": schedule.lead_epochs,
            "gate": gate,
        },
        "configuration": [{"publish": announced} | _change_of(text) for text in schedule.configurations],
        "people": [_person_of(text) for text in schedule.tell],
    }
    return PlannedRollout.of(tree if quorum is None else {**tree, "quorum": quorum}, "as ordered")


def _change_of(text: str) -> dict[str, object]:
    """The entry that ``--configuration`` writes."""
    epoch, _, what = text.partition(":")
    if not (epoch.isascii() and epoch.isdigit() and len(epoch) < 10 and what):
        raise click.BadParameter(f"expected EPOCH:FILE or EPOCH:K,M,PHI, got {text[:60]!r}")
    parts = what.split(",")
    try:
        k, m, phi_f = int(parts[0]), int(parts[1]), float(parts[2])
    except (ValueError, IndexError):
        return {"epoch": int(epoch), "file": what}
    return {"epoch": int(epoch), "k": k, "m": m, "phi_f": phi_f}


def _on_chain(settings: Settings, announce_at: Epoch | None) -> tuple[tuple[EpochConfiguration, ...] | None, Epoch]:
    """The configurations that nodes trust, where they are read, and the epoch to announce in, by default this one."""
    if announce_at is not None and not settings.protocol_configuration.enabled:
        return None, announce_at
    with open_release(settings, submits=False) as release:
        return trusted_configurations(release), release.observer.epoch() if announce_at is None else announce_at


def _quorum_lines(
    settings: Settings,
    made: PlannedRollout,
    known: tuple[EpochConfiguration, ...] | None,
    changes: tuple[PlannedChange, ...],
    gate: GateOptions,
) -> Iterator[str]:
    """The quorum at the switch, and the effect of planned changes on its chance with today's ready stake."""
    if made.activate.gate.quorum_probability is not None:
        yield f"  quorum    with {planned_quorum(settings, made, known, changes).source}"
    if not changes:
        return
    now = Epoch(made.announce.epoch)
    evidence = gate_evidence(settings, made, now, gate.files, gate.compatibility_file, known=known, changes=changes)
    share = None if evidence.adoption is None else evidence.adoption.share
    ready = None if share is None else float(share.fraction)
    for one in configuration_standings(changes, known, now, ready=ready):
        yield f"  configuration from epoch {one.change.epoch}: {'; '.join(one.differences) or 'on the chain already'}"
        effect = one.effect or ("its effect on the quorum is not known: no registrations",)
        yield from (f"    {part}" for part in effect)


def _require_supported(era: str, supported: tuple[str, ...]) -> None:
    """Check that the era is known, so that a misspelt name is found when the plan is made, and not when it is late."""
    if era not in supported:
        near = nearest(era, supported)
        raise ConfigurationError(
            "There is no such era to plan",
            expected=f"one of the supported eras {', '.join(supported)}",
            got=f"{era!r}"[:80],
            next_step=f"Did you mean {near!r}?" if near else "Add it to network.supported_eras, or give --force-name",
            code="RolloutPlan",
        )


def _parameters(model: dict[str, object]) -> dict[str, object]:
    if model["model"] == "lottery":
        return model
    return {"model": "cosmos" if model["exceeded"] else "ethereum"}


def _person_of(text: str) -> dict[str, str]:
    name, _, rest = text.partition("<")
    contact = rest.strip().removesuffix(">").strip()
    return {"name": name.strip()} | ({"contact": contact} if contact else {})


def _target(era: str, out: str | None) -> Path | None:
    if out is not None:
        return None if out == "-" else Path(out)
    if not era.replace("-", "").replace("_", "").isalnum():
        raise click.UsageError("The name of the era cannot be a file name: give --out FILE.")
    return Path(f"rollout-{era}.toml")
