"""Key files: era keys, payment keys, and how secrets are written."""
