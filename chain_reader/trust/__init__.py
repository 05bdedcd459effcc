"""Which payload is in force: the trust rules (docs/trust.md) and what they remember."""
