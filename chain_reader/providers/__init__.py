"""Chain observers: what reads a chain, and the errors it ends in when it cannot."""
