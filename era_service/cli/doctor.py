"""``eraswitch doctor``: problems with keys, addresses, providers, clock and store, and their remedies."""

import time
from contextlib import closing, nullcontext
from functools import partial
from pathlib import Path

from chain_reader import EraReading, TrustPolicy
from chain_reader.genesis import PUBLIC_GENESES
from chain_reader.providers.from_url import NoGatewayError
from chain_reader.providers.gateway import Network
from chain_reader.thread_token import token_unit
from datum import VerificationKey
from era_service.cli.shared.arguments import file_of
from era_service.cli.shared.commands import command, nested, option, option_group
from era_service.cli.shared.context import AppContext
from era_service.cli.shared.key_loading import load_payment_key, read_secret_key
from era_service.cli.shared.output import echo_json, echo_wrapped, printable
from era_service.cli.shared.release import EraKeyOptions, JournalOptions, JsonOptions, NetworkOptions, PaymentKeyOptions
from era_service.config.networks import NETWORKS
from era_service.config.schema import ProviderSettings, Settings
from era_service.releasing.session import require_magic
from era_service.webhooks.sending import AddressError, addresses_of, place_of
from era_service.webhooks.settings import secrets_of
from era_service.wiring.genesis import genesis_of_network
from era_service.wiring.leader import open_leader
from era_service.wiring.providers import open_gateway, open_provider, providers_of
from era_service.wiring.trust import configuration_policy, era_place, era_script, policies
from era_store.redaction import mask_url
from eras import EraSwitchError
from eras.words import counted
from release_tools.doctor import Examination, Health
from release_tools.provider_trials import try_provider
from release_tools.publishing.journal import Journal, JournalEntry
from release_tools.publishing.publication import Publisher, Standing, Unfinished

MARKS = {Health.OK: "ok     ", Health.WARNING: "WARNING", Health.PROBLEM: "PROBLEM"}


@option_group()
class DoctorOptions:
    """Further checks."""

    payment_address: str | None = option(
        "--payment-address", metavar="ADDR", help="Also check the funds at this address."
    )
    store: str | None = option(
        "--store", metavar="URL", section="Data", help="Check this store; by default the configured one."
    )
    journal: JournalOptions = nested(JournalOptions)


@command(example="eraswitch doctor --network preview --secret-key @keys/era.sk")
def doctor(
    app: AppContext,
    *,
    keys: EraKeyOptions,
    payment: PaymentKeyOptions,
    what: DoctorOptions,
    network: NetworkOptions,
    output: JsonOptions,
) -> int:
    """Check what could go wrong in a rollout, and show what to do about it.

    Checks the network, the era address, every provider and its tip (on a follower, the leader), the clock, the journal,
    and the named keys, funds and store. Changes nothing. The exit code is 1 if there is a problem; warnings do not
    count.
    """
    settings = network.settings(app)
    examination = Examination()
    place = _place(settings, examination)
    magic = settings.network.magic
    network_id = None if magic is None else Network.of(magic).network_id
    address, key = place or (None, None)
    examination.era_script = examination.attempt("script of the era address", lambda: era_script(settings))
    if address is not None and network_id is not None:
        examination.address("era address", address, network_id)
    secret_key = keys.text(settings)
    if secret_key is not None:
        path = None if (file := file_of(secret_key)) is None else Path(file)
        examination.era_key(lambda: read_secret_key(secret_key), path, key)
    if key is not None:
        examination.shared_key(settings.network.name, magic, key, _networks(settings))
    payers = [
        examination.payment_key(path, network_id, address, load_payment_key)
        for path in payment.payment_key_files or settings.keys.payment_key_files
    ]
    wanted = [what.payment_address, *payers] if what.payment_address else payers or [address]
    _providers(settings, examination, [one for one in dict.fromkeys(wanted) if one is not None])
    if (url := what.store or settings.store.url) is not None:
        examination.store(url, named=what.store is not None)
    _webhooks(settings, examination)
    _journal(settings, examination, what.journal.root, address)
    if output.as_json:
        echo_json(
            {"healthy": examination.is_healthy, "findings": [finding.to_dict() for finding in examination.findings]}
        )
    else:
        for finding in examination.findings:
            words = f"{MARKS[finding.health]}  {printable(finding.check)}: {printable(finding.words)}"
            echo_wrapped(words, indent=9)
            if finding.next_step is not None and finding.health is not Health.OK:
                echo_wrapped(f"         {printable(finding.next_step)}", indent=9)
    return 0 if examination.is_healthy else 1


def _place(settings: Settings, examination: Examination) -> tuple[str, VerificationKey] | None:
    """The place where markers are published; what is missing is a finding."""
    examination.attempt("network", lambda: require_magic(settings), lambda magic: f"magic {magic}")
    return examination.attempt("era markers", lambda: era_place(settings), lambda place: f"at {place[0]}")


def _networks(settings: Settings) -> dict[str, tuple[int, str]]:
    """Magic and era key of every network that is known, by name."""
    known = {name: (preset.magic, preset.verification_key) for name, preset in NETWORKS.items()}
    return known | {name: (custom.magic, custom.verification_key) for name, custom in settings.networks.items()}


def _providers(settings: Settings, examination: Examination, payers: list[str]) -> None:
    """Check every provider; the first that takes transactions reports the funds. A follower has a leader instead."""
    providers = providers_of(settings)
    if settings.follower.leader is not None:
        _leader(settings, examination)
    elif not providers:
        examination.problem("providers", "there is none", "Give --provider, or set reader.providers")
    for provider in providers:
        if _provider(provider, settings, examination, payers):
            payers = []
    examination.agreement()


def _leader(settings: Settings, examination: Examination) -> None:
    """Check the leader that a follower asks in place of providers: its answers, and its history."""
    check = f"leader {mask_url(settings.follower.leader or '')}"
    opened = examination.attempt(check, lambda: (policies(settings), open_leader(settings)))
    if opened is None:
        return
    followed, leader = opened
    with closing(leader):

        def ask(policy: TrustPolicy) -> str:
            one = leader.under(policy)
            epoch = one.epoch()
            one.datums(policy.address)
            return f"it answers: epoch {epoch}, and its history of {counted(len(one.chain), 'payload')} is verified"

        for policy in followed:
            of = "" if policy is followed[0] else f", {policy.kind.markers}"
            examination.attempt(f"{check}{of}", partial(ask, policy), str)


def _provider(provider: ProviderSettings, settings: Settings, examination: Examination, payers: list[str]) -> bool:
    """Check one provider, and return whether it reported the funds."""
    from release_tools.thread_check import check_thread_token

    name, magic = mask_url(provider.url), settings.network.magic
    observer = examination.attempt(f"provider {name}", lambda: open_provider(provider, settings))
    if observer is None:
        return False
    with closing(observer):
        try:
            gateway = open_gateway(provider, settings)
        except NoGatewayError:
            gateway = None
        with nullcontext() if gateway is None else closing(gateway):
            public = None if magic is None else PUBLIC_GENESES.get(magic)
            network = examination.provider(
                name,
                observer,
                gateway,
                magic=magic,
                genesis=lambda: genesis_of_network(settings, observer),
                is_public=public is not None,
                now_s=time.time(),
            )
            if examination.has_answered(name):
                try_provider(examination, name, observer, gateway, settings.network.era_address)
            if gateway is None and settings.trust.thread_token is not None:
                examination.warning(
                    "thread token",
                    f"not checked: {name} does not know where it is, or how many there are",
                    "Use another provider: eraswitch doctor --provider URL",
                )
            if gateway is None or network is None:
                return False
            if settings.trust.thread_token is not None and settings.network.era_address is not None:
                unit = token_unit(settings.trust.thread_token)
                check_thread_token(examination, observer, gateway, settings.network.era_address, unit)
            elif settings.network.era_address is not None:
                examination.fine(
                    "thread token",
                    "none is configured: eraswitch marker adopt-token mints one, which protects nodes from "
                    "copied outputs",
                )
            configurations = examination.attempt("configurations", lambda: configuration_policy(settings), _configured)
            check = "thread token of configurations"
            if configurations is not None and configurations.thread_token is None:
                examination.fine(
                    check, "none is configured: eraswitch marker configuration publish FILE --mint-token mints one"
                )
            elif configurations is not None and (own := configurations.thread_token) is not None:
                check_thread_token(examination, observer, gateway, configurations.address, own, check=check)
            for payer in payers:
                examination.funds(gateway, payer, network.network_id)
    return True


def _configured(policy: TrustPolicy | None) -> str:
    return "not read: protocol_configuration.enabled is off" if policy is None else f"at {policy.address}"


def _standing(settings: Settings, journal: Journal, entry: JournalEntry) -> Standing | None:
    """The state of a publication by the first provider that answers; ``None`` where none does."""
    for provider in providers_of(settings):
        try:
            with closing(open_gateway(provider, settings)) as gateway:
                return Publisher(gateway, journal, lambda: EraReading(())).standing(entry)
        except EraSwitchError:
            continue  # a problem of the provider is a finding of its own
    return None


def _webhooks(settings: Settings, examination: Examination) -> None:
    """Check that each webhook has a usable secret, and an address that may be sent to; nothing is sent."""
    for one in settings.service.webhooks:
        check = f"webhook {one.name}"
        if examination.attempt(check, partial(secrets_of, one)) is None:
            continue
        try:
            addresses_of(*place_of(one.url), allow_private=one.allow_private)
        except AddressError as error:
            examination.problem(check, f"{one.host}: {error}", "Correct its url under [[service.webhooks]]")
        else:
            examination.fine(check, f"{one.host}; eraswitch webhooks test {one.name} sends a message")


def _journal(settings: Settings, examination: Examination, folder: Path, address: str | None) -> None:
    magic = settings.network.magic

    def unfinished() -> Unfinished | None:
        if magic is None or address is None:
            return None
        journal = Journal(folder, magic, address)
        entry = journal.current()
        return None if entry is None else Unfinished(entry, _standing(settings, journal, entry))

    examination.journal(folder, unfinished)
