"""Tests of the command line, the configuration and the logs."""
