"""Weigh the candidates of `vision.photograph` on the annotated photographs, held out by group.

    python -m tests.vision.fit_photograph ../shared/vision predictions.json [--write]

predictions.json gets what is answered when the photograph's own group took no part in the weighing: the figures to
believe. --write puts the weights of all groups together into vision/photograph_weights.py.
"""

import csv
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from vision import photograph_column as photograph
from vision.photograph import SURE
from vision.picture import load_image

RIDGE = 0.6
FILLED = ("liquid", "two_phase", "liquid+solid", "gel")


@dataclass(frozen=True)
class Vessel:
    row: dict[str, str]
    places: list[int]
    described: np.ndarray
    right: np.ndarray

    @property
    def empty(self) -> bool:
        return self.row["state"] == "empty"


def vessels(folder: Path) -> list[Vessel]:
    found = []
    for row in csv.DictReader((folder / "manifest.csv").open(newline="")):
        box = tuple(float(row[k]) for k in ("x0", "y0", "x1", "y1"))
        seen = photograph.survey(load_image(folder / "photos" / row["file"]), box)
        assert seen is not None
        high = box[3] - box[1]
        rows = box[1] + np.array(seen[0]) / photograph.ROWS * high
        lines = [row["surface_y"]] if row["surface_y"] else [b for b in row["boundaries_y"].split(";") if b]
        off = np.min([np.abs(rows - float(y)) / high for y in lines], axis=0) if lines else np.full(len(rows), 9.0)
        right = off <= 0.012
        if row["surface_y"] and not right.any():
            low, top = float(row["surface_band_bottom"]), float(row["surface_band_top"])
            right = (rows >= top - 0.01 * high) & (rows <= low + 0.01 * high)
        found.append(Vessel(row, *seen, right))
    return found


def weigh(chosen: list[Vessel], mean: np.ndarray, spread: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    groups = [v.row["group"] for v in chosen]
    cases = [
        (
            (v.described - mean) / spread,
            photograph.against_empty(v.described),
            v,
            groups.count(v.row["group"]) ** -0.5,
        )
        for v in chosen
        if v.empty or (v.row["state"] in FILLED and v.right.any())
    ]
    n = len(mean)

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        total = 0.5 * RIDGE * w[:n] @ w[:n] + 0.05 * w[n:] @ w[n:]
        slope = np.r_[RIDGE * w[:n], 0.1 * w[n:]]
        for x, e, v, k in cases:
            score = np.r_[x @ w[:n], e @ w[n:]]
            p = np.exp(score - score.max())
            p /= p.sum()
            q = p * np.r_[v.right & (not v.empty), v.empty]
            total -= k * np.log(q.sum() + 1e-12)
            d = k * (p - q / (q.sum() + 1e-12))
            slope[:n] += x.T @ d[:-1]
            slope[n:] += e * d[-1]
        return total, slope

    best = minimize(loss, np.zeros(n + 4), jac=True, method="L-BFGS-B", options={"maxiter": 200}).x
    return best[:n], best[n:]


def main(folder: Path, out: Path, write: bool) -> None:
    every = vessels(folder)
    table = np.vstack([v.described for v in every])
    mean, spread = table.mean(axis=0), table.std(axis=0) + 1e-6
    predictions: dict[str, list[dict[str, object]]] = {}
    for group in sorted({v.row["group"] for v in every}):
        weights = weigh([v for v in every if v.row["group"] != group], mean, spread)
        photograph.MEAN, photograph.SPREAD = tuple(mean), tuple(spread)
        photograph.SURFACE, photograph.EMPTY = (tuple(w) for w in weights)
        for v in every:
            if v.row["group"] != group:
                continue
            best, sure = photograph.choose(v.described, v.places)
            told = {"vessel": int(v.row["vessel"]), "confidence": sure, "state": "unknown", "surface_y": None}
            if sure >= SURE:
                y0, y1 = float(v.row["y0"]), float(v.row["y1"])
                told["state"] = "empty" if best is None else "liquid"
                told["surface_y"] = None if best is None else y0 + v.places[best] / photograph.ROWS * (y1 - y0)
            predictions.setdefault(v.row["file"], []).append(told)
    out.write_text(json.dumps(predictions))
    if write:
        surface, empty = weigh(every, mean, spread)
        lines = ['"""Weights of `vision.photograph.choose`; made by tests/vision/fit_photograph.py."""']
        for name, values in (("MEAN", mean), ("SPREAD", spread), ("SURFACE", surface), ("EMPTY", empty)):
            lines += ["", f"{name} = (", *(f"    {float(x):.5g}," for x in values), ")"]
        Path(photograph.__file__).with_name("photograph_weights.py").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), "--write" in sys.argv)
