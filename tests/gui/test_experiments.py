"""The table of experiments and its model."""

from dataclasses import replace

import pytest
from PySide6.QtCore import QItemSelectionModel, QPoint, Qt
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtTest import QAbstractItemModelTester, QSignalSpy
from PySide6.QtWidgets import QApplication

from campaign.state import CampaignState
from campaign.words import LABELS
from gui.models.experiments_model import ExperimentsModel
from gui.panels.experiments import ExperimentsPanel
from gui.theme import LIGHT
from gui.widgets import digits
from optimiser.space import Continuous, Stepped
from tests.gui import states

Role = Qt.ItemDataRole


@pytest.fixture
def model(qapp):
    made = ExperimentsModel()
    made.set_theme(LIGHT)
    made.show_state(states.colour_state())
    return made


def cell(model: ExperimentsModel, row: int, key: str, role: Role = Role.DisplayRole):
    return model.data(model.index(row, model.keys.index(key)), role)


def test_it_is_a_sound_model(qapp, model):
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Warning)
    state = states.colour_state()
    model.show_state(replace(state, experiments=state.experiments[:4]))
    model.show_state(state)
    model.show_state(CampaignState(states.two_dials_spec()))
    assert tester is not None
    assert model.rowCount() == 0


def test_newest_first(model):
    assert [cell(model, row, "number") for row in range(3)] == ["12", "11", "10"]


def test_states_are_shape_and_word(model):
    assert cell(model, 0, "status") == "done"
    assert cell(model, 5, "status") == "failed"
    assert not cell(model, 5, "status", Role.DecorationRole).isNull()
    assert cell(model, 5, "measured") == digits.NOTHING


def test_numbers_are_honest_and_on_the_right(model):
    state = states.colour_state()
    assert cell(model, 0, "predicted") == digits.with_sd(state.experiments[11].mean, 1.6)
    assert cell(model, 0, "measured", Role.TextAlignmentRole) & Qt.AlignmentFlag.AlignRight
    assert cell(model, 0, "red").isdigit()
    lengths = {len(cell(model, row, "measured").partition(".")[2]) for row in range(5)}
    assert len(lengths) == 1


def test_a_note_is_asked_for(model, qtbot):
    index = model.index(0, model.keys.index("note"))
    assert model.flags(index) & Qt.ItemFlag.ItemIsEditable
    with qtbot.waitSignal(model.noted) as told:
        assert model.setData(index, " bubble ")
    assert told.args == [12, "bubble"]
    with qtbot.assertNotEmitted(model.noted):
        model.setData(index, "")


def test_a_label_is_shown_in_words_with_what_follows(model):
    assert [cell(model, row, "label") for row in (0, 5, 8)] == ["counts", "failed", "outlier"]
    assert "not to blame" in cell(model, 5, "label", Role.ToolTipRole)
    assert cell(model, 8, "measured", Role.ForegroundRole).name() == LIGHT.muted.lower()
    model.show_state(states.colour_state(waiting=False))
    assert cell(model, 0, "label") == ""


def test_a_new_experiment_is_one_inserted_row(model):
    inserted, reset = QSignalSpy(model.rowsInserted), QSignalSpy(model.modelReset)
    model.show_state(states.colour_state(waiting=False))
    assert inserted.count() == 1
    assert reset.count() == 0
    assert cell(model, 0, "status") == "running"
    assert cell(model, 0, "measured") == "…"


def test_a_changed_experiment_touches_only_its_row(model):
    state = states.colour_state()
    experiments = [*state.experiments]
    experiments[11] = replace(experiments[11], note="seen")
    changed = QSignalSpy(model.dataChanged)
    model.show_state(replace(state, experiments=tuple(experiments)))
    assert changed.count() == 1
    assert cell(model, 0, "note") == "seen"


def test_the_panel_says_so_when_there_is_nothing(qtbot):
    panel = ExperimentsPanel()
    qtbot.addWidget(panel)
    panel.show_state(CampaignState(states.colour_spec()))
    assert panel.pages.currentWidget() is panel.empty
    panel.show_state(states.colour_state())
    assert panel.pages.currentWidget() is panel.table
    panel.edit_newest_note()
    assert panel.table.currentIndex().row() == 0


@pytest.fixture
def panel(qtbot):
    made = ExperimentsPanel()
    qtbot.addWidget(made)
    made.resize(900, 400)
    made.show_state(states.colour_state(waiting=False))
    with qtbot.waitExposed(made):
        made.show()
    yield made
    made.menu.close()


def place(panel: ExperimentsPanel, row: int, key: str) -> QPoint:
    return panel.table.visualRect(panel.model.index(row, panel.model.keys.index(key))).center()


def offered(panel: ExperimentsPanel) -> list[str]:
    return [a.text() for a in panel.menu.actions() if not a.isSeparator()]


def choose(panel: ExperimentsPanel, word: str) -> None:
    next(a for a in panel.menu.actions() if a.text().startswith(word)).trigger()


def test_a_right_click_offers_the_labels_and_what_follows(panel, qtbot):
    qtbot.mouseClick(panel.table.viewport(), Qt.MouseButton.RightButton, pos=place(panel, 6, "status"))
    panel.table.customContextMenuRequested.emit(place(panel, 6, "status"))
    assert panel.menu.isVisible()
    assert offered(panel) == [
        "Experiment 7",
        *(f"{word.capitalize()}: {follows}" for word, follows in LABELS.values()),
    ]
    assert [a.text().split(":")[0] for a in panel.menu.actions() if a.isChecked()] == ["Failed"]
    with qtbot.waitSignal(panel.labelled) as told:
        choose(panel, "Infeasible")
    assert told.args == [(7,), "infeasible"]


def test_the_menu_key_and_a_click_on_the_label_open_the_same_menu(panel, qtbot):
    panel.table.setFocus()
    panel.table.selectRow(1)
    where = place(panel, 1, "status")
    event = QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, where, panel.table.mapToGlobal(where))
    QApplication.sendEvent(panel.table, event)
    assert panel.menu.isVisible()
    assert offered(panel)[0] == "Experiment 12"
    panel.menu.close()
    qtbot.mouseClick(panel.table.viewport(), Qt.MouseButton.LeftButton, pos=place(panel, 3, "label"))
    assert panel.menu.isVisible()
    assert offered(panel)[0] == "Experiment 10"


def test_several_experiments_are_labelled_at_once(panel, qtbot):
    for row in (0, 2, 6):  # the first is still running
        index = panel.model.index(row, 0)
        panel.table.selectionModel().select(
            index, QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
        )
    panel.ask_label()
    assert offered(panel)[0] == "Experiments 7, 11"
    assert not any(a.isChecked() for a in panel.menu.actions())
    with qtbot.waitSignal(panel.labelled) as told:
        choose(panel, "Outlier")
    assert told.args == [(7, 11), "outlier"]


def test_without_a_selection_the_newest_that_is_over_is_asked_about(panel):
    panel.ask_label()
    assert offered(panel)[0] == "Experiment 12"
    panel.menu.close()
    panel.table.selectRow(0)
    panel.ask_label()
    assert offered(panel) == ["Not over yet: there is a label once there is a result"]


@pytest.mark.parametrize(
    ("mean", "sd", "unit", "words"),
    [
        (1.93, 0.41, "ΔE00", "1.9 ± 0.4\u202fΔE00"), (73.41234, 2.13, "%", "73.4 ± 2.1\u202f%"),
        (73.41234, 5.2, "%", "73 ± 5\u202f%"), (0.39792, 0.0068, "", "0.398 ± 0.007"),
        (-0.04, 0.2, "", "\u22120.04 ± 0.20"), (812.0, 113.0, "S/cm", "810 ± 110\u202fS/cm"), (None, 1.0, "", "–"),
        (2.1, None, "mm", "2.10\u202fmm"),
    ],
)  # fmt: skip
def test_numbers_with_uncertainty(mean, sd, unit, words):
    assert digits.with_sd(mean, sd, unit) == words


def test_settings_have_the_digits_of_their_step():
    assert digits.setting(Stepped("t", 0, 60, 5), 35.0) == "35"
    assert digits.setting(Stepped("p", 0, 1, 0.25), 0.75) == "0.75"
    assert digits.setting(Continuous("v", 0, 4000), 1234.56) == "1235"
    assert digits.setting(Continuous("x", 0, 5), 3.14159) == "3.142"
