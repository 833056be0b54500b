"""What a layer does to light on its way through: Beer-Lambert along the chord, and scattering in two streams.

Scattering after Kubelka and Munk's two streams: of light scattered with the optical depth s (reduced), 1/(1 + 3s/4)
goes on and the rest comes back (Bohren and Huffman, Absorption and Scattering of Light, ch. 14); what is not
scattered falls as exp(-5 s), for particles with an asymmetry of 0.8.
"""

import numpy as np
import numpy.typing as npt

from hardware.virtual.dyes import transmission
from hardware.virtual.optics.cylinder import Tube, trace
from hardware.virtual.optics.specimen import Backdrop, Phase, Vessel

Floats = npt.NDArray[np.float32]
BAND = 0.36
"""The central columns, 0.32 to 0.68 of the glass's width, as shares of the outer radius from the axis."""
_STEPS = 128


def tube_of(vessel: Vessel, index: float) -> Tube:
    return trace(2 * vessel.wall_mm / vessel.outer_mm, vessel.index, index)


def lit(share: Floats) -> Floats:
    """How brightly light from the front falls on a round body."""
    return np.asarray(0.35 + 0.65 * np.sqrt(np.clip(1 - share**2, 0, 1)), np.float32)


def panel_bgr(backdrop: Backdrop) -> Floats:
    """The panel's light, plus what the lamps beside throw in from outside the field."""
    return np.asarray(backdrop.level * np.array(backdrop.colour) + 0.25 * backdrop.side_light, np.float32)


def through(phase: Phase, chord_mm: Floats, share: Floats, backdrop: Backdrop) -> tuple[Floats, Floats]:
    """Of the light behind what passes straight, and what the layer itself sends to the camera: (..., 3) each."""
    front = backdrop.front_light + 0.5 * backdrop.side_light
    if phase.solid:
        own = np.array(phase.albedo, np.float32) * (front + 0.10 * panel_bgr(backdrop))
        return np.zeros((*chord_mm.shape, 3), np.float32), np.asarray(lit(share)[..., None] * own, np.float32)
    longest = float(chord_mm.max()) + 1e-3
    paths = np.linspace(0.0, longest * 1.2, _STEPS)
    table = transmission(phase.stocks_ul, paths)
    step = _STEPS - 1

    def left(factor: float) -> Floats:
        return np.asarray(table[np.rint(chord_mm * (factor * step / (longest * 1.2))).astype(np.int32)], np.float32)

    if phase.scatter_per_mm <= 0:
        return left(1.0), np.zeros((1, 1, 3), np.float32)
    depth = (phase.scatter_per_mm * chord_mm)[..., None]
    kept = np.exp(-5 * depth)
    onward = 1 / (1 + 0.75 * depth)
    own = left(1.2) * ((1 - kept) * onward * 0.85) * panel_bgr(backdrop)
    own = own + left(0.5) * ((1 - kept) * (1 - onward) * front) * lit(share)[..., None]
    return np.asarray(left(1.0) * kept, np.float32), np.asarray(own, np.float32)


def linear_to_lab(bgr: npt.ArrayLike) -> tuple[float, float, float]:
    """CIELAB, D65, of linear BGR relative to white (IEC 61966-2-1; CIE 15)."""
    rgb = np.asarray(bgr, np.float64)[::-1]
    to_xyz = np.array(
        [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    )
    t = to_xyz @ rgb / to_xyz.sum(axis=1)
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t * (29 / 6) ** 2 / 3 + 4 / 29)
    return float(116 * f[1] - 16), float(500 * (f[0] - f[1])), float(200 * (f[1] - f[2]))


def true_lab(phase: Phase, vessel: Vessel, backdrop: Backdrop) -> tuple[float, float, float]:
    """Of the light of the central columns relative to the panel, glass taken off."""
    share = np.linspace(-BAND, BAND, 41, dtype=np.float32)
    _, _, chord = tube_of(vessel, phase.index).at(share)
    passes, own = through(phase, np.asarray(chord * vessel.outer_mm / 2), share, backdrop)
    white = np.maximum(backdrop.level * np.array(backdrop.colour), 1e-3)
    return linear_to_lab(np.minimum((passes + own / white).reshape(-1, 3).mean(axis=0), 1.2))
