"""The public networks, whose addresses and keys ``--network NAME`` fills in.

The addresses and verification keys are those that Mithril publishes for each network (``era.addr`` and ``era.vk`` of
its network configurations), with which a test compares them; the magics are those of the Cardano networks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class NetworkPreset:
    """The settings that the name of a public network stands for; the attributes are those of ``[network]``.

    Attributes:
        magic: the magic of the Cardano network.
        era_address: the address where its era markers are published.
        verification_key: the key that signs them, JSON-hex as Mithril publishes it.
    """

    magic: int
    era_address: str
    verification_key: str


_TEST_NETWORKS_KEY = (
    "5b35352c3232382c3134342c38372c3133382c3133362c34382c382c31342c3138372c38352c3134382c39372c3233322c3235352c32"
    "32392c33382c3234342c3234372c3230342c3139382c31332c33312c3232322c32352c3136342c35322c3130322c39312c3132302c32"
    "30382c3134375d"
)
_MAINNET_KEY = (
    "5b31312c3133342c3231352c37362c3134312c3232302c3131312c3135342c36332c3233302c3131342c31322c38372c37342c39342c"
    "3137322c3133322c32372c39362c3138362c3132362c3137382c31392c3131342c33302c3234332c36342c3134312c3131302c38332c"
    "38362c31395d"
)

NETWORKS: Mapping[str, NetworkPreset] = MappingProxyType(
    {
        "release-mainnet": NetworkPreset(
            764824073,
            "addr1qy72kwgm6kypyc5maw0h8mfagwag8wjnx6emgfnsnhqaml6gx7gg4tzplw9l32nsgclqax7stc4u6c5dn0ctljwscm2sqv0teg",
            _MAINNET_KEY,
        ),
        "release-preprod": NetworkPreset(
            1,
            "addr_test1qpkyv2ws0deszm67t840sdnruqgr492n80g3y96xw3p2ksk6suj5musy6w8lsg3yjd09cnpgctc2qh386rtxphxt248qr0npnx",
            _TEST_NETWORKS_KEY,
        ),
        "pre-release-preview": NetworkPreset(
            2,
            "addr_test1qrv5xfwh043mlc3vk5d97s4nmhxu7cmleyssvhx37gkfyejfe8d38v3vsfgetjafgrsdc49krug8wf04h5rmtengtejqlxrksk",
            _TEST_NETWORKS_KEY,
        ),
        "testing-preview": NetworkPreset(
            2,
            "addr_test1qzzngukkj9ydjemqjlgfn42sevy2xnvauay46weushlpuq9thd4ray00csjssf4sxftv04xeequ3xfx72nujg9y4d5ysgkxxlh",
            _TEST_NETWORKS_KEY,
        ),
    }
)

SHORT_NAMES: Mapping[str, str] = MappingProxyType(
    {"mainnet": "release-mainnet", "preprod": "release-preprod", "preview": "pre-release-preview"}
)
"""The short name of a Cardano network → the network of its era markers that release nodes follow."""


def full_name(name: str) -> str:
    """The full name of a network: ``preprod`` → ``release-preprod``; any other name is returned unchanged."""
    return SHORT_NAMES.get(name, name)
