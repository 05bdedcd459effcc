"""``eraswitch sync``: follow a leader once."""

from contextlib import closing

from era_service.cli.shared.arguments import json_option
from era_service.cli.shared.commands import command, option, option_group, settings_given
from era_service.cli.shared.context import AppContext
from era_service.cli.shared.output import echo_result
from era_service.follower import sync as follower
from era_service.service.place import open_service_store
from era_service.wiring.leader import require_follower
from era_service.wiring.trust import network_key
from eras.words import counted

_WORDS = {
    "forced": "its whole history was taken, as requested",
    "empty": "its whole history was taken",
    "genesis-changed": "its whole history was taken: the era address, the key or the network has changed",
    "new": "the new part was taken",
    "nothing-new": "there is nothing new",
    "behind": "it is behind what is known here, so nothing was taken",
}


@option_group()
class SyncOptions:
    """The leader, and the part of its history that is taken."""

    leader: str | None = option(
        "--from", metavar="URL", setting="follower.leader", help="The leader's service; by default follower.leader."
    )
    force: bool = option("--force", help="Take its whole history again, whatever is known here.")
    with_registrations: bool | None = option(
        "--with-registrations", setting="follower.registrations", help="Take the registrations too."
    )
    store: str | None = option(
        "--store",
        metavar="URL",
        setting="store.url",
        section="Data",
        help="The store; by default store.url, or the service's own file.",
    )


@command(example="eraswitch sync --from https://eras.example --store follower.sqlite3")
@json_option
def sync(app: AppContext, *, what: SyncOptions, as_json: bool) -> None:
    """Copy the verified marker history from a leader, so that this machine can serve it without a chain provider.

    Every link and signature is verified before anything is written. A machine that reads the chain itself follows
    nobody.
    """
    settings = app.load(settings_given(what)).settings
    require_follower(settings)
    with closing(open_service_store(settings, network_key(settings))) as opened:
        report = follower.sync(settings, opened, force=what.force, with_registrations=settings.follower.registrations)
    words = f"{report.leader}: {_WORDS[report.reason]} ({report.taken} of {counted(report.payloads, 'payload')})"
    if report.registrations is not None:
        words += f"; {counted(report.registrations.accepted, 'registration')}"
    if report.configurations is not None:
        of = report.configurations
        words += f"; protocol configurations: {_WORDS[of.reason]} ({of.taken} of {counted(of.payloads, 'payload')})"
    echo_result(report.to_dict(), (words,), as_json=as_json)
