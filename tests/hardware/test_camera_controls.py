"""Settings of USB cameras, with stand-ins that keep, round, ignore and undo them as real ones do."""

import threading

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.drivers.opencv_camera import Driver, Settings
from hardware.errors import NotConnectedError
from hardware.parts.camera_controls import set_controls
from hardware.spec import CameraSpec
from hardware.toml_file import Mistakes, validated


class Webcam:
    """V4L2, with automatic exposure, sizes from a list, exposure in steps of 10, and no focus."""

    sizes = ((640, 480), (1280, 720))

    def __init__(self) -> None:
        self.kept = {
            cv2.CAP_PROP_FRAME_WIDTH: 640.0, cv2.CAP_PROP_FRAME_HEIGHT: 480.0, cv2.CAP_PROP_FPS: 30.0,
            cv2.CAP_PROP_AUTO_EXPOSURE: 3.0, cv2.CAP_PROP_EXPOSURE: 150.0, cv2.CAP_PROP_GAIN: 0.0,
            cv2.CAP_PROP_AUTO_WB: 1.0, cv2.CAP_PROP_WB_TEMPERATURE: 4000.0,
            cv2.CAP_PROP_FOURCC: float(cv2.VideoWriter.fourcc(*"YUYV")),
        }  # fmt: skip
        self.calls: list[tuple[int, float]] = []
        self.opened = True

    def isOpened(self) -> bool:  # noqa: N802
        return self.opened

    def getBackendName(self) -> str:  # noqa: N802
        return "V4L2"

    def get(self, prop: int) -> float:
        return self.kept.get(prop, -1.0)

    def set(self, prop: int, value: float) -> bool:
        self.calls.append((prop, value))
        if prop not in self.kept:
            return False
        if prop == cv2.CAP_PROP_EXPOSURE:
            if self.kept[cv2.CAP_PROP_AUTO_EXPOSURE] == 3.0:
                return True  # ignored, and said to be done
            value = min(5000.0, max(3.0, round(value / 10) * 10))
        if prop == cv2.CAP_PROP_WB_TEMPERATURE and self.kept[cv2.CAP_PROP_AUTO_WB]:
            return True
        if prop in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT):
            side = 0 if prop == cv2.CAP_PROP_FRAME_WIDTH else 1
            best = min(self.sizes, key=lambda size: abs(size[side] - value))
            self.kept[cv2.CAP_PROP_FRAME_WIDTH], self.kept[cv2.CAP_PROP_FRAME_HEIGHT] = map(float, best)
            return True
        self.kept[prop] = value
        return True

    def read(self) -> tuple[bool, np.ndarray]:
        shape = (int(self.kept[cv2.CAP_PROP_FRAME_HEIGHT]), int(self.kept[cv2.CAP_PROP_FRAME_WIDTH]), 3)
        threading.Event().wait(0.02)
        return self.opened, np.random.default_rng().integers(90, 99, shape, np.uint8)

    def release(self) -> None:
        pass


def kept(camera: Webcam, **wishes) -> dict[str, str]:
    return {each.name: str(each) for each in set_controls(camera, wishes)}


def test_what_the_camera_does_is_told_plainly():
    asked = {
        "pixel_format": "MJPG",
        "width": 1280,
        "height": 720,
        "fps": 30.0,
        "exposure": 200.0,
        "white_balance": 4600.0,
    }
    assert kept(Webcam(), **asked) == {
        "pixel_format": "MJPG", "width": "1280", "height": "720", "fps": "30", "exposure": "200",
        "white_balance": "4600",
    }  # fmt: skip


def test_what_it_makes_of_it_otherwise_is_told_too():
    assert kept(Webcam(), width=1920, height=1080, exposure=204.0, focus=20.0) == {
        "width": "1280, though 1920 was asked for", "height": "720, though 1080 was asked for",
        "exposure": "200, though 204 was asked for", "focus": "-1, though 20 was asked for",
    }  # fmt: skip


def test_a_manual_value_switches_the_automatic_off_first():
    camera = Webcam()
    kept(camera, exposure=100.0)
    assert camera.calls == [(cv2.CAP_PROP_AUTO_EXPOSURE, 1.0), (cv2.CAP_PROP_EXPOSURE, 100.0)]


def test_auto_switches_it_on():
    camera = Webcam()
    assert kept(camera, exposure=100.0) == {"exposure": "100"}
    assert kept(camera, exposure="auto") == {"exposure": "auto"}
    assert camera.kept[cv2.CAP_PROP_AUTO_EXPOSURE] == 3.0


def test_a_camera_that_stays_automatic_has_not_kept_the_exposure():
    class Stubborn(Webcam):
        def set(self, prop: int, value: float) -> bool:
            return True if prop == cv2.CAP_PROP_AUTO_EXPOSURE else super().set(prop, value)

    assert kept(Stubborn(), exposure=150.0) == {"exposure": "auto, though 150 was asked for"}


def test_a_camera_that_wants_to_come_from_automatic_gets_it():
    class Edge(Webcam):
        """Takes manual only as a change from automatic, and begins in neither."""

        def __init__(self) -> None:
            super().__init__()
            self.kept[cv2.CAP_PROP_AUTO_EXPOSURE] = 0.0

        def set(self, prop: int, value: float) -> bool:
            if prop == cv2.CAP_PROP_AUTO_EXPOSURE and value == 1.0 and self.kept[prop] != 3.0:
                return True
            if prop == cv2.CAP_PROP_EXPOSURE and self.kept[cv2.CAP_PROP_AUTO_EXPOSURE] != 1.0:
                return True
            return super().set(prop, value)

    assert kept(Edge(), exposure=100.0) == {"exposure": "100"}


def test_other_systems_use_other_numbers_for_automatic():
    class Windows(Webcam):
        def getBackendName(self) -> str:  # noqa: N802
            return "DSHOW"

        def get(self, prop: int) -> float:
            return -1.0 if prop == cv2.CAP_PROP_AUTO_EXPOSURE else super().get(prop)

    camera = Windows()
    assert kept(camera, exposure=-60.0)
    assert camera.calls[0] == (cv2.CAP_PROP_AUTO_EXPOSURE, 0.0)
    assert kept(camera, exposure="auto") == {"exposure": "auto"}, "it does not tell, and is taken at its word"


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_a_value_is_kept_only_when_it_is_that_value(asked, got):
    class Other(Webcam):
        def get(self, prop: int) -> float:
            return got

    [each] = set_controls(Other(), {"gain": asked})
    assert each.same == (abs(asked - got) <= 0.01 * abs(asked))


@pytest.fixture
def webcam(monkeypatch) -> Webcam:
    camera = Webcam()
    monkeypatch.setattr(cv2, "VideoCapture", lambda *_: camera)
    return camera


def a_camera(**settings) -> Driver:
    spec = CameraSpec("opencv_camera", "0", {})
    return Driver("camera", spec, Settings(**settings), speed=1.0, latch=threading.Event())


def test_settings_that_are_kept_are_told_by_the_driver(webcam):
    camera = a_camera(width=1280, height=720, exposure=100.0, fps=25.0, white_balance="auto")
    camera.open()
    told = camera.about()
    assert (told["width"], told["exposure"], told["white balance"]) == ("1280", "100", "auto")
    assert camera.capture(20.0).image.shape == (720, 1280, 3)
    camera.close()


def test_a_setting_that_is_not_kept_is_an_error_that_says_what_to_do(webcam):
    with pytest.raises(NotConnectedError, match=r"exposure is 200, though 204 was asked for; write what it can do"):
        a_camera(exposure=204.0).open()
    with pytest.raises(NotConnectedError, match="focus is -1, though 20"):
        a_camera(focus=20.0).open()


def test_it_is_only_told_where_that_is_enough(webcam):
    camera = a_camera(exposure=204.0, settings_required=False)
    camera.open()
    assert camera.about()["exposure"] == "200, though 204 was asked for"
    camera.close()


def test_a_rate_that_is_not_kept_is_only_told(webcam):
    webcam.set = lambda prop, value, really=webcam.set: prop == cv2.CAP_PROP_FPS or really(prop, value)
    camera = a_camera(fps=60.0)
    camera.open()
    assert camera.about()["fps"] == "30, though 60 was asked for"
    camera.close()


def test_a_setting_that_makes_no_sense_is_told_in_words():
    mistakes = Mistakes()
    wrong = {"exposure": "fast", "white_balance": True, "pixel_format": "MJPEG", "gain": "auto"}
    validated(Settings, wrong, "camera.settings", mistakes)
    assert [str(line).removeprefix("camera.settings.") for line in mistakes.lines] == [
        'pixel_format: expected four letters, as "MJPG", got "MJPEG"',
        'exposure: expected a number or "auto", got "fast"',
        'gain: expected a number, got "auto"',
        'white_balance: expected a number or "auto", got true',
    ]
    good = validated(
        Settings, {"exposure": -6, "focus": "auto", "pixel_format": "mjpg"}, "camera.settings", Mistakes()
    )
    assert good.wishes == {"pixel_format": "MJPG", "exposure": -6.0, "focus": "auto"}
