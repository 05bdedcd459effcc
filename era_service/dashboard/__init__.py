"""The dashboard of the service: its documents as a page for people."""
