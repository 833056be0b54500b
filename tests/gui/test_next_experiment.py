"""The next-experiment card: what may be done with a suggestion, and when."""

from dataclasses import replace

import numpy as np
import pytest

from campaign.events import Suggested
from campaign.state import CampaignState
from gui.models.next_point import middle, missing, moved, same
from gui.panels.next_experiment import NextExperiment, chance
from gui.theme import LIGHT
from optimiser.space import Categorical, Continuous, Mixture, SearchSpace
from tests.gui import states


@pytest.fixture
def card(qtbot):
    made = NextExperiment()
    qtbot.addWidget(made)
    made.set_theme(LIGHT)
    made.resize(384, 360)
    return made


def test_nothing_can_be_pressed_while_nothing_waits(card):
    card.show_state(states.colour_state(waiting=False))
    assert not card.accept_button.isEnabled()
    assert not card.mine_button.isEnabled()
    assert not card.skip_button.isEnabled()
    assert not card.form.isEnabled()
    assert "nothing waits for you" in card.why.text()


def test_in_automatic_mode_nothing_is_asked(card):
    card.show_state(states.colour_state(mode="automatic"))
    assert not card.accept_button.isEnabled()
    assert card.mode.value == "automatic"


def test_while_paused_it_says_so(card):
    card.show_state(replace(states.colour_state(), phase="Held"))
    assert not card.accept_button.isEnabled()
    assert "Paused" in card.why.text()


def test_after_stop_all_it_says_how_to_go_on(card):
    card.show_state(replace(states.colour_state(waiting=False), phase="Aborted"))
    assert card.why.text().splitlines()[-1] == "Stopped: re-arm, then resume."


def test_before_the_start_it_says_what_to_do(card):
    card.show_state(CampaignState(states.colour_spec()))
    assert "press Start" in card.why.text()


def test_the_fields_show_the_wish_with_units(card):
    state = states.colour_state()
    card.show_state(state)
    assert card.form.fields["red"].value() == pytest.approx(state.waiting.point["red"], abs=0.5)
    assert card.form.fields["red"].text().endswith("µL")
    assert card.title.text() == "Experiment 13"
    assert "70 % promise" in card.why.text()


def test_a_changed_field_rescales_the_others_and_frees_use_mine(card, qtbot):
    state = states.colour_state()
    card.show_state(state)
    wish = state.waiting.point
    with qtbot.waitSignal(card.edited) as told:
        card.form.fields["red"].setValue(1000.0)
    point = told.args[0]
    assert point["red"] == 1000.0
    assert missing(state.spec.space, point) == pytest.approx(0, abs=1e-6)
    assert point["blue"] / point["water"] == pytest.approx(wish["blue"] / wish["water"])
    assert card.mine_button.isEnabled()
    assert card.mine_button.property("kind") == "filled"
    assert card.accept_button.property("kind") != "filled"


def test_a_locked_component_stays(card):
    state = states.colour_state()
    card.show_state(state)
    before = card.form.fields["water"].value()
    card.form.locks["water"].setChecked(True)
    card.form.fields["red"].setValue(900.0)
    assert card.form.fields["water"].value() == pytest.approx(before, abs=0.5)
    assert card.form.point["red"] == 900.0


def test_with_everything_else_locked_a_change_gives_way(card):
    state = states.colour_state()
    card.show_state(state)
    for name in ("yellow", "blue", "water"):
        card.form.locks[name].setChecked(True)
    card.form.fields["red"].setValue(3000.0)
    assert missing(state.spec.space, card.form.point) == pytest.approx(0, abs=1e-6)


def test_the_decision_is_sent_once(card, qtbot):
    card.show_state(states.colour_state())
    with qtbot.waitSignal(card.decided) as sent:
        card.accept()
    assert sent.args[0] == "accept"
    with qtbot.assertNotEmitted(card.decided):
        card.accept()
        card.skip()
    assert "Sent" in card.why.text()


def test_the_next_suggestion_opens_it_again(card):
    state = states.colour_state()
    card.show_state(state)
    card.skip()
    other = Suggested(13, states.colour_point(np.random.default_rng(9)), 2.0, 1.0, 0.1, "again", "gp")
    card.show_state(replace(state, waiting=other))
    assert card.accept_button.isEnabled()
    assert card.point == other.point


def test_mode_is_asked_for_not_taken(card, qtbot):
    card.show_state(states.colour_state())
    with qtbot.waitSignal(card.mode_changed) as told:
        card.mode.buttons["automatic"].click()
    assert told.args == ["automatic"]


def test_expectation_in_words(card):
    card.show_state(states.colour_state())
    card.show_expectation(1.93, 0.41, 2.3)
    assert card.expect.text() == "Expect 1.9 ± 0.4\u202fΔE00"
    assert "best so far 2.30" in card.why.text()
    assert "chance to beat it 82" in card.why.text()


def test_a_categorical_parameter_is_a_choice(card, qtbot):
    spec = states.mixed_spec()
    point = {"temperature": 40.0, "time": 10.0, "solvent": "ethanol"}
    waiting = Suggested(1, point, None, None, None, "space filling", "gp")
    card.show_state(CampaignState(spec, phase="Running", waiting=waiting))
    field = card.form.fields["solvent"]
    assert field.currentText() == "ethanol"
    with qtbot.waitSignal(card.edited) as told:
        field.textActivated.emit("acetone")
    assert told.args[0]["solvent"] == "acetone"
    assert card.form.fields["time"].singleStep() == 5.0


def test_chance_to_beat_the_best():
    assert chance(2.0, 1.0, 2.0, "minimise") == pytest.approx(0.5)
    assert chance(1.0, 0.5, 2.0, "minimise") > 0.95
    assert chance(1.0, 0.5, 2.0, "maximise") < 0.05


def bounded() -> SearchSpace:
    parts = (Continuous("a", 10, 60), Continuous("b", 0, 50), Continuous("c", 5, 100))
    return SearchSpace((*parts, Categorical("d", ("x", "y"))), Mixture(("a", "b", "c"), 100))


@pytest.mark.parametrize("change", [{"a": 60.0}, {"a": 0.0}, {"b": 50.0, "a": 60.0}, {"c": 100.0}, {"c": 0.0}])
def test_a_moved_point_keeps_total_and_bounds(change):
    space = bounded()
    point = moved(space, {"a": 30.0, "b": 30.0, "c": 40.0, "d": "x"}, change)
    assert missing(space, point) == pytest.approx(0, abs=1e-9)
    assert space.contains(point)


def test_the_middle_of_a_space_is_in_it():
    for space in (bounded(), states.colour_space(), states.mixed_spec().space):
        assert space.contains(space.snap(middle(space)))


def test_two_points_are_the_same_to_the_eye():
    space = states.colour_space()
    point = middle(space)
    assert same(point, {**point, "red": float(point["red"]) + 0.1}, space)
    assert not same(point, {**point, "red": float(point["red"]) + 100}, space)
    assert same(None, None, space)
    assert not same(point, None, space)
