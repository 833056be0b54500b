"""The README's figure for two objectives: `start.py test -m benchmark tests/benchmarks/test_several.py`."""

import pytest

from optimiser.strategies.several import DesirabilityStrategy, HypervolumeStrategy
from tests.benchmarks import several as figures

pytestmark = [
    pytest.mark.benchmark,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not figures.TABLE.exists(), reason="the measured tables are not part of the project"),
]


@pytest.mark.parametrize("strategy", [HypervolumeStrategy(), DesirabilityStrategy()], ids=lambda s: s.name)
def test_the_trade_off_is_found_in_a_third_of_the_experiments_that_chance_needs(strategy) -> None:
    pool = figures.read_pool()
    ours = figures.mean_and_interval([figures.experiments(pool, strategy, seed) for seed in range(20)])
    chance = figures.mean_and_interval(figures.at_random(pool))
    assert ours[2] <= chance[1] / 3
