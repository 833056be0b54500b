"""Experiments to the best row of nine measured tables, run now, beside the kept runs of peers (measured.csv)."""

import pytest

from tests.benchmarks.pools import pool as pools
from tests.benchmarks.pools.compare import KEPT, PEERS, Run, Runs, interval, load, losses, saved

pytestmark = [
    pytest.mark.benchmark,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(not (pools.DATA / "meta.json").exists(), reason="the tables are not part of the project"),
]
SEEDS = range(20)


@pytest.fixture(scope="module")
def runs() -> Runs:
    from tests.benchmarks.pools.run import run

    kept = {k: r for k, r in load([KEPT]).items() if k[0] in PEERS and k[2] in SEEDS}
    for name in pools.NAMES:
        pool = pools.read(name)
        for seed in SEEDS:
            found = run("aliquot", pool, seed, pools.BUDGET)
            numbers = (float(str(found[c] or "nan")) for c in ("n_best", "n_1pct", "n_5pct", "auc", "cpu_ms"))
            kept["aliquot", name, seed] = Run("aliquot", name, seed, *numbers)
    return kept


@pytest.mark.parametrize("peer", PEERS)
def test_three_experiments_are_saved_and_no_table_is_lost(runs: Runs, peer: str) -> None:
    gained = saved(runs, "aliquot", peer)
    assert len(gained) == len(pools.NAMES) * len(SEEDS)
    assert gained.mean() >= 3
    assert interval(gained)[0] > 0
    assert losses(runs, "aliquot", peer) == ()
