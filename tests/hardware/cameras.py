"""Cameras for tests: pictures, and servers on this machine that send them as real ones do."""

import base64
import struct
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import StreamRequestHandler, ThreadingTCPServer

import cv2
import numpy as np

SIZE = (64, 48)


def grey(value: int) -> np.ndarray:
    return np.full((SIZE[1], SIZE[0], 3), value, np.uint8)


def jpeg(image: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", image)[1].tobytes()


def soon(true: Callable[[], object], within_s: float = 20.0) -> None:
    """Fails when it does not become true."""
    deadline_s = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline_s, "never became true"
        time.sleep(0.005)


class NetworkCamera:
    """50 pictures a second of `shade` with a sensor's noise, until it freezes or is switched off.

    dead: without noise. signed: what `Authorization` must say.
    """

    shade = 100
    dead = False
    signed = ""

    def __init__(self) -> None:
        self.off, self.frozen = threading.Event(), threading.Event()
        self._random = np.random.default_rng(0)

    def shot(self) -> bytes:
        image = grey(self.shade)
        if not self.dead:
            image = image + self._random.integers(0, 3, image.shape, np.uint8)
        return jpeg(image)

    def sign_in(self, user: str, password: str) -> None:
        self.signed = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class MjpegCamera(NetworkCamera):
    """MJPEG over HTTP."""

    def __init__(self) -> None:
        super().__init__()
        camera = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if camera.signed and self.headers.get("Authorization") != camera.signed:
                    self.send_response(401)
                    self.send_header("WWW-Authenticate", 'Basic realm="camera"')
                    self.end_headers()
                    return
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=next")
                self.end_headers()
                while not camera.off.wait(0.02):
                    if camera.frozen.is_set():
                        continue
                    data = camera.shot()
                    head = f"--next\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
                    try:
                        self.wfile.write(head.encode() + data + b"\r\n")
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


class RtspCamera(NetworkCamera):
    """RTSP 1.0 (RFC 2326) with RTP in the same connection, JPEG pictures (RFC 2435)."""

    def __init__(self) -> None:
        super().__init__()
        camera = self

        class Handler(StreamRequestHandler):
            def handle(self) -> None:
                camera.talk(self)

        class Server(ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = f"rtsp://127.0.0.1:{self.port}/live"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self.off.set()
        self.server.shutdown()
        self.server.server_close()

    def talk(self, client: StreamRequestHandler) -> None:
        while not self.off.is_set() and (first := client.rfile.readline()):
            head = {}
            while line := client.rfile.readline().strip():
                name, _, value = line.decode().partition(":")
                head[name.lower()] = value.strip()
            word = first.split()[0].decode()
            body, more, status = b"", [], "200 OK"
            if self.signed and head.get("authorization") != self.signed:
                status, more = "401 Unauthorized", ['WWW-Authenticate: Basic realm="camera"']
            elif word == "OPTIONS":
                more = ["Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN"]
            elif word == "DESCRIBE":
                lines = ["v=0", "o=- 0 0 IN IP4 127.0.0.1", "s=camera", "c=IN IP4 0.0.0.0", "t=0 0"]
                lines += ["m=video 0 RTP/AVP 26", "a=control:track1", ""]
                body = "\r\n".join(lines).encode()
                more = ["Content-Type: application/sdp", f"Content-Base: {self.url}/"]
            elif word == "SETUP":
                more = ["Transport: RTP/AVP/TCP;unicast;interleaved=0-1"]
            answer = [f"RTSP/1.0 {status}", f"CSeq: {head.get('cseq', '0')}", "Session: 1", *more]
            answer += [f"Content-Length: {len(body)}", "", ""]
            client.wfile.write("\r\n".join(answer).encode() + body)
            if word == "PLAY" and status == "200 OK":
                self._play(client)
                return

    def _play(self, client: StreamRequestHandler) -> None:
        sequence = 0
        began_s = time.monotonic()
        while not self.off.wait(0.02):
            if self.frozen.is_set():
                continue
            stamp = int((time.monotonic() - began_s) * 90000)
            try:
                for packet in _rtp(self.shot(), stamp, sequence):
                    client.wfile.write(packet)
                    sequence += 1
            except OSError:
                return


def _rtp(data: bytes, stamp: int, sequence: int) -> list[bytes]:
    """A JPEG as interleaved RTP packets, quantization tables in the first."""
    tables, at = b"", 2
    while data[at + 1] != 0xDA:
        length = int.from_bytes(data[at + 2 : at + 4])
        if data[at + 1] == 0xDB:
            segment = data[at + 4 : at + 2 + length]
            tables += b"".join(segment[n + 1 : n + 65] for n in range(0, len(segment), 65))
        at += 2 + length
    scan = data[at + 2 + int.from_bytes(data[at + 2 : at + 4]) : -2]
    packets, offset = [], 0
    while offset < len(scan):
        part = scan[offset : offset + 1200]
        last = offset + len(part) == len(scan)
        head = struct.pack(">BBHII", 0x80, 26 | (0x80 if last else 0), (sequence + len(packets)) & 0xFFFF, stamp, 7)
        head += struct.pack(">II", offset, 1 << 24 | 255 << 16 | SIZE[0] // 8 << 8 | SIZE[1] // 8)
        if offset == 0:
            head += struct.pack(">HH", 0, len(tables)) + tables
        packets.append(struct.pack(">BBH", 0x24, 0, len(head) + len(part)) + head + part)
        offset += len(part)
    return packets


if __name__ == "__main__":  # in a process of its own, which can be stopped with SIGSTOP
    served = RtspCamera()
    print(served.url, flush=True)
    sys.stdin.read()
