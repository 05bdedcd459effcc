"""A payment key in the forms in which wallets and tools write one, and by which each is known. Pure.

In: a text. Out: the 32 bytes of a plain key or the 128 of an extended one, with the name of the form; or an error that
names what the text is instead (a stake key, a transaction, the public half of a key) and never shows it.

1. cardano-cli's envelopes: payment keys, plain and extended, and a devnet's genesis UTxO keys.
2. bech32 of CIP-5 and of the serialization library: ``addr_sk``, ``addr_xsk``, ``ed25519_sk``, ``ed25519e_sk``.
3. Hex of 32, 64, 96 or 128 bytes, also with the head of a ``cborHex``, with ``0x`` or in quotes.
4. With a derivation path: ``root_xsk``, ``acct_xsk``, ``xprv``, and the words of a wallet.
"""

import re
from dataclasses import dataclass, field

from nacl.bindings import crypto_sign_seed_keypair

from chain_reader.bech32 import decode_bech32
from eras import ConfigurationError
from release_tools.keys.derivation import DerivationError, DerivationPath, ExtendedKey, root_of_words
from release_tools.keys.envelopes import (
    EXTENDED_BYTES,
    SEED_BYTES,
    EnvelopeError,
    TextEnvelope,
    envelope_fields,
    hex_bytes,
    key_bytes,
)

PRIVATE_BYTES = 64
_CHAINED_BYTES = 96
_CBOR_HEADS = {bytes([0x58, length]): length for length in (SEED_BYTES, PRIVATE_BYTES, _CHAINED_BYTES, EXTENDED_BYTES)}
_KES_BYTES = (608, 612)
_NO_CHAIN_CODE = bytes(32)
"""In the place of a chain code that the form does not have; signing needs none."""

_ROOTS = ("root_xsk", "root_shared_xsk", "xprv")
_ACCOUNTS = ("acct_xsk", "acct_shared_xsk")
_BECH32_LENGTHS = {
    "addr_sk": SEED_BYTES,
    "addr_shared_sk": SEED_BYTES,
    "ed25519_sk": SEED_BYTES,
    "ed25519e_sk": PRIVATE_BYTES,
    "addr_xsk": _CHAINED_BYTES,
    "addr_shared_xsk": _CHAINED_BYTES,
    **dict.fromkeys((*_ROOTS, *_ACCOUNTS), _CHAINED_BYTES),
}
_BECH32_KINDS = (
    (r".*(_x?vk|_pk|vkh)|xpub", "the public half of a key"),
    (r"stake_(shared_)?x?sk", "a stake key"),
    (r"kes_sk", "a KES key"),
    (r"vrf_sk", "a VRF key"),
    (r"pool_x?sk", "the cold key of a stake pool"),
    (r"drep_x?sk", "a DRep key"),
    (r"cc_.*sk", "a key of the constitutional committee"),
    (r"policy_.*sk|.*script.*", "a script, or the key of a minting policy"),
    (r"addr(_test)?|stake(_test)?", "an address"),
)
_BECH32 = re.compile(r"[a-z0-9_]{1,20}1[a-z0-9]{6,2000}")
_HEX = re.compile(r"(0x)?[0-9a-fA-F]+")
_WORD = re.compile(r"[a-zA-Z]+")
_WORDS = re.compile(r"(?:[\s0-9.,:;)]*[a-zA-Z]+(?=[\s.,;]|$)){2,}[\s.,;]*")
"""Two words or more, numbered or not: too few for a wallet is an error of its own."""


_NEEDS_PATH = "Take the key out of the wallet: eraswitch keys import payment FILE TARGET --path PATH"
_FORMS = (
    "Give a payment key: an envelope of cardano-cli, bech32 (addr_xsk1…, ed25519_sk1…), hex, or a wallet's words; "
    "eraswitch keys new payment makes one"
)


@dataclass(frozen=True, slots=True)
class FoundKey:
    """A payment key in a text. Its ``repr`` does not show the key.

    Attributes:
        raw: 32 bytes of a plain key; or 128 of an extended one: 64 private, 32 public, 32 of chain code.
        form: the form in which it was written.
        path: the path by which it was derived, where it was.
    """

    raw: bytes = field(repr=False)
    form: str
    path: str | None = None


def find_payment_key(
    text: str, source: str, path: DerivationPath | None = None, second_factor: bytes = b""
) -> FoundKey:
    """The payment key that ``text`` writes.

    Args:
        text: in any of the forms above.
        source: where the text is from, for errors.
        path: where in a wallet the key is; without one, words and keys of a wallet are refused.
        second_factor: the passphrase of the wallet, which belongs to its words.

    Raises:
        ConfigurationError: it writes no payment key; the error does not show the text.
    """
    text = text.strip()
    try:
        if text.startswith("{"):
            return _from_envelope(text, source)
        text = unquoted(text)
        if _is_bech32(text):
            return _from_bech32(text, path)
        if _WORDS.fullmatch(text):
            words = [word.lower() for word in _WORD.findall(text)]
            root, wanted = root_of_words(words, second_factor), _needed(path)
            return _derived(root, wanted.steps, wanted, f"{len(words)} words")
        return _from_hex(text)
    except (DerivationError, EnvelopeError) as error:
        # "from None", because the exceptions of decoders hold the text, which is the secret.
        raise ConfigurationError(
            f"There is no payment key in {source}",
            expected=error.expected,
            got=error.got,
            next_step=_NEEDS_PATH if isinstance(error, _PathNeededError) else _FORMS,
            code="PaymentKey",
        ) from None


def looks_like_payment_key(text: str) -> bool:
    """Whether a text is written as payment keys are and era keys are not."""
    text = unquoted(text)
    if text.startswith("{") or _is_bech32(text) or _WORDS.fullmatch(text):
        return True
    raw = hex_bytes(text)
    return _CBOR_HEADS.get(raw[:2]) == len(raw) - 2 or len(raw) in (PRIVATE_BYTES, _CHAINED_BYTES, EXTENDED_BYTES)


def looks_like_words(text: str) -> bool:
    """Whether a text is written as the words of a wallet are."""
    return bool(_WORDS.fullmatch(unquoted(text)))


def _is_bech32(text: str) -> bool:
    return bool(_BECH32.fullmatch(text.lower())) and not _HEX.fullmatch(text)


def unquoted(text: str) -> str:
    """A text without the blanks and the quotes around it, as it is copied from JSON or a shell."""
    return text.strip().strip("\"'").strip()


class _PathNeededError(DerivationError):
    """A text holds a whole wallet, and it is not known which of its keys is meant."""


def _needed(path: DerivationPath | None) -> DerivationPath:
    if path is None:
        raise _PathNeededError("one payment key", "a whole wallet or account, from which a key has yet to be derived")
    return path


def _from_envelope(text: str, source: str) -> FoundKey:
    fields = envelope_fields(text, source)
    bare = fields.get("cborHex")
    if "type" not in fields and isinstance(bare, str):
        return _from_hex(bare)
    envelope = TextEnvelope.of(fields, source)
    return _as_it_is(key_bytes(envelope, source), f"envelope {envelope.type}")


def _from_bech32(text: str, path: DerivationPath | None) -> FoundKey:
    prefix, raw = _decode_bech32(text)
    form = f"bech32 {prefix}"
    kind = next((words for pattern, words in _BECH32_KINDS if re.fullmatch(pattern, prefix)), None)
    length = _BECH32_LENGTHS.get(prefix)
    if length is None:
        raise DerivationError(
            "the key of a payment address", f"{kind}, by its prefix {prefix}" if kind else f"the prefix {prefix}"
        )
    if len(raw) != length:
        raise DerivationError(f"{length} bytes in a {prefix}", f"{len(raw)}")
    if prefix not in _ROOTS + _ACCOUNTS:
        return _as_it_is(raw, form)
    wanted = _needed(path)
    return _derived(_chained(raw), wanted.steps if prefix in _ROOTS else wanted.in_account, wanted, form)


def _from_hex(text: str) -> FoundKey:
    raw = hex_bytes(text.removeprefix("0x"))
    if not raw:
        raise DerivationError("a payment key", "something else, not shown" if text else "nothing: it is empty")
    if _CBOR_HEADS.get(raw[:2]) == len(raw) - 2:
        return _as_it_is(raw[2:], "hex of a cborHex")
    if raw.startswith(b"[") and raw.endswith(b"]"):
        raise DerivationError("a payment key", "an era key, as Mithril writes one")
    if len(raw) in _KES_BYTES or len(raw) - 3 in _KES_BYTES:
        raise DerivationError("a payment key", "a KES key, by its length")
    if len(raw) not in _CBOR_HEADS.values():
        lengths = [str(length) for length in sorted(_CBOR_HEADS.values())]
        raise DerivationError(f"{', '.join(lengths[:-1])} or {lengths[-1]} bytes in hex", f"{len(raw)} bytes")
    return _as_it_is(raw, "hex")


def _as_it_is(raw: bytes, form: str) -> FoundKey:
    """The key that these bytes are, by their number."""
    if len(raw) == PRIVATE_BYTES:
        if _is_seed_and_public(raw):
            raise DerivationError(
                "the 32 bytes of a plain key, or the 64 of an extended one",
                "a seed with its public key, as VRF keys are written",
            )
        return FoundKey(_whole(ExtendedKey(raw, _NO_CHAIN_CODE)), form)
    return FoundKey(_whole(_chained(raw)) if len(raw) == _CHAINED_BYTES else raw, form)


def _derived(key: ExtendedKey, steps: tuple[int, ...], path: DerivationPath, form: str) -> FoundKey:
    return FoundKey(_whole(key.at(steps)), form, str(path))


def _chained(raw: bytes) -> ExtendedKey:
    return ExtendedKey(raw[:PRIVATE_BYTES], raw[PRIVATE_BYTES:])


def _whole(key: ExtendedKey) -> bytes:
    return key.private + key.public + key.chain_code


def _is_seed_and_public(raw: bytes) -> bool:
    public, _ = crypto_sign_seed_keypair(raw[:SEED_BYTES])
    return bool(public == raw[SEED_BYTES:])


def _decode_bech32(text: str) -> tuple[str, bytes]:
    """The prefix and the bytes; of any length, unlike in Bitcoin's bech32."""
    try:
        return decode_bech32(text.lower() if text.isupper() else text)
    except ValueError:
        raise DerivationError("bech32 whose check digits are right", "a wrong or missing character") from None
