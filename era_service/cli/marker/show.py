"""``eraswitch marker show``: what nodes trust now, and what deployed Mithril readers could make of it."""

from chain_reader.genesis import EpochCalendar
from era_service.cli.shared.commands import command
from era_service.cli.shared.context import AppContext
from era_service.cli.shared.output import echo_json, echo_lines, printable, warn
from era_service.cli.shared.publication_view import refused_lines, sight_lines
from era_service.cli.shared.release import JsonOptions, NetworkOptions
from era_service.releasing.session import require_magic
from era_service.releasing.trusted_snapshot import TrustedDocument, read_trusted


@command(example="eraswitch marker show --network preview")
def show(app: AppContext, *, network: NetworkOptions, output: JsonOptions) -> None:
    """Show what nodes trust now, and what deployed Mithril readers could read if that differs."""
    settings = network.settings(app)
    require_magic(settings)
    document, calendar = read_trusted(settings)
    if output.as_json:
        dates = {one["name"]: calendar.iso(one["epoch"]) for one in document["markers"]}
        echo_json(document | {"begins_at": dates})
        return
    echo_lines(_shown(document, calendar))
    warn(document["alarms"])
    warn([] if document["stale"] is None else [f"stale: {document['stale']}"])


def _shown(document: TrustedDocument, calendar: EpochCalendar) -> list[str]:
    network, trusted = document["network"], document["trusted"]
    lines = [f"At {network['era_address']}, magic {network['magic']}", *sight_lines(document)]
    width = max((len(printable(one["name"])) for one in document["markers"]), default=0)
    for one in document["markers"]:
        begins = "announced" if one["epoch"] is None else f"from {calendar.coming(one['epoch'])}"
        lines.append(f"  {printable(one['name']):<{width}}  {begins}")
    if trusted is None:
        lines.append("Trusted       nothing")
    else:
        slot = "" if trusted["slot"] is None else f" at slot {trusted['slot']}"
        lines.append(f"Trusted       transaction {trusted['transaction']}{slot}")
        lines.append(f"  signed by   {trusted['key']}")
    if document["thread_token"] is not None:
        lines.append(f"Thread token  {document['thread_token']['token']}")
        lines.append(f"  {document['thread_token']['words']}")
    if document["legacy"]["differs"]:
        lines.append(f"Legacy view   {printable(document['legacy']['words'] or '')}")
    return lines + refused_lines(document["verdicts"])
