"""Reads files with signatures that other programs made. Pure.

In: the text of a file: an envelope of cardano-cli or of a hardware wallet's tool (``TxWitness`` of any ledger era), its
bytes in hex, the witness set of a browser wallet, or a transaction that another signer signed. Out: the signatures,
which ``CarriedTransaction.add`` verifies.
"""

from chain_reader.local_chain.ledger.cbor import LIST, MAP, TAG, UINT, CborError, Item, read_cbor
from chain_reader.local_chain.ledger.transaction import Signature
from release_tools.keys.envelopes import EnvelopeError, TextEnvelope, described_type

_KINDS = ("TxWitness", "Tx ", "Witnessed Tx", "Unwitnessed Tx")
_TRANSACTION_PARTS = 4
_KEY_BYTES, _SIGNATURE_BYTES = 32, 64


def read_signatures(text: str, source: str) -> tuple[Signature, ...]:
    """Return the signatures in the text of a file; ``source`` names the file in errors.

    Raises:
        EnvelopeError: it holds none.
    """
    text = text.strip()
    kind = "hex"
    if text.startswith("{"):
        envelope = TextEnvelope.parse(text, source)
        kind, data = described_type(envelope.type), envelope.cbor
        if not envelope.type.startswith(_KINDS):
            raise _none_in(source, kind)
    else:
        try:
            data = bytes.fromhex(text.strip("\"'"))
        except ValueError:
            raise _none_in(source, "something that is neither an envelope nor hex") from None
    if not data:
        raise _none_in(source, "no hex digits")
    try:
        item = read_cbor(data)
    except CborError as error:
        raise _none_in(source, f"CBOR that cannot be read: {error}") from error
    found = tuple(_signature(one, source) for one in _members(item, source))
    if not found:
        raise _none_in(source, f"{kind} without a signature")
    return found


def _members(item: Item, source: str) -> tuple[Item, ...]:
    """The pairs of key and signature in a witness or a witness set."""
    if item.major == LIST and len(item.items) == 2 and item.items[0].major == UINT:
        if item.items[0].number != 0:
            raise _none_in(source, "a signature of a Byron address")
        return (item.items[1],)
    if item.major == LIST and len(item.items) == _TRANSACTION_PARTS:
        return _members(item.items[1], source)
    if item.major == LIST:
        return (item,)
    if item.major != MAP:
        return ()
    inside = next((value for key, value in item.pairs if key.raw == b"\x00"), None)
    if inside is not None and inside.major == TAG:
        inside = inside.items[0]
    return () if inside is None else inside.items


def _signature(item: Item, source: str) -> Signature:
    if [len(part.data) for part in item.items] != [_KEY_BYTES, _SIGNATURE_BYTES]:
        raise _none_in(source, "something else than a key of 32 bytes and a signature of 64")
    key, signature = item.items
    return Signature(key.data, signature.data)


def _none_in(source: str, got: str) -> EnvelopeError:
    return EnvelopeError(
        f"There is no signature in {source}",
        expected="a signature of a payment key, as cardano-cli transaction witness writes it",
        got=got,
        next_step="Give the file that the signer's tool wrote",
    )
