"""Addresses owned by a payment key or by a native script of payment keys, and their owners. Pure."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from eras import TransactionError
from release_tools.transactions.scripts import KeyScript

if TYPE_CHECKING:
    from pycardano import Address


@dataclass(frozen=True, slots=True)
class Owner:
    """The owner of an address: a payment key, or a native script of several.

    Attributes:
        key_hash: the hash of the key; ``None`` where a script owns it.
        script: the script; ``None`` where a key owns it.
    """

    key_hash: str | None = None
    script: KeyScript | None = None

    @property
    def terms(self) -> KeyScript:
        """The owner's conditions for spending, as a script."""
        return self.script if self.script is not None else KeyScript.of_key(self.key_hash or "")

    @property
    def key_hashes(self) -> tuple[str, ...]:
        """The hashes of the keys that can sign for the owner."""
        return self.terms.key_hashes


@dataclass(frozen=True, slots=True)
class EraAddress:
    """The address where markers are published.

    Attributes:
        text: the address, bech32.
        script: the native script that owns it; ``None`` where a payment key does.
    """

    text: str
    script: KeyScript | None = None

    def parse(self, network_id: int) -> "Address":
        """Return the address, parsed.

        Raises:
            TransactionError: it is not an address of this network that a payment key, or the script, owns.
        """
        return parse_address(self.text, network_id, "era address", self.script)

    def owner(self, network_id: int) -> Owner:
        """Return its owner.

        Raises:
            TransactionError: as ``owner_of``.
        """
        return owner_of(self.text, network_id, self.script)


def owner_of(text: str, network_id: int, script: KeyScript | None = None) -> Owner:
    """Return the owner of the address ``text``.

    Raises:
        TransactionError: it is not an address of this network that a payment key, or ``script``, owns.
    """
    from pycardano import VerificationKeyHash

    part = parse_address(text, network_id, "address of an output to spend", script).payment_part
    return Owner(bytes(part).hex()) if isinstance(part, VerificationKeyHash) else Owner(script=script)


def parse_address(text: str, network_id: int, what: str, script: KeyScript | None = None) -> "Address":
    """Parse an address of this network that a payment key, or ``script``, owns; ``what`` names it in errors.

    Raises:
        TransactionError: ``text`` is not such an address.
    """
    from pycardano import Address, ScriptHash, VerificationKeyHash

    try:
        address = Address.from_primitive(text)
    except Exception as error:  # pycardano passes on whatever its decoders raise
        raise TransactionError(
            f"The {what} is not usable",
            expected="a bech32 address",
            got=f"{text!r}"[:120],
            next_step="Correct the address",
        ) from error
    if address.network.value != network_id:
        raise TransactionError(
            f"The {what} belongs to another network",
            expected=f"network id {network_id}",
            got=f"network id {address.network.value} in {text}",
            next_step="Use an address of the network that the chain belongs to",
        )
    if isinstance(address.payment_part, ScriptHash):
        if script is None or script.hash != bytes(address.payment_part).hex():
            raise TransactionError(
                f"The {what} is not owned by a payment key",
                expected=f"a payment key's address, or the native script with hash {bytes(address.payment_part).hex()}",
                got="no script" if script is None else f"the script with hash {script.hash}",
                next_step="Give its script file, as cardano-cli reads it: network.era_script_file",
            )
    elif not isinstance(address.payment_part, VerificationKeyHash):
        raise TransactionError(
            f"The {what} is not owned by a payment key",
            expected="an address that begins with the hash of a payment key, or of a native script",
            got=text,
            next_step="Stake addresses are not supported here",
        )
    return address


def payment_key_hash(text: str, network_id: int) -> str:
    """Return the hash of the key that owns the address ``text``, 56 hex digits.

    Raises:
        TransactionError: it is not an address of this network that a payment key owns.
    """
    return bytes(parse_address(text, network_id, "address of an output to spend").payment_part).hex()
