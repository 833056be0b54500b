"""A suggestion takes a part of BoTorch's CPU time, measured in one run.

Where tests/benchmarks/pools/requirements.txt and pytest are installed:
python -m pytest -c tests/peers/pytest.ini --rootdir . -m benchmark tests/benchmarks/test_timing.py
"""

import pytest

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(1800)]


@pytest.mark.parametrize("space", ["table of 1,000", "table of 10,000", "continuous"])
def test_a_suggestion_takes_an_eighth_to_a_tenth_of_botorchs_time(space: str) -> None:
    pytest.importorskip("botorch", reason="needs tests/benchmarks/pools/requirements.txt")
    from tests.benchmarks.pools.timing import COUNTS, GOALS, measure

    times = measure([space], COUNTS, repeats=9)[space]
    assert {n: round(t.ratio, 3) for n, t in times.items() if t.ratio > GOALS[space]} == {}
