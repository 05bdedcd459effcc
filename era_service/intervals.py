"""The intervals that nodes, configuration and commands state alike; a module of its own, because it loads nothing."""

READ_INTERVAL_S = 3_600.0
"""By default a node learns of a publication within this time, in seconds."""
