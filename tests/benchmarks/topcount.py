"""The crossed barrel's 600 designs: what part of the best 5 % is found, beside the published campaigns.

python -m tests.benchmarks.topcount --seeds 20

Liang et al., npj Comput Mater 7, 188 (2021): top are the best ceil(0.05 N), the first 2 points are random. Their
file has 50 campaigns (isotropic Matern-5/2, LCB with 2 sd), each the number of top designs found after 1, 2, ...
experiments, until all are. The tables lie beside the repository and are no part of it.
"""

import argparse
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from optimiser.strategies.gp import GPStrategy
from tests.benchmarks.pools import pool as pools
from tests.benchmarks.pools.ours import choose

Array = npt.NDArray[np.float64]

TABLE = pools.DATA / "crossed_barrel.csv"
PUBLISHED = pools.DATA / "crossed_barrel_published_topcount.npy"
AT = (30, 50, 100, 200)
INITIAL = 2


def top_of(pool: pools.Pool) -> int:
    return math.ceil(0.05 * len(pool))


def published(at: Sequence[int] = AT) -> Array:
    """(campaigns, len(at)): part of the top found after so many experiments."""
    runs = np.load(PUBLISHED, allow_pickle=True)  # the authors' own file, of lists
    return np.array([[run[min(i, len(run)) - 1] / run[-1] for i in at] for run in runs])


def ours(seeds: Sequence[int], at: Sequence[int] = AT, strategy: GPStrategy | None = None) -> Array:
    """(seeds, len(at)): the same for the default strategy."""
    pool = pools.read("crossed_barrel")
    top = set(np.argsort(-pool.y, kind="stable")[: top_of(pool)].tolist())
    out = []
    for seed in seeds:
        measured = [int(i) for i in np.random.default_rng(seed).choice(len(pool), INITIAL, replace=False)]
        ask = choose(pool, seed, strategy or GPStrategy(initial=INITIAL))
        while len(measured) < max(at):
            measured.append(ask(measured))
        out.append([len(top.intersection(measured[:i])) / len(top) for i in at])
    return np.array(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=0)
    args = parser.parse_args()
    print("experiments", AT)
    for name, runs in (("published", published()), ("ours", ours(range(args.first, args.first + args.seeds)))):
        error = runs.std(axis=0, ddof=1) / math.sqrt(len(runs))
        print(
            f"{name} ({len(runs)} campaigns): mean", ", ".join(f"{m:.3f}" for m in runs.mean(axis=0)),
            "; standard error", ", ".join(f"{e:.3f}" for e in error),
            "; median", ", ".join(f"{m:.3f}" for m in np.median(runs, axis=0)),
        )  # fmt: skip


if __name__ == "__main__":
    main()
