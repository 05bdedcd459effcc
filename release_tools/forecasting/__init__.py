"""The chance that the quorum survives a switch."""
