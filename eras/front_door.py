"""How a package's front door stays open at no cost: a public name is loaded from its module when it is first used.

A node's start-up and a command such as ``eraswitch era list`` then pay for what they use and nothing else. Each name
stands once, in the ``__init__.pyi`` beside the package's ``__init__.py``, where type checkers read it too; a line is
``from module import Name as Name``.
"""

import sys
from collections.abc import Callable
from importlib import import_module


def front_door(package: str) -> tuple[list[str], Callable[[str], object], Callable[[], list[str]]]:
    """``__all__``, ``__getattr__`` and ``__dir__`` (PEP 562) of a package, by its ``__init__.pyi``.

    Args:
        package: the package's ``__name__``.

    Raises:
        ImportError: the ``__init__.pyi`` is not there.
    """
    own = vars(sys.modules[package])
    path = f"{own['__file__'].rpartition('__init__.')[0]}__init__.pyi"
    try:
        written: bytes = own["__spec__"].loader.get_data(path)  # from a zip file too
    except OSError as error:
        raise ImportError(
            f"{package} cannot be imported: {path} lists its public names, and cannot be read ({error}). Install "
            "eraswitch again; what packs it into one file has to take the .pyi files along.",
            name=package,
            path=path,
        ) from error
    module_of = {}
    for line in written.decode().splitlines():
        _, module, _, name, _, _ = line.split()
        module_of[name] = module

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

    # Constants, then classes, then functions.
    names = sorted(module_of, key=lambda name: (not name.isupper(), not name[0].isupper(), name))
    return names, load, lambda: sorted({*own, *module_of})
