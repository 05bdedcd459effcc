"""The HTTP service: the application that answers with the documents of a service."""

from eras.front_door import front_door

__all__, __getattr__, __dir__ = front_door(__name__)
