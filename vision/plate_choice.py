"""Filled or empty: wells told apart by what they share, never by one picture's brightness.

Light is relative to the plate between the wells (100, 0, 0). A well that lets the same through as the plate beside
it is empty or holds something colourless; one that is coloured holds something; one that is only darker is told
when other wells show what empty looks like, and is unknown when none does.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from vision.colour import linear_rgb_to_lab
from vision.plate_grid import robust_fit

Floats = npt.NDArray[np.float64]
State = Literal["filled", "empty", "unknown"]

BLACK = 0.004
"""Linear light below which a code says nothing."""
SAME, OTHER, BURNT = 8.0, 16.0, 24.0
"""Distances to the empty look: up to SAME a well is like it (stains, the shade of a wall), from OTHER it is not,
and from BURNT even where the plate around it is overexposed."""
SPLIT, EDGE = 2.0, 12.0
"""Neighbouring distances this far apart, as a ratio, are two kinds of wells if the nearer is below EDGE."""
FEW = 0.03
"""Share of the wells that may be stained: more at one distance are pale contents."""
SHADE_WEIGHT = 0.4
"""Lightness counts for less than colour: walls and neighbours shade an empty well, nothing tints it."""
CLEAR = 9.0
"""An empty look within this of the plate itself speaks for a clear plate."""
SHADED, GREY = 30.0, 12.0
"""How much darker or lighter, and how coloured, an empty well may be against the plate."""
COLOURED, TINTED = 18.0, 0.5
"""Chroma, and logarithm of the lightest over the darkest channel, that no shade explains, only a content."""
GLINTS = 2.0
"""An empty-looking well with this many times the texture of the next calmer one may hold something colourless."""
FLAT = 0.08
"""Where no well is told as filled, one is empty only if it is this flat: standard deviation of log light."""
PALE = 4.0
"""Difference of chroma and hue from which such a well is told as filled with something pale."""
TEXTURE, CALM = 4.0, 0.004
"""Against the empty plate: how many times the change of a calm well is no longer noise; the least noise."""


@dataclass(frozen=True)
class Choice:
    """Per well: the state, how often such an answer is right, whether a colourless liquid would look the same."""

    states: tuple[State, ...]
    confidence: tuple[float, ...]
    ambiguous: tuple[bool, ...]
    note: str = ""


def against_plate(light: Floats, texture: Floats, burnt: npt.NDArray[np.bool_], terms: Floats) -> Choice:
    """From (wells, 3) linear light relative to the plate between the wells, (wells,) the texture inside each, and
    where the plate around is overexposed; terms: where the wells lie, as `smooth_terms` gives it."""
    relative = light_to_lab(light)
    from_plate = _distance(relative, np.array([100.0, 0.0, 0.0]))
    tint = np.ptp(np.log(np.maximum(light, BLACK)), axis=1)
    chroma = np.hypot(relative[:, 1], relative[:, 2])
    plain = (chroma < GREY) & (np.abs(relative[:, 0] - 100) < SHADED)
    look = _empty_look(relative[plain], from_plate[plain])
    if look is not None:
        away = _distance(relative, look + _shade(relative - look, terms))
        shaded = _distance(look, np.array([100.0, 0.0, 0.0])) > CLEAR
        if not shaded or bool(np.any(away > BURNT)):
            tinted = np.hypot(*(relative - look)[:, 1:].T)
            return _told_by_look(away, tinted, texture, burnt, 0.8 if shaded else 0.97)
    coloured = (chroma > COLOURED) | (tint > TINTED)
    note = "" if coloured.all() else "no well shows what empty looks like: give a picture of the empty plate"
    return _choice(coloured, np.zeros_like(coloured), np.full(len(chroma), 0.9), note)


def against_empty(light: Floats, change: Floats) -> Choice:
    """From (wells, 3) linear light relative to the same well when it was empty, and (wells, samples, 3) the
    change of the logarithm of its light: a colourless liquid moves reflections and bends what lies below."""
    colour = _distance(light_to_lab(light), np.array([100.0, 0.0, 0.0])) / SAME
    moved = np.std(change.mean(axis=-1), axis=1)
    texture = moved / (TEXTURE * max(float(np.percentile(moved, 5)), CALM))
    most = np.maximum(colour, texture)
    return _choice(most > 1.2, most < 0.9, _sure(most, 1.0, 0.97))


def light_to_lab(light_bgr: Floats) -> Floats:
    """CIELAB of linear BGR relative to white (1, 1, 1), up to four times as bright."""
    return linear_rgb_to_lab(np.clip(light_bgr[..., ::-1], 0.0, 4.0))


def _empty_look(plain: Floats, from_plate: Floats) -> Floats | None:
    """What the plain wells nearest to the plate's own look share; None where there is none."""
    if not len(plain):
        return None
    alike = _distance(plain, plain[np.argmin(from_plate)]) < SAME
    return np.asarray(np.median(plain[alike], axis=0))


def _shade(off: Floats, terms: Floats) -> Floats:
    """(wells, 3): how the lightness of the plain wells drifts over the plate, which light from one side does to
    walls and rims. Their colour is left: a row of dilutions drifts too."""
    plain = (np.hypot(off[:, 1], off[:, 2]) < SAME) & (np.abs(off[:, 0]) < SHADED)
    shade = np.zeros_like(off)
    if plain.sum() >= 2 * terms.shape[1]:
        fit = robust_fit(terms, off[:, 0], plain.astype(np.float64), (20.0, 10.0, 10.0, 10.0))
        shade[plain, 0] = np.clip(terms[plain] @ fit, -SHADED, SHADED)
    return shade


def _told_by_look(
    away: Floats, tinted: Floats, texture: Floats, burnt: npt.NDArray[np.bool_], most: float
) -> Choice:
    """Two kinds of wells by their distance to the empty look; a meniscus makes an empty one unknown, and filled if
    it is tinted as well."""
    low, high = _limits(away)
    filled, empty = away >= np.where(burnt, BURNT, high), away <= low
    calm = np.sort(texture[empty])
    jumps = np.flatnonzero(calm[1:] > GLINTS * np.maximum(calm[:-1], 0.02))
    if jumps.size:
        restless = texture > calm[jumps[0]]
        empty &= ~restless
        filled |= restless & ~burnt & (tinted > max(PALE, 3 * float(np.median(tinted[empty]))))
    if filled.any():
        return _choice(filled, empty, _sure(away, (low * high) ** 0.5, most))
    empty &= (texture < FLAT) & ~burnt
    note = "every well looks like the plate around it: empty, or filled with something colourless"
    alone = _choice(filled, empty, np.full(len(away), 0.6), note)
    return Choice(alone.states, alone.confidence, (True,) * len(away), note)


def _limits(away: Floats) -> tuple[float, float]:
    """Up to where a well is empty and from where it is filled; one value where two kinds lie well apart."""
    ordered = np.sort(away)
    around = np.flatnonzero((ordered[1:] > SAME) & (ordered[:-1] < EDGE))
    if around.size:
        ratio = ordered[around + 1] / np.maximum(ordered[around], 1.0)
        edge = ordered[around[int(np.argmax(ratio))]]
        stained = np.count_nonzero((ordered > SAME) & (ordered <= edge))
        if ratio.max() > SPLIT and stained <= FEW * len(ordered):
            middle = float(max(edge, 1.0) * np.sqrt(ratio.max()))
            return middle, middle
    return SAME, OTHER


def _sure(away: Floats, limit: float, most: float) -> Floats:
    """Confidence: a coin's a little above at the limit, the most at half or twice of it."""
    return np.asarray(0.6 + (most - 0.6) * np.minimum(np.abs(np.log2(np.maximum(away, 1e-6) / limit)), 1.0))


def _choice(filled: npt.NDArray[np.bool_], empty: npt.NDArray[np.bool_], sure: Floats, note: str = "") -> Choice:
    states: list[State] = [
        "filled" if f else "empty" if e else "unknown" for f, e in zip(filled, empty, strict=True)
    ]
    known = filled | empty
    confidence = np.where(known, sure, 0.0)
    return Choice(tuple(states), tuple(float(c) for c in confidence), tuple(bool(k) for k in ~known), note)


def _distance(one: Floats, two: Floats) -> Floats:
    """CIELAB distance with less weight on lightness; (..., 3) in."""
    return np.asarray(np.linalg.norm((one - two) * (SHADE_WEIGHT, 1.0, 1.0), axis=-1))
