"""Colour correction from a 24-patch chart or a grey patch seen in a picture.

The chart is found by `cv2.mcc` or lies between four corners; each patch gives the median light of its middle. Curve
of the camera, shade across the chart and matrix are fitted together, with weights that make errors of lightness
count alike in dark and bright patches; of a plain matrix and a root polynomial the one that foretells patches left
out better is taken.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from vision.background import inside
from vision.chart_reference import COLUMNS, GREYS, NAMES, ROWS, reference_rgb
from vision.colour import delta_e00_array, linear, linear_rgb_to_lab, robust_mean
from vision.correction import ChartError, Correction, load_correction, terms
from vision.picture import load_image

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Image = npt.NDArray[np.uint8]
Point = tuple[float, float]
Corners = tuple[Point, Point, Point, Point]

CELL, GAP = 2.5, 0.25
"""Side of a patch and width of the frame between patches, in the detector's units."""
MIDDLE = 0.5
CLIPPED, NOTHING = 251, 3
"""Codes from which, and up to which, a patch says nothing."""
DARK = 70
"""The white patch has at least this code, or noise and steps of code make the colours."""
MOST_SIDE_PX = 2000
"""A larger picture is reduced before the chart is sought in it: the detector takes seconds otherwise."""
SMALLEST_PX = 6
"""Side of a patch that still has a middle without its neighbours' light."""
FEWEST = 18
UNEVEN = 1.6
"""Brightest over darkest light across the chart: beyond, a fitted shade is no longer believed."""
WORST_MEAN = 6.0
TEXTURED = 0.25
GAIN = 0.9
"""A root polynomial has to foretell patches this much better than a matrix."""


@dataclass(frozen=True)
class Patches:
    """Light of the 24 patches, RGB, in the order of the reference. even: which are of one colour.

    usable: those of them that are neither clipped nor black."""

    light: Floats
    even: Bools
    usable: Bools


def correction_from_chart(
    image: Image, corners: Corners | None = None, reference_lab_d50: npt.ArrayLike | None = None
) -> Correction:
    """The correction that a picture of a chart asks for.

    corners: of the field of patches, frame included, px, once round from the dark-skin patch (upside down is seen);
    None seeks the chart. reference_lab_d50: (24, 3) of one's own chart in place of the maker's.
    Raises ChartError: no chart found, clipped, too dark, lit too unevenly, covered, mirrored.
    """
    reference = reference_rgb() if reference_lab_d50 is None else reference_rgb(reference_lab_d50)
    if corners is None:
        patches = _oriented(_patches(image, find_chart(image)), reference)
    else:
        patches = _between(image, corners, reference)
    _check(patches)
    return _fitted(patches, reference)


def _between(image: Image, corners: Corners, reference: Floats) -> Patches:
    """The patches between corners that begin at any one of them. Raises ChartError."""
    try:
        return _oriented(_patches(image, corners), reference)
    except ChartError as error:
        a, b, c, d = corners if len(corners) == 4 else (corners[0],) * 4
        try:
            return _oriented(_patches(image, (b, c, d, a)), reference)
        except ChartError:
            raise error from None


def correction_of(path: Path) -> Correction:
    """What a file says: a saved correction, or a picture of a chart. Raises ChartError, ImageError."""
    try:
        with path.open("rb") as file:
            text = file.read(16).lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"["))
    except OSError as error:
        raise ChartError(f"{path}: cannot be read: {error.strerror or error}") from error
    return load_correction(path) if text else correction_from_chart(load_image(path))


def correction_from_grey(
    image: Image, box: tuple[float, float, float, float], reflectance: float = 1.0
) -> Correction:
    """White balance and exposure alone, from a white or grey patch.

    reflectance: of the patch, 0..1; 1 makes it the white that colours are relative to. Raises ChartError.
    """
    where = inside(box, image.shape)
    if where is None:
        raise ChartError("the grey patch is no box in the picture: left, top, right, bottom in its pixels")
    if not 0.05 <= reflectance <= 1:
        raise ChartError("a grey patch reflects from 0.05 to 1 of the light")
    x0, y0, x1, y1 = where
    codes = image[y0:y1, x0:x1].reshape(-1, 3)
    if np.mean(codes.max(axis=1) >= CLIPPED) > 0.05:
        raise ChartError("the grey patch is overexposed: take the picture darker")
    light = robust_mean(linear(codes))[::-1]
    if light.min() < 0.01:
        raise ChartError("the grey patch is too dark: take the picture brighter")
    return Correction(tuple(float(v) for v in np.diag(reflectance / light).reshape(-1)))


def find_chart(image: Image) -> Corners:
    """The corners of the chart in a picture, px. Raises ChartError."""
    detector = cv2.mcc.CCheckerDetector.create()
    detector.setColorChartType(cv2.mcc.MCC24)
    scale = min(1.0, MOST_SIDE_PX / max(image.shape[:2]))
    try:
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else image
        seen = detector.process(small, nc=1)
    except cv2.error as error:
        raise ChartError("no chart found: the picture is too small to hold one") from error
    if not seen:
        raise ChartError("no chart found: show all 24 patches, sharp, at least 15 px each, and nothing over them")
    box = (np.asarray(detector.getBestColorChecker().getBox(), np.float64) + 0.5) / scale - 0.5
    a, b, c, d = ((float(x), float(y)) for x, y in box)
    return a, b, c, d


def _patches(image: Image, corners: Corners) -> Patches:
    """The patches in the order in which they lie between the corners."""
    points = np.asarray(corners, np.float32)
    if points.shape != (4, 2) or not np.all(np.isfinite(points)) or not cv2.isContourConvex(points):
        raise ChartError("the chart needs four corners, each x,y, once round")
    smallest = np.linalg.norm(np.roll(points, -1, axis=0) - points, axis=1).min() / COLUMNS
    if smallest < SMALLEST_PX:
        raise ChartError(f"the patches are {smallest:.1f} px large, {SMALLEST_PX} are needed: move nearer")
    if points.min() < 0 or np.any(points > (image.shape[1] - 1, image.shape[0] - 1)):
        raise ChartError("the chart is not wholly in the picture")
    width, height = (n * (CELL + GAP) + GAP for n in (COLUMNS, ROWS))
    flat = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    spread = np.linspace(-0.5, 0.5, 16) * MIDDLE * CELL
    offsets = np.stack(np.meshgrid(spread, spread), axis=-1).reshape(-1, 2)
    first = GAP + CELL / 2
    cells = np.stack(np.meshgrid(np.arange(COLUMNS), np.arange(ROWS)), axis=-1).reshape(-1, 1, 2)
    places = (first + cells * (CELL + GAP) + offsets).reshape(1, -1, 2).astype(np.float32)
    at = cv2.perspectiveTransform(places, cv2.getPerspectiveTransform(flat, points))[0]
    codes = cv2.remap(image, at[:, 0].reshape(24, -1), at[:, 1].reshape(24, -1), cv2.INTER_LINEAR)
    peak = np.percentile(codes, 95, axis=1).max(axis=-1)
    middle = np.median(codes, axis=1)
    light = np.median(linear(np.asarray(codes, np.uint8)), axis=1)[:, ::-1].astype(np.float64)
    spread_share = np.std(codes.mean(axis=-1), axis=1) / np.maximum(middle.mean(axis=-1), 20)
    even = spread_share < TEXTURED
    return Patches(light, np.asarray(even), np.asarray((peak < CLIPPED) & (middle.max(axis=-1) > NOTHING) & even))


def _oriented(patches: Patches, reference: Floats) -> Patches:
    """Turned so that the colours agree with the reference. Raises ChartError: none of the turns does."""
    grid = np.arange(24).reshape(ROWS, COLUMNS)
    turns = {"": grid, "turned": grid[::-1, ::-1], "mirrored": grid[:, ::-1], "upside down mirrored": grid[::-1]}
    misfit = {}
    for name, turn in turns.items():
        order = turn.reshape(-1)
        light, usable = patches.light[order], patches.usable[order]
        if usable.sum() < 8:
            raise ChartError(_too_few(patches))
        solved, *_ = np.linalg.lstsq(light[usable], reference[usable], rcond=None)
        misfit[name] = float(np.mean((light[usable] @ solved - reference[usable]) ** 2))
    best = min(misfit, key=lambda name: misfit[name])
    if "mirrored" in best:
        raise ChartError(
            "the chart is mirrored: turn off the camera's mirror picture, or give the corners once round"
        )
    if misfit[best] > 0.25 * float(np.var(reference)):
        raise ChartError("what lies there is not the 24-patch chart, or much of it is covered")
    order = turns[best].reshape(-1)
    return Patches(patches.light[order], patches.even[order], patches.usable[order])


def _too_few(patches: Patches) -> str:
    if np.count_nonzero(patches.light.max(axis=1) > 0.9) >= 4:
        why = "the chart is overexposed: take it darker"
    elif np.count_nonzero(~patches.even) >= 6:
        why = "others are not of one colour: is the chart covered, or are its corners elsewhere?"
    else:
        why = "the chart is too dark or covered: take it brighter"
    return f"only {np.count_nonzero(patches.usable)} of 24 patches can be read; {why}"


def _check(patches: Patches) -> None:
    """Raises ChartError for a chart that says too little."""
    if patches.light[18].max() < linear(np.array([DARK], np.uint8))[0]:
        raise ChartError("the chart is too dark: take the picture brighter")
    if patches.usable.sum() < FEWEST or patches.usable[GREYS].sum() < 4:
        raise ChartError(_too_few(patches))


def _fitted(patches: Patches, reference: Floats) -> Correction:
    usable = patches.usable
    light, wanted = patches.light[usable], reference[usable]
    places = np.stack(np.meshgrid(np.linspace(-1, 1, COLUMNS), np.linspace(-1, 1, ROWS)), axis=-1).reshape(-1, 2)[
        usable
    ]
    power, shade = _curve_and_shade(light, wanted, places)
    gain = np.exp(places @ shade)
    extent = float(np.exp(2 * np.abs(shade).sum()))
    if extent > UNEVEN:
        raise ChartError(f"the chart is lit too unevenly (1 : {extent:.1f} across it): turn it to the lamp")
    even = light / gain[:, None]
    errors = {count: _left_out_errors(even, wanted, power, count) for count in (3, 6)}
    count = 6 if errors[6].mean() < GAIN * errors[3].mean() else 3
    if errors[count].mean() > WORST_MEAN:
        raise ChartError(
            f"the patches do not fit a chart (ΔE00 {errors[count].mean():.1f} on average): is it faded, covered or "
            "lit by two lamps?"
        )
    matrix = _solved(terms(even, power, count), wanted)
    return Correction(
        matrix=tuple(float(v) for v in matrix.reshape(-1)),
        power=power,
        mean_de00=float(errors[count].mean()),
        max_de00=float(errors[count].max()),
        left_out=tuple(name for name, used in zip(NAMES, usable, strict=True) if not used),
    )


def _curve_and_shade(light: Floats, wanted: Floats, places: Floats) -> tuple[float, Floats]:
    """The power that makes light out of codes, and the slope of log light over the chart, by turns."""
    shade, power = np.zeros(2), 1.0
    for _ in range(4):
        even = light / np.exp(places @ shade)[:, None]
        power = _best_power(even, wanted)
        fit = terms(even, power, 3) @ _solved(terms(even, power, 3), wanted).T
        seen, true = np.maximum(fit @ LUMINANCE, 1e-4), np.maximum(wanted @ LUMINANCE, 1e-4)
        design = np.column_stack([np.ones(len(places)), places])
        slope, *_ = np.linalg.lstsq(design, np.log(seen / true) / power, rcond=None)
        shade = shade + slope[1:]
    return power, shade


LUMINANCE = np.array([0.2126729, 0.7151522, 0.0721750])


def _best_power(light: Floats, wanted: Floats) -> float:
    """Golden-section search for the least mean CIEDE2000."""
    lab, ratio = linear_rgb_to_lab(np.maximum(wanted, 0)), (5**0.5 - 1) / 2

    def misfit(power: float) -> float:
        known = terms(light, power, 3)
        fit = np.maximum(known @ _solved(known, wanted).T, 0)
        return float(delta_e00_array(linear_rgb_to_lab(fit), lab).mean())

    low, high = 0.5, 2.0
    for _ in range(18):
        a, b = high - ratio * (high - low), low + ratio * (high - low)
        low, high = (low, b) if misfit(a) < misfit(b) else (a, high)
    return (low + high) / 2


def _solved(known: Floats, wanted: Floats) -> Floats:
    """(3, terms): least squares, each patch weighted by the slope of CIELAB's cube root at its luminance."""
    weight = np.maximum(wanted @ LUMINANCE, 0.01)[:, None] ** (-2 / 3)
    left = known * weight
    hold = 1e-6 * np.trace(left.T @ left) / known.shape[1] * np.eye(known.shape[1])
    return np.asarray(np.linalg.solve(left.T @ left + hold, left.T @ (wanted * weight)).T)


def _left_out_errors(light: Floats, wanted: Floats, power: float, count: int) -> Floats:
    """CIEDE2000 of each patch by the fit of all others."""
    known, lab = terms(light, power, count), linear_rgb_to_lab(np.maximum(wanted, 0))
    guessed = np.empty_like(wanted)
    for n in range(len(known)):
        others = np.arange(len(known)) != n
        guessed[n] = known[n] @ _solved(known[others], wanted[others]).T
    return delta_e00_array(linear_rgb_to_lab(np.maximum(guessed, 0)), lab)
