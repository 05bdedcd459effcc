"""Marker transactions: build (pure), sign, submit.

In: the datum, the outputs that may be spent, and the ledger's parameters. Out: an unsigned transaction, then a signed
one. Building is pure, so it needs no keys, and signing needs no network. The rules:

1. An *update* spends the previous marker output, so that markers never pile up at the era address and each one proves
   that the owner of the address wrote it (rule T2). The first one (*bootstrap*) spends another output there if it can.
2. Only outputs of ada alone are chosen to pay. An output with a token or a datum is spent only if it is named, and its
   tokens return in an output of their own, so that the change stays ada alone. An output with a reference script is
   never spent, since the fee would depend on the script.
3. The marker output holds the least ada that its size allows, plus a remainder that is too small for a change output.
4. The fee is the smallest that the ledger accepts for the size of the signed transaction.
5. The datum is in the transaction byte for byte as given.
6. The transaction states its network id, has a time to live, and names the program in its metadata.
7. The marker output holds the thread token, if there is one: that of the previous output, or a new one, minted under a
   script of the era address's owner that is void with the transaction, within a day (rule T0).

A *sweep* publishes nothing: everything that it spends returns to the payer.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from chain_reader.providers.gateway import SpendableOutput, TransactionGateway
from chain_reader.thread_token import spelled
from eras import TransactionError
from release_tools.keys.payment_key import PaymentSigner
from release_tools.transactions.balancing import Draft, LedgerContext, UnsignedTransaction, witness_set
from release_tools.transactions.owners import MAX_LOCK_SLOTS, EraAddress, ThreadToken, TokenMint, signers_of


class MissingSignatureError(TransactionError):
    """A key that must sign the transaction is missing."""


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """A transaction ready to be submitted: its CBOR and its hash."""

    cbor: bytes
    hash: str


@dataclass(frozen=True, slots=True)
class Funding:
    """The outputs that pay for a transaction.

    Attributes:
        change_address: receives the change.
        outputs: unspent outputs that may pay; only those of ada alone are spent, and as few as needed.
        spend: outputs to spend in any case, with their tokens and datums.
    """

    change_address: str
    outputs: Sequence[SpendableOutput]
    spend: Sequence[SpendableOutput] = ()

    @classmethod
    def read(cls, gateway: TransactionGateway, address: str) -> "Funding":
        """Return everything at ``address`` as funding, with the change returning there.

        Raises:
            ChainReadError: the gateway could not be reached.
        """
        return cls(address, gateway.spendable_outputs(address))

    def split(
        self, previous: SpendableOutput | None = None
    ) -> tuple[list[SpendableOutput], list[SpendableOutput], int]:
        """Return the outputs to spend in any case, those that may pay, richest first, and the number of all others.

        Raises:
            TransactionError: an output to spend has a reference script.
        """
        for output in self.spend:
            if output.reference_script:
                raise TransactionError(
                    f"The output {output.reference} cannot be spent",
                    expected="an output without a reference script, whose fee would depend on the script",
                    got=f"the script {output.reference_script}",
                    next_step="Leave it out",
                )
        # Each once, or its ada would count twice.
        first = {output.reference: output for output in (*([] if previous is None else [previous]), *self.spend)}
        others = {output.reference: output for output in self.outputs if output.reference not in first}
        plain = [output for output in others.values() if output.is_plain]
        plain.sort(key=lambda output: (-output.lovelace, output.reference))
        return list(first.values()), plain, len(others) - len(plain)


def build_marker_transaction(
    datum: bytes,
    era: EraAddress,
    funding: Funding,
    context: LedgerContext,
    *,
    previous: SpendableOutput | None = None,
    thread_token: str | TokenMint | None = None,
) -> UnsignedTransaction:
    """Build the transaction that puts ``datum`` at the era address, as output 0.

    Args:
        datum: the inline datum, CBOR, as ``datum.encode_datum`` gives it.
        era: the era address.
        funding: the outputs that pay.
        context: the ledger to build for.
        previous: the marker output to replace; ``None`` for the first marker.
        thread_token: the token that readers are configured with, policy id and asset name in hex; or the order to mint
            one.

    Raises:
        TransactionError: the funding holds too little, the transaction would be larger than the protocol allows, the
            thread token is elsewhere or exists already, an address is unusable or of another network, ``previous`` is
            not at the era address, or one of ``funding.spend`` has a reference script.
    """
    address = str(era.parse(context.network_id))
    if previous is not None:
        _require_marker_output(previous, address)
    held, minted = _handed_on(previous, funding.spend, thread_token), None
    if isinstance(thread_token, TokenMint):
        context = replace(context, validity_slots=min(context.validity_slots, MAX_LOCK_SLOTS))
        owner = era.owner(context.network_id).terms
        minted = ThreadToken.of(owner, context.invalid_hereafter, thread_token.kind)
        if minted.unit == thread_token.replaces:  # it was minted in the same slot, so under the same policy
            context = replace(context, validity_slots=context.validity_slots - 1)
            minted = ThreadToken.of(owner, context.invalid_hereafter, thread_token.kind)
    draft = Draft(datum, era, funding.change_address, context, thread=held, minted=minted)
    first, others, spared = funding.split(previous)
    if not any(output.address == address for output in first):
        first += [output for output in others if output.address == address][:1]
    return draft.choose(first, [output for output in others if output not in first], spared)


def build_sweep_transaction(era: EraAddress, funding: Funding, context: LedgerContext) -> UnsignedTransaction:
    """Build the transaction that returns ``funding.spend`` to the change address and publishes nothing.

    Args:
        era: the era address.
        funding: the outputs to sweep (``spend``), the change address, and the outputs that may pay the fee.
        context: the ledger to build for.

    Raises:
        TransactionError: the funding holds too little, the transaction would be larger than the protocol allows, an
            address is unusable or of another network, or an output has a reference script.
    """
    return Draft(None, era, funding.change_address, context).choose(*funding.split())


def sign_transaction(
    transaction: UnsignedTransaction, keys: Iterable[PaymentSigner], words: Sequence[str] = ()
) -> SignedTransaction:
    """Sign with the keys that the transaction requires and no others, since each signature adds to the fee.

    Args:
        transaction: the transaction.
        keys: the available keys.
        words: a description of the transaction for external signers.

    Raises:
        MissingSignatureError: a required key is not among ``keys``.
    """
    known = {key.key_hash: key for key in keys}
    signers = signers_among(transaction, known)
    digest = bytes.fromhex(transaction.hash)
    witnesses = [known[key_hash].witness(digest, transaction.body, words) for key_hash in signers]
    signed = witness_set(witnesses, [script.cbor for script in transaction.scripts])
    return SignedTransaction(transaction.cbor_with(signed), transaction.hash)


def signers_among(transaction: UnsignedTransaction, known: Collection[str]) -> list[str]:
    """Choose the keys that sign a transaction, as few as it needs, from those that are ``known``; their hashes.

    Raises:
        MissingSignatureError: a required key is not among them.
    """
    scripts = transaction.scripts
    cosigners = signers_of(scripts, known, transaction.invalid_hereafter) if scripts else ()
    wanted = transaction.required_keys if cosigners is not None else transaction.signing_keys
    missing = [key_hash for key_hash in wanted if key_hash not in known]
    if missing or cosigners is None:
        raise MissingSignatureError(
            "A transaction cannot be signed",
            expected=f"the keys with hash {', '.join(transaction.required_keys)}"
            if cosigners is not None
            else f"the keys with hash {transaction.signers}",
            got=f"no key for {', '.join(missing)}",
            next_step="Give the payment key of every address that the transaction spends from: --payment-key-file FILE",
        )
    return sorted({*transaction.required_keys, *cosigners})


def submit_transaction(gateway: TransactionGateway, transaction: SignedTransaction) -> str:
    """Submit a signed transaction and return its hash.

    Raises:
        TransactionRefusedError: the ledger refused it.
        TransactionError: the gateway reported another hash.
        ChainReadError: the gateway could not be reached; whether it has the transaction is unknown.
    """
    answered = gateway.submit(transaction.cbor)
    if answered != transaction.hash:
        raise TransactionError(
            f"{gateway.name} reported another hash for the transaction",
            expected=transaction.hash,
            got=answered[:80],
            next_step="Look up both hashes before submitting anything again",
        )
    return answered


def _require_marker_output(output: SpendableOutput, era_address: str) -> None:
    odd = len(output.assets) > 1 or any(quantity != 1 for _, quantity in output.assets)
    if output.address != era_address or odd or output.reference_script:
        holds = "tokens or a script" if odd or output.reference_script else "ada and a datum"
        raise TransactionError(
            "The marker output to replace cannot be spent",
            expected=f"an output of ada, a datum and at most a thread token at {era_address}",
            got=f"{output.reference} with {holds} at {output.address}",
            next_step="Give the marker output that readers trust now",
        )


def _handed_on(
    previous: SpendableOutput | None, spent: Sequence[SpendableOutput], token: str | TokenMint | None
) -> str | None:
    """The token that the marker output takes over, from the previous marker output or from another spent output."""
    held = None if previous is None or not previous.assets else previous.assets[0][0]
    if isinstance(token, TokenMint):
        if held not in (None, token.replaces):
            raise TransactionError(
                "A thread token exists already",
                expected="a marker output without one",
                got=f"{previous.reference if previous else ''}, which holds {spelled(held or '')}",
                next_step="Publish without minting: every publication passes it on",
                code="ThreadToken",
            )
        return held
    if token is None or held == token:
        return held
    if any(unit == token for output in spent for unit, _ in output.assets):
        return token
    raise TransactionError(
        "The thread token is not in the marker output in force, and readers would not trust one without it",
        expected=f"{spelled(token)}, as trust.thread_token names it",
        got="no token" if held is None else spelled(held),
        next_step="Name the output that holds it with --spend; or mint one (marker adopt-token) and configure that",
        token=token,
        code="ThreadToken",
    )
