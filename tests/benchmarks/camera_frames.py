"""A camera of 1280x720 at 30 frames a second, while a campaign and the window are at work in the same program.

    python -m tests.benchmarks.camera_frames [SECONDS]

The camera is a process that serves pictures with their number written into them. The eye's process decodes them,
and the program counts what reaches it through shared memory. A missing number is a lost frame.
"""

import itertools
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np

from hardware.devices import Frame
from hardware.host.hosted_camera import HostedCamera
from hardware.spec import CameraSpec

ROOT = Path(__file__).resolve().parents[2]
WIDTH, HEIGHT, FPS = 1280, 720, 30
BITS, BLOCK_PX = 16, 40


def picture(number: int, scene: "np.ndarray") -> bytes:
    """A JPEG with its number as black and white blocks in the upper left corner."""
    import cv2

    image = scene.copy()
    for bit in range(BITS):
        image[:BLOCK_PX, bit * BLOCK_PX : (bit + 1) * BLOCK_PX] = 255 * (number >> bit & 1)
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()


def number_in(frame: Frame) -> int:
    middle = frame.image[BLOCK_PX // 2, BLOCK_PX // 2 : BITS * BLOCK_PX : BLOCK_PX, 0]
    return int(sum(1 << bit for bit, value in enumerate(middle) if value > 127))


def serve() -> None:
    """The camera's process: prints its address."""
    noise = np.random.default_rng(0).integers(90, 130, (HEIGHT // 8, WIDTH // 8, 3), dtype=np.uint8)
    scene = np.kron(noise, np.ones((8, 8, 1), np.uint8))
    ready = [picture(number, scene) for number in range(256)]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=f")
            self.end_headers()
            began, number = time.monotonic(), 0
            while True:
                data = ready[number % len(ready)]
                head = f"--f\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
                try:
                    self.wfile.write(head.encode() + data + b"\r\n")
                except OSError:
                    return
                number += 1
                time.sleep(max(0.0, began + number / FPS - time.monotonic()))

        def log_message(self, format: str, *args: object) -> None:
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(f"http://127.0.0.1:{server.server_address[1]}/", flush=True)
    server.serve_forever()


@dataclass(frozen=True)
class Count:
    """per_s: frames delivered a second. lost: numbers that never came. late_ms: worst age on arrival."""

    seconds: float
    delivered: int
    lost: int
    late_ms: float
    experiments: int

    @property
    def per_s(self) -> float:
        return self.delivered / self.seconds


def measured(seconds: float) -> Count:
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtWidgets import QApplication

    from campaign.config import load_campaign
    from campaign.spec import StopSpec
    from gui import app as front
    from resources import path

    words = [sys.executable, "-P", "-c", "from tests.benchmarks.camera_frames import serve; serve()"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True) as server,
    ):
        try:
            assert server.stdout is not None
            source = server.stdout.readline().strip()
            application = QApplication.instance() or QApplication([])
            assert isinstance(application, QApplication)
            shipped = load_campaign(path("campaigns/colour.toml"))
            spec = replace(shipped, stop=StopSpec(budget=60), mode="automatic")
            wiring = front.build(application, spec, speed=20.0, out=Path(folder) / "out")
            wiring.window.show()
            wiring.session.connect(spec)
            _until(application, lambda: wiring.facts.link == "ready")
            wiring.do("start")
            _until(application, lambda: bool(wiring.state.observed))
            count = _counted(application, source, seconds, lambda: len(wiring.state.observed))
            wiring.session.close()
            _until(application, lambda: wiring.session.closed)
        finally:
            server.kill()
    return count


def _counted(application, source, seconds, observed) -> Count:  # type: ignore[no-untyped-def]
    camera = HostedCamera("camera", CameraSpec("opencv_camera", source, {}))
    numbers: list[int] = []
    ages: list[float] = []
    camera.open()
    before = observed()
    end = camera.listen(lambda f: (numbers.append(number_in(f)), ages.append(time.monotonic() - f.taken_s)))
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        application.processEvents()
        time.sleep(0.002)
    took_s = time.monotonic() - began
    end()
    camera.close()
    steps = [(b - a) % 256 for a, b in itertools.pairwise(numbers)]
    lost = sum(step - 1 for step in steps)
    return Count(took_s, len(numbers), lost, 1000 * max(ages), observed() - before)


def _until(application, true) -> None:  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + 120
    while not true():
        assert time.monotonic() < deadline
        application.processEvents()
        time.sleep(0.005)


def said(count: Count) -> str:
    return (
        f"{count.delivered} frames of {WIDTH}x{HEIGHT} in {count.seconds:.1f} s ({count.per_s:.1f} per s), "
        f"{count.lost} lost, at most {count.late_ms:.0f} ms old; {count.experiments} experiments meanwhile"
    )


if __name__ == "__main__":
    print(said(measured(float(sys.argv[1]) if len(sys.argv) > 1 else 30.0)))
