"""The live rehearsal that ``eraswitch serve`` shows while no network is configured.

In: an empty folder. Out: the settings of a made-up network, and, as time passes, the events on it: parties upgrade and
register, markers are announced, scheduled and take effect, a forged payload is refused. The chain is a real one
(``chain_reader.local_chain``), whose slots follow the clock; the parties are drawn from a seed, as those of ``eraswitch
rehearse`` are. Nothing is kept: the keys, the chain and the store are deleted with the folder.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from chain_reader.local_chain import Genesis, LocalChain
from datum import EraMarkersPayload, SigningKey, encode_datum
from era_store import Registration, SqlRegistrations
from eras import Epoch, EraMarker
from release_tools import LocalChainGateway, PaymentKey
from release_tools.rehearsal.population import draw_nodes, draw_stakes
from release_tools.rehearsal.scenario import Scenario
from release_tools.transactions.posting import post_datum

NAME = "rehearsal"
"""The name of the network. No real network has eras with these names."""
ERAS = (
    "alder", "birch", "cedar", "dogwood", "elm", "fir", "gingko", "hazel", "ironwood", "juniper", "katsura", "larch",
    "maple", "nutmeg", "oak", "pine", "quince", "rowan", "spruce", "teak", "walnut", "yew",
)  # fmt: skip
EPOCH_S, TICKS = 60, 6
"""Seconds of an epoch, and how often parties upgrade within it."""
CYCLE, ANNOUNCED, SCHEDULED, FORGED = 10, 1, 6, 7
"""Epochs from era to era; those in which the next is announced and scheduled, and a stranger posts a payload."""
BEGIN = 6 * EPOCH_S + 5
"""The age of the network at first: six epochs of registrations, and the switch four epochs ahead."""
PARTIES, SEED = 200, 14
UNREGISTERED = 0.03
"""The share of the network's stake that never registers."""
FUNDS_LOVELACE = 1_000_000_000

Flags = dict[str, tuple[Any, str]]
_log = logging.getLogger(__name__)


class LivingRehearsal:
    """A network that continues while the service runs. A context manager; one thread uses it.

    Args:
        folder: an empty folder for chain and store, which the caller removes.
        clock: POSIX time in seconds.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._folder, self._clock = folder, clock
        self._era_key, self._wallet, self._stranger = (
            SigningKey.generate(),
            PaymentKey.generate(),
            PaymentKey.generate(),
        )
        start_s = int(clock()) - BEGIN
        genesis = Genesis(clock_mode="wall", epoch_length=EPOCH_S, system_start_s=start_s)
        self._chain = LocalChain.create(folder / "chain.sqlite3", genesis=genesis, clock=clock)
        self._address = self._wallet.address(genesis.network_id)
        for wallet in (self._wallet, self._stranger):
            self._chain.fund(wallet.address(genesis.network_id), FUNDS_LOVELACE)
        self._done = -1
        self._vouch(1)
        self._publish((EraMarker(ERAS[0], Epoch(0)),))
        self._publish((EraMarker(ERAS[0], Epoch(0)), EraMarker(ERAS[1], None)))
        self._publish(self._markers(1))
        self._posted = SCHEDULED

    def __enter__(self) -> "LivingRehearsal":
        return self

    def __exit__(self, *reason: object) -> None:
        self._chain.close()

    @property
    def flags(self) -> Flags:
        """The settings that follow it. They override all others, so that nothing of a real network gets in."""
        genesis = self._chain.genesis
        network = {
            "magic": genesis.network_magic,
            "era_address": self._address,
            "verification_key": self._era_key.verification_key.hex,
            "supported_eras": ERAS,
            "system_start_s": float(genesis.system_start_s),
            "slot_length_s": genesis.slot_length_s,
            "epoch_length": genesis.epoch_length,
            "active_slots_coefficient": float(genesis.active_slots_coeff),
        }
        values = {
            "networks": {NAME: network},
            "network.name": NAME,
            "reader.providers": f"local:{self._chain.path}",
            "store.url": str(self._folder / "store.sqlite3"),
            "adoption.compatibility_file": self._folder / "compatibility.toml",
            "adoption.gate_threshold": "95%",
            "quorum.k": 2422,
            "quorum.m": 20_973,
            "quorum.phi_f": 0.2,
            "quorum.source": "the rehearsal",
            "service.webhooks": (),
        }
        return {setting: (value, "the rehearsal") for setting, value in values.items()}

    def catch_up(self, registrations: SqlRegistrations) -> None:
        """Make everything happen that is due by now.

        Raises:
            StoreError: the chain or the store cannot be written.
        """
        tick = int((self._clock() - self._chain.genesis.system_start_s) * TICKS // EPOCH_S)
        while self._done < tick:
            self._done += 1
            self._register(registrations, self._done)
        epoch = tick // TICKS
        while self._posted < epoch:
            self._posted += 1
            self._post(self._posted)

    @contextmanager
    def living(self, registrations: SqlRegistrations) -> Iterator[None]:
        """Within the block the rehearsal continues, in a thread of its own.

        Raises:
            StoreError: the chain or the store cannot be written.
        """
        ended = threading.Event()

        def go_on() -> None:
            while not ended.wait(1.0):
                try:
                    self.catch_up(registrations)
                except Exception:
                    _log.exception("The rehearsal has paused")

        self.catch_up(registrations)
        thread = threading.Thread(target=go_on, name=NAME, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join(timeout=10)

    # --- the parties

    @cached_property
    def _stakes(self) -> list[int]:
        return draw_stakes(_scenario(0))

    def _register(self, registrations: SqlRegistrations, tick: int) -> None:
        """Register the parties that have not registered in this epoch, or have upgraded since."""
        epoch, within = divmod(tick, TICKS)
        cycle, of_cycle = divmod(epoch, CYCLE)
        now = of_cycle * TICKS + within
        first = min(cycle + 1, len(ERAS))
        rows = []
        time_s = float(self._chain.genesis.system_start_s + tick * EPOCH_S / TICKS)
        for (party, at), stake in zip(_upgrades(cycle), self._stakes, strict=True):
            if within == 0 or at == now:
                version = f"{min(first + (at is not None and at <= now), len(ERAS))}.0.0"
                rows.append(Registration(party, Epoch(epoch), version, stake, time_s, NAME))
        if rows:
            registrations.ingest(rows, source=NAME, time_s=time_s)
        if within == 0:
            whole = round(sum(self._stakes) / (1 - UNREGISTERED))
            for ahead in (0, 1):  # a registration counts with the stake of the epoch after it
                registrations.set_network_stake(Epoch(epoch + ahead), whole, source=NAME, time_s=time_s)

    # --- the markers

    def _markers(self, cycle: int) -> tuple[EraMarker, ...]:
        """The markers with every era up to that of a cycle, each at its epoch."""
        return tuple(EraMarker(era, Epoch(number * CYCLE)) for number, era in enumerate(ERAS[: cycle + 1]))

    def _vouch(self, cycle: int) -> None:
        """The release team states which versions know the eras up to that of a cycle."""
        table = "".join(f'{era} = ">={number}.0.0"\n' for number, era in enumerate(ERAS[: cycle + 1], 1))
        new = self._folder / "compatibility.new"
        new.write_text(table)  # raw: a table of versions
        new.replace(self._folder / "compatibility.toml")

    def _post(self, epoch: int) -> None:
        cycle, of_cycle = divmod(epoch, CYCLE)
        if cycle + 1 >= len(ERAS):
            return  # the last era stays, three hours and a half after the first view
        known = self._markers(cycle)
        if of_cycle == ANNOUNCED:
            self._vouch(cycle + 1)
            self._publish((*known, EraMarker(ERAS[cycle + 1], None)))
        elif of_cycle == SCHEDULED:
            self._publish(self._markers(cycle + 1))
        elif of_cycle == FORGED:
            self._publish((*known, EraMarker(ERAS[cycle + 1], Epoch(epoch + 1))), forged=True)

    def _publish(self, markers: tuple[EraMarker, ...], *, forged: bool = False) -> None:
        """Publish markers as the release team, or as a stranger who forges them."""
        gateway, wallet = LocalChainGateway(self._chain), self._stranger if forged else self._wallet
        key = SigningKey.generate() if forged else self._era_key
        outputs = () if forged else gateway.spendable_outputs(self._address)
        newest = next((output.reference for output in reversed(outputs) if output.datum is not None), None)
        datum = encode_datum(EraMarkersPayload(markers).sign(key).to_bytes())
        post_datum(gateway, datum, self._address, wallet, replacing=newest)


def _scenario(cycle: int) -> Scenario:
    return Scenario.of(
        {
            "title": NAME,
            "seed": SEED + cycle,
            "nodes": PARTIES,
            "first_epoch": 1,
            "epochs": CYCLE,
            "ticks_per_epoch": TICKS,
            "quorum": {"k": 2422, "m": 20_973, "phi_f": 0.2},
            "versions": [{"name": "1.0.0", "eras": ["thales"], "share": 1.0}, {"name": "2.0.0", "eras": ["thales"]}],
            "upgrades": [{"to": "2.0.0", "after": 1 + ANNOUNCED, "median_epochs": 1.8, "spread": 0.4, "never": 0.01}],
        }
    )


@lru_cache(maxsize=2)
def _upgrades(cycle: int) -> tuple[tuple[str, int | None], ...]:
    """Each party of a cycle, and the tick of it at which it upgrades; ``None`` for those that never do."""
    nodes = draw_nodes(_scenario(cycle))
    return tuple((node.party_id, node.upgrades[-1][0] if node.upgrades else None) for node in nodes)
