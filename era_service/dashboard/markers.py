"""The markers on the chain, with the verdict on each payload, and the health of the providers that read them.

In: the status and the history of the era address; the answers of the providers when they were last asked. Out: a
``Panel`` of each. The public view hides the providers: whoever knows where a service reads knows whom to attack.
"""

from collections import Counter
from collections.abc import Sequence

from chain_reader.trust.verdicts import NOT_REFUSED, Superseded, Unconfirmed
from datum.verdicts import Accepted, OtherKind
from era_service.dashboard.views import MARKERS, PROVIDERS, Cell, Fact, Notice, Panel, Table, Tone, notice_panel
from era_service.dashboard.words import clock, latency, listed, sentence, short_hash
from era_service.service.documents import EraHistory, EraStatus, HistoryEntry, ProviderDocument, ProviderHealth
from era_service.status.documents import MarkerDocument, RefusedOutput
from eras.words import counted


def markers_panel(status: EraStatus, history: EraHistory) -> Panel:
    """The panel of the markers."""
    others = _others(status, history)
    rows = (*map(_row, history.payloads), *map(_other_row, others))
    if not rows:
        text = "Payloads appear here once they are read."
        return notice_panel(MARKERS, "quiet", "Nothing was ever at the era address", text)
    refused = Counter(entry.verdict for entry in history.payloads if _is_refused(entry))
    refused.update(one.verdict for one in others)
    count = sum(refused.values())
    kinds = listed([f"{number} {verdict}" for verdict, number in sorted(refused.items())])
    facts = [_in_force(status)]
    if status.stale is not None:
        lead = "From memory: the chain did not confirm it at the last reading."
    elif count:
        lead = f"{counted(count, 'payload')} refused: {kinds}. They changed nothing."
    else:
        lead = "Every payload at the era address came from the release team."
    if count or status.stale is None:
        facts.append(Fact("Refused", f"{count:,}", "attacks and mistakes", "attention" if count else None))
    return Panel(
        *MARKERS,
        lead,
        facts=tuple(facts),
        table=Table(
            "Payloads at the era address, newest first, with their verdicts",
            ("Markers", "Verdict", "Output", ">Seen"),
            rows,
            rest=history.not_listed,
        ),
    )


def _row(entry: HistoryEntry) -> tuple[Cell, ...]:
    tone, words = _verdict(entry)
    is_lawful = entry.superseded or entry.verdict in (Superseded.name, Accepted.name)
    return (
        Cell(describe(entry.markers)),
        Cell(words, tone, note="" if is_lawful else entry.reason),
        Cell(short_hash(entry.output), code=True, note={True: "spent", False: "unspent", None: ""}[entry.spent]),
        Cell(_seen(entry)),
    )


def _seen(entry: HistoryEntry) -> str:
    if entry.slot is not None:
        return f"slot {entry.slot:,}"
    return "" if entry.seen_epoch is None else f"epoch {entry.seen_epoch}"


def _others(status: EraStatus, history: EraHistory) -> list[RefusedOutput]:
    """The refused outputs without a payload, which the history does not list."""
    known = {entry.output for entry in history.payloads}
    return [one for one in status.refused if one.output not in known]


def _other_row(one: RefusedOutput) -> tuple[Cell, ...]:
    return (
        Cell("no payload"),
        Cell(f"Refused: {one.verdict}", "bad", note=one.reason),
        Cell(short_hash(one.output), code=True),
        Cell("" if one.slot is None else f"slot {one.slot:,}"),
    )


def _verdict(entry: HistoryEntry) -> tuple[Tone, str]:
    if entry.superseded or entry.verdict == Superseded.name:
        return "quiet", "Superseded"
    if entry.verdict == Accepted.name:
        return "good", "In force"
    if entry.verdict == Unconfirmed.name:
        return "attention", "Not deep enough yet"
    if entry.verdict == OtherKind.name:
        return "quiet", "Another kind"
    return "bad", f"Refused: {entry.verdict}"


def _is_refused(entry: HistoryEntry) -> bool:
    return not entry.superseded and entry.verdict not in NOT_REFUSED


def _in_force(status: EraStatus) -> Fact:
    if status.trusted is None:
        return Fact("In force", "nothing")
    transaction = status.trusted.transaction
    source = status.trusted.source if transaction is None else f"published by {short_hash(transaction)}"
    return Fact("In force", counted(len(status.eras), "marker"), source)


def describe(markers: Sequence[MarkerDocument]) -> str:
    """Markers in words: ``thales at 1, pythagoras announced``."""
    return (
        ", ".join(
            f"{marker.name} announced" if marker.epoch is None else f"{marker.name} at {marker.epoch}"
            for marker in markers
        )
        or "no markers"
    )


def providers_panel(health: ProviderHealth, *, public: bool) -> Panel:
    """The panel of the providers."""
    if public:
        text = "The state of the providers is shown to those who run the service only."
        return notice_panel(PROVIDERS, "quiet", "Not in the public view", text)
    if not health.providers:
        text = "The first reading of the chain fills this in."
        return notice_panel(PROVIDERS, "quiet", "No provider was asked yet", text)
    answering = sum(provider.ok for provider in health.providers)
    lead = f"{answering} of {counted(len(health.providers), 'provider')} answered when last asked."
    notices: list[Notice] = []
    if not answering:
        notices.append(
            Notice("bad", "No provider answers", "The remembered schedule stays in force; nothing new is read.")
        )
    elif health.agreement is not None and answering < health.agreement:
        notices.append(Notice("bad", "Too few providers answer", f"{health.agreement} of them must agree."))
    facts = [Fact("Asked every", f"{health.poll_interval_s:g} s")]
    if health.agreement is not None:
        facts.append(Fact("Must agree", str(health.agreement)))
    if health.last_read_at_s is not None:
        facts.append(Fact("Chain read at", clock(health.last_read_at_s)))
    return Panel(
        *PROVIDERS,
        lead,
        tuple(notices),
        tuple(facts),
        table=Table(
            "Providers in the order in which they are asked",
            ("Provider", "State", ">Took", ">Asked at"),
            tuple(map(_provider_row, health.providers)),
        ),
    )


def _provider_row(provider: ProviderDocument) -> tuple[Cell, ...]:
    failure = sentence(provider.error) if provider.error else ""
    return (
        Cell(provider.name),
        Cell("Answers", "good") if provider.ok else Cell("Does not answer", "bad", note=failure),
        Cell(latency(provider.latency_s)),
        Cell(clock(provider.asked_at_s)),
    )
