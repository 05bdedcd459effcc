"""Checks keys, addresses, providers and stores before a rollout, while there is time to correct them.

In: paths, addresses, keys, an observer, a gateway, and the time. Out: findings, each with the subject, the result and
the next step. A check never raises: an ``EraSwitchError`` becomes a finding.
"""

import enum
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from chain_reader import ChainObserver
from chain_reader.genesis import NetworkGenesis
from chain_reader.providers.gateway import Network, TransactionGateway
from datum import EraSigner, VerificationKey
from era_store import check_store
from era_store.errors import StoreMissingError
from eras import ConfigurationError, EraSwitchError
from eras.words import ada, counted
from release_tools.keys.files import VERIFICATION_KEY_FILE
from release_tools.keys.payment_key import PaymentKey, PaymentSigner
from release_tools.keys.signers import ExternalEraKey, ExternalPaymentKey
from release_tools.publishing.publication import Unfinished
from release_tools.transactions.owners import KeyScript, owner_of, parse_address

Answer = TypeVar("Answer")

LEAST_FUNDS_LOVELACE = 10_000_000
"""Ten ada cover a marker output and the fees of a rollout, with a reserve."""

CLOCK_TOLERANCE_S = 30.0
"""A tip further in the future means that the clock of this machine is slow."""

LONG_SPAN_S = 7200.0
"""Longer time spans are shown in days and hours."""


class Health(enum.Enum):
    """The severity of a finding."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding of a check.

    Attributes:
        check: the subject of the check.
        health: the severity.
        words: the result.
        next_step: the next step, if there is something to do.
    """

    check: str
    health: Health
    words: str
    next_step: str | None = None

    def to_dict(self) -> dict[str, object]:
        """The finding, JSON-ready."""
        return {"check": self.check, "health": self.health.value, "words": self.words, "next_step": self.next_step}


class Examination:
    """Runs checks and collects their findings."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.era_script: KeyScript | None = None
        self._epochs: dict[str, int] = {}

    @property
    def is_healthy(self) -> bool:
        """Whether no finding is a problem; warnings do not count."""
        return all(finding.health is not Health.PROBLEM for finding in self.findings)

    def attempt(
        self, check: str, ask: Callable[[], Answer], words: Callable[[Answer], str] | None = None
    ) -> Answer | None:
        """Return the answer of ``ask``; an error becomes a finding, and so do the ``words`` for the answer."""
        with self._check(check):
            answer = ask()
            if words is not None:
                self.fine(check, words(answer))
            return answer
        return None

    def fine(self, check: str, words: str) -> None:
        """Add a finding that something is as it should be."""
        self.findings.append(Finding(check, Health.OK, words))

    def warning(self, check: str, words: str, next_step: str) -> None:
        """Add a finding that does not prevent a rollout."""
        self.findings.append(Finding(check, Health.WARNING, words, next_step))

    def problem(self, check: str, words: str, next_step: str | None) -> None:
        """Add a finding that must be corrected before a rollout."""
        self.findings.append(Finding(check, Health.PROBLEM, words, next_step))

    # --- keys

    def era_key(self, read: Callable[[], EraSigner], path: Path | None, configured: VerificationKey | None) -> None:
        """Check that the era key is private, is the one of the network, and fits the verification key beside it."""
        with self._check("era key"):
            key = read()
            if path is not None and not isinstance(key, ExternalEraKey):  # a signer file holds no secret
                self._private("era key", path)
            if configured is not None and key.verification_key != configured:
                self.problem(
                    "era key",
                    f"it is the secret key of {key.verification_key}, and the network's is {configured}",
                    "Give the era key of the network that is named",
                )
            elif configured is not None:
                self.fine("era key", f"it is the secret key of the network's {configured}")
            beside = None if path is None else path.with_name(VERIFICATION_KEY_FILE)
            if beside is not None and beside.is_file():
                self._pair(key.verification_key, beside)

    def payment_key(
        self,
        path: Path,
        network_id: int | None,
        era_address: str | None,
        load: Callable[[Path], PaymentSigner] | None = None,
    ) -> str | None:
        """Check that the payment key is private and owns the era address; return its own address."""
        check = f"payment key {path}"
        own: str | None = None
        with self._check(check):
            key = (load or PaymentKey.load)(path)
            if not isinstance(key, ExternalPaymentKey):
                self._private(check, path)
            if network_id is None:
                self.fine(check, f"its hash is {key.key_hash}")
                return None
            own = key.address(network_id)
            if era_address is None:
                self.fine(check, f"its address is {own}")
            elif key.key_hash in (owner := owner_of(era_address, network_id, self.era_script)).key_hashes:
                self.fine(
                    check,
                    "it owns the era address" if owner.script is None else "it is one of the keys of the era address",
                )
                own = era_address
            else:
                self.warning(
                    check,
                    f"it does not own the era address; its own is {own}",
                    "It can pay, but replacing a marker also takes the key of the era address",
                )
        return own

    def shared_key(
        self, name: str | None, magic: int | None, key: VerificationKey, others: Mapping[str, tuple[int, str]]
    ) -> None:
        """Check that no other network trusts the same era key; a payload for one could be posted on the other.

        Args:
            name: the network's name.
            magic: its magic.
            key: its era key.
            others: name → magic and era key of every network that is known.
        """
        with self._check("era key on other networks"):
            same = [
                f"{other} (magic {its_magic})"
                for other, (its_magic, text) in others.items()
                if other != name and VerificationKey.parse(text) == key
            ]
            if same:
                self.warning(
                    "era key on other networks",
                    f"the same era key signs for {', '.join(same)} and for {name or 'this network'} (magic {magic})",
                    "What is signed for one of them can be posted on the others: use a key for each, or the extension",
                )
            else:
                self.fine("era key on other networks", "no other known network uses this era key")

    # --- addresses and money

    def address(self, check: str, text: str, network_id: int) -> None:
        """Check that an address is of this network and owned by a payment key or the era script."""
        with self._check(check):
            parse_address(text, network_id, check, self.era_script)
            self.fine(check, f"{text} is one of this network")

    def funds(self, gateway: TransactionGateway, address: str, network_id: int) -> None:
        """Check that the outputs that may be spent at an address pay for a rollout."""
        check = f"funds at {address}"
        with self._check(check):
            parse_address(address, network_id, "payment address", self.era_script)
            outputs = gateway.spendable_outputs(address)
            plain = [output for output in outputs if output.is_plain]
            held = sum(output.lovelace for output in plain)
            words = f"{ada(held)} in {counted(len(plain), 'output')} that may be spent"
            spared = len(outputs) - len(plain)
            words += f", and {spared} with tokens, datums or scripts" if spared else ""
            if held < LEAST_FUNDS_LOVELACE:
                self.problem(check, words, f"Send {ada(LEAST_FUNDS_LOVELACE - held)} or more to {address}")
            else:
                self.fine(check, words)

    # --- providers

    def provider(
        self,
        name: str,
        observer: ChainObserver,
        gateway: TransactionGateway | None,
        *,
        magic: int | None,
        genesis: Callable[[], NetworkGenesis | None],
        is_public: bool,
        now_s: float,
    ) -> Network | None:
        """Check that a provider answers, is on this network, and is in sync.

        Args:
            name: the provider's name.
            observer: reads from it.
            gateway: submits to it; ``None`` if it takes no transactions.
            magic: the magic of the configured network.
            genesis: the genesis of that network, if it is known.
            is_public: whether it is a public network; the clock of another one may be moved by hand.
            now_s: the POSIX time on this machine.
        """
        check = f"provider {name}"
        network = None
        with self._check(check):
            epoch, tip = observer.epoch(), observer.tip()
            network = None if gateway is None else gateway.network()
            if network is not None and magic is not None and network.magic != magic:
                self.problem(
                    check, f"it is on the network with magic {network.magic}, not {magic}", "Name another provider"
                )
                return None
            self._epochs[name] = epoch
            words = f"it answers: epoch {epoch}, slot {tip.slot}"
            if gateway is None:
                self.warning(check, f"{words}; it takes no transactions", "Name another one for publishing")
            else:
                self.fine(check, words)
            if (began := genesis()) is not None:
                self._tip(
                    check, began, now_s - began.time_of(tip.slot), Health.PROBLEM if is_public else Health.WARNING
                )
        return network

    def has_answered(self, provider: str) -> bool:
        """Whether a provider answered and is on this network."""
        return provider in self._epochs

    def agreement(self) -> None:
        """Check that the providers are in the same epoch, or in adjacent ones at a boundary."""
        if len(self._epochs) < 2:
            return
        listed = ", ".join(f"{epoch} by {name}" for name, epoch in self._epochs.items())
        if max(self._epochs.values()) - min(self._epochs.values()) > 1:
            self.problem("agreement", f"the providers are in different epochs: {listed}", "Find out which one is right")
        else:
            self.fine("agreement", f"epoch {listed}")

    def _tip(self, check: str, genesis: NetworkGenesis, age_s: float, health: Health) -> None:
        """Compare a tip with the clock; either of the two may be wrong."""
        clock = f"clock, by {check}"
        allowed = max(genesis.rare_gap_s, CLOCK_TOLERANCE_S)
        if age_s < -CLOCK_TOLERANCE_S:
            words = f"the newest block is {_span(-age_s)} in the future"
            next_step = "The clock of this machine is behind: set it"
            if health is Health.WARNING:
                next_step += ". That is normal on a rehearsal chain that was advanced"
        elif age_s > allowed:
            words = f"the newest block is {_span(age_s)} old, where {_span(allowed)} is the most that chance explains"
            next_step = "The provider lags or has stopped, or the clock of this machine is ahead: compare with another"
        else:
            self.fine(clock, f"the newest block is {max(0.0, age_s):.0f} s old")
            return
        self.findings.append(Finding(clock, health, words, next_step))

    # --- what is kept

    def store(self, url: str, *, named: bool = True) -> None:
        """Check that the store exists, is sound, up to date and private.

        A configured store that is not ``named`` for this examination is created by the first command that needs it.
        """
        with self._check("store"):
            try:
                report = check_store(url, content=False)
            except StoreMissingError as missing:
                if named:
                    raise
                self.fine("store", f"{missing.what}: the first command that needs it creates it")
                return
            if report.faults:
                self.problem("store", f"{report.store}: {'; '.join(report.faults)}", "Correct it, or restore a backup")
            else:
                self.fine("store", f"{report.store} is sound, at revision {report.revision}")

    def journal(self, folder: Path, unfinished: Callable[[], Unfinished | None]) -> None:
        """Check that the journal can be written, and that no publication in it is unfinished.

        Args:
            folder: the folder of all journals.
            unfinished: the unfinished publication at the era address.
        """
        with self._check("journal"):
            there = next(path for path in (folder, *folder.parents) if path.exists())
            if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
                self.problem(
                    "journal",
                    f"{there} cannot be written to",
                    "Correct its permissions, or name another with --journal",
                )
            elif (found := unfinished()) is not None:
                self.warning("journal", f"unfinished: {found.words}", found.next_step)
            else:
                self.fine("journal", f"{folder} can be used, and nothing in it is unfinished")

    # --- making findings

    @contextmanager
    def _check(self, check: str) -> Iterator[None]:
        """Turn an expected error into a finding."""
        try:
            yield
        except EraSwitchError as error:
            self.problem(check, _without_next_step(error), error.next_step)

    def _private(self, check: str, path: Path) -> None:
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
        except OSError as error:
            raise ConfigurationError(
                f"{path} cannot be inspected", got=error.strerror, next_step="Check the path and its permissions"
            ) from error
        if mode & 0o077:
            self.problem(check, f"others can read {path} (mode {mode:04o})", f"Run: chmod 600 {path}")
        else:
            self.fine(check, f"{path} is readable by its owner only")

    def _pair(self, key: VerificationKey, beside: Path) -> None:
        try:
            text = beside.read_text(encoding="utf-8")  # raw: a key
        except (OSError, UnicodeDecodeError) as error:
            self.warning("era key pair", f"{beside} cannot be read ({type(error).__name__})", "Check the file")
            return
        if VerificationKey.parse(text) == key:
            self.fine("era key pair", f"{beside} is its verification key")
        else:
            self.problem(
                "era key pair", f"{beside} is the verification key of another pair", "Put the right pair together"
            )


def _span(seconds: float) -> str:
    """A time span in seconds, or in days and hours if it is long."""
    return f"{seconds:.0f} s" if seconds < LONG_SPAN_S else str(timedelta(seconds=round(seconds)))


def _without_next_step(error: EraSwitchError) -> str:
    text = error.what
    if error.expected is not None:
        text += f": expected {error.expected}"
    return text + (f", got {error.got}" if error.got is not None else "")
