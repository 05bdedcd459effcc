"""``eraswitch demo``: a network of nodes switches eras on a local chain, and every step is verified."""

from eras.front_door import front_door

__all__, __getattr__, __dir__ = front_door(__name__)
