"""Which era is active, and what that switches. Pure: no I/O, no clock, no cryptography."""

from eras.front_door import front_door

__all__, __getattr__, __dir__ = front_door(__name__)
