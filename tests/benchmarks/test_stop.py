"""Stop all reaches every port in time: `start.py test -m benchmark tests/benchmarks/test_stop.py`."""

import pytest

from tests.benchmarks import stop

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(900)]


def test_stop_all_reaches_four_ports_whatever_the_program_does():
    results = stop.measured(200)
    for how in stop.HOWS:
        times = sorted(results[how])
        assert times[int(0.99 * len(times))] <= 50.0, stop.said(how, times)
        assert times[-1] <= 100.0, stop.said(how, times)
    assert max(results["killed"]) <= 100.0, stop.said("killed", results["killed"])
    assert max(results["frozen"]) <= 1000.0, stop.said("frozen", results["frozen"])
