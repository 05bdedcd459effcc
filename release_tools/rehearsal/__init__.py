"""Rehearsals: a rollout with thousands of simulated nodes, deterministic from a seed (``docs/rehearsal.md``)."""

from eras.front_door import front_door

__all__, __getattr__, __dir__ = front_door(__name__)
