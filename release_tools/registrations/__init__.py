"""The sources of registrations: an aggregator's event store or its HTTP API, JSON lines, CSV."""

from eras.front_door import front_door

__all__, __getattr__, __dir__ = front_door(__name__)
