"""How a package's front door stays open at no cost: a public name is loaded from its module when it is first used.

A node's start-up and a command such as ``eraswitch era list`` then pay for what they use and nothing else.
"""

import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module


def front_door(package: str, homes: Mapping[str, Iterable[str]]) -> Callable[[str], object]:
    """The ``__getattr__`` of a package (PEP 562); its ``__dir__`` is set, so that ``dir`` and shells see the names.

    Args:
        package: the package's ``__name__``.
        homes: module name → the public names that live in it.
    """
    module_of = {name: module for module, names in homes.items() for name in names}
    own = vars(sys.modules[package])
    own["__dir__"] = lambda: sorted({*own, *module_of})

    def load(name: str) -> object:
        if name not in module_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        try:
            value: object = getattr(import_module(module_of[name]), name)
        except ModuleNotFoundError as error:
            error.add_note(
                f"{package}.{name} needs more than the base installation: install the part of eraswitch that requires "
                f"{error.name} (see Installing in its README)"
            )
            raise
        own[name] = value
        return value

    return load
