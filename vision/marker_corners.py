"""Corners of a marker where the lines of its edges cross.

A corner detector is pulled into a blurred corner by a fifth of a pixel, always inwards, which tilts a narrow strip
by degrees. A straight edge stays where it is under blur, so its line is fitted and two lines give the corner.
"""

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]

ALONG = 24
"""Places on each edge."""
FROM, TO = 0.14, 0.86
"""Of the edge: nearer to its ends the other edge is in the profile."""
STEP_PX = 0.25
WIDEST_PX = 6.0


def refined(grey: Image, quads: Floats, modules: int) -> Floats:
    """Quads (n, 4, 2) of markers with this many modules a side, border included, each corner where its edges meet.

    A corner that would go further than a module, or an edge that is not there, stays as it was.
    """
    if not len(quads):
        return quads
    start, end = quads, np.roll(quads, -1, axis=1)
    length = np.linalg.norm(end - start, axis=2)
    module = length.min(axis=1) / modules
    along = (end - start) / np.maximum(length, 1e-9)[..., None]
    across = np.stack([along[..., 1], -along[..., 0]], axis=-1)  # out of the marker: its corners go clockwise
    reach = np.clip(0.8 * module, 1.5, WIDEST_PX)
    steps = np.arange(-1.0, 1.0 + 1e-9, STEP_PX / WIDEST_PX)
    places = start[:, :, None] + (end - start)[:, :, None] * np.linspace(FROM, TO, ALONG)[None, None, :, None]
    offsets = reach[:, None] * steps
    points = places[..., None, :] + across[:, :, None, None, :] * offsets[:, None, None, :, None]
    flat = points.astype(np.float32).reshape(-1, len(steps), 2)
    # cv2.remap takes at most 32767 rows
    profiles = np.concatenate([
        cv2.remap(grey, part[..., 0], part[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        for part in np.array_split(flat, len(flat) // 30_000 + 1)
    ]).reshape(*points.shape[:-1])  # fmt: skip
    rise = np.clip(np.diff(profiles.astype(np.float64), axis=-1), 0, None)
    rise = np.where(rise > 0.25 * rise.max(axis=-1, keepdims=True), rise, 0.0)  # noise on the flat parts
    middle = (offsets[:, 1:] + offsets[:, :-1]) / 2
    weight = rise.sum(axis=-1)
    found = (rise * middle[:, None, None, :]).sum(axis=-1) / np.maximum(weight, 1e-9)
    edges = places + across[:, :, None, :] * found[..., None]
    lines = _lines(edges, weight)
    corners = np.cross(np.roll(lines, 1, axis=1), lines)
    with np.errstate(divide="ignore", invalid="ignore"):
        met = corners[..., :2] / corners[..., 2:]
        good = np.linalg.norm(met - quads, axis=2) <= np.maximum(1.0, module)[:, None]
    return np.where(good[..., None], met, quads)


def _lines(edges: Floats, weight: Floats) -> Floats:
    """The line (a, b, c), a x + b y + c = 0, through each edge's points, (n, 4, 3); strays are left out once."""
    kept = (weight > 0.5 * np.median(weight, axis=2, keepdims=True)).astype(np.float64)
    for _ in range(2):
        many = np.maximum(kept.sum(axis=2), 1)
        mean = (edges * kept[..., None]).sum(axis=2) / many[..., None]
        off = edges - mean[:, :, None]
        spread = np.einsum("neki,nekj,nek->neij", off, off, kept)
        _, axes = np.linalg.eigh(spread)
        normal = axes[..., 0]
        left = np.abs(np.einsum("neki,nei->nek", off, normal))
        scale = np.sqrt((left**2 * kept).sum(axis=2) / many)
        kept = kept * (left <= np.maximum(2.0 * scale, 0.05)[..., None])
    return np.concatenate([normal, -np.sum(normal * mean, axis=-1, keepdims=True)], axis=-1)
