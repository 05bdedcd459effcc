"""The trusted reader itself: what it is made with, and what it asks."""

from typing import Any

import pytest

from chain_reader import DatumOutput
from chain_reader.trusted_reader import TrustedReader
from eras import ChainReadError, ConfigurationError
from tests.chain_reader.knowing import ALL, BARE, HISTORY, INPUTS, Knowing
from tests.chain_reader.trusted_reader.world import NEW, OLD, World, schedule

READ_ONCE = """
import os, signal, sys
from sqlalchemy import event
from chain_reader import LocalObserver
from chain_reader.trust.policy import TrustPolicy
from chain_reader.trusted_reader import TrustedReader
from datum import SigningKey
from era_store import open_store
moment = int(sys.argv[1])
store = open_store({store!r})
statements = 0
def count(*_):
    global statements
    statements += 1
    if statements == moment:
        os.kill(os.getpid(), signal.SIGKILL)
for name in ("before_cursor_execute", "after_cursor_execute", "commit"):
    event.listen(store.database._engine, name, count)
policy = TrustPolicy({address!r}, (SigningKey(bytes.fromhex({key!r})).verification_key,), network_magic=42)
TrustedReader(LocalObserver.open({chain!r}), policy, store).read()
"""


def test_a_reader_without_observers_says_so(bare: World):
    with pytest.raises(ChainReadError, match="no observer"):
        TrustedReader((), bare.policy()).read()


@pytest.mark.parametrize(
    "changed", [{"keys": ()}, {"keys": ("ab" * 32,)}, {"confirmations": -1}, {"max_lead_epochs": True}]
)
def test_a_policy_that_cannot_work(bare: World, changed: dict[str, Any]):
    bare.settings = changed
    with pytest.raises(ConfigurationError):
        bare.policy()


def test_names_in_repr_only(bare: World):
    assert repr(bare.node()) == f"TrustedReader('the provider', {bare.network.address!r})"


def test_knowledge_is_what_it_says():
    assert (BARE.inputs, HISTORY.inputs, INPUTS.history, ALL.inputs and ALL.history) == (False, False, False, True)


def test_rule_t3_what_is_known_of_the_history_is_not_asked_for_again(knowing: World):
    asked: list[set[str]] = []

    class Selective(Knowing):
        def history_beside(self, address: str, known: Any) -> tuple[DatumOutput, ...]:
            whole = self.history(address)
            asked.append({output.transaction for output in whole} - set(known))
            told = {output.reference: output for outputs in known.values() for output in outputs}
            return tuple(told.get(output.reference, output) for output in whole)

    knowing.observer = Selective(knowing.chain)
    first = knowing.network.publish(OLD)
    junk = knowing.network.post_datum("d87980")
    node = knowing.node()
    assert schedule(node.read()) == OLD
    knowing.network.spend(first)
    second = knowing.network.publish(NEW)
    reading = node.read()
    assert (schedule(reading), reading.stale) == (NEW, None)
    assert asked == [{first.transaction}, {second.transaction}]
    assert junk.transaction not in asked[0] | asked[1]
    assert [item.output.spent for item in reading.history] == [False, False, True]
