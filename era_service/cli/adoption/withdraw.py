"""``eraswitch adoption withdraw``: registrations of a source count no longer, for a reason.

In: the name of a source. Out: how many registrations of which epochs are gone, in words or as JSON.
"""

from collections.abc import Mapping

import click

from era_service.cli.adoption.options import StoreOptions
from era_service.cli.shared.commands import SectionedCommand, option, option_group, takes
from era_service.cli.shared.context import AppContext, pass_app
from era_service.cli.shared.output import echo_result
from era_service.cli.shared.release import JsonOptions
from era_service.ingest_progress import registrations_words
from era_service.wiring.adoption import open_adoption_store
from era_store import Withdrawal
from eras import Epoch
from release_tools.registrations.withdrawal import withdraw as run


@option_group()
class WithdrawOptions:
    """The registrations to withdraw, and the reason."""

    reason: str = option(
        "--reason", required=True, metavar="WHY", help="The reason; it is kept with each of them and in the event log."
    )
    from_epoch: Epoch = option(
        "--from-epoch", default="0", metavar="N", help="Only those of epoch N and later; by default all."
    )
    signed_too: bool = option("--signed-too", help="Also those that their parties have signed.")
    dry_run: bool = option("--dry-run", help="Report how many they are, but change nothing.")


@click.command(
    cls=SectionedCommand, example='eraswitch adoption withdraw "api 3f2a" --reason "a stolen token" --dry-run'
)
@click.argument("source")
@takes(what=WithdrawOptions, data=StoreOptions, output=JsonOptions)
@pass_app
def withdraw(
    app: AppContext, /, *, source: str, what: WithdrawOptions, data: StoreOptions, output: JsonOptions
) -> None:
    """Withdraw what SOURCE registered, for example with a stolen token.

    SOURCE is "api ID" for what came with the token ID, which is revoked first (token revoke); else the name that
    adoption export shows. Registrations signed by their party stay, whoever delivered them. All others are kept among
    the rejects, each as a line that adoption ingest reads.
    """
    if not what.reason.strip():
        raise click.BadParameter("expected a reason in words", param_hint="--reason")
    withdrawal = Withdrawal(source, what.reason, what.from_epoch, signed_too=what.signed_too, dry_run=what.dry_run)
    with open_adoption_store(data.settings(app)) as opened:
        found = run(opened, withdrawal)
    epochs = [{"epoch": epoch, "registrations": count} for epoch, count in sorted(found.items())]
    document = {"source": source, "dry_run": what.dry_run, "withdrawn": sum(found.values()), "epochs": epochs}
    echo_result(document, (_words(withdrawal, found),), as_json=output.as_json)


def _words(withdrawal: Withdrawal, found: Mapping[Epoch, int]) -> str:
    if not found:
        return f"{withdrawal.source}: there is nothing to withdraw"
    them = registrations_words(sum(found.values()))
    when = f"epoch {min(found)}" if len(found) == 1 else f"epochs {min(found)} to {max(found)}"
    done = "could be withdrawn; nothing was changed" if withdrawal.dry_run else "withdrawn"
    return f"{withdrawal.source}: {them} of {when} {done}"
