"""The dashboard of the service: what its documents say, as a page for people."""
