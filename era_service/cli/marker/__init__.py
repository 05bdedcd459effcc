"""The commands under `eraswitch marker`."""
