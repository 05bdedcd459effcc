"""cardano-cli's text envelopes: the JSON files in which it keeps keys and transactions.

In: the text of a file. Out: a ``TextEnvelope`` with the decoded bytes, or an error that states what is wrong with it
and never shows it, because it may be a secret. An envelope is ``{"type":…,"description":…,"cborHex":…}``; cardano-cli
ignores other fields, so a transaction on its way between machines can carry facts of ours beside them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from eras import ConfigurationError

PAYMENT_KEY = "PaymentSigningKeyShelley_ed25519"
EXTENDED_PAYMENT_KEY = "PaymentExtendedSigningKeyShelley_ed25519_bip32"
GENESIS_UTXO_KEY = "GenesisUTxOSigningKey_ed25519"
UNSIGNED_TRANSACTION = "Unwitnessed Tx ConwayEra"
SIGNED_TRANSACTION = "Witnessed Tx ConwayEra"

SEED_BYTES = 32
EXTENDED_BYTES = 128
"""Of an extended key: 64 private, 32 public, 32 of chain code."""

_KEY_BYTES = {PAYMENT_KEY: SEED_BYTES, GENESIS_UTXO_KEY: SEED_BYTES, EXTENDED_PAYMENT_KEY: EXTENDED_BYTES}
_TRANSACTION = "a transaction"
_KINDS = (
    ("VerificationKey", "the public half of a key"),
    ("StakePoolSigningKey", "the cold key of a stake pool"),
    ("StakePoolExtendedSigningKey", "the cold key of a stake pool"),
    ("StakeSigningKey", "a stake key"),
    ("StakeExtendedSigningKey", "a stake key"),
    ("KesSigningKey", "a KES key"),
    ("VrfSigningKey", "a VRF key"),
    ("DRep", "a DRep key"),
    ("ConstitutionalCommittee", "a key of the constitutional committee"),
    ("GenesisDelegate", "a genesis delegate key"),
    ("GenesisExtendedSigningKey", "a genesis key, which owns no output"),
    ("GenesisSigningKey", "a genesis key, which owns no output"),
    ("Byron", "a Byron key"),
    ("NodeOperationalCertificate", "a node's certificate or counter"),
    ("Certificate", "a certificate"),
    ("ScriptData", "a datum"),
    ("Script", "a script"),
    ("TxWitness", "a signature of a transaction"),
    ("Tx", _TRANSACTION),
    ("SigningKey", "a key of another kind"),
)
"""Of the types of envelopes what each holds, by a part of its name; the first that fits."""


class EnvelopeError(ConfigurationError):
    """A file is not the expected text envelope."""


@dataclass(frozen=True, slots=True)
class TextEnvelope:
    """The content of a text envelope. Its ``repr`` shows none of it.

    Attributes:
        type: what it holds, in cardano-cli's words.
        cbor: the content; nothing where ``cborHex`` is missing or is not hex.
        description: for people.
        extra: fields beside the three, which cardano-cli ignores.
    """

    type: str
    cbor: bytes = field(repr=False)
    description: str = ""
    extra: Mapping[str, object] = field(default_factory=dict, repr=False)

    @classmethod
    def parse(cls, text: str, source: str) -> "TextEnvelope":
        """The envelope in ``text``; ``source`` names the origin of the text, in errors.

        Raises:
            EnvelopeError: it is not an envelope.
        """
        return cls.of(envelope_fields(text, source), source)

    @classmethod
    def of(cls, fields: dict[str, object], source: str) -> "TextEnvelope":
        """The envelope with these ``fields``, which are taken out of them; ``source`` is as for ``parse``.

        Raises:
            EnvelopeError: it has no type.
        """
        kind, encoded = fields.pop("type", None), fields.pop("cborHex", None)
        description = fields.pop("description", None)
        if not isinstance(kind, str):
            raise _envelope_error(source, "a JSON object with type and cborHex", f"type {kind!r}"[:80])
        return cls(kind, hex_bytes(encoded), description if isinstance(description, str) else "", fields)

    def to_json(self) -> str:
        """The envelope as cardano-cli writes it, with a newline at its end."""
        fields = {"type": self.type, "description": self.description, "cborHex": self.cbor.hex(), **self.extra}
        return json.dumps(fields, indent=4) + "\n"


def json_object(text: str | bytes) -> dict[str, object] | None:
    """The JSON object in ``text``; ``None`` where it is anything else."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def hex_bytes(value: object) -> bytes:
    """The bytes of which ``value`` is the hex; none where it is anything else."""
    try:
        return bytes.fromhex(value) if isinstance(value, str) else b""
    except ValueError:
        return b""


def envelope_fields(text: str, source: str) -> dict[str, object]:
    """The fields of the JSON object in ``text``; ``source`` names the origin of the text, in errors.

    Raises:
        EnvelopeError: it is not a JSON object.
    """
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        # "from None", because the exceptions of decoders hold the text, which may be a secret
        raise _envelope_error(source, "a JSON text envelope", "something that is not JSON") from None
    if not isinstance(fields, dict):
        raise _envelope_error(source, "a JSON object with type and cborHex", f"a JSON {type(fields).__name__}")
    return fields


def described_type(kind: str) -> str:
    """The content of an envelope of this type, in words and by the type itself."""
    words = next((words for part, words in _KINDS if part in kind), None)
    return f"type {kind!r}"[:80] if words is None else f"{words} (type {kind!r})"[:120]


def key_envelope(raw: bytes, *, extended: bool = False) -> TextEnvelope:
    """The envelope of a payment signing key: its 32-byte seed, or the 128 bytes of an extended one."""
    head = b"\x58" + bytes([len(raw)])
    return TextEnvelope(EXTENDED_PAYMENT_KEY if extended else PAYMENT_KEY, head + raw, "Payment Signing Key")


def key_bytes(envelope: TextEnvelope, source: str) -> bytes:
    """The bytes of a payment signing key, 32 of a plain one or 128 of an extended one.

    Raises:
        EnvelopeError: it is no such key.
    """
    length = _KEY_BYTES.get(envelope.type)
    if length is None:
        raise _envelope_error(source, f"a key of type {' or '.join(_KEY_BYTES)}", described_type(envelope.type))
    head = b"\x58" + bytes([length])
    if len(envelope.cbor) != 2 + length or not envelope.cbor.startswith(head):
        raise _envelope_error(
            source,
            f"in the cborHex of a {envelope.type} {2 * length + 4} hex digits that begin with {head.hex()}",
            "something else, not shown",
        )
    return envelope.cbor[2:]


def transaction_envelope(cbor: bytes, *, signed: bool, extra: Mapping[str, object] | None = None) -> TextEnvelope:
    """The envelope of a whole transaction; ``extra`` are facts of ours beside it."""
    kind = SIGNED_TRANSACTION if signed else UNSIGNED_TRANSACTION
    return TextEnvelope(kind, cbor, "Ledger Cddl Format", extra or {})


def transaction_bytes(envelope: TextEnvelope, source: str) -> bytes:
    """The transaction in an envelope, whatever ledger era its type names; its bytes are for the caller to judge.

    Raises:
        EnvelopeError: it holds something else.
    """
    kind = described_type(envelope.type)
    if not kind.startswith(_TRANSACTION):
        raise _envelope_error(source, f"a transaction, such as of type {SIGNED_TRANSACTION!r}", kind)
    if not envelope.cbor:
        raise _envelope_error(source, "a transaction in hex digits as cborHex", "none")
    return envelope.cbor


def _envelope_error(source: str, expected: str, got: str) -> EnvelopeError:
    return EnvelopeError(
        f"{source} is not usable", expected=expected, got=got, next_step="Give a text envelope as cardano-cli writes it"
    )
