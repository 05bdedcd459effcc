"""Several readers and writers of one chain, in threads and in processes, and one that is killed while it writes."""

import random
import signal
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chain_reader.local_chain import FaucetOutput, LedgerRefusedError, LocalChain
from tests import forked
from tests.forked import Forked
from tests.ledger.wallet import ADA, FUNDS, OTHER, OWN, Wallet, output
from tests.local_chain.conftest import GENESIS

ADDRESS = OWN.encode()


def test_a_snapshot_does_not_move(chain: LocalChain, path: Path) -> None:
    with LocalChain.open(path) as other:
        before = chain.tip()
        with chain.snapshot():
            assert chain.tip() == before
            after = other.advance_slots(5)
            other.fund(ADDRESS, ADA)
            assert chain.tip() == before
            assert chain.utxos(ADDRESS) == ()
            with chain.snapshot():
                assert chain.current_slot() == 0
        assert chain.block(1) == after
        assert len(chain.utxos(ADDRESS)) == 1


def test_nothing_is_changed_inside_a_snapshot(chain: LocalChain) -> None:
    with chain.snapshot(), pytest.raises(RuntimeError, match="inside a snapshot"):
        chain.advance_slots(1)
    assert chain.advance_slots(1).height == 1


def test_what_goes_wrong_in_a_snapshot_comes_out(chain: LocalChain) -> None:
    with pytest.raises(OSError, match="mine"), chain.snapshot():
        raise OSError("mine")
    assert chain.advance_slots(1).height == 1


def test_an_output_is_spent_once_though_many_try(chain: LocalChain, wallet: Wallet, path: Path) -> None:
    chains = [LocalChain.open(path) for _ in range(3)]
    attempts = [wallet.pay(fee=ADA + n) for n in range(24)]

    def attempt(n: int) -> str | None:
        try:
            return chains[n % 3].submit(attempts[n])
        except LedgerRefusedError as error:
            assert error.rule == "BadInputsUTxO"
            return None

    with ThreadPoolExecutor(8) as pool:
        accepted = [made for made in pool.map(attempt, range(24)) if made]
    for other in chains:
        other.close()
    assert len(accepted) == 1
    assert chain.tip().transactions == tuple(accepted)


def test_readers_never_see_half_a_change(chain: LocalChain, wallet: Wallet) -> None:
    total = sum(made.lovelace for made in chain.utxos(ADDRESS))
    done = threading.Event()

    def read() -> int:
        reads = 0
        while not done.is_set():
            assert sum(made.lovelace for made in chain.utxos(ADDRESS)) in (total, total - ADA)
            reads += 1
        return reads

    with ThreadPoolExecutor(3) as pool:
        readers = [pool.submit(read) for _ in range(3)]
        for _ in range(30):
            chain.submit(wallet.pay())
            chain.rollback(1)
        done.set()
    assert all(reader.result() > 0 for reader in readers)


def test_another_process_sees_each_change(path: Path) -> None:
    with LocalChain.create(path) as chain:
        ask = "import sys, chain_reader.local_chain as it; print(it.LocalChain.open(sys.argv[1]).tip().height)"
        for height in range(1, 3):
            chain.advance_slots(1)
            assert forked.run(ask, str(path)).stdout.strip() == str(height)


WRITER = """
import sys
from chain_reader.local_chain import FaucetOutput, LocalChain
from tests import forked
from tests.forked import Forked
from tests.ledger.wallet import ADA, OWN, Wallet

chain = LocalChain.open(sys.argv[1])
flood = [FaucetOutput(OWN.encode(), ADA + n) for n in range(400)]
wallet = Wallet.funded(chain)
payment = wallet.pay()
print("ready", chain.tip().hash, flush=True)
while True:
    for change in (
        lambda: chain.place(flood), lambda: chain.submit(payment), lambda: chain.advance_slots(7),
        lambda: chain.rollback(2), lambda: chain.place(flood), lambda: chain.rollback(2),
    ):
        print("begins", flush=True)
        change()
        print("done", chain.tip().hash, flush=True)
"""


def check_whole(path: Path) -> None:
    """The file is sound, and every block, transaction and output in it is whole."""
    db = sqlite3.connect(path)
    assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    linked = "SELECT count(*) FROM block AS a JOIN block AS b ON b.height = a.height + 1 AND b.previous = a.hash"
    assert db.execute(linked).fetchone()[0] == db.execute("SELECT max(height) FROM block").fetchone()[0]
    assert {count for (count,) in db.execute("SELECT count(*) FROM output GROUP BY tx")} <= {1, len(FUNDS), 400}
    funded = "SELECT sum(lovelace) FROM output WHERE tx IN (SELECT id FROM tx WHERE fee = 0)"
    kept = "SELECT sum(lovelace) + (SELECT sum(fee) FROM tx) FROM output WHERE spent_by IS NULL"
    assert db.execute(funded).fetchone() == db.execute(kept).fetchone()
    db.close()


def test_a_kill_in_the_middle_of_writing_loses_nothing(path: Path) -> None:
    LocalChain.create(path, genesis=GENESIS).close()
    chance = random.Random(11)
    kills = unfinished = 0
    while kills < 8 or unfinished < 3:
        kills += 1
        assert kills < 100, "the kills came between the changes, and showed nothing"
        with Forked(WRITER, str(path)) as child:
            assert child.stdout.readline().startswith("ready")
            time.sleep(chance.uniform(0.01, 0.25))
            child.kill()
            said = child.stdout.read().splitlines()
            assert child.wait() == -signal.SIGKILL
        unfinished += said[-1:] == ["begins"]
        with LocalChain.open(path) as chain:
            tip = chain.tip().hash
            acknowledged = [line.split()[1] for line in said if line.startswith("done")]
            if acknowledged and tip != acknowledged[-1]:
                # only the change that was under way when the signal came may have happened besides
                assert said[-1] == "begins"
            check_whole(path)
            assert chain.fund(ADDRESS, ADA).block_height == chain.tip().height


def test_a_change_that_fails_half_way_is_undone(
    chain: LocalChain, wallet: Wallet, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chain_reader.local_chain.ledger import queries

    tip, utxos = chain.tip(), chain.utxos(ADDRESS)
    insert = queries.insert_transaction

    def fails_late(*arguments: object) -> None:
        insert(*arguments)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr(queries, "insert_transaction", fails_late)
    for change in (lambda: chain.submit(wallet.pay(first=output(..., to=OTHER))), lambda: chain.fund(ADDRESS, ADA)):
        with pytest.raises(KeyboardInterrupt):
            change()
    monkeypatch.undo()
    assert (chain.tip(), chain.utxos(ADDRESS)) == (tip, utxos)
    assert chain.place([FaucetOutput(ADDRESS, ADA)])
