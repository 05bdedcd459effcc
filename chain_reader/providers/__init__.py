"""Chain observers, which read a chain, and the errors they raise."""
