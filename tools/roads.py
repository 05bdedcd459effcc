"""Prints how long the roads of the project are: the modules that a task passes through, and the calls that it makes.

In: this checkout, with the service's part installed. Out: a table of three tasks, each done once to warm up and counted
the next time: from nothing; and, where something stays open, steadily, as a node reads again and again. What counts is
this project's own code: each call of a function, and each module that such a function lies in. The local chain, which
is the provider of these tasks, does not count. ``--list`` prints the modules.
"""

import argparse
import itertools
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, chdir
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from click.testing import CliRunner

from chain_reader import EraReader, LocalObserver, TrustedReader, TrustPolicy
from era_service.cli.app import cli
from era_service.config.schema import Settings
from era_service.demo.stage import CHAIN_FILE, Stage
from era_service.web import Service
from era_store import open_store
from eras import BehaviourSwitches, Epoch, EraChecker, EraMarker, SupportedEras

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("eras", "datum", "era_store", "chain_reader", "release_tools", "era_service", "eraswitch")
PROVIDER = "chain_reader.local_chain."
ERAS = SupportedEras(("thales", "pythagoras", "lagrange"))

Again = Callable[[], object]
Task = Callable[[ExitStack], Again | None]
"""Opens what it needs, does what is counted, and returns what does it once more; ``None`` where nothing stays open."""


@dataclass
class Road:
    """The road of a task: its calls, by module."""

    calls: Counter[str] = field(default_factory=Counter)
    _modules: dict[CodeType, str | None] = field(default_factory=dict)

    def walk(self, task: Callable[[], object]) -> None:
        """Do the task and count."""
        sys.setprofile(self._count)
        try:
            task()
        finally:
            sys.setprofile(None)

    def __str__(self) -> str:
        return f"{len(self.calls)} | {self.calls.total()}"

    def _count(self, frame: FrameType, event: str, _: Any) -> None:
        if event != "call":
            return
        code = frame.f_code
        if code not in self._modules:
            self._modules[code] = _module_of(Path(code.co_filename))
        module = self._modules[code]
        if module is not None:
            self.calls[module] += 1


def _module_of(file: Path) -> str | None:
    """The name of this project's module in ``file``; ``None`` where it is another's, or the provider's."""
    if not file.is_relative_to(ROOT):
        return None
    name = ".".join(file.relative_to(ROOT).with_suffix("").parts)
    return None if name.partition(".")[0] not in PACKAGES or name.startswith(PROVIDER) else name


def library(stage: Stage, _: Path) -> Task:
    """The library's reading: from the datum on the chain to the call of what is switched."""
    epoch = stage.epoch  # of the node's own clock

    def opened(_: ExitStack) -> Again:
        policy = TrustPolicy(address=stage.era_address, keys=(stage.era_key.verification_key,), confirmations=0)
        reader = EraReader(TrustedReader(LocalObserver(stage.chain), policy), ERAS)
        checker = EraChecker(ERAS)
        switches = BehaviourSwitches(checker)
        for era in ERAS:
            switches.behaviour("hash", since=era)(lambda: "")
        switches.seal()

        def read() -> None:
            checker.change_era(reader.read_era_epoch_token(epoch))
            switches.call("hash")

        read()
        return read

    return opened


def activate(stage: Stage, _: Path) -> Task:
    """A release team's ``marker activate``: from the command to the publication that is read back."""
    keys = ("--secret-key", "@era.sk", "--payment-key-file", "wallet.skey")
    rounds = itertools.chain((("--dry-run",),), itertools.repeat(("--yes", "--confirmations", "0", "--poll", "0.05")))

    def publish(_: ExitStack) -> None:
        with chdir(stage.folder):
            result = CliRunner().invoke(
                cli, ("marker", "activate", "pythagoras", "--at", "10", "--not-a-slip", *keys, *next(rounds))
            )
        if result.exit_code:
            raise SystemExit(result.output)

    return publish


def service(stage: Stage, folder: Path) -> Task:
    """A reading of the service: from the datum on the chain to the documents that it answers with."""
    settings = Settings.model_validate(
        {
            "network": {
                "magic": stage.chain.genesis.network_magic,
                "era_address": stage.era_address,
                "verification_key": stage.era_key.verification_key.hex,
                "supported_eras": list(ERAS),
            },
            "reader": {"adapter_type": "cardano-chain", "providers": [{"url": f"local:{stage.folder / CHAIN_FILE}"}]},
            "trust": {"confirmations": 0},
        }
    )

    def opened(services: ExitStack) -> Again:
        store = tempfile.mkdtemp(dir=folder)
        served = Service(settings, open_store(str(Path(store) / "store.sqlite3")))
        services.callback(served.close)
        served.load_snapshot()

        def read() -> None:
            served.read_chain()
            served.answer("/era/status")

        read()
        return read

    return opened


TASKS: dict[str, Callable[[Stage, Path], Task]] = {
    "library: datum to switch": library,
    "marker activate": activate,
    "service: datum to documents": service,
}


def roads_of(task: Task) -> tuple[Road, Road | None]:
    """The road of a task, and that of doing it again where something stays open; each is walked once before."""

    def whole() -> None:
        with ExitStack() as opened:
            task(opened)

    road = Road()
    whole()
    road.walk(whole)
    with ExitStack() as opened:
        again = task(opened)
        if again is None:
            return road, None
        steady = Road()
        again()
        steady.walk(again)
    return road, steady


def main() -> None:
    """Measure the roads."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="also print the modules, with the calls in each")
    listed = parser.parse_args().list
    print("| task | modules | calls | steady: modules | calls |\n| --- | ---: | ---: | ---: | ---: |")
    for name, prepare in TASKS.items():
        with tempfile.TemporaryDirectory(prefix="eraswitch-roads-") as made:
            folder = Path(made)
            os.environ |= {"XDG_STATE_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
            with Stage(folder / "stage") as stage:
                stage.begin_epoch(Epoch(1))
                stage.publish((EraMarker("thales", Epoch(1)),), replacing=None)
                road, steady = roads_of(prepare(stage, folder))
        print(f"| {name} | {road} | {steady or '- | -'} |")
        if listed:
            for module, calls in road.calls.most_common():
                print(f"{calls:7} {module}")


if __name__ == "__main__":
    main()
