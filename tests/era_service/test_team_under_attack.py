"""The team's commands in the middle of each attack of a stranger: they go on, and the markers stay the team's.

120 where an attacker would send 1,000 payments, 1,100 copies or 20,000 outputs of junk: more than a page,
so that the code takes the same path; the heavy copy refers to all of them, as many as 16 KiB take.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pycardano import TransactionInput

from chain_reader import BlockfrostObserver
from chain_reader.local_chain import FaucetOutput
from eras import ChainReadError
from tests.era_service.conftest import invoke
from tests.era_service.release_world import ADA, World, datum, release_world
from tests.local_chain_faces.wallet import Wallet

MANY = 120
THALES = ("thales", 5)


@pytest.fixture
def attacked(own_folders: Path, monkeypatch: pytest.MonkeyPatch, sql_url: str) -> Iterator[World]:
    """A world at a Blockfrost API, on either kind of store, with a flood of everything at the era address."""
    monkeypatch.setenv("ERASWITCH_STORE__URL", sql_url)
    with release_world(own_folders, monkeypatch, "blockfrost") as world:
        world.changed("activate", "thales", "--at", "5")
        world.changed("announce", "pythagoras")
        world.changed("activate", "pythagoras", "--at", "9")
        world.chain.place([FaucetOutput(world.address, 2 * ADA)] * MANY)
        world.post(*["d8799f41aaff"] * MANY)
        world.post(*[datum(THALES)] * MANY)
        copy_with_heavy_references(world)
        yield world


def copy_with_heavy_references(world: World) -> None:
    """A stranger's copy whose transaction only reads outputs at the era address, as many as there are."""
    stranger = Wallet.new()
    funds = world.chain.fund(stranger.address, 100 * ADA)
    read = [TransactionInput.from_primitive([one.transaction, one.index]) for one in world.chain.utxos(world.address)]
    paid = stranger.pay(funds, world.address, 5 * ADA, datum=datum(THALES), reference_inputs=read, fee=1_000_000)
    world.chain.submit(paid)


def markers(world: World) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.show()["markers"]
    return found


def marker(name: str, epoch: int | None) -> dict[str, Any]:
    return {"name": name, "epoch": epoch}


def test_every_command_goes_on_and_no_replay_wins(attacked: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world = attacked
    assert markers(world) == [marker(*THALES), marker("pythagoras", 9)]
    world.changed("postpone", "pythagoras", "--at", "10")
    world.post(datum(THALES, ("pythagoras", 9)))  # what was postponed
    assert markers(world) == [marker(*THALES), marker("pythagoras", 10)]

    (paid,) = world.chain.place([FaucetOutput(world.address, 2 * ADA, datum=datum(THALES))])
    shows = BlockfrostObserver.transaction_bytes

    def cannot_show(self: BlockfrostObserver, transaction: str) -> bytes | None:
        if transaction == paid.transaction:
            raise ChainReadError("its transaction is too long", next_step="Read again")
        return shows(self, transaction)

    monkeypatch.setattr(BlockfrostObserver, "transaction_bytes", cannot_show)
    world.changed("cancel", "pythagoras")
    for epoch in (8, 10, 11):  # before, at and after the epoch of what was cancelled
        world.chain.advance_to_epoch(epoch)
        world.post(datum(THALES, ("pythagoras", 10)))
        assert {one["name"] for one in markers(world)} == {"thales"}, epoch
    world.changed("announce", "lagrange")
    assert [one["name"] for one in markers(world)][-1] == "lagrange"

    verdicts = world.show()["verdicts"]
    assert (verdicts["Impostor"], verdicts["Malformed"]) == (MANY + 5, MANY), "none of it was overlooked"

    found = json.loads(invoke("doctor", "--json").stdout)["findings"]
    assert [one for one in found if one["health"] == "problem"] == []
    swept = invoke("marker", "sweep", "--payment-key-file", "payment.skey", *world.options, "--yes", "--json")
    assert swept.exit_code == 0, swept.output
    assert json.loads(swept.stdout)["status"] == "published"
    assert [one["name"] for one in markers(world)][-1] == "lagrange"
