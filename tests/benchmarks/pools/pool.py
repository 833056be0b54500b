"""A measured table as a pool: an optimiser may measure its rows one by one. Needs numpy only."""

import csv
import json
import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

DATA = Path(__file__).resolve().parents[3].parent / "shared" / "data"
NAMES = (
    "p3ht", "crossed_barrel", "photo_wf3", "colors_bob", "snar", "benzylation", "suzuki_i_mixed",
    "direct_arylation", "edboplus_suzuki_b1",
)  # fmt: skip
INITIAL = 5
BUDGET = 50


@dataclass(frozen=True, eq=False)
class Pool:
    """rows: as read, one value per feature. y: (n,), larger is better (a minimised objective is negated)."""

    name: str
    features: tuple[str, ...]
    categorical: tuple[bool, ...]
    rows: tuple[tuple[float | str, ...], ...]
    y: Array
    minimised: bool

    def __len__(self) -> int:
        return len(self.rows)

    def choices(self, column: int) -> tuple[str, ...]:
        return tuple(sorted({str(row[column]) for row in self.rows}))

    @cached_property
    def X(self) -> Array:  # noqa: N802 - the field's name for it
        """(n, d) min-max scaled numbers, one-hot categories."""
        columns = []
        for i, categorical in enumerate(self.categorical):
            if categorical:
                columns += [[float(row[i] == c) for row in self.rows] for c in self.choices(i)]
            else:
                values = np.array([float(row[i]) for row in self.rows])
                columns.append(list((values - values.min()) / ((values.max() - values.min()) or 1.0)))
        return np.array(columns).T

    def initial(self, seed: int) -> list[int]:
        """The random first rows that every optimiser gets."""
        return [int(i) for i in np.random.default_rng(seed).choice(len(self), INITIAL, replace=False)]


def read(name: str) -> Pool:
    meta = json.loads((DATA / "meta.json").read_text(encoding="utf-8"))[name]
    with (DATA / f"{name}.csv").open(encoding="utf-8") as file:
        head, *lines = csv.reader(file)
    features = tuple(head[:-1])
    categorical = tuple(f in meta["categorical"] for f in features)
    rows = tuple(
        tuple(cell if text else float(cell) for cell, text in zip(line, categorical, strict=False))
        for line in lines
    )
    y = np.array([float(line[-1]) for line in lines])
    minimised = meta["direction"] == "min"
    return Pool(name, features, categorical, rows, -y if minimised else y, minimised)


@dataclass(frozen=True)
class Metrics:
    """Experiments, the initial ones included, until the best, a top 1 % and a top 5 % row (budget + 1: not found).

    auc: mean over the budget of (best so far - median) / (maximum - median), from 0 (Liang et al. 2021's pools).
    """

    n_best: int
    n_1pct: int
    n_5pct: int
    auc: float


def metrics(pool: Pool, measured: list[int], budget: int = BUDGET) -> Metrics:
    """measured: row numbers in order; a run may end when the best row has been found."""
    best = np.maximum.accumulate(pool.y[measured[:budget]])
    best = np.append(best, np.full(budget - len(best), best[-1]))

    def until(count: int) -> int:
        hits = np.flatnonzero(best >= np.sort(pool.y)[-count])
        return int(hits[0]) + 1 if len(hits) else budget + 1

    middle = float(np.median(pool.y))
    gain = np.clip((best - middle) / (pool.y.max() - middle), 0.0, None)
    size = len(pool)
    return Metrics(until(1), until(math.ceil(0.01 * size)), until(math.ceil(0.05 * size)), float(gain.mean()))
