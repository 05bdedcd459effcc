"""The local chain, read and written in process."""
