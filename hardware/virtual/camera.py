"""The camera: MJPEG over HTTP, as network cameras serve it (multipart/x-mixed-replace). A frame is rendered at the
moment it is sent, so a client that reads late sees the present, not the past.

It can be given the faults of real ones: see `Fault`.
"""

import logging
import os
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

_log = logging.getLogger(__name__)
_BOUNDARY = "aliquotframe"
PATH = "/stream.mjpg"
STILL = "/frame.jpg"
JPEG_QUALITY = 95
Fault = Literal["none", "freeze", "still", "black", "drop"]
"""freeze: connections stay, nothing is sent. still: the same picture for ever. black: the lamp is off. drop:
connections end, new ones too."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = os.name == "posix"


class MjpegCamera:
    """Serves `picture()` at `fps` to every client while it stays connected. `fault` may be set at any time."""

    def __init__(
        self,
        picture: Callable[[], npt.NDArray[np.uint8]],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        fps: float = 20.0,
    ) -> None:
        self.fault: Fault = "none"
        self._still = b""
        self._picture = picture
        self._frame_s = 1.0 / fps
        self._closing = threading.Event()
        self._rendering = threading.Lock()
        camera = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                camera._answer(self)

            def log_message(self, format: str, *args: object) -> None:
                _log.debug("camera: " + format, *args)

        self._server = _Server((host, port), Handler)
        self.port: int = self._server.server_address[1]
        self.url = f"http://{host}:{self.port}{PATH}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="virtual camera")
        self._thread.daemon = True

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def jpeg(self) -> bytes:
        """One frame, of now; while a fault is set, what that makes of it."""
        fault = self.fault
        if fault == "still" and self._still:
            return self._still
        with self._rendering:
            picture = self._picture()
            if fault == "black":
                picture = np.zeros_like(picture)
            done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        if not done:
            raise RuntimeError("OpenCV could not encode the frame")
        self._still = data.tobytes()
        return self._still

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        while self.fault == "freeze" and not self._closing.wait(0.02):
            pass
        if self.fault == "drop":
            request.close_connection = True
        elif request.path == STILL:
            self._send_still(request)
        elif request.path in (PATH, "/"):
            self._send_stream(request)
        else:
            request.send_error(404, "the camera serves /stream.mjpg and /frame.jpg")

    def _send_still(self, request: BaseHTTPRequestHandler) -> None:
        data = self.jpeg()
        request.send_response(200)
        request.send_header("Content-Type", "image/jpeg")
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)

    def _send_stream(self, request: BaseHTTPRequestHandler) -> None:
        request.close_connection = True
        request.connection.settimeout(5.0)
        request.send_response(200)
        request.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={_BOUNDARY}")
        request.send_header("Cache-Control", "no-store")
        request.send_header("Connection", "close")
        request.end_headers()
        try:
            due_s = time.monotonic()
            while not self._closing.wait(max(0.0, due_s - time.monotonic())):
                due_s = max(due_s + self._frame_s, time.monotonic())
                if self.fault == "drop":
                    return
                if self.fault == "freeze":
                    continue
                data = self.jpeg()
                head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
                request.wfile.write(head.encode("ascii") + data + b"\r\n")
        except OSError as error:
            _log.info("camera: client went away: %s", error)
