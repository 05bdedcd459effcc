"""Shares of the stake by version and era, and the gate before an activation."""
