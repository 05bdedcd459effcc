"""Kupo, an index of the outputs at chosen addresses, beside an Ogmios of the same node."""
