"""Colours, type and spacing of the window, light and dark."""

from dataclasses import dataclass
from typing import Literal

GRID_PX = 8
PADDING_PX = 12
RADIUS_PX = 8
CONTROL_PX = 32
MAIN_CONTROL_PX = 44
DIGITS_PX, TITLE_PX, CARD_TITLE_PX, BODY_PX, CAPTION_PX = 28, 20, 15, 13, 11
STOP_RED = "#B3001B"
SERIES = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#999999")
"""Okabe and Ito's colours: the same parameter always has the same one."""


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


DARK = Theme(
    "dark", "#1B1F24", "#262C33", "#2F363E", "#3A424C", "#E8EAED", "#9AA4AF", "#56B4E9", "#10151A",
    "#2BC79A", "#56B4E9", "#E69F00", "#FF8A4C",
)  # fmt: skip
LIGHT = Theme(
    "light", "#F3F5F7", "#FFFFFF", "#F3F5F7", "#D0D7DE", "#1F2328", "#57606A", "#0072B2", "#FFFFFF",
    "#007A59", "#0072B2", "#8A5A00", "#B84A00",
)  # fmt: skip
