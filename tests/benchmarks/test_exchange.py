"""What drivers and cameras add and lose: `start.py test -m benchmark tests/benchmarks/test_exchange.py`."""

import pytest

from tests.benchmarks import camera_frames, exchanges

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(600)]


@pytest.mark.parametrize("name", exchanges.PARTS)
def test_a_driver_adds_less_than_a_millisecond_to_an_exchange(name):
    figures = exchanges.measured(exchanges.PARTS[name], 300)
    assert figures.added_ms <= 1.0, exchanges.said(name, figures)


def test_no_frame_is_lost_while_a_campaign_and_the_window_are_at_work():
    count = camera_frames.measured(30.0)
    assert count.lost == 0, camera_frames.said(count)
    assert count.per_s >= 29.0, camera_frames.said(count)
    assert count.experiments > 0
