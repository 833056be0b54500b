"""What stands before the camera at one moment, as frozen values: from the world to the renderer."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class SeenVial:
    """x_mm: right of the nozzles' axis. contents_ul: by stock; None when the place in the rack is empty."""

    slot: str
    x_mm: float
    contents_ul: Mapping[str, float] | None


@dataclass(frozen=True)
class Scene:
    """depth_mm: how far the rack's row stands behind the plane of focus. nozzle_mm: how far the nozzles are down.
    pouring: the stocks that run, with their rates in µL/s."""

    vials: tuple[SeenVial, ...]
    depth_mm: float = 0.0
    nozzle_mm: float = 0.0
    pouring: tuple[tuple[str, float], ...] = ()
    t_s: float = 0.0
