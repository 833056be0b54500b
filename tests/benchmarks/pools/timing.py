"""CPU time of one suggestion, ours beside BoTorch's, in turn in one process on one thread.

python -m tests.benchmarks.pools.timing --repeats 7
python -m tests.benchmarks.pools.timing --n 20 50 100 200 500 1000 2000 --spaces continuous "table of 10,000"

The objective is Hartmann-4 as rescaled by Picheny et al. (2013), with noise of 0.1, minimised: how long a fit takes
depends on what is fitted. Each repeat has other observations, a new history and nothing warm; the space stays, as
in a campaign. Ours is `GPStrategy()` whole: fit, acquisition, reason. BoTorch's is `SingleTaskGP` as it comes and
log expected improvement, over the whole table or by `optimize_acqf` with 5 restarts of 1,024 raw samples. Needs
`requirements.txt` of this folder.
"""

import argparse
import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import numpy as np  # noqa: E402 - after the number of threads is set
import numpy.typing as npt  # noqa: E402

from optimiser.blas import one_thread  # noqa: E402
from optimiser.history import History, Observation  # noqa: E402
from optimiser.space import Continuous, SearchSpace  # noqa: E402
from optimiser.strategies.gp import GPStrategy  # noqa: E402

Array = npt.NDArray[np.float64]

D = 4
NOISE = 0.1
BOX = SearchSpace(tuple(Continuous(f"x{i}", 0, 1) for i in range(D)))
SPACES = ("table of 1,000", "table of 10,000", "continuous")
COUNTS = (20, 50, 100, 200)
GOALS = {"table of 1,000": 1 / 10, "table of 10,000": 1 / 8, "continuous": 1 / 8}
"""Part of BoTorch's time that ours may take."""
_C = np.array([1.0, 1.2, 3.0, 3.2])
_A = np.array([[10, 3, 17, 3.5], [0.05, 10, 17, 0.1], [3, 3.5, 1.7, 10], [17, 8, 0.05, 10]])
_P = 1e-4 * np.array([
    [1312, 1696, 5569, 124], [2329, 4135, 8307, 3736], [2348, 1451, 3522, 2883], [4047, 8828, 8732, 5743]
])  # fmt: skip


def hartmann4(X: Array) -> Array:
    """(m, 4) in the unit box to (m,)."""
    inner = np.einsum("kd,mkd->mk", _A, (X[:, None, :] - _P) ** 2)
    return np.asarray((1.1 - np.exp(-inner) @ _C) / 0.839)


def space_of(name: str) -> SearchSpace:
    if name == "continuous":
        return BOX
    rows = {"table of 1,000": 1_000, "table of 10,000": 10_000}[name]
    return SearchSpace(BOX.parameters, candidates=BOX.sample(rows, np.random.default_rng(rows)))


@dataclass(frozen=True)
class Case:
    """n observations in a space: history for ours, rows (n, 4) and values (n,) for BoTorch, and the table."""

    history: History
    X: Array
    y: Array
    table: Array | None
    measured: npt.NDArray[np.intp]

    @classmethod
    def drawn(cls, space: SearchSpace, n: int, seed: int) -> "Case":
        rng = np.random.default_rng([n, seed])
        measured = np.arange(0)
        if space.candidates is None:
            points = space.sample(n, rng)
        else:
            measured = rng.choice(len(space.candidates), n, replace=False)
            points = tuple(space.candidates[i] for i in measured)
        X = np.array([[float(p[name]) for name in space.names] for p in points])
        y = hartmann4(X) + NOISE * rng.normal(size=n)
        seen = tuple(Observation(p, float(v)) for p, v in zip(points, y, strict=True))
        table = None
        if space.candidates is not None:
            table = np.array([[float(p[name]) for name in space.names] for p in space.candidates])
        return cls(History(space, "minimise", seed, seen), X, y, table, measured)


def ours(case: Case) -> None:
    with one_thread():
        GPStrategy().ask(case.history)


def botorch(case: Case) -> None:
    import torch
    from botorch.acquisition import LogExpectedImprovement
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import SingleTaskGP
    from botorch.optim import optimize_acqf
    from gpytorch.mlls import ExactMarginalLogLikelihood

    torch.set_num_threads(1)
    y = torch.tensor(-case.y, dtype=torch.double)[:, None]
    model = SingleTaskGP(torch.tensor(case.X), y)
    fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
    worth = LogExpectedImprovement(model, best_f=y.max())
    if case.table is None:
        box = torch.tensor([[0.0] * D, [1.0] * D], dtype=torch.double)
        optimize_acqf(worth, box, q=1, num_restarts=5, raw_samples=1024)
        return
    left = torch.tensor(np.delete(case.table, case.measured, axis=0))
    with torch.no_grad():
        int(worth(left[:, None, :]).argmax())


@dataclass(frozen=True)
class Times:
    """Median CPU seconds."""

    ours: float
    botorch: float

    @property
    def ratio(self) -> float:
        return self.ours / self.botorch


def spent(work: Callable[[Case], None], case: Case) -> float:
    """CPU seconds."""
    before = time.process_time()
    work(case)
    return time.process_time() - before


def beside(space: SearchSpace, n: int, repeats: int) -> Times:
    warm = Case.drawn(space, 20, 10_000)  # what is loaded and made once is not part of a suggestion
    ours(warm)
    botorch(warm)
    both = []
    for seed in range(repeats):
        case = Case.drawn(space, n, seed)
        both.append((spent(ours, case), spent(botorch, case)))
    mine, theirs = np.median(both, axis=0)
    return Times(float(mine), float(theirs))


def measure(spaces: Iterable[str], counts: Sequence[int], repeats: int) -> dict[str, dict[int, Times]]:
    """By space and number of observations. Prints each as it comes."""
    out: dict[str, dict[int, Times]] = {}
    for name in spaces:
        space = space_of(name)
        out[name] = {}
        for n in counts:
            times = out[name][n] = beside(space, n, repeats)
            print(
                f"{name:16s} n = {n:4d}: ours {1e3 * times.ours:7.1f} ms, BoTorch {1e3 * times.botorch:8.1f} ms,"
                f" 1/{1 / times.ratio:.1f} (goal 1/{1 / GOALS[name]:.0f})",
                flush=True,
            )
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, nargs="+", default=COUNTS)
    parser.add_argument("--spaces", nargs="+", choices=SPACES, default=SPACES)
    parser.add_argument("--repeats", type=int, default=7)
    args = parser.parse_args()
    measure(args.spaces, args.n, args.repeats)


if __name__ == "__main__":
    main()
