"""The event log of a node: recording inputs and decisions, replaying and comparing them."""
