"""One module per instrument. Its name is the `kind` in a rig file; there is no registry.

A driver module has `Settings`, a frozen dataclass with what a rig file may say under `settings`, and `Driver`,
made with `Driver(name, spec, settings, speed=..., latch=...)` and then opened. While `latch` is set it starts
nothing that moves.
"""

import importlib
import pkgutil
from types import ModuleType

KINDS = frozenset(module.name for module in pkgutil.iter_modules(__path__))


def module_of(kind: str) -> ModuleType:
    """Raises KeyError for a kind that has no module here."""
    if kind not in KINDS:
        raise KeyError(f"no driver {kind!r}; there are {', '.join(sorted(KINDS))}")
    return importlib.import_module(f"{__name__}.{kind}")
