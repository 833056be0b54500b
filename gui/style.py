"""The style sheet, one rule per widget class (a `*` rule would bleed into pop-ups).

What a widget is for is said by its property `kind`: card, title, cardTitle, caption, digits, filled, quiet,
small, bad, rail. `mark` sets it and repaints.
"""

from PySide6.QtWidgets import QWidget

from gui.icons import icon_path
from gui.theme import BODY_PX, CAPTION_PX, CARD_TITLE_PX, DIGITS_PX, RADIUS_PX, STOP_RED, TITLE_PX, Theme

_SHEET = """
QMainWindow, QDialog, QWidget[kind="page"] {{ background: {background}; color: {text}; }}
QFrame[kind="card"] {{ background: {panel}; border: 1px solid {border}; border-radius: {radius}px; }}
QFrame[kind="bar"] {{ background: {panel}; border: none; }}
QFrame[kind="line"] {{ background: {border}; border: none; }}
QLabel {{ background: transparent; color: {text}; border: none; }}
QLabel:disabled {{ color: {muted}; }}
QLabel[kind="title"] {{ font-size: {title}px; font-weight: 600; }}
QLabel[kind="cardTitle"] {{ font-size: {card_title}px; font-weight: 600; }}
QLabel[kind="caption"] {{ font-size: {caption}px; color: {muted}; }}
QLabel[kind="muted"] {{ color: {muted}; }}
QLabel[kind="digits"] {{ font-size: {digits}px; font-weight: 500; }}
QLabel[kind="sentence"] {{ font-size: {card_title}px; }}
QLabel[kind="bad"] {{ color: {fail}; }}

QPushButton, QToolButton {{
  background: {panel}; color: {text}; border: 1px solid {border}; border-radius: 6px;
  padding: 4px 12px; min-height: 22px; }}
QToolButton {{ padding: 4px 6px; }}
QPushButton:hover, QToolButton:hover {{ background: {raised}; border-color: {muted}; }}
QPushButton:pressed, QToolButton:pressed {{ background: {border}; }}
QPushButton:checked, QToolButton:checked {{ border-color: {accent}; color: {accent}; background: {raised}; }}
QPushButton:focus, QToolButton:focus {{ border: 2px solid {accent}; padding: 3px 11px; }}
QToolButton:focus {{ padding: 3px 5px; }}
QPushButton:disabled, QToolButton:disabled {{ color: {faint}; background: transparent; border-style: dashed; }}
QPushButton[kind="filled"] {{
  background: {accent}; color: {on_accent}; border-color: {accent}; font-weight: 600; }}
QPushButton[kind="filled"]:hover {{ border-color: {text}; }}
QPushButton[kind="filled"]:focus {{ border: 2px solid {text}; padding: 3px 11px; }}
QPushButton[kind="filled"]:disabled {{
  background: transparent; color: {faint}; border: 1px dashed {border}; font-weight: 400; }}
QPushButton[kind="small"] {{ padding: 0px 8px; min-height: 18px; font-size: {caption}px; }}
QPushButton[kind="small"]:focus {{ border: 2px solid {accent}; padding: 0px 7px; min-height: 16px; }}
QPushButton[kind="quiet"], QToolButton[kind="quiet"] {{ border-color: transparent; background: transparent; }}
QPushButton[kind="stopAll"] {{
  background: {stop}; color: #FFFFFF; border: 2px solid #FFFFFF; border-radius: 6px; font-weight: 700;
  font-size: {card_title}px; padding: 0; }}
QPushButton[kind="stopAll"]:hover, QPushButton[kind="stopAll"]:focus {{
  background: #C9001F; color: #FFFFFF; border: 2px solid #FFFFFF; padding: 0; }}
QPushButton[kind="stopAll"]:pressed {{ background: #8C0015; }}
QToolButton[kind="rail"] {{
  border: none; border-left: 3px solid transparent; border-radius: 0; padding: 6px 0 6px 0;
  background: transparent; color: {muted}; font-size: {caption}px; }}
QToolButton[kind="rail"]:hover {{ background: {raised}; color: {text}; }}
QToolButton[kind="rail"]:checked {{ border-left-color: {accent}; background: {raised}; color: {text}; }}
QToolButton[kind="rail"]:focus {{ border: none; border-left: 3px solid {text}; padding: 6px 0 6px 0; }}
QToolButton[kind="rail"]:disabled {{ color: {border}; background: transparent; }}
QToolButton::menu-indicator {{ image: none; }}

QLineEdit, QSpinBox, QDoubleSpinBox, QComboBox, QPlainTextEdit, QTextEdit {{
  background: {field}; color: {text}; border: 1px solid {border}; border-radius: 5px; padding: 3px 6px;
  min-height: 22px; selection-background-color: {accent}; selection-color: {on_accent}; }}
QLineEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus, QComboBox:focus, QPlainTextEdit:focus, QTextEdit:focus {{
  border: 1px solid {accent}; }}
QLineEdit:disabled, QSpinBox:disabled, QDoubleSpinBox:disabled, QComboBox:disabled {{
  color: {muted}; background: {panel}; }}
QLineEdit[kind="bad"], QSpinBox[kind="bad"], QDoubleSpinBox[kind="bad"], QComboBox[kind="bad"] {{
  border: 2px solid {fail}; }}
QSpinBox, QDoubleSpinBox {{ padding-right: 20px; }}
QSpinBox::up-button, QDoubleSpinBox::up-button {{
  subcontrol-origin: border; subcontrol-position: top right; width: 18px; border: none; background: transparent; }}
QSpinBox::down-button, QDoubleSpinBox::down-button {{
  subcontrol-origin: border; subcontrol-position: bottom right; width: 18px; border: none;
  background: transparent; }}
QSpinBox::up-arrow, QDoubleSpinBox::up-arrow {{ image: url("{chevron_up}"); width: 10px; height: 10px; }}
QSpinBox::down-arrow, QDoubleSpinBox::down-arrow {{ image: url("{chevron_down}"); width: 10px; height: 10px; }}
QComboBox::drop-down {{ border: none; width: 20px; }}
QComboBox::down-arrow {{ image: url("{chevron_down}"); width: 12px; height: 12px; }}
QComboBox QAbstractItemView {{
  background: {panel}; color: {text}; border: 1px solid {border}; outline: none;
  selection-background-color: {accent}; selection-color: {on_accent}; }}

QCheckBox, QRadioButton {{ color: {text}; spacing: 8px; background: transparent; }}
QCheckBox:disabled, QRadioButton:disabled {{ color: {muted}; }}
QCheckBox::indicator, QRadioButton::indicator {{
  width: 16px; height: 16px; border: 1px solid {muted}; background: {field}; }}
QCheckBox::indicator {{ border-radius: 4px; }}
QRadioButton::indicator {{ border-radius: 9px; }}
QCheckBox::indicator:checked {{ background: {accent}; border-color: {accent}; image: url("{tick}"); }}
QRadioButton::indicator:checked {{ background: {accent}; border-color: {accent}; image: url("{dot}"); }}
QCheckBox::indicator:focus, QRadioButton::indicator:focus {{ border: 2px solid {text}; }}

QTabWidget::pane {{ border: 1px solid {border}; border-radius: {radius}px; background: {panel}; top: -1px; }}
QTabBar {{ background: transparent; }}
QTabBar::tab {{
  background: transparent; color: {muted}; padding: 6px 14px; border: none;
  border-bottom: 2px solid transparent; }}
QTabBar::tab:selected {{ color: {text}; border-bottom-color: {accent}; }}
QTabBar::tab:hover {{ color: {text}; }}
QTabBar::tab:focus {{ border-bottom-color: {text}; }}

QTableView, QTableWidget, QTreeView, QListView, QListWidget {{
  background: {panel}; alternate-background-color: {raised}; color: {text}; gridline-color: {border};
  border: none; outline: none; selection-background-color: {accent}; selection-color: {on_accent}; }}
QHeaderView {{ background: {panel}; border: none; }}
QHeaderView::section {{
  background: {panel}; color: {muted}; border: none; border-bottom: 1px solid {border};
  padding: 4px 8px; font-size: {caption}px; }}
QTableCornerButton::section {{ background: {panel}; border: none; }}
QScrollArea {{ background: transparent; border: none; }}
QScrollBar:vertical {{ background: transparent; width: 10px; margin: 0; }}
QScrollBar:horizontal {{ background: transparent; height: 10px; margin: 0; }}
QScrollBar::handle {{ background: {border}; border-radius: 4px; min-height: 28px; min-width: 28px; margin: 1px; }}
QScrollBar::handle:hover {{ background: {muted}; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
QProgressBar {{
  background: {raised}; border: 1px solid {border}; border-radius: 4px; color: {text}; text-align: center; }}
QProgressBar::chunk {{ background: {run}; border-radius: 3px; }}
QSlider::groove:horizontal {{ height: 4px; background: {border}; border-radius: 2px; }}
QSlider::sub-page:horizontal {{ background: {accent}; border-radius: 2px; }}
QSlider::handle:horizontal {{
  width: 16px; height: 16px; margin: -7px 0; border-radius: 9px; background: {panel};
  border: 2px solid {accent}; }}
QSlider::sub-page:horizontal:disabled {{ background: {border}; }}
QSlider::handle:horizontal:disabled {{ border-color: {border}; }}
QSplitter::handle {{ background: transparent; }}
QMenu {{ background: {panel}; color: {text}; border: 1px solid {border}; padding: 4px; }}
QMenu::item {{ padding: 6px 28px 6px 12px; border-radius: 4px; }}
QMenu::item:selected {{ background: {accent}; color: {on_accent}; }}
QMenu::item:disabled {{ color: {muted}; }}
QMenu::separator {{ height: 1px; background: {border}; margin: 4px 8px; }}
QToolTip {{ background: {raised}; color: {text}; border: 1px solid {border}; padding: 4px 6px; }}
QGroupBox {{ border: 1px solid {border}; border-radius: {radius}px; margin-top: 16px; color: {text}; }}
QGroupBox::title {{ subcontrol-origin: margin; left: 10px; color: {muted}; }}
"""


def sheet(theme: Theme) -> str:
    """The style sheet of a theme at its text scale."""
    faint = "#6B7580" if theme.name == "dark" else "#98A1AB"
    field = "#1F242A" if theme.name == "dark" else "#FFFFFF"
    return _SHEET.format(
        background=theme.background, panel=theme.panel, raised=theme.raised, border=theme.border,
        text=theme.text, muted=theme.muted, accent=theme.accent, on_accent=theme.on_accent, run=theme.run,
        fail=theme.fail, faint=faint, stop=STOP_RED, field=field, radius=RADIUS_PX, title=theme.px(TITLE_PX),
        card_title=theme.px(CARD_TITLE_PX), body=theme.px(BODY_PX), caption=theme.px(CAPTION_PX),
        digits=theme.px(DIGITS_PX), chevron_up=icon_path(f"chevron_up_{theme.name}"),
        chevron_down=icon_path(f"chevron_down_{theme.name}"), tick=icon_path(f"tick_{theme.name}"),
        dot=icon_path(f"dot_{theme.name}"),
    )  # fmt: skip


def mark(widget: QWidget, kind: str) -> None:
    """Say what a widget is for; the sheet dresses it."""
    if widget.property("kind") == kind:
        return
    widget.setProperty("kind", kind)
    widget.style().unpolish(widget)
    widget.style().polish(widget)
    widget.update()
