"""Weigh the evidence of `vision.photograph_evidence`, on photographs held out by group and on rendered scenes.

    python -m tests.vision.fit_photograph ../shared/vision predictions.json [--write] [--scenes 900] [--variants 20]

predictions.json gets what is answered when the photograph's own group took no part in the weighing: the figures to
believe. --write puts the weights of all groups together into vision/photograph_weights.py.
"""

import argparse
import csv
import json
import subprocess
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from tests.vision.photograph_cases import FILLED, RENDERED, Case, photographs, rendered, variants
from vision import photograph, photograph_explain, photograph_layers
from vision.look import reading_to_json, view_of
from vision.photograph_column import ROWS, Column, look_column
from vision.photograph_evidence import Segments, describe
from vision.photograph_explain import HEADS, against, combine, doubts
from vision.picture import load_image
from vision.reader import read_vial

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
RIDGE = {"cap": 1.0, "surface": 5.0, "layers": 30.0}
RENDERED_WEIGHT = {"cap": 60.0, "surface": 45.0, "layers": 200.0}
"""All rendered scenes together, in groups of one photographed vessel."""
GROUP_POWER = 0.3
"""A group of n photographed vessels counts n to this power."""
VARIANT_WEIGHT, EMPTY_WEIGHT = 0.1, 4.0
"""Of variants against photographs, and of empty vessels against filled ones, where confidence is fitted."""


@dataclass(frozen=True)
class Sample:
    """One vessel as the eye sees it. table: (candidates, evidence). layers: which candidates can be a boundary
    under the true surface, and what each is like. origin: number of the photographed vessel."""

    case: Case
    places: tuple[int, ...]
    table: Floats
    names: tuple[str, ...]
    layers: tuple[list[int], Floats] | None
    origin: int = -1

    @property
    def named(self) -> dict[str, Floats]:
        return {name: self.table[:, i] for i, name in enumerate(self.names)}


@dataclass(frozen=True)
class Head:
    """Weights of the evidence in units of its spread, and of what speaks for "there is none"."""

    mean: Floats
    spread: Floats
    lines: Floats
    none: Floats


@dataclass(frozen=True)
class Choice:
    """One vessel for one head: evidence of the candidates that take part, which are right, whether none is."""

    lines: Floats
    none: Floats
    right: Bools
    empty: bool
    weight: float


def sample_of(case: Case, origin: int = -1) -> Sample | None:
    """None where nothing at all is seen."""
    column = look_column(case.image, case.box)
    if column is None or not column.places:
        return None
    told = describe(column)
    table = np.array([list(d.values()) for d in told])
    layers = layers_of(case, column, told)
    bare = replace(case, image=np.zeros((0, 0, 3), np.uint8))
    return Sample(bare, column.places, table, tuple(told[0]), layers, origin)


def layers_of(case: Case, column: Column, told: tuple[dict[str, float], ...]) -> tuple[list[int], Floats] | None:
    if case.state not in FILLED or case.surface is None or case.band is None:
        return None
    surface, below = ((y - case.box[1]) / case.height * ROWS for y in (case.surface, case.band[1]))
    found = photograph_layers.describe_layers(
        column, Segments(column.lab), told, max(surface, below - 3), photograph.BOTTOM * ROWS
    )
    return found if found[0] else None


def weights_of(samples: list[Sample], head: str) -> Floats:
    """Every group counts, not every picture of it. Photographs count no more than their variants do: with more
    weight on them the figures held out fall."""
    pictures = Counter(s.case.group for s in samples)
    vessels = {g: len({s.origin for s in samples if s.case.group == g}) for g in pictures}
    of_group = {g: RENDERED_WEIGHT[head] if g == RENDERED else vessels[g] ** GROUP_POWER for g in pictures}
    return np.array([of_group[s.case.group] / pictures[s.case.group] for s in samples])


def choice(sample: Sample, head: str, weight: float) -> Choice | None:
    """None where the vessel says nothing on this head."""
    case, rows, table = sample.case, sample.case.rows(sample.places), sample.table
    empty = False
    if head == "layers":
        if sample.layers is None:
            return None
        able, table = sample.layers
        right, empty = case.is_boundary(rows)[able], not case.boundaries
        none = photograph_layers.one_layer(table)
    else:
        none = against(sample.named)
    if head == "surface":
        right, empty = case.is_surface(rows), case.state == "empty"
    elif head == "cap":
        right, empty = case.is_cap(rows), case.cap == (True, None)
    return Choice(table, none, right, empty, weight) if empty or right.any() else None


def fit_head(samples: list[Sample], head: str, start: Head | None = None) -> Head:
    """Multinomial choice between the candidates and "none", ridge on the candidates' weights."""
    found = [choice(s, head, w) for s, w in zip(samples, weights_of(samples, head), strict=True)]
    used = [c for c in found if c is not None]
    table = np.vstack([c.lines for c in used])
    mean, spread = (table.mean(axis=0), table.std(axis=0) + 1e-6) if start is None else (start.mean, start.spread)
    lines, none = (table - mean) / spread, np.array([c.none for c in used])
    right = np.concatenate([c.right for c in used]).astype(float)
    empty, weight = np.array([c.empty for c in used], float), np.array([c.weight for c in used])
    sizes = [len(c.lines) for c in used]
    first, owner, n = np.cumsum([0, *sizes[:-1]]), np.repeat(np.arange(len(used)), sizes), lines.shape[1]

    def loss(v: Floats) -> tuple[float, Floats]:
        line, other = lines @ v[:n], none @ v[n:]
        top = np.maximum(np.maximum.reduceat(line, first), other)
        p, q = np.exp(line - top[owner]), np.exp(other - top)
        total = np.add.reduceat(p, first) + q
        p, q = p / total[owner], q / total
        hit = np.add.reduceat(p * right, first) + q * empty + 1e-12
        cost = -weight @ np.log(hit) + 0.5 * RIDGE[head] * v[:n] @ v[:n] + 0.05 * v[n:] @ v[n:]
        down = lines.T @ (weight[owner] * (p - p * right / hit[owner])) + RIDGE[head] * v[:n]
        return float(cost), np.concatenate([down, none.T @ (weight * (q - q * empty / hit)) + 0.1 * v[n:]])

    begin = np.zeros(n + none.shape[1]) if start is None else np.concatenate([start.lines, start.none])
    best = minimize(loss, begin, jac=True, method="L-BFGS-B", options={"maxiter": 150 if start is None else 50}).x
    return Head(mean, spread, best[:n], best[n:])


def fit(samples: list[Sample], start: dict[str, Head] | None = None) -> dict[str, Head]:
    return {h: fit_head(samples, h, None if start is None else start[h]) for h in RIDGE}


def logits(sample: Sample, heads: dict[str, Head]) -> dict[str, Floats]:
    none = against(sample.named)
    return {
        h: np.append((sample.table - heads[h].mean) / heads[h].spread @ heads[h].lines, none @ heads[h].none)
        for h in HEADS
    }


def fit_confidence(judged: list[tuple[Sample, Floats, bool]]) -> Floats:
    """Logistic regression on surfaces that held-out weights chose: doubts, and whether the surface was right."""
    groups = Counter((s.case.group, s.case.original) for s, _, _ in judged)
    x, y = np.array([d for _, d, _ in judged]), np.array([r for _, _, r in judged], float)
    mean, spread = np.append(0.0, x[:, 1:].mean(axis=0)), np.append(1.0, x[:, 1:].std(axis=0))
    x = (x - mean) / spread
    weight = np.array([confidence_weight(s, groups) for s, _, _ in judged]) * 10

    def loss(v: Floats) -> tuple[float, Floats]:
        p = 1 / (1 + np.exp(-x @ v))
        cost = -weight @ (y * np.log(p + 1e-12) + (1 - y) * np.log(1 - p + 1e-12)) + 15 * v[1:] @ v[1:]
        return float(cost), x.T @ (weight * (p - y)) + np.append(0.0, 30 * v[1:])

    v = minimize(loss, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B").x / spread
    return np.append(v[0] - v[1:] @ mean[1:], v[1:])


def confidence_weight(sample: Sample, groups: Counter[tuple[str, bool]]) -> float:
    group = sample.case.group
    root = max(1, groups[group, True]) ** 0.5
    weight = 1 / root if sample.case.original else VARIANT_WEIGHT * root / groups[group, False]
    return weight * (EMPTY_WEIGHT if sample.case.state == "empty" else 1.0)


def judge(sample: Sample, heads: dict[str, Head]) -> tuple[Sample, Floats, bool]:
    found = combine(logits(sample, heads), sample.places)
    case, row = sample.case, sample.case.rows(sample.places)[found.best]
    return sample, doubts(sample.named, found), case.state in FILLED and case.error(row) <= 2


def as_weights(
    heads: dict[str, Head], names: tuple[str, ...]
) -> tuple[dict[str, tuple[float, ...]], dict[str, tuple[float, ...]]]:
    """Every head in the surface's units: name -> mean, spread, weight of each head; and what speaks for "none"."""
    mean, spread = heads["surface"].mean, heads["surface"].spread
    columns, none = [mean, spread], {}
    for head in HEADS:
        h = heads[head]
        columns.append(h.lines * spread / h.spread)
        shift = float(h.lines @ ((mean - h.mean) / h.spread))
        none[head] = tuple(float(x) for x in h.none - np.array([shift, 0.0, 0.0]))
    rows = np.stack(columns, axis=1)
    return {n: tuple(float(x) for x in r) for n, r in zip(names, rows, strict=True)}, none


def install(heads: dict[str, Head], sure: Floats, names: tuple[str, ...]) -> None:
    """Let `vision` read with these weights."""
    photograph_explain.WEIGHTS, photograph_explain.NONE = as_weights(heads, names)
    photograph_explain.SURE = tuple(sure)
    layers = heads["layers"]
    photograph_layers.LAYERS = np.stack([layers.mean, layers.spread, layers.lines], axis=1)
    photograph_layers.ONE_LAYER = tuple(layers.none)


def write(path: Path) -> None:
    """What is installed, as a module."""
    tables = {
        "WEIGHTS": photograph_explain.WEIGHTS,
        "NONE": photograph_explain.NONE,
        "SURE": photograph_explain.SURE,
        "LAYERS": [tuple(row) for row in photograph_layers.LAYERS],
        "ONE_LAYER": photograph_layers.ONE_LAYER,
    }
    kinds = {
        "WEIGHTS": (
            "dict[str, tuple[float, float, float, float]]",
            "Mean, spread, then weight as surface, as cap.",
        ),
        "NONE": ("dict[str, tuple[float, float, float]]", "What speaks for there being none."),
        "SURE": ("tuple[float, ...]", "What speaks for the surface being right."),
        "LAYERS": ("tuple[tuple[float, float, float], ...]", "Mean, spread and weight of a boundary's evidence."),
        "ONE_LAYER": ("tuple[float, ...]", "What speaks for one layer."),
    }
    text = ['"""Weights of the reading of photographs; made by tests/vision/fit_photograph.py."""', ""]
    for name, (kind, said) in kinds.items():
        text += [f"{name}: {kind} = {rounded(tables[name])}", f'"""{said}"""']
    path.write_text("\n".join(text) + "\n")
    subprocess.run([sys.executable, "-m", "ruff", "format", "-q", str(path)], check=True)


def rounded(value: object) -> str:
    """Python text with four digits."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k!r}: {rounded(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "(" + ", ".join(rounded(v) for v in value) + ")"
    return f"{float(str(value)):.4g}"


def look(folder: Path, rows: list[dict[str, str]]) -> dict[str, list[dict[str, object]]]:
    """What `aliquot look` answers on these vessels, with what is installed."""
    found: dict[str, list[dict[str, object]]] = {}
    for row in rows:
        box = tuple(float(row[k]) for k in ("x0", "y0", "x1", "y1"))
        told = read_vial(load_image(folder / "photos" / row["file"]), view_of((box[0], box[1], box[2], box[3])))
        found.setdefault(row["file"], []).append(reading_to_json(told, int(row["vessel"])))
    return found


def held_out(
    folder: Path, samples: list[Sample], rows: list[dict[str, str]]
) -> tuple[dict[str, list[dict[str, object]]], dict[str, Head], Floats]:
    """Predictions of every photograph by weights that its group took no part in; and the weights of all."""
    full = fit(samples)
    groups = sorted({r["group"] for r in rows})
    folds = {g: fit([s for s in samples if s.case.group != g], full) for g in groups}
    judged = [
        judge(s, folds[s.case.group])
        for s in samples
        if s.case.group in folds and s.case.state in (*FILLED, "empty")
    ]
    predictions: dict[str, list[dict[str, object]]] = {}
    for group, heads in folds.items():
        install(heads, fit_confidence([j for j in judged if j[0].case.group != group]), samples[0].names)
        for file, told in look(folder, [r for r in rows if r["group"] == group]).items():
            predictions.setdefault(file, []).extend(told)
    return predictions, full, fit_confidence(judged)


def photographed(told: tuple[Case, int, int]) -> list[Sample]:
    """A photographed vessel and its variants."""
    case, origin, count = told
    cv2.setNumThreads(1)
    every = (case, *variants(case, np.random.default_rng([1, origin]), count))
    return [s for s in (sample_of(c, origin) for c in every) if s is not None]


def drawn(seed: int) -> list[Sample]:
    """A rendered scene."""
    cv2.setNumThreads(1)
    case = rendered(seed)
    sample = None if case is None else sample_of(case)
    return [] if sample is None else [sample]


def gather(folder: Path, scenes: int, count: int) -> list[Sample]:
    """Photographs, their variants and rendered scenes."""
    told = [(case, i, count) for i, (case, _) in enumerate(photographs(folder))]
    with ProcessPoolExecutor() as pool:
        parts = [*pool.map(photographed, told, chunksize=4), *pool.map(drawn, range(scenes), chunksize=20)]
    return [s for part in parts for s in part]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("predictions", type=Path)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--scenes", type=int, default=900)
    parser.add_argument("--variants", type=int, default=20)
    told = parser.parse_args()
    cv2.setNumThreads(1)
    rows = list(csv.DictReader((told.folder / "manifest.csv").open(newline="")))
    samples = gather(told.folder, told.scenes, told.variants)
    predictions, full, sure = held_out(told.folder, samples, rows)
    told.predictions.write_text(json.dumps(predictions))
    score = [
        sys.executable,
        str(told.folder / "score.py"),
        str(told.folder / "manifest.csv"),
        str(told.predictions),
    ]
    subprocess.run(score, check=True)
    if told.write:
        install(full, sure, samples[0].names)
        write(Path(photograph.__file__).with_name("photograph_weights.py"))


if __name__ == "__main__":
    main()
