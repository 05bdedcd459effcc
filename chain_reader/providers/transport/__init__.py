"""Bounded calls to a provider: HTTP, retries, limits, errors."""
