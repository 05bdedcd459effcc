"""A publication from plan to read-back, as the command line runs it."""
