"""Who acts in a soak: the release team, those who register, an attacker, and whoever asks the services all the time.

In: the stage. Out: notes of what each was promised, for the verdict. Each is a thread that ends when told to.
"""

import json
import random
import threading
import time
import urllib.request
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any

from benchmarks.soak.stage import ERAS, SERVICES, Stage
from chain_reader.local_chain import FaucetOutput, LocalChain
from datum import EraMarkersPayload, encode_datum
from eras import Epoch, EraMarker, EraSwitchError
from release_tools import LocalChainGateway
from release_tools.transactions.posting import post_datum

LEAD_EPOCHS = 3
KEPT_ERAS = 6
BATCH = 10
ASK_WITHIN_S = 10.0


def answer_to(request: urllib.request.Request) -> dict[str, Any] | None:
    """The document that a service answers; ``None`` where there is none that is whole: it may be killed at any byte."""
    try:
        with urllib.request.urlopen(request, timeout=ASK_WITHIN_S) as answer:
            found: dict[str, Any] = json.load(answer)
    except (OSError, HTTPException, ValueError):
        return None
    return found


@dataclass
class Notes:
    """What was seen and promised.

    Attributes:
        published: what the release team was told is published: era → epoch.
        registered: service → party ids that it has said to have taken.
        refused: registrations that were refused, with why: none should be.
        samples: time, service, and the era that it named.
        unanswered: service → requests without an answer, or with one that is no era.
        attacks: what the attacker put at the era address.
        troubles: what failed that should not, in words.
    """

    published: dict[str, int] = field(default_factory=dict)
    registered: dict[str, set[str]] = field(default_factory=lambda: {name: set() for name in SERVICES})
    refused: list[str] = field(default_factory=list)
    samples: list[tuple[float, str, str]] = field(default_factory=list)
    unanswered: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SERVICES, 0))
    attacks: int = 0
    troubles: list[str] = field(default_factory=list)


class Actors:
    """All of them, each in a thread. A context manager; on leaving it they have ended.

    Args:
        stage: where they act.
        seed: of what the attacker does.
    """

    def __init__(self, stage: Stage, seed: int) -> None:
        self.stage = stage
        self.notes = Notes()
        self.publisher: Any = None
        self._random = random.Random(seed)
        self._over = threading.Event()
        self._no_more = threading.Event()
        asking = [threading.Thread(target=self._guarded, args=(self._ask, name)) for name in SERVICES]
        loading = [threading.Thread(target=self._guarded, args=(self._register, name)) for name in SERVICES]
        self._lasting = asking
        self._ending = [threading.Thread(target=self._guarded, args=(self._publish,)), *loading,
                        threading.Thread(target=self._guarded, args=(self._attack,))]  # fmt: skip

    def __enter__(self) -> "Actors":
        for thread in (*self._lasting, *self._ending):
            thread.start()
        return self

    def __exit__(self, *reason: object) -> None:
        self.settle()
        self._over.set()
        for thread in self._lasting:
            thread.join()

    def settle(self) -> None:
        """Let what is under way come to its end, and begin nothing new; the services are still asked."""
        self._no_more.set()
        for thread in self._ending:
            thread.join()

    def _guarded(self, play: Any, *arguments: Any) -> None:
        try:
            play(*arguments)
        except Exception as error:  # an actor that ends early is a trouble, and fails the soak
            self.notes.troubles.append(f"{play.__name__} {' '.join(arguments)} ended: {error!r}")

    def _publish(self) -> None:
        """One era after the other, and old ones retired; the same command again until it is done."""
        stage, notes = self.stage, self.notes
        for number, era in enumerate(ERAS[1:], start=1):
            while not self._no_more.is_set():
                at = stage.epoch() + LEAD_EPOCHS
                if self._until_done("activate", era, "--at", str(at), "--lead-epochs", "1"):
                    notes.published[era] = at
                    break
            if number >= KEPT_ERAS and not self._no_more.is_set():
                self._until_done("retire", ERAS[number - KEPT_ERAS])
            while not self._no_more.is_set() and stage.epoch() < notes.published[era] - 1:
                time.sleep(0.1)
            if self._no_more.is_set():
                return

    def _until_done(self, *change: str) -> bool:
        """Whether the command was carried out, by the third attempt."""
        for _ in range(3):
            self.publisher = self.stage.marker(*change)
            if self.publisher.wait() == 0:
                return True
        return False

    def _register(self, service: str) -> None:
        """Registrations, a batch at a time, each sent until it is taken."""
        number = 0
        while not self._no_more.wait(0.25):
            made_s, epoch = int(time.time()), self.stage.epoch()
            batch = [
                {"party_id": f"{service}-{number + one}", "epoch": epoch, "stake": 9, "version": "1", "time_s": made_s}
                for one in range(BATCH)
            ]  # fmt: skip
            while not self._over.is_set():
                found = self._post(service, {"registrations": batch})
                if found is not None:
                    if found.get("rejected"):
                        self.notes.refused.append(f"{service}: {json.dumps(found)[:300]}")
                    else:
                        self.notes.registered[service].update(row["party_id"] for row in batch)  # type: ignore[misc]
                    break
                time.sleep(0.5)
            number += BATCH

    def _post(self, service: str, body: object) -> dict[str, Any] | None:
        """The receipt; ``None`` where there was none, and it has to be sent again."""
        return answer_to(
            urllib.request.Request(
                f"{self.stage.urls[service]}/registrations",
                json.dumps(body).encode(),
                {"content-type": "application/json", "authorization": f"Bearer {self.stage.tokens[service]}"},
            )
        )

    def parties(self, service: str, epochs: range) -> set[str]:
        """The parties whose registrations a service hands on."""
        found: set[str] = set()
        for epoch in epochs:
            after: str | None = ""
            while after is not None:
                more = f"&after={after}" if after else ""
                asked = urllib.request.Request(
                    f"{self.stage.urls[service]}/registrations?epoch={epoch}&limit=1000{more}"
                )
                pages = (answer_to(asked) for _ in range(60) if not self._over.wait(0.5))
                page = next(one for one in pages if one is not None)
                found.update(row["party_id"] for row in page["registrations"])
                after = page["next"]
        return found

    def _ask(self, service: str) -> None:
        """Which era it is, twice a second."""
        while not self._over.wait(0.5):
            found = answer_to(urllib.request.Request(f"{self.stage.urls[service]}/era/status"))
            era = found and found["current"]
            if era is None:
                self.notes.unanswered[service] += 1
            else:
                self.notes.samples.append((time.time(), service, era["name"]))

    def _attack(self) -> None:
        """Junk, payloads of another key, copies and old payloads, at the era address, every second."""
        with LocalChain.open(self.stage.chain_file) as chain:
            gateway = LocalChainGateway(chain)
            while not self._no_more.wait(1.0):
                with suppress(EraSwitchError):  # its own earlier transaction may not be settled
                    self._attack_once(chain, gateway)
                    self.notes.attacks += 1

    def _attack_once(self, chain: LocalChain, gateway: LocalChainGateway) -> None:
        stage, address = self.stage, self.stage.era_address
        kind = self._random.randrange(4)
        if kind == 0:
            junk = self._random.randbytes(self._random.randrange(24, 65))
            chain.place([FaucetOutput(address, 2_000_000, datum=(bytes([0x58, len(junk)]) + junk).hex())])
            return
        if kind == 1:
            markers = (EraMarker(ERAS[0], Epoch(0)), EraMarker("stolen", Epoch(stage.epoch())))
            datum = encode_datum(EraMarkersPayload(markers).sign(stage.attacker_key).to_bytes())
        else:
            theirs = [one.datum for one in chain.outputs(address, newest_first=kind == 2, limit=200) if one.datum]
            datum = bytes.fromhex(theirs[0 if kind == 2 else self._random.randrange(len(theirs))])
        post_datum(gateway, datum, address, stage.attacker_wallet)
