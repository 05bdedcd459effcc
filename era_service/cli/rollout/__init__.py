"""The commands under `eraswitch rollout`."""
