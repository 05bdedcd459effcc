"""The co-signing file: an extended payload that is passed from signer to signer until enough of them have signed.

In: a signed payload and the contents of its extension, or the text of a file. Out: the text of the file with one more
signature, and finally the bytes to publish. The caller reads and writes the file.

1. The file is JSON for people: ``payload`` is signed, ``previous`` is the extended payload that it replaces, and
   ``check`` states in words what a signer must check. ``check`` is derived from the other two and never trusted.
2. A file is refused when a signature does not match its contents, when ``check`` differs from the payload, or when
   ``previous`` is not the payload that the extension names, signed as its own keys require. So nobody can change what
   somebody has signed, or hide anything from the next signer.
3. The keys of ``previous`` and the keys that the extension names must sign, and only they may. Each signs once.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypedDict

from datum import (
    EraMarkersPayload,
    EraSigner,
    ExtendedPayload,
    Extension,
    ExtensionPolicy,
    KeySet,
    SignatureMismatchError,
    VerificationKey,
    read_extended,
    verify_signature,
)
from datum.extension_rules import required_key_sets
from datum.strict_json import reason, short_whole
from era_store.registrations import MAX_REGISTRATION_EPOCH
from eras import Epoch, EraMarker, MarkerError
from release_tools.markers.slips import slips

FILE_VERSION = 1


class SignersDocument(TypedDict):
    """A key set that must sign, and which of its keys have."""

    who: str
    threshold: int
    signed: list[str]
    missing: list[str]


class CosigningCheck(TypedDict):
    """The ``check`` of a co-signing file: the facts that a signer must check, in words."""

    markers: list[str]
    network_magic: int
    address: str
    sequence: int
    previous: str | None
    expires_epoch: int | None
    hash: str
    signers: list[SignersDocument]
    complete: bool


@dataclass(frozen=True, slots=True)
class Cosigning:
    """An extended payload that is passed from signer to signer.

    Attributes:
        extended: the payload with the signatures so far.
        previous: the extended payload that it replaces; ``None`` for the first.

    Raises:
        MarkerError: the two do not fit together, a key signed that may not, or a signature does not match.
    """

    extended: ExtendedPayload
    previous: ExtendedPayload | None = None

    def __post_init__(self) -> None:
        if self.previous is not None:
            _require_succession(self.extended.extension, self.previous)
        elif self.extended.extension.previous is not None:
            raise _misfit("the previous payload, which the extension names", "none")
        signed = [one.key for one in self.extended.signatures]
        if len(set(signed)) < len(signed) or not set(signed) <= set(self.keys):
            raise _misfit("one signature by each of the keys at most", "another one")
        message = self.extended.message
        for one in self.extended.signatures:
            if not verify_signature(message, one.signature, one.key):
                raise _altered("a signature over what is in the file", f"another one by {one.key}")

    @property
    def key_sets(self) -> tuple[KeySet, ...]:
        """The key sets that must sign: one, or both the old and the new one."""
        extension = self.extended.extension
        return required_key_sets(extension, (self.previous.extension if self.previous else extension).key_set)

    @property
    def keys(self) -> tuple[VerificationKey, ...]:
        """All keys that may sign, each once."""
        return tuple(dict.fromkeys(key for key_set in self.key_sets for key in key_set.keys))

    @property
    def is_complete(self) -> bool:
        """Whether there are enough signatures to publish it."""
        return all(len(self.extended.signers(one.keys)) >= one.threshold for one in self.key_sets)

    def require_binding(
        self,
        *,
        network_magic: int | None = None,
        address: str | None = None,
        verification_key: VerificationKey | None = None,
    ) -> None:
        """Check that the payload is for this network and address and signed by this era key, as far as each is given.

        Raises:
            MarkerError: it is not.
        """
        extension, payload = self.extended.extension, self.extended.payload
        if network_magic not in (None, extension.network_magic):
            raise _mismatch(f"network magic {network_magic}", str(extension.network_magic))
        if address not in (None, extension.address):
            raise _mismatch(f"era address {address}", extension.address)
        if verification_key is not None:
            try:
                payload.verify(verification_key)
            except SignatureMismatchError as error:
                raise _mismatch(f"markers signed by the era key {verification_key}", "another signature") from error

    def require_may_sign(self, key: VerificationKey) -> None:
        """Check that ``key`` may sign and has not signed yet.

        Raises:
            MarkerError: it is not one of the keys, or has already signed.
        """
        if key not in self.keys:
            raise MarkerError(
                "The key may not sign this payload",
                code="CosignerUnknown",
                expected=f"one of {', '.join(one.hex for one in self.keys)}",
                got=key.hex,
                next_step="Check that the key and the file belong to the same network",
            )
        if key in {one.key for one in self.extended.signatures}:
            missing = [one.hex for one in self.keys if one not in self.extended.signers(self.keys)]
            raise MarkerError(
                "The key has signed this payload already",
                code="AlreadyCosigned",
                expected=f"a key that has not, {' or '.join(missing)}" if missing else "nobody else, all have",
                got=key.hex,
                next_step="Publish it" if self.is_complete else "Pass the file on to another signer",
            )

    def sign(self, key: EraSigner) -> "Cosigning":
        """Return a copy with a signature by ``key``.

        Raises:
            MarkerError: it is not one of the keys, or has already signed.
        """
        self.require_may_sign(key.verification_key)
        return Cosigning(self.extended.sign(key), self.previous)

    def check(self) -> CosigningCheck:
        """The ``check`` of the file."""
        extension, before = self.extended.extension, self.previous.payload.markers if self.previous else ()
        signed = self.extended.signers(self.keys)
        which = ("keys",) if len(self.key_sets) == 1 else ("old keys", "new keys")
        return {
            "markers": list(marker_changes(before, self.extended.payload.markers)),
            "network_magic": extension.network_magic,
            "address": extension.address,
            "sequence": extension.sequence,
            "previous": extension.previous,
            "expires_epoch": extension.expires_epoch,
            "hash": self.extended.hash,
            "signers": [
                {
                    "who": who,
                    "threshold": key_set.threshold,
                    "signed": [key.hex for key in key_set.keys if key in signed],
                    "missing": [key.hex for key in key_set.keys if key not in signed],
                }
                for who, key_set in zip(which, self.key_sets, strict=True)
            ],
            "complete": self.is_complete,
        }

    def doubts(self, now: Epoch | None, *, max_lead_epochs: int, supported: Iterable[str]) -> tuple[str, ...]:
        """Return warnings for whoever is about to sign, as sentences.

        Args:
            now: the current epoch; if it is unknown, the last epoch of the previous payload is used instead.
            max_lead_epochs: nodes raise an alarm for an activation more epochs ahead than this.
            supported: the supported eras.
        """
        extension, markers = self.extended.extension, self.extended.payload.markers
        before = self.previous.payload.markers if self.previous else ()
        last = 0 if self.previous is None else self.previous.extension.sequence
        found = []
        if extension.sequence != last + 1:
            found.append(
                f"The sequence jumps from {last} to {extension.sequence}: every number between is lost for good"
            )
        if now is not None and extension.expires_epoch is not None and extension.expires_epoch < now:
            found.append(f"The payload expired after epoch {extension.expires_epoch}; the current epoch is {now}")
        epochs = sorted(one.epoch for one in set(markers) - set(before) if one.epoch is not None)
        if extension.expires_epoch is not None and any(epoch > extension.expires_epoch for epoch in epochs):
            found.append(f"The payload expires after epoch {extension.expires_epoch}, before epoch {epochs[-1]} begins")
        names = {one.name for one in markers} - {one.name for one in before}
        begun = Epoch(max((one.epoch for one in before if one.epoch is not None), default=0)) if now is None else now
        found += slips(
            sorted(names),
            epochs if now is not None or before else [epoch for epoch in epochs if epoch > MAX_REGISTRATION_EPOCH],
            now=begun,
            max_lead_epochs=max_lead_epochs,
            supported=supported,
            in_force=before,
        )
        return tuple(found)

    def to_text(self) -> str:
        """The text of the file, in ASCII so that no name can be mistaken for another."""
        return json.dumps(self._document(), indent=2) + "\n"

    @classmethod
    def from_text(cls, text: str) -> "Cosigning":
        """Read the text of a co-signing file.

        Raises:
            MarkerError: it is not such a file, or its contents do not fit together.
            PayloadFormatError: a payload in it is malformed.
            MarkerError: it was changed after somebody signed, or its ``check`` differs from the payload.
        """
        try:
            document = _parse(text)
            extended = _extended(document.get("payload"), "payload")
            previous = document.get("previous")
            made = cls(extended, None if previous is None else _extended(previous, "previous"))
        except (ValueError, RecursionError) as error:
            raise MarkerError(
                "A file is not a co-signing file",
                expected='JSON with "eraswitch_cosigning", "check", "payload" and "previous"',
                got=reason(error)[:300] if isinstance(error, ValueError) else "JSON that is nested too deeply",
                next_step="Check that it was copied in full",
                code="CosigningFile",
            ) from error
        right = made._document()
        wrong = [name for name in document.keys() | right.keys() if not _same(document.get(name), right.get(name))]
        if wrong:
            raise _altered(
                "the content of the payload itself", f"something else under {', '.join(sorted(wrong))}"[:200]
            )
        return made

    def _document(self) -> dict[str, object]:
        return {
            "eraswitch_cosigning": FILE_VERSION,
            "check": self.check(),
            "payload": json.loads(self.extended.to_bytes()),
            "previous": None if self.previous is None else json.loads(self.previous.to_bytes()),
        }


def propose(
    payload: EraMarkersPayload,
    policy: ExtensionPolicy,
    *,
    previous: ExtendedPayload | None = None,
    expires_epoch: Epoch | None = None,
    new_keys: KeySet | None = None,
    sequence: int | None = None,
) -> Cosigning:
    """Return a payload that is ready to be co-signed and has no such signature yet.

    Args:
        payload: the markers, signed by the era key.
        policy: the network and the address; for the first payload also the keys.
        previous: the extended payload that is trusted now; ``None`` if there is none.
        expires_epoch: the last epoch in which readers accept it as fresh.
        new_keys: the keys that sign from this payload on; the old and the new keys must both sign it. Not for the first
            payload, whose keys are those that readers are configured with.
        sequence: its number; by default one more than that of ``previous``, or 1.

    Raises:
        PayloadFormatError: the payload is not signed, or a value has the wrong type.
        MarkerError: it cannot replace ``previous``, or is the first and names new keys.
    """
    if previous is None and new_keys is not None:
        raise _misfit("the configured keys in the first extended payload", "new ones")
    keys = new_keys or (previous.extension if previous else policy).key_set
    after = 0 if previous is None else previous.extension.sequence
    extension = Extension(
        network_magic=policy.network_magic,
        address=policy.address,
        sequence=after + 1 if sequence is None else sequence,
        previous=None if previous is None else previous.hash,
        expires_epoch=expires_epoch,
        threshold=keys.threshold,
        keys=keys.keys,
    )
    return Cosigning(ExtendedPayload(payload, extension), previous)


def marker_changes(before: Sequence[EraMarker], after: Sequence[EraMarker]) -> tuple[str, ...]:
    """Return the change of each marker in words: those of ``after`` in their order, then those that are dropped."""
    gone = [marker for marker in before if marker not in after]
    kept = [[marker for marker in one if marker in other] for one, other in ((before, after), (after, before))]
    lines = []
    for marker in after:
        was = next((old for old in gone if old.name == marker.name), None)
        if marker in before:
            lines.append(f"unchanged: {marker}")
        elif was is None:
            lines.append(f"new: {marker}")
        else:
            gone.remove(was)
            lines.append(f"changed: {marker}, was {was}")
    lines += [f"dropped: {marker}" for marker in gone]
    return (*lines, "the order of the unchanged ones changed") if kept[0] != kept[1] else tuple(lines)


def _require_succession(extension: Extension, previous: ExtendedPayload) -> None:
    before = previous.extension
    if (extension.network_magic, extension.address) != (before.network_magic, before.address):
        raise _misfit(f"network {before.network_magic} and address {before.address}, as before", "others")
    if extension.sequence <= before.sequence:
        raise _misfit(f"a sequence above {before.sequence}, the previous one", str(extension.sequence))
    if extension.previous != previous.hash:
        raise _altered(f"{previous.hash} as previous, the hash of that payload", str(extension.previous))
    if len(previous.signers(before.keys)) < before.threshold:
        raise _altered("a previous payload that its own keys have signed", "one that too few of them have")


def _extended(value: object, which: str) -> ExtendedPayload:
    extended = read_extended(json.dumps(value).encode())
    if extended is None:
        raise ValueError(f"a {which} without an extension")
    return extended


def _parse(text: str) -> dict[str, object]:
    document = json.loads(text, object_pairs_hook=_without_repetition, parse_int=short_whole)
    if not isinstance(document, dict) or not _same(document.get("eraswitch_cosigning"), FILE_VERSION):
        raise ValueError(f"no JSON object with eraswitch_cosigning {FILE_VERSION}")
    return document


def _same(one: object, other: object) -> bool:
    """Whether two values have the same JSON text; to Python 1, 1.0 and true are equal."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _without_repetition(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return a JSON object without repeated fields, of which people and programs might read different ones."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a JSON object with a field twice")
    return fields


def _misfit(expected: str, got: str) -> MarkerError:
    return MarkerError(
        "A payload cannot be co-signed as it is",
        expected=expected,
        got=got,
        next_step="Create the co-signing file again, to follow the payload that is trusted now",
        code="CosigningFile",
    )


def _altered(expected: str, got: str) -> MarkerError:
    return MarkerError(
        "A co-signing file was altered",
        code="CosigningAltered",
        expected=expected,
        got=got,
        next_step="Do not sign it. Ask its author for the original file",
    )


def _mismatch(expected: str, got: str) -> MarkerError:
    return MarkerError(
        "A co-signing file is not for the configured network",
        code="CosigningMismatch",
        expected=expected,
        got=got,
        next_step="Do not sign it unless the configuration is the one that is wrong",
    )
