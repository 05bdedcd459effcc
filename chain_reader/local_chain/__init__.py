"""The local chain: a rehearsal ledger in one SQLite file, with Blockfrost and Ogmios faces, for demos and tests."""

from eras.front_door import front_door

__all__, __getattr__, __dir__ = front_door(__name__)
