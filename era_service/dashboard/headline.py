"""The most important numbers: the time to the activation, and the stake that is ready for it.

In: the status of the network, its calendar, and the readiness of the stake. Out: a ``Headline``, and its notices.
"""

from collections.abc import Iterator, Sequence

from chain_reader.genesis import EpochCalendar
from era_service.dashboard.views import Answer, Current, Headline, Notice, Readiness, Tone
from era_service.dashboard.words import duration, iso, sentence
from era_service.service.documents import EraDocument, EraStatus, NetworkDocument
from eras.words import counted
from release_tools.forecasting.result import Verdict
from release_tools.forecasting.safety import SwitchSafety


def headline(
    status: EraStatus, calendar: EpochCalendar, readiness: Readiness | None, why_unknown: str = ""
) -> Headline:
    """The headline of a status.

    Args:
        status: of the network.
        calendar: when its epochs begin.
        readiness: the stake that is ready, if known.
        why_unknown: the reason if it is not.
    """
    if status.current is None:
        return Headline("Which era it is:", "not known", "", "A node that starts now finds no era to run.", "", "bad")
    current = Current(
        status.current.name,
        f"Since epoch {status.current.epoch}; epoch {status.epoch} now.",
        "good" if status.current.supported else "bad",
    )
    coming = status.upcoming
    if coming is None:
        return Headline(
            "The network is in the era",
            status.current.name,
            "",
            f"{current.under} No other era is announced.",
            status.current.state,
            current.tone,
            readiness=readiness,
        )
    if coming.epoch is None or coming.epochs_left is None:
        return Headline(
            "The next era is",
            coming.name,
            "",
            "Announced; its epoch is not decided yet.",
            coming.state,
            "quiet" if coming.supported else "bad",
            readiness=readiness,
            current=current,
            why_unknown=why_unknown,
        )
    at_s = calendar.begins_s(coming.epoch)
    when = f"At {calendar.epoch(coming.epoch)}"
    return Headline(
        f"{coming.name} activates in",
        f"{coming.epochs_left:,}",
        "epoch" if coming.epochs_left == 1 else "epochs",
        f"{when}.",
        coming.state,
        _tone(coming, readiness),
        None if at_s is None else iso(at_s),
        "" if at_s is None else duration(at_s - calendar.now_s),
        readiness,
        current,
        why_unknown,
    )


_ANSWERS: dict[Verdict, tuple[Tone, str]] = {
    Verdict.SAFE: ("good", "It is safe to switch to"),
    Verdict.NOT_YET: ("attention", "It is not yet safe to switch to"),
    Verdict.NOT_SAFE: ("bad", "It is not safe to switch to"),
    Verdict.UNKNOWN: ("attention", "It is not known whether it is safe to switch to"),
}


def answer(era: str, safety: SwitchSafety, *, supported: bool = True) -> Answer:
    """Whether it is safe to switch to an era, as the page's first sentence.

    Args:
        era: its name.
        safety: the answer.
        supported: whether this service's own release supports the era.
    """
    tone, words = _ANSWERS[safety.verdict]
    tone = "attention" if tone == "good" and not supported else tone
    return Answer(tone, sentence(f"{words} {era}: {safety.reasons[0]}"), tuple(map(sentence, safety.reasons[1:])))


def _tone(coming: EraDocument, readiness: Readiness | None) -> Tone:
    if not coming.supported:
        return "bad"
    if coming.state == "locked" and readiness is not None and not readiness.met:
        return "attention"
    return "quiet"


def page_notices(status: EraStatus, alarms: Sequence[str] = ()) -> Iterator[Notice]:
    """Problems, most severe first.

    Args:
        status: of the network.
        alarms: further problems, in sentences.
    """
    current, coming = status.current, status.upcoming
    if status.error is not None and (current is None or current.supported):  # otherwise it has a notice of its own
        text = sentence(str(status.error.message or status.error.what))
        yield Notice("bad", "No era follows from what is trusted", text)
    if current is not None and not current.supported:
        text = "Nodes of the same release have stopped. Upgrade this service and those nodes."
        yield Notice("bad", f"This service does not know the current era {current.name}", text)
    if status.conflicts:
        outputs = counted(len(status.conflicts), "payload")
        text = sentence(status.conflicts[0].reason) + " What was trusted before stays in force."
        yield Notice("bad", sentence(f"{outputs} in conflict with what is trusted"), text)
    if coming is not None and not coming.supported:
        tone: Tone = "bad" if coming.state == "locked" else "attention"
        text = "Nodes of the same release will have to stop when it begins. Upgrade before then."
        yield Notice(tone, f"This service does not know the upcoming era {coming.name}", text)
    if status.stale is not None:
        text = sentence(status.stale) + " What was trusted stays in force, and the schedule with it."
        yield Notice("attention", "Stale: the chain does not confirm what is shown", text)
    if status.legacy is not None and status.legacy.differs and status.legacy.words is not None:
        title = "A reader without rules of trust could follow another payload"
        yield Notice("attention", title, sentence(status.legacy.words))
    yield from (Notice("attention", sentence(words)) for words in alarms)
    yield from rehearsal_notices(status.network)


def rehearsal_notices(network: NetworkDocument) -> tuple[Notice, ...]:
    """The notice on every page of a rehearsal."""
    if not network.embedded:
        return ()
    return (
        Notice(
            "attention",
            "A rehearsal: parties, stakes and eras are made up, and this is not a real network",
            "An epoch takes a minute, and nothing is kept. To follow a real network: "
            "eraswitch serve --network NAME --provider URL",
        ),
    )
