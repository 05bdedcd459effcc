"""The health of the providers of chain data.

In: what the service found when it last asked them. Out: a ``Panel``. The public view has nothing of them: whoever knows
where a service reads knows whom to attack.
"""

from era_service.dashboard.views import Cell, Fact, Notice, Panel, Table
from era_service.dashboard.words import clock, counted, latency, sentence
from era_service.service.documents import ProviderDocument, ProviderHealth


def providers_panel(health: ProviderHealth, *, public: bool) -> Panel:
    """The panel of the providers."""
    if public:
        hidden = Notice(
            "quiet", "Not in the public view", "The state of the providers is shown to those who run the service only."
        )
        return Panel("providers", "Providers", notices=(hidden,))
    if not health.providers:
        return Panel(
            "providers",
            "Providers",
            notices=(Notice("quiet", "No provider was asked yet", "The first reading of the chain fills this in."),),
        )
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
        "providers",
        "Providers",
        lead,
        tuple(notices),
        tuple(facts),
        table=Table(
            "Providers in the order in which they are asked",
            ("Provider", "State", ">Took", ">Asked at"),
            tuple(map(_row, health.providers)),
        ),
    )


def _row(provider: ProviderDocument) -> tuple[Cell, ...]:
    failure = sentence(provider.error) if provider.error else ""
    return (
        Cell(provider.name),
        Cell("Answers", "good") if provider.ok else Cell("Does not answer", "bad", note=failure),
        Cell(latency(provider.latency_s)),
        Cell(clock(provider.asked_at_s)),
    )
