"""Figures of the reader on scenes that the virtual bench renders, and sheets of them for a person to look at.

    python -m tests.vision.rendered --scenes 1000 --seed 50000 [--json figures.json] [--sheet sheet.png]

Seeds 0 to 9999 are for tuning, 50000 and up for the figures that are published. Scenes whose truth a person could
not tell, and dark-field scenes without a panel, are counted apart.
"""

import argparse
import json
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

import cv2
import numpy as np

from hardware.virtual.optics.random_case import random_case
from hardware.virtual.optics.specimen import Truth
from vision.calibration import VialView
from vision.colour import delta_e00
from vision.reader import read_vial
from vision.reading import VialReading

FILLED = ("liquid", "two_phase", "liquid+solid", "solid", "gel")
GROSS, NEAR, BOUNDARY_NEAR = 10.0, 2.0, 3.0
"""% of the box's height."""
Figures = dict[str, float | int | None]


@dataclass(frozen=True)
class Score:
    """One scene. Errors in % of the box's height, volume in % of capacity; None where nothing can be compared."""

    seed: int
    group: str
    tags: tuple[str, ...]
    state: str
    read: str
    doubt: str
    confidence: float
    presence_right: bool
    has_surface: bool
    surface: float | None
    layers_right: bool | None
    volume: float | None
    right: bool
    delta_e: list[float] = field(default_factory=list)
    delta_e_clear: list[float] = field(default_factory=list)


def view_of(truth: Truth) -> VialView:
    """What a calibrated rig knows of the slot."""
    return VialView(truth.box_px, truth.base_row, truth.px_per_mm, truth.bore_mm, truth.capacity_ul, truth.white_px)


def score(seed: int, truth: Truth, seen: VialReading) -> Score:
    """How well the reading agrees with the truth."""
    tall = truth.box_px[3] - truth.box_px[1]
    contents = truth.state in FILLED
    answered = seen.state != "unknown"
    surface = None
    if truth.surface_row is not None and seen.surface_row is not None:
        surface = 100 * abs(seen.surface_row - truth.surface_row) / tall
        spread = truth.band_rows is not None and {"foam", "vortex"} & set(truth.tags)
        if spread and truth.band_rows[0] <= seen.surface_row <= truth.band_rows[1]:
            surface = 0.0
    tops = seen.boundary_rows if truth.surface_row is not None else tuple(layer.top_row for layer in seen.layers)
    same = len(tops) == len(truth.boundary_rows)
    off = [100 * abs(a - b) / tall for a, b in zip(tops, truth.boundary_rows, strict=False)]
    layers = None if not (contents and answered) else same and all(e <= BOUNDARY_NEAR for e in off)
    volume = None
    if truth.surface_row is not None and seen.volume_ul is not None:
        volume = 100 * abs(seen.volume_ul - truth.volume_ul) / truth.capacity_ul
    right = seen.state == truth.state and (surface is None or surface <= NEAR)
    right = right and (truth.state != "solid" or bool(layers))
    delta, clear = [], []
    if surface is not None and surface <= GROSS and len(seen.layers) == len(truth.phases) and truth.white_px:
        for layer, phase in zip(seen.layers, truth.phases, strict=True):
            if not phase.solid:
                error = delta_e00(layer.lab, phase.lab)
                delta.append(error)
                clear += [error] if phase.scatter_per_mm == 0 else []
    return Score(
        seed=seed,
        group="hidden" if truth.hidden else "dark field" if truth.white_px is None else "panel",
        tags=truth.tags,
        state=truth.state,
        read=seen.state,
        doubt=str(seen.doubt.name or seen.doubt),
        confidence=seen.confidence,
        presence_right=seen.present is (truth.state != "no_vial"),
        has_surface=truth.surface_row is not None,
        surface=surface,
        layers_right=layers,
        volume=volume,
        right=right,
        delta_e=delta,
        delta_e_clear=clear,
    )


def read_one(seed: int) -> Score:
    """Render, read and score one seed."""
    cv2.setNumThreads(1)
    image, truth = random_case(seed)
    return score(seed, truth, read_vial(image, view_of(truth)))


def calibration_error(scores: list[Score]) -> float | None:
    """Expected calibration error over ten bins of confidence (Guo et al., ICML 2017), of the answers given."""
    given = [s for s in scores if s.read != "unknown"]
    if not given:
        return None
    confidence = np.array([s.confidence for s in given])
    right = np.array([s.right for s in given], float)
    bins = np.minimum((confidence * 10).astype(int), 9)
    gaps = [
        np.sum(bins == b) * abs(confidence[bins == b].mean() - right[bins == b].mean()) for b in np.unique(bins)
    ]
    return float(np.sum(gaps) / len(given))


def share(hits: list[bool]) -> float | None:
    return 100 * float(np.mean(hits)) if hits else None


def at(values: list[float], percentile: float) -> float | None:
    return float(np.percentile(values, percentile)) if values else None


def figures(scores: list[Score]) -> Figures:
    """Every figure of one group of scenes."""
    surface = [s.surface for s in scores if s.surface is not None]
    filled = [s for s in scores if s.has_surface]
    bare = [s for s in scores if s.state in ("empty", "no_vial")]
    delta = [e for s in scores for e in s.delta_e]
    clear = [e for s in scores for e in s.delta_e_clear]
    volume = [s.volume for s in scores if s.volume is not None]
    return {
        "scenes": len(scores),
        "presence right %": share([s.presence_right for s in scores]),
        "answered % (has a surface)": share([s.surface is not None for s in filled]),
        "surface median % of height": at(surface, 50),
        "surface p95 % of height": at(surface, 95),
        "surface within 2 % (unknown a miss)": share([s.surface is not None and s.surface <= NEAR for s in filled]),
        "gross > 10 % of answered": share([e > GROSS for e in surface]),
        "empties called filled %": share([s.read in FILLED for s in bare]),
        "filled called empty %": share([s.read in ("empty", "no_vial") for s in scores if s.state in FILLED]),
        "state right % of answered": share([s.read == s.state for s in scores if s.read != "unknown"]),
        "layers right % of answered": share([bool(s.layers_right) for s in scores if s.layers_right is not None]),
        "delta E00 median": at(delta, 50),
        "delta E00 p95": at(delta, 95),
        "delta E00 median, clear": at(clear, 50),
        "delta E00 p95, clear": at(clear, 95),
        "volume median % of full scale": at(volume, 50),
        "volume p95 % of full scale": at(volume, 95),
        "expected calibration error": calibration_error(scores),
    }


def badness(s: Score) -> float:
    """For the list of the worst: wrong and sure comes first."""
    if s.read == "unknown":
        return 0.3
    return 0.0 if s.right else 1 + s.confidence + min(s.surface or 0.0, 50) / 50


def reason(s: Score) -> str:
    error = "" if s.surface is None else f", surface off {s.surface:.1f} %"
    colour = f", dE {max(s.delta_e):.1f}" if s.delta_e else ""
    return f"{s.state} read as {s.read} ({s.confidence:.2f}){error}{colour} [{' '.join(s.tags)}] {s.doubt}"


def sheet(seeds: list[int], across: int = 6) -> np.ndarray:
    """Scenes side by side. Ticks: truth left, reading right; surface red, boundary blue, base magenta."""
    tiles = []
    for seed in seeds:
        image, truth = random_case(seed)
        seen = read_vial(image, view_of(truth))
        x0, y0, x1, y1 = (round(v) for v in truth.box_px)
        cv2.rectangle(image, (x0, y0), (x1, y1), (0, 200, 0), 1)
        for rows, left in (
            ([(truth.surface_row, (0, 0, 255)), (truth.base_row, (255, 0, 255))], x0 - 16),
            ([(row, (255, 120, 0)) for row in truth.boundary_rows], x0 - 16),
            ([(seen.surface_row, (0, 0, 255)), *((row, (255, 120, 0)) for row in seen.boundary_rows)], x1 + 3),
        ):
            for row, colour in rows:
                if row is not None and np.isfinite(row):
                    cv2.line(image, (left, round(row)), (left + 13, round(row)), colour, 2)
        at_x = int(np.clip((x0 + x1) // 2 - 200, 0, image.shape[1] - 400))
        tile = image[:, at_x : at_x + 400].copy()
        words = f"{seed} {truth.state} {truth.hidden} -> {seen.state} {seen.confidence:.2f}"
        for text, y in ((words, 14), (" ".join(truth.tags), 474)):
            cv2.putText(tile, text[:60], (4, y), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 255), 1, cv2.LINE_AA)
        tiles.append(tile)
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % across)
    return np.vstack([np.hstack(tiles[i : i + across]) for i in range(0, len(tiles), across)])


def main(arguments: list[str] | None = None) -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=50000)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--sheet", type=Path, help="only draw these scenes into a PNG")
    parser.add_argument("--only", type=int, nargs="*", help="these seeds instead")
    said = parser.parse_args(arguments)
    seeds = said.only or list(range(said.seed, said.seed + said.scenes))
    if said.sheet:
        cv2.imwrite(str(said.sheet), sheet(seeds))
        return 0
    if said.jobs > 1:
        with ProcessPoolExecutor(said.jobs) as pool:
            scores = list(pool.map(read_one, seeds, chunksize=8))
    else:
        scores = [read_one(seed) for seed in seeds]
    found = {group: figures([s for s in scores if s.group == group]) for group in ("panel", "dark field", "hidden")}
    out = sys.stdout.write
    out(f"{'':38}{'panel':>12}{'dark field':>12}{'hidden':>12}\n")
    for name in found["panel"]:
        cells = (found[group][name] for group in found)
        out(f"{name:38}" + "".join(f"{'-' if c is None else format(c, '.3g'):>12}" for c in cells) + "\n")
    out("\nworst of the scenes before a panel:\n")
    for s in sorted((s for s in scores if s.group == "panel"), key=badness, reverse=True)[:20]:
        out(f"  {s.seed}: {reason(s)}\n")
    if said.json:
        said.json.write_text(
            json.dumps({"figures": found, "scenes": [asdict(s) for s in scores]}, indent=1), "utf-8"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
