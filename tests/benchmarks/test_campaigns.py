"""The README's figures of whole campaigns: `start.py test -m benchmark tests/benchmarks/test_campaigns.py`."""

import math
import statistics

import pytest

from tests.benchmarks import campaigns

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(1800)]


def test_colour_campaign_beats_random_search_by_half():
    ways = campaigns.colour(range(10))
    ours = statistics.median(line.best[-1] for line in ways["gp"])
    random = statistics.median(line.best[-1] for line in ways["random"])
    assert ours <= 2.0
    assert ours <= random / 2


def test_course_campaign_finds_the_dials():
    lines = campaigns.course(range(10))
    assert statistics.median(line.best[19] for line in lines) <= 0.41
    assert statistics.median(line.best[29] for line in lines) <= 0.40
    best = [line.result.best_point for line in lines]
    assert statistics.median(abs(point["x"] - math.pi) for point in best) <= 0.05
    assert statistics.median(abs(point["y"] - 3.55) for point in best) <= 0.05


@pytest.mark.skipif(not campaigns.P3HT.exists(), reason="the table of measured blends is not part of the project")
def test_replay_finds_the_best_blends():
    assert statistics.mean(campaigns.replay(range(6))) >= 0.57
