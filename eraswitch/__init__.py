"""The eras in a node: what a program imports that embeds eraswitch. Its tests import ``eraswitch.testing``."""

from eras.front_door import front_door

__all__, __getattr__, __dir__ = front_door(__name__)
