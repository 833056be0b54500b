"""What experiments in batches of 4 cost: experiments until the target, against one at a time.

python -m tests.benchmarks.batches --seeds 30

Targets: on Hartmann-6 within 10 % of the lowest value, on tables the best row; 5 initial points in either way. A
batch counts whole: its last experiments are made although its first may have reached the target.
"""

import argparse
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from optimiser.blas import one_thread
from optimiser.history import History, Observation
from optimiser.strategies.gp import GPStrategy
from tests.benchmarks import hartmann
from tests.benchmarks.pools import pool as pools
from tests.benchmarks.pools.ours import space_of

BATCH = 4
BUDGET = 120
HARTMANN = "hartmann-6"
PROBLEMS = (HARTMANN, "p3ht", "photo_wf3")


def on_table(pool: pools.Pool, seed: int, batch: int) -> int:
    """Experiments until the best row, counting whole batches; the budget + 1 if it is not found."""
    space, strategy = space_of(pool), GPStrategy()
    rows = space.candidates or ()
    row_of = {space.key(point): i for i, point in enumerate(rows)}
    up = -1.0 if pool.minimised else 1.0
    best = pool.y.max()
    history = History(space, "minimise" if pool.minimised else "maximise", seed)
    measured = pool.initial(seed)
    for row in measured:
        history = history.tell(Observation(rows[row], up * float(pool.y[row])))
    with one_thread():
        while pool.y[measured].max() < best:
            if len(measured) >= BUDGET:
                return BUDGET + 1
            for suggestion in strategy.ask(history, batch):
                row = row_of[space.key(suggestion.point)]
                measured.append(row)
                history = history.tell(Observation(suggestion.point, up * float(pool.y[row])))
    return len(measured)


def experiments(problem: str, seeds: Sequence[int], batch: int) -> npt.NDArray[np.int_]:
    if problem == HARTMANN:
        return np.array([hartmann.experiments(seed, batch, budget=BUDGET) for seed in seeds])
    pool = pools.read(problem)
    return np.array([on_table(pool, seed, batch) for seed in seeds])


def loss(problem: str, seeds: Sequence[int]) -> float:
    """Part by which the mean number of experiments grows. Prints both."""
    single, batched = (experiments(problem, seeds, batch).mean() for batch in (1, BATCH))
    print(
        f"{problem}: {single:.1f} one at a time, {batched:.1f} by {BATCH}, {batched / single - 1:+.0%}", flush=True
    )
    return float(batched / single - 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--first", type=int, default=0)
    args = parser.parse_args()
    losses = [loss(problem, range(args.first, args.first + args.seeds)) for problem in PROBLEMS]
    print(f"mean loss {np.mean(losses):+.0%}")


if __name__ == "__main__":
    main()
