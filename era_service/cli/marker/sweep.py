"""``eraswitch marker sweep``: what strangers put at the era address goes back to the payer; the markers stay.

In: what nodes trust and what is at the address, by one provider. Out: a transaction, submitted and waited for as a
change of the markers is, or written into a file for a signer elsewhere.
"""

from functools import partial

from era_service.cli.marker.build_only import BuildOptions
from era_service.cli.marker.pipeline import MarkerJob
from era_service.cli.shared.commands import command, nested, option, option_group
from era_service.cli.shared.context import AppContext
from era_service.cli.shared.release import LimitOptions, PublishingOptions, output_reference, payment_address_option
from era_service.releasing.sweeping import SweepOrder, look_at_sweep


@option_group()
class SweptOptions:
    """The outputs to sweep, beside old markers, and the payment."""

    spend: tuple[str, ...] = option("--spend", metavar="TX#N", help="Also return this output, whatever it carries.")
    beside: str | None = option(
        "--beside",
        metavar="TX#N",
        callback=output_reference,
        help="The marker output in force, which stays: for a provider that cannot tell it from a copy.",
    )
    copies: bool = option("--copies", help="Return copies of the markers in force, too.")
    payment_address: str = payment_address_option(section="Paying")
    limits: LimitOptions = nested(LimitOptions)


@command(example="eraswitch marker sweep --payment-key-file keys/payment.skey --dry-run")
def sweep(app: AppContext, *, swept: SweptOptions, publishing: PublishingOptions, build: BuildOptions) -> None:
    """Return what others put at the era address to the payer, without touching the markers in force.

    Sweeps every output with a datum, old markers first, as many as fit into one transaction. The marker output in force
    always stays, copies of it unless --copies is given, and outputs with only ada or tokens unless --spend names them.
    It needs no era key. After an interruption the same command continues or reports that it is done.
    """
    settings = publishing.network.settings(app)
    purse = swept.limits.purse(swept.payment_address, swept.spend, sweep=True)
    order = SweepOrder(publishing.means(settings, purse), swept.beside, swept.copies)
    look = partial(look_at_sweep, order=order)
    done = "the era address holds nothing to sweep"
    build.run(settings, MarkerJob(order.means, publishing.output, look, done_words=done, reaches_nodes=False))
