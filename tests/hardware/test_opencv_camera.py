"""The camera driver with a film on disk and a camera on the network."""

import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from hardware.drivers.opencv_camera import Driver, Settings
from hardware.errors import DeviceTimeoutError, NotConnectedError
from hardware.spec import CameraSpec

HOUSE = Path(__file__).parents[2]
SIZE = (64, 48)


def grey(value: int) -> np.ndarray:
    return np.full((SIZE[1], SIZE[0], 3), value, np.uint8)


def a_camera(source: str, **fields) -> Driver:
    return Driver(
        "camera", CameraSpec("opencv_camera", source, {}), Settings(**fields), speed=1.0, latch=threading.Event()
    )


class NetworkCamera:
    """MJPEG over HTTP, 50 pictures a second of `shade`, until it freezes or is switched off."""

    def __init__(self) -> None:
        self.shade = 10
        self.off, self.frozen = threading.Event(), threading.Event()
        camera = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=next")
                self.end_headers()
                while not camera.off.wait(0.02):
                    if camera.frozen.is_set():
                        continue
                    jpeg = cv2.imencode(".jpg", grey(camera.shade))[1].tobytes()
                    head = f"--next\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                    try:
                        self.wfile.write(head.encode() + jpeg + b"\r\n")
                    except OSError:
                        return

            def log_message(self, *args) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/stream.mjpg"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self.off.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def network() -> Iterator[NetworkCamera]:
    camera = NetworkCamera()
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
        assert abs(int(camera.capture().image.mean()) - shade) <= 3
    camera.close()


def test_a_stream_that_stands_still_is_not_taken_for_a_picture(network):
    camera = a_camera(network.url)
    camera.open()
    network.frozen.set()
    with pytest.raises(DeviceTimeoutError, match="old"):
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
    with pytest.raises((NotConnectedError, DeviceTimeoutError)):
        camera.capture(1.0)
    network.off.clear()
    network.shade = 99
    after = camera.capture(20)
    assert after.number > before
    assert abs(int(after.image.mean()) - 99) <= 3
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
        "from hardware.drivers.opencv_camera import Driver, Settings\n"
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
