"""What the release team builds with a thread token, or from a multisig era address, by a real ledger's rules too."""

import json
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path

import pytest
from pycardano import Address, Network, ScriptHash

from chain_reader.local_chain import Genesis, LocalChain
from release_tools import (
    EraAddress,
    Funding,
    LedgerContext,
    LocalChainGateway,
    MissingSignatureError,
    PaymentKey,
    UnsignedTransaction,
    build_marker_transaction,
    sign_transaction,
)
from release_tools.transactions.balancing import witness_set
from release_tools.transactions.files import CarriedTransaction
from release_tools.transactions.owners import KeyScript, ThreadToken, TokenMint
from tests.errors import raising
from tests.ledger.judge import ScalusLedger

ADA = 1_000_000
KEYS = tuple(PaymentKey(bytes([number]) * 32) for number in (1, 2, 3))
TWO_OF_THREE = json.dumps(
    {
        "type": "atLeast",
        "required": 2,
        "scripts": [{"type": "sig", "keyHash": key.key_hash} for key in KEYS],
    }
)


class Team:
    """A team on a local chain, whose every transaction Scalus judges, too."""

    def __init__(self, chain: LocalChain, script: KeyScript | None) -> None:
        self.chain, self.gateway, self.script = chain, LocalChainGateway(chain), script
        self.address = (
            KEYS[0].address(0)
            if script is None
            else Address(ScriptHash(bytes.fromhex(script.hash)), network=Network.TESTNET).encode()
        )
        chain.fund(self.address, 100 * ADA)

    def build(self, previous: str | None = None, thread_token: str | TokenMint | None = None) -> UnsignedTransaction:
        outputs = self.gateway.spendable_outputs(self.address)
        return build_marker_transaction(
            bytes.fromhex("d8799f43657261ff"),
            EraAddress(self.address, self.script),
            Funding(self.address, outputs),
            LedgerContext.read(self.gateway),
            previous=next((output for output in outputs if output.reference == previous), None),
            thread_token=thread_token,
        )

    def refused(self, cbor: bytes) -> str | None:
        """Why Scalus refuses a transaction at the chain's state; ``None`` where it does not."""
        verdict = ScalusLedger(self.chain.utxos(self.address), self.chain.current_slot()).submit(cbor)
        return None if verdict.accepted else verdict.error or "no reason"

    def submit(self, cbor: bytes) -> str:
        assert self.refused(cbor) is None
        return self.gateway.submit(cbor)


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[LocalChain]:
    with LocalChain.create(tmp_path / "chain.sqlite3", genesis=Genesis(system_start_s=1_700_000_000)) as made:
        made.advance_slots(50)
        yield made


@pytest.mark.parametrize("owner", ["key", "2 of 3"])
def test_a_token_is_minted_passed_on_and_never_minted_again(
    owner: str, chain: LocalChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    team = Team(chain, None if owner == "key" else KeyScript.parse(TWO_OF_THREE))
    first = team.build(thread_token=TokenMint())
    team.submit(sign_transaction(first, KEYS).cbor)
    second = team.build(f"{first.hash}#0", thread_token=first.thread_token)
    team.submit(sign_transaction(second, KEYS).cbor)
    made = chain.output(second.hash, 0)
    assert made is not None
    assert made.assets == ((first.thread_token, 1),)

    chain.advance_slots(first.invalid_hereafter)
    again = first.minted
    monkeypatch.setattr(ThreadToken, "of", classmethod(lambda *_: again))
    late = team.build(thread_token=TokenMint())
    signers = KEYS[:1] if owner == "key" else KEYS[:2]
    witnesses = [key.witness(bytes.fromhex(late.hash)) for key in signers]
    refused = team.refused(late.cbor_with(witness_set(witnesses, [one.cbor for one in late.scripts])))
    assert "Invalid native scripts" in (refused or "")


def test_any_two_of_three_machines_sign_in_any_order(chain: LocalChain) -> None:
    team = Team(chain, KeyScript.parse(TWO_OF_THREE))
    for first, second in permutations(KEYS, 2):
        built = team.build()
        carried = CarriedTransaction.of(built, 42, team.gateway.spendable_outputs(team.address))
        assert set(carried.missing_keys) == {key.key_hash for key in KEYS}
        once = CarriedTransaction.parse(carried.to_text()).sign([first])
        assert set(once.missing_keys) == {key.key_hash for key in KEYS} - {first.key_hash}
        with pytest.raises(MissingSignatureError, match=second.key_hash):
            once.to_signed()
        twice = CarriedTransaction.parse(once.to_text()).sign([second])
        assert twice.missing_keys == ()
        signed = twice.to_signed()
        assert len(signed.cbor) == built.size, "the fee accounts for two signatures and the script"
        least = team.gateway.protocol_parameters()
        assert built.fee == least.min_fee_constant + least.min_fee_per_byte * (built.size - 1)
        team.submit(signed.cbor)
        chain.rollback(1)


def test_one_signature_is_refused_and_a_third_is_left_out(chain: LocalChain) -> None:
    team = Team(chain, KeyScript.parse(TWO_OF_THREE))
    built = team.build()
    with pytest.raises(MissingSignatureError, match=KEYS[1].key_hash):
        sign_transaction(built, KEYS[:1])
    carried = CarriedTransaction.of(built, 42, team.gateway.spendable_outputs(team.address))
    assert "native scripts" in (team.refused(carried.sign(KEYS[:1]).cbor) or "")
    everybody = carried.sign(KEYS)
    assert len(everybody.signatures) == 2
    team.submit(everybody.to_signed().cbor)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"type":"sig","keyHash":"00"}',
        '{"type":"all","scripts":[]}',
        '{"type":"before","slot":7}',
        '{"type":"atLeast","required":0,"scripts":[]}',
        TWO_OF_THREE.replace('"required": 2', '"required": 4'),
        TWO_OF_THREE.replace('"required": 2', '"required": true'),
    ],
)
def test_a_file_that_is_not_a_script_of_keys(text: str) -> None:
    with raising("ScriptFile"):
        KeyScript.parse(text)
