"""Reads a chain through ``cardano-cli`` and the socket of a node: for operators who run a node and nothing else.

In: the node's socket and the network's magic. Out: the answers of the ``ChainObserver`` port. Like Ogmios it queries
the ledger state: a set of outputs, without order, slots, inputs or history.

1. The program is run without a shell, within its time and the size of what it prints (``bounded_process``); what is
   printed is checked like any other answer, for another program may stand under its name.
2. The network is always named, so that the node itself refuses when it is of another one.
3. A datum is taken as the bytes that the node has (``inlineDatumRaw``); versions that print none leave its JSON, which
   is encoded again when it can be a payload. Who wrote it otherwise than we do has other bytes, of the same content.
"""

import json
import os
import re
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from pydantic import Field, StringConstraints, TypeAdapter

from chain_reader.ports import ChainTip, DatumOutput
from chain_reader.providers.gateway import MAINNET_MAGIC
from chain_reader.providers.transport.bounded_process import Finished, TooLateError, TooMuchError, run_bounded
from chain_reader.providers.transport.calls import Answer, Call, Hash, LedgerStateOnly, Whole
from chain_reader.providers.transport.errors import (
    ProviderFailedError,
    ProviderRefusedError,
    ProviderUnreachableError,
)
from chain_reader.providers.transport.limits import DEFAULT_LIMITS, SYSTEM_CLOCK, Clock, ReadLimits
from chain_reader.providers.transport.retries import retried
from datum import decode_datum, encode_datum
from datum.plutus import DatumFormatError
from eras import ChainReadError, ConfigurationError, Epoch, Slot

PROGRAM = "cardano-cli"

Parsed = TypeVar("Parsed")
OutputReference = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}#[0-9]{1,9}$")]

_ADDRESS = re.compile("addr(_test)?1[a-z0-9]+")
_SECRETS = ("ERASWITCH_", "BLOCKFROST_")
"""Prefixes of environment variables that no other program may see."""


class _Tip(Answer):
    """``query tip``; a chain without a block has no slot, block or hash."""

    slot: Whole | None = None
    block: Whole | None = None
    hash: Hash | None = None
    epoch: Whole


class _Output(Answer):
    """An entry of ``query utxo``; the two datums are of the same one."""

    address: str
    value: dict[str, Whole | dict[str, Whole]]
    datum: Annotated[Any, Field(alias="inlineDatum")] = None
    raw: Annotated[str | None, Field(alias="inlineDatumRaw")] = None

    @property
    def lovelace(self) -> int:
        """The ada that it holds."""
        held = self.value.get("lovelace", 0)
        return held if isinstance(held, int) else 0

    @property
    def assets(self) -> tuple[tuple[str, int], ...]:
        """The tokens that it holds: policy id and asset name in hex, and the quantity."""
        return tuple(
            (policy + name, quantity)
            for policy, names in self.value.items()
            if isinstance(names, dict)
            for name, quantity in names.items()
        )


_TIP = TypeAdapter(_Tip)
_UTXO = TypeAdapter(dict[OutputReference, _Output])


class CardanoCliObserver(LedgerStateOnly):
    """A ``ChainObserver`` over ``cardano-cli``. Each question runs the program once.

    Args:
        socket: path of the node's socket.
        network_magic: magic of the node's network.
        program: the program, by name or path.
        limits: time, attempts and size; ``max_message_bytes`` must hold every output at the address.
        clock: time and waiting.

    Raises:
        ConfigurationError: the socket or the magic cannot be one.
    """

    def __init__(
        self,
        socket: str,
        network_magic: int,
        *,
        program: str = PROGRAM,
        limits: ReadLimits = DEFAULT_LIMITS,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        if not socket or "\0" in socket or "\0" in program or not 0 <= network_magic < 2**32:
            raise ConfigurationError(
                "The cardano-cli provider is not usable",
                expected="the path of a node's socket, and the magic of its network",
                got=f"{socket!r} and {network_magic!r}"[:120],
                next_step="Correct the chain provider",
            )
        self.name = f"cardano-cli {socket}"
        self._program = program
        self._network = ["--mainnet"] if network_magic == MAINNET_MAGIC else ["--testnet-magic", str(network_magic)]
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith(_SECRETS)} | {
            "CARDANO_NODE_SOCKET_PATH": socket
        }
        self.listed = 0
        self._limits = limits
        self._clock = clock

    def __repr__(self) -> str:
        return f"CardanoCliObserver({self.name!r})"

    def epoch(self) -> Epoch:
        """The current epoch."""
        return Epoch(self._query(_TIP, "tip").epoch)

    def tip(self) -> ChainTip:
        """The newest block."""
        tip = self._query(_TIP, "tip")
        return ChainTip(Slot(tip.slot or 0), tip.block, tip.hash, Epoch(tip.epoch))

    def datums(self, address: str) -> tuple[DatumOutput, ...]:
        """The unspent outputs at ``address`` that carry an inline datum, in no order.

        Raises:
            ChainReadError: they could not be read.
        """
        if not _ADDRESS.fullmatch(address):
            raise self._call("query utxo").error(
                ProviderRefusedError,
                "cannot be asked",
                expected="an address in bech32",
                got=repr(address),
                next_step="Correct the era address",
            )
        outputs = self._query(_UTXO, "utxo", "--address", address, "--output-json")
        self.listed = len(outputs)
        self._call("query utxo").require_at(address, (output.address for output in outputs.values()))
        return tuple(
            DatumOutput(transaction, int(index), datum, output.lovelace, spent=False, assets=output.assets)
            for (transaction, _, index), output in ((key.partition("#"), output) for key, output in outputs.items())
            if (datum := _datum_of(output)) is not None
        )

    def is_unspent(self, output: DatumOutput) -> bool:
        """Whether an output is unspent, asked for by its reference."""
        return output.reference in self._query(_UTXO, "utxo", "--tx-in", output.reference, "--output-json")

    def close(self) -> None:
        """Nothing is kept open. Calling it twice is fine."""

    def _query(self, expected: TypeAdapter[Parsed], what: str, *arguments: str) -> Parsed:
        call = self._call(f"query {what}")
        until = self._clock.monotonic() + self._limits.read_deadline_s
        command = [self._program, "query", what, *arguments, *self._network]
        finished = retried(lambda: self._run(command, call, until), until, self._limits, self._clock)
        return call.parse(expected, finished.stdout)

    def _run(self, command: list[str], call: Call, until: float) -> Finished:
        limits = self._limits
        seconds = min(limits.call_deadline_s, until - self._clock.monotonic())
        try:
            finished = run_bounded(
                command, self._environment, seconds=seconds, max_bytes=limits.max_message_bytes, clock=self._clock
            )
        except OSError as error:
            raise call.error(
                ProviderFailedError,
                "could not be run",
                expected=f"the program {self._program}",
                got=error.strerror or type(error).__name__,
                next_step="Install cardano-cli, or set its path",
            ) from error
        except TooLateError as error:
            raise call.too_late(
                f"an answer within {limits.call_deadline_s:g} s",
                "none; the program was stopped",
                "Check that the node is up and not replaying its chain, then read again",
            ) from error
        except TooMuchError as error:
            raise call.beyond(
                "max_message_bytes",
                f"at most {limits.max_message_bytes} bytes",
                "Somebody may flood the address; raise max_message_bytes to read it all",
                got="more; the program was stopped",
            ) from error
        if finished.code != 0:
            raise _failure(call, finished)
        return finished

    def _call(self, request: str) -> Call:
        return Call(self.name, request)


_FAILURES: tuple[tuple[Callable[[str], object], type[ChainReadError], str, str], ...] = (
    (
        re.compile("version data mismatch|NetworkMagic").search,
        ProviderRefusedError,
        "was refused: the node is on another network",
        "Correct the network, or the path of the node's socket",
    ),
    (
        re.compile("does not exist|[Cc]onnection refused|resource vanished|Network.Socket").search,
        ProviderUnreachableError,
        "could not reach the node: nothing listens at the socket",
        "Start the node, or correct the path of its socket",
    ),
    (
        re.compile("Invalid option|Missing:|Usage:|unexpected").search,
        ProviderRefusedError,
        "was refused by the program",
        "Check the version of cardano-cli: it must know query utxo --output-json",
    ),
)
"""The failures of cardano-cli, by words in its message; its exit code is 1 for all of them."""


def _failure(call: Call, finished: Finished) -> ChainReadError:
    said = " ".join(finished.stderr.split())
    if finished.code < 0:
        got = f"signal {-finished.code} {said}".rstrip()
        return call.error(
            ProviderFailedError, "crashed", got=got, next_step="Read again; if it crashes again, replace the program"
        )
    got = f"exit code {finished.code} {said}".rstrip()
    for matches, kind, what, next_step in _FAILURES:
        if matches(said):
            return call.error(kind, what, got=got, next_step=next_step)
    return call.error(ProviderFailedError, "failed", got=got, next_step="Check the log of the node, then read again")


def _datum_of(output: _Output) -> str | None:
    """The inline datum, CBOR in hex; what cannot be a payload stays as it is, for the screening to refuse (rule 3)."""
    if output.raw is not None or output.datum is None:
        return output.raw
    text = json.dumps(output.datum, separators=(",", ":"))
    try:
        return encode_datum(decode_datum(text).content).hex()
    except DatumFormatError:
        return text
