"""Outputs out of nothing: how a local chain is funded.

In: addresses and amounts. Out: a transaction without inputs, whose bytes are well formed and whose id no other has: its
metadata names the block that it builds on.
"""

import hashlib
from collections.abc import Sequence

import cbor2

from chain_reader.local_chain.ledger.addresses import AddressError, PaymentAddress, parse_address
from chain_reader.local_chain.ledger.errors import LedgerRefusedError
from chain_reader.local_chain.ledger.model import FaucetOutput, NewOutput, NewTransaction
from chain_reader.local_chain.ledger.parameters import MAX_LOVELACE_SUPPLY, Genesis
from chain_reader.local_chain.ledger.plain_data import check_plutus_data
from eras import ConfigurationError

MESSAGE_LABEL = 674  # CIP-20


def faucet_transaction(outputs: Sequence[FaucetOutput], genesis: Genesis, tip_hash: str, supply: int) -> NewTransaction:
    """A transaction that makes ``outputs``, on top of the block ``tip_hash``, where ``supply`` lovelace are unspent.

    Raises:
        ConfigurationError: there are none, or an address, an amount or a datum is not usable.
    """
    if not outputs:
        raise _faucet_error("outputs", "at least one", "none")
    drafts = [_draft(output, genesis) for output in outputs]
    if supply + sum(output.lovelace for output in outputs) > MAX_LOVELACE_SUPPLY:
        raise _faucet_error("amount", f"at most {MAX_LOVELACE_SUPPLY - supply} lovelace in all", "more")
    metadata = cbor2.dumps({MESSAGE_LABEL: {"msg": ["local chain faucet", tip_hash]}})
    body = {
        0: [],
        1: [encoded for encoded, _ in drafts],
        2: 0,
        7: hashlib.blake2b(metadata, digest_size=32).digest(),
    }
    raw = cbor2.dumps(body)
    transaction = bytes([0x84]) + raw + bytes.fromhex("a0f5") + metadata
    return NewTransaction(
        hash=hashlib.blake2b(raw, digest_size=32).hexdigest(),
        inputs=(),
        reference_inputs=(),
        outputs=tuple(made for _, made in drafts),
        fee=0,
        size=len(transaction) - 1,
        invalid_before=None,
        invalid_hereafter=None,
        cbor=transaction,
    )


def _draft(output: FaucetOutput, genesis: Genesis) -> tuple[dict[int, object], NewOutput]:
    address = _address(output.address, genesis)
    if type(output.lovelace) is not int or output.lovelace < 1:
        raise _faucet_error("amount", "at least 1 lovelace", repr(output.lovelace)[:80])
    value = _value(output)
    encoded: dict[int, object] = {0: address.raw, 1: value}
    if output.datum is not None:
        try:
            datum = bytes.fromhex(output.datum)
            check_plutus_data(datum, "the datum")
        except (ValueError, LedgerRefusedError) as error:
            raise _faucet_error("datum", "Plutus data as CBOR in hex", str(error)) from error
        encoded[2] = [1, cbor2.CBORTag(24, datum)]
    made = NewOutput(
        address=address.text,
        network_id=address.network_id,
        lovelace=output.lovelace,
        assets=output.assets,
        datum=output.datum,
        datum_hash=None,
        size=len(cbor2.dumps(encoded)),
        value_size=len(cbor2.dumps(value)),
    )
    return encoded, made


def _address(text: str, genesis: Genesis) -> PaymentAddress:
    try:
        address = parse_address(text)
    except AddressError as error:
        raise _faucet_error("address", "a Shelley payment address in bech32", str(error)) from error
    if address.network_id != genesis.network_id:
        raise _faucet_error("address", f"one of network id {genesis.network_id}", f"{text} of {address.network_id}")
    return address


def _value(output: FaucetOutput) -> object:
    if not output.assets:
        return output.lovelace
    assets: dict[bytes, dict[bytes, int]] = {}
    for unit, quantity in output.assets:
        try:
            raw = bytes.fromhex(unit)
        except ValueError as error:
            raise _faucet_error("asset", "policy id and asset name in hex", unit) from error
        if not 28 <= len(raw) <= 60 or not 0 < quantity < 2**63:
            raise _faucet_error(
                "asset", "policy id and asset name in hex, and a positive quantity", f"{unit} {quantity}"
            )
        assets.setdefault(raw[:28], {})[raw[28:]] = quantity
    return [output.lovelace, assets]


def _faucet_error(what: str, expected: str, got: str) -> ConfigurationError:
    return ConfigurationError(
        f"The faucet cannot use this {what}",
        expected=expected,
        got=got,
        next_step=f"Correct the {what}",
        code="LocalChainRequest",
    )
