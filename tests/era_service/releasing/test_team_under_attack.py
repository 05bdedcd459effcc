"""The team's commands in the middle of each attack of a stranger: they go on, and the markers stay the team's.

A row for each kind of provider, without a thread token and with one. Where an attacker would send 1,000 payments,
1,100 copies or 20,000 outputs of junk there are a few more than a page in all, so that the code takes the same path;
what may come of an answer is as much less, so that 440 heavy reference inputs exceed it.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from pycardano import TransactionInput

from chain_reader.local_chain import FaucetOutput, LocalChain
from chain_reader.local_chain.ledger.model import ChainTransaction
from eras import StoreError
from tests.era_service.conftest import invoke
from tests.era_service.release_world import ADA, World, datum, release_world
from tests.local_chain_faces.wallet import Wallet

MANY = 36
REFERENCES = 440
HEAVY = tuple((f"{number:056x}" + "41" * 4, 1) for number in range(20))
LEAST = "[limits]\nmax_answer_bytes = 200000"
THALES = ("thales", 5)
FACES = ("blockfrost", "koios", "kupo", "ogmios", "cardano-cli", "local")


@pytest.fixture(params=["without a token", "with a token"])
def with_token(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the markers carry a thread token; these rows remember in PostgreSQL, the others in SQLite."""
    is_token: bool = request.param == "with a token"
    url = request.getfixturevalue("postgres_url") if is_token else "store.sqlite3"
    monkeypatch.setenv("ERASWITCH_STORE__URL", url)
    return is_token


@pytest.fixture(params=FACES)
def attacked(
    own_folders: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, with_token: bool
) -> Iterator[World]:
    """A world with a schedule, and a flood of everything at the era address."""
    with release_world(own_folders, monkeypatch, request.param) as world:
        world.configure(LEAST)
        world.changed("activate", "thales", "--at", "5", *(["--mint-token", "--write"] * with_token)[:2])
        world.changed("activate", "pythagoras", "--at", "9")
        copy_with_heavy_references(world)
        world.chain.place([FaucetOutput(world.address, 2 * ADA)] * MANY)
        world.post(*["d8799f41aaff"] * MANY)
        world.post(*[datum(THALES)] * MANY)
        yield world


def copy_with_heavy_references(world: World) -> None:
    """A stranger's copy whose transaction refers to as many outputs as it has room for, each with many tokens."""
    stranger = Wallet.new()
    funds = world.chain.fund(stranger.address, 100 * ADA)
    read: list[TransactionInput] = []
    while len(read) < REFERENCES:  # an index below 24 is a byte shorter
        made = world.chain.place([FaucetOutput(stranger.address, 4 * ADA, HEAVY)] * min(24, REFERENCES - len(read)))
        read += [TransactionInput.from_primitive([one.transaction, one.index]) for one in made]
    paid = stranger.pay(funds, world.address, 5 * ADA, datum=datum(THALES), reference_inputs=read, fee=1_000_000)
    world.chain.submit(paid)


def hide(monkeypatch: pytest.MonkeyPatch, hidden: str) -> None:
    """Let every provider fail whenever it is asked for a transaction."""
    shows = LocalChain.transaction

    def fails(chain: LocalChain, transaction: str) -> ChainTransaction | None:
        if transaction == hidden:
            raise StoreError("its transaction is too long", next_step="Read again")
        return shows(chain, transaction)

    monkeypatch.setattr(LocalChain, "transaction", fails)


def markers(world: World) -> list[tuple[str, int | None]]:
    shown = world.show()
    assert shown["stale"] is None
    return [(one["name"], one["epoch"]) for one in shown["markers"]]


def test_every_command_goes_on_and_no_replay_wins(
    attacked: World, with_token: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = attacked
    assert markers(world) == [THALES, ("pythagoras", 9)]
    world.changed("postpone", "pythagoras", "--at", "13")
    for epoch in (8, 9, 10):  # before, at and after the epoch that was postponed
        world.chain.advance_to_epoch(epoch)
        world.post(datum(THALES, ("pythagoras", 9)))
        assert markers(world) == [THALES, ("pythagoras", 13)], epoch

    (plain,) = world.chain.place([FaucetOutput(world.address, 3 * ADA)])
    hide(monkeypatch, plain.transaction)
    assert markers(world) == [THALES, ("pythagoras", 13)]
    world.changed("cancel", "pythagoras", "--spend", f"{plain.transaction}#{plain.index}")
    for epoch in (12, 13, 14):  # before, at and after the epoch of what was cancelled
        world.chain.advance_to_epoch(epoch)
        world.post(datum(THALES, ("pythagoras", 13)))
        assert {name for name, _ in markers(world)} == {"thales"}, epoch
    world.changed("announce", "lagrange")

    found = json.loads(invoke("doctor", "--json").stdout)["findings"]
    assert [one for one in found if one["health"] == "problem"] == []
    swept = invoke("marker", "sweep", "--payment-key-file", "payment.skey", *world.options, "--yes", "--json")
    assert swept.exit_code == 0, swept.output
    assert json.loads(swept.stdout)["status"] == "published"
    assert markers(world)[-1] == ("lagrange", None)
    print(world.show()["verdicts"])
