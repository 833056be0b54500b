"""The virtual bench's camera and its faults, seen by the driver."""

import threading
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from hardware.drivers.opencv_camera import Driver, Settings
from hardware.errors import DeviceTimeoutError, NotConnectedError
from hardware.spec import CameraSpec
from hardware.virtual.bench import VirtualBench
from hardware.virtual.camera import MjpegCamera
from tests.hardware.cameras import soon
from tests.vision.test_virtual_camera import SPEC


def picture() -> np.ndarray:
    return np.random.default_rng().integers(90, 99, (48, 64, 3), np.uint8)


@pytest.fixture
def eye() -> Iterator[MjpegCamera]:
    camera = MjpegCamera(picture, fps=50.0)
    camera.start()
    yield camera
    camera.close()


@pytest.fixture
def camera(eye: MjpegCamera) -> Iterator[Driver]:
    settings = Settings(late_s=0.3, patience_s=1.0, frozen_s=0.3)
    spec = CameraSpec("opencv_camera", eye.url, {})
    driver = Driver("camera", spec, settings, speed=1.0, latch=threading.Event())
    driver.open()
    yield driver
    driver.close()


def test_it_is_live(camera):
    assert camera.capture(20.0).image.shape == (48, 64, 3)
    soon(lambda: camera.health == "live")


def test_freeze(eye, camera):
    eye.fault = "freeze"
    soon(lambda: camera.health != "live")
    with pytest.raises((DeviceTimeoutError, NotConnectedError)):
        camera.capture(0.1)
    soon(lambda: camera.health == "no picture")
    eye.fault = "none"
    soon(lambda: camera.health == "live")


def test_the_same_picture_for_ever(eye, camera):
    eye.fault = "still"
    soon(lambda: camera.health == "frozen picture")
    eye.fault = "none"
    soon(lambda: camera.health == "live")


def test_black(eye, camera):
    eye.fault = "black"
    soon(lambda: camera.health == "black")
    eye.fault = "none"
    soon(lambda: camera.health == "live")


def test_drop(eye, camera):
    eye.fault = "drop"
    soon(lambda: camera.health == "no picture")
    with pytest.raises(NotConnectedError, match="switched on"):
        camera.capture(0.2)
    before = camera.latest().number
    eye.fault = "none"
    assert camera.capture(20.0).number > before


def test_the_bench_serves_the_size_that_the_rig_file_asks():
    asked = CameraSpec("opencv_camera", "usb:C920", {"width": 1280, "height": 720, "exposure": 100})
    with VirtualBench(replace(SPEC, camera=asked)) as bench:
        spec = bench.rig.camera
        assert bench.camera is not None
        settings = Settings(**spec.settings)
        driver = Driver("camera", spec, settings, speed=1.0, latch=threading.Event())
        driver.open()
        assert driver.latest().image.shape == (720, 1280, 3)
        assert driver.about()["exposure"].startswith("not set")
        driver.close()


def test_the_bench_stands_in_for_a_folder_too():
    asked = CameraSpec("image_folder", "/pictures", {"replay_fps": 2.0})
    with VirtualBench(replace(SPEC, camera=asked)) as bench:
        assert bench.rig.camera.kind == "opencv_camera"
        assert bench.rig.camera.settings == {}
