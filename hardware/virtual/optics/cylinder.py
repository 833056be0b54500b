"""Rays through a glass tube and what is in it, in the plane across the axis.

Bouguer's rule for a round body: index x radius x sine of the angle to the radius stays what it is along the ray, so
a ray that comes in `u` off the axis leaves `u` off the axis again, turned by the sum of its refractions (Hecht,
Optics, ch. 5; Fresnel's equations ch. 4). A full tube is a strong cylinder lens: it shows what is behind it with
left and right exchanged.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
_SAMPLES = 4001


def fresnel(cos_in: Doubles, cos_out: Doubles, n_in: float, n_out: float) -> Doubles:
    """Share of unpolarised light that passes one surface."""
    s = (n_in * cos_in - n_out * cos_out) / np.maximum(n_in * cos_in + n_out * cos_out, 1e-9)
    p = (n_in * cos_out - n_out * cos_in) / np.maximum(n_in * cos_out + n_out * cos_in, 1e-9)
    return np.asarray(1 - (s**2 + p**2) / 2)


@dataclass(frozen=True)
class Tube:
    """By |u| / outer radius on an even grid 0..1: turn (rad, towards the axis), passes (Fresnel), chord through the
    contents in units of the outer radius."""

    turn: Floats
    passes: Floats
    chord: Floats

    def at(self, share: Floats) -> tuple[Floats, Floats, Floats]:
        """turn (signed as `share`), passes and chord at places across the tube, -1..1."""
        place = np.abs(share) * np.float32(_SAMPLES - 1) + np.float32(0.5)
        index = np.minimum(place, _SAMPLES - 1).astype(np.int32)
        return np.copysign(self.turn[index], share), self.passes[index], self.chord[index]


@lru_cache(maxsize=64)
def trace(wall: float, n_glass: float, n_inside: float) -> Tube:
    """wall: thickness as a share of the outer radius. n_inside: 1 for air, n_glass for the solid base."""
    u = np.linspace(0.0, 0.9995, _SAMPLES)
    bore = 1.0 - wall
    outside, glass = np.arcsin(u), np.arcsin(u / n_glass)
    turn = 2 * (outside - glass)
    passes = fresnel(np.cos(outside), np.cos(glass), 1.0, n_glass) ** 2
    at_bore = u / (n_glass * bore)
    in_bore = u / (n_inside * bore)
    meets = at_bore < 1.0
    mirrored = meets & (in_bore >= 1.0)
    enters = meets & ~mirrored
    to_bore, within = np.arcsin(np.minimum(at_bore, 1.0)), np.arcsin(np.minimum(in_bore, 1.0))
    turn = turn + np.where(enters, 2 * (to_bore - within), 0.0) - np.where(mirrored, np.pi - 2 * to_bore, 0.0)
    inner = fresnel(np.cos(to_bore), np.cos(within), n_glass, n_inside) ** 2
    passes = passes * np.where(enters, inner, 1.0)
    chord = np.where(enters, 2 * bore * np.sqrt(np.maximum(1 - in_bore**2, 0.0)), 0.0)
    return Tube(*(np.asarray(table, np.float32) for table in (turn, passes, chord)))


def seen_through(u_mm: Floats, turn: Floats, distance_mm: float) -> Floats:
    """Where on a plane `distance_mm` behind the axis the ray arrives, mm off the axis."""
    held = np.clip(turn, -1.45, 1.45)
    return np.asarray(u_mm / np.cos(held) - distance_mm * np.tan(held), np.float32)


def wedge_turn(angle: Floats, index: float) -> Floats:
    """How far a prism of that angle (rad) and index turns a ray towards its thick end; mirrors when it must."""
    bent = index * np.sin(angle)
    through = np.arcsin(np.minimum(bent, 1.0)) - angle
    return np.asarray(np.where(bent < 1.0, through, np.minimum(np.pi - 2 * angle, 1.4)), np.float32)


def grazing_mirror(rise: Floats, index: float) -> Floats:
    """Share mirrored by a level liquid surface that a ray meets from the air at the slope `rise`."""
    cos_in = np.clip(np.abs(rise) / np.sqrt(1 + rise**2), 1e-3, 1).astype(np.float64)
    cos_out = np.sqrt(1 - (1 - cos_in**2) / index**2)
    return np.asarray(1 - fresnel(cos_in, cos_out, 1.0, index), np.float32)
