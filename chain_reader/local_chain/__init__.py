"""The local chain: a rehearsal ledger in one SQLite file, with Blockfrost and Ogmios faces, for demos and tests."""

from eras.front_door import front_door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from chain_reader.local_chain.faces.server import LocalChainServer
    from chain_reader.local_chain.ledger.chain import LocalChain
    from chain_reader.local_chain.ledger.errors import RULES, LedgerRefusedError, LocalChainRequestError
    from chain_reader.local_chain.ledger.model import Block, ChainTransaction, FaucetOutput, Output
    from chain_reader.local_chain.ledger.parameters import Genesis, ProtocolParameters

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
        "chain_reader.local_chain.ledger.chain": ("LocalChain",),
        "chain_reader.local_chain.ledger.errors": ("RULES", "LedgerRefusedError", "LocalChainRequestError"),
        "chain_reader.local_chain.ledger.model": ("Block", "ChainTransaction", "FaucetOutput", "Output"),
        "chain_reader.local_chain.ledger.parameters": ("Genesis", "ProtocolParameters"),
        "chain_reader.local_chain.faces.server": ("LocalChainServer",),
    },
)
