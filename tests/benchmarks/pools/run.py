"""Let optimisers run through the pools; each run is one line of JSON, and what is there already is left out.

python -m tests.benchmarks.pools.run FILE --who botorch baybe optuna sklearn skopt --seeds 20
python -m tests.benchmarks.pools.run FILE --who aliquot random --seeds 20
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import numpy as np  # noqa: E402 - after the number of threads is set

from tests.benchmarks.pools import pool as pools  # noqa: E402


def contestant(who: str, pool: pools.Pool, seed: int) -> Callable[[list[int]], int]:
    if who == "random":
        rng = np.random.default_rng([seed, 1])
        return lambda measured: int(rng.choice(np.setdiff1d(np.arange(len(pool)), measured)))
    if who == "aliquot":
        from tests.benchmarks.pools import ours

        return ours.choose(pool, seed)
    from tests.benchmarks.pools import peers

    return {peer.__name__: peer for peer in peers.PEERS}[who](pool, seed)


def run(who: str, pool: pools.Pool, seed: int, budget: int) -> dict[str, object]:
    measured, spent = pool.initial(seed), []
    choose = contestant(who, pool, seed)
    best = pool.y.max()
    while len(measured) < budget and pool.y[measured].max() < best:
        before = time.process_time()
        measured.append(choose(measured))
        spent.append(time.process_time() - before)
    out = asdict(pools.metrics(pool, measured, budget))
    return {
        "who": who, "pool": pool.name, "seed": seed, **out, "auc": round(out["auc"], 5),
        "cpu_ms": round(1e3 * float(np.median(spent)), 1) if spent else None, "measured": measured,
    }  # fmt: skip


def done(file: Path) -> set[tuple[str, str, int]]:
    if not file.exists():
        return set()
    lines: Iterable[dict[str, object]] = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    return {(str(line["who"]), str(line["pool"]), int(str(line["seed"]))) for line in lines}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--who", nargs="+", required=True)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--pools", nargs="+", default=pools.NAMES)
    parser.add_argument("--budget", type=int, default=pools.BUDGET)
    args = parser.parse_args()
    there = done(args.file)
    for seed in range(args.first, args.first + args.seeds):
        for name in args.pools:
            pool = pools.read(name)
            for who in args.who:
                if (who, name, seed) not in there:
                    line = json.dumps(run(who, pool, seed, args.budget))
                    with args.file.open("a", encoding="utf-8") as out:
                        out.write(line + "\n")
                    print(line[:100], flush=True)


if __name__ == "__main__":
    main()
