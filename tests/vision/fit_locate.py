"""Fit the rating of `vision.locate` to the annotated photographs, held out by group.

    python -m tests.vision.fit_locate ../shared/vision predictions.json [--write]

predictions.json gets what is proposed when the photograph's own group took no part in the fit: the figures to
believe (score it with score.py). The cut between proposals and the rest is set on photographs whose whole source
took no part. --write puts the trees of all groups together into vision/locate_weights.py.
"""

import csv
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import GroupKFold

from tests.vision.scenes import Scene, render
from vision import locate
from vision.locate_candidates import candidates
from vision.locate_edges import edge_sums
from vision.locate_features import features, followed
from vision.picture import load_image

RIGHT, WRONG, NEAR = 0.7, 0.5, 0.3
"""Intersection over union with a vessel above, below which a candidate is an example; between them it is none.
Wrong boxes above NEAR are examples of their own, so that the rating knows a close outline from a loose one."""
FOLDS = 8
TREES = 50
SCENES = 40
RECALL_COUNTS = 2.0
"""How many times recall counts against precision in choosing the cut (van Rijsbergen's beta, squared)."""


@dataclass(frozen=True)
class Photograph:
    file: str
    group: str
    source: str
    truth: np.ndarray
    scale: float
    boxes: np.ndarray
    described: np.ndarray
    union: np.ndarray


def photographs(folder: Path) -> list[Photograph]:
    truth: dict[str, list[list[float]]] = {}
    origin = {}
    for row in csv.DictReader((folder / "manifest.csv").open(newline="")):
        truth.setdefault(row["file"], []).append([float(row[k]) for k in ("x0", "y0", "x1", "y1")])
        origin[row["file"]] = (row["group"], row["source_repo"])
    return [
        photograph(file, origin[file], load_image(folder / "photos" / file), vessels)
        for file, vessels in truth.items()
    ]


def photograph(
    file: str, origin: tuple[str, str], image: np.ndarray, vessels: Sequence[Sequence[float]]
) -> Photograph:
    edges = edge_sums(image)
    boxes, sides = candidates(edges), np.array(vessels)
    unions = [locate.overlaps(boxes.astype(float), v * edges.scale)[0] for v in sides]
    seen = (sides, edges.scale, boxes.astype(float), features(edges, boxes), np.max(unions, axis=0))
    return Photograph(file, *origin, *seen)


def rendered(count: int) -> list[Photograph]:
    """Vials before a panel, alone and in rows, at random places; all of one group."""
    rng, found = np.random.default_rng(7), []
    for seed in range(count):
        row = tuple(rng.uniform(500, 5500, rng.integers(0, 3)))
        scene = Scene(
            volume_ul=rng.uniform(300, 5500),
            absorbance=tuple(rng.uniform(0, 0.8, 3)),
            neighbours=row,
            nozzle=bool(rng.random() < 0.5),
            centre_x=rng.uniform(270, 370),
            base_row=rng.uniform(350, 440),
            px_per_mm=rng.uniform(5, 8),
            seed=seed,
        )
        x0, y0, x1, y1 = scene.view.box_px
        pitch = 22 * scene.px_per_mm
        boxes = [(x0 + k * pitch, y0, x1 + k * pitch, y1) for k in (0, -1, 1)[: 1 + len(row)]]
        found.append(photograph(f"scene {seed}", ("scenes", "scenes"), render(scene), boxes))
    return found


def examples(photos: Sequence[Photograph], hard: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
    """Described boxes, right or wrong, and weights: groups of many photographs count less a photograph."""
    rng, groups = np.random.default_rng(0), [p.group for p in photos]
    X, y, w = [], [], []
    for photo, worst in zip(photos, hard, strict=True):
        right = rng.permutation(np.flatnonzero(photo.union > RIGHT))[:100]
        near = rng.permutation(np.flatnonzero((photo.union < WRONG) & (photo.union > NEAR)))[:100]
        easy = rng.permutation(np.flatnonzero(photo.union <= NEAR))[:200]
        weight = 1000 / np.sqrt(groups.count(photo.group))
        for chosen, is_right, share in (
            (right, 1.0, len(photo.truth) ** 0.5),
            (near, 0.0, 0.4),
            (easy, 0.0, 0.6),
            (worst, 0.0, 1.0),
        ):
            if len(chosen):
                X.append(photo.described[chosen])
                y.append(np.full(len(chosen), is_right))
                w.append(np.full(len(chosen), weight * share / len(chosen)))
    return np.concatenate(X), np.concatenate(y), np.concatenate(w)


def trees(photos: Sequence[Photograph], hard: Sequence[np.ndarray]) -> HistGradientBoostingClassifier:
    X, y, w = examples(photos, hard)
    return HistGradientBoostingClassifier(
        max_depth=locate.DEPTH,
        max_iter=TREES,
        max_bins=64,
        learning_rate=0.15,
        min_samples_leaf=60,
        l2_regularization=5,
        early_stopping=False,
        random_state=0,
    ).fit(X, y, sample_weight=w)


def fit(photos: Sequence[Photograph]) -> HistGradientBoostingClassifier:
    """Trees on right and wrong boxes, then again with the wrong boxes that the first trees rated best."""
    first = trees(photos, [np.zeros(0, int)] * len(photos))
    hard = []
    for photo in photos:
        places = np.flatnonzero(photo.union < WRONG)
        score = first.decision_function(photo.described[places])
        best = np.argsort(-score, kind="stable")[:3000]
        hard.append(places[best][locate.choose(photo.boxes[places[best]], score[best], -np.inf, 40)])
    return trees(photos, hard)


def held_out(photos: Sequence[Photograph], groups: Sequence[str], scenes: Sequence[Photograph]) -> list[np.ndarray]:
    """Log-odds of each photograph's candidates, from trees that saw no photograph of its group (or source)."""
    scores = [np.zeros(0)] * len(photos)
    for train, test in GroupKFold(FOLDS, shuffle=True, random_state=1).split(photos, groups=groups):
        model = fit([*(photos[i] for i in train), *scenes])
        for i in test:
            scores[i] = model.decision_function(photos[i].described)
    return scores


def proposals(photo: Photograph, log_odds: np.ndarray, least: float) -> list[tuple[float, list[float]]]:
    """Log-odds and box, px of the photograph."""
    chosen = locate.choose(photo.boxes, log_odds, least)
    rating = log_odds + locate.FOLLOWED * followed(photo.described)
    return [(log_odds[i], (locate.refined(photo.boxes, rating, i) / photo.scale).tolist()) for i in chosen]


def counts(photos: Sequence[Photograph], scores: Sequence[np.ndarray], least: float) -> tuple[int, int, int]:
    """Vessels found (intersection over union above 0.5), vessels, proposals."""
    found = total = proposed = 0
    for photo, score in zip(photos, scores, strict=True):
        boxes = np.array([box for _, box in proposals(photo, score, least)]).reshape(-1, 4)
        found += sum(bool((locate.overlaps(boxes, v)[0] > 0.5).any()) for v in photo.truth)
        total, proposed = total + len(photo.truth), proposed + len(boxes)
    return found, total, proposed


def best_cut(photos: Sequence[Photograph], scores: Sequence[np.ndarray]) -> float:
    """Log-odds that part proposals from the rest, by the F measure."""
    rated = []
    for least in np.arange(-3.0, 3.01, 0.25):
        found, total, proposed = counts(photos, scores, least)
        rated.append((found / (RECALL_COUNTS * total + proposed), least))
        print(f"cut {least:5.2f}: {found} of {total} vessels, {proposed} proposals")
    return float(max(rated)[1])


def complete(nodes: np.ndarray, at: int, depth: int) -> tuple[list[list[str]], list[str]]:
    """The subtree as levels of "feature threshold" and leaves; a leaf above the last level is repeated below."""
    node = nodes[at]
    if depth == 0:
        return [], [f"{node['value']:.3f}"]
    if node["is_leaf"]:
        left = right = complete(nodes, at, depth - 1)
        here = "0 0"
    else:
        left, right = (complete(nodes, int(node[side]), depth - 1) for side in ("left", "right"))
        here = f"{node['feature_idx']} {node['num_threshold']:.7g}"
    levels = [[here], *(a + b for a, b in zip(left[0], right[0], strict=True))]
    return levels, left[1] + right[1]


def weights_module(model: HistGradientBoostingClassifier, least: float) -> str:
    """Source of vision/locate_weights.py."""
    splits, leaves = [], []
    for (predictor,) in model._predictors:
        levels, values = complete(predictor.nodes, 0, locate.DEPTH)
        splits.append(" ".join(split for level in levels for split in level))
        leaves.append(" ".join(values))
    start = float(model._baseline_prediction.item()) - least
    return f'''"""Trees of `vision.locate`; made by tests/vision/fit_locate.py."""

START = {start:.4f}
"""Log-odds before the first tree."""
SPLITS = """
{chr(10).join(splits)}
"""
"""A line a tree: feature and threshold of each node, level by level; above the threshold is right."""
LEAVES = """
{chr(10).join(leaves)}
"""
"""A line a tree: what each leaf adds to the log-odds, left to right."""
'''


def main(folder: Path, out: Path, write: bool) -> None:
    photos = photographs(folder)
    print(f"{np.mean([len(p.boxes) for p in photos]):.0f} candidates a photograph")
    scenes = rendered(SCENES)
    least = best_cut(photos, held_out(photos, [p.source for p in photos], scenes))
    scores = held_out(photos, [p.group for p in photos], scenes)
    print("held out by group: {} of {} vessels, {} proposals".format(*counts(photos, scores, least)))
    told = {
        p.file: [{"bbox": box, "state": "unknown", "surface_y": None} for _, box in proposals(p, s, least)]
        for p, s in zip(photos, scores, strict=True)
    }
    out.write_text(json.dumps(told, indent=1))
    if write:
        target = Path(locate.__file__).with_name("locate_weights.py")
        target.write_text(weights_module(fit([*photos, *scenes]), least))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), "--write" in sys.argv)
