"""Any camera that OpenCV opens: USB by name or path, RTSP, MJPEG over HTTP, a video file.

Documentation: OpenCV 5, VideoCapture. Checked with AVI files, MJPEG over HTTP, RTSP with JPEG pictures, the virtual
bench, and a stand-in for what a USB camera keeps of its settings; never yet with a real USB camera.

What is easy to get wrong: a USB camera's number changes with the order of plugging in, so it is named by what stays
(`usb:` and its path or name); a setting it cannot do is ignored without a word, so each is read back; its first
pictures are dark; a decoder holds one or two pictures back; a dead network camera holds `read()` for 8 s in spite
of its time-out (see `camera_feed`). Passwords in addresses appear in no message.
"""

import math
import os
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

from pydantic import BeforeValidator, Field

from hardware.camera_list import USB, find_camera, list_cameras
from hardware.devices import Image
from hardware.drivers import Probe
from hardware.parts.camera_address import without_secrets
from hardware.parts.camera_controls import AUTO, Kept, Wish, set_controls
from hardware.parts.camera_feed import CameraFeed, NoPictureError, Patience, PictureSource
from hardware.parts.camera_health import is_black
from hardware.parts.camera_pace import Pace
from hardware.spec import CameraSpec, Finite, NotNegative, Positive

if TYPE_CHECKING:
    import cv2

PROBES: tuple[Probe, ...] = ()
_CONNECT_S = 8.0
_CONNECT_USB_S = 15.0
_LONGEST_WAIT_S = 0.5


def _four_letters(value: object) -> object:
    if isinstance(value, str) and len(value) in (0, 4) and value.isascii():
        return value.upper()
    raise ValueError('four letters, as "MJPG"')


def _number_or_auto(value: object) -> object:
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if value is None or value == AUTO or number:
        return value
    raise ValueError(f'a number or "{AUTO}"')


NumberOrAuto = Annotated[float | str | None, BeforeValidator(_number_or_auto)]


@dataclass(frozen=True)
class Settings:
    """What a rig file may say under `settings`.

    discard: frames to drop before one was surely exposed after the question; decoders hold one or two back.
    loop: begin a video file again at its end. width, height: of the picture in pixels, asked of a USB camera and
    checked with every source; 0 leaves its own. fps, pixel_format (four letters, MJPG for most at full size),
    exposure, gain, white_balance (K), focus: for USB cameras, in the camera's own units, "auto" to let it choose;
    what is left out stays as it is. settings_required: what the camera does not keep of these is an error (fps:
    only told).
    skip_dark: so many dark pictures are passed over while a USB camera wakes up. late_s: age at which the newest
    picture is late. patience_s: longest wait for one picture before the connection is made anew. frozen_s: equal
    pictures for so long are a frozen picture; 0 for a camera that may repeat itself.
    """

    discard: Annotated[int, Field(ge=0, le=30)] = 2
    loop: bool = False
    width: Annotated[int, Field(ge=0, le=16384)] = 0
    height: Annotated[int, Field(ge=0, le=16384)] = 0
    fps: NotNegative = 0.0
    pixel_format: Annotated[str, BeforeValidator(_four_letters)] = ""
    exposure: NumberOrAuto = None
    gain: Finite | None = None
    white_balance: NumberOrAuto = None
    focus: NumberOrAuto = None
    settings_required: bool = True
    skip_dark: Annotated[int, Field(ge=0, le=300)] = 30
    late_s: Positive = 1.0
    patience_s: Positive = 4.0
    frozen_s: NotNegative = 2.0

    @property
    def wishes(self) -> dict[str, Wish]:
        sizes: dict[str, Wish] = {"width": self.width, "height": self.height, "fps": self.fps}
        asked: dict[str, Wish] = {"pixel_format": self.pixel_format} if self.pixel_format else {}
        asked |= {name: value for name, value in sizes.items() if value}
        for name in ("exposure", "gain", "white_balance", "focus"):
            if (value := getattr(self, name)) is not None:
                asked[name] = value
        return asked


class Driver(CameraFeed):
    """One camera, by its `source`: `usb:NAME`, `usb:/dev/v4l/by-id/…`, a number, an address, a video file."""

    def __init__(
        self, name: str, spec: CameraSpec, settings: Settings, *, speed: float, latch: threading.Event
    ) -> None:
        del speed, latch  # a camera neither waits for others nor moves
        self._source, self._settings = spec.source, settings
        self._usb = spec.source.isdigit() or spec.source.startswith((USB, "/dev/"))
        self._film = not self._usb and "://" not in spec.source
        self._kept: tuple[Kept, ...] = ()
        self._model = ""
        patience = Patience(
            _CONNECT_USB_S if self._usb else _CONNECT_S,
            settings.patience_s,
            0.0 if self._film else settings.late_s,
            0.0 if self._film else settings.frozen_s,
        )
        super().__init__(name, without_secrets(spec.source), self._connect_to, settings.discard, patience)

    def identify(self) -> str:
        self.open()
        frame = self.latest()
        size = f", {frame.image.shape[1]}x{frame.image.shape[0]}" if frame is not None else ""
        return f"OpenCV camera {self.shown}{size}{self._model}"

    def about(self) -> Mapping[str, str]:
        """With each setting as the camera told it when it was connected."""
        told = {kept.name.replace("_", " "): str(kept) for kept in self._kept}
        if not self._usb:
            rest = self._settings.wishes.keys() - {"width", "height"}
            told |= {name.replace("_", " "): "not set: only a USB camera can be told" for name in sorted(rest)}
        return {**super().about(), **told}

    def _connect_to(self, gone: threading.Event) -> PictureSource:
        _quiet()
        capture = self._capture()
        if not capture.isOpened():
            capture.release()
            raise NoPictureError(self._advice(), final=self._film and Path(self._source).is_file())
        try:
            if self._film:
                return _Film(capture, gone, self._advice(), loop=self._settings.loop)
            if self._usb:
                self._kept = set_controls(capture, self._settings.wishes)
                self._insist(self._kept)
            clocked = self._source.startswith("rtsp") or capture.getBackendName() == "V4L2"
            return _Stream(capture, self._settings, self._advice(), clocked=clocked, skip_dark=self._usb)
        except BaseException:
            capture.release()
            raise

    def _capture(self) -> "cv2.VideoCapture":
        import cv2  # heavy: only a process that looks needs it

        source = self._source
        if source.startswith(USB):
            wanted = source.removeprefix(USB)
            if sys.platform.startswith("linux") and wanted.startswith("/"):
                return cv2.VideoCapture(wanted, cv2.CAP_V4L2)
            try:
                found = find_camera(wanted, list_cameras())
            except LookupError as error:
                raise NoPictureError(f"{error}. Plug it in, or correct `source` in the rig file") from error
            self._model = f", {found.name}"
            if sys.platform.startswith("linux"):
                return cv2.VideoCapture(found.path, found.backend)
            return cv2.VideoCapture(found.index, found.backend)
        if source.isdigit():
            return cv2.VideoCapture(int(source))
        if "://" in source:
            limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, 3000, cv2.CAP_PROP_READ_TIMEOUT_MSEC, 3000]
            return cv2.VideoCapture(source, cv2.CAP_FFMPEG, limits)
        return cv2.VideoCapture(source)

    def _insist(self, kept: tuple[Kept, ...]) -> None:
        wrong = [f"{each.name} is {each}" for each in kept if each.insisted and not each.same]
        if wrong and self._settings.settings_required:
            raise NoPictureError(
                f"the camera does not keep its settings: {'; '.join(wrong)}; write what it can do in the rig file, "
                "or settings_required = false"
            )

    def _advice(self) -> str:
        if self._usb:
            return f"no picture from camera {self.shown}; check its cable and close other programs that use it"
        if "://" in self._source:
            return f"no picture from {self.shown}; is the camera, or the virtual bench, switched on?"
        if Path(self._source).is_file():
            return f"{self.shown} has ended or is no video that OpenCV reads"
        return f"{self.shown} does not exist; correct `source` in the rig file"


class _Stream:
    """A camera that sends when it likes. clocked: see Pace."""

    def __init__(
        self, capture: "cv2.VideoCapture", settings: Settings, lost: str, *, clocked: bool, skip_dark: bool
    ) -> None:
        import cv2

        self.stamp_ms: float | None = None
        self.old = True
        self._capture, self._settings, self._lost = capture, settings, lost
        fps = capture.get(cv2.CAP_PROP_FPS)
        self._pace = Pace(clocked, 0.5 / fps if 5 <= fps <= 60 else 0.01)
        self._may_be_dark = settings.skip_dark if skip_dark else 0

    def read(self) -> Image | None:
        import cv2

        began_s = time.monotonic()
        ok, image = self._capture.read()
        if not ok:
            raise NoPictureError(self._lost)
        picture = cast(Image, image)
        self.stamp_ms = self._capture.get(cv2.CAP_PROP_POS_MSEC)
        self.old = self._pace.is_old(began_s, time.monotonic(), self.stamp_ms)
        _check_size(picture, self._settings)
        if self._may_be_dark:
            self._may_be_dark -= 1
            if is_black(picture):
                return None
            self._may_be_dark = 0
        return picture

    def release(self) -> None:
        self._capture.release()


class _Film:
    """A video file, at its own pace."""

    stamp_ms: float | None = None
    old = False

    def __init__(self, capture: "cv2.VideoCapture", gone: threading.Event, ended: str, *, loop: bool) -> None:
        import cv2

        self._capture, self._gone, self._ended, self._loop = capture, gone, ended, loop
        fps = capture.get(cv2.CAP_PROP_FPS)
        self._beat_s = 1 / fps if 0 < fps < 1000 else 0.04
        self._due_s = time.monotonic()
        self._some = False

    def read(self) -> Image | None:
        import cv2

        wait_s = self._due_s - time.monotonic()
        if self._gone.wait(min(max(0.0, wait_s), _LONGEST_WAIT_S)) or wait_s > _LONGEST_WAIT_S:
            return None
        ok, image = self._capture.read()
        if not ok and self._loop and self._some:
            self._capture.set(cv2.CAP_PROP_POS_FRAMES, 0)
            ok, image = self._capture.read()
        if not ok:
            raise NoPictureError(self._ended, final=True)
        self._some = True
        self._due_s += self._beat_s
        return cast(Image, image)

    def release(self) -> None:
        self._capture.release()


def _check_size(image: Image, settings: Settings) -> None:
    """The vial's place in the picture is told in pixels: a picture of another size would be misread."""
    height, width = image.shape[:2]
    right = settings.width in (0, width) and settings.height in (0, height)
    if settings.settings_required and not right:
        raise NoPictureError(
            f"the picture is {width}x{height}, not {settings.width or width}x{settings.height or height}; set "
            "the size in the camera, or write the size it has in the rig file"
        )


def _quiet() -> None:
    """OpenCV and its FFmpeg write no warnings of their own on the terminal: our error says what is wrong.

    Who wants to see them sets OPENCV_LOG_LEVEL and OPENCV_FFMPEG_LOGLEVEL. FFmpeg reads its at the first opening.
    """
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    import cv2

    if "OPENCV_LOG_LEVEL" not in os.environ:
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
