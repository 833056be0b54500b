"""A RepRapFirmware stage to test with, and boards that answer a script of HTTP requests."""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import unquote

from hardware.drivers.rrf import Driver, Settings
from hardware.spec import StageSpec
from tests.hardware.conftest import Instrument
from tests.hardware.stages import TRAVEL_MM

Reply = bytes | str | dict | list | int | None
BOARDS = [{"firmwareName": "RepRapFirmware for Duet 3 MB6HC", "firmwareVersion": "3.5.1", "name": "Duet 3 MB6HC"}]
MOVE = "G21\nG90\nG1 X45.000 Y20.000 F3000\nM400"


def a_stage(port: str, latch: threading.Event | None = None, speed: float = 1.0, **fields) -> Driver:
    spec = StageSpec("rrf", port, TRAVEL_MM, {})
    return Driver("stage", spec, Settings(**fields), speed=speed, latch=latch or threading.Event())


def http(reply: Reply, status: int = 200) -> bytes:
    """An answer; a number is a status without a body, and bytes are sent as they are."""
    if isinstance(reply, bytes):
        return reply
    status, reply = (reply, "") if isinstance(reply, int) else (status, reply)
    body = (reply if isinstance(reply, str) else json.dumps(reply)).encode()
    return b"HTTP/1.1 %d OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (status, len(body)) + body


def request_of(received: bytes) -> tuple[int, str] | None:
    """How long the first request is and what it says: method, path and body. None while it is not whole."""
    head, end, body = received.partition(b"\r\n\r\n")
    if not end:
        return None
    size = next((int(h[15:]) for h in head.split(b"\r\n") if h.lower().startswith(b"content-length:")), 0)
    if len(body) < size:
        return None
    method, path, _ = head.split(b"\r\n")[0].decode().split(" ")
    said = f"{method} {unquote(path)}" + (f" {body[:size].decode()}" if size else "")
    return len(head) + 4 + size, said


@contextmanager
def board(script: Sequence[tuple[str, Reply]]) -> Iterator[Instrument]:
    """Expects exactly these requests in this order."""
    turns, strange = list(script), []

    def answer(received: bytes):
        if (request := request_of(received)) is None:
            return None
        length, said = request
        if not turns or turns[0][0] != said:
            strange.append(f"expected {turns[0][0] if turns else 'nothing'!r}, heard {said!r}")
            return length, http(500)
        reply = turns.pop(0)[1]
        return length, None if reply is None else http(reply)

    with Instrument(answer) as instrument:
        yield instrument
        assert not strange, strange
        assert instrument.soon(lambda: not turns), f"never asked: {turns}"


def url(instrument: Instrument) -> str:
    return instrument.port.replace("socket", "http")


def model(key: str, result) -> tuple[str, Reply]:
    return f"GET /rr_model?key={key}&flags=d99vn", {"key": key, "flags": "d99vn", "result": result}


def axes(x: float = 0, y: float = 0, z: float = 0, *, homed: bool = True, user=None, **fields) -> list[dict]:
    plan = user or (x, y, z)
    return [
        {"letter": letter, "homed": homed, "machinePosition": at, "userPosition": to, "min": 0, "max": most,
         "speed": 9000, "stepsPerMm": 80, **fields}
        for letter, at, to, most in zip("XYZ", (x, y, z), plan, TRAVEL_MM, strict=True)
    ]  # fmt: skip


CONNECT = ("GET /rr_connect?password=reprap&sessionKey=yes",
           {"err": 0, "sessionTimeout": 8000, "boardType": "duet3mb6hc", "sessionKey": 123})  # fmt: skip
IDLE = model("state", {"status": "idle"})
BUSY = model("state", {"status": "busy"})
HALTED = model("state", {"status": "halted"})
OPEN = [CONNECT, model("boards", BOARDS), IDLE, model("move.axes", axes())]
READY = [IDLE, model("move.axes", axes()), model("seqs", {"reply": 7})]
GO = (f"GET /rr_gcode?gcode={MOVE}", {"buff": 200})
ARRIVED = [BUSY, IDLE, model("move.axes", axes(45, 20))]
