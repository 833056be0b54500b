"""Best so far against random search: claims only what the model supports."""

from dataclasses import replace

import numpy as np
import pytest

from campaign.state import CampaignState
from gui.panels.progress import ProgressPanel, best_so_far, verdict
from gui.theme import LIGHT
from optimiser.history import History, Observation
from optimiser.impact import Band
from optimiser.surrogate import fit
from tests.gui import states


def test_the_running_best():
    assert best_so_far([3.0, None, 2.0, 5.0], "minimise").tolist() == [3.0, 3.0, 2.0, 2.0]
    assert best_so_far([3.0, 2.0, 5.0], "maximise").tolist() == [3.0, 3.0, 5.0]
    assert np.isnan(best_so_far([None, 1.0], "maximise")[0])
    assert len(best_so_far([], "maximise")) == 0


BAND = Band(np.linspace(9, 2, 20), np.linspace(10, 3, 20), np.linspace(12, 5, 20))


def test_no_claim_before_there_is_enough():
    assert verdict(np.array([1.0]), 0.1, BAND, 9.0, "minimise").startswith("too early")


def test_no_claim_inside_the_band():
    assert verdict(np.full(8, 9.5), 0.1, BAND, 1.2, "minimise").startswith("not clearly better")


def test_no_claim_within_the_models_own_doubt():
    assert verdict(np.full(8, 4.0), 3.0, BAND, 2.6, "minimise").startswith("not clearly better")


def test_a_factor_where_random_search_gets_there():
    assert verdict(np.full(8, 4.0), 0.1, BAND, 2.6, "minimise").startswith("about 2.6x faster")


def test_no_number_where_it_does_not():
    assert "would not get there within 20" in verdict(np.full(8, 0.5), 0.1, BAND, None, "minimise")


@pytest.fixture
def panel(qtbot):
    made = ProgressPanel()
    qtbot.addWidget(made)
    made.set_theme(LIGHT)
    made.resize(800, 200)
    made.show()
    return made


def test_an_empty_campaign_has_a_sentence(panel):
    panel.show_state(CampaignState(states.colour_spec()))
    assert panel.pages.currentIndex() == 0


def test_steps_and_band_are_drawn(panel):
    state = states.colour_state()
    seen = tuple(Observation(e.point, e.value, label=e.label) for e in state.observed)
    panel.show_state(state)
    assert panel.words.text() == f"Best measured so far {min(e.value for e in state.observed):.2f}\u202fΔE00."
    panel.show_model(fit(History(state.spec.space, "minimise", 0, seen)))
    assert "random search" in panel.words.text()
    assert len(panel.band.line.getData()[0]) == state.spec.stop.budget


def test_a_hidden_panel_does_no_work(qtbot, monkeypatch):
    panel = ProgressPanel()
    qtbot.addWidget(panel)
    monkeypatch.setattr(panel.steps, "setData", lambda *_: pytest.fail("drawn while hidden"))
    panel.show_state(states.colour_state())
    panel.show_state(replace(states.colour_state(), events=1))
