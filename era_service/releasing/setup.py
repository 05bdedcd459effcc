"""Sets up a release team's folder: keys, the configuration with their paths, and a rehearsal chain on request.

In: an operator's request. Out: a ``SetUp``, which is checked as a whole before anything is written; then the files.
Nothing that exists is ever replaced:

1. A public network already has its era address and era key; given keys must match them, and none are created.
2. Your own network gets a new era key and a new payment key unless they are given. The payment key owns the era
   address.
3. A provider that answers must be of that network.
4. The configuration holds paths of keys, never keys.
"""

import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

from chain_reader.local_chain import Genesis, LocalChain
from chain_reader.providers.from_url import NoGatewayError
from chain_reader.providers.gateway import Network
from datum import EraSigner, SigningKey, VerificationKey
from era_service.config.load import load_settings
from era_service.config.mistakes import InvalidConfigurationError
from era_service.config.networks import NETWORKS, full_name
from era_service.config.schema import Settings
from era_service.wiring.providers import open_gateway, open_provider, providers_of
from era_store.drafts import new_folder, write_new
from eras import ChainReadError, ConfigurationError, Epoch, StoreError, TransactionError
from release_tools import PaymentKey
from release_tools.keys.files import SECRET_KEY_FILE, VERIFICATION_KEY_FILE, write_key_pair
from release_tools.keys.payment_key import PaymentSigner
from release_tools.transactions.drafting import require_network
from release_tools.transactions.owners import owner_of, parse_address

LOCAL = "local:"
PAYMENT_KEY_FILE = "payment.skey"
_NAME = r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}"
_FIRST_FUNDS = "100 ada"
_OPTIONS = {"providers": "--provider", "supported_eras": "--era", "project_id_file": "--project-id-file"}
"""The options that settings of the new configuration come from."""


@dataclass(frozen=True, slots=True)
class SetUpOrder:
    """An operator's request.

    Attributes:
        name: the network, a public one or of one's own.
        magic: of a network of one's own; ``None`` where its rehearsal chain has it.
        provider: URL of the provider; ``None`` where the public network has one of its own.
        project_id_file: file with the provider's API key.
        era_key_file: secret era key that exists.
        verification_key: the public half, where somebody else signs the markers.
        payment_key_file: payment key that exists.
        era_address: the era address, where the payment key is elsewhere.
        eras: the supported eras of a network of one's own, oldest first; none for the default.
        keys_folder: where new keys go.
        config: the configuration file to write.
        passphrase: new keys are encrypted with it; ``None`` where they are not.
    """

    name: str
    magic: int | None
    provider: str | None
    project_id_file: Path | None
    era_key_file: Path | None
    verification_key: VerificationKey | None
    payment_key_file: Path | None
    era_address: str | None
    eras: tuple[str, ...]
    keys_folder: Path
    config: Path
    passphrase: bytes | None = field(default=None, repr=False)

    @property
    def rehearsal_chain(self) -> Path | None:
        """The file of the rehearsal chain, where the provider is one."""
        is_local = self.provider is not None and self.provider.startswith(LOCAL)
        return Path((self.provider or "").removeprefix(LOCAL)) if is_local else None


@dataclass(frozen=True, slots=True)
class SetUp:
    """The result of the set-up.

    Attributes:
        order: what was asked for.
        magic: of the network.
        era_address: where markers are published.
        verification_key: what they are signed with.
        is_public: whether the network is a public one.
        era_key: the era key that is made; ``None`` where none is.
        payment_key: the payment key that is made.
        text: the configuration.
        settings: the configuration, loaded.
        epoch: the current epoch; ``None`` where the provider could not be reached.
        warning: why it could not.
        chain_genesis: of the rehearsal chain, where there is one.
    """

    order: SetUpOrder
    magic: int
    era_address: str
    verification_key: VerificationKey
    is_public: bool
    era_key: SigningKey | None
    payment_key: PaymentKey | None
    text: str
    settings: Settings
    epoch: Epoch | None
    warning: str | None
    chain_genesis: Genesis | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that are written."""
        return tuple(_files(self.order, era_key=self.era_key is not None, payment_key=self.payment_key is not None))

    @property
    def commands(self) -> tuple[str, ...]:
        """The commands to run next, in this order."""
        config = "" if self.order.config == Path("eraswitch.toml") else f" --config {self.order.config}"
        if self.is_public:
            has_keys = self.order.era_key_file is not None or self.order.payment_key_file is not None
            return (f"eraswitch {'doctor' if has_keys else 'status'}{config}",)
        era = self.settings.network.supported_eras[0]
        first = f"eraswitch marker activate {era} --at {'EPOCH' if self.epoch is None else self.epoch}{config}"
        token = f"eraswitch marker adopt-token --write{config}"
        chain = self.order.rehearsal_chain
        if chain is None:
            return (f"eraswitch doctor{config}", first, token)
        return (f"eraswitch local-chain fund {chain} {self.era_address} {_FIRST_FUNDS}", first, token)

    def write(self) -> None:
        """Write the keys, the rehearsal chain and the configuration: all of them, or none.

        Raises:
            ConfigurationError: something exists already, or cannot be written.
            StoreError: the rehearsal chain cannot be created.
        """
        order, chain = self.order, self.order.rehearsal_chain
        with ExitStack() as folder, ExitStack() as undo:
            if self.era_key is not None or self.payment_key is not None:
                _make_folder(order.keys_folder, folder)
            if self.era_key is not None:
                pair = write_key_pair(order.keys_folder, self.era_key, order.passphrase)
                undo.callback(pair.secret_key.unlink)
                undo.callback(pair.verification_key.unlink)
            if self.payment_key is not None:
                self.payment_key.save(order.keys_folder / PAYMENT_KEY_FILE, order.passphrase)
                undo.callback((order.keys_folder / PAYMENT_KEY_FILE).unlink)
            if chain is not None and not chain.exists():
                LocalChain.create(chain, genesis=self.chain_genesis).close()
                undo.callback(chain.unlink)
            try:
                write_new(order.config, self.text, 0o644)
            except OSError as error:
                raise ConfigurationError(
                    f"The configuration {order.config} cannot be written",
                    expected="a new file in a folder that exists",
                    got=error.strerror or type(error).__name__,
                    next_step="Make room, or choose another place with --config",
                    code="SetUp",
                ) from error
            undo.pop_all()


def _make_folder(folder: Path, until: ExitStack) -> None:
    """Create the folder of new keys; a failure while ``until`` is open removes it again."""
    try:
        until.enter_context(new_folder(folder))
    except OSError as error:
        raise ConfigurationError(
            f"The folder {folder} for the new keys cannot be made",
            expected="a folder that this user may write to",
            got=error.strerror or type(error).__name__,
            next_step="Choose another one: --keys DIR",
            code="SetUp",
        ) from error


def set_up(order: SetUpOrder, given: EraSigner | None, payer: PaymentSigner | None) -> SetUp:
    """Check the whole request, and create the keys; nothing is written.

    Args:
        order: what is asked for.
        given: the era key in ``order.era_key_file``, where one is named.
        payer: the payment key in ``order.payment_key_file``, where one is named.

    Raises:
        ConfigurationError: something is missing, contradicts something else, or exists already.
    """
    public = NETWORKS.get(full_name(order.name))
    there = _existing_chain(order.rehearsal_chain)
    magic = _magic(order, None if public is None else public.magic, there)
    network_id = Network.of(magic).network_id
    makes_era_key = public is None and given is None and order.verification_key is None
    makes_payment_key = public is None and payer is None and order.era_address is None
    _require_new(order, era_key=makes_era_key, payment_key=makes_payment_key)
    made = SigningKey.generate() if makes_era_key else None
    made_payer = PaymentKey.generate() if makes_payment_key else None
    if public is None:
        owner = payer or made_payer
        address = order.era_address or (owner.address(network_id) if owner is not None else "")
        signer = made or given
        key = order.verification_key or (signer.verification_key if signer is not None else None)
    else:
        address, key = public.era_address, VerificationKey.parse(public.verification_key)
    assert key is not None  # noqa: S101 - one of them is made where none is given
    _require_own_keys(order, given, payer, address=address, key=key, network_id=network_id)
    genesis = there
    if there is None and order.rehearsal_chain is not None:  # a chain that begins now and follows the clock
        start_s = int(time.time())
        genesis = Genesis(
            network_magic=magic, clock_mode="wall", active_slots_coeff=Fraction(1), system_start_s=start_s
        )
    text = _text(
        order,
        (magic, address, key) if public is None else None,
        genesis=genesis,
        era_key=order.era_key_file if made is None else order.keys_folder / SECRET_KEY_FILE,
        payment_key=order.payment_key_file if made_payer is None else order.keys_folder / PAYMENT_KEY_FILE,
    )
    settings = _loaded(text)
    epoch, warning = _asked(order, settings, magic)
    return SetUp(
        order, magic, address, key, public is not None, made, made_payer, text, settings, epoch, warning, genesis
    )


def _existing_chain(chain: Path | None) -> Genesis | None:
    """The genesis of the rehearsal chain; ``None`` where there is none yet."""
    if chain is None or not chain.exists():
        return None
    with LocalChain.open(chain) as opened:
        return opened.genesis


def _magic(order: SetUpOrder, public: int | None, there: Genesis | None) -> int:
    """The magic of the network: built in for a public one, the rehearsal chain's own, or the given one."""
    if public is None and not re.fullmatch(_NAME, order.name):
        raise ConfigurationError(
            "The name of the network is not usable",
            expected="1 to 40 letters, digits, - and _",
            got=repr(order.name)[:80],
            next_step="Choose another --network NAME",
            code="SetUp",
        )
    known = public if there is None else there.network_magic
    found = order.magic if known is None else known
    if found is None and order.rehearsal_chain is not None:
        return 42
    if found is None:
        raise ConfigurationError(
            f"The magic of the network {order.name} is not known",
            expected="--network-magic N",
            got="none",
            next_step="Give the magic of the Cardano network (1 preprod, 2 preview), or the name of a public network",
            code="SetUp",
        )
    for other in (order.magic, public):
        if other is not None and other != found:
            raise ConfigurationError(
                "Two networks are named",
                expected=f"network magic {found}",
                got=str(other),
                next_step="Leave --network-magic out, or name another --network or --provider",
                code="SetUp",
            )
    return found


def _files(order: SetUpOrder, *, era_key: bool, payment_key: bool) -> Iterator[Path]:
    if era_key:
        yield order.keys_folder / SECRET_KEY_FILE
        yield order.keys_folder / VERIFICATION_KEY_FILE
    if payment_key:
        yield order.keys_folder / PAYMENT_KEY_FILE
    yield order.config


def _require_new(order: SetUpOrder, *, era_key: bool, payment_key: bool) -> None:
    """Check that no file to be written exists."""
    there = [path for path in _files(order, era_key=era_key, payment_key=payment_key) if path.exists()]
    if not there:
        return
    options = {SECRET_KEY_FILE: f"--era-key {there[0]}", PAYMENT_KEY_FILE: f"--payment-key-file {there[0]}"}
    keep = options.get(there[0].name)
    raise ConfigurationError(
        f"{there[0]} exists already, and is never replaced",
        expected=f"none of {', '.join(map(str, there))}",
        got=str(there[0]),
        next_step=f"Keep it with {keep}, or choose another --keys folder"
        if keep
        else "Change it with an editor, or move it away",
        code="SetUp",
    )


def _require_own_keys(
    order: SetUpOrder,
    signer: EraSigner | None,
    payer: PaymentSigner | None,
    *,
    address: str,
    key: VerificationKey,
    network_id: int,
) -> None:
    """Check that given keys are the network's."""
    if signer is not None and signer.verification_key != key:
        raise ConfigurationError(
            f"{order.era_key_file} is not the era key of {order.name}",
            expected=f"the secret half of {key}",
            got=f"that of {signer.verification_key}",
            next_step="Give the network's era key, or name a network of your own",
            code="SetUp",
        )
    try:
        parse_address(address, network_id, "era address")
    except TransactionError as error:
        raise ConfigurationError(
            error.what, expected=error.expected, got=error.got, next_step="Correct --era-address", code="SetUp"
        ) from error
    owner = owner_of(address, network_id).key_hash
    if payer is not None and payer.key_hash != owner:
        raise ConfigurationError(
            f"{order.payment_key_file} does not own the era address {address}",
            expected="the key of that address",
            got=f"the key of {payer.address(network_id)}",
            next_step="Give the key that owns the era address, or leave --era-address out",
            code="SetUp",
        )


def _text(
    order: SetUpOrder,
    own: tuple[int, str, VerificationKey] | None,
    *,
    genesis: Genesis | None,
    era_key: Path | None,
    payment_key: Path | None,
) -> str:
    """The configuration file; ``own`` are magic, era address and key of a network that is not a public one."""
    lines = [f"network = {_quoted(order.name)}"]
    if order.provider is not None:
        project = "" if order.project_id_file is None else f", project_id_file = {_path(order, order.project_id_file)}"
        lines += ["", "[reader]", f"providers = [{{ url = {_quoted(order.provider)}{project} }}]"]
    elif order.project_id_file is not None:
        lines += ["", "[reader]", f"project_id_file = {_path(order, order.project_id_file)}"]
    if era_key is not None or payment_key is not None:
        lines += ["", "[keys]"]
        lines += [] if era_key is None else [f"era_key_file = {_path(order, era_key)}"]
        lines += [] if payment_key is None else [f"payment_key_files = [{_path(order, payment_key)}]"]
    if own is not None:
        magic, address, key = own
        lines += ["", f"[networks.{order.name}]", f"magic = {magic}", f"era_address = {_quoted(address)}"]
        lines.append(f"verification_key = {_quoted(key.to_json_hex())}")
        if genesis is not None and genesis.clock_mode == "wall":  # so that a switch comes in time without a provider
            lines += [f"system_start_s = {genesis.system_start_s}", f"slot_length_s = {genesis.slot_length_s}"]
            lines.append(f"epoch_length = {genesis.epoch_length}")
            lines.append(f"active_slots_coefficient = {float(genesis.active_slots_coeff)}")
        lines += [f"supported_eras = [{', '.join(map(_quoted, order.eras))}]"] if order.eras else []
    return "\n".join([*lines, ""])


def _path(order: SetUpOrder, path: Path) -> str:
    """A path as the configuration holds it: as given if the configuration is in the same folder, else absolute."""
    is_here = order.config.parent.resolve() == Path.cwd()
    return _quoted(str(path if is_here else path.resolve()))


def _quoted(text: str) -> str:
    return json.dumps(text)


def _loaded(text: str) -> Settings:
    """The configuration, checked before it is written."""
    with TemporaryDirectory() as folder:
        draft = Path(folder) / "eraswitch.toml"
        draft.write_text(text, encoding="utf-8")  # raw: the configuration
        try:
            return load_settings(str(draft), environ={**os.environ, "ERASWITCH_CONFIG": ""}).settings
        except InvalidConfigurationError as error:  # the draft is gone: name what was asked for
            first = error.mistakes[0]
            option = next((option for part, option in _OPTIONS.items() if part in first.key), first.key)
            raise ConfigurationError(
                f"{option} is not usable",
                expected=first.expected,
                got=first.got,
                next_step=f"Did you mean {first.nearest}?" if first.nearest else f"Correct {option}",
                code="SetUp",
            ) from error


def _asked(order: SetUpOrder, settings: Settings, magic: int) -> tuple[Epoch | None, str | None]:
    """The epoch of the provider, which must be of this network, or why it could not be reached."""
    chain = order.rehearsal_chain
    if chain is not None and not chain.exists():
        return Epoch(0), None
    for provider in providers_of(settings):
        try:
            with closing(open_gateway(provider, settings)) as gateway:
                require_network(gateway, magic)
            with closing(open_provider(provider, settings)) as observer:
                return observer.epoch(), None
        except NoGatewayError as error:
            return None, str(error)
        except (ChainReadError, StoreError) as error:
            return None, f"The provider could not be reached: {error}"
    return None, None
