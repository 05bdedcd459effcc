"""An external signer: signs with a key in a file, after showing what it signs. For tests, and as a start for your own.

``python file_signer.py KEY WHAT…`` where KEY holds a seed as 64 hex digits and each WHAT is a kind that may be signed:
``era-payload``, ``configuration-payload``, ``co-signature`` or ``transaction``. eraswitch runs it as named in a signer
file (docs/keys.md), with a request on standard input, and reads the answer from standard output. For your own signer
replace ``sign`` by a call of its hardware or service.
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from nacl.signing import SigningKey

VERSION = 1


def sign(key_file: str, message: bytes) -> tuple[bytes, bytes]:
    """The signature and the public key; the part that differs from signer to signer."""
    key = SigningKey(bytes.fromhex(Path(key_file).read_text(encoding="ascii").strip()))
    return key.sign(message).signature, key.verify_key.encode()


def refusal(request: dict[str, Any], allowed: list[str]) -> str | None:
    """The reason to refuse a request; ``None`` to sign it."""
    if request.get("eraswitch_signing") != VERSION:
        return f"expected version {VERSION} of the protocol"
    if request["what"] not in allowed:
        return f"this signer does not sign a {request['what']}"
    if request["what"] == "transaction":
        body = bytes.fromhex(request["transaction_body"])
        if hashlib.blake2b(body, digest_size=32).hexdigest() != request["bytes"]:
            return "the bytes are not the hash of the transaction"
    return None


def main(key_file: str, *allowed: str) -> None:
    """Answer one request."""
    request = json.load(sys.stdin)
    print("\n".join(request.get("words", [])), file=sys.stderr)  # noqa: T201 - what a person would look at
    reason = refusal(request, list(allowed))
    answer = {"refused": reason}
    if reason is None:
        signature, public = sign(key_file, bytes.fromhex(request["bytes"]))
        is_own = public.hex() == request["public"]
        answer = {"signature": signature.hex()} if is_own else {"refused": "this is the signer of another key"}
    print(json.dumps(answer))  # noqa: T201 - the answer


if __name__ == "__main__":
    main(*sys.argv[1:])
