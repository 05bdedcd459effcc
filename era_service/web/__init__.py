"""The HTTP service: documents, what fills them, and the application that answers with them."""

from eras.front_door import front_door

__all__, __getattr__, __dir__ = front_door(__name__)
