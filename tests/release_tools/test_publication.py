"""Publishing: once, whatever interrupts it; what is asked, what is told, and what a node reads in the end."""

import errno
import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chain_reader import ProviderKeyRefusedError, ProviderTimeoutError
from chain_reader.local_chain import FaucetOutput, LocalChain
from chain_reader.providers.transport import errors
from datum import EraMarkersPayload, encode_datum
from eras import ChainReadError, EraMarker, TransactionError
from release_tools import LocalChainGateway, PaymentKey, TransactionRefusedError
from release_tools.publishing.journal import Journal
from release_tools.publishing.publication import Standing
from release_tools.publishing.submission import (
    Progress,
    Step,
    Waiting,
)
from release_tools.transactions.drafting import MarkerOutputMissingError, Purse
from release_tools.transactions.files import CarriedTransaction
from tests import forked
from tests.errors import raising
from tests.release_tools.conftest import SEEDS
from tests.release_tools.publishing import ERA_KEY, FakeTime, FlakyGateway, ReleaseTeam, change, markers

ADA = 1_000_000


@pytest.fixture
def team(chain: LocalChain, gateway: LocalChainGateway, wallet: PaymentKey, tmp_path: Path) -> ReleaseTeam:
    """On a chain in epoch 3, with 100 ada at the era address."""
    chain.advance_to_epoch(3)
    chain.fund(wallet.address(0), 100 * ADA)
    return ReleaseTeam(chain, gateway, wallet, tmp_path / "journal")


class Killed(BaseException):
    """A process that ends here."""


def killing(step: Step) -> Callable[[Progress], None]:
    def watch(progress: Progress) -> None:
        if progress.step is step:
            raise Killed(step)

    return watch


def test_a_rollout_from_the_first_marker_to_the_last(team: ReleaseTeam) -> None:
    """Every kind of change, each read back; the address never holds more than one marker output."""
    story = [
        ("activate thales 3", markers(("thales", 3))),
        ("announce pythagoras", markers(("thales", 3), ("pythagoras", None))),
        ("activate pythagoras 6", markers(("thales", 3), ("pythagoras", 6))),
        ("postpone pythagoras 8", markers(("thales", 3), ("pythagoras", 8))),
        ("cancel pythagoras", markers(("thales", 3))),
        ("activate pythagoras 5", markers(("thales", 3), ("pythagoras", 5))),
        ("epoch 5", markers(("thales", 3), ("pythagoras", 5))),
        ("retire thales", markers(("pythagoras", 5))),
    ]
    for text, expected in story:
        if text.startswith("epoch "):
            team.chain.advance_to_epoch(int(text.split()[1]))
            continue
        published = team.run(text)
        assert published is not None
        assert (set(published.after), set(published.reading.markers)) == (expected, expected)
        assert not published.superseded
        signed = [made for made in team.chain.utxos(team.address) if made.datum is not None]
        assert [made.transaction for made in signed] == [published.transaction]
        assert team.run(text) is None, "the same again has nothing to do"
    assert len(team.marker_transactions()) == 7
    assert len(team.journal.finished()) == 7
    assert team.journal.current() is None


def test_steps_are_told_in_their_order(team: ReleaseTeam) -> None:
    told: list[Progress] = []
    team.watch = told.append
    team.waiting = Waiting(confirmations=2, timeout_s=30, poll_s=1)
    team.time = FakeTime(lambda: team.chain.advance_slots(1) and None)
    published = team.run("activate thales 3")
    assert published is not None
    assert [(one.step, one.depth) for one in told] == [
        (Step.SIGNED, None),
        (Step.JOURNALED, None),
        (Step.SUBMITTED, None),
        (Step.SEEN, 0),
        (Step.SEEN, 1),
        (Step.SEEN, 2),
        (Step.CONFIRMED, 2),
        (Step.READ_BACK, 2),
        (Step.FINISHED, 2),
    ]
    assert {one.transaction for one in told} == {published.transaction}
    assert published.depth == 2


@pytest.mark.parametrize("step", Step)
@pytest.mark.parametrize("text", ["activate thales 3", "announce pythagoras", "cancel pythagoras"])
def test_interrupted_after_any_step_the_next_run_finishes_it_once(team: ReleaseTeam, text: str, step: Step) -> None:
    if text != "activate thales 3":
        team.run("activate thales 3")
    if text == "cancel pythagoras":
        team.run("announce pythagoras")
    before = len(team.marker_transactions())
    team.watch = killing(step)
    with pytest.raises(Killed):
        team.run(text)
    team.watch = lambda _progress: None
    published = team.run(text)
    assert (published is None) == (step is Step.FINISHED), "finished already, or finished now"
    assert len(team.marker_transactions()) == before + 1
    assert team.publisher().finished(change(text), team.read().markers) is not None
    assert team.run(text) is None
    assert len(team.marker_transactions()) == before + 1
    assert team.journal.current() is None


DRIVER = """
import os, signal, sys
from pathlib import Path
from chain_reader.local_chain import LocalChain
from release_tools import LocalChainGateway, PaymentKey
from tests.release_tools.publishing import ReleaseTeam
from tests.errors import raising

folder, text, kill_at = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
calls = 0

def counted(name, function):
    def call(*arguments, **options):
        global calls
        calls += 1
        if calls == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        done = function(*arguments, **options)
        calls += 1
        if calls == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return done
    return call

with LocalChain.open(folder / "chain.sqlite3") as chain:
    team = ReleaseTeam(chain, LocalChainGateway(chain), PaymentKey(bytes(range(32))), folder / "journal")
    # before and after everything that leaves a trace outside of the process
    for name in ("fsync", "replace", "unlink", "open"):
        setattr(os, name, counted(name, getattr(os, name)))
    LocalChain.submit = counted("submit", LocalChain.submit)
    published = team.run(text)
    print("done" if published is None else published.transaction, calls)
"""


def run_driver(folder: Path, text: str, kill_at: int) -> subprocess.CompletedProcess[str]:
    return forked.run(DRIVER, str(folder), text, str(kill_at))


def test_killed_by_the_system_at_any_trace_it_leaves(team: ReleaseTeam, tmp_path: Path) -> None:
    """A real process, killed before and after each of its writes; then the next one finishes, with one transaction."""
    probe = run_driver(tmp_path, "activate thales 3", 0)
    assert probe.returncode == 0, probe.stderr
    counted = int(probe.stdout.split()[1])
    assert counted >= 14, "journal draft, its name, its folder, the transaction, the end"
    for number, kill_at in enumerate(range(1, counted + 1)):
        announces = number % 2 == 0
        text = "announce pythagoras" if announces else "cancel pythagoras"
        before = len(team.marker_transactions())
        killed = run_driver(tmp_path, text, kill_at)
        assert killed.returncode == -signal.SIGKILL, (kill_at, killed.stdout, killed.stderr)
        team.run(text)
        assert len(team.marker_transactions()) == before + 1, kill_at
        assert any(marker.name == "pythagoras" for marker in team.read().markers) == announces
        assert team.journal.current() is None


def test_the_journal_is_for_its_owner_and_written_before_the_first_submission(team: ReleaseTeam) -> None:
    team.watch = killing(Step.JOURNALED)
    with pytest.raises(Killed):
        team.run("activate thales 3")
    assert team.marker_transactions() == []
    entry = team.journal.current()
    assert entry is not None
    files = [team.journal.folder / "current.json", team.journal.folder / "lock"]
    assert [path.stat().st_mode & 0o777 for path in (*files, team.journal.folder)] == [0o600, 0o600, 0o700]
    for secret in (SEEDS["wallet"], ERA_KEY.seed):
        assert secret.hex() not in files[0].read_text()
    assert team.publisher().standing(entry) is Standing.LIVE


def test_one_process_at_a_time(team: ReleaseTeam) -> None:
    with team.journal.held(), raising("JournalHeld", match="Another process is publishing"):
        team.run("activate thales 3")
    assert team.run("activate thales 3") is not None
    other = Journal(team.folder, 42, PaymentKey(SEEDS["stranger"]).address(0))
    with team.journal.held(), other.held():
        pass


def test_a_transaction_on_its_way_is_waited_for_and_never_doubled(team: ReleaseTeam) -> None:
    """The process died after submitting; the provider still has the transaction in its mempool and refuses a second."""
    real = team.gateway
    team.watch = killing(Step.JOURNALED)
    with pytest.raises(Killed):
        team.run("activate thales 3")
    entry = team.journal.current()
    assert entry is not None
    submitted: list[bytes] = []

    def refuse(cbor: bytes) -> str:
        submitted.append(cbor)
        raise TransactionRefusedError("The ledger refused it", got="all inputs are spent")

    team.watch = lambda _progress: None
    team.gateway = FlakyGateway(real, submit=refuse)  # type: ignore[assignment]
    team.time = FakeTime(lambda: team.time.now == 5 and real.submit(entry.latest.cbor) and None)
    published = team.run("activate thales 3")
    assert published is not None
    assert published.transaction == entry.latest.transaction
    assert submitted == [entry.latest.cbor]
    assert len(team.marker_transactions()) == 1


def test_one_that_never_comes_says_why_and_can_be_run_again(team: ReleaseTeam) -> None:
    real = team.gateway
    team.watch = killing(Step.JOURNALED)
    with pytest.raises(Killed):
        team.run("activate thales 3")
    team.watch = lambda _progress: None

    def refuse(cbor: bytes) -> str:
        raise TransactionRefusedError("The ledger refused it", got="the moon is full")

    team.gateway = FlakyGateway(real, submit=refuse)  # type: ignore[assignment]
    with raising("PublicationUnfinished", match="the moon is full") as caught:
        team.run("activate thales 3")
    assert "Run the same command again" in str(caught.value)
    assert caught.value.facts["depth"] is None
    team.gateway = real
    assert team.run("activate thales 3") is not None
    assert len(team.marker_transactions()) == 1


def test_void_transaction_is_built_anew_and_excludes_the_old_one(team: ReleaseTeam) -> None:
    chain, real = team.chain, team.gateway
    chain.fund(team.address, 500 * ADA)  # a second output that could pay, so that the anchor must be asked for
    team.watch = killing(Step.JOURNALED)
    team.purse = Purse(team.address, validity_slots=10)
    with pytest.raises(Killed):
        team.run("activate thales 3")
    entry = team.journal.current()
    assert entry is not None
    chain.fund(team.address, 900 * ADA)
    chain.advance_slots(10)
    assert team.publisher().standing(entry) is Standing.DEAD
    team.watch = lambda _progress: None
    published = team.run("activate thales 3")
    assert published is not None
    assert published.transaction != entry.latest.transaction
    spent = chain.transaction(published.transaction)
    assert spent is not None
    assert entry.anchor in [f"{one.transaction}#{one.index}" for one in spent.inputs]
    chain.rollback(1)  # even on a chain where the old one were valid again, only one of the two can be
    real.submit(team.journal.finished()[0].latest.cbor)
    with pytest.raises(TransactionRefusedError):
        real.submit(entry.latest.cbor)


def test_one_that_becomes_void_while_waiting(team: ReleaseTeam) -> None:
    team.purse = Purse(team.address, validity_slots=5)
    team.gateway = FlakyGateway(team.gateway, submit=take_and_lose)  # type: ignore[assignment]
    team.time = FakeTime(lambda: team.chain.advance_slots(1) and None)
    with raising("PublicationExpired", match="was in no block in time: expected a block before slot 305"):
        team.run("activate thales 3")


def take_and_lose(cbor: bytes) -> str:
    """Takes a transaction, and loses it."""
    return CarriedTransaction(cbor).hash


def test_refused_at_once_changes_nothing_and_the_next_run_builds_anew(team: ReleaseTeam) -> None:
    real = team.gateway

    def refuse(cbor: bytes) -> str:
        raise TransactionRefusedError("The ledger refused it", got="FeeTooSmallUTxO")

    team.gateway = FlakyGateway(real, submit=refuse)  # type: ignore[assignment]
    with pytest.raises(TransactionRefusedError, match="FeeTooSmallUTxO"):
        team.run("activate thales 3")
    entry = team.journal.current()
    assert entry is not None
    assert entry.latest.refused is not None
    assert team.publisher().standing(entry) is Standing.DEAD
    team.gateway = real
    team.chain.advance_slots(1)  # so that the new one differs
    published = team.run("activate thales 3")
    assert published is not None
    assert [len(one.attempts) for one in team.journal.finished()] == [2]
    # and another change may come first: nothing of the old one can come in any more
    team.gateway = FlakyGateway(real, submit=refuse)  # type: ignore[assignment]
    with pytest.raises(TransactionRefusedError):
        team.run("announce pythagoras")
    team.gateway = real
    assert team.run("activate pythagoras 6") is not None
    assert team.run("announce lagrange") is not None


def test_another_change_waits_for_the_one_that_may_still_come(team: ReleaseTeam) -> None:
    team.watch = killing(Step.JOURNALED)
    with pytest.raises(Killed):
        team.run("activate thales 3")
    team.watch = lambda _progress: None
    with raising("OtherPublication", match="got activate thales at epoch 3, in transaction") as caught:
        team.run("announce thales")
    assert "Finish it first: eraswitch marker activate thales --at 3" in str(caught.value)
    assert team.run("activate thales 3") is not None
    assert team.run("announce pythagoras") is not None


def test_another_machine_did_it_meanwhile(team: ReleaseTeam, tmp_path: Path) -> None:
    """Same change, other journal: the output is spent, the markers are there, and nothing is left to do."""
    team.run("activate thales 3")
    team.watch = killing(Step.JOURNALED)
    with pytest.raises(Killed):
        team.run("announce pythagoras")
    entry = team.journal.current()
    assert entry is not None
    team.chain.advance_slots(1)
    other = ReleaseTeam(team.chain, team.gateway, team.wallet, tmp_path / "elsewhere")
    assert other.run("announce pythagoras") is not None
    team.watch = lambda _progress: None
    assert team.publisher().standing(entry) is Standing.LOST
    assert team.run("announce pythagoras") is None
    assert team.journal.current() is None
    assert len(team.marker_transactions()) == 2


def test_an_input_other_than_the_anchor_is_gone(team: ReleaseTeam) -> None:
    """What pays was spent elsewhere: the old transaction is dead, the new one spends the same marker output."""
    team.run("activate thales 3")
    team.watch = killing(Step.JOURNALED)
    with pytest.raises(Killed):
        team.run("announce pythagoras")
    entry = team.journal.current()
    assert entry is not None
    assert len(entry.latest.spends) == 2
    payer = next(reference for reference, _ in entry.latest.spends if reference != entry.anchor)
    team.watch = lambda _progress: None
    team.chain.fund(team.address, 50 * ADA)
    spend_elsewhere(team, payer)
    assert team.publisher().standing(entry) is Standing.DEAD
    assert team.run("announce pythagoras") is not None
    assert len(team.marker_transactions()) == 2


def spend_elsewhere(team: ReleaseTeam, reference: str) -> None:
    """Move an output of the team's wallet to the stranger's."""
    from pycardano import Address, TransactionBody, TransactionInput, TransactionOutput

    from release_tools.transactions.balancing import witness_set

    (output,) = [one for one in team.gateway.spendable_outputs(team.address) if one.reference == reference]
    body = TransactionBody(
        inputs=[TransactionInput.from_primitive([output.transaction, output.index])],
        outputs=[
            TransactionOutput(
                Address.from_primitive(PaymentKey(SEEDS["stranger"]).address(0)), output.lovelace - 200_000
            )
        ],
        fee=200_000,
    )
    witness = team.wallet.witness(bytes(body.hash()))
    team.gateway.submit(b"\x84" + body.to_cbor() + witness_set([witness]) + b"\xf5\xf6")


def test_rolled_back_while_waiting_it_is_submitted_again(team: ReleaseTeam) -> None:
    happened: list[str] = []

    def meanwhile() -> None:
        if len(happened) == 1:
            team.chain.rollback(2)
        else:
            team.chain.advance_slots(1)
        happened.append("block")

    team.time = FakeTime(meanwhile)
    team.waiting = Waiting(confirmations=3, timeout_s=60, poll_s=1)
    steps: list[Step] = []
    team.watch = lambda progress: steps.append(progress.step)
    published = team.run("activate thales 3")
    assert published is not None
    assert steps.count(Step.SUBMITTED) >= 2
    assert published.depth == 3
    assert len(team.marker_transactions()) == 1


def test_a_provider_that_stumbles_is_asked_again(team: ReleaseTeam) -> None:
    real, failures = team.gateway, {"submit": 0, "transaction_depth": 0}

    def stumbling(name: str) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            failures[name] += 1
            if failures[name] in (1, 3):
                raise ProviderTimeoutError(f"{name} took too long")
            return getattr(real, name)(*arguments)

        return call

    team.gateway = FlakyGateway(real, **{name: stumbling(name) for name in failures})  # type: ignore[assignment]
    assert team.run("activate thales 3") is not None
    assert failures["submit"] == 2
    assert len(team.marker_transactions()) == 1


def test_submitted_but_not_answered_is_looked_up_before_it_is_submitted_again(team: ReleaseTeam) -> None:
    real, submitted = team.gateway, []

    def take_and_hang(cbor: bytes) -> str:
        submitted.append(cbor)
        real.submit(cbor)
        raise ProviderTimeoutError("no answer")

    team.gateway = FlakyGateway(real, submit=take_and_hang)  # type: ignore[assignment]
    published = team.run("activate thales 3")
    assert published is not None
    assert len(submitted) == 1


def permanent_errors() -> list[type[ChainReadError]]:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, ChainReadError)]
    return [kind for kind in kinds if kind.is_permanent]


@pytest.mark.parametrize("kind", permanent_errors())
def test_a_permanent_error_after_the_confirmation_ends_the_waiting_at_once(
    team: ReleaseTeam, kind: type[ChainReadError]
) -> None:
    """As where a provider gives answers that make no sense: half an hour of silence would end in the same."""

    def fail(transaction: str) -> int | None:
        raise kind("as it will be tomorrow")

    team.gateway = FlakyGateway(team.gateway, transaction_depth=fail)  # type: ignore[assignment]
    with raising("PublicationUnfinished", match="as it will be tomorrow"):
        team.run("activate thales 3")
    assert team.time.now <= 1
    assert len(permanent_errors()) == 7


@pytest.mark.parametrize("error", [ProviderKeyRefusedError("no key"), ProviderTimeoutError("too slow")])
def test_a_provider_that_fails_for_good_ends_the_run_and_loses_nothing(
    team: ReleaseTeam, error: ChainReadError
) -> None:
    real = team.gateway

    def fail(cbor: bytes) -> str:
        raise error

    team.gateway = FlakyGateway(real, submit=fail)  # type: ignore[assignment]
    with raising("PublicationUnfinished", match="not known whether the transaction [0-9a-f]{64}") as caught:
        team.run("activate thales 3")
    assert caught.value.__cause__ is error
    assert caught.value.facts["cause"] == error.code
    assert (team.time.now > 20) == isinstance(error, ProviderTimeoutError), "a refused key does not heal by waiting"
    team.gateway = real
    assert team.run("activate thales 3") is not None


def test_a_provider_lost_while_waiting_is_shown_and_the_end_names_the_transaction(team: ReleaseTeam) -> None:
    real, told = team.gateway, []
    submitted: list[str] = []

    def take(cbor: bytes) -> str:
        submitted.append(real.submit(cbor))
        return submitted[-1]

    def silent(transaction: str) -> int | None:
        raise ProviderTimeoutError("no answer", got="silence")

    team.watch = lambda progress: told.append(progress.note)
    team.waiting = Waiting(confirmations=1, timeout_s=45, poll_s=1)
    team.gateway = FlakyGateway(real, submit=take, transaction_depth=silent)  # type: ignore[assignment]
    with raising("PublicationUnfinished", match=r"is submitted, but its outcome is unknown") as caught:
        team.run("activate thales 3")
    assert submitted[0] in str(caught.value)
    assert "Run the same command again" in str(caught.value)
    notes = list(dict.fromkeys(note for note in told if note is not None))
    assert [note.partition(" has been ")[2] for note in notes] == [
        "silent, retrying: silence",
        *(f"silent for {seconds} s, retrying: silence" for seconds in (10, 20, 30, 40)),
    ]
    team.gateway = real
    team.time = FakeTime(lambda: team.chain.advance_slots(1) and None)
    published = team.run("activate thales 3")
    assert published is not None
    assert published.transaction == submitted[0]


def test_a_wait_in_which_nothing_happens_says_so_and_why_it_might_be(team: ReleaseTeam) -> None:
    notes: list[tuple[float, str]] = []
    team.watch = lambda progress: notes.append((team.time.now, progress.note)) if progress.note else None
    team.waiting = Waiting(confirmations=1, timeout_s=150, poll_s=1)
    with raising("PublicationUnfinished", match="is not confirmed yet"):
        team.run("activate thales 3")
    assert [when for when, _ in notes] == [60, 120]
    assert "Nothing has happened for 60 s: no new block since slot" in notes[0][1]
    assert f"eraswitch local-chain advance {team.chain.path}" in notes[0][1]

    notes.clear()
    team.gateway = FlakyGateway(team.gateway, submit=take_and_lose)  # type: ignore[assignment]
    team.chain.advance_slots(1)
    team.run("activate thales 3")
    team.time = FakeTime(lambda: team.chain.advance_slots(1) and None)
    with raising("PublicationUnfinished"):
        team.run("announce pythagoras")
    assert "new blocks do not include the transaction" in notes[0][1]


def test_losing_a_race_names_who_won_and_what_stands(team: ReleaseTeam, tmp_path: Path) -> None:
    """Whether the ledger refuses it at once, or the provider takes it and loses it."""
    team.run("activate thales 3")
    real = team.gateway
    other = ReleaseTeam(team.chain, real, team.wallet, tmp_path / "elsewhere")
    for mine, theirs, lose in (
        ("announce pythagoras", "activate pythagoras 8", False),
        ("cancel pythagoras", "postpone pythagoras 9", True),
    ):

        def late(cbor: bytes, theirs: str = theirs, lose: bool = lose) -> str:
            assert other.run(theirs) is not None
            return take_and_lose(cbor) if lose else real.submit(cbor)

        team.gateway = FlakyGateway(real, submit=late)  # type: ignore[assignment]
        with raising("Overtaken", match="Somebody else published meanwhile") as caught:
            team.run(mine)
        stands = team.marker_transactions()[-1]
        assert caught.value.facts["stands"] == stands
        assert f"the markers of transaction {stands}: thales" in str(caught.value)
        entry = team.journal.current()
        assert entry is not None
        team.gateway = real
        assert team.publisher().standing(entry) is Standing.LOST


def test_read_back_waits_for_a_provider_that_lags(team: ReleaseTeam) -> None:
    team.run("activate thales 3")
    old = team.read()
    publisher_read = team.read
    team.read = lambda: old if team.time.now < 5 else publisher_read()  # type: ignore[method-assign]
    published = team.run("announce pythagoras")
    assert published is not None
    assert team.time.now == 5
    assert set(published.reading.markers) == set(published.after)


def test_a_change_that_nodes_would_not_trust_is_said(team: ReleaseTeam) -> None:
    nothing = team.read()
    team.read = lambda: nothing  # type: ignore[method-assign]
    with raising("ReadBack", match="a node does not trust it") as caught:
        team.run("activate thales 3")
    assert caught.value.facts["output"].endswith("#0")
    del team.read  # type: ignore[method-assign]
    assert team.run("activate thales 3") is not None
    assert len(team.marker_transactions()) == 1


def test_one_that_landed_and_was_replaced_since_is_finished(team: ReleaseTeam, tmp_path: Path) -> None:
    team.watch = killing(Step.CONFIRMED)
    with pytest.raises(Killed):
        team.run("activate thales 3")
    other = ReleaseTeam(team.chain, team.gateway, team.wallet, tmp_path / "elsewhere")
    assert other.run("announce pythagoras") is not None
    team.watch = lambda _progress: None
    published = team.run("activate thales 3")
    assert published is not None
    assert published.superseded
    assert team.journal.current() is None
    assert len(team.marker_transactions()) == 2


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", '{"version": 2}', '{"version": 1}', "[" * 100_000, '{"version":1,"epoch":"x"}']
)
def test_damaged_journal_is_an_error_that_loses_nothing(team: ReleaseTeam, content: str) -> None:
    team.journal.folder.mkdir(parents=True)
    path = team.journal.folder / "current.json"
    path.write_text(content)
    with raising("Journal", match="is damaged") as caught:
        team.run("activate thales 3")
    assert str(path) in str(caught.value)
    assert path.read_text() == content
    assert team.marker_transactions() == []


def test_journal_that_cannot_be_written_stops_before_anything_is_submitted(team: ReleaseTeam) -> None:
    team.folder.write_text("a file where the folder should be")
    with raising("Journal", match="cannot be opened"):
        team.run("activate thales 3")
    assert team.marker_transactions() == []


def test_a_full_disk_leaves_no_draft_and_nothing_is_submitted(
    team: ReleaseTeam, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as full:
        full.setattr(os, "fsync", fails)
        with raising("Journal", match="No space left"):
            team.run("activate thales 3")
    assert [path.name for path in team.journal.folder.iterdir()] == ["lock"]
    assert team.marker_transactions() == []
    assert team.run("activate thales 3") is not None


def test_a_draft_left_by_a_killed_writer_is_in_nobodys_way(team: ReleaseTeam) -> None:
    team.journal.folder.mkdir(parents=True)
    (team.journal.folder / "current.draft").write_text("half")
    assert team.run("activate thales 3") is not None


# --- drafting


def test_nothing_is_built_while_reader_and_gateway_disagree(team: ReleaseTeam) -> None:
    empty = team.read()
    team.run("activate thales 3")
    trusted = team.read()
    plan = team.plan("announce pythagoras", trusted)
    real = team.gateway
    team.gateway = FlakyGateway(real, spendable_outputs=lambda address: ())  # type: ignore[assignment]
    with pytest.raises(MarkerOutputMissingError, match="does not show the marker output that readers trust"):
        team.draft(plan, trusted)
    team.gateway = real
    with pytest.raises(MarkerOutputMissingError, match="shows markers that the reader has not seen"):
        team.draft(team.plan("activate thales 3", empty), empty)


def test_first_marker_that_readers_would_not_believe_is_refused(
    chain: LocalChain, gateway: LocalChainGateway, wallet: PaymentKey, stranger: PaymentKey, tmp_path: Path
) -> None:
    """Another wallet pays; nothing at the era address could prove its owner's consent."""
    chain.fund(stranger.address(0), 100 * ADA)
    team = ReleaseTeam(chain, gateway, wallet, tmp_path / "journal", Purse(stranger.address(0)))
    reading = team.read()
    plan = team.plan("activate thales 0", reading)
    with raising("UnprovenTransaction", match="Send 1 ada or more to the era address first"):
        team.draft(plan, reading)
    chain.fund(team.address, 7 * ADA)
    chain.fund(team.address, 2 * ADA)
    drafted, _ = team.draft(plan, reading)
    at_era = [output for output in drafted.spends if output.address == team.address]
    assert [output.lovelace for output in at_era] == [2 * ADA], "the least that proves it"
    assert drafted.transaction.spends_era_address
    change = CarriedTransaction.of(drafted.transaction, 42, drafted.spends).summary()["outputs"][1]
    assert change["address"] == stranger.address(0)


def test_change_stays_at_the_era_address_where_that_pays_alone(
    team: ReleaseTeam, chain: LocalChain, stranger: PaymentKey
) -> None:
    """Another purse is named, but what proves the author is enough: none of it moves to the purse."""
    chain.fund(stranger.address(0), 100 * ADA)
    team.purse = Purse(stranger.address(0))
    reading = team.read()
    drafted, _ = team.draft(team.plan("activate thales 3", reading), reading)
    assert {output.address for output in drafted.spends} == {team.address}
    outputs = CarriedTransaction.of(drafted.transaction, 42, drafted.spends).summary()["outputs"]
    assert {output["address"] for output in outputs} == {team.address}


def test_an_announcer_may_publish_the_first_marker(
    chain: LocalChain, gateway: LocalChainGateway, wallet: PaymentKey, stranger: PaymentKey, tmp_path: Path
) -> None:
    announcer = stranger.address(0)
    chain.fund(announcer, 100 * ADA)
    purse = Purse(announcer, announcers=(announcer,))
    team = ReleaseTeam(chain, gateway, wallet, tmp_path / "journal", purse)
    reading = team.read()
    drafted, _ = team.draft(team.plan("activate thales 0", reading), reading)
    assert {output.address for output in drafted.spends} == {announcer}


def test_sweeping_spends_what_others_posted_again(team: ReleaseTeam) -> None:
    """Old payloads and copies at the era address, which readers without rules of trust may take for the newest."""
    team.run("activate thales 3")
    old = encode_datum(EraMarkersPayload((EraMarker("thales", 2),)).sign(ERA_KEY).to_bytes()).hex()
    forged = encode_datum(EraMarkersPayload((EraMarker("thales", 2),)).sign(type(ERA_KEY)(bytes(32))).to_bytes()).hex()
    team.chain.place([FaucetOutput(team.address, 2 * ADA, datum=datum) for datum in (old, old, forged, "d87980")])
    reading = team.read()
    plan = team.plan("announce pythagoras", reading)
    drafted, _ = team.draft(plan, reading)
    assert len(drafted.spends) == 2
    assert "2 other signed marker outputs stay" in drafted.warnings[0]
    team.purse = Purse(team.address, sweep=True)
    assert team.run("announce pythagoras") is not None
    left = sorted(made.datum or "" for made in team.chain.utxos(team.address) if made.datum)
    assert len(left) == 3
    assert set(left) >= {forged, "d87980"}, "what the era key did not sign is left alone"


def test_named_outputs_are_spent_whatever_they_carry(team: ReleaseTeam) -> None:
    units = (("cd" * 28 + "61", 7), ("ab" * 28, 1), ("ab" * 28 + "6161", 2))
    (tokens,) = team.chain.place([FaucetOutput(team.address, 3 * ADA, assets=units)])
    (datum,) = team.chain.place([FaucetOutput(team.address, 3 * ADA, datum="d87980")])
    named = tuple(f"{one.transaction}#{one.index}" for one in (tokens, datum))
    team.purse = Purse(team.address, spend=named)
    published = team.run("activate thales 3")
    assert published is not None
    made = team.chain.transaction(published.transaction)
    assert made is not None
    assert {f"{one.transaction}#{one.index}" for one in made.inputs} == set(named)
    marker, change_output, token_output = made.outputs
    assert (marker.assets, change_output.assets, change_output.datum, token_output.datum) == ((), (), None, None)
    assert sorted(token_output.assets) == sorted(units)


def test_tokens_stay_with_the_ada_where_there_is_too_little_for_both(team: ReleaseTeam) -> None:
    units = (("ab" * 28, 1),)
    (tokens,) = team.chain.place([FaucetOutput(team.address, 3_400_000, assets=units)])
    team.purse = Purse(team.address, spend=(f"{tokens.transaction}#{tokens.index}",))
    published = team.run("activate thales 3")
    assert published is not None
    made = team.chain.transaction(published.transaction)
    assert made is not None
    assert [output.assets for output in made.outputs] == [(), units]


def test_named_output_that_is_not_there(team: ReleaseTeam) -> None:
    team.purse = Purse(team.address, spend=(f"{'ab' * 32}#0",))
    with pytest.raises(TransactionError, match="cannot be spent: expected an unspent output"):
        team.run("activate thales 3")


def test_large_datum_warns_of_hardware_wallets(team: ReleaseTeam) -> None:
    reading = team.read()
    plan = team.plan("activate thales 3", reading)
    assert team.draft(plan, reading)[0].warnings == ()
    many = tuple(EraMarker("thales", number) for number in range(40))
    drafted, payload = team.draft(type(plan)(plan.change, plan.epoch, (), many), reading)
    assert len(encode_datum(payload)) >= 1_024
    assert "Ledger hardware wallet restarts" in drafted.warnings[0]


def test_the_journal_tells_what_was_asked(team: ReleaseTeam) -> None:
    team.run("activate thales 3")
    (path,) = (path for path in team.journal.folder.glob("*.json"))
    found = json.loads(path.read_text())
    assert (found["change"], found["era"], found["epoch"]) == ("activate", "thales", 3)
    assert found["after"] == [{"name": "thales", "epoch": 3}]
    assert team.publisher().finished(change("activate thales 3"), tuple(markers(("thales", 3)))) is not None
    assert team.publisher().finished(change("activate thales 3"), ()) is None
    assert os.fspath(path).endswith(f"{found['attempts'][0]['transaction']}.json")
