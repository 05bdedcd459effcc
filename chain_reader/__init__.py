"""Reads a chain and decides what to trust: observers, adapters, trust, the era reader."""

from eras.front_door import front_door

__all__, __getattr__, __dir__ = front_door(__name__)
