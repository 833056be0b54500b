"""The Run page as a whole: what comes in is drawn, what a person does comes out as signals."""

from dataclasses import replace

import pyqtgraph as pg
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest

from campaign.events import Labelled
from campaign.state import CampaignState
from campaign.worth import WORTHS
from gui.models.next_point import missing, same
from gui.panels.run_page import RunPage
from gui.theme import DARK, LIGHT, apply
from optimiser.history import History, Observation
from optimiser.surrogate import Posterior, fit
from tests.gui import states


def believe(state: CampaignState) -> Posterior:
    seen = tuple(Observation(e.point, e.value, e.value_sd, label=e.label) for e in state.observed)
    return fit(History(state.spec.space, state.spec.objective.direction, 0, seen))


@pytest.fixture(scope="module")
def colour() -> tuple[CampaignState, Posterior]:
    state = states.colour_state()
    return state, believe(state)


@pytest.fixture(autouse=True)
def every_move_counts():
    """pyqtgraph drops mouse moves that follow each other too fast for a hand."""
    before = pg.getConfigOption("mouseRateLimit")
    pg.setConfigOption("mouseRateLimit", 0)
    yield
    pg.setConfigOption("mouseRateLimit", before)


@pytest.fixture(scope="module")
def dressed(qapp):
    apply(qapp, LIGHT)


@pytest.fixture
def page(qtbot, qapp, dressed, colour):
    made = RunPage()
    qtbot.addWidget(made)
    made.set_theme(LIGHT)
    made.resize(1220, 720)
    made.show_state(colour[0])
    made.show_model(colour[1])
    made.show()
    qtbot.waitExposed(made)
    qapp.processEvents()
    return made


def on_screen(page: RunPage, which: str, x: float, y: float) -> QPoint:
    one = getattr(page.model.maps, which)
    scene = one.plot.getViewBox().mapViewToScene(QPointF(x, y))
    return page.model.maps.area.mapFromScene(scene)


def drag(page: RunPage, which: str, start: tuple[float, float], stop: tuple[float, float], *, let_go=True) -> None:
    viewport = page.model.maps.area.viewport()
    here, there = on_screen(page, which, *start), on_screen(page, which, *stop)
    QTest.mouseMove(viewport, here)
    QTest.mousePress(viewport, Qt.MouseButton.LeftButton, pos=here)
    for part in (0.3, 0.6, 1.0):
        QTest.mouseMove(viewport, here + (there - here) * part)
    if let_go:
        QTest.mouseRelease(viewport, Qt.MouseButton.LeftButton, pos=there)


def test_it_fits_the_smallest_window(page):
    assert page.minimumSizeHint().width() <= 1280 - 60
    assert page.minimumSizeHint().height() <= 800 - 56 - 24


@pytest.mark.parametrize("which", ["mean", "doubt"])
def test_dragging_the_target_moves_fields_and_expectation(page, colour, which):
    wish = colour[0].waiting.point
    before = page.next.expect.text()
    drag(page, which, (wish["red"], wish["yellow"]), (1500.0, 900.0))
    point = page.next.point
    assert point["red"] == pytest.approx(1500, abs=40)
    assert point["yellow"] == pytest.approx(900, abs=40)
    assert missing(colour[0].spec.space, point) == pytest.approx(0, abs=1e-3)
    assert page.next.expect.text() != before
    assert page.next.expect.text().startswith("Expect ")
    assert page.next.form.fields["red"].value() == pytest.approx(point["red"], abs=1)
    mean, sd = colour[1].predict([point])
    assert f"{mean[0]:.1f}" in page.next.expect.text() or f"{mean[0]:.0f}" in page.next.expect.text()
    assert sd[0] > 0


def test_the_map_is_not_redrawn_while_dragging(page, colour, monkeypatch):
    drawn = []
    monkeypatch.setattr(page.model.maps, "draw", lambda *values: drawn.append(values))
    page.model.others.setCurrentIndex(0)
    wish = colour[0].waiting.point
    drag(page, "mean", (wish["red"], wish["yellow"]), (1500.0, 900.0), let_go=False)
    assert drawn == []
    QTest.mouseRelease(
        page.model.maps.area.viewport(), Qt.MouseButton.LeftButton, pos=on_screen(page, "mean", 1500, 900)
    )
    assert len(drawn) == 1


def test_a_mixture_cannot_be_dragged_over_its_edge(page, colour):
    wish = colour[0].waiting.point
    drag(page, "mean", (wish["red"], wish["yellow"]), (3500.0, 3500.0))
    point = page.next.point
    assert min(point.values()) >= 0
    assert missing(colour[0].spec.space, point) == pytest.approx(0, abs=1e-3)


def test_the_shares_of_the_others_survive_a_visit_to_the_edge(page, colour):
    wish = colour[0].waiting.point
    viewport = page.model.maps.area.viewport()
    drag(page, "mean", (wish["red"], wish["yellow"]), (2500.0, 2500.0), let_go=False)
    QTest.mouseMove(viewport, on_screen(page, "mean", 400, 400))
    QTest.mouseRelease(viewport, Qt.MouseButton.LeftButton, pos=on_screen(page, "mean", 400, 400))
    point = page.next.point
    assert point["blue"] / point["water"] == pytest.approx(wish["blue"] / wish["water"], rel=0.02)


def test_use_mine_sends_the_dragged_point(page, colour, qtbot):
    wish = colour[0].waiting.point
    assert not page.next.mine_button.isEnabled()
    drag(page, "mean", (wish["red"], wish["yellow"]), (1500.0, 900.0))
    assert page.model.maps.mean.ghost.items[0].getData()[0].tolist() == [pytest.approx(wish["red"])]
    with qtbot.waitSignal(page.decided) as sent:
        page.next.mine_button.click()
    action, point, why = sent.args
    assert (action, why) == ("override", "dragged by hand")
    assert same(point, page.next.point, colour[0].spec.space)
    assert not page.next.mine_button.isEnabled()


def test_accept_sends_the_wish_itself(page, colour, qtbot):
    with qtbot.waitSignal(page.decided) as sent:
        page.accept()
    assert sent.args[:2] == ["accept", dict(colour[0].waiting.point)]


def test_a_state_that_brings_no_new_suggestion_leaves_the_dragged_point_alone(page, colour):
    wish = colour[0].waiting.point
    drag(page, "mean", (wish["red"], wish["yellow"]), (1500.0, 900.0))
    point = dict(page.next.point)
    page.show_state(replace(colour[0], events=999))
    assert page.next.point == point


def test_before_a_model_a_sentence_stands_there(qtbot, colour):
    page = RunPage()
    qtbot.addWidget(page)
    page.show_state(CampaignState(colour[0].spec))
    assert "after the second result" in page.model.empty.text()
    assert page.model.pages.currentWidget() is page.model.empty
    assert page.next.expect.text() == "No prediction yet"


def test_curiosity_is_told_once_when_it_settles(page, qtbot):
    with qtbot.waitSignal(page.beta_changed) as told:
        for value in (40, 50, 60):
            page.model.slider.setValue(value)
    assert told.args == [3.0]
    assert page.model.beta.value() == 3.0


@pytest.mark.parametrize("kind", WORTHS)
def test_the_curiosity_can_be_changed_where_it_has_an_effect(page, qtbot, kind):
    index = page.model.rule.findData(kind)
    with qtbot.waitSignal(page.acquisition_changed) as told:
        page.model.rule.setCurrentIndex(index)
        page.model.rule.activated.emit(index)
    assert told.args == [kind]
    heeds = kind in ("ucb", "turns")
    for widget in (page.model.slider, page.model.beta):
        assert widget.isVisible()
        assert widget.isEnabled() == heeds
        assert ("no effect" in widget.toolTip()) == (not heeds)
    assert WORTHS[kind].why in page.model.rule.toolTip()
    assert page.model.rule.itemData(index, Qt.ItemDataRole.ToolTipRole) == WORTHS[kind].why


@pytest.mark.parametrize("spec", [states.two_dials_spec(), states.mixed_spec(), states.one_dial_spec()])
def test_any_space_is_drawn(qtbot, qapp, spec):
    import numpy as np

    rng = np.random.default_rng(0)
    points = [dict(p) for p in spec.space.sample(6, rng)]
    state = states.measured(spec, points, rng.normal(size=6).tolist())
    page = RunPage()
    qtbot.addWidget(page)
    page.resize(1220, 720)
    page.show_state(state)
    page.show_model(believe(state))
    page.show()
    for face in ("map", "slices"):
        page.model.face.buttons[face].click()
        qapp.processEvents()
    assert page.model.pages.currentWidget() is page.model.slices
    assert set(page.model.slices.cuts) == set(spec.space.names)
    assert not page.vials.isVisible()


def test_choosing_one_parameter_for_both_axes_exchanges_them(page):
    page.model.x_box.setCurrentIndex(page.model.x_box.findData("yellow"))
    page.model.x_box.activated.emit(1)
    assert (page.model.maps.x_name, page.model.maps.y_name) == ("yellow", "red")


def test_the_mouse_over_a_dot_tells_its_experiment(page, colour):
    experiment = colour[0].observed[0]
    viewport = page.model.maps.area.viewport()
    place = on_screen(page, "mean", experiment.point["red"], experiment.point["yellow"])
    QTest.mouseMove(viewport, place + QPoint(40, 0))
    QTest.mouseMove(viewport, place)
    assert page.model.maps.mean.plot.getViewBox().toolTip().startswith("experiment 1: ")


def test_both_themes_can_be_changed_while_it_is_open(page, qapp):
    for theme in (DARK, LIGHT):
        apply(qapp, theme)
        page.set_theme(theme)
        assert not page.grab().isNull()


def test_a_label_is_told_in_the_log(page: RunPage) -> None:
    page.show_event(Labelled(3, "infeasible"))
    assert "Experiment 3 labelled “infeasible”: it cannot be made" in page.log.text.toPlainText()
