"""What tests of campaigns share."""

import pytest

from tests.campaign.paper_bench import PaperBench, begin


@pytest.fixture
def opened(tmp_path):
    """Campaigns of a test, closed at its end."""
    made = []

    def open_(bench=None, what=None, seed=0):
        made.append(begin(tmp_path, bench or PaperBench(), what, seed))
        return made[-1]

    yield open_
    for campaign in made:
        campaign.close()
