"""Which network registrations, network stake and tokens belong to. Pure.

In: a network magic and an era address, as they are configured. Out: a key that distinguishes networks, in words and in
a database. Two networks of one Cardano network share its magic, and may share their key (Mithril's
``testing-preview`` and ``pre-release-preview`` do): only the era address distinguishes them.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NetworkKey:
    """A network of nodes.

    Attributes:
        magic: magic of the Cardano network; ``None`` where it is not configured.
        address: where its era markers are published; ``None`` where it is not configured.
    """

    magic: int | None = None
    address: str | None = None

    @property
    def is_named(self) -> bool:
        """Whether anything distinguishes it from other networks."""
        return self != NO_NETWORK

    def matches(self, other: "NetworkKey") -> bool:
        """Whether both may be the same network: the addresses are equal, and the magics where both are known."""
        return self.address == other.address and (None in (self.magic, other.magic) or self.magic == other.magic)

    @property
    def words(self) -> str:
        """The network in words."""
        if not self.is_named:
            return "no network (neither a magic nor an era address is configured)"
        magic = "of unknown magic" if self.magic is None else f"with magic {self.magic}"
        return f"the network {magic} and {f'era address {self.address}' if self.address else 'no era address'}"


NO_NETWORK = NetworkKey()
"""The network of what was stored while no network was configured."""
