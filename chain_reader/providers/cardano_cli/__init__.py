"""A Cardano node, read through cardano-cli."""
