"""The test kit of programs that embed eraswitch: a checker in any era, a schedule that advances, a fake provider.

``pytest_plugins = ["eraswitch.testing.pytest_plugin"]`` gives them as fixtures (``docs/embedding.md``).
"""

from eras.front_door import front_door

__all__, __getattr__, __dir__ = front_door(__name__)
