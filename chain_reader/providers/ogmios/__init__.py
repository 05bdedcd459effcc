"""A Cardano node, read and written through Ogmios."""
