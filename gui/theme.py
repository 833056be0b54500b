"""Colours, type and spacing of the window, light and dark."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication, QToolTip

GRID_PX = 8
PADDING_PX = 12
RADIUS_PX = 8
CONTROL_PX = 32
MAIN_CONTROL_PX = 44
DIGITS_PX, TITLE_PX, CARD_TITLE_PX, BODY_PX, CAPTION_PX = 28, 20, 15, 13, 11
STOP_RED = "#B3001B"
SIMULATED = "#E69F00"
SERIES = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#999999")
"""Okabe and Ito's colours: the same parameter always has the same one."""
_NAMED = {
    "red": "#D55E00", "orange": "#E69F00", "yellow": "#F0E442", "green": "#009E73", "blue": "#0072B2",
    "cyan": "#56B4E9", "magenta": "#CC79A7", "water": "#999999",
}  # fmt: skip
SCALES = (0.9, 1.0, 1.1, 1.25, 1.4, 1.6)
"""Text sizes on offer, against 13 px."""
Choice = Literal["system", "light", "dark"]


@dataclass(frozen=True)
class Theme:
    """One set of colours. States are never shown by colour alone: a shape and a word go with each."""

    name: Literal["light", "dark"]
    background: str
    panel: str
    raised: str
    border: str
    text: str
    muted: str
    accent: str
    on_accent: str
    ok: str
    run: str
    warn: str
    fail: str
    scale: float = 1.0

    def px(self, size: float) -> int:
        """A text size at the chosen scale."""
        return round(size * self.scale)


DARK = Theme(
    "dark", "#1B1F24", "#262C33", "#2F363E", "#3A424C", "#E8EAED", "#9AA4AF", "#56B4E9", "#10151A",
    "#2BC79A", "#56B4E9", "#E69F00", "#FF8A4C",
)  # fmt: skip
LIGHT = Theme(
    "light", "#F3F5F7", "#FFFFFF", "#F3F5F7", "#D0D7DE", "#1F2328", "#57606A", "#0072B2", "#FFFFFF",
    "#007A59", "#0072B2", "#8A5A00", "#B84A00",
)  # fmt: skip


def series_of(names: Sequence[str]) -> tuple[str, ...]:
    """A colour per parameter, by place; one that is named after a colour gets that colour."""
    named = [_NAMED.get(name.lower()) for name in names]
    free = [colour for colour in SERIES if colour not in named] or list(SERIES)
    left = iter(free * (1 + len(names) // len(free)))
    return tuple(colour or next(left) for colour in named)


def wanted(choice: Choice, scale: float = 1.0) -> Theme:
    """The theme for a choice; "system" follows the desktop's colour scheme."""
    if choice == "system":
        dark = QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark
        return replace(DARK if dark else LIGHT, scale=scale)
    return replace(DARK if choice == "dark" else LIGHT, scale=scale)


def apply(app: QApplication, theme: Theme) -> None:
    """Dress every widget of the application; may be called again at any time."""
    from gui.style import sheet

    if app.style().name().lower() != "fusion":
        app.setStyle("Fusion")
    app.setFont(_font(theme))
    palette = _palette(theme)
    app.setPalette(palette)
    QToolTip.setPalette(palette)
    app.setStyleSheet(sheet(theme))


def _font(theme: Theme) -> QFont:
    system = QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont).family()
    font = QFont()
    font.setFamilies([system, "DejaVu Sans"])
    font.setPixelSize(theme.px(BODY_PX))
    font.setFeature(QFont.Tag("tnum"), 1)
    return font


def _palette(theme: Theme) -> QPalette:
    role = QPalette.ColorRole
    colours = {
        role.Window: theme.background, role.WindowText: theme.text, role.Base: theme.panel,
        role.AlternateBase: theme.raised, role.Text: theme.text, role.Button: theme.raised,
        role.ButtonText: theme.text, role.BrightText: theme.fail, role.Highlight: theme.accent,
        role.HighlightedText: theme.on_accent, role.ToolTipBase: theme.raised, role.ToolTipText: theme.text,
        role.PlaceholderText: theme.muted, role.Link: theme.accent, role.LinkVisited: theme.accent,
        role.Light: theme.raised, role.Midlight: theme.border, role.Mid: theme.border, role.Dark: theme.border,
        role.Shadow: theme.background, role.Accent: theme.accent,
    }  # fmt: skip
    palette = QPalette()
    for which, colour in colours.items():
        palette.setColor(which, QColor(colour))
    for which in (role.WindowText, role.Text, role.ButtonText, role.HighlightedText):
        palette.setColor(QPalette.ColorGroup.Disabled, which, QColor(theme.muted))
    palette.setColor(QPalette.ColorGroup.Disabled, role.Highlight, QColor(theme.border))
    return palette
