"""The announcement of a phase of a rollout to operators, from a template. Pure.

In: the state of a rollout, and a template: text with ``$name`` in place of each figure (``$$`` is a dollar). Out: the
text. A name without a figure is a mistake, reported with the most similar one. Unknown figures are marked as such.
"""

from collections.abc import Mapping
from string import Template

from eras import ConfigurationError
from eras.nearest import nearest
from eras.words import about_ada, percent
from release_tools.adoption.shares import parties_words, share_words
from release_tools.forecasting.forecast import DEFAULT_LAG_EPOCHS
from release_tools.forecasting.lottery import chance_words
from release_tools.rollout.plan import PhaseName, PlannedRollout
from release_tools.rollout.progress import RolloutStanding
from release_tools.rollout.recovery import Recovery

UNKNOWN = "(not known)"

_ANNOUNCE = """\
$era is announced on $network

The next era of $network is $era. It is to begin at $activate_date, if enough of the
stake is ready by $decide_by_date; the current epoch is $epoch. Until then nothing switches, and every node keeps
working.

What to do: run version $minimum. At the switch a node that does not know $era stops.

Ready in epoch $registrations_epoch: $ready of $base. Required: $threshold. Missing: $missing.

Questions: $people
"""

_ACTIVATE = """\
$era begins on $network at epoch $activate_at

At $activate_date every node that knows $era switches to it, and every other one stops; the current epoch is $epoch.

What to do before epoch $activate_at: run version $minimum. A stopped node resumes as soon as it is upgraded; it
signs again $lag_epochs epochs after it has registered.

Ready in epoch $registrations_epoch: $ready of $base. The chance of a quorum right after the switch: $quorum.

Questions: $people
"""

TEMPLATES: Mapping[PhaseName, str] = {"announce": _ANNOUNCE, "activate": _ACTIVATE}

CLOSING = """\
$era is complete on $network

$network has been in the era $era since epoch $activate_at, and it has recovered: in epoch $judged_epoch, $certificates
of the certificates and $stake of the stake of before the switch; the current epoch is $epoch.

Stopped and not back: $missing. Such a node resumes as soon as it runs a version that knows $era.

Questions: $people
"""


def announcement(
    standing: RolloutStanding,
    phase: PhaseName,
    *,
    network: str,
    lag_epochs: int = DEFAULT_LAG_EPOCHS,
    template: str | None = None,
) -> str:
    """The text of an announcement.

    Args:
        standing: the state of the rollout.
        phase: the phase to announce.
        network: the name of the network.
        lag_epochs: epochs from a registration to the signatures that it counts for.
        template: a template in place of the default one.

    Raises:
        ConfigurationError: the template has a name without a figure, or a lone dollar.
    """
    figures = figures_of(standing, phase, network, lag_epochs)
    return _filled(TEMPLATES[phase] if template is None else template, figures)


def closing_text(plan: PlannedRollout, found: Recovery, *, network: str, template: str | None = None) -> str:
    """The text that closes a rollout whose network has recovered.

    Args:
        plan: the plan.
        found: the state of the network.
        network: the name of the network.
        template: a template in place of the default one.

    Raises:
        ConfigurationError: the template has a name without a figure, or a lone dollar.
    """
    return _filled(CLOSING if template is None else template, closing_figures(plan, found, network))


def closing_figures(plan: PlannedRollout, found: Recovery, network: str) -> dict[str, str]:
    """Every figure that a template of the closing text may have, in words."""
    stake = sum(found.missing.values())
    missing = f"{parties_words(len(found.missing))} with {about_ada(stake)}" if found.missing else "nobody"
    return {
        "era": plan.era,
        "network": network,
        "epoch": f"{found.current}",
        "activate_at": f"{found.at}",
        "judged_epoch": UNKNOWN if found.judged is None else f"{found.judged}",
        "certificates": UNKNOWN if found.certificates is None else percent(found.certificates),
        "stake": UNKNOWN if found.stake is None else percent(found.stake),
        "missing": missing,
        "people": ", ".join(map(str, plan.people_to_tell("activate"))) or UNKNOWN,
    }


def _filled(template: str, figures: Mapping[str, str]) -> str:
    text = Template(template)
    try:
        return text.substitute(figures)
    except KeyError as error:
        name = str(error.args[0])
        near = nearest(name, figures)
        raise ConfigurationError(
            f"The template asks for ${name}",
            code="AnnouncementTemplate",
            expected=f"one of {', '.join(f'${known}' for known in figures)}",
            got=f"${name}",
            next_step=f"Did you mean ${near}?" if near else "Correct the template",
        ) from error
    except ValueError as error:
        raise ConfigurationError(
            "The template has a lone dollar",
            code="AnnouncementTemplate",
            expected="$name, or $$ for a dollar",
            got=f"{error}",
            next_step="Correct it",
        ) from error


def figures_of(
    standing: RolloutStanding, phase: PhaseName, network: str, lag_epochs: int = DEFAULT_LAG_EPOCHS
) -> dict[str, str]:
    """Every figure that a template may have, in words."""
    plan, gate, found = standing.plan, standing.evidence.adoption, standing.evidence.forecast
    share = None if gate is None else gate.share
    missing = None if gate is None else gate.missing_stake
    people = ", ".join(map(str, plan.people_to_tell(phase)))
    return {
        "era": plan.era,
        "network": network,
        "epoch": f"{standing.epoch}",
        "announce_epoch": f"{plan.announce.epoch}",
        "activate_at": f"{plan.activate.at}",
        "activate_date": standing.calendar.epoch(plan.activate.at),
        "decide_by": f"{plan.activate.decide_by}",
        "decide_by_date": standing.calendar.epoch(plan.activate.decide_by),
        "threshold": share_words(plan.activate.gate.share),
        "base": plan.activate.gate.base.words,
        "for_epochs": f"{plan.activate.gate.for_epochs}",
        "minimum": (gate.minimum if gate is not None else None) or UNKNOWN,
        "registrations_epoch": UNKNOWN if gate is None else f"{gate.epoch}",
        "ready": UNKNOWN if share is None else f"{share}",
        "missing": UNKNOWN if missing is None else about_ada(missing) if missing else "nothing",
        "whom": UNKNOWN if gate is None else ", ".join(party.party_id for party in gate.whom) or "nobody",
        "quorum": UNKNOWN if found is None else chance_words(found.danger.quorum_probability.value),
        "lag_epochs": f"{lag_epochs}",
        "people": people or UNKNOWN,
    }
