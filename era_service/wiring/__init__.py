"""Builds readers, observers, policies and stores from the configuration."""
