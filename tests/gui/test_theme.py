"""Both themes are readable, the style sheet names classes only, and icons are in the package."""

import re

import pytest
from PySide6.QtGui import QColor, QFontInfo
from PySide6.QtWidgets import QApplication, QComboBox, QLabel, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from gui import theme as themes
from gui.actions import COMMANDS
from gui.icons import icon_path, pixmap
from gui.style import sheet
from gui.theme import DARK, LIGHT, STOP_RED, Theme, series_of


def luminance(colour: QColor) -> float:
    parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour.getRgbF()[:3]]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(a: str | QColor, b: str | QColor) -> float:
    first, second = sorted((luminance(QColor(a)), luminance(QColor(b))), reverse=True)
    return (first + 0.05) / (second + 0.05)


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=["dark", "light"])
def test_text_and_states_stand_out(theme: Theme) -> None:
    for ground in (theme.background, theme.panel):
        assert contrast(theme.text, ground) >= 7
        assert contrast(theme.muted, ground) >= 4.5
        for state in (theme.ok, theme.run, theme.warn, theme.fail):
            assert contrast(state, ground) >= 4.5
    assert contrast(theme.on_accent, theme.accent) >= 4.5
    assert contrast("#FFFFFF", STOP_RED) >= 7


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=["dark", "light"])
def test_the_style_sheet_has_no_rule_for_everything_and_every_picture_exists(theme: Theme) -> None:
    text = sheet(theme)
    assert not re.search(r"(^|[\s,}])\*\s*{", text)
    pictures = re.findall(r'url\("([^"]+)"\)', text)
    assert pictures
    assert all(QColor(theme.text).isValid() and open(path).read() for path in pictures)  # noqa: PTH123, SIM115


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=["dark", "light"])
def test_a_combo_box_is_readable_as_it_is_drawn(qapp: QApplication, qtbot: QtBot, theme: Theme) -> None:
    themes.apply(qapp, theme)
    window = QWidget()
    qtbot.addWidget(window)
    combo = QComboBox()
    combo.addItem("MMMMMMMM")
    column = QVBoxLayout(window)
    column.addWidget(combo)
    window.resize(200, 60)
    window.show()
    image = combo.grab().toImage()
    shades = {image.pixelColor(x, y).name() for x in range(4, 100) for y in range(4, image.height() - 4)}
    lights = sorted(shades, key=lambda s: luminance(QColor(s)))
    assert contrast(lights[0], lights[-1]) > 7


def test_text_scales_and_the_theme_can_be_switched_live(qapp: QApplication, qtbot: QtBot) -> None:
    label = QLabel("x")
    qtbot.addWidget(label)
    themes.apply(qapp, themes.wanted("light", 1.0))
    small = QFontInfo(label.font()).pixelSize()
    themes.apply(qapp, themes.wanted("dark", 1.6))
    assert QFontInfo(label.font()).pixelSize() == round(small * 1.6)
    assert qapp.palette().window().color().name().upper() == DARK.background
    themes.apply(qapp, themes.wanted("dark", 1.0))


def test_every_command_icon_is_there_and_takes_the_colour(qapp: QApplication) -> None:
    for command in COMMANDS:
        if command.icon is not None:
            image = pixmap(command.icon, "#FF0000", 24, 1.0).toImage()
            solid = [
                image.pixelColor(x, y)
                for x in range(image.width())
                for y in range(image.height())
                if image.pixelColor(x, y).alpha() > 250
            ]
            assert solid, command.icon
            assert all(c.red() > 240 and c.green() < 15 for c in solid)
    assert icon_path("play").endswith("icons/play.svg")


def test_parameters_named_after_a_colour_get_it_and_no_two_share_one() -> None:
    colours = series_of(("red", "yellow", "blue", "water", "temperature"))
    assert len(set(colours)) == 5
    assert colours[0] == "#D55E00"
    assert colours[2] == "#0072B2"
