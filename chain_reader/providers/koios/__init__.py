"""Koios, a public service that answers without an account, and its servers run by others."""
