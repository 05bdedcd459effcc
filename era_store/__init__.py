"""The store: trusted markers, verdicts, the event log, registrations, API tokens."""

from eras.front_door import front_door

__all__, __getattr__, __dir__ = front_door(__name__)
