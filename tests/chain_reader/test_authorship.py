"""Rule T2 by the bytes of a transaction: what proves an author, and every way in which nothing is proved."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cbor2
import pytest
from nacl.signing import SigningKey as PaymentKey
from pycardano import Address
from pycardano import Network as CardanoNetwork
from pycardano.hash import ScriptHash

from chain_reader import BlockfrostObserver, LocalObserver
from chain_reader.authorship import MadeOutput, TransactionBytesError, signed_by, transaction_id
from chain_reader.bech32 import decode_bech32, payment_credential
from chain_reader.local_chain import LocalChainServer
from chain_reader.providers.agreement.observer import AgreementObserver
from chain_reader.trust.policy import TrustPolicy
from chain_reader.trusted_reader import TrustedReader
from datum import Unreadable
from era_store import open_store
from tests.chain_reader.conftest import ADA, KEY, Network, datum_of, markers
from tests.chain_reader.hostile import HostileHttp, error, reply
from tests.chain_reader.knowing import Knowing
from tests.local_chain_faces.wallet import Wallet

TEAM, OTHER, THIRD = (PaymentKey(bytes([number]) * 32) for number in (1, 2, 3))
DATUM = bytes.fromhex("d87980")


def hash_of(key: PaymentKey) -> bytes:
    return hashlib.blake2b(bytes(key.verify_key), digest_size=28).digest()


def key_address(key: PaymentKey) -> str:
    return _text(b"\x60" + hash_of(key))


def script_address(script: list) -> str:
    return Address(ScriptHash(script_hash(script)), network=CardanoNetwork.TESTNET).encode()


def script_hash(script: list) -> bytes:
    return hashlib.blake2b(b"\x00" + cbor2.dumps(script), digest_size=28).digest()


def _text(raw: bytes) -> str:
    return Address.from_primitive(raw).encode()


def transaction(*signers: PaymentKey, to: str, scripts: list | None = None, valid: bool = True, **fields) -> bytes:
    """A transaction that makes one output with a datum at ``to``, signed by ``signers``."""
    address = decode_bech32(to)[1]
    body = {
        0: [[bytes(32), 1]],
        1: [{0: address, 1: 2 * ADA, 2: [1, cbor2.CBORTag(24, DATUM)]}, [address, [5, {bytes(28): {b"t": 1}}]]],
        2: 200_000,
        **{int(name[1:]): value for name, value in fields.items()},
    }
    digest = hashlib.blake2b(cbor2.dumps(body), digest_size=32).digest()
    witnesses: dict[int, list] = {
        0: [[bytes(key.verify_key), key.sign(digest).signature] for key in signers],
        **({1: scripts} if scripts else {}),
    }
    return cbor2.dumps([body, {key: value for key, value in witnesses.items() if value}, valid, None])


def shown(data: bytes, *addresses: str):
    return signed_by(data, transaction_id(data), addresses)


def test_the_owner_of_a_key_address_signed():
    ours, theirs = key_address(TEAM), key_address(OTHER)
    found = shown(transaction(TEAM, to=ours), ours, theirs)
    assert (found.signed, found.open) == ({ours}, frozenset())
    assert found.made == {0: MadeOutput("d87980", 2 * ADA), 1: MadeOutput(None, 5)}
    assert found.spends == ("00" * 32 + "#1",)
    assert shown(transaction(OTHER, to=ours), ours, theirs).signed == {theirs}
    assert shown(transaction(to=ours), ours).signed == frozenset()


def test_a_signature_of_something_else_proves_nothing():
    ours = key_address(TEAM)
    body, witnesses, *rest = cbor2.loads(transaction(TEAM, to=ours))
    key, signature = witnesses[0][0]
    for wrong in ([key, bytes(64)], [key, signature[:63]], [key[:31], signature], [bytes(OTHER.verify_key), signature]):
        assert shown(cbor2.dumps([body, {0: [wrong]}, *rest]), ours).signed == frozenset()
    other = cbor2.dumps([{**body, 2: 200_001}, witnesses, *rest])
    assert shown(other, ours).signed == frozenset()
    with pytest.raises(TransactionBytesError, match="they are those of"):
        signed_by(other, transaction_id(transaction(TEAM, to=ours)), [ours])


TWO_OF_THREE = [3, 2, [[0, hash_of(TEAM)], [0, hash_of(OTHER)], [0, hash_of(THIRD)]]]
BEFORE = [1, [[0, hash_of(TEAM)], [5, 100]]]
ANYBODY = [2, [[0, hash_of(TEAM)], [4, 0]]]


@pytest.mark.parametrize(
    ("script", "signers", "fields", "signed"),
    [
        (TWO_OF_THREE, (TEAM, THIRD), {}, True),
        (TWO_OF_THREE, (TEAM,), {}, False),
        (TWO_OF_THREE, (TEAM, TEAM), {}, False),
        (BEFORE, (TEAM,), {"f3": 100}, True),
        (BEFORE, (TEAM,), {"f3": 101}, False),
        (BEFORE, (TEAM,), {}, False),
        (ANYBODY, (TEAM,), {"f8": 5}, False),
        (ANYBODY, (TEAM,), {}, True),
    ],
    ids=range(8),
)
def test_the_owners_of_a_script_address(script: list, signers: tuple[PaymentKey, ...], fields: dict, signed: bool):
    ours = script_address(script)
    found = shown(transaction(*signers, to=ours, scripts=[script], **fields), ours)
    assert (found.signed == {ours}, found.open) == (signed, frozenset())


def test_a_script_that_is_elsewhere_leaves_it_open():
    ours = script_address(TWO_OF_THREE)
    for scripts in (None, [BEFORE]):
        found = shown(transaction(TEAM, OTHER, to=ours, scripts=scripts), ours)
        assert (found.signed, found.open) == (frozenset(), {ours})


def test_a_transaction_whose_script_failed_makes_nothing():
    ours = key_address(TEAM)
    assert shown(transaction(TEAM, to=ours, valid=False), ours).made == {}


def test_an_address_with_a_stake_part_is_another_address_of_the_same_owner():
    staked = _text(b"\x00" + hash_of(TEAM) + hash_of(OTHER))
    found = shown(transaction(TEAM, to=staked), staked)
    assert (found.signed, set(found.made)) == ({staked}, {0, 1})
    assert shown(transaction(TEAM, to=staked), key_address(TEAM)).made == {}


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:-1],
        lambda data: data + b"\0",
        lambda data: data + bytes(1 << 16),
        lambda _: b"\x84" * 9,
        lambda _: cbor2.dumps([1, 2, 3, 4]),
        lambda _: cbor2.dumps({1: 2}),
    ],
    ids=range(7),
)
def test_what_is_not_a_transaction(damage):
    with pytest.raises(TransactionBytesError):
        transaction_id(damage(transaction(TEAM, to=key_address(TEAM))))


@pytest.mark.parametrize(
    "body",
    [{}, {0: [], 2: 5}, {0: 5, 1: [], 2: 5}, {0: [[]], 1: [], 2: 5}, {0: [], 1: [[]], 2: 5}, {0: [], 1: [5], 2: 5},
     {"0": []}, {0: [], 1: [{0: b"\x60" + bytes(28)}], 2: 0}],
)  # fmt: skip
def test_a_body_that_is_none(body: dict):
    data = cbor2.dumps([body, {}, True, None])
    with pytest.raises(TransactionBytesError):
        signed_by(data, transaction_id(data), [_text(b"\x60" + bytes(28))])


def test_a_field_that_is_there_twice_is_refused():
    data = transaction(TEAM, to=key_address(TEAM))
    body = cbor2.loads(data)[0]
    raw = cbor2.dumps(body)
    twice = b"\x84" + bytes([raw[0] + 1]) + raw[1:] + cbor2.dumps(2) + cbor2.dumps(5) + b"\xa0\xf5\xf6"
    with pytest.raises(TransactionBytesError, match="twice"):
        signed_by(twice, transaction_id(twice), [key_address(TEAM)])


def test_addresses_are_read_as_pycardano_reads_them():
    for raw in (b"\x60" + bytes(28), b"\x61" + bytes(range(28)), b"\x00" + bytes(56), b"\x31" + bytes(range(56))):
        assert decode_bech32(_text(raw)) == ("addr" if raw[0] & 1 else "addr_test", raw)
    for wrong in (
        "",
        "addr1",
        "addr_test1vqq",
        _text(b"\x60" + bytes(28)).upper(),
        _text(b"\x60" + bytes(28))[:-1] + "b",
    ):
        with pytest.raises(ValueError, match=r".*"):
            decode_bech32(wrong)
    assert payment_credential(b"\xe0" + bytes(28)) is None
    assert payment_credential(b"\x60" + bytes(27)) is None


# -- in a reading


@pytest.fixture
def served(network: Network) -> Iterator[LocalChainServer]:
    with LocalChainServer(network.chain.path) as running:
        yield running


def policy_of(network: Network) -> TrustPolicy:
    return TrustPolicy(network.address, (KEY.verification_key,), network_magic=42)


def test_rule_t2_a_provider_that_lies_about_inputs_changes_nothing_where_there_are_bytes(network: Network, monkeypatch):
    """In both directions: it cannot make an author of a stranger, nor an impostor of the team."""
    network.publish({"thales": 1})
    network.post({"thales": 1, "evil": 2})
    observer = LocalObserver(network.chain)
    for lie in ((network.address,), ("elsewhere",), ()):
        monkeypatch.setattr(observer, "input_addresses", lambda _, lie=lie: lie)
        reading = TrustedReader(observer, policy_of(network)).read()
        assert reading.markers == markers({"thales": 1})
        assert "at the era address signed by its owner" in (reading.why or "")


def test_rule_t2_the_word_of_a_provider_is_marked(network: Network):
    network.publish({"thales": 1})
    reading = TrustedReader(Knowing(network.chain), policy_of(network)).read()
    assert "as the provider reports" in (reading.why or "")


def test_a_datum_that_the_transaction_does_not_have_is_no_publication(network: Network, monkeypatch):
    """A provider that puts an old payload into the output of a true publication."""
    published = network.publish({"thales": 1, "pythagoras": 9})
    observer = LocalObserver(network.chain)
    real = observer.datums(network.address)
    forged = tuple(replace(output, datum=datum_of({"thales": 1})) for output in real)
    monkeypatch.setattr(observer, "datums", lambda _: forged)
    monkeypatch.setattr(observer, "history", lambda _: forged)
    reading = TrustedReader(observer, policy_of(network)).refresh()
    (item,) = reading.screened
    assert item.output.transaction == published.transaction
    assert isinstance(item.verdict, Unreadable)
    assert reading.markers == ()


def test_what_was_proved_is_asked_for_by_no_later_process(network: Network, served: LocalChainServer, tmp_path: Path):
    network.publish({"thales": 1})
    network.post({"thales": 1, "evil": 2})
    asked: list[int] = []

    class Counting(BlockfrostObserver):
        def transaction_bytes(self, transaction: str) -> bytes | None:
            asked[-1] += 1
            return super().transaction_bytes(transaction)

    for _ in range(3):
        asked.append(0)
        with open_store(f"sqlite:///{tmp_path}/store.sqlite3") as store:
            reader = TrustedReader(Counting(served.blockfrost_url), policy_of(network), store)
            assert reader.read().markers == markers({"thales": 1})
    assert asked[0] > 0
    assert asked[1:] == [0, 0]


def test_of_several_providers_one_that_shows_the_bytes_is_enough(network: Network):
    published = network.publish({"thales": 1})
    silent, ours = Knowing(network.chain, name="one"), LocalObserver(network.chain)
    found = AgreementObserver([silent, ours], 2).transaction_bytes(published.transaction)
    assert found is not None
    assert transaction_id(found) == published.transaction
    lying = LocalObserver(network.chain)
    lying.transaction_bytes = lambda _: b"\x80"  # type: ignore[method-assign]
    assert AgreementObserver([lying, ours], 2).transaction_bytes(published.transaction) == found
    assert AgreementObserver([lying, silent], 2).transaction_bytes(published.transaction) is None


@pytest.mark.parametrize(
    "answer", [error(404), reply(b"", 404), reply({"url": "root"}), reply({"cbor": ""}), reply({"cbor": "0"})]
)
def test_bytes_that_a_provider_does_not_show(answer):
    with HostileHttp(lambda _: answer) as server:
        assert BlockfrostObserver(server.url).transaction_bytes("ab" * 32) is None


def test_a_wallet_of_the_local_chain_is_proved(network: Network):
    """The bytes that the local chain keeps are those that were signed, here by pycardano."""
    published = network.publish({"thales": 1})
    data = LocalObserver(network.chain).transaction_bytes(published.transaction)
    assert data is not None
    found = signed_by(data, published.transaction, [network.address, Wallet.new().address])
    assert found.signed == {network.address}
