"""Vessels to fit `vision.photograph` on: annotated photographs, variants of them, and rendered scenes."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from hardware.virtual.optics.random_case import random_case, random_scene
from vision.photograph_column import ROWS
from vision.picture import load_image

Image = npt.NDArray[np.uint8]
Rows = npt.NDArray[np.float64]
FILLED = ("liquid", "two_phase", "liquid+solid", "gel")
RENDERED = "rendered"


@dataclass(frozen=True)
class Case:
    """One vessel. Rows are of the picture; band: extent of the surface that counts as right. cap: whether the row
    of the cap's lower edge is known, and that row, None where there is no cap."""

    image: Image
    box: tuple[float, float, float, float]
    state: str
    group: str
    surface: float | None
    band: tuple[float, float] | None
    boundaries: tuple[float, ...]
    bottom: float
    uncertainty: float = 2.0
    original: bool = False
    cap: tuple[bool, float | None] = (False, None)

    @property
    def height(self) -> float:
        return self.box[3] - self.box[1]

    def rows(self, places: tuple[int, ...]) -> Rows:
        """Picture rows of canonical rows."""
        return self.box[1] + np.array(places, dtype=np.float64) / ROWS * self.height

    def is_surface(self, rows: Rows) -> npt.NDArray[np.bool_]:
        lines = self.boundaries if self.surface is None else (self.surface,)
        if self.state not in FILLED or not lines:
            return np.zeros(len(rows), bool)
        right = np.min([np.abs(rows - y) for y in lines], axis=0) <= 0.012 * self.height
        if self.band is not None and not right.any():
            right = (rows >= self.band[0] - 0.01 * self.height) & (rows <= self.band[1] + 0.01 * self.height)
        return np.asarray(right)

    def is_boundary(self, rows: Rows) -> npt.NDArray[np.bool_]:
        if self.surface is None or not self.boundaries:
            return np.zeros(len(rows), bool)
        return np.asarray(np.min([np.abs(rows - y) for y in self.boundaries], axis=0) <= 0.012 * self.height)

    def is_cap(self, rows: Rows) -> npt.NDArray[np.bool_]:
        if self.cap[1] is None:
            return np.zeros(len(rows), bool)
        return np.asarray(np.abs(rows - self.cap[1]) <= 0.02 * self.height)

    def error(self, row: float) -> float:
        """Percent of the box's height, as the score counts it."""
        if self.surface is not None and self.band is not None:
            off = max(0.0, self.band[0] - row, row - self.band[1])
        else:
            off = min(max(0.0, abs(row - b) - self.uncertainty) for b in self.boundaries)
        return 100 * off / self.height


def photographs(folder: Path) -> Iterator[tuple[Case, dict[str, str]]]:
    """Every annotated vessel with its line of the manifest."""
    for row in csv.DictReader((folder / "manifest.csv").open(newline="")):
        x0, y0, x1, y1 = (float(row[k]) for k in ("x0", "y0", "x1", "y1"))
        surface = float(row["surface_y"]) if row["surface_y"] else None
        band = None
        if surface is not None:
            band = float(row["surface_band_top"]), float(row["surface_band_bottom"])
        yield (
            Case(
                image=load_image(folder / "photos" / row["file"]),
                box=(x0, y0, x1, y1),
                state=row["state"],
                group=row["group"],
                surface=surface,
                band=band,
                boundaries=tuple(float(b) for b in row["boundaries_y"].split(";") if b),
                bottom=float(row["inner_bottom_y"]),
                uncertainty=float(row["uncertainty_px"]),
                original=True,
            ),
            row,
        )


def rendered(seed: int) -> Case | None:
    """A scene of the virtual bench in a box that is a little off; None where its truth cannot be seen."""
    specimen, _, known = random_scene(seed)
    if known.hidden or known.state in ("no_vial", "solid"):
        return None
    image, truth = random_case(seed)
    x0, y0, x1, y1 = truth.box_px
    width, height = x1 - x0, y1 - y0
    off = np.random.default_rng(seed).uniform(-1, 1, 4) * (0.03 * width, 0.02 * height, 0.03 * width, 0.02 * height)
    vessel, cap = specimen.vessel, specimen.cap
    edge = None
    if cap is not None:
        edge = truth.base_row - (vessel.height_mm - cap.tall_mm + cap.above_mm) * truth.px_per_mm
    band = truth.band_rows
    if band is None and truth.surface_row is not None:
        band = (truth.surface_row, truth.surface_row)
    return Case(
        image=image,
        box=(x0 + off[0], y0 + off[1], x1 + off[2], y1 + off[3]),
        state=truth.state,
        group=RENDERED,
        surface=truth.surface_row,
        band=band,
        boundaries=tuple(truth.boundary_rows),
        bottom=truth.base_row,
        cap=(True, edge),
    )


def variants(case: Case, random: np.random.Generator, count: int) -> Iterator[Case]:
    """The same vessel filled otherwise, mirrored, in another light, box and focus; and emptied where there is
    enough air above the liquid to show an empty vessel."""
    case = cropped(case)
    for _ in range(3 * count if case.state == "empty" else count):
        yield changed(refilled(case, random), random)
    for _ in range(count // 2):
        bare = emptied(case, random)
        if bare is not None:
            yield changed(bare, random)


def cropped(case: Case) -> Case:
    """The picture cut to the box and what is beside it."""
    x0, y0, x1, y1 = case.box
    left, right = int(max(0, x0 - 0.3 * (x1 - x0))), int(min(case.image.shape[1], x1 + 0.3 * (x1 - x0)))
    top, bottom = int(max(0, y0)), int(min(case.image.shape[0], y1))
    moved = shifted(case, lambda y: y - top)
    part = case.image[top:bottom, left:right]
    return replace(moved, image=part, box=(x0 - left, 0.0, x1 - left, float(bottom - top)), original=False)


def shifted(case: Case, move: "Move") -> Case:
    """The same with every annotated row moved."""
    return replace(
        case,
        surface=None if case.surface is None else move(case.surface),
        band=None if case.band is None else (move(case.band[0]), move(case.band[1])),
        boundaries=tuple(move(b) for b in case.boundaries),
        bottom=move(case.bottom),
    )


class Move:
    """Stretch a picture's rows: those at `source` come to `target`, linear between."""

    def __init__(self, source: list[float], target: list[float]) -> None:
        keep = np.concatenate([[True], np.diff(target) > 1])
        self.source, self.target = np.array(source)[keep], np.array(target)[keep]

    def __call__(self, row: float) -> float:
        return float(np.interp(row, self.source, self.target))

    def image(self, image: Image) -> Image:
        tall, wide = image.shape[:2]
        rows = np.interp(np.arange(tall), self.target, self.source).astype(np.float32)
        grid = np.meshgrid(np.arange(wide, dtype=np.float32), rows)
        return np.asarray(cv2.remap(image, *grid, interpolation=cv2.INTER_LINEAR), np.uint8)


def refilled(case: Case, random: np.random.Generator) -> Case:
    """Air and liquid stretched so that the surface is elsewhere; so is the shoulder."""
    lines = [y for y in (case.surface, *(case.band or ()), *case.boundaries) if y is not None]
    if not lines or random.random() > 0.75:
        return case
    tall = case.height
    top = case.band[0] if case.band else lines[0]
    neck = min(random.uniform(0.2, 0.3) * tall, 0.8 * lines[0], 0.95 * top)
    floor = max(max(lines) + 0.02 * tall, min(case.bottom - 0.02 * tall, tall - 2))
    up, down = max(neck + 2, top - 0.02 * tall), min(floor - 2, max(lines) + 0.02 * tall)
    to = min(neck * random.uniform(0.45, 1.15) if random.random() < 0.6 else neck, up - 4)
    by = random.uniform(-0.9 * (up - to), 0.75 * (floor - down))
    move = Move([0, neck, up, down, floor, tall], [0, to, up + by, down + by, floor, tall])
    return replace(shifted(case, move), image=move.image(case.image))


def emptied(case: Case, random: np.random.Generator) -> Case | None:
    """The air stretched down to the base; None where there is little air."""
    if case.band is None:
        return None
    tall = case.height
    air, base = case.band[0] - 0.03 * tall, case.bottom - 0.03 * tall
    if air < 0.45 * tall:
        return None
    top = random.uniform(0.2, 0.3) * tall
    rows = np.arange(len(case.image))
    move = np.where(rows < base, np.interp(rows, [0, top, base], [0, top, air]), rows).astype(np.float32)
    grid = np.meshgrid(np.arange(case.image.shape[1], dtype=np.float32), move)
    image = np.asarray(cv2.remap(case.image, *grid, interpolation=cv2.INTER_LINEAR), np.uint8)
    return replace(case, image=image, state="empty", surface=None, band=None, boundaries=())


def changed(case: Case, random: np.random.Generator) -> Case:
    """Mirrored, tilted, in another light, focus and box."""
    image, (x0, _, x1, _) = case.image, case.box
    tall, wide = image.shape[:2]
    if random.random() < 0.5:
        image, x0, x1 = image[:, ::-1], wide - x1, wide - x0
    off = random.uniform(-1, 1, 4) * (0.04 * (x1 - x0), 0.03 * tall, 0.04 * (x1 - x0), 0.02 * tall)
    box = (max(0.0, x0 + off[0]), max(0.0, off[1]), min(float(wide), x1 + off[2]), min(float(tall), tall + off[3]))
    light = (image.astype(np.float32) / 255) ** np.float32(np.exp(random.uniform(-0.35, 0.35)))
    if random.random() < 0.3:
        light = light[..., random.permutation(3)]
    if random.random() < 0.3:
        light = cv2.GaussianBlur(light, (0, 0), random.uniform(0.3, 0.004 * tall + 0.3))
    if random.random() < 0.3:
        light = light + random.normal(0, 0.02, light.shape)
    if random.random() < 0.4:
        tilt = random.uniform(-0.03, 0.03)
        shear = np.array([[1, 0, 0], [tilt, 1, -tilt * (box[0] + box[2]) / 2]], np.float32)
        light = cv2.warpAffine(light, shear, (wide, tall), borderMode=cv2.BORDER_REPLICATE)
    return replace(case, image=np.ascontiguousarray(np.clip(light, 0, 1) * 255).astype(np.uint8), box=box)
