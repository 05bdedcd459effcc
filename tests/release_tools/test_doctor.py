"""The doctor: each check finds what it should, says what to do, and never raises."""

from pathlib import Path

import pytest

from chain_reader import LocalObserver
from chain_reader.genesis import NetworkGenesis
from chain_reader.local_chain import FaucetOutput, LocalChain
from datum import SigningKey
from era_store import open_store
from eras import ChainReadError, Epoch, Slot
from release_tools import LocalChainGateway, PaymentKey
from release_tools.doctor import Examination, Finding, Health
from release_tools.markers.change import ChangeKind, MarkerChange
from release_tools.publishing.journal import Attempt, JournalEntry
from release_tools.publishing.publication import Standing, Unfinished
from tests.release_tools.publishing import ERA_KEY, FlakyGateway

ADA = 1_000_000
OTHER = SigningKey(bytes(32))
GENESIS = NetworkGenesis(42, 1_000_000.0, 1.0, 100)


def one(examination: Examination, check: str = "") -> Finding:
    (found,) = [finding for finding in examination.findings if check in finding.check]
    return found


def worst(examination: Examination) -> Finding:
    order = list(Health)
    return max(examination.findings, key=lambda finding: order.index(finding.health))


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "era.sk"
    path.write_text(ERA_KEY.to_json_hex())
    path.chmod(0o600)
    return path


def test_a_good_era_key(key_file: Path) -> None:
    key_file.with_name("era.vk").write_text(ERA_KEY.verification_key.to_json_hex())
    examination = Examination()
    examination.era_key(lambda: ERA_KEY, key_file, ERA_KEY.verification_key)
    assert [finding.health for finding in examination.findings] == [Health.OK] * 3
    assert examination.is_healthy


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_era_key_that_others_can_read(key_file: Path, mode: int) -> None:
    key_file.chmod(mode)
    examination = Examination()
    examination.era_key(lambda: ERA_KEY, key_file, None)
    found = worst(examination)
    assert (found.health, found.next_step) == (Health.PROBLEM, f"Run: chmod 600 {key_file}")
    assert not examination.is_healthy


def test_era_key_of_another_network_or_pair(key_file: Path) -> None:
    key_file.with_name("era.vk").write_text(OTHER.verification_key.to_json_hex())
    examination = Examination()
    examination.era_key(lambda: ERA_KEY, key_file, OTHER.verification_key)
    assert [finding.check for finding in examination.findings if finding.health is Health.PROBLEM] == [
        "era key",
        "era key pair",
    ]
    key_file.with_name("era.vk").write_bytes(b"\xff")
    again = Examination()
    again.era_key(lambda: ERA_KEY, key_file, None)
    assert one(again, "pair").health is Health.WARNING
    key_file.with_name("era.vk").write_text("junk")
    again = Examination()
    again.era_key(lambda: ERA_KEY, key_file, None)
    assert not again.is_healthy


def test_era_key_that_cannot_be_read(tmp_path: Path) -> None:
    def read() -> SigningKey:
        return SigningKey.parse("junk")

    for path in (None, tmp_path / "missing"):
        examination = Examination()
        examination.era_key(read, path, None)
        assert not examination.is_healthy


def test_payment_keys(tmp_path: Path, wallet: PaymentKey, stranger: PaymentKey) -> None:
    path = tmp_path / "payment.skey"
    wallet.save(path)
    examination = Examination()
    assert examination.payment_key(path, 0, wallet.address(0)) == wallet.address(0)
    assert worst(examination).health is Health.OK
    other = Examination()
    assert other.payment_key(path, 0, stranger.address(0)) == wallet.address(0)
    assert "does not own the era address" in worst(other).words
    assert other.is_healthy, "it may still pay"
    assert Examination().payment_key(path, None, None) is None
    assert Examination().payment_key(path, 0, None) == wallet.address(0)
    path.chmod(0o666)
    leaky = Examination()
    leaky.payment_key(path, 0, None)
    assert not leaky.is_healthy
    for broken in (tmp_path / "missing", tmp_path):
        examination = Examination()
        assert examination.payment_key(broken, 0, None) is None
        assert not examination.is_healthy


def test_one_era_key_on_two_networks() -> None:
    others = {"mine": (42, ERA_KEY.verification_key.hex), "yours": (7, ERA_KEY.verification_key.hex)}
    examination = Examination()
    examination.shared_key("mine", 42, ERA_KEY.verification_key, others)
    found = one(examination)
    assert found.health is Health.WARNING
    assert found.words == "the same era key signs for yours (magic 7) and for mine (magic 42)"
    alone = Examination()
    alone.shared_key("mine", 42, OTHER.verification_key, others)
    assert one(alone).health is Health.OK


def test_addresses(wallet: PaymentKey) -> None:
    for text, health in ((wallet.address(0), Health.OK), (wallet.address(1), Health.PROBLEM), ("junk", Health.PROBLEM)):
        examination = Examination()
        examination.address("era address", text, 0)
        assert one(examination).health is health


def test_funds(chain: LocalChain, wallet: PaymentKey) -> None:
    gateway = LocalChainGateway(chain)
    chain.place([FaucetOutput(wallet.address(0), 90 * ADA, assets=(("ab" * 28, 1),))])
    poor = Examination()
    poor.funds(gateway, wallet.address(0), 0)
    assert "0.0 ADA in 0 outputs that may be spent, and 1 with tokens" in one(poor).words
    assert one(poor).next_step == f"Send 10.0 ADA or more to {wallet.address(0)}"
    chain.fund(wallet.address(0), 10 * ADA)
    rich = Examination()
    rich.funds(gateway, wallet.address(0), 0)
    assert rich.is_healthy
    elsewhere = Examination()
    elsewhere.funds(gateway, wallet.address(1), 0)
    assert not elsewhere.is_healthy


@pytest.mark.parametrize(
    ("age_s", "public", "health", "words"),
    [
        (10, True, Health.OK, "10 s old"),
        (599, True, Health.OK, "599 s old"),
        (700, True, Health.PROBLEM, "700 s old, where 600 s is the most"),
        (700, False, Health.WARNING, "700 s old"),
        (-20, True, Health.OK, "0 s old"),
        (-3600, True, Health.PROBLEM, "3600 s in the future"),
        (-100_000_000, False, Health.WARNING, "1157 days, 9:46:40 in the future"),
    ],
)
def test_tip_against_the_clock(chain: LocalChain, age_s: int, public: bool, health: Health, words: str) -> None:
    chain.advance_slots(50)
    examination = Examination()
    network = examination.provider(
        "it",
        LocalObserver(chain),
        LocalChainGateway(chain),
        magic=42,
        genesis=lambda: GENESIS,
        is_public=public,
        now_s=GENESIS.anchor_time_s + 50 + age_s,
    )
    assert network is not None
    found = one(examination, "clock")
    assert (found.health, words in found.words) == (health, True), found
    advanced = age_s < 0 and not public
    assert ("rehearsal chain that was advanced" in (found.next_step or "")) is advanced


def test_providers_that_fail_lie_or_take_nothing(chain: LocalChain) -> None:
    def look(examination: Examination, gateway: object, magic: int = 42) -> object:
        observer, given = LocalObserver(chain), gateway
        return examination.provider(
            "it",
            observer,
            given,
            magic=magic,
            genesis=lambda: None,
            is_public=False,
            now_s=0.0,  # type: ignore[arg-type]
        )

    wrong = Examination()
    assert look(wrong, LocalChainGateway(chain), magic=1) is None
    assert "magic 42, not 1" in one(wrong).words
    mute = Examination()
    look(mute, None)
    assert (one(mute).health, "takes no transactions" in one(mute).words) == (Health.WARNING, True)

    def fail() -> None:
        raise ChainReadError("It is down", expected="an answer", got="none", next_step="Start it")

    down = Examination()
    look(down, FlakyGateway(LocalChainGateway(chain), network=fail))
    assert (one(down).words, one(down).next_step) == ("It is down: expected an answer, got none", "Start it")


def test_providers_in_different_epochs(chain: LocalChain, monkeypatch: pytest.MonkeyPatch) -> None:
    examination = Examination()
    for name, epoch in (("a", 5), ("b", 6), ("c", 7)):
        monkeypatch.setattr(LocalObserver, "epoch", lambda self, epoch=epoch: Epoch(epoch))
        examination.provider(
            name, LocalObserver(chain), None, magic=42, genesis=lambda: None, is_public=False, now_s=0.0
        )
        examination.agreement()
    found = [finding for finding in examination.findings if finding.check == "agreement"]
    assert [finding.health for finding in found] == [Health.OK, Health.PROBLEM]
    assert "5 by a, 6 by b, 7 by c" in found[-1].words


def test_store(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    missing = Examination()
    missing.store(str(path))
    assert not missing.is_healthy
    open_store(str(path)).close()
    good = Examination()
    good.store(str(path))
    assert good.is_healthy, good.findings
    path.chmod(0o644)
    leaky = Examination()
    leaky.store(str(path))
    assert "others can read it" in one(leaky).words


def test_journal(tmp_path: Path) -> None:
    attempt = Attempt("ab" * 32, b"", Slot(9), (("cd" * 32 + "#0", "addr"),))
    entry = JournalEntry(MarkerChange(ChangeKind.ANNOUNCE, "thales"), (), (), b"", "cd" * 32 + "#0", "addr", (attempt,))
    for standing, words in (
        (None, "Go on with it: eraswitch marker announce thales"),
        (Standing.LIVE, "Go on with it: "),
        (Standing.DEAD, "build it again: "),
        (Standing.LOST, "See what is in force: eraswitch marker show"),
    ):
        examination = Examination()
        unfinished = Unfinished(entry, standing)
        examination.journal(tmp_path / "new" / "folder", lambda found=unfinished: found)
        assert one(examination).health is Health.WARNING
        assert words in (one(examination).next_step or "")
    examination = Examination()
    examination.journal(tmp_path / "new" / "folder", lambda: None)
    assert one(examination).health is Health.OK
    (tmp_path / "file").write_text("")
    examination = Examination()
    examination.journal(tmp_path / "file" / "folder", lambda: None)
    assert "cannot be written to" in one(examination).words


def test_findings_for_machines() -> None:
    assert Finding("clock", Health.WARNING, "slow", "Set it").to_dict() == {
        "check": "clock",
        "health": "warning",
        "words": "slow",
        "next_step": "Set it",
    }
