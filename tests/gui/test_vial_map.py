"""The rack from above."""

from PySide6.QtCore import QPoint

from gui.panels.vial_map import VialMap, grid
from gui.theme import LIGHT
from tests.gui import states


def test_slots_lie_by_their_names():
    places = grid(("A1", "A2", "B1", "D6"))
    assert places == {"A1": (0, 0), "A2": (0, 1), "B1": (1, 0), "D6": (3, 5)}


def test_other_names_are_laid_out_in_rows():
    assert grid(("left", "right"))["right"] == (0, 1)


def test_counts_and_words(qtbot):
    card = VialMap()
    qtbot.addWidget(card)
    card.set_theme(LIGHT)
    card.resize(384, 148)
    card.show_state(states.colour_state(waiting=False))
    assert card.counts.text() == "12 used · 1 given up · 11 clean"
    assert card.rack.words("A1").startswith("Vial A1: done, experiment 1\nmeasured ")
    assert card.rack.words("B1") == "Vial B1: given up, experiment 7"
    assert card.rack.words("D6") == "Vial D6: clean, free"
    assert card.rack.words("C1").startswith("Vial C1: in work, experiment 13")


def test_the_mouse_finds_a_slot(qtbot):
    card = VialMap()
    qtbot.addWidget(card)
    card.resize(384, 148)
    card.show_state(states.colour_state())
    card.show()
    assert card.rack.slot_at(card.rack.box("C4").center().toPoint()) == "C4"
    assert card.rack.slot_at(QPoint(1, 1)) is None
    assert not card.grab().isNull()
