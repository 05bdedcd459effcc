"""Markers, signed payload, on-chain datum. Pure: bytes in, verdicts out."""

from eras.front_door import front_door

__all__, __getattr__, __dir__ = front_door(__name__)
