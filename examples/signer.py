"""A signer: signs round after round as its era requires, and sends every signature to the aggregator.

    python examples/signer.py --name alice --aggregator http://127.0.0.1:PORT --rounds 100 --provider blockfrost:URL …

Nodes learn of a new epoch within the same minute, but not at the same instant, so for a short time a signer and its
aggregator may be in different eras: the aggregator answers 412 with its version, and the signer signs the same round
again in the era of that version. An aggregator that does not answer, or fails, is asked again. So no signature is lost.

The watcher runs as an asyncio task; once it has ended, for whatever reason, no more work begins.
"""

import asyncio
import json
import logging
import signal
import sys
from http import HTTPStatus

import requests
from protocol import NODE_VERSION, api_versions, arguments, open_watcher, signing, spoken_version

from eraswitch import (
    API_VERSION_HEADER,
    SIGNER_NODE_VERSION_HEADER,
    EraNotReadyError,
    NodeWatcher,
    UnsupportedEraError,
)

_log = logging.getLogger("signer")


class Signer:
    """A signer, with the number of its signatures and of repeated rounds."""

    def __init__(self, name: str, aggregator: str, watcher: NodeWatcher) -> None:
        self.name = name
        self.signed = 0
        self.retried = 0
        self._url = f"{aggregator}/signatures"
        self._watcher = watcher
        supported = watcher.checker.supported
        self._versions = api_versions(supported)
        self._sign = signing(watcher.checker)

    async def sign(self, number: int) -> None:
        """Sign a round and send the signature to the aggregator, repeatedly if necessary."""
        asked_for: str | None = None
        while True:
            with self._watcher.work() as current:  # the attempt stays in one era, even if the next begins
                era = current if asked_for is None else asked_for
                answer = await asyncio.to_thread(self._send, number, era)
            if answer is not None and answer.status_code == HTTPStatus.PRECONDITION_FAILED:
                self.retried += 1
                asked_for = self._era_asked_for(answer)
                _log.info("round %d was refused in %s, and is signed in %s", number, era, asked_for)
                if asked_for is not None:
                    continue
            elif answer is not None and answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
                answer.raise_for_status()
                self.signed += 1
                return
            await asyncio.sleep(0.2)  # the aggregator does not answer, or is in an unknown era

    def _send(self, number: int, era: str) -> requests.Response | None:
        signature = self._sign.in_era(era)(self.name, f"round {number}")
        headers = {API_VERSION_HEADER: str(self._versions.for_era(era)), SIGNER_NODE_VERSION_HEADER: NODE_VERSION}
        body = {"signer": self.name, "round": number, "signature": signature}
        try:
            return requests.post(self._url, json=body, headers=headers, timeout=10)
        except requests.RequestException as error:
            _log.warning("round %d could not be sent: %s", number, error)
            return None

    def _era_asked_for(self, answer: requests.Response) -> str | None:
        """The era whose API the aggregator speaks now; the watcher checks whether it has begun here, too."""
        self._watcher.command("check")
        theirs = spoken_version(answer.headers.get(API_VERSION_HEADER))
        speaking = () if theirs is None else self._versions.eras_speaking(theirs)
        return speaking[-1] if speaking else None


async def sign_rounds(signer: Signer, watcher: NodeWatcher, rounds: int, pause_s: float) -> int:
    """Sign round after round while the watcher watches; the exit code."""
    watching = asyncio.create_task(watcher.watch())
    for told in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(told, watcher.stop)
    try:
        if not await watcher.wait_ready_async(60):  # nothing may be signed before the era is known
            return (await watching).code
        for number in range(rounds):
            await signer.sign(number)
            await asyncio.sleep(pause_s)
        watcher.stop()
    except (UnsupportedEraError, EraNotReadyError):  # the watcher ends or has ended, with its exit code
        pass
    return (await watching).code


def main() -> int:
    """Sign all rounds, and print the result."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--name", required=True, help="the signer's party id")
    parser.add_argument("--aggregator", required=True, metavar="URL")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--pause", type=float, default=0.1, metavar="SECONDS", help="between two rounds")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format=f"{options.name} %(message)s")

    with open_watcher(options, options.name) as watcher:
        signer = Signer(options.name, options.aggregator, watcher)
        code = asyncio.run(sign_rounds(signer, watcher, options.rounds, options.pause))
    sys.stdout.write(json.dumps({"signer": signer.name, "signed": signer.signed, "retried": signer.retried}) + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
