"""Balances a marker transaction: the smallest fee, the least ada in the marker output, and the change. Pure.

In: a datum (none for a sweep), addresses, the ledger's parameters, and the outputs to spend. Out: an unsigned
transaction whose value is conserved to the lovelace, or ``None`` if the outputs do not cover it.

pycardano's ``TransactionBuilder`` is not used: it does not set the network id, can fail where funds suffice (it
balances once, with a fee estimated before the inputs are chosen), and its fee is an estimate, not the smallest.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from types import SimpleNamespace
from typing import TYPE_CHECKING

from chain_reader.providers.gateway import Network, SpendableOutput, TransactionGateway, TransactionParameters
from eras import Slot, TransactionError, __version__
from eras.words import LOVELACE_PER_ADA, ada, counted
from release_tools.transactions.owners import (
    EraAddress,
    KeyScript,
    Owner,
    ThreadToken,
    owner_of,
    parse_address,
    some_of,
)

if TYPE_CHECKING:
    from pycardano import AuxiliaryData, TransactionBody, TransactionOutput, Value, VerificationKeyWitness

DEFAULT_VALIDITY_SLOTS = 7_200
"""Two hours on the public networks: enough to carry a transaction to a signer and back."""

_MESSAGE_LABEL = 674  # CIP-20: explorers show it as the transaction's message
_POLICY_DIGITS = 56
_VALID_FLAG = b"\xf5"
_FOUR_PARTS = b"\x84"
_WITNESS_SCRIPTS = b"\x01"  # the key of native scripts in a witness set

Assets = dict[bytes, dict[bytes, int]]
"""Quantities of tokens, by policy and name."""


@dataclass(frozen=True, slots=True)
class LedgerContext:
    """The ledger that a transaction is built for, and how long the transaction is valid there.

    Attributes:
        parameters: protocol parameters of the current epoch.
        network_id: 1 on mainnet, 0 elsewhere; every address must belong to it.
        slot: the newest slot of the chain.
        validity_slots: slots from ``slot`` after which the transaction is void.
    """

    parameters: TransactionParameters
    network_id: int
    slot: Slot
    validity_slots: int = DEFAULT_VALIDITY_SLOTS

    @classmethod
    def read(
        cls, gateway: TransactionGateway, network: Network | None = None, validity_slots: int = DEFAULT_VALIDITY_SLOTS
    ) -> "LedgerContext":
        """Read the ledger from a gateway, and the network too if it is not given.

        Raises:
            ChainReadError: the gateway could not be reached.
        """
        network_id = (network or gateway.network()).network_id
        slot = gateway.tip_slot()
        return cls(gateway.protocol_parameters(), network_id, slot, validity_slots)

    @property
    def invalid_hereafter(self) -> Slot:
        """The first slot at which the transaction is no longer valid."""
        return Slot(self.slot + self.validity_slots)


@dataclass(frozen=True, slots=True)
class UnsignedTransaction:
    """A balanced marker transaction without signatures.

    Attributes:
        body: the transaction body, CBOR; its hash is what is signed.
        auxiliary_data: the metadata, CBOR.
        inputs: references of the outputs it spends.
        required_keys: hashes of the keys that must sign, sorted.
        fee: lovelace.
        marker_lovelace: lovelace in the marker output, which is output 0; 0 in a sweep.
        change_lovelace: lovelace that returns to the payer.
        size: bytes of the signed transaction.
        invalid_hereafter: the first slot at which it is no longer valid.
        spends_era_address: whether it spends an output at the era address, which proves its author (rule T2).
        thread_token: the token in the marker output, policy id and asset name in hex; ``None`` where there is none.
        minted: the token that it mints.
        scripts: the native scripts in its witness set.
    """

    body: bytes
    auxiliary_data: bytes
    inputs: tuple[str, ...]
    required_keys: tuple[str, ...]
    fee: int
    marker_lovelace: int
    change_lovelace: int
    size: int
    invalid_hereafter: Slot
    spends_era_address: bool
    thread_token: str | None = None
    minted: ThreadToken | None = None
    scripts: tuple[KeyScript, ...] = ()

    @property
    def signing_keys(self) -> tuple[str, ...]:
        """Hashes of all keys that can sign: the required ones, and those of the scripts."""
        return tuple(dict.fromkeys([*self.required_keys, *(key for one in self.scripts for key in one.key_hashes)]))

    @property
    def signers(self) -> str:
        """The required signers, in words."""
        if not self.scripts:
            return ", ".join(self.required_keys)
        wanted = [*self.required_keys, *(some_of(one.most_signatures, one.key_hashes) for one in self.scripts)]
        return ", and ".join(dict.fromkeys(wanted))

    @property
    def hash(self) -> str:
        """The transaction hash, 64 hex digits; signing does not change it."""
        return blake2b(self.body, digest_size=32).hexdigest()

    def cbor_with(self, witness_set: bytes) -> bytes:
        """Return the transaction with this witness set, CBOR."""
        return _FOUR_PARTS + self.body + witness_set + _VALID_FLAG + self.auxiliary_data


class Draft:
    """A transaction whose inputs are not chosen yet; balances each choice of them.

    Args:
        datum: the datum that is published; ``None`` where nothing is.
        era: the era address.
        change_address: receives the change.
        context: the ledger.
        thread: the token that the marker output takes over, policy id and asset name in hex.
        minted: the token that is minted in its place.

    Raises:
        TransactionError: an address is unusable or of another network.
    """

    def __init__(
        self,
        datum: bytes | None,
        era: EraAddress,
        change_address: str,
        context: LedgerContext,
        *,
        thread: str | None = None,
        minted: ThreadToken | None = None,
    ) -> None:
        from pycardano import RawCBOR

        # Anything but raw CBOR would be encoded again, perhaps differently.
        self._datum = None if datum is None else RawCBOR(datum)
        self._script, self._context = era.script, context
        self._era = era.parse(context.network_id)
        self._change = parse_address(change_address, context.network_id, "change address", era.script)
        self._metadata = _metadata()
        self._thread = thread if minted is None else minted.unit
        self._minted = minted
        self._least_marker = 0 if datum is None else self._least_lovelace(self._marker_output(1))
        self._least_change = self._least_lovelace(self._change_output(1, {}))

    def choose(
        self, first: list[SpendableOutput], others: Sequence[SpendableOutput], spared: int
    ) -> UnsignedTransaction:
        """Return the transaction that spends ``first``, and as few of ``others`` as needed, in their order.

        Raises:
            TransactionError: together they hold too little; ``spared`` is how many outputs were not considered.
            TransactionError: it is larger than the ledger accepts.
        """
        for count in range(len(others) + 1):
            if transaction := self.balance([*first, *others[:count]], with_change=True):
                return transaction
        everything = [*first, *others]
        if self._datum is not None and (transaction := self.balance(everything, with_change=False)):
            return transaction
        raise self._insufficient(everything, spared)

    def balance(self, spent: Sequence[SpendableOutput], *, with_change: bool) -> UnsignedTransaction | None:
        """Return the transaction that spends ``spent`` at the smallest fee; ``None`` if they do not cover it.

        Without change, the remaining ada joins the marker output; tokens cannot.

        Raises:
            TransactionError: it is larger than the ledger accepts.
        """
        total, assets = _held(spent, without=self._thread)
        if total < self._least_marker or (assets and not with_change):
            return None
        least_tokens = self._least_lovelace(self._change_output(1, assets)) if assets else 0
        era, addresses = str(self._era), {output.address for output in spent}
        spenders = self._owners(addresses)
        owners = spenders if self._minted is None else spenders | self._owners({era})
        required_keys = sorted({owner.key_hash for owner in owners if owner.key_hash is not None})
        scripts = [owner.script for owner in spenders if owner.script is not None]  # at most that of the era address
        scripts += [] if self._minted is None else [self._minted.script]
        signatures = len(required_keys) + sum(one.script.most_signatures for one in owners if one.script is not None)
        body = self._body(spent)
        auxiliary_data = self._metadata.to_cbor()
        unsigned_parts = len(_FOUR_PARTS + _VALID_FLAG + auxiliary_data) + _witness_size(signatures, scripts)
        fee, parameters = 0, self._context.parameters
        while True:
            # The fee depends on the size, and the size on the digits of fee and amounts. The fee only grows here, and
            # the size is bounded, so this ends.
            marker = self._least_marker if with_change else total - fee
            change = total - fee - marker
            if marker < self._least_marker or (with_change and change < (least_tokens or self._least_change)):
                return None
            body.fee = fee
            body.outputs = [] if self._datum is None else [self._marker_output(marker)]
            if assets and change >= self._least_change + least_tokens:  # otherwise no output would hold ada alone
                body.outputs.append(self._change_output(change - least_tokens, {}))
                body.outputs.append(self._change_output(least_tokens, assets))
            elif change:
                body.outputs.append(self._change_output(change, assets))
            encoded = body.to_cbor()
            size = unsigned_parts + len(encoded)
            charged = size - len(_VALID_FLAG)  # the ledger does not charge for the flag
            least = parameters.min_fee_constant + parameters.min_fee_per_byte * charged
            if least <= fee:
                break
            fee = least
        if size > parameters.max_tx_size:
            raise TransactionError(
                "The transaction is too large",
                expected=f"at most {parameters.max_tx_size} bytes",
                got=f"{size} bytes with {counted(len(spent), 'input')}",
                next_step="Join the outputs of the paying address in a transaction of their own first",
                code="TransactionTooLarge",
            )
        return UnsignedTransaction(
            body=encoded,
            auxiliary_data=auxiliary_data,
            inputs=tuple(output.reference for output in spent),
            required_keys=tuple(required_keys),
            fee=fee,
            marker_lovelace=marker,
            change_lovelace=change,
            size=size,
            invalid_hereafter=self._context.invalid_hereafter,
            spends_era_address=era in addresses,
            thread_token=self._thread,
            minted=self._minted,
            scripts=tuple(scripts),
        )

    def _owners(self, addresses: Iterable[str]) -> set[Owner]:
        return {owner_of(address, self._context.network_id, self._script) for address in addresses}

    def _insufficient(self, spent: Sequence[SpendableOutput], spared: int) -> TransactionError:
        """Return the error for outputs that hold too little together.

        The missing amount is computed from a transaction that is balanced with one more output, so that sending exactly
        this much is enough.
        """
        payer = str(self._change)
        held, assets = _held(spent, without=self._thread)
        lent, balanced = LOVELACE_PER_ADA, None
        while balanced is None:
            lent *= 1_000
            balanced = self.balance([*spent, SpendableOutput("f" * 64, 0, payer, lent)], with_change=True)
        least_change = self._least_lovelace(self._change_output(1, assets))
        needed = balanced.marker_lovelace + balanced.fee + least_change
        missing = max(needed - held, least_change)
        purpose = "the fee and the change" if self._datum is None else "the marker output, the fee and the change"
        left = counted(spared, "output") + " with tokens, datums or scripts " + ("was" if spared == 1 else "were")
        return TransactionError(
            f"The paying address {payer} holds too little ada",
            expected=f"{ada(needed)} for {purpose}",
            got=_holdings(spent, payer),
            next_step=f"Send {ada(missing)} or more to {payer}" + (f"; {left} left alone" if spared else ""),
            address=payer,
            needed_lovelace=needed,
            held_lovelace=held,
            missing_lovelace=missing,
            spared_outputs=spared,
            code="InsufficientFunds",
        )

    def _body(self, spent: Iterable[SpendableOutput]) -> "TransactionBody":
        """The body without outputs and fee."""
        from pycardano import MultiAsset, OrderedSet, TransactionBody, TransactionInput
        from pycardano import Network as CardanoNetwork

        references = sorted([[output.transaction, output.index] for output in spent])
        return TransactionBody(
            inputs=OrderedSet([TransactionInput.from_primitive(reference) for reference in references]),
            ttl=self._context.invalid_hereafter,
            auxiliary_data_hash=self._metadata.hash(),
            network_id=CardanoNetwork(self._context.network_id),
            mint=None if self._minted is None else MultiAsset.from_primitive(_assets({self._minted.unit: 1})),
        )

    def _marker_output(self, lovelace: int) -> "TransactionOutput":
        from pycardano import TransactionOutput

        amount = lovelace if self._thread is None else _value(lovelace, _assets({self._thread: 1}))
        return TransactionOutput(self._era, amount, datum=self._datum)

    def _change_output(self, lovelace: int, assets: Assets) -> "TransactionOutput":
        from pycardano import TransactionOutput

        return TransactionOutput(self._change, _value(lovelace, assets) if assets else lovelace)

    def _least_lovelace(self, output: "TransactionOutput") -> int:
        """The least lovelace that the output can hold; it holds so much from then on."""
        from pycardano.utils import min_lovelace_post_alonzo

        context = SimpleNamespace(protocol_param=self._context.parameters)  # of it, only this is read
        while (least := min_lovelace_post_alonzo(output, context)) > output.lovelace:
            output.amount.coin = least
        return int(output.lovelace)


def _holdings(spent: Sequence[SpendableOutput], payer: str) -> str:
    """Describe the funds at each address that may be spent, the paying address first."""
    by_address: dict[str, list[int]] = {payer: []}
    for output in spent:
        by_address.setdefault(output.address, []).append(output.lovelace)
    held = (
        f"{ada(sum(amounts))} in {counted(len(amounts), 'output')} that may be spent at {address}"
        for address, amounts in by_address.items()
    )
    return ", and ".join(held)


def _held(spent: Sequence[SpendableOutput], without: str | None = None) -> tuple[int, Assets]:
    """The lovelace and the tokens of all these outputs, except the token that the marker output holds."""
    lovelace, tokens = 0, Counter[str]()
    for output in spent:
        lovelace += output.lovelace
        tokens.update(dict(output.assets))
    tokens.pop(without or "", None)
    return lovelace, _assets(tokens)


def _assets(quantities: Mapping[str, int]) -> Assets:
    """Group quantities by policy and name; pycardano sorts them into the canonical order of CBOR."""
    found: Assets = {}
    for unit, quantity in quantities.items():
        found.setdefault(bytes.fromhex(unit[:_POLICY_DIGITS]), {})[bytes.fromhex(unit[_POLICY_DIGITS:])] = quantity
    return found


def _value(lovelace: int, assets: Assets) -> "Value":
    from pycardano import MultiAsset, Value

    return Value(lovelace, MultiAsset.from_primitive(assets))


def token_bytes(outputs: Sequence[SpendableOutput]) -> int:
    """Return the size of the tokens of all these outputs in a single output, in bytes."""
    from pycardano import MultiAsset

    _, assets = _held(outputs)
    return len(MultiAsset.from_primitive(assets).to_cbor()) if assets else 0


def _metadata() -> "AuxiliaryData":
    from pycardano import AlonzoMetadata, AuxiliaryData, Metadata

    return AuxiliaryData(AlonzoMetadata(Metadata({_MESSAGE_LABEL: {"msg": [f"eraswitch {__version__}"]}})))


def witness_set(witnesses: "Sequence[VerificationKeyWitness]", scripts: Iterable[bytes] = ()) -> bytes:
    """Return the witness set of these signatures and native scripts, CBOR."""
    from pycardano import NonEmptyOrderedSet, TransactionWitnessSet

    carried = tuple(scripts)
    signed = TransactionWitnessSet(vkey_witnesses=NonEmptyOrderedSet(list(witnesses))).to_cbor() if witnesses else b""
    parts = [signed[1:], _WITNESS_SCRIPTS + bytes([0x80 + len(carried)]) + b"".join(carried) if carried else b""]
    return bytes([0xA0 + sum(map(bool, parts))]) + b"".join(parts)


def _witness_size(keys: int, scripts: Iterable[KeyScript]) -> int:
    """The size of a witness set with the signatures of this many keys, in bytes."""
    from pycardano import VerificationKey, VerificationKeyWitness

    signed = [VerificationKeyWitness(VerificationKey(index.to_bytes(32, "big")), bytes(64)) for index in range(keys)]
    return len(witness_set(signed, [script.cbor for script in scripts]))
