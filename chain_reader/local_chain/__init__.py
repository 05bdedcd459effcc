"""The local chain: a rehearsal ledger in one SQLite file, with Blockfrost and Ogmios faces, for demos and tests."""

from eras.front_door import front_door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from chain_reader.local_chain.faces.server import LocalChainServer
    from chain_reader.local_chain.ledger.chain import LocalChain
    from chain_reader.local_chain.ledger.errors import LedgerRefusedError
    from chain_reader.local_chain.ledger.model import FaucetOutput, Output
    from chain_reader.local_chain.ledger.parameters import Genesis

__all__ = [
    "FaucetOutput",
    "Genesis",
    "LedgerRefusedError",
    "LocalChain",
    "LocalChainServer",
    "Output",
]

__getattr__ = front_door(
    __name__,
    {
        "chain_reader.local_chain.faces.server": ("LocalChainServer",),
        "chain_reader.local_chain.ledger.chain": ("LocalChain",),
        "chain_reader.local_chain.ledger.errors": ("LedgerRefusedError",),
        "chain_reader.local_chain.ledger.model": ("FaucetOutput", "Output"),
        "chain_reader.local_chain.ledger.parameters": ("Genesis",),
    },
)
