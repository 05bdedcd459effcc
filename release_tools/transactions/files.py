"""Files that carry a transaction between machines: built on one, signed on others, submitted by any.

In: a built transaction, or the text of a file: cardano-cli's envelope, or the CBOR of a transaction in hex. Out: a
``CarriedTransaction``, which describes itself from its own bytes, accepts signatures, and can be written again.

1. The bytes of the body are never encoded again, because their hash is signed.
2. A signer sees what is decoded from the body. The facts beside it (``eraswitch`` in the envelope) only add what a body
   does not contain: the network magic, the keys that must sign, and the contents of the spent outputs.
3. Only parts of a marker transaction are accepted. Certificates, withdrawals and Plutus scripts are refused, so that
   nobody signs them by mistake, and so is any minting except of one thread token under a time lock (rule T0).
4. Every signature is verified when the file is read.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Any

from pycardano import VerificationKey as PaymentVerificationKey
from pycardano import VerificationKeyWitness

from chain_reader.local_chain import LedgerRefusedError
from chain_reader.local_chain.ledger.cbor import LIST, CborError, read_cbor
from chain_reader.local_chain.ledger.transaction import Signature, parse_transaction
from chain_reader.local_chain.ledger.transaction import SignedTransaction as Decoded
from chain_reader.providers.gateway import SpendableOutput
from chain_reader.thread_token import spelled
from datum import EraMarkersPayload, SignatureMismatchError, VerificationKey, decode_datum, verify_signature
from eras import MarkerError, TransactionError
from release_tools.keys.envelopes import TextEnvelope, transaction_bytes, transaction_envelope
from release_tools.keys.payment_key import PaymentSigner, public_key_hash
from release_tools.transactions.balancing import UnsignedTransaction, witness_set
from release_tools.transactions.building import MissingSignatureError, SignedTransaction
from release_tools.transactions.owners import KeyScript, signers_of, some_of
from release_tools.transactions.words import MarkersDocument, TransactionSummary, transaction_lines

FACTS_FIELD = "eraswitch"
FACTS_VERSION = 1
_MAX_BYTES = 65_536
_POLICY_DIGITS = 56


@dataclass(frozen=True, slots=True)
class TransactionFacts:
    """The facts in the file of a transaction that its bytes do not contain.

    Attributes:
        network_magic: the network that it is for.
        required_keys: hashes of the keys that must sign.
        spends: each spent output, with its address and lovelace at the time of building.
    """

    network_magic: int
    required_keys: tuple[str, ...]
    spends: tuple[tuple[str, str, int], ...]

    def to_dict(self) -> dict[str, object]:
        """The facts, JSON-ready."""
        return {
            "version": FACTS_VERSION,
            "network_magic": self.network_magic,
            "required_keys": list(self.required_keys),
            "spends": [{"output": one[0], "address": one[1], "lovelace": one[2]} for one in self.spends],
        }


@dataclass(frozen=True)
class CarriedTransaction:
    """A transaction with the signatures so far.

    Attributes:
        cbor: the whole transaction.
        facts: the facts in its file; ``None`` where another tool built it.

    Raises:
        TransactionError: it is not a marker transaction, or a signature in it is wrong.
    """

    cbor: bytes
    facts: TransactionFacts | None = None

    def __post_init__(self) -> None:
        digest = bytes.fromhex(self.hash)
        for one in self.signatures:
            if not _is_over(digest, one):
                raise _tx_error("The transaction", "signatures over its body", f"another one by {one.key.hex()}")
        self._require_thread_token()

    @classmethod
    def of(
        cls, transaction: UnsignedTransaction, network_magic: int, outputs: Iterable[SpendableOutput]
    ) -> "CarriedTransaction":
        """Return a newly built transaction; ``outputs`` are those that it may spend."""
        known = {output.reference: output for output in outputs}
        spends = tuple(
            (reference, known[reference].address, known[reference].lovelace) for reference in transaction.inputs
        )
        facts = TransactionFacts(network_magic, transaction.required_keys, spends)
        unsigned = witness_set([], [script.cbor for script in transaction.scripts])
        return cls(transaction.cbor_with(unsigned), facts)

    @classmethod
    def parse(cls, text: str, source: str = "The file") -> "CarriedTransaction":
        """Parse the text of a file; ``source`` names the file in errors.

        Raises:
            EnvelopeError: it is not the text envelope of a transaction.
            TransactionError: it is not a marker transaction.
        """
        if not text.strip():
            raise _tx_error(source, "a text envelope, or hex digits", "nothing")
        if not text.lstrip().startswith("{"):
            try:
                return cls(bytes.fromhex(text.strip()))
            except ValueError:
                raise _tx_error(source, "a text envelope, or hex digits", "something else") from None
        envelope = TextEnvelope.parse(text, source)
        return cls(transaction_bytes(envelope, source), _read_facts(envelope.extra.get(FACTS_FIELD), source))

    @cached_property
    def hash(self) -> str:
        """The transaction hash; signing does not change it."""
        return blake2b(self._parts[0], digest_size=32).hexdigest()

    @property
    def signatures(self) -> tuple[Signature, ...]:
        """The signatures so far."""
        return self._decoded.signatures

    @property
    def network_id(self) -> int | None:
        """The network id in the body: 1 for mainnet, 0 for any other."""
        return self._decoded.network_id

    @property
    def signed_by(self) -> tuple[str, ...]:
        """Hashes of the keys that have signed."""
        return tuple(public_key_hash(one.key) for one in self.signatures)

    @property
    def missing_keys(self) -> tuple[str, ...]:
        """Hashes of the keys that must still sign, as far as they are known."""
        return tuple(sorted(self._required - set(self.signed_by) | set(self._cosigners)))

    @cached_property
    def scripts(self) -> tuple[KeyScript, ...]:
        """The native scripts of the era address and of a minted thread token."""
        return tuple(KeyScript.of_item(script.item) for script in self._decoded.scripts)

    @property
    def minted(self) -> tuple[tuple[str, int], ...]:
        """The minted tokens (policy id and asset name in hex) and their quantities."""
        return self._decoded.new.minted

    def _require_thread_token(self) -> None:
        """Check that nothing is minted or burnt except one thread token that nobody can mint again (rule T0)."""
        new = self._decoded.new
        locks = {script.hash: script.lock for script in self.scripts}
        for unit, quantity in self.minted:
            holders = [output for output in new.outputs if unit in dict(output.assets)]
            is_marker = len(holders) == 1 and holders[0].datum is not None
            is_locked = locks.get(unit[:_POLICY_DIGITS]) == new.invalid_hereafter is not None
            if len(self.minted) > 1 or quantity != 1 or not is_locked or not is_marker:
                raise _tx_error(
                    "The transaction",
                    "a transaction that publishes markers and does nothing else, or mints a thread token for them "
                    "under a script that is void with it",
                    f"minting: {quantity} of {spelled(unit)}",
                )

    @property
    def _required(self) -> set[str]:
        """Hashes of the keys that must sign whatever the scripts require."""
        return {key.hex() for key in self._decoded.required_signers} | set(
            self.facts.required_keys if self.facts else ()
        )

    @property
    def _cosigners(self) -> tuple[str, ...]:
        """Hashes of the keys of which some must still sign to satisfy a script."""
        signed, end = set(self.signed_by), self._decoded.new.invalid_hereafter
        return tuple(
            key
            for script in self.scripts
            if not script.satisfied_by(signed | self._required, end)
            for key in script.key_hashes
            if key not in signed
        )

    @property
    def missing(self) -> str:
        """The keys that must still sign, in words; empty if none must."""
        cosigners, there = sorted(set(self._cosigners)), {*self.signed_by, *self._required}
        fewest = signers_of(self.scripts, cosigners, self._decoded.new.invalid_hereafter, beside=there)
        some = some_of(len(cosigners if fewest is None else fewest), cosigners)
        return ", and ".join([*sorted(self._required - set(self.signed_by)), *([some] if some else [])])

    @property
    def is_signed(self) -> bool:
        """Whether it has all required signatures, and at least one."""
        return bool(self.signatures) and not self.missing_keys

    def sign(self, keys: Sequence[PaymentSigner]) -> "CarriedTransaction":
        """Return a copy signed by those ``keys`` that must sign; by all of them if that is unknown.

        Raises:
            MissingSignatureError: none of the keys must still sign.
        """
        wanted = self.missing_keys
        if self.facts is None and not wanted:
            wanted = tuple(key.key_hash for key in keys if key.key_hash not in self.signed_by)
        signers = {key.key_hash: key for key in keys if key.key_hash in wanted}
        if not signers:
            raise MissingSignatureError(
                "There is nothing to sign",
                expected=f"a key with hash {' or '.join(wanted)}" if wanted else "a transaction that lacks a signature",
                got=", ".join(key.key_hash for key in keys) or "no key",
                next_step="Give the payment key of an address that the transaction spends from: --payment-key-file FILE"
                if wanted
                else "Submit it: all required signatures are there",
            )
        digest, body, words = bytes.fromhex(self.hash), self._parts[0], transaction_lines(self.summary())
        return self._with({key_hash: key.witness(digest, body, words) for key_hash, key in signers.items()})

    def add(self, signatures: Iterable[Signature], source: str = "the signatures") -> "CarriedTransaction":
        """Return a copy with signatures that were made elsewhere; ``source`` names their origin in errors.

        Raises:
            TransactionError: one does not match the body, or is by a key that need not sign.
        """
        added = {public_key_hash(one.key): one for one in signatures}
        cosigners = {key for script in self.scripts for key in script.key_hashes}
        wanted = {*self.missing_keys, *self.signed_by, *cosigners}
        unasked = sorted(set(added) - wanted) if wanted else []
        if unasked:
            raise _tx_error(
                f"A signature in {source}",
                f"one by a key that must sign, with hash {' or '.join(sorted(wanted))}",
                f"one by {', '.join(unasked)}",
                next_step="Have the transaction signed by the key of an address that it spends from",
            )
        digest = bytes.fromhex(self.hash)
        wrong = sorted(key_hash for key_hash, one in added.items() if not _is_over(digest, one))
        if wrong:
            raise _tx_error(
                f"A signature in {source}",
                f"one over the transaction {self.hash}",
                f"one by {wrong[0]} over something else",
                next_step="Have this very file signed again: a newly built one is another transaction",
            )
        return self._with({key_hash: _witness(one) for key_hash, one in added.items()})

    def _with(self, added: dict[str, VerificationKeyWitness]) -> "CarriedTransaction":
        """Return a copy with more witnesses, by key hash; as few as needed, since each adds to the fee."""
        scripts, end = self.scripts, self._decoded.new.invalid_hereafter
        there = {*self.signed_by, *self._required}
        enough = signers_of(scripts, set(added) - there, end, beside=there)
        if scripts and enough is not None:
            added = {key_hash: one for key_hash, one in added.items() if key_hash in there or key_hash in enough}
        witnesses = {public_key_hash(one.key): _witness(one) for one in self.signatures} | added
        body, _, flag, auxiliary = self._parts
        signed = witness_set(
            [witnesses[key_hash] for key_hash in sorted(witnesses)], [script.cbor for script in scripts]
        )
        return CarriedTransaction(b"\x84" + body + signed + flag + auxiliary, self.facts)

    def to_signed(self) -> SignedTransaction:
        """Return the transaction, ready to be submitted.

        Raises:
            MissingSignatureError: a required signature is missing.
        """
        if not self.is_signed:
            raise MissingSignatureError(
                "The transaction cannot be submitted yet",
                expected=f"signatures by {self.missing or 'those who must sign'}, too",
                got=f"signatures by {', '.join(self.signed_by)}" if self.signatures else "none",
                next_step="Sign it: eraswitch tx sign; a file that was signed elsewhere: --witness FILE",
            )
        return SignedTransaction(self.cbor, self.hash)

    def require_network(self, magic: int, network_id: int) -> None:
        """Check that it is for this network, as far as it names one.

        Raises:
            TransactionError: it is for another network, or pays to an address of one.
        """
        decoded = self._decoded
        ids = {output.network_id for output in decoded.new.outputs} | {self.network_id} - {None}
        if ids - {network_id}:
            raise _tx_error("The transaction", f"a transaction for network id {network_id}", "one for another network")
        if self.facts is not None and self.facts.network_magic != magic:
            raise _tx_error(
                "The transaction", f"a transaction for network magic {magic}", f"{self.facts.network_magic}"
            )

    def summary(self, key: VerificationKey | None = None) -> TransactionSummary:
        """Return its effects, JSON-ready and decoded from its own bytes.

        Args:
            key: the era key that should have signed its markers.
        """
        new = self._decoded.new
        spends = {} if self.facts is None else {one[0]: one for one in self.facts.spends}
        references = [f"{transaction}#{index}" for transaction, index in new.inputs]
        return {
            "transaction": self.hash,
            "network_id": self.network_id,
            "network_magic": None if self.facts is None else self.facts.network_magic,
            "fee": new.fee,
            "size": len(self.cbor),
            "invalid_hereafter": new.invalid_hereafter,
            "minted": dict(new.minted),
            "inputs": [
                {
                    "output": reference,
                    "address": spends[reference][1] if reference in spends else None,
                    "lovelace": spends[reference][2] if reference in spends else None,
                }
                for reference in references
            ],
            "outputs": [
                {
                    "address": output.address,
                    "lovelace": output.lovelace,
                    "assets": dict(output.assets),
                    "datum_bytes": None if output.datum is None else len(output.datum) // 2,
                    "markers": None if output.datum is None else _markers(output.datum, key),
                }
                for output in new.outputs
            ],
            "signed_by": list(self.signed_by),
            "missing_keys": list(self.missing_keys),
            "complete": self.is_signed,
        }

    def to_text(self) -> str:
        """The text of the file: an envelope that cardano-cli reads, with our facts in a field of its own."""
        extra = {} if self.facts is None else {FACTS_FIELD: self.facts.to_dict()}
        return transaction_envelope(self.cbor, signed=self.is_signed, extra=extra).to_json()

    @cached_property
    def _parts(self) -> tuple[bytes, bytes, bytes, bytes]:
        """The encoded body, witnesses, validity flag and auxiliary data."""
        if len(self.cbor) > _MAX_BYTES:
            raise _tx_error("The transaction", f"at most {_MAX_BYTES} bytes", f"{len(self.cbor)}")
        try:
            item = read_cbor(self.cbor)
        except CborError as error:
            raise _tx_error("The transaction", "CBOR", str(error)) from error
        if item.major != LIST or len(item.items) != 4:
            raise _tx_error(
                "The transaction", "a whole transaction: body, signatures, validity, auxiliary data", "something else"
            )
        body, witnesses, flag, auxiliary = (part.raw for part in item.items)
        return body, witnesses, flag, auxiliary

    @cached_property
    def _decoded(self) -> Decoded:
        try:
            return parse_transaction(self.cbor, max_bytes=_MAX_BYTES)
        except LedgerRefusedError as error:
            raise _tx_error(
                "The transaction",
                error.expected or "a transaction that publishes markers and does nothing else",
                error.got or error.what,
            ) from error


def _is_over(digest: bytes, signature: Signature) -> bool:
    """Whether a signature matches a body with this hash."""
    try:
        return verify_signature(digest, signature.signature, VerificationKey(signature.key))
    except MarkerError:
        return False


def _markers(datum: str, key: VerificationKey | None) -> MarkersDocument | None:
    """The markers in a datum, unverified unless a key is given; ``None`` if it holds none."""
    try:
        payload = EraMarkersPayload.from_bytes(decode_datum(datum).content)
    except MarkerError:
        return None
    signed: bool | None = None
    if key is not None:
        try:
            payload.verify(key)
            signed = True
        except SignatureMismatchError:
            signed = False
    return {"list": [marker.to_dict() for marker in payload.markers], "signed_by_era_key": signed}


def _read_facts(value: Any, source: str) -> TransactionFacts | None:
    if value is None:
        return None
    try:
        if value["version"] != FACTS_VERSION:
            raise _tx_error(source, f"facts of version {FACTS_VERSION}", f"version {value['version']!r}"[:60])
        spends = tuple(
            (_text(one["output"]), _text(one["address"]), _whole(one["lovelace"])) for one in value["spends"]
        )
        keys = tuple(_text(key) for key in value["required_keys"])
        return TransactionFacts(_whole(value["network_magic"]), keys, spends)
    except (TypeError, KeyError) as error:
        raise _tx_error(source, f"facts as eraswitch writes them under {FACTS_FIELD!r}", "something else") from error


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError
    return value


def _witness(signature: Signature) -> VerificationKeyWitness:
    return VerificationKeyWitness(PaymentVerificationKey(signature.key), signature.signature)


def _tx_error(
    source: str, expected: str, got: str, *, next_step: str = "Build it again: eraswitch tx build PAYLOAD"
) -> TransactionError:
    return TransactionError(
        f"{source} is not usable", expected=expected, got=got, next_step=next_step, code="TransactionFile"
    )
