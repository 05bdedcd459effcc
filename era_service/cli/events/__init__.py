"""The commands under `eraswitch events`."""
