"""Two objectives over a measured table: experiments until 90 % of the pool's hypervolume.

.venv/bin/python -m tests.benchmarks.several --seeds 20
"""

import argparse
import csv
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from optimiser.blas import one_thread
from optimiser.objectives.objective import Objective
from optimiser.objectives.pareto import hypervolume
from optimiser.objectives.results import Results
from optimiser.space import Array, Categorical, Continuous, Parameter, SearchSpace
from optimiser.strategies.several import DesirabilityStrategy, HypervolumeStrategy
from tests.benchmarks.optimiser import DATA

TABLE = DATA / "multi_edboplus_suzuki_b1.csv"
SHARE = 0.9
FIRST = 5


@dataclass(frozen=True)
class Pool:
    """values: (rows of the space's table, objectives), repeats averaged, each from 0 to 1 of the pool's range."""

    space: SearchSpace
    objectives: tuple[Objective, ...]
    values: Array

    def share(self, picked: Sequence[int]) -> float:
        """Part of the pool's hypervolume above its minima."""
        zero = np.zeros(self.values.shape[1])
        return hypervolume(self.values[list(picked)], zero) / hypervolume(self.values, zero)


def read_pool() -> Pool:
    """Columns `objective_...` are maximised, one with text is categorical, the others are continuous."""
    with TABLE.open(encoding="utf-8") as file:
        head, *rows = csv.reader(file)
    k = sum(name.startswith("objective_") for name in head)
    parameters: list[Parameter] = []
    for name, column in zip(head[:-k], zip(*rows, strict=True), strict=False):
        try:
            numbers = [float(c) for c in column]
            parameters.append(Continuous(name, min(numbers), max(numbers)))
        except ValueError:
            parameters.append(Categorical(name, tuple(sorted(set(column)))))
    groups: dict[tuple[str, ...], list[list[float]]] = {}
    for row in rows:
        groups.setdefault(tuple(row[:-k]), []).append([float(c) for c in row[-k:]])
    candidates = tuple(
        {p.name: c if isinstance(p, Categorical) else float(c) for p, c in zip(parameters, key, strict=True)}
        for key in groups
    )
    values = np.array([np.mean(g, axis=0) for g in groups.values()])
    values = (values - values.min(axis=0)) / np.ptp(values, axis=0)
    objectives = tuple(Objective(name.removeprefix("objective_"), "maximise") for name in head[-k:])
    return Pool(SearchSpace(tuple(parameters), candidates=candidates), objectives, values)


def experiments(
    pool: Pool, strategy: HypervolumeStrategy | DesirabilityStrategy, seed: int, share: float = SHARE
) -> int:
    """How many it takes, the first ones included, drawn at random for the seed."""
    table = pool.space.candidates or ()
    row_of = {pool.space.key(p): i for i, p in enumerate(table)}
    picked = [int(i) for i in np.random.default_rng(seed).choice(len(table), FIRST, replace=False)]
    results = Results(pool.space, pool.objectives, seed)
    names = [o.name for o in pool.objectives]
    for i in picked:
        results = results.tell(table[i], dict(zip(names, pool.values[i].tolist(), strict=True)))
    with one_thread():
        while pool.share(picked) < share:
            point = strategy.ask(results)[0].point
            picked.append(row_of[pool.space.key(point)])
            results = results.tell(point, dict(zip(names, pool.values[picked[-1]].tolist(), strict=True)))
    reached = [pool.share(picked[:i]) >= share for i in range(1, len(picked) + 1)]
    return reached.index(True) + 1


def at_random(pool: Pool, draws: int = 2000, share: float = SHARE) -> Array:
    """The same for rows drawn blindly, one figure per draw."""
    rng = np.random.default_rng(1)
    n = len(pool.values)
    out = []
    for _ in range(draws):
        order = rng.permutation(n)
        low, high = 1, n
        while low < high:  # the share never falls, so halve
            middle = (low + high) // 2
            low, high = (low, middle) if pool.share(order[:middle].tolist()) >= share else (middle + 1, high)
        out.append(low)
    return np.array(out, dtype=float)


def mean_and_interval(figures: Sequence[float] | Array) -> tuple[float, float, float]:
    """Mean and its 95 % bootstrap interval."""
    values = np.asarray(figures, dtype=float)
    drawn = np.random.default_rng(0).choice(values, (4000, len(values))).mean(axis=1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(values.mean()), float(low), float(high)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--strategy", choices=("hypervolume", "desirability"), default="hypervolume")
    args = parser.parse_args()
    pool = read_pool()
    strategy = HypervolumeStrategy() if args.strategy == "hypervolume" else DesirabilityStrategy()
    ours = [experiments(pool, strategy, seed) for seed in range(args.first, args.first + args.seeds)]
    chance = at_random(pool)
    print("by seed: " + " ".join(map(str, ours)))
    for name, figures in ((args.strategy, ours), ("random", chance)):
        print("{}: mean {:.1f} [{:.1f}, {:.1f}]".format(name, *mean_and_interval(figures)))
    print(f"ratio: {np.mean(ours) / chance.mean():.2f}")


if __name__ == "__main__":
    main()
