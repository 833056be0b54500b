"""Fits the weights of `vision.explain` and the map of `vision.confidence` on rendered scenes; prints their modules.

    python -m tests.vision.fit_column weights > vision/column_weights.new
    python -m tests.vision.fit_column surface_trees > vision/surface_trees.new
    python -m tests.vision.fit_column layer_trees > vision/layer_trees.new
    python -m tests.vision.fit_column confidence --first 3300 --seeds 900 > vision/confidence_weights.new

each then moved over the module of its name, the last when the others are in place.

Scenes are the virtual bench's optics (seeds below 10000), its plain bench and the eye's own plain scenes, six to
one to one. Needs scipy and scikit-learn, which the product does not.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import cv2
import numpy as np
from scipy.optimize import minimize
from sklearn.tree import DecisionTreeRegressor

from hardware.virtual.optics.random_case import random_case
from hardware.virtual.render import still_life
from tests.vision.rendered import score, view_of
from tests.vision.scenes import render
from tests.vision.test_reader import random_scene
from tests.vision.test_virtual_camera import SPEC, VIEW, mixture
from vision import reader
from vision.calibration import VialView
from vision.colour import Floats
from vision.column import take_column
from vision.confidence import TRAITS, traits
from vision.explain import Explanation, look_at, window_of
from vision.hypotheses import NAMES
from vision.layers import BOUNDARY_NAMES, KIND_NAMES, boundary_features, kind_features, roughness
from vision.reading import Doubt
from vision.trees import DEPTH, NODES

NEAR = 1.5, 2.0
"""% of the box's height within which a line is the surface, and a boundary."""
PENALTY = 3e-4
Image = np.ndarray


@dataclass(frozen=True)
class Case:
    """tops: image rows of the layers' tops, from above. solid: which of them are."""

    image: Image
    view: VialView
    tops: tuple[float, ...]
    solid: tuple[bool, ...]


def case_of(seed: int) -> Case | None:
    """Six of eight from the optics, one plain bench, one plain scene. None for what no eye can tell."""
    if seed % 8 == 6:
        rng = np.random.default_rng(seed)
        contents = [mixture(rng), {"water": float(rng.uniform(200, 6500))}, {}][seed // 8 % 3]
        if contents and seed // 8 % 2:  # the lowest levels are the hardest and would be rare
            share = rng.uniform(200, 900) / sum(contents.values())
            contents = {stock: volume * share for stock, volume in contents.items()}
        others = ([None, {}, mixture(rng)][int(rng.integers(3))] for _ in range(2))
        image = still_life(SPEC, {"B2": next(others), "B3": contents, "B4": next(others)}, "B3", seed=seed)
        coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 95])[1]
        level = VIEW.base_row - sum(contents.values()) / VIEW.ul_per_mm * VIEW.px_per_mm
        return Case(np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR)), VIEW, (level,) if contents else (), (False,))
    if seed % 8 == 7:
        rng = np.random.default_rng(seed)
        kinds: list[dict[str, object]] = [{}, {"absorbance": (0.0, 0.0, 0.0)}, {"volume_ul": 0.0}]
        two = {"lower_ul": float(rng.uniform(800, 2500)), "lower_absorbance": tuple(rng.uniform(0.1, 0.9, 3))}
        chosen = [*kinds, {"absorbance": (0.0, 0.0, 0.0), "volume_ul": float(rng.uniform(1200, 3500))} | two][
            seed // 8 % 4
        ]
        if "volume_ul" not in chosen and seed // 8 % 3 == 0:
            chosen = chosen | {"volume_ul": float(rng.uniform(200, 900))}
        scene = random_scene(rng, **chosen)
        tops = () if scene.level_mm == 0 else (scene.surface_row,)
        if scene.lower_ul:
            tops = (*tops, scene.base_row - scene.lower_ul / scene.view.ul_per_mm * scene.px_per_mm)
        return Case(render(scene), scene.view, tops, (False, False))
    image, truth = random_case(seed)
    if truth.state == "no_vial" or truth.white_px is None or truth.hidden:
        return None
    return Case(image, view_of(truth), tuple(p.top_row for p in truth.phases), tuple(p.solid for p in truth.phases))


@dataclass
class Table:
    """Features of the choices of every case, and which of them are right."""

    surface: list[tuple[Floats, Floats]]
    boundary: list[tuple[Floats, Floats]]
    kind: list[tuple[Floats, bool]]


def add(table: Table, case: Case, off_px: float | None) -> None:
    """One case's choices. off_px: how far the dosed volume is from the true surface; None where it is not told."""
    column = take_column(case.image, case.view)
    if column is None:
        return
    window = window_of(case.view, column)
    if not window.readable:
        return
    off = window.first + column.top
    tall = (case.view.box_px[3] - case.view.box_px[1]) / 100
    told = case.tops[0] - column.top + off_px if case.tops and off_px is not None else None
    rows, seen = look_at(column, None, window, told)
    right = np.zeros(len(seen.features))
    if case.tops:
        right[1:] = np.abs(np.array(seen.places) + off - case.tops[0]) < NEAR[0] * tall
    else:
        right[0] = 1
    if right.any():
        table.surface.append((seen.features, right))
    if not case.tops:
        return
    m, k, n = window.meniscus, window.px_per_mm, window.last - window.first
    at = [round(top - off) for top in case.tops]
    if not 0 < at[0] < n - 3 * m:
        return
    rough = roughness(column.absorbance[window.first : window.last])
    below, found = boundary_features(rows, seen.strength, rough, at[0], seen.places, m, k, seen.noise)
    right = np.zeros(len(found))
    if len(at) > 1:
        right[1:] = np.abs(np.array(below) + off - case.tops[1]) < NEAR[1] * tall
    else:
        right[0] = 1
    if right.any():
        table.boundary.append((found, right))
    for top, bottom, solid in zip(at, [*at[1:], n], case.solid, strict=False):
        if 0 <= top < bottom - 2 * m and bottom <= n:
            table.kind.append((kind_features(rows, rough, top, bottom, m, k, seen.noise), solid))


def logit(cases: list[tuple[Floats, Floats]], penalty: float = PENALTY) -> Floats:
    """Weights of a conditional logit in which several choices of a case may be right."""
    every = np.concatenate([x for x, _ in cases])
    scale = every.std(axis=0) + 1e-3
    x, y = every / scale, np.concatenate([y for _, y in cases])
    sizes = [len(f) for f, _ in cases]
    start, case = np.cumsum([0, *sizes])[:-1], np.repeat(np.arange(len(cases)), sizes)

    def loss(w: Floats) -> tuple[float, Floats]:
        z = x @ w
        e = np.exp(z - np.maximum.reduceat(z, start)[case])
        total, hit = np.add.reduceat(e, start), np.add.reduceat(e * y, start) + 1e-12
        slope = x.T @ (e / total[case] - e * y / hit[case]) / len(cases)
        return float(-np.log(hit / total).mean() + penalty * w @ w), slope + 2 * penalty * w

    return np.asarray(minimize(loss, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B").x / scale)


def boosted(
    cases: list[tuple[Floats, Floats]], weights: Floats, count: int, rate: float = 0.15, shrink: float = 8.0
) -> str:
    """Trees on top of the weights, as `vision.trees` reads them: Newton steps on the logit's loss, each tree on
    seven cases of ten."""
    x, y = (np.concatenate([case[i] for case in cases]) for i in (0, 1))
    sizes = [len(f) for f, _ in cases]
    start, case = np.cumsum([0, *sizes])[:-1], np.repeat(np.arange(len(cases)), sizes)
    z, lines, rng = x @ weights, [], np.random.default_rng(0)
    for _ in range(count):
        e = np.exp(z - np.maximum.reduceat(z, start)[case])
        chance = e / np.add.reduceat(e, start)[case]
        slope = e * y / (np.add.reduceat(e * y, start) + 1e-12)[case] - chance
        bend = np.maximum(chance * (1 - chance), 1e-3)
        some = (rng.random(len(cases)) < 0.7)[case]
        tree = DecisionTreeRegressor(
            max_depth=DEPTH, min_samples_leaf=30, max_features=0.5, random_state=int(rng.integers(1 << 30))
        )
        tree.fit(x[some], (slope / np.sqrt(bend))[some])
        at = tree.apply(x)
        step = np.bincount(at, slope) / (np.bincount(at, bend) + shrink)
        value = rate * np.clip(step, -3, 3)
        z += value[at]
        lines += complete(tree.tree_, value)
    return "\n".join(lines)


def complete(tree: Any, value: Floats) -> list[str]:
    """The two lines of a tree: a leaf above the last level is asked a question with one answer."""
    asked, leaves = [0] * NODES, [0.0] * (NODES + 1)
    at = [np.inf] * NODES

    def fill(node: int, place: int) -> None:
        if place >= NODES:
            leaves[place - NODES] = value[node]
            return
        ends = tree.children_left[node] < 0
        if not ends:
            asked[place], at[place] = int(tree.feature[node]), float(tree.threshold[node])
        fill(node if ends else tree.children_left[node], 2 * place + 1)
        fill(node if ends else tree.children_right[node], 2 * place + 2)

    fill(0, 0)
    splits = " ".join(f"{f} {t:.4g}" for f, t in zip(asked, at, strict=True))
    return [splits, " ".join(f"{v:.3f}" for v in leaves)]


def as_pairs(rows: list[tuple[Floats, bool]]) -> list[tuple[Floats, Floats]]:
    """A yes or no as a choice between nothing and the features."""
    return [(np.stack([np.zeros_like(x), x]), np.array([not yes, yes], float)) for x, yes in rows]


def written(name: str, what: str, names: tuple[str, ...], weights: Floats) -> str:
    """A weights' dictionary as source."""
    pairs = "".join(f'    "{n}": {w:.4g},\n' for n, w in zip(names, weights, strict=True))
    note = f'"""{what}"""\n' if what else ""
    return f"{name}: dict[str, float] = {{\n{pairs}}}\n{note}"


def tables(seeds: Iterator[int]) -> Table:
    """Of all seeds; a third of them with a dosed volume, mostly right."""
    table = Table([], [], [])
    for seed in seeds:
        case = case_of(seed)
        if case is None:
            continue
        rng = np.random.default_rng([seed, 5])
        kind = rng.random()
        shift = rng.normal(0, 2) if kind < 0.25 else rng.normal(0, 80)
        add(table, case, shift if kind < 0.33 else None)
        if seed % 100 == 0:
            sys.stderr.write(f"{seed}\n")
    return table


def confidence_of(seeds: range) -> Floats:
    """Weights of `vision.confidence`, from scenes that took no part in the other fits."""
    described: list[tuple[float, ...]] = []

    def noted(found: Explanation, doubt: Doubt) -> float:
        described.append(traits(found, doubt))
        return 1.0  # so that every explanation is told

    right = []
    with patch.object(reader, "confidence", noted):
        for seed in seeds:
            image, truth = random_case(seed)
            if truth.hidden or truth.white_px is None:
                continue
            before = len(described)
            seen = score(seed, truth, reader.read_vial(image, view_of(truth)))
            if len(described) > before:
                right.append(seen.right)
    pairs = [(np.array(one), yes) for one, yes in zip(described, right, strict=True)]
    return logit(as_pairs(pairs), 1e-3)


def source(said: argparse.Namespace) -> str:
    """The module that is asked for."""
    made = "Made by tests/vision/fit_column.py: see there."
    if said.what == "confidence":
        mapped = confidence_of(range(said.first, said.first + said.seeds))
        return f'"""Weights of `vision.confidence`. {made}"""\n\n' + written("CONFIDENCE", "", TRAITS, mapped)
    table = tables(iter(range(said.first, said.first + said.seeds)))
    fits: tuple[tuple[str, str, tuple[str, ...], list[tuple[Floats, Floats]], float, int], ...] = (
        ("SURFACE", "Of an explanation: empty, or a surface at a line.", NAMES, table.surface, PENALTY, 60),
        ("BOUNDARY", "Of a boundary below the surface.", BOUNDARY_NAMES, table.boundary, PENALTY, 100),
        ("KIND", "Of a layer being solid.", KIND_NAMES, as_pairs(table.kind), 1e-3, 50),
    )
    weights = [
        (name, what, names, cases, logit(cases, penalty), n) for name, what, names, cases, penalty, n in fits
    ]
    if said.what.endswith("_trees"):
        chosen = [w for w in weights if (w[0] == "SURFACE") == (said.what == "surface_trees")]
        trees = [f'{name}_TREES = """\n{boosted(cases, w, n)}\n"""\n' for name, _, _, cases, w, n in chosen]
        weigh = said.what.removesuffix("_trees") + "s"
        return "\n".join([f'"""Trees of `vision.explain` that weigh {weigh}. {made}"""\n', *trees])
    parts = [written(name, what, names, w) for name, what, names, _, w, _ in weights]
    return "\n".join([f'"""Weights of `vision.explain`, by feature. {made}"""\n', *parts])


def main() -> int:
    """Print one of the modules."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("weights", "surface_trees", "layer_trees", "confidence"))
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=3300)
    cv2.setNumThreads(1)
    sys.stdout.write(source(parser.parse_args()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
