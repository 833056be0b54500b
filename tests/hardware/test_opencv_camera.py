"""The camera driver with a film on disk and a camera on the network."""

import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from hardware.drivers.opencv_camera import Driver, Settings, _Stream
from hardware.errors import DeviceTimeoutError, NotConnectedError
from hardware.spec import CameraSpec
from tests.hardware.cameras import SIZE, MjpegCamera, NetworkCamera, RtspCamera, grey, soon

HOUSE = Path(__file__).parents[2]


def a_camera(source: str, **fields) -> Driver:
    return Driver(
        "camera", CameraSpec("opencv_camera", source, {}), Settings(**fields), speed=1.0, latch=threading.Event()
    )


@pytest.fixture(params=["http", "rtsp"])
def network(request) -> Iterator[NetworkCamera]:
    camera = MjpegCamera() if request.param == "http" else RtspCamera()
    yield camera
    camera.close()


@pytest.fixture
def http() -> Iterator[MjpegCamera]:
    camera = MjpegCamera()
    yield camera
    camera.close()


@pytest.fixture
def film(tmp_path):
    path = tmp_path / "film.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 50.0, SIZE)
    for value in range(0, 250, 25):
        writer.write(grey(value))
    writer.release()
    return str(path)


def test_a_film_can_be_looked_at_again_and_again(film):
    camera = a_camera(film, loop=True)
    camera.open()
    frames = [camera.capture() for _ in range(6)]
    assert frames[0].image.shape == (48, 64, 3)
    assert frames[0].image.dtype == np.uint8
    assert all(b.number > a.number and b.taken_s > a.taken_s for a, b in pairwise(frames))
    assert camera.identify() == f"OpenCV camera {film}, 64x48"
    camera.close()


def test_a_film_that_has_ended_says_so(film):
    camera = a_camera(film)
    camera.open()
    with pytest.raises(NotConnectedError, match="has ended"):
        deque(iter(lambda: camera.capture(10).number, 11), maxlen=0)
    assert camera.latest().number == 10
    camera.close()


def test_a_capture_shows_what_was_there_after_the_question(network):
    camera = a_camera(network.url)
    camera.open()
    for shade in (200, 40, 120):
        network.shade = shade
        assert abs(camera.capture(10).image.mean() - shade) <= 4
    camera.close()


def test_a_stream_that_stands_still_is_not_taken_for_a_picture(network):
    camera = a_camera(network.url)
    camera.open()
    network.frozen.set()
    soon(lambda: camera.health != "live")
    with pytest.raises((DeviceTimeoutError, NotConnectedError), match=r"old|no picture"):
        camera.capture(0.5)
    assert camera.latest() is not None
    network.frozen.clear()
    assert camera.capture(10).number > 0
    camera.close()


def test_a_camera_that_comes_back_is_found_again(network):
    camera = a_camera(network.url)
    camera.open()
    before = camera.capture().number
    network.off.set()
    soon(lambda: camera.health == "no picture")
    with pytest.raises((NotConnectedError, DeviceTimeoutError)):
        camera.capture(0.2)
    network.off.clear()
    network.shade = 99
    after = camera.capture(20)
    assert after.number > before
    assert abs(after.image.mean() - 99) <= 4
    camera.close()


@pytest.mark.parametrize(("source", "why"), [("nowhere.avi", "does not exist"), ("99", "check its cable"),
                                             ("http://127.0.0.1:9/x.mjpg", "switched on")])  # fmt: skip
def test_a_camera_that_is_not_there_says_what_to_do(source, why):
    camera = a_camera(source)
    with pytest.raises(NotConnectedError, match=why):
        camera.open()


@pytest.mark.parametrize(
    "source", ["nowhere.avi", "99", "http://127.0.0.1:9/x.mjpg", "rtsp://127.0.0.1:9/x", "/dev/video99"]
)
def test_a_camera_that_is_not_there_leaves_no_foreign_words_on_the_terminal(source):
    code = (
        "import cv2, sys, threading\n"  # as in the program: somebody else has already imported it
        "from hardware.drivers.opencv_camera import Driver, Settings, _Stream\n"
        "from hardware.spec import CameraSpec\n"
        "spec = CameraSpec('opencv_camera', sys.argv[1], {})\n"
        "try:\n"
        "    Driver('camera', spec, Settings(), speed=1.0, latch=threading.Event()).open()\n"
        "except ConnectionError as error:\n"
        "    print(error)\n"
    )
    plain = {name: value for name, value in os.environ.items() if not name.startswith("OPENCV_")}
    done = subprocess.run(
        [sys.executable, "-c", code, source], cwd=HOUSE, env=plain, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    assert done.stdout.startswith("camera: ")


def test_a_closed_camera_sees_nothing(network):
    camera = a_camera(network.url)
    camera.open()
    camera.close()
    with pytest.raises(NotConnectedError, match="closed"):
        camera.capture(0.2)
    camera.open()
    assert camera.capture().number > 0
    camera.close()


def test_a_camera_that_freezes_is_late_and_then_without_picture_and_comes_back(network):
    camera = a_camera(network.url, late_s=0.3, patience_s=4.0)
    camera.open()
    soon(lambda: camera.health == "live")
    network.frozen.set()
    soon(lambda: camera.health.startswith("late"))
    soon(lambda: camera.health == "no picture")
    assert "trouble" in camera.about()
    network.frozen.clear()
    soon(lambda: camera.health == "live")
    assert "trouble" not in camera.about()
    camera.close()


@pytest.fixture
def server() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.hardware.cameras"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=HOUSE, stdin=pipe, stdout=pipe, text=True) as server:
        yield server
        server.kill()


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no SIGSTOP on this system")
def test_a_server_that_is_stopped_dead_holds_nobody(server):
    camera = a_camera(server.stdout.readline().strip(), late_s=0.3, patience_s=1.0)
    camera.open()
    server.send_signal(signal.SIGSTOP)
    with pytest.raises((DeviceTimeoutError, NotConnectedError)):
        camera.capture(0.5)
    soon(lambda: camera.health == "no picture")
    assert "has stopped answering" in camera.about()["trouble"], "read() itself has not come back"
    server.send_signal(signal.SIGCONT)
    soon(lambda: camera.health == "live", 60.0)
    camera.close()


def test_a_picture_that_repeats_to_the_last_bit_is_frozen(http):
    camera = a_camera(http.url, frozen_s=0.3)
    camera.open()
    assert camera.capture(10).number
    soon(lambda: camera.health == "live")
    http.dead = True
    soon(lambda: camera.health == "frozen picture")
    http.dead = False
    soon(lambda: camera.health == "live")
    http.shade = 0
    soon(lambda: camera.health == "black")
    camera.close()


def test_who_signs_in_is_told_to_the_camera_and_to_nobody_else(network, caplog):
    caplog.set_level("DEBUG")
    network.sign_in("anna", "s3cret")
    camera = a_camera(network.url.replace("://", "://anna:s3cret@"))
    camera.open()
    words = [camera.identify(), str(camera.about()), camera.shown]
    network.frozen.set()
    soon(lambda: camera.health != "live")
    with pytest.raises((DeviceTimeoutError, NotConnectedError)) as late:
        camera.capture(0.2)
    camera.close()
    with pytest.raises(NotConnectedError) as closed:
        camera.capture(0.2)
    network.sign_in("anna", "another")
    with pytest.raises(NotConnectedError) as refused:
        camera.open()
    words += [str(late.value), str(closed.value), str(refused.value), caplog.text]
    assert not any("s3cret" in each or "anna" in each for each in words)
    assert "…@127.0.0.1" in str(refused.value)


def test_a_picture_of_another_size_than_was_asked_is_refused(http):
    assert a_camera(http.url, width=64, height=48).identify().endswith("64x48")
    with pytest.raises(NotConnectedError, match="the picture is 64x48, not 1280x720"):
        a_camera(http.url, width=1280, height=720).open()
    camera = a_camera(http.url, width=1280, settings_required=False)
    camera.open()
    assert camera.about()["picture"] == "64x48"
    camera.close()


def test_a_network_camera_cannot_be_told_its_exposure_and_that_is_told(http):
    camera = a_camera(http.url, exposure=100.0, white_balance="auto")
    camera.open()
    assert camera.about()["exposure"] == camera.about()["white balance"] == "not set: only a USB camera can be told"
    camera.close()


def test_a_usb_camera_wakes_up_in_the_dark():
    pictures = [grey(0), grey(5), grey(90), grey(0)]

    class Waking:
        def get(self, prop: int) -> float:
            return 0.0

        def read(self) -> tuple[bool, np.ndarray]:
            return True, pictures.pop(0)

    stream = _Stream(Waking(), Settings(), "", clocked=False, skip_dark=True)
    assert stream.read() is None
    assert stream.read() is None
    assert stream.read().mean() == 90
    assert stream.read().mean() == 0, "dark later on is a dark picture"


def test_a_usb_camera_that_is_not_plugged_in_says_which_are():
    with pytest.raises(NotConnectedError, match=r"no camera 'C920' is plugged in. Found: "):
        a_camera("usb:C920").open()


def test_passwords_do_not_reach_the_error_of_a_camera_that_never_opens():
    with pytest.raises(NotConnectedError) as error:
        a_camera("rtsp://anna:s3/cr@et@127.0.0.1:9/x?token=abc").open()
    assert not any(word in str(error.value) for word in ("anna", "s3", "cr@", "abc"))
