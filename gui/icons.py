"""Icons from the package, tinted. No network, no fonts: DejaVu lacks the pause sign."""

from functools import lru_cache
from importlib.resources import files

from PySide6.QtCore import QByteArray, QSize, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer


def icon_path(name: str) -> str:
    """Where an icon file lies, as a style sheet wants it."""
    return str(files("resources").joinpath("icons", f"{name}.svg")).replace("\\", "/")


@lru_cache(maxsize=256)
def pixmap(name: str, colour: str, size: int = 20, ratio: float = 2.0) -> QPixmap:
    """The icon in one colour, drawn at `ratio` device pixels per pixel."""
    text = files("resources").joinpath("icons", f"{name}.svg").read_text(encoding="utf-8")
    renderer = QSvgRenderer(QByteArray(text.replace("currentColor", colour).encode()))
    side = round(size * ratio)
    picture = QPixmap(QSize(side, side))
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    renderer.render(painter)
    painter.end()
    picture.setDevicePixelRatio(ratio)
    return picture


def icon(name: str, colour: str, disabled: str | None = None, checked: str | None = None) -> QIcon:
    """The same with its greyed and its checked look."""
    made = QIcon(pixmap(name, colour))
    if disabled is not None:
        made.addPixmap(pixmap(name, disabled), QIcon.Mode.Disabled)
    if checked is not None:
        made.addPixmap(pixmap(name, checked), QIcon.Mode.Normal, QIcon.State.On)
    return made
