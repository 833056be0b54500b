"""The README's figures of the optimiser: `start.py test -m benchmark tests/benchmarks/test_optimiser.py`."""

import numpy as np
import pytest

from optimiser.strategies.gp import GPStrategy
from optimiser.strategies.random import RandomStrategy
from tests.benchmarks import batches, hartmann, topcount
from tests.benchmarks import optimiser as figures

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(1800)]
needs_data = pytest.mark.skipif(
    not (figures.DATA / "p3ht.csv").exists(), reason="the measured tables are not part of the project"
)


def test_every_seed_finds_the_dials() -> None:
    lines = figures.dials(GPStrategy(), range(10))
    assert np.median([line.best[19] for line in lines]) <= 0.41
    assert np.median([line.best[29] for line in lines]) <= 0.40
    assert max(line.best[29] for line in lines) <= 0.41
    assert max(line.off for line in lines) <= 0.05


@needs_data
@pytest.mark.parametrize("seeds", [range(6), range(100, 124)], ids=["6 seeds", "24 others"])
def test_most_of_the_best_blends_of_p3ht_are_found(seeds: range) -> None:
    table = figures.read_table("p3ht", "maximise")
    found = figures.replay(table, GPStrategy(), seeds)
    assert np.mean([f.top5 for f in found]) >= 0.65


def test_colour_is_matched_far_sooner_than_by_chance() -> None:
    ours = figures.colour(GPStrategy(), range(16))
    chance = figures.colour(RandomStrategy(), range(16))
    assert np.median(ours[:, 24]) <= 0.4 * np.median(chance[:, 24])


def test_hartmann_6_is_all_but_solved_in_80_experiments() -> None:
    assert np.median(hartmann.until_target(range(10))) <= 80


@needs_data
def test_batches_of_4_lose_less_than_30_percent_of_the_experiments() -> None:
    seeds = (*range(30), *range(100, 130))  # 30 alone give anything from 8 to 37 %
    assert np.mean([batches.loss(problem, seeds) for problem in batches.PROBLEMS]) <= 0.3


@needs_data
def test_no_fewer_of_the_best_crossed_barrels_are_found_than_published() -> None:
    ours, published = topcount.ours(range(20)), topcount.published()
    error = np.hypot(*(runs.std(axis=0, ddof=1) / np.sqrt(len(runs)) for runs in (ours, published)))
    assert (ours.mean(axis=0) >= published.mean(axis=0) - 2 * error).all()
    assert ours[:, -2:].mean() > published[:, -2:].mean()
