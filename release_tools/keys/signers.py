"""Keys outside of this process: a program gets bytes with a description in words, and returns a signature.

In: a signer file, which is accepted in place of a key file, and bytes to sign. Out: a verified signature, or an error.
The protocol (docs/keys.md):

1. The signer file is one JSON object: ``eraswitch_signer`` (version 1), ``kind`` (``era`` or ``payment``), ``public``
   (the public key in hex), ``program`` (an absolute path and arguments) and, where wanted, ``timeout_s`` and
   ``environment`` (names of variables that are passed on). Nobody but its owner can write to it, since it names a
   program to run.
2. The program is run once for each signature, without a shell or a terminal. It gets one JSON object on standard input,
   and prints one: ``{"signature": "<128 hex>"}``, or ``{"refused": "<reason>"}``.
3. It is stopped if it takes too long or prints too much. A signature that the public key does not verify is an error.
"""

import json
import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeGuard

from chain_reader.providers.transport.bounded_process import TooLateError, TooMuchError, run_bounded
from chain_reader.providers.transport.limits import SYSTEM_CLOCK
from datum import EraSigner, VerificationKey, verify_signature
from eras import ConfigurationError, MarkerError, TransactionError
from eras.marker import MarkerFacts
from eras.words import begins, visible
from release_tools.keys.encrypted import Kind
from release_tools.keys.envelopes import hex_bytes, json_object
from release_tools.keys.payment_key import PaymentSigner, enterprise_address, public_key_hash
from release_tools.registrations.signed import KIND as REGISTRATION

VERSION: Final = 1
_FILE_FIELD, _REQUEST_FIELD = "eraswitch_signer", "eraswitch_signing"
_FIELDS = {_FILE_FIELD, "kind", "public", "program", "timeout_s", "environment"}
DEFAULT_TIMEOUT_S = 120.0
_MAX_TIMEOUT_S = 3600
_MAX_ANSWER_BYTES = 65_536
_SIGNATURE_DIGITS = 128
_PATH = "/usr/local/bin:/usr/bin:/bin"


@dataclass(frozen=True, slots=True)
class Signer:
    """An external signer, as its file describes it.

    Attributes:
        kind: of its key.
        public: its public key.
        program: what is run, with its arguments.
        timeout_s: how long one signature may take.
        environment: names of the variables that it is given beside ``PATH``, ``HOME`` and ``LANG``.
        source: the file, for errors.
        notify: receives, in words, that it is waited for.
    """

    kind: Kind
    public: VerificationKey
    program: tuple[str, ...]
    timeout_s: float
    environment: tuple[str, ...]
    source: str
    notify: Callable[[str], object]

    @classmethod
    def read(cls, path: Path, text: str, notify: Callable[[str], object] = lambda _: None) -> "Signer | None":
        """The signer that a file with this content describes; ``None`` where it holds something else.

        Raises:
            ConfigurationError: it has a mistake, or others can write to it.
        """
        fields = json_object(text)
        if fields is None or _FILE_FIELD not in fields:
            return None
        source = str(path)
        kind, program = fields.get("kind"), fields.get("program")
        timeout, environment = fields.get("timeout_s", DEFAULT_TIMEOUT_S), fields.get("environment", [])
        unknown = sorted(set(fields) - _FIELDS)
        if fields[_FILE_FIELD] != VERSION or isinstance(fields[_FILE_FIELD], bool):
            raise _signer_error(source, f"{_FILE_FIELD} {VERSION}", f"{fields[_FILE_FIELD]!r}")
        if unknown:
            raise _signer_error(source, f"no other fields than {', '.join(sorted(_FIELDS))}", ", ".join(unknown))
        if kind not in ("era", "payment"):
            raise _signer_error(source, "era or payment as kind", f"{kind!r}")
        if not _are_texts(program) or not program or not Path(program[0]).is_absolute():
            raise _signer_error(source, 'a list as program, such as ["/usr/local/bin/sign", "slot 9c"]', f"{program!r}")
        if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 < timeout <= _MAX_TIMEOUT_S:
            raise _signer_error(source, f"seconds as timeout_s, at most {_MAX_TIMEOUT_S}", f"{timeout!r}")
        if not _are_texts(environment):
            raise _signer_error(source, "names of variables as environment", f"{environment!r}")
        try:
            public = VerificationKey.parse(str(fields.get("public")))
        except MarkerError as error:
            raise _signer_error(source, "the public key, 64 hex digits, as public", "something else") from error
        _require_own(path)
        return cls(kind, public, tuple(program), float(timeout), tuple(environment), source, notify)

    def sign(self, what: str, message: bytes, words: Sequence[str], body: bytes = b"") -> bytes:
        """The signature of ``message``, verified.

        Args:
            what: what is signed: ``era-payload``, ``configuration-payload``, ``co-signature``,
                ``registration`` or ``transaction``.
            message: the bytes that Ed25519 signs.
            words: what they are, for people.
            body: the body of the transaction whose hash is signed.

        Raises:
            TransactionError: there is none.
        """
        request = {
            _REQUEST_FIELD: VERSION,
            "what": what,
            "bytes": message.hex(),
            **({"transaction_body": body.hex()} if body else {}),
            "words": [visible(line) for line in words],
            "public": self.public.hex,
        }
        self.notify(f"Waiting for the signer {self.program[0]}, up to {self.timeout_s:g} s")
        answer = self._answer(json.dumps(request).encode() + b"\n")
        if "refused" in answer:
            raise self._failed("a signature", f"a refusal: {visible(str(answer['refused']))[:300]}")
        raw = hex_bytes(answer.get("signature"))
        if 2 * len(raw) != _SIGNATURE_DIGITS:
            raise self._failed(f"{_SIGNATURE_DIGITS} hex digits as signature", "something else")
        if not verify_signature(message, raw, self.public):
            raise self._failed(f"a signature of these bytes by {self.public.hex}", "a signature that is not")
        return raw

    def _answer(self, request: bytes) -> dict[str, object]:
        """The answer of the program: one JSON object."""
        names = {"HOME", *self.environment}
        environment = {name: os.environ[name] for name in names if name in os.environ}
        environment = {"PATH": _PATH, "LANG": "C.UTF-8"} | environment
        try:
            done = run_bounded(
                self.program,
                environment,
                seconds=self.timeout_s,
                max_bytes=_MAX_ANSWER_BYTES,
                clock=SYSTEM_CLOCK,
                stdin=request,
            )
        except TooLateError:
            raise self._failed(f"an answer within {self.timeout_s:g} s", "none; it was stopped") from None
        except TooMuchError:
            raise self._failed(f"at most {_MAX_ANSWER_BYTES} bytes", "more; it was stopped") from None
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "a name that no program can have"
            raise self._failed("a program that can be run", reason or type(error).__name__) from error
        answer = json_object(done.stdout)
        if done.code == 0 and answer is not None:
            return answer
        if answer is not None and "refused" in answer:
            return {"refused": answer["refused"]}
        last = visible(done.stderr.strip().rpartition("\n")[2])[:300]
        raise self._failed("exit code 0 and one JSON object", f"exit code {done.code} and {last or 'another answer'}")

    def _failed(self, expected: str, got: str) -> TransactionError:
        return TransactionError(
            f"The signer {self.program[0]} gave no signature",
            expected=expected,
            got=got,
            next_step=f"Look at the signer; it is configured in {self.source}. Nothing was signed",
            code="Signer",
        )


@dataclass(frozen=True, slots=True)
class ExternalEraKey:
    """An era key that an external signer holds."""

    signer: Signer

    @property
    def verification_key(self) -> VerificationKey:
        """Its public half."""
        return self.signer.public

    def sign(self, message: bytes) -> bytes:
        """The signature of the bytes of a payload or an extension.

        Raises:
            TransactionError: there is none.
        """
        return self.signer.sign(*_described(message))


@dataclass(frozen=True, slots=True)
class ExternalPaymentKey:
    """A payment key that an external signer holds."""

    signer: Signer

    @property
    def key_hash(self) -> str:
        """The hash that addresses and required signatures name it by."""
        return public_key_hash(self.signer.public.raw)

    def address(self, network_id: int) -> str:
        """Its enterprise address on a network, bech32."""
        return enterprise_address(self.signer.public.raw, network_id)

    def witness(self, transaction_hash: bytes, body: bytes = b"", words: Sequence[str] = ()) -> Any:
        """Its signature over a transaction hash, as a pycardano ``VerificationKeyWitness``.

        Raises:
            TransactionError: there is none.
        """
        from pycardano import PaymentVerificationKey, VerificationKeyWitness

        signature = self.signer.sign("transaction", transaction_hash, words, body)
        return VerificationKeyWitness(PaymentVerificationKey(self.signer.public.raw), signature)


if TYPE_CHECKING:
    _ERA: type[EraSigner] = ExternalEraKey
    _PAYMENT: type[PaymentSigner] = ExternalPaymentKey


def _described(message: bytes) -> tuple[str, bytes, list[str]]:
    """A description of what an era key is asked to sign, read from the very bytes."""
    found = json.loads(message)
    if isinstance(found, dict) and found.get("kind") == REGISTRATION:
        facts = [f"{name.replace('_', ' ')}: {value}" for name, value in found.items() if name != "kind"]
        return "registration", message, facts
    if isinstance(found, dict):
        extension = found["extension"]
        named = ("network_magic", "address", "sequence", "previous", "expires_epoch", "threshold")
        facts = [
            f"{name.replace('_', ' ')}: {'none' if extension[name] is None else extension[name]}" for name in named
        ]
        return "co-signature", message, [*map(_marker_words, found["markers"]), *facts]
    if any("configuration" in one for one in found):
        return "configuration-payload", message, [f"configuration from epoch {one['epoch']}" for one in found]
    return "era-payload", message, list(map(_marker_words, found))


def _marker_words(marker: MarkerFacts) -> str:
    return f"era {marker['name']}: {begins(marker['epoch'], 'announced, without an epoch')}"


def _are_texts(value: object) -> TypeGuard[list[str]]:
    """Whether a value is a list of texts that a program can be started with."""
    return isinstance(value, list) and all(
        isinstance(one, str) and one and "\0" not in one and one == one.encode(errors="ignore").decode()
        for one in value
    )


def _require_own(path: Path) -> None:
    """Check that nobody else can choose the program."""
    found = path.stat()
    if found.st_uid not in (0, os.geteuid()) or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise ConfigurationError(
            f"The signer file {path} names a program to run, and others can change it",
            expected="a file of yours or root's that nobody else can write to",
            got=f"mode {found.st_mode & 0o777:o}, owner {found.st_uid}",
            next_step=f"Run: chmod go-w {path}",
            code="SignerFile",
        )


def _signer_error(source: str, expected: str, got: str) -> ConfigurationError:
    return ConfigurationError(
        f"The signer file {source} has a mistake",
        expected=expected,
        got=visible(got)[:120],
        next_step="Correct it, as docs/keys.md describes it",
        code="SignerFile",
    )
