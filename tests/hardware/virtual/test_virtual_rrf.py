"""Requests to the virtual Duet, as the wiki of RepRapFirmware and DuetWebServer have them."""

import json
import socket
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from hardware.virtual.instruments.rrf import BOOT_S, Build, Instrument
from hardware.virtual.world import World
from tests.hardware.virtual.hands import Wall


class Talk:
    """Asks with a session, and lets time pass."""

    def __init__(self, board: Instrument, wall: Wall) -> None:
        self.board, self.wall, self.key = board, wall, ""

    def ask(self, path: str, body: str | None = None) -> tuple[int, str]:
        method = "GET" if body is None else "POST"
        head = f"{method} {path} HTTP/1.1\r\nX-Session-Key: {self.key}\r\n"
        with socket.create_connection(("127.0.0.1", self.board.port), timeout=10) as connection:
            connection.sendall(f"{head}Content-Length: {len(body or '')}\r\n\r\n{body or ''}".encode())
            heard = b""
            while piece := connection.recv(4096):
                heard += piece
        if not heard:
            return 0, ""
        top, _, rest = heard.decode().partition("\r\n\r\n")
        return int(top.split(" ")[1]), rest

    def login(self) -> None:
        path = "/machine/connect?password=reprap" if self.board.build.sbc else "/rr_connect?password=reprap"
        self.key = str(json.loads(self.ask(path)[1])["sessionKey"])

    def code(self, code: str) -> int:
        return int(json.loads(self.ask(f"/rr_gcode?gcode={quote(code)}")[1])["buff"])

    def model(self, key: str) -> Any:
        return json.loads(self.ask(f"/rr_model?key={key}&flags=d99vn")[1])["result"]

    def settles(self) -> None:
        for _ in range(1000):
            if self.model("state")["status"] in ("idle", "halted"):
                self.wall.passes(0.3)
                return
            self.wall.passes(0.1)
        raise AssertionError("never idle")


@pytest.fixture
def build() -> Build:
    return Build()


@pytest.fixture
def board(world: World, build: Build) -> Iterator[Instrument]:
    instrument = Instrument(world, {"stage": world.spec.stage}, build=build)
    instrument.start()
    yield instrument
    instrument.close()


@pytest.fixture
def talk(board: Instrument, wall: Wall) -> Talk:
    talk = Talk(board, wall)
    if not board.build.old_sbc:
        talk.login()
    return talk


@pytest.fixture
def homed(talk: Talk) -> Talk:
    talk.code("G28")
    talk.settles()
    return talk


def test_without_a_session_nothing_is_told(board: Instrument, wall: Wall) -> None:
    stranger = Talk(board, wall)
    assert stranger.ask("/rr_model?key=state")[0] == 401
    assert json.loads(stranger.ask("/rr_connect?password=wrong")[1]) == {"err": 1}
    stranger.login()
    assert stranger.model("boards")[0]["firmwareVersion"] == "3.5.1"
    board.forget_sessions()
    assert stranger.ask("/rr_reply")[0] == 401


@pytest.mark.parametrize("build", [Build(lets_in=True)])
def test_without_a_password_whoever_asks_is_told(board: Instrument, wall: Wall) -> None:
    assert Talk(board, wall).model("boards")[0]["firmwareVersion"] == "3.5.1"


def test_what_a_board_alone_does_not_know_is_its_web_page(talk: Talk) -> None:
    assert talk.ask("/machine/model") == (200, "<html></html>")


def test_a_move_before_homing_is_refused(talk: Talk, world: World) -> None:
    before = world.stage_mm()
    talk.code("G1 X10")
    assert talk.ask("/rr_reply")[1] == "Error: G0/G1: insufficient axes homed\n"
    assert world.stage_mm() == before


def test_homing_is_busy_and_not_homed_until_it_ends(talk: Talk, wall: Wall, world: World) -> None:
    talk.code("G28")
    wall.passes(0.5)
    assert talk.model("state")["status"] == "busy"
    assert not any(axis["homed"] for axis in talk.model("move.axes"))
    number = talk.model("seqs")["reply"]
    talk.settles()
    assert all(axis["homed"] for axis in talk.model("move.axes"))
    assert talk.model("seqs")["reply"] == number + 1
    assert world.stage_mm() == pytest.approx((0, 0, 0))


def test_codes_are_queued_and_the_position_told_is_old(homed: Talk, wall: Wall, world: World) -> None:
    room = homed.code("G21\nG90\nG1 X40 Y20 F3000\nM400")
    assert room < 255
    wall.passes(0.3)
    x = homed.model("move.axes")[0]
    assert x["userPosition"] == 40
    assert 0 < x["machinePosition"] < 40
    wall.passes(0.1)
    assert homed.model("move.axes")[0] == x  # 0.2 s old at most
    homed.settles()
    assert world.stage_mm() == pytest.approx((40, 20, 0))


def test_a_code_that_does_not_fit_is_dropped_in_silence(homed: Talk, wall: Wall, world: World) -> None:
    homed.code("G1 X100 F600")
    homed.code("M400")
    for _ in range(20):
        homed.code("G1 X10 F6000 ; twenty bytes or so")
    assert homed.code("G1 X20 ; " + "x" * 240) < 60
    homed.settles()
    assert world.stage_mm()[0] == pytest.approx(10)


def test_beyond_its_limits_it_complains(homed: Talk) -> None:
    homed.ask("/rr_reply")
    homed.code("G1 X151")
    assert "outside machine limits" in homed.ask("/rr_reply")[1]
    homed.code('M409 K"state"')
    assert json.loads(homed.ask("/rr_reply")[1])["result"]["status"] in ("idle", "busy")


def test_the_emergency_stop_goes_ahead_of_all_and_lasts_until_a_restart(
    homed: Talk, wall: Wall, world: World
) -> None:
    homed.code("G1 X100 F3000\nM400")
    wall.passes(0.5)
    homed.code("M112")
    assert not world.stage_moves()
    assert homed.model("state")["status"] == "halted"
    homed.code("G28")
    assert not world.stage_moves()
    homed.code("M999")
    assert homed.ask("/rr_model?key=state") == (0, "")  # nobody answers while it starts
    wall.passes(BOOT_S + 0.1)
    homed.login()
    assert homed.model("state") == {"status": "idle", "upTime": 4}
    assert not any(axis["homed"] for axis in homed.model("move.axes"))


def test_half_a_request_is_not_done(homed: Talk, board: Instrument, world: World, wall: Wall) -> None:
    start = b"GET /rr_gcode?gcode=G1%20X50"
    for half in (start, start + f" HTTP/1.1\r\nX-Session-Key: {homed.key}".encode()):
        with socket.create_connection(("127.0.0.1", board.port), timeout=10) as connection:
            connection.sendall(half)
            connection.shutdown(socket.SHUT_WR)
            assert connection.recv(10) == b""
    wall.passes(2)
    assert world.stage_mm() == pytest.approx((0, 0, 0))


@pytest.mark.parametrize("build", [Build(sbc=True), Build(sbc=True, old_sbc=True)])
def test_with_a_single_board_computer_a_code_is_answered_when_it_is_done(
    talk: Talk, wall: Wall, world: World
) -> None:
    path = "/machine/status" if talk.board.build.old_sbc else "/machine/model"
    assert json.loads(talk.ask(path)[1])["state"]["status"] == "idle"
    assert talk.ask("/machine/code", "G1 X1") == (200, "Error: G0/G1: insufficient axes homed\n")
    answers: list[tuple[int, str]] = []
    homing = threading.Thread(target=lambda: answers.append(talk.ask("/machine/code", "G28")))
    homing.start()
    while not world.stage_moves():
        homing.join(0.001)
    assert not answers
    while homing.is_alive():
        wall.passes(0.5)
        homing.join(0.01)
    assert answers == [(200, "")]
    assert talk.ask("/machine/nothing")[0] == 404
