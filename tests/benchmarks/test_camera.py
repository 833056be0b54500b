"""Figures of the camera: `start.py test -m benchmark tests/benchmarks/test_camera.py`."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from hardware.host.frames import FrameReader

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(300)]
HOUSE = Path(__file__).parents[2]
SECONDS, RATE = 20, 30

SERVER = """
import sys
import numpy as np
from hardware.virtual.camera import MjpegCamera

pictures = np.random.default_rng(0).integers(90, 99, (4, 720, 1280, 1), np.uint8).repeat(3, axis=3)
turn = iter(range(10**9))
camera = MjpegCamera(lambda: pictures[next(turn) % 4], fps=30.0)
camera.start()
print(camera.url, flush=True)
sys.stdin.read()
"""

EYE = """
import json, sys, threading
from hardware.drivers.opencv_camera import Driver, Settings
from hardware.host.frames import FrameWriter
from hardware.spec import CameraSpec

spec = CameraSpec("opencv_camera", sys.argv[1], {})
camera = Driver("camera", spec, Settings(), speed=1.0, latch=threading.Event())
camera.open()
writer = FrameWriter.for_frame(camera.latest())
camera.listen(writer.put)
print(json.dumps(writer.describe()), flush=True)
sys.stdin.read()
print(json.dumps(dict(camera.about())), flush=True)
camera.close()
writer.close()
"""

WRITER = """
import json, sys, time
import numpy as np
from hardware.devices import Frame
from hardware.host.frames import FrameWriter

pictures = np.random.default_rng(0).integers(0, 255, (4, 720, 1280, 3), np.uint8)
writer = FrameWriter(pictures[0].nbytes)
print(json.dumps(writer.describe()), flush=True)
began_s = time.monotonic()
for number in range(int(sys.argv[1])):
    time.sleep(max(0.0, began_s + number / 30 - time.monotonic()))
    writer.put(Frame(pictures[number % 4], time.monotonic(), number))
sys.stdin.read()
writer.close()
"""


@pytest.fixture
def busy() -> Iterator[None]:
    """A thread that never lets go of the interpreter by itself, as a campaign and a window do at their worst."""
    done = threading.Event()

    def work() -> None:
        while not done.is_set():
            sum(n * n for n in range(2000))

    thread = threading.Thread(target=work)
    thread.start()
    yield
    done.set()
    thread.join()


def start(code: str, *arguments: str) -> tuple[subprocess.Popen[str], str]:
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments], cwd=HOUSE, stdin=pipe, stdout=pipe, text=True
    )
    return process, process.stdout.readline().strip()


def follow(reader: FrameReader, count: int) -> tuple[list[int], list[float]]:
    """Numbers and ages of the frames that arrive, until there are `count`."""
    numbers: list[int] = []
    ages_s: list[float] = []
    until_s = time.monotonic() + 4 * count / RATE
    while len(numbers) < count and time.monotonic() < until_s:
        newest = reader.numbers()
        for number in newest if not numbers else range(numbers[-1] + 1, newest[-1] + 1):
            if (frame := reader.get(number)) is not None:
                numbers.append(number)
                ages_s.append(time.monotonic() - frame.taken_s)
        time.sleep(0.005)
    return numbers, ages_s


@pytest.mark.usefixtures("busy")
def test_frames_arrive_without_loss_from_a_writer() -> None:
    process, described = start(WRITER, str(SECONDS * RATE))
    reader = FrameReader(json.loads(described), alone=True)
    numbers, ages_s = follow(reader, SECONDS * RATE)
    process.communicate("")
    print(f"age of a frame: median {np.median(ages_s) * 1e3:.1f} ms, p99 {np.percentile(ages_s, 99) * 1e3:.1f} ms")
    assert numbers == list(range(SECONDS * RATE))


@pytest.mark.usefixtures("busy")
def test_frames_arrive_without_loss_from_a_network_camera() -> None:
    """Server, driver with its watch, and reader, each in a process of its own."""
    server, url = start(SERVER)
    eye, described = start(EYE, url)
    reader = FrameReader(json.loads(described), alone=True)
    began_s = time.monotonic()
    numbers, ages_s = follow(reader, SECONDS * RATE)
    rate = len(numbers) / (time.monotonic() - began_s)
    about = json.loads(eye.communicate("")[0])
    server.communicate("")
    print(f"{rate:.1f} per s; {about}; median age {np.median(ages_s) * 1e3:.1f} ms")
    assert np.all(np.diff(numbers) == 1)
    assert len(numbers) == SECONDS * RATE
    assert rate > 0.95 * RATE
