"""The figures of optimiser/README.md, through the strategies themselves.

.venv/bin/python -m tests.benchmarks.optimiser dials --seeds 10
.venv/bin/python -m tests.benchmarks.optimiser table --seeds 24 --table p3ht --direction maximise
.venv/bin/python -m tests.benchmarks.optimiser colour --seeds 20
.venv/bin/python -m tests.benchmarks.optimiser time
"""

import argparse
import csv
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from optimiser.acquisition import EI, PI, UCB, Policy, Turns
from optimiser.blas import one_thread
from optimiser.history import Direction, History, Observation
from optimiser.problems import TwoDials
from optimiser.space import Array, Categorical, Continuous, Mixture, Parameter, Point, SearchSpace, Stepped
from optimiser.strategies.gp import GPStrategy
from optimiser.strategies.random import RandomStrategy
from optimiser.suggestion import Strategy
from optimiser.surrogate import fit
from vision.colour import delta_e00

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
DYES = ("red", "yellow", "blue", "water")
BLENDS = SearchSpace(tuple(Stepped(n, 0, 4000, 50, "µL") for n in DYES), Mixture(DYES, 4000))
GOALS = ((400, 900, 250, 2450), (300, 200, 700, 2800), (1000, 300, 100, 2600), (600, 600, 600, 2200))


def carry_out(
    space: SearchSpace,
    direction: Direction,
    measure: Callable[[Point], float],
    strategy: Strategy,
    seed: int,
    budget: int,
) -> History:
    history = History(space, direction, seed)
    with one_thread():
        for _ in range(budget):
            point = strategy.ask(history)[0].point
            history = history.tell(Observation(point, measure(point)))
    return history


def best_so_far(values: Sequence[float], direction: Direction) -> Array:
    return (np.maximum if direction == "maximise" else np.minimum).accumulate(np.array(values))


@dataclass(frozen=True)
class Dials:
    """best: so far, by experiment. off: how far the incumbent's dials are from the lowest point."""

    best: Array
    off: float


def dials(strategy: Strategy, seeds: Sequence[int], budget: int = 30) -> list[Dials]:
    problem, out = TwoDials(), []
    for seed in seeds:
        history = carry_out(problem.SPACE, "minimise", problem, strategy, seed, budget)
        best = fit(history).incumbent()
        if best is None:
            raise RuntimeError("nothing was measured")
        off = max(abs(float(best.point[n]) - b) for n, b in zip(problem.SPACE.names, problem.BEST, strict=True))
        out.append(Dials(best_so_far([problem(o.point) for o in history.observations], "minimise"), off))
    return out


@dataclass(frozen=True)
class Table:
    space: SearchSpace
    values: Array
    direction: Direction


def read_table(name: str, direction: Direction) -> Table:
    """Every row a candidate; the last column is the objective, a column with text is categorical."""
    with (DATA / f"{name}.csv").open(encoding="utf-8") as file:
        head, *rows = csv.reader(file)
    parameters: list[Parameter] = []
    for name, column in zip(head[:-1], zip(*rows, strict=True), strict=False):
        try:
            numbers = [float(c) for c in column]
            parameters.append(Continuous(name, min(numbers), max(numbers)))
        except ValueError:
            parameters.append(Categorical(name, tuple(sorted(set(column)))))
    candidates = tuple(
        {p.name: c if isinstance(p, Categorical) else float(c) for p, c in zip(parameters, row, strict=False)}
        for row in rows
    )
    values = np.array([float(row[-1]) for row in rows])
    return Table(SearchSpace(tuple(parameters), candidates=candidates), values, direction)


@dataclass(frozen=True)
class Replay:
    """Experiments until the best row (51: not within 50), and the part of the best 5 % that was found."""

    to_best: int
    top5: float


def replay(table: Table, strategy: Strategy, seeds: Sequence[int], budget: int = 50) -> list[Replay]:
    space = table.space
    value = {space.key(p): float(v) for p, v in zip(space.candidates or (), table.values, strict=True)}
    up = 1.0 if table.direction == "maximise" else -1.0
    count = math.ceil(0.05 * len(table.values))
    top = np.sort(up * table.values)[::-1][:count]
    out = []
    for seed in seeds:
        history = carry_out(space, table.direction, lambda p: value[space.key(p)], strategy, seed, budget)
        found = up * np.array([value[space.key(o.point)] for o in history.observations])
        hits = np.flatnonzero(found >= top[0])
        out.append(Replay(int(hits[0]) + 1 if len(hits) else budget + 1, float((found >= top[-1]).sum() / count)))
    return out


def colour(strategy: Strategy, seeds: Sequence[int], budget: int = 25, noise: float = 0.4) -> Array:
    """True ΔE00 of the best blend so far, one row per seed; three dyes and water by Beer and Lambert."""
    wavelength = np.linspace(400, 700, 31)

    def band(centre: float, width: float) -> Array:
        return np.asarray(np.exp(-0.5 * ((wavelength - centre) / width) ** 2))

    dyes = np.array([
        1.9 * band(520, 35) + 0.25 * band(430, 30), 1.6 * band(430, 35), 2.2 * band(625, 45) + 0.3 * band(420, 25)
    ])  # fmt: skip
    eye = np.array([1.06 * band(599, 38) + 0.36 * band(446, 19), band(557, 47), 1.78 * band(449, 22)])

    def lab(amounts: Sequence[float]) -> Array:
        light = 10 ** -(np.array(amounts[:3]) / 4000 @ dyes)
        xyz = eye @ light / eye.sum(axis=1)
        f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
        return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])

    out = []
    for seed in seeds:
        goal, chance = lab(GOALS[seed % len(GOALS)]), np.random.default_rng(1000 + seed)

        def true(point: Point, goal: Array = goal) -> float:
            return float(delta_e00(lab([float(point[n]) for n in DYES]), goal))

        def read(
            point: Point, true: Callable[[Point], float] = true, chance: np.random.Generator = chance
        ) -> float:
            return abs(true(point) + noise * chance.normal())

        history = carry_out(BLENDS, "minimise", read, strategy, seed, budget)
        out.append(best_so_far([true(o.point) for o in history.observations], "minimise"))
    return np.array(out)


def seconds(space: SearchSpace, n: int) -> float:
    """CPU time of one suggestion after n observations, fit included."""
    history = History(space)
    for point in space.sample(n, np.random.default_rng(0)):
        history = history.tell(Observation(point, float(np.sin(5 * space.encode([point])).sum())))
    spent = []
    with one_thread():
        GPStrategy().ask(history)
        for _ in range(3):
            before = time.process_time()
            GPStrategy().ask(history)
            spent.append(time.process_time() - before)
    return float(np.median(spent))


def latency() -> dict[str, dict[int, float]]:
    box = SearchSpace(tuple(Continuous(f"x{i}", 0, 1) for i in range(4)))
    pool = SearchSpace(box.parameters, candidates=box.sample(1000, np.random.default_rng(1)))
    spaces = {"continuous": box, "mixture": BLENDS, "table of 1,000": pool}
    return {name: {n: seconds(space, n) for n in (20, 50, 100, 200)} for name, space in spaces.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("figure", choices=("dials", "table", "colour", "time"))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--table", default="p3ht")
    parser.add_argument("--direction", choices=("maximise", "minimise"), default="maximise")
    parser.add_argument("--acquisition", choices=("turns", "ucb", "ei", "pi", "random"), default="turns")
    parser.add_argument("--beta", type=float, default=1.0)
    args = parser.parse_args()
    acquisitions: dict[str, Policy] = {
        "turns": Turns(args.beta), "ucb": UCB(args.beta), "ei": EI(), "pi": PI()
    }  # fmt: skip
    seeds = range(args.first, args.first + args.seeds)
    strategy: Strategy = RandomStrategy()
    if args.acquisition != "random":
        strategy = GPStrategy(acquisitions[args.acquisition])
    if args.figure == "dials":
        lines = dials(strategy, seeds)
        for at in (12, 20, 30):
            best = np.array([line.best[at - 1] for line in lines])
            print(f"best after {at}: median {np.median(best):.4f}, worst seed {best.max():.4f}")
        off = [line.off for line in lines]
        print(f"dials off by: median {np.median(off):.3f}, worst seed {max(off):.3f}")
    elif args.figure == "table":
        found = replay(read_table(args.table, args.direction), strategy, seeds)
        top5, to_best = [f.top5 for f in found], [f.to_best for f in found]
        print(f"top 5 % found at 50: mean {np.mean(top5):.3f}, worst seed {min(top5):.2f}")
        print(
            f"experiments to the best: mean {np.mean(to_best):.1f}, found by {np.mean(np.array(to_best) <= 50):.0%}"
        )
    elif args.figure == "colour":
        best = colour(strategy, seeds)
        for at in (10, 15, 20, 25):
            print(
                f"ΔE00 after {at}: median {np.median(best[:, at - 1]):.2f}, worst seed {best[:, at - 1].max():.2f}"
            )
    else:
        for name, times in latency().items():
            print(f"{name}: " + ", ".join(f"n = {n}: {1e3 * s:.0f} ms" for n, s in times.items()))


if __name__ == "__main__":
    main()
