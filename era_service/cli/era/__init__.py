"""The commands under `eraswitch era`."""
