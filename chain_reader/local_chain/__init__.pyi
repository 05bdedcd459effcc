from chain_reader.local_chain.faces.server import LocalChainServer as LocalChainServer
from chain_reader.local_chain.ledger.chain import LocalChain as LocalChain
from chain_reader.local_chain.ledger.errors import LedgerRefusedError as LedgerRefusedError
from chain_reader.local_chain.ledger.model import FaucetOutput as FaucetOutput
from chain_reader.local_chain.ledger.model import Output as Output
from chain_reader.local_chain.ledger.parameters import Genesis as Genesis
