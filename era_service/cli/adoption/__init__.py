"""The commands under `eraswitch adoption`."""
