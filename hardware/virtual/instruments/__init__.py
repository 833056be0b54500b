"""One module per instrument that the virtual bench can be; its name is the `kind` that a rig file gives.

Each has a class `Instrument(world, parts, *, host, port)`: `parts` are the devices of the rig file, by role, that
share one port, each with its `settings`. It is started with `start()`, reached at `address` (`socket://…`, or
`http://…`), and switched off with `close()`.
"""

import importlib
import pkgutil
from collections.abc import Callable
from typing import Protocol

KINDS = frozenset(module.name for module in pkgutil.iter_modules(__path__))


class Served(Protocol):
    """An instrument behind an address."""

    @property
    def address(self) -> str: ...
    def start(self) -> None: ...
    def close(self) -> None: ...


def instrument_of(kind: str) -> Callable[..., Served]:
    """The class of an instrument. Raises KeyError for a kind that the bench cannot be."""
    if kind not in KINDS:
        raise KeyError(f"no virtual {kind!r}; there are {', '.join(sorted(KINDS))}")
    made: Callable[..., Served] = importlib.import_module(f"{__name__}.{kind}").Instrument
    return made
