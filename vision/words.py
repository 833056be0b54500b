"""What was seen, in a person's words: the same on the live picture, in drawn files and in messages."""

import math
from collections.abc import Mapping

from vision.reading import Doubt, Lab, State, VialReading

STATES: Mapping[State, str] = {
    "no_vial": "no vial", "empty": "empty", "liquid": "liquid", "two_phase": "two phases",
    "liquid+solid": "liquid over solid", "solid": "solid", "gel": "gel", "unknown": "not sure what",
}  # fmt: skip
DOUBTS: Mapping[Doubt, str] = {
    Doubt.NO_VIAL: "no vial", Doubt.GLARE: "glare", Doubt.LABEL: "a label in the way", Doubt.BLUR: "blurred",
    Doubt.DARK: "too dark", Doubt.SATURATED: "too bright", Doubt.FULL: "full to the brim",
    Doubt.NO_EDGE: "no liquid edge", Doubt.AMBIGUOUS: "more than one edge", Doubt.FROZEN: "picture frozen",
    Doubt.MOVED: "vial moved", Doubt.OUT_OF_FRAME: "vial out of the picture", Doubt.VORTEX: "stirred",
    Doubt.FOAM: "foam", Doubt.EXPOSURE: "light changed", Doubt.CAMERA_MOVED: "camera moved",
    Doubt.NO_WHITE: "no white",
}  # fmt: skip
FILLED: tuple[State, ...] = ("liquid", "two_phase", "liquid+solid", "gel")
"""States with a surface."""
EMPTY: tuple[State, ...] = ("empty", "no_vial")
Z95 = 1.96
"""Standard deviations to either side of a 95 % interval."""
UNSURE = 0.5
"""A reading of less confidence is doubtful even without a reason."""
_HUES = (
    (20.0, "pink"), (50.0, "red"), (80.0, "orange"), (115.0, "yellow"), (170.0, "green"), (230.0, "cyan"),
    (310.0, "blue"), (345.0, "purple"), (360.0, "pink"),
)  # fmt: skip
_GREY_CHROMA, _CLEAR_L, _DARK_L = 10.0, 75.0, 30.0


def here(reading: VialReading) -> bool:
    """Whether a vial stands in its place, so that what is in it can be judged."""
    return reading.present is not False and Doubt.MOVED not in reading.doubt


def doubtful(reading: VialReading) -> bool:
    return bool(reading.doubt) or reading.confidence < UNSURE


def doubts(reading: VialReading) -> tuple[str, ...]:
    """The reasons not to trust it, but for the absence of a vial."""
    said = [words for flag, words in DOUBTS.items() if flag in reading.doubt and flag is not Doubt.NO_VIAL]
    return tuple(said) or (("unsure",) if doubtful(reading) and here(reading) else ())


def colour_word(lab: Lab) -> str:
    """A plain name for a CIELAB colour, so that a swatch says nothing alone."""
    L, a, b = lab
    if math.hypot(a, b) < _GREY_CHROMA:
        return "clear" if L >= _CLEAR_L else "grey" if L >= _DARK_L else "dark"
    hue = math.degrees(math.atan2(b, a)) % 360.0
    return next(name for below, name in _HUES if hue < below)


def interval(half: float | None, digits: int) -> str:
    """` ±0.2` for a standard deviation; empty where it is not known."""
    return "" if half is None or not math.isfinite(half) else f" ±{Z95 * half:.{digits}f}"
