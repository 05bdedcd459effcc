"""Attacks on the era address, each against a node without memory and one with it, through every kind of observer.

What an observer cannot know is asserted, not skipped: a bare UTxO set (Ogmios) knows neither who published an output
nor what was there before, so there a first reading can be fooled where a later one cannot (``docs/trust.md``).
"""

from dataclasses import replace
from itertools import count
from types import SimpleNamespace

import pytest

from chain_reader import ChainObserver
from chain_reader.ports import ChainTip, DatumOutput, ObserverCapabilities
from chain_reader.trust.policy import Checkpoint, TrustPolicy
from chain_reader.trust.reading import NothingTrustedError, TrustedReading
from chain_reader.trusted_reader import TrustedReader
from datum import EraMarkersPayload, ExtendedPayload, Extension, ExtensionPolicy, SigningKey, encode_datum
from era_store import MemoryStore
from eras import ChainReadError, Epoch, Slot
from tests.chain_reader.conftest import ADA, KEY, OTHER_KEY, Network, datum_of, markers

FIRST = {"thales": 1}
ANNOUNCED = {"thales": 1, "pythagoras": None}
ACTIVATED = {"thales": 1, "pythagoras": 8}
EVIL = {"thales": 1, "pythagoras": 6}
MAGIC = 42


def policy_of(network: Network, **changes) -> TrustPolicy:
    return replace(TrustPolicy(network.address, (KEY.verification_key,), network_magic=MAGIC), **changes)


class Node:
    """A node: what it remembers survives its readings; ``fresh`` is another that has read nothing yet."""

    def __init__(self, observer: ChainObserver, policy: TrustPolicy) -> None:
        self.observer, self.policy = observer, policy
        self.reader = TrustedReader(observer, policy, MemoryStore())

    def read(self) -> TrustedReading:
        return self.reader.read()

    def fresh(self) -> TrustedReading:
        return TrustedReader(self.observer, self.policy, MemoryStore()).read()

    def trusts(self, schedule) -> None:
        """Both the node and, where the observer knows enough, a fresh one have ``schedule`` in force."""
        assert self.read().markers == markers(schedule)
        knows = self.observer.capabilities
        if knows.inputs and (knows.blocks or not self.policy.confirmations):
            assert self.fresh().markers == markers(schedule)


@pytest.fixture
def node(observer: ChainObserver, network: Network) -> Node:
    return Node(observer, policy_of(network))


def verdicts(reading: TrustedReading) -> dict[str, str]:
    return {item.output.reference: item.verdict.name for item in reading.screened}


def knows_inputs(node: Node) -> bool:
    return node.observer.capabilities.inputs


# -- replay, copies, forgery ----------------------------------------------------------------------------------------


def test_an_old_payload_posted_again_changes_nothing(network, node):
    network.publish(FIRST)
    node.trusts(FIRST)
    network.publish(ANNOUNCED)
    node.trusts(ANNOUNCED)
    replayed = network.post(FIRST)
    node.trusts(ANNOUNCED)
    found = verdicts(node.read())[f"{replayed.transaction}#0"]
    assert found == ("Impostor" if knows_inputs(node) else "Replayed")


def test_an_old_payload_posted_many_times_before_and_after_changes_nothing(network, node):
    network.publish(FIRST)
    node.trusts(FIRST)
    for _ in range(5):
        network.post(FIRST)
    network.publish(ANNOUNCED)
    for _ in range(5):
        network.post(FIRST)
    node.trusts(ANNOUNCED)
    network.publish(ACTIVATED)
    for schedule in (FIRST, ANNOUNCED, FIRST, ANNOUNCED):
        network.post(schedule)
    node.trusts(ACTIVATED)
    reading = node.read()
    assert "Accepted" in verdicts(reading).values()
    assert reading.legacy.differs
    assert "a Mithril reader could take" in reading.legacy.words


def test_rule_t11_the_legacy_view_agrees_when_nobody_attacks(network, node):
    first = network.publish(FIRST)
    network.spend(first)
    network.publish(ANNOUNCED)
    assert not node.read().legacy.differs


def test_a_copy_of_the_newest_payload_does_not_become_its_origin(network, node):
    original = network.publish(ANNOUNCED)
    node.trusts(ANNOUNCED)
    network.post(ANNOUNCED)
    reading = node.read()
    assert reading.markers == markers(ANNOUNCED)
    assert reading.provenance.transaction == original.transaction


@pytest.mark.parametrize("change", ["postponed", "cancelled"])
def test_a_copy_of_what_was_scheduled_keeps_nobody_from_taking_it_back(network, node, change):
    """Whoever copies the schedule in force before the team takes it back must not keep bare nodes on it alone."""
    first = network.publish(FIRST)
    node.trusts(FIRST)
    network.spend(first)
    scheduled = network.publish(ACTIVATED)
    node.trusts(ACTIVATED)
    copy = network.post(ACTIVATED)
    node.trusts(ACTIVATED)
    network.spend(scheduled)
    node.trusts(ACTIVATED)  # only gone so far: nothing takes its place
    if change == "postponed":
        network.publish(ACTIVATED | {"pythagoras": 12})
        expected = markers(ACTIVATED | {"pythagoras": 12})
    else:  # signed anew, as the commands do it
        network.publish_datum(repeated(FIRST))
        expected = markers(FIRST) * 2
    reading = node.read()
    assert reading.markers == expected
    assert verdicts(reading)[f"{copy.transaction}#0"] == ("Impostor" if knows_inputs(node) else "Replayed")
    network.post(ACTIVATED)
    assert node.read().markers == expected


def test_copies_that_nobody_could_tell_from_the_original_keep_nobody_from_a_cancellation(network, node, monkeypatch):
    """They are there before anybody reads, and a bare set may list any of them first."""
    if not node.observer.capabilities.order:
        read = type(node.observer).datums
        monkeypatch.setattr(type(node.observer), "datums", lambda observer, address: read(observer, address)[::-1])
    network.spend(network.publish(FIRST))
    scheduled = network.publish(ACTIVATED)
    for _ in range(6):
        network.post(ACTIVATED)
    node.trusts(ACTIVATED)
    network.spend(scheduled)
    network.publish_datum(repeated(FIRST))
    assert node.read().markers == markers(FIRST) * 2
    assert node.read().markers == markers(FIRST) * 2


def test_copies_that_went_with_an_older_schedule_let_no_postponement_in(network, node):
    """Only copies of what is in force count as taken back: an older payload's are gone with it, for good."""
    postponed = ACTIVATED | {"pythagoras": 15}
    network.spend(network.publish(postponed))
    first, copy = network.publish(FIRST), network.post(FIRST)
    node.trusts(FIRST)
    network.spend(first)
    network.spend(copy)
    network.publish(ACTIVATED)
    node.trusts(ACTIVATED)
    network.post(postponed)
    node.trusts(ACTIVATED)
    node.trusts(ACTIVATED)


def test_a_copy_holds_nothing_up_while_what_takes_it_back_becomes_deep(network, observer):
    node = Node(observer, policy_of(network, confirmations=2))
    network.spend(network.publish(FIRST))
    scheduled = network.publish(ACTIVATED)
    deepen(network, 2)
    node.trusts(ACTIVATED)
    network.post(ACTIVATED)
    network.spend(scheduled)
    network.publish(ACTIVATED | {"pythagoras": 12})
    node.trusts(ACTIVATED)
    deepen(network, 2)
    node.trusts(ACTIVATED | {"pythagoras": 12})


def deepen(network, blocks) -> None:
    for _ in range(blocks):
        network.chain.advance_slots(1)


def repeated(schedule) -> str:
    """A datum that says every marker twice: the same schedule, signed anew."""
    return encode_datum(EraMarkersPayload(markers(schedule) * 2).sign(KEY).to_bytes()).hex()


def test_a_copy_from_before_a_postponement_fools_no_fresh_node_either(network, node):
    first = network.publish(FIRST)
    network.spend(first)
    scheduled = network.publish(ACTIVATED)
    network.spend(scheduled)
    for _ in range(6):  # in whatever order a bare set comes, one of these is before the team's
        network.post(ACTIVATED)
    network.publish(ACTIVATED | {"pythagoras": 12})
    network.post(ACTIVATED)
    assert node.fresh().markers == markers(ACTIVATED | {"pythagoras": 12})


def test_a_forgery_by_another_key_is_named(network, node):
    network.publish(ANNOUNCED)
    forged = network.post(EVIL, OTHER_KEY)
    node.trusts(ANNOUNCED)
    assert verdicts(node.read())[f"{forged.transaction}#0"] == "WrongSigner"


def test_an_output_that_a_provider_forgets_in_its_history_stops_no_node(network, node, monkeypatch):
    """As the collateral return of a failed script: some providers list it among what is unspent, and not in history."""
    network.publish(ANNOUNCED)
    node.trusts(ANNOUNCED)
    forgotten = network.post(FIRST).transaction
    for name in ("history", "history_beside"):
        for kind in {type(node.observer), *map(type, getattr(node.observer, "_observers", {}).values())}:
            if hasattr(kind, name):
                monkeypatch.setattr(kind, name, forgetting(getattr(kind, name), forgotten))
    node.trusts(ANNOUNCED)
    reading = node.read()
    assert reading.stale is None
    knows_history = node.observer.capabilities.history
    assert any("lacks" in words for words in reading.alarms) is knows_history
    network.publish(ACTIVATED)
    node.trusts(ACTIVATED)


def forgetting(read, transaction):
    return lambda *asked: tuple(output for output in read(*asked) if output.transaction != transaction)


def test_with_nothing_but_forgeries_the_error_names_the_cause(network, node):
    network.post(EVIL, OTHER_KEY)
    network.post_datum("d8799f4163ff")
    with pytest.raises(NothingTrustedError, match="1 Malformed, 1 WrongSigner") as caught:
        node.read()
    assert caught.value.exit_code == 5


def test_a_list_that_takes_all_the_time_leaves_one_question(network, node, monkeypatch):
    """However slow the list was, each reading finds out at least who published one more output."""
    network.publish(ANNOUNCED)
    late = count(step=1_000.0)
    monkeypatch.setattr("chain_reader.trust.publishers.time", SimpleNamespace(monotonic=lambda: next(late)))
    assert node.read().markers == markers(ANNOUNCED)


def test_a_payload_of_a_sister_network_with_the_same_key(network, node):
    """The public networks share keys: what was signed for one is truly signed on the other."""
    network.publish({"thales": 1, "pythagoras": 9})
    node.trusts({"thales": 1, "pythagoras": 9})
    sister = network.post({"thales": 1, "pythagoras": 900})
    assert node.read().markers == markers({"thales": 1, "pythagoras": 9}) or not knows_inputs(node)
    if knows_inputs(node):
        node.trusts({"thales": 1, "pythagoras": 9})
        assert verdicts(node.read())[f"{sister.transaction}#0"] == "Impostor"
    else:  # a future era may be moved, so by the ratchet alone a sister's payload may pass: docs/trust.md says so
        assert verdicts(node.read())[f"{sister.transaction}#0"] in ("Accepted", "Conflict", "Replayed")


def test_reference_inputs_prove_nothing(network, node):
    """An attacker's transaction that only *reads* an output at the era address does not come from there."""
    network.publish(ANNOUNCED)
    node.trusts(ANNOUNCED)
    from pycardano import TransactionInput

    from tests.local_chain_faces.wallet import Wallet

    attacker = Wallet.new()
    funds = network.chain.fund(attacker.address, 100 * ADA)
    reference = TransactionInput.from_primitive([network.funds.transaction, network.funds.index])
    transaction = network.chain.submit(
        attacker.pay(funds, network.address, 5 * ADA, datum=datum_of(FIRST), reference_inputs=[reference])
    )
    node.trusts(ANNOUNCED)
    if knows_inputs(node):
        assert verdicts(node.read())[f"{transaction}#0"] == "Impostor"


# -- the chain goes back --------------------------------------------------------------------------------------------


def test_a_rollback_across_an_announcement_keeps_it_in_force_and_says_stale(network, node):
    network.publish(FIRST)
    node.trusts(FIRST)
    network.publish(ANNOUNCED)
    node.trusts(ANNOUNCED)
    network.chain.rollback(1)
    reading = node.read()
    assert reading.markers == markers(ANNOUNCED)
    assert "vanished" in reading.stale


def test_a_marker_that_vanishes_from_an_empty_address_stays_in_force(network, node):
    network.publish(ANNOUNCED)
    node.trusts(ANNOUNCED)
    network.chain.rollback(1)
    reading = node.read()
    assert reading.markers == markers(ANNOUNCED)
    assert reading.stale is not None


def test_rule_t8_a_marker_counts_once_it_is_deep_enough(network, observer):
    node = Node(observer, policy_of(network, confirmations=3))
    network.publish(FIRST)
    network.chain.advance_slots(1)
    network.chain.advance_slots(1)
    network.chain.advance_slots(1)
    assert node.read().markers == markers(FIRST)
    network.publish(ANNOUNCED)
    for _ in range(2):
        assert node.read().markers == markers(FIRST)
        network.chain.advance_slots(1)
    network.chain.advance_slots(1)
    assert node.read().markers == markers(ANNOUNCED)


# -- the key is stolen ----------------------------------------------------------------------------------------------


def test_a_stolen_key_cannot_undo_what_has_happened(network, node):
    network.publish(FIRST)
    node.trusts(FIRST)
    network.publish({"euler": 1})
    reading = node.read()
    assert reading.markers == markers(FIRST)
    assert [item.verdict.name for item in reading.conflicts] == ["Conflict"]


def test_a_stolen_key_that_announces_an_absurd_epoch_raises_an_alarm(network, node):
    network.publish(FIRST)
    node.trusts(FIRST)
    network.publish({"thales": 1, "pythagoras": 2**63})
    reading = node.read()
    assert any("was the key stolen?" in alarm for alarm in reading.alarms)


# -- the extension --------------------------------------------------------------------------------------------------

SIGNERS = [SigningKey(bytes([n]) * 32) for n in (11, 12, 13)]


def extension_policy(network: Network, **changes) -> ExtensionPolicy:
    keys = tuple(key.verification_key for key in SIGNERS)
    return replace(ExtensionPolicy(MAGIC, network.address, keys, 2), **changes)


def extended(
    network: Network, schedule, *, sequence=1, previous=None, signers=SIGNERS[:2], **changes
) -> ExtendedPayload:
    keys = tuple(key.verification_key for key in SIGNERS)
    extension = replace(Extension(MAGIC, network.address, sequence, previous, None, 2, keys), **changes)
    payload = ExtendedPayload(EraMarkersPayload(markers(schedule)).sign(KEY), extension)
    for key in signers:
        payload = payload.sign(key)
    return payload


def publish_extended(network: Network, payload: ExtendedPayload) -> str:
    """The team publishes an extended payload; returns the output's reference."""
    datum = encode_datum(payload.to_bytes()).hex()
    sent = network.chain.submit(network.team.pay(network.funds, network.address, 12 * ADA, datum=datum, fee=400_000))
    network.funds = network._output(sent, 1)
    return f"{sent}#0"


@pytest.fixture
def guarded(observer, network) -> Node:
    """A node that requires the extension: two of three keys."""
    return Node(observer, policy_of(network, extension=extension_policy(network)))


@pytest.fixture
def first(network, guarded) -> ExtendedPayload:
    """What the guarded node trusts to begin with."""
    payload = extended(network, FIRST)
    publish_extended(network, payload)
    assert guarded.read().markers == markers(FIRST)
    return payload


def test_an_honest_successor_is_taken(network, guarded, first):
    publish_extended(network, extended(network, ANNOUNCED, sequence=2, previous=first.hash))
    guarded.trusts(ANNOUNCED)


@pytest.mark.parametrize(
    ("attack", "verdict"),
    [
        ({"signers": SIGNERS[:1]}, "BelowThreshold"),  # one of n keys stolen, the era key with it
        ({"signers": SIGNERS[:1] * 3}, "BelowThreshold"),
        ({"sequence": 0}, "RolledBack"),
        ({"sequence": 1}, "Equivocation"),
        ({"previous": "ab" * 32}, "BrokenChain"),
        ({"network_magic": 1}, "WrongNetwork"),
        ({"address": "addr_test1wrong"}, "WrongAddress"),
    ],
)
def test_an_attack_on_the_extension_is_refused_and_named(network, guarded, first, attack, verdict):
    settings = {"sequence": 2, "previous": first.hash} | attack
    reference = publish_extended(network, extended(network, EVIL, **settings))
    reading = guarded.read()
    assert reading.markers == markers(FIRST)
    assert verdicts(reading)[reference] == verdict


def test_markers_without_the_extension_are_refused_where_it_is_required(network, guarded, first):
    output = network.publish(EVIL)
    reading = guarded.read()
    assert reading.markers == markers(FIRST)
    assert verdicts(reading)[f"{output.transaction}#0"] == "Unextended"


def test_rule_t6_past_its_expiry_a_payload_stays_in_force_and_is_stale(network, guarded):
    publish_extended(network, extended(network, FIRST, expires_epoch=Epoch(6)))
    assert guarded.read().stale is None
    network.chain.advance_to_epoch(7)
    reading = guarded.read()
    assert reading.markers == markers(FIRST)
    assert reading.stale is not None


# -- the provider ---------------------------------------------------------------------------------------------------


class LyingObserver:
    """A provider that tells what it is told to tell about what another one knows."""

    def __init__(self, honest: ChainObserver) -> None:
        self._honest = honest
        self.outputs: tuple[DatumOutput, ...] | None = None
        self.at: tuple[Epoch, ChainTip] | None = None
        self.fails = False

    name = "a lying provider"

    @property
    def capabilities(self) -> ObserverCapabilities:
        return replace(self._honest.capabilities, history=False, blocks=False)

    def _answer(self) -> None:
        if self.fails:
            raise ChainReadError("The provider does not answer")

    def epoch(self) -> Epoch:
        self._answer()
        return self._honest.epoch() if self.at is None else self.at[0]

    def tip(self) -> ChainTip:
        self._answer()
        return self._honest.tip() if self.at is None else self.at[1]

    def datums(self, address: str) -> tuple[DatumOutput, ...]:
        self._answer()
        return self._honest.datums(address) if self.outputs is None else self.outputs

    def input_addresses(self, transaction: str) -> tuple[str, ...]:
        return self._honest.input_addresses(transaction)

    def history(self, address: str) -> tuple[DatumOutput, ...]:
        raise NotImplementedError  # not declared

    def close(self) -> None:
        pass


@pytest.fixture
def liar(observer) -> LyingObserver:
    return LyingObserver(observer)


def test_an_empty_answer_is_never_no_markers(network, liar):
    node = Node(liar, policy_of(network))
    network.publish(ANNOUNCED)
    assert node.read().markers == markers(ANNOUNCED)
    liar.outputs = ()
    network.chain.advance_slots(1)
    reading = node.read()
    assert reading.markers == markers(ANNOUNCED)
    assert "reports nothing at the era address" in reading.stale


def test_rule_t9_with_every_provider_down_the_schedule_stays(network, liar):
    node = Node(liar, policy_of(network))
    network.publish(ACTIVATED)
    assert node.read().markers == markers(ACTIVATED)
    liar.fails = True
    reading = node.read()
    assert reading.markers == markers(ACTIVATED)
    assert "does not answer" in reading.stale
    with pytest.raises(ChainReadError):
        node.fresh()


def test_a_frozen_provider_is_stale(network, liar):
    node = Node(liar, policy_of(network, max_tip_regress_slots=10))
    network.publish(FIRST)
    old = (liar.epoch(), liar.tip(), liar.datums(network.address))
    network.chain.advance_slots(50)
    network.publish(ANNOUNCED)
    assert node.read().markers == markers(ANNOUNCED)
    liar.at, liar.outputs = old[:2], old[2]
    reading = node.read()
    assert reading.markers == markers(ANNOUNCED)
    assert "slots behind one that was read before" in reading.stale


def test_a_provider_whose_epoch_is_not_that_of_the_clock_is_not_believed(network, liar):
    node = Node(liar, policy_of(network))
    network.publish(ACTIVATED)
    assert node.read().markers == markers(ACTIVATED)
    liar.at = (Epoch(900), replace(liar.tip(), slot=Slot(90_000), epoch=Epoch(900)))
    reading = node.reader.read(Epoch(5))
    assert reading.markers == markers(ACTIVATED)
    assert reading.stale is not None


# -- first starts ---------------------------------------------------------------------------------------------------


def test_a_fresh_node_at_a_bare_utxo_set_can_be_fooled_and_a_checkpoint_helps(network, observer):
    """The old payload alone is unspent: without history nobody can tell that it is old, whoever posted it."""
    network.spend(network.publish(FIRST))
    published = network.publish(ACTIVATED)
    network.post(FIRST)
    assert TrustedReader(observer, policy_of(network), MemoryStore()).read().markers == markers(ACTIVATED)
    checkpoint = Checkpoint(
        DatumOutput(published.transaction, published.index, published.datum, published.lovelace), Epoch(9)
    )
    network.chain.advance_to_epoch(9)
    network.spend(published)
    fresh = TrustedReader(observer, policy_of(network), MemoryStore()).read()
    helped = TrustedReader(observer, policy_of(network, checkpoint=checkpoint), MemoryStore()).read()
    assert fresh.markers == markers(ACTIVATED if observer.capabilities.history else FIRST)
    assert helped.markers == markers(ACTIVATED)
