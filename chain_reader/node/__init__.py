"""The pure core of a node: inputs in, state and decisions out."""
