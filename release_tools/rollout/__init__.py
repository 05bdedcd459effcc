"""A rollout as a reviewed plan: its file, progress and announcement."""
