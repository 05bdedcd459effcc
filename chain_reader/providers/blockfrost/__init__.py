"""Blockfrost's API, and what speaks its protocol."""
