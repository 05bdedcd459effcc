"""The gateway to a provider that speaks Blockfrost's HTTP: a hosted one, one's own, or the local chain's face.

What is in: a base URL and a project id. What comes out: values of our own, each checked where it enters, since a
provider may answer anything. Reading is bounded in time and size as for observers; nothing is retried here, because
whether a submission that was not answered arrived can only be looked up.
"""

import logging
import time
from http import HTTPStatus
from typing import Annotated, TypeVar
from urllib.parse import quote

from pydantic import Field, TypeAdapter

from chain_reader import ReadLimitExceededError, ReadLimits
from chain_reader.providers.blockfrost.answers import ERROR_BODY, Amount, Hash, OutputIndex, Whole, lovelace_of
from chain_reader.providers.blockfrost.api import usable_project_id
from chain_reader.providers.blockfrost.other_kinds import FOREIGN, named
from chain_reader.providers.gateway import (
    REMOTE_WHEN_IDLE,
    Network,
    SpendableOutput,
    TransactionParameters,
    TransactionRefusedError,
)
from chain_reader.providers.transport.calls import Answer, Call, provider_name
from chain_reader.providers.transport.http import BoundedHttp, HttpAnswer
from chain_reader.providers.transport.limits import DEFAULT_LIMITS
from chain_reader.providers.transport.statuses import status_error
from eras import Slot

Parsed = TypeVar("Parsed")

_log = logging.getLogger(__name__)

PAGE_OUTPUTS = 100
_MAX_REASON = 1_000


class _Genesis(Answer):
    network_magic: Whole


class _Parameters(Answer):
    min_fee_a: Whole
    min_fee_b: Whole
    max_tx_size: Whole
    coins_per_utxo_size: Annotated[str, Field(pattern=r"^[0-9]{1,20}$")]


class _LatestBlock(Answer):
    slot: Whole


class _Block(Answer):
    confirmations: Whole


class _Transaction(Answer):
    block: Hash


class _Asset(Answer):
    quantity: Annotated[str, Field(pattern=r"^[0-9]{1,20}$")]


class _Output(Answer):
    tx_hash: Hash
    output_index: OutputIndex
    address: str
    amount: tuple[Amount, ...]
    inline_datum: str | None
    data_hash: str | None
    reference_script_hash: str | None

    def to_spendable(self) -> SpendableOutput:
        tokens = ((part["unit"], int(part["quantity"])) for part in self.amount if part["unit"] != "lovelace")
        return SpendableOutput(
            self.tx_hash,
            self.output_index,
            self.address,
            lovelace_of(self.amount),
            tuple(sorted(tokens)),
            self.inline_datum,
            # Blockfrost gives the hash of an inline datum, too.
            self.data_hash if self.inline_datum is None else None,
            self.reference_script_hash,
        )


_GENESIS = TypeAdapter(_Genesis)
_PARAMETERS = TypeAdapter(_Parameters)
_LATEST_BLOCK = TypeAdapter(_LatestBlock)
_BLOCK = TypeAdapter(_Block)
_TRANSACTION = TypeAdapter(_Transaction)
_ASSET = TypeAdapter(_Asset)
_OUTPUTS = TypeAdapter(tuple[_Output | None, ...])
_SUBMITTED: TypeAdapter[str] = TypeAdapter(Hash)


class BlockfrostGateway:
    """A ``TransactionGateway`` over Blockfrost's HTTP API.

    Args:
        url: the API's root, as ``https://cardano-preprod.blockfrost.io/api/v0``.
        project_id: the secret that hosted providers ask for; it shows nowhere.
        limits: time and size of what is asked.

    Raises:
        ConfigurationError: the URL or the project id cannot be used.
    """

    def __init__(self, url: str, *, project_id: str | None = None, limits: ReadLimits = DEFAULT_LIMITS) -> None:
        self._name = provider_name("blockfrost", url, ("http", "https"))
        self._secret = usable_project_id(project_id)
        self._url = url.rstrip("/")
        self._limits = limits
        self._http = BoundedHttp(self._url, {"project_id": self._secret}, limits)

    def __repr__(self) -> str:
        return f"BlockfrostGateway({self._name!r})"

    @property
    def name(self) -> str:
        """``blockfrost`` and the provider's host."""
        return self._name

    @property
    def when_idle(self) -> str:
        """Why no new block might come from it."""
        return REMOTE_WHEN_IDLE

    def network(self) -> Network:
        """The network of the provider's genesis."""
        return Network.of(self._read("/genesis", _GENESIS).network_magic)

    def protocol_parameters(self) -> TransactionParameters:
        """The parameters of the current epoch."""
        found = self._read("/epochs/latest/parameters", _PARAMETERS)
        return TransactionParameters(
            min_fee_per_byte=found.min_fee_a,
            min_fee_constant=found.min_fee_b,
            max_tx_size=found.max_tx_size,
            coins_per_utxo_byte=int(found.coins_per_utxo_size),
        )

    def tip_slot(self) -> Slot:
        """The slot of the newest block."""
        return Slot(self._read("/blocks/latest", _LATEST_BLOCK).slot)

    def spendable_outputs(self, address: str) -> tuple[SpendableOutput, ...]:
        """The unspent outputs at ``address``, oldest first; none when nothing was ever sent there.

        Raises:
            ChainReadError: they could not be read, or are more than may be.
        """
        found: list[SpendableOutput] = []
        path = f"/addresses/{quote(address, safe='')}/utxos"
        for page in range(1, self._limits.max_pages + 1):
            items = self._page(f"{path}?order=asc&count={PAGE_OUTPUTS}&page={page}")
            known = [item for item in items if item is not None]
            if elsewhere := [item.address for item in known if item.address != address]:
                raise self._call("GET", path).unexpected(f"outputs at {address}", f"one at {elsewhere[0]}")
            found.extend(item.to_spendable() for item in known)
            if len(items) < PAGE_OUTPUTS:
                return tuple(found)
        raise self._call("GET", path).error(
            ReadLimitExceededError,
            "lists more outputs than may be read",
            expected=f"at most {self._limits.max_pages} pages of {PAGE_OUTPUTS}",
            next_step="Pay from another address",
            limit="max_pages",
        )

    def supply(self, unit: str) -> int:
        """How many of a token exist; none where the provider knows no such token.

        Raises:
            ChainReadError: it could not be reached, as of a provider that has no list of tokens.
        """
        found = self._read_known(f"/assets/{quote(unit, safe='')}", _ASSET)
        return 0 if found is None else int(found.quantity)

    def submit(self, cbor: bytes) -> str:
        """Submit a signed transaction; its hash as the provider gives it.

        Raises:
            TransactionRefusedError: the ledger behind the provider refused it.
            ChainReadError: the provider could not be reached, or did not take it. After a timeout, whether it took the
                transaction is unknown.
        """
        call, until = self._call("POST", "/tx/submit"), time.monotonic() + self._limits.call_deadline_s
        answer = self._http.post("/tx/submit", call, cbor, "application/cbor", until=until)
        if answer.status == HTTPStatus.BAD_REQUEST:
            said = _said(answer)[:_MAX_REASON] or "no reason"
            raise TransactionRefusedError(
                f"{self._name} refused the transaction",
                got=said.replace(self._secret, "***") if self._secret else said,
                next_step="Build it again from the outputs that are unspent now",
            )
        return self._parsed(call, answer, _SUBMITTED)

    def transaction_depth(self, transaction: str) -> int | None:
        """How many blocks lie on top of the transaction's block; ``None`` when it is in no block."""
        found = self._read_known(f"/txs/{quote(transaction, safe='')}", _TRANSACTION)
        block = None if found is None else self._read_known(f"/blocks/{found.block}", _BLOCK)
        return None if block is None else block.confirmations

    def close(self) -> None:
        """Close the connections. Calling it twice is fine."""
        self._http.close()

    def _call(self, method: str, path: str) -> Call:
        return Call(self._name, f"{method} {path}", self._secret)

    def _get(self, path: str, call: Call) -> HttpAnswer:
        return self._http.get(path, call, until=time.monotonic() + self._limits.read_deadline_s)

    def _read(self, path: str, expected: TypeAdapter[Parsed]) -> Parsed:
        """The provider's answer at ``path``."""
        call = self._call("GET", path)
        try:
            return self._parsed(call, self._get(path, call), expected)
        except FOREIGN as error:
            until = time.monotonic() + self._limits.call_deadline_s
            raise named(error, self._http, lambda path: self._call("GET", path), until) from error

    def _read_known(self, path: str, expected: TypeAdapter[Parsed]) -> Parsed | None:
        """The same, or ``None`` when the provider answers 404: it knows no such transaction or block.

        Dolos sends that without a body.
        """
        call = self._call("GET", path)
        answer = self._get(path, call)
        return None if answer.status == HTTPStatus.NOT_FOUND else self._parsed(call, answer, expected)

    def _page(self, path: str) -> tuple[_Output | None, ...]:
        """A page of outputs, ``None`` for one that is not plausible and can therefore not be spent.

        Nothing for an address that was never used: but only by an answer in Blockfrost's own words.
        """
        call = self._call("GET", path)
        answer = self._get(path, call)
        if answer.status == HTTPStatus.NOT_FOUND and _said(answer):
            return ()
        if answer.status != HTTPStatus.OK:
            raise status_error(call, answer.status, _said(answer))

        odd: list[str] = []
        items = call.parse(_OUTPUTS, answer.body, instead=lambda _item, why: odd.append(why))
        if odd and len(odd) == len(items):
            raise call.unexpected("outputs", odd[0])
        for why in odd:
            _log.warning("%s: an output is left out, because it is not plausible: %s", self._name, why)
        return items

    @staticmethod
    def _parsed(call: Call, answer: HttpAnswer, expected: TypeAdapter[Parsed]) -> Parsed:
        if answer.status != HTTPStatus.OK:
            raise status_error(call, answer.status, _said(answer))
        return call.parse(expected, answer.body)


def _said(answer: HttpAnswer) -> str:
    """The provider's words on what went wrong, in one line; none where the answer is not in Blockfrost's form."""
    try:
        body = ERROR_BODY.validate_json(answer.body)
    except ValueError:
        return ""
    return " ".join(body.message.split())
