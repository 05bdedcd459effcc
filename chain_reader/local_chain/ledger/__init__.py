"""The local chain's ledger: blocks, outputs, and the rules that a transaction is judged by."""
