"""Settings of a USB camera, set and read back: OpenCV ignores what a camera cannot do without a word.

Documentation: OpenCV 5, VideoCaptureProperties; the values are the camera's own units, which depend on the system
(exposure: 100 µs on Linux, the power of two of seconds on Windows). "Automatic" is 3 on Linux and manual 1 (the
values of V4L2_CID_EXPOSURE_AUTO), 1 and 0 elsewhere; DirectShow does not tell which of them it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

Wish = float | str
"""A number in the camera's units, "auto", or four letters for the pixel format."""
AUTO: Literal["auto"] = "auto"
_ORDER = ("pixel_format", "width", "height", "fps", "exposure", "gain", "white_balance", "focus")
_LOOSE = frozenset({"fps"})
"""Told but never insisted on: many cameras slow down in poor light."""
_TOLERANCE = 0.01


class Capture(Protocol):
    """The part of cv2.VideoCapture that is needed here."""

    def get(self, propId: int) -> float: ...  # OpenCV's word
    def set(self, propId: int, value: float) -> bool: ...
    def getBackendName(self) -> str: ...  # noqa: N802


@dataclass(frozen=True)
class Kept:
    """A setting that was asked for and what the camera made of it."""

    name: str
    asked: Wish
    kept: Wish
    same: bool

    @property
    def insisted(self) -> bool:
        return self.name not in _LOOSE

    def __str__(self) -> str:
        told = _words(self.kept)
        return told if self.same else f"{told}, though {_words(self.asked)} was asked for"


def set_controls(capture: Capture, wishes: Mapping[str, Wish]) -> tuple[Kept, ...]:
    """Set what is wished for, size and rate first, and read it back when all is set: one may undo another.

    A name: pixel_format, width, height, fps, exposure, gain, white_balance or focus.
    """
    names = [name for name in _ORDER if name in wishes]
    for name in names:
        _set(capture, name, wishes[name])
    kept = [_read_back(capture, name, wishes[name]) for name in names]
    again = [each.name for each in kept if not each.same and each.name in _automatic()]
    for name in again:  # some take a manual value only on leaving automatic
        auto, on, _ = _switch(capture, name)
        capture.set(auto, on)
        _set(capture, name, wishes[name])
    return tuple(_read_back(capture, each.name, each.asked) if each.name in again else each for each in kept)


def _set(capture: Capture, name: str, wish: Wish) -> None:
    if name in _automatic():
        auto, on, off = _switch(capture, name)
        capture.set(auto, on if wish == AUTO else off)
        if wish == AUTO:
            return
    capture.set(_property(name), _code(wish) if isinstance(wish, str) else wish)


def _read_back(capture: Capture, name: str, wish: Wish) -> Kept:
    got = capture.get(_property(name))
    if name == "pixel_format":
        letters = "".join(chr(int(got) >> shift & 0xFF) for shift in (0, 8, 16, 24))
        kept: Wish = letters if letters.isprintable() else f"{got:g}"
        return Kept(name, wish, kept, kept == wish)
    mode = None
    if name in _automatic():
        auto, on, off = _switch(capture, name)
        told = capture.get(auto)
        mode = told if told in (on, off) else None
        if wish == AUTO:
            # a camera that does not tell its mode is taken at its word
            return Kept(name, wish, AUTO if mode != off else got, mode != off)
        if mode == on:
            return Kept(name, wish, AUTO, False)
    number = float(wish)
    return Kept(name, wish, got, abs(got - number) <= _TOLERANCE * abs(number))


def _automatic() -> tuple[str, ...]:
    return ("exposure", "white_balance", "focus")


def _switch(capture: Capture, name: str) -> tuple[int, float, float]:
    """Property, value for automatic, value for manual."""
    import cv2

    if name == "exposure":
        on, off = (3.0, 1.0) if capture.getBackendName() == "V4L2" else (1.0, 0.0)
        return cv2.CAP_PROP_AUTO_EXPOSURE, on, off
    return (cv2.CAP_PROP_AUTO_WB if name == "white_balance" else cv2.CAP_PROP_AUTOFOCUS), 1.0, 0.0


def _property(name: str) -> int:
    import cv2

    return {
        "pixel_format": cv2.CAP_PROP_FOURCC,
        "width": cv2.CAP_PROP_FRAME_WIDTH,
        "height": cv2.CAP_PROP_FRAME_HEIGHT,
        "fps": cv2.CAP_PROP_FPS,
        "exposure": cv2.CAP_PROP_EXPOSURE,
        "gain": cv2.CAP_PROP_GAIN,
        "white_balance": cv2.CAP_PROP_WB_TEMPERATURE,
        "focus": cv2.CAP_PROP_FOCUS,
    }[name]


def _code(letters: str) -> float:
    return float(sum(ord(letter) << 8 * place for place, letter in enumerate(letters)))


def _words(value: Wish) -> str:
    return value if isinstance(value, str) else f"{value:g}"
