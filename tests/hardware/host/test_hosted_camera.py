"""A camera in a process of its own: its frames, its troubles, its death."""

import os
import signal
import threading
import time
from dataclasses import replace

import pytest

import resources
from hardware.errors import HardwareError, NotConnectedError
from hardware.host.hosted import open_hosted
from hardware.host.hosted_camera import HostedCamera
from hardware.rig import RigOpenError
from hardware.rig_file import load_rig
from hardware.spec import CameraSpec
from hardware.virtual.bench import VirtualBench


@pytest.fixture
def source():
    with VirtualBench(load_rig(resources.path("rigs/virtual.toml")), speed=20.0) as bench:
        yield bench


@pytest.fixture
def camera(source):
    hosted = HostedCamera("camera", source.rig.camera)
    hosted.open()
    yield hosted
    hosted.close()


def test_a_capture_is_taken_after_the_question(camera):
    asked_s = time.monotonic()
    frame = camera.capture()
    assert frame.image.shape == (480, 640, 3)
    assert frame.taken_s >= asked_s
    assert camera.health == "live"
    assert "640x480" in camera.identify()


def test_every_frame_reaches_a_listener_in_order(camera):
    numbers, enough = [], threading.Event()

    def listen(frame):
        numbers.append(frame.number)
        if len(numbers) == 20:
            enough.set()

    end = camera.listen(listen)
    assert enough.wait(30)
    end()
    assert numbers[:20] == list(range(numbers[0], numbers[0] + 20))
    assert camera.latest().number >= numbers[19]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
def test_a_camera_process_that_dies_is_started_again_when_asked(camera, monkeypatch):
    monkeypatch.setattr("hardware.host.hosted_camera.AGAIN_S", 0.0)
    os.kill(camera._line.pid, signal.SIGKILL)
    pause = threading.Event()
    for _ in range(300):
        try:
            assert camera.capture().image.shape == (480, 640, 3)
            return
        except NotConnectedError:  # asked before its death was heard of
            pause.wait(0.1)
    pytest.fail("no picture again")


def test_a_picture_that_is_overtaken_on_the_way_gives_place_to_a_newer_one(camera, monkeypatch):
    ask, pause = camera._ask, threading.Event()

    def slowly(what, *arguments, patience_s=5.0):
        answer = ask(what, *arguments, patience_s=patience_s)
        while what == "capture" and camera.latest().number <= answer + 24:  # so many pictures are kept
            pause.wait(0.02)
        return answer

    monkeypatch.setattr(camera, "_ask", slowly)
    asked_s = time.monotonic()
    frame = camera.capture()
    assert frame.taken_s >= asked_s
    assert frame.image.shape == (480, 640, 3)


def test_a_camera_that_is_not_there_is_named_with_the_other_devices(source):
    nowhere = CameraSpec("opencv_camera", "/dev/video99", {})
    with pytest.raises(RigOpenError, match="camera on /dev/video99") as caught:
        open_hosted(replace(source.rig, camera=nowhere), speed=20.0)
    assert [m.role for m in caught.value.missing] == ["camera"]
    with pytest.raises(HardwareError):
        HostedCamera("camera", nowhere).open()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
def test_a_live_picture_comes_back_by_itself_but_not_after_the_end(camera, monkeypatch):
    monkeypatch.setattr("hardware.host.hosted_camera.AGAIN_S", 0.1)
    camera.capture()
    for _ in range(2):
        killed_s = time.monotonic()
        os.kill(camera._line.pid, signal.SIGKILL)
        pause = threading.Event()
        while camera.latest().taken_s < killed_s + 0.2:
            assert time.monotonic() - killed_s < 60.0
            pause.wait(0.02)
    line = camera._line
    camera.close()
    pause.wait(0.5)
    assert camera._line is line
    assert line.dead
    with pytest.raises(NotConnectedError):
        camera.capture()
