"""The table of optimiser/README.md from runs that `run.py` has written (or that were kept: measured.csv).

python -m tests.benchmarks.pools.compare [FILE ...] [--seeds 0 20] [--keep]
"""

import argparse
import csv
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.benchmarks.pools.pool import NAMES, Array

KEPT = Path(__file__).with_name("measured.csv")
COLUMNS = ("who", "pool", "seed", "n_best", "n_1pct", "n_5pct", "auc", "cpu_ms")
PEERS = ("botorch", "baybe", "optuna", "sklearn", "skopt")
BOOTSTRAP = 10_000


@dataclass(frozen=True)
class Run:
    who: str
    pool: str
    seed: int
    n_best: float
    n_1pct: float
    n_5pct: float
    auc: float
    cpu_ms: float


Runs = dict[tuple[str, str, int], Run]


def load(files: Sequence[Path]) -> Runs:
    lines: list[dict[str, object]] = []
    for path in files:
        with path.open(encoding="utf-8", newline="") as file:
            lines += list(csv.DictReader(file)) if path.suffix == ".csv" else map(json.loads, file)
    runs = [
        Run(str(x["who"]), str(x["pool"]), int(str(x["seed"])), *(float(str(x[c] or "nan")) for c in COLUMNS[3:]))
        for x in lines
    ]
    return {(r.who, r.pool, r.seed): r for r in runs}


def keep(runs: Runs) -> None:
    with KEPT.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for key in sorted(runs):
            run = runs[key]
            numbers = (run.n_best, run.n_1pct, run.n_5pct, run.auc, run.cpu_ms)
            writer.writerow([run.who, run.pool, run.seed, *(f"{v:g}" if np.isfinite(v) else "" for v in numbers)])


def saved(runs: Runs, ours: str, peer: str, pools: Sequence[str] = NAMES) -> Array:
    """Experiments to the best row that `ours` saved over `peer`, paired by table and seed."""
    both = [(p, s) for w, p, s in sorted(runs) if w == ours and p in pools and (peer, p, s) in runs]
    return np.array([runs[peer, p, s].n_best - runs[ours, p, s].n_best for p, s in both])


def interval(values: Array, seed: int = 0) -> tuple[float, float]:
    """95 % bootstrap interval of the mean."""
    rows = np.random.default_rng(seed).integers(0, len(values), (BOOTSTRAP, len(values)))
    low, high = np.quantile(values[rows].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


def losses(runs: Runs, ours: str, peer: str) -> tuple[str, ...]:
    """Tables on which ours is worse with the whole 95 % interval."""
    return tuple(p for p in NAMES if len(d := saved(runs, ours, peer, (p,))) and interval(d)[1] < 0)


UNTIL: tuple[Callable[[Run], float], ...] = (lambda r: r.n_best, lambda r: r.n_1pct, lambda r: r.n_5pct)


def table(runs: Runs, ours: str = "aliquot") -> str:
    whos = sorted({w for w, _, _ in runs}, key=lambda w: (w != ours, w))

    def mean(who: str, pools: Sequence[str], of: Callable[[Run], float]) -> float:
        by_pool = [[of(r) for r in runs.values() if r.who == who and r.pool == p] for p in pools]
        return float(np.mean([np.nanmean(values) for values in by_pool if values]))

    lines = [
        "| | " + " | ".join(NAMES) + " | best | top 1 % | top 5 % | area | CPU ms | saved to the best [95 %] |",
        "|---" * (len(NAMES) + 7) + "|",
    ]
    for who in whos:
        cells = [f"{mean(who, (p,), lambda r: r.n_best):.1f}" for p in NAMES]
        cells += [
            f"{mean(who, NAMES, of):.1f}" for of in (lambda r: r.n_best, lambda r: r.n_1pct, lambda r: r.n_5pct)
        ]
        cells += [f"{mean(who, NAMES, lambda r: r.auc):.3f}"]
        cells += ["-" if who == "random" else f"{mean(who, NAMES, lambda r: r.cpu_ms):.0f}"]
        if who == ours:
            cells.append("")
        else:
            d = saved(runs, ours, who)
            low, high = interval(d)
            lost = losses(runs, ours, who)
            cells.append(
                f"{d.mean():.1f} [{low:.1f}, {high:.1f}]" + (f"; worse on {', '.join(lost)}" if lost else "")
            )
        lines.append(f"| {who} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, default=[KEPT])
    parser.add_argument("--seeds", nargs=2, type=int, default=(0, 20), help="from, to (not included)")
    parser.add_argument("--keep", action="store_true", help="write all runs to measured.csv")
    args = parser.parse_args()
    runs = load(args.files)
    if args.keep:
        keep(runs)
    print(table({k: r for k, r in runs.items() if args.seeds[0] <= k[2] < args.seeds[1]}))


if __name__ == "__main__":
    main()
