"""The local chain: a rehearsal ledger in one SQLite file, with Blockfrost and Ogmios faces, for demos and tests."""

from eras.front_door import front_door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from chain_reader.local_chain.chain import LocalChain
    from chain_reader.local_chain.errors import RULES, LedgerRefusedError, LocalChainRequestError
    from chain_reader.local_chain.model import Block, ChainTransaction, FaucetOutput, Output
    from chain_reader.local_chain.parameters import Genesis, ProtocolParameters
    from chain_reader.local_chain.server import LocalChainServer

__all__ = [
    "RULES",
    "Block",
    "ChainTransaction",
    "FaucetOutput",
    "Genesis",
    "LedgerRefusedError",
    "LocalChain",
    "LocalChainRequestError",
    "LocalChainServer",
    "Output",
    "ProtocolParameters",
]

__getattr__ = front_door(
    __name__,
    {
        "chain_reader.local_chain.chain": ("LocalChain",),
        "chain_reader.local_chain.errors": ("RULES", "LedgerRefusedError", "LocalChainRequestError"),
        "chain_reader.local_chain.model": ("Block", "ChainTransaction", "FaucetOutput", "Output"),
        "chain_reader.local_chain.parameters": ("Genesis", "ProtocolParameters"),
        "chain_reader.local_chain.server": ("LocalChainServer",),
    },
)
