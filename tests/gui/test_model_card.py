"""Maps and slices: what is drawn where."""

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt

from campaign.decide import history_of
from campaign.spec import StrategySpec
from campaign.state import CampaignState, Experiment
from campaign.worth import WORTHS, policy
from gui.models.next_point import middle
from gui.panels.maps import Maps, outline
from gui.panels.model_card import ModelCard, numeric
from gui.panels.slices import Slices
from gui.theme import LIGHT
from gui.widgets.hatch import above_sum, of_mask
from optimiser.acquisition import EI, UCB
from optimiser.history import History, Observation
from optimiser.space import Continuous, Mixture, SearchSpace
from optimiser.surrogate import Posterior, fit
from optimiser.views import map_2d
from tests.gui import states


def believe(state: CampaignState) -> Posterior:
    seen = tuple(Observation(e.point, e.value, label=e.label) for e in state.observed)
    return fit(History(state.spec.space, state.spec.objective.direction, 0, seen))


def gel() -> CampaignState:
    spec, rng = states.mixed_spec(), np.random.default_rng(2)
    points = [dict(p) for p in spec.space.sample(8, rng)]
    return states.measured(spec, points, rng.normal(50, 5, 8).tolist())


def test_the_hatching_covers_what_cannot_be_mixed():
    path = outline(states.colour_space(), "red", "yellow")
    assert path.contains(QPointF(3000, 3000))
    assert not path.contains(QPointF(1000, 1000))


def test_the_hatching_covers_too_little_as_well():
    path = above_sum((0, 10), (0, 10), 5, 12)
    assert path.contains(QPointF(1, 1))
    assert path.contains(QPointF(9, 9))
    assert not path.contains(QPointF(4, 4))


def test_bounds_that_bind_are_drawn_cell_by_cell():
    parts = (Continuous("a", 0, 60), Continuous("b", 0, 60), Continuous("c", 0, 30), Continuous("d", 0, 30))
    assert outline(SearchSpace(parts, Mixture(("a", "b", "c", "d"), 100)), "a", "b") is None
    mask = np.array([[True, False, False], [True, True, False]])
    path = of_mask(np.arange(3.0), np.arange(2.0), mask)
    assert path.contains(QPointF(1, 0))
    assert path.contains(QPointF(2, 1))
    assert not path.contains(QPointF(0, 1))


def test_no_outline_without_a_mixture():
    assert outline(states.two_dials_spec().space, "x", "y") is None


def test_only_numbers_are_axes():
    assert numeric(states.mixed_spec().space) == ("temperature", "time")


@pytest.mark.parametrize("kind", WORTHS)
def test_the_strip_shows_what_the_next_point_is_chosen_by(qtbot, kind):
    state, card = gel(), ModelCard()
    state = replace(state, spec=replace(state.spec, strategy=StrategySpec(acquisition=kind, beta=2.0)))
    qtbot.addWidget(card)
    card.set_theme(LIGHT)
    card.show_state(state)
    posterior = believe(state)
    card.show_model(posterior)
    card.show_point(state.observed[0].point, None)
    card.face.buttons["slices"].click()
    x, promise = card.slices.cuts["temperature"].promise.getData()
    mean, sd = posterior.predict([{**state.observed[0].point, "temperature": float(v)} for v in x])
    if kind == "thompson":
        assert not promise.any()
        return
    expected = policy(kind, 2.0).at(history_of(state))
    assert promise == pytest.approx(expected.value(mean, sd, posterior.incumbent().mean, "maximise"))


def test_the_strip_follows_the_turns(qtbot):
    """Eight results: the next one is chosen by UCB; while it is in work, the one after by UCB again, then by EI."""
    state, card = gel(), ModelCard()
    qtbot.addWidget(card)
    card.show_state(state)
    posterior = believe(state)
    card.show_model(posterior)
    card.face.buttons["slices"].click()
    before = card.slices.cuts["temperature"].promise.getData()[1]
    pending = [Experiment(9 + i, state.observed[i].point, "running", "strategy") for i in range(2)]
    card.show_state(replace(state, experiments=(*state.experiments, *pending)))
    after = card.slices.cuts["temperature"].promise.getData()[1]
    assert before.min() > 10  # a bound, near the values
    assert after.min() < 10  # an improvement


def test_the_map_lies_where_its_axes_say(qtbot):
    state = states.colour_state()
    posterior, maps = believe(state), Maps()
    qtbot.addWidget(maps)
    maps.set_theme(LIGHT)
    maps.set_axes(state.spec.space, "red", "yellow")
    drawn = map_2d(posterior, "red", "yellow", state.waiting.point, 24)
    maps.draw(drawn, outline(state.spec.space, "red", "yellow"))
    box = maps.mean.image.mapRectToParent(maps.mean.image.boundingRect())
    step = drawn.x[1] - drawn.x[0]
    assert box.left() == pytest.approx(-step / 2)
    assert box.right() == pytest.approx(4000 + step / 2)
    assert maps.mean.image.image.shape == (24, 24)
    low, high = maps.mean.bar.levels()
    assert low == pytest.approx(np.nanmin(drawn.mean))
    assert high == pytest.approx(np.nanmax(drawn.mean))


def test_newer_dots_are_larger_and_excluded_ones_hollow(qtbot):
    state, maps = states.colour_state(), Maps()
    qtbot.addWidget(maps)
    maps.set_axes(state.spec.space, "red", "yellow")
    maps.show_measured(state.observed, "ΔE00")
    sizes = maps.mean.dots.data["size"]
    assert list(sizes) == sorted(sizes)
    assert maps.mean.dots.data["data"][0].startswith("experiment 1: ")
    left_out = next(i for i, e in enumerate(state.observed) if not e.include)
    assert maps.mean.dots.data["brush"][left_out].color().alpha() < 100


def test_the_word_stays_inside(qtbot):
    state, maps = states.colour_state(), Maps()
    qtbot.addWidget(maps)
    maps.set_axes(state.spec.space, "red", "yellow")
    maps.show_next({"red": 3900.0, "yellow": 50.0}, None)
    assert maps.mean.target.label().offset.x() < 0
    assert maps.mean.target.label().pos().x() < 0
    maps.show_next({"red": 100.0, "yellow": 50.0}, None)
    assert maps.mean.target.label().offset.x() > 0
    assert maps.mean.target.label().pos().x() > 0


def test_slices_of_numbers_and_words(qtbot):
    state = gel()
    posterior, slices = believe(state), Slices()
    qtbot.addWidget(slices)
    slices.set_theme(LIGHT)
    slices.set_parameters(state.spec.space.parameters, state.spec.objective)
    slices.show_measured(state.observed)
    at = state.observed[0].point
    slices.draw(posterior, at, EI(), 50.0, rescale=True)
    x, mean = slices.cuts["temperature"].band.line.getData()
    assert (x[0], x[-1]) == (20.0, 80.0)
    assert np.isfinite(mean).all()
    assert len(slices.cuts["solvent"].marks.getData()[0]) == 3
    assert slices.cuts["solvent"].line.value() == slices.cuts["solvent"].position(at["solvent"])


def test_slices_leave_out_what_cannot_be_mixed(qtbot):
    parts = (Continuous("a", 0, 60), Continuous("b", 0, 60))
    space = SearchSpace(parts, Mixture(("a", "b"), 100))
    spec = states.CampaignSpec("two", space, states.ObjectiveSpec("formula", "yield", "maximise"))
    state = states.measured(spec, [{"a": 50.0, "b": 50.0}, {"a": 60.0, "b": 40.0}], [1.0, 2.0])
    slices = Slices()
    qtbot.addWidget(slices)
    slices.set_parameters(space.parameters, spec.objective)
    slices.draw(believe(state), middle(space), UCB(1.0), 2.0, rescale=True)
    x, _ = slices.cuts["a"].band.line.getData()
    assert x.min() >= 40 - 1e-6


def test_dragging_a_slice_changes_one_parameter(qtbot):
    state, card = gel(), ModelCard()
    qtbot.addWidget(card)
    card.set_theme(LIGHT)
    card.show_state(state)
    card.show_model(believe(state))
    card.show_point(state.observed[0].point, None)
    card.face.buttons["slices"].click()
    cut = card.slices.cuts["solvent"]
    cut.line.setValue(2.2)
    with qtbot.waitSignal(card.placed) as told:
        cut.line.sigPositionChangeFinished.emit(cut.line)
    assert told.args[0] == {**state.observed[0].point, "solvent": "acetone"}


def test_a_model_before_two_results_is_announced(qtbot):
    card = ModelCard()
    qtbot.addWidget(card)
    one = states.measured(states.two_dials_spec(), [{"x": 1.0, "y": 1.0}], [3.0])
    card.show_state(one)
    assert card.empty.text() == "The model appears after the second result."
    assert [card.rule.itemData(i, Qt.ItemDataRole.UserRole) for i in range(card.rule.count())] == list(WORTHS)
