"""The doctor tries what a rollout will ask: each way in which a provider answers, and not what is needed."""

import pytest

from chain_reader import LocalObserver
from chain_reader.local_chain import FaucetOutput, LocalChain
from chain_reader.ports import ChainTip
from chain_reader.providers.local import LocalChainGateway
from eras import ChainReadError, Slot
from release_tools.doctor import Examination, Health
from release_tools.provider_trials import try_provider
from tests.chain_reader.knowing import Knowing
from tests.release_tools.publishing import FlakyGateway

ADDRESS = "addr_test1vztc80na8320zymhjekl40yjsnxkcvhu58x59mc2fuwvgkc332vxv"


@pytest.fixture
def examination() -> Examination:
    return Examination()


@pytest.fixture
def published(chain: LocalChain) -> LocalChain:
    """A chain with an output at the era address."""
    chain.place([FaucetOutput(ADDRESS, 2_000_000, datum="d87980")])
    chain.advance_slots(1)
    return chain


def healths(examination: Examination) -> dict[str, Health]:
    return {finding.check.partition(",")[0]: finding.health for finding in examination.findings}


def test_a_good_provider(examination: Examination, published: LocalChain) -> None:
    try_provider(examination, "P", LocalObserver(published), LocalChainGateway(published), ADDRESS)
    assert set(healths(examination).values()) == {Health.OK}
    assert len(healths(examination)) == 6


def test_one_that_only_reads_and_has_nothing_at_the_address(examination: Examination, chain: LocalChain) -> None:
    try_provider(examination, "P", LocalObserver(chain), None, ADDRESS)
    assert healths(examination) == {"unknown transactions": Health.OK}


def test_every_failure_is_a_finding(examination: Examination, published: LocalChain) -> None:
    def fail(*_: object) -> None:
        raise ChainReadError("as Dolos with a 404")

    gateway = FlakyGateway(LocalChainGateway(published), submit=fail, transaction_depth=fail, protocol_parameters=fail)
    try_provider(examination, "P", LocalObserver(published), gateway, ADDRESS)  # type: ignore[arg-type]
    assert [check for check, health in healths(examination).items() if health is Health.PROBLEM] == [
        "unknown transactions", "protocol parameters", "submission",
    ]  # fmt: skip


def test_inputs_that_are_not_known_are_a_warning(examination: Examination, published: LocalChain) -> None:
    observer = Knowing(published, change=lambda question, answer: ("",) if question == "inputs" else answer)
    try_provider(examination, "P", observer, None, ADDRESS)
    assert healths(examination)["inputs of transactions"] is Health.WARNING


def test_one_that_shows_and_takes_what_does_not_exist(examination: Examination, published: LocalChain) -> None:
    gateway = FlakyGateway(LocalChainGateway(published), submit=lambda _: "ab" * 32)
    tip = ChainTip(Slot(1), 1, None)
    observer = Knowing(published, change=lambda question, answer: tip if question == "block" else answer)
    try_provider(examination, "P", observer, gateway, ADDRESS)  # type: ignore[arg-type]
    found = healths(examination)
    assert (found["unknown transactions"], found["submission"]) == (Health.PROBLEM, Health.PROBLEM)


@pytest.mark.parametrize("shown", [b"", b"\x80", b"\x84\xa0\xa0\xf5\xf6"])
def test_bytes_of_something_else_are_a_finding(examination: Examination, published: LocalChain, shown: bytes) -> None:
    class Wrong(LocalObserver):
        def transaction_bytes(self, transaction: str) -> bytes:
            return shown

    try_provider(examination, "P", Wrong(published), None, ADDRESS)
    assert healths(examination)["bytes of transactions"] is Health.PROBLEM
