"""One module per instrument. Its name is the `kind` in a rig file; there is no registry.

A driver module has `Settings`, a frozen dataclass with what a rig file may say under `settings`; `Driver`, made
with `Driver(name, spec, settings, *, speed, latch)` and then opened; and `PROBES`, the harmless questions by which
discovery knows the instrument (empty when there is none). While `latch` is set a driver starts nothing that moves.

Instruments that may be chained on one port say so with `CHAINED = True`; their `Driver` takes `wire`, what they
share, as one more keyword, and their `Settings` have an `address`.
"""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

KINDS = frozenset(module.name for module in pkgutil.iter_modules(__path__))


@dataclass(frozen=True)
class Probe:
    """A question that moves, sets and stores nothing in any instrument we know, and how its answer is recognised.

    asks: the bytes. knows: who answered, as model and firmware, from all bytes heard so far; None while they are
    not (yet) an answer of this kind. settings: what a rig file must say for a driver to reach it like this.
    wait_s: how long the slowest of them takes to answer. boot_s: how long it is deaf when its port is opened.
    """

    baud: int
    asks: bytes
    knows: Callable[[bytes], str | None]
    settings: tuple[tuple[str, str | int | float | bool], ...] = ()
    wait_s: float = 0.3
    boot_s: float = 0.0


def module_of(kind: str) -> ModuleType:
    """Raises KeyError for a kind that has no module here."""
    if kind not in KINDS:
        raise KeyError(f"no driver {kind!r}; there are {', '.join(sorted(KINDS))}")
    return importlib.import_module(f"{__name__}.{kind}")
