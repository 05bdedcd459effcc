"""The local chain: a rehearsal ledger in one SQLite file, served as Blockfrost, Ogmios, Kupo and Koios."""

from eras.front_door import front_door

__all__, __getattr__, __dir__ = front_door(__name__)
