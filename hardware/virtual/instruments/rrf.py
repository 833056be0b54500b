"""A stage on a Duet 3 with RepRapFirmware 3.5, over HTTP: the board alone, or with a single-board computer (SBC).

Source: Duet3D/RepRapFirmware wiki, "HTTP requests" and "Object model"; GCodes/GCodeInput.cpp; DuetWebServer.
rr_gcode only queues, and drops in silence what does not fit; machinePosition is up to 0.2 s old; M112 halts it past
the queue, and M999 restarts it: gone for a while, then there again and not homed.
"""

import json
import logging
import os
import re
import socketserver
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from hardware.spec import StageSpec
from hardware.virtual.motion import Point, axis_limited
from hardware.virtual.world import SWITCH_MM, World

_log = logging.getLogger(__name__)
BOOT_S = 4.0
BUFFER_BYTES = 256
STEPS_PER_MM = (80.0, 80.0, 400.0)
FASTEST_MM_S = (200.0, 200.0, 20.0)
ACCEL_MM_S2 = (800.0, 800.0, 200.0)
HOMING_MM_S = 40.0
STALE_S = 0.2
_FIRMWARE = "RepRapFirmware for Duet 3 MB6HC"
_WORD = re.compile(r"([A-Z])(-?\d*\.?\d*)")


@dataclass(frozen=True)
class Build:
    """old_sbc: software before 3.4, without sessions and with /machine/status only. lets_in: whoever asks without a
    session, as a board on which no password was set."""

    sbc: bool = False
    old_sbc: bool = False
    lets_in: bool = False
    password: str = "reprap"  # noqa: S105  the firmware's own default


@dataclass(eq=False)
class Code:
    """One line of G-code on its way, and what is said of it."""

    line: str
    begun: bool = False
    done: threading.Event = field(default_factory=threading.Event)
    reply: str = ""


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = os.name == "posix"
    request_queue_size = 32


class Instrument:
    """The board behind one address; the mechanics are the world's."""

    def __init__(
        self, world: World, parts: Mapping[str, StageSpec], *, host: str = "127.0.0.1", port: int = 0,
        build: Build = Build(),
    ) -> None:  # fmt: skip
        self.name = next(iter(parts))
        self._world, self.build = world, build
        self._lock = threading.RLock()
        self._closing = threading.Event()
        self.tool_mm: Point = (0.0, 0.0, 0.0)
        self._sessions: set[str] = set()
        self._keys = 0
        self._queue: deque[Code] = deque()
        self._boots_until_s = 0.0
        self.power_cycle(boots=False)
        board = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                board._answer(self)

        self._server = _Server((host, port), Handler)
        self.port: int = self._server.server_address[1]
        self.address = f"http://{host}:{self.port}"
        self._threads = [
            threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True),
            threading.Thread(target=self._run, daemon=True),
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        self._closing.set()
        with self._lock:
            for code in self._queue:
                code.done.set()
        self._server.shutdown()
        for thread in self._threads:
            thread.join()
        self._server.server_close()

    def power_cycle(self, *, boots: bool = True) -> None:
        """As after M999 too: the motors stop dead, nothing is homed, and for a while nobody answers."""
        with self._lock:
            self._world.halt_stage()
            self._offset: Point = self._world.stage_mm()
            self._planned: Point = (0.0, 0.0, 0.0)
            self._homed = [False, False, False]
            self._legs: deque[tuple[Point, float, float]] = deque()
            self._relative, self._feed_mm_s = False, 50.0
            for code in self._queue:
                code.done.set()
            self._queue.clear()
            self._replies: list[str] = []
            self._seq = 0
            self._status = "idle"
            self._seen: tuple[float, Point] = (-1e9, (0.0, 0.0, 0.0))
            self._sessions.clear()
            self._started_s = self._world.clock.now_s()
            self._boots_until_s = self._started_s + BOOT_S if boots else 0.0

    def forget_sessions(self) -> None:
        """As after 8 s of silence."""
        with self._lock:
            self._sessions.clear()

    # HTTP

    def _answer(self, connection: socketserver.StreamRequestHandler) -> None:
        """One request; one that was cut off is not done."""
        try:
            lines = []
            while (line := connection.rfile.readline(4096)).strip():
                lines.append(line.decode("latin-1").strip())
            headers = {
                name.lower(): value.strip() for name, _, value in (text.partition(":") for text in lines[1:])
            }
            size = int(headers.get("content-length", 0))
            body = connection.rfile.read(size).decode("utf-8", "replace")
            if not line or len(body.encode()) < size or self._world.clock.now_s() < self._boots_until_s:
                return
            status, answer = self._route(lines[0].split(" ")[1], headers.get("x-session-key", ""), body)
            data = answer if isinstance(answer, str) else json.dumps(answer, separators=(",", ":"))
            head = f"HTTP/1.1 {status} .\r\nContent-Length: {len(data.encode())}\r\nConnection: close"
            connection.wfile.write(f"{head}\r\n\r\n{data}".encode())
        except (OSError, ValueError, IndexError) as error:
            _log.info("duet: no whole request, or the client went away: %s", error)

    def _route(self, path: str, session: str, body: str) -> tuple[int, Any]:
        url = urlsplit(path)
        told = {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        if url.path == ("/machine/connect" if self.build.sbc else "/rr_connect") and not self.build.old_sbc:
            return self._connect(told.get("password", ""))
        if not (self.build.old_sbc or self.build.lets_in) and session not in self._sessions:
            return (401, "") if url.path.startswith(("/machine/", "/rr_")) else (200, "<html></html>")
        if self.build.sbc:
            return self._sbc(url.path, body)
        if url.path == "/rr_gcode":
            return 200, {"buff": self._take(told.get("gcode", ""))}
        if url.path == "/rr_model":
            return 200, _told_of(self.model(), told.get("key", ""), told.get("flags", ""))
        if url.path == "/rr_reply":
            with self._lock:
                replies, self._replies = self._replies, []
            return 200, "".join(replies)
        if url.path == "/rr_disconnect":
            self._sessions.discard(session)
            return 200, {"err": 0}
        return 200, "<html></html>"  # the web interface, for whatever it does not know

    def _connect(self, password: str) -> tuple[int, Any]:
        if password != self.build.password:
            return (403, "") if self.build.sbc else (200, {"err": 1})
        with self._lock:
            self._keys += 1
            key = str(1000 + self._keys)
            self._sessions.add(key)
        if self.build.sbc:
            return 200, {"sessionKey": key}
        return 200, {
            "err": 0,
            "sessionTimeout": 8000,
            "boardType": "duet3mb6hc102",
            "apiLevel": 1,
            "sessionKey": int(key),
        }

    def _sbc(self, path: str, body: str) -> tuple[int, Any]:
        if path == ("/machine/status" if self.build.old_sbc else "/machine/model"):
            return 200, self.model()
        if path == "/machine/code":
            codes = [Code(line.strip()) for line in body.splitlines() if line.strip()]
            for code in codes:
                self._put(code)
            for code in codes:
                code.done.wait()
            return 200, "".join(code.reply for code in codes)
        return (204, "") if path == "/machine/disconnect" else (404, "")

    def model(self) -> dict[str, Any]:
        """The object model, as far as a stage needs it."""
        with self._lock:
            self._advance()
            return self._model_now()

    def _model_now(self) -> dict[str, Any]:
        with self._lock:
            now = self._world.clock.now_s()
            if now - self._seen[0] >= STALE_S:
                self._seen = (now, self._believed())
            travel = self._world.spec.stage.travel_mm
            axes = [
                {
                    "letter": letter, "homed": self._homed[i], "machinePosition": round(self._seen[1][i], 3),
                    "userPosition": round(self._planned[i] - self.tool_mm[i], 3), "min": 0, "max": travel[i],
                    "speed": FASTEST_MM_S[i] * 60, "stepsPerMm": STEPS_PER_MM[i],
                }
                for i, letter in enumerate("XYZ")
            ]  # fmt: skip
            busy = self._status == "idle" and (self._queue or self._legs or self._world.stage_moves())
            return {
                "boards": [{"firmwareName": _FIRMWARE, "firmwareVersion": "3.5.1", "name": "Duet 3 MB6HC"}],
                "move": {"axes": axes},
                "seqs": {"reply": self._seq},
                "state": {"status": "busy" if busy else self._status, "upTime": int(now - self._started_s)},
            }  # fmt: skip

    # codes

    def _take(self, codes: str) -> int:
        """rr_gcode: into the buffer if there is room; returns the room that is left."""
        with self._lock:
            room = BUFFER_BYTES - 1 - sum(len(code.line) + 1 for code in self._queue)
            if len(codes) + 1 <= room:
                for line in codes.splitlines():
                    self._put(Code(line.strip()))
            return max(0, BUFFER_BYTES - 1 - sum(len(code.line) + 1 for code in self._queue))

    def _put(self, code: Code) -> None:
        with self._lock:
            if re.match(r"M112\b", code.line):
                self._halt()
                code.done.set()
            elif re.match(r"M999\b", code.line):
                self.power_cycle()
                code.done.set()
            elif self._status == "halted":
                code.done.set()
            elif code.line:
                self._queue.append(code)
                self._advance()

    def _halt(self) -> None:
        self._world.halt_stage()
        self._legs.clear()
        for code in self._queue:
            code.done.set()
        self._queue.clear()
        self._homed = [False, False, False]
        self._status = "halted"

    def _run(self) -> None:
        while not self._closing.wait(0.02 if not self._queue else self._moment_s()):
            with self._lock:
                self._advance()

    def _moment_s(self) -> float:
        return min(0.02, self._world.clock.wall_s(self._world.stage_ends_in_s()) + 0.0003)

    def _advance(self) -> None:
        """Do what can be done by now."""
        while True:
            if not self._world.stage_moves() and self._legs:
                target, v, accel = self._legs.popleft()
                self._world.start_stage(target, v, accel)
            if not self._queue or not self._do(self._queue[0]):
                return
            code = self._queue.popleft()
            self._seq += 1
            self._replies.append(code.reply or "\n")
            code.done.set()

    def _do(self, code: Code) -> bool:
        """Whether the code has ended."""
        words = dict(_WORD.findall(code.line.replace(" ", "").upper()))
        command = re.match(r"[GM]\d+", code.line.upper())
        match command[0] if command is not None else "":
            case "G0" | "G1":
                code.reply = self._linear(words)
            case "G28":
                return self._home(code)
            case "M400":
                return not self._legs and not self._world.stage_moves()
            case "G90" | "G91":
                self._relative = code.line.upper() == "G91"
            case "G21":
                pass
            case "M409":
                key = re.search(r'K"([^"]*)"', code.line)
                code.reply = json.dumps(_told_of(self._model_now(), key[1] if key is not None else "", "")) + "\n"
            case other:
                code.reply = f"Error: {other or code.line}: Command is not supported\n"
        return True

    # motion

    def _believed(self) -> Point:
        x, y, z = self._world.stage_mm()
        return x - self._offset[0], y - self._offset[1], z - self._offset[2]

    def _linear(self, words: Mapping[str, str]) -> str:
        if not all(self._homed):
            return "Error: G0/G1: insufficient axes homed\n"
        if words.get("F"):
            self._feed_mm_s = float(words["F"]) / 60
        target = list(self._planned)
        for i, letter in enumerate("XYZ"):
            if words.get(letter):
                target[i] = float(words[letter]) + (target[i] if self._relative else self.tool_mm[i])
                if not -1e-6 <= target[i] <= self._world.spec.stage.travel_mm[i] + 1e-6:
                    return "Error: G1: target position outside machine limits\n"
        start, end, o = self._planned, (target[0], target[1], target[2]), self._offset
        if start != end:
            v = min(self._feed_mm_s, axis_limited(start, end, FASTEST_MM_S))
            at = (end[0] + o[0], end[1] + o[1], end[2] + o[2])
            self._legs.append((at, v, axis_limited(start, end, ACCEL_MM_S2)))
        self._planned = end
        return ""

    def _home(self, code: Code) -> bool:
        """homeall.g: Z first, then X and Y."""
        if not code.begun:
            code.begun = True
            self._homed = [False, False, False]
            x, y, _ = self._world.stage_mm()
            at = -SWITCH_MM
            for leg in ((x, y, at), (x, y, 0.0), (at, at, 0.0), (0.0, 0.0, 0.0)):
                self._legs.append((leg, HOMING_MM_S, min(ACCEL_MM_S2)))
        if self._legs or self._world.stage_moves():
            return False
        self._offset, self._planned, self._homed = self._world.stage_mm(), (0.0, 0.0, 0.0), [True, True, True]
        return True


def _told_of(model: dict[str, Any], key: str, flags: str) -> dict[str, Any]:
    """As rr_model and M409 answer."""
    part: Any = model
    for name in filter(None, key.split(".")):
        part = part.get(name) if isinstance(part, dict) else None
    return {"key": key, "flags": flags, "result": part}
