"""The tools of the release team: keys, marker transactions, and watching adoption before an activation."""

from eras.front_door import front_door

__all__, __getattr__, __dir__ = front_door(__name__)
