"""OctoPrint's virtual printer, other people's Marlin with all its moods: our driver on it.

OctoPrint is heavy and pins much, so that it has an environment of its own, which CI does not make:
`python -m venv V`,
`V/bin/pip install . pytest pytest-timeout hypothesis -r tests/peers/requirements-octoprint.txt`,
`V/bin/python -m pytest -c tests/peers/pytest.ini tests/peers/test_octoprint.py`.

It is made to print positions with two decimals, as Marlin does; by itself it prints a zero as `0` after homing. It
knows neither M410 nor M119 and M211, and answers them with "ok"; M400 keeps it from reading on, as on boards
without EMERGENCY_PARSER, but M112 gets through. It moves ten times as fast as it is told.
"""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

plugins = pytest.importorskip("octoprint.plugin")

from octoprint.plugins.virtual_printer import VirtualPrinterPlugin  # noqa: E402
from octoprint.plugins.virtual_printer.virtual import VirtualPrinter  # noqa: E402
from serial import SerialTimeoutException  # noqa: E402

from hardware.drivers.marlin import Driver  # noqa: E402
from hardware.errors import (  # noqa: E402
    DeviceTimeoutError,
    HardwareError,
    NotConnectedError,
    OutOfRangeError,
    ReplyError,
    StoppedError,
)
from tests.hardware.marlin_talk import a_stage  # noqa: E402
from tests.hardware.new_era_talk import in_background  # noqa: E402

pytestmark = pytest.mark.peer


class TheirSettings:
    """Those of the plug-in, but for what a test says."""

    def __init__(self, folder: Path, changed: dict[str, object]) -> None:
        self._folder = folder
        decimals = {"m114FormatString": "X:{x:.2f} Y:{y:.2f} Z:{z:.2f} E:{e[current]:.2f} Count X:{a} Y:{b} Z:{c}"}
        self._all = {
            **VirtualPrinterPlugin().get_settings_defaults(),
            "simulated_errors": [],
            **decimals,
            **changed,
        }

    def get(self, path: list[str], **_: object) -> Any:
        value: Any = self._all
        for step in path:
            value = value[step]
        return value

    get_boolean = get_int = get_float = get

    def global_get_basefolder(self, _: str) -> str:
        return str(self._folder)


class Board:
    """A port behind which a printer starts anew for whoever connects, as a board does that is reset by its port."""

    def __init__(self, folder: Path, changed: dict[str, object]) -> None:
        self._folder, self._changed = folder, changed
        self.printer: VirtualPrinter = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"socket://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def says(self, debug: str) -> None:
        """What its own hidden commands make it do."""
        self.printer._debugTrigger(debug)

    @property
    def moves(self) -> bool:
        return self.printer.buffered is not None and self.printer.buffered.unfinished_tasks > 0

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        if self.printer is not None:
            self.printer.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            printer = self.printer = VirtualPrinter(
                TheirSettings(self._folder, self._changed), None, str(self._folder), read_timeout=0.05
            )
            talker = threading.Thread(target=self._talk, args=(client, printer), daemon=True)
            talker.start()
            with suppress(OSError, SerialTimeoutException):
                for line in client.makefile("rb"):  # it reads one line of what it is given at a time
                    while line:
                        line = line[printer.write(line) or len(line) :]
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
            talker.join(5)
            client.close()
            printer.close()

    @staticmethod
    def _talk(client: socket.socket, printer: VirtualPrinter) -> None:
        with suppress(OSError, AttributeError, SerialTimeoutException):
            while client.fileno() >= 0:
                if line := printer.readline():
                    client.sendall(line.rstrip(b"\n") + b"\n")
                else:
                    client.send(b"")


@contextmanager
def on_their_board(
    folder: Path, fields: dict[str, Any] | None = None, **changed: object
) -> Iterator[tuple[Driver, Board]]:
    with suppress(ValueError):  # there is one already
        plugins.plugin_manager(init=True, plugin_folders=[], plugin_entry_points=[])
    board = Board(folder, changed)
    stage = a_stage(board.address, **(fields or {}))
    try:
        yield stage, board
    finally:
        stage.close()
        board.close()


MOODS: dict[str, dict[str, object]] = {
    "as it is": {},
    "advanced ok": {"okFormatString": "ok N{lastN} P{buffer} B2"},
    "no wait": {"sendWait": False},
    "waits often": {"waitInterval": 0.02},
    "no ok after Resend": {"brokenResend": True, "simulated_errors": [f"{n}:resend" for n in range(3, 99, 4)]},
    "noise": {"simulated_errors": [f"{n}:checksum_mismatch" for n in range(3, 99, 3)]},
}


@pytest.mark.parametrize("mood", MOODS)
def test_it_identifies_homes_moves_and_reads_back(mood: str, tmp_path: Path) -> None:
    with on_their_board(tmp_path, **MOODS[mood]) as (stage, _):
        stage.open()
        assert stage.identify() == "Virtual Marlin 1.0"
        assert stage.about()["steps"] == "X 80 per mm, Y 80 per mm, Z 800 per mm"
        with pytest.raises(HardwareError, match="home it first"):
            stage.move_to(1.0, 1.0)
        stage.home()
        assert stage.position_mm() == (0, 0, 0)
        for x_mm, y_mm, z_mm in ((10.0, 5.0, 1.5), (149.5, 104.25, 20.0), (0.25, 3.0, 0.0)):
            stage.move_to(x_mm, y_mm, z_mm)
            assert stage.position_mm() == (x_mm, y_mm, z_mm)
        with pytest.raises(OutOfRangeError):
            stage.move_to(151.0, 1.0)


def test_a_line_that_it_forgets_to_ask_for_again_is_noticed(tmp_path: Path) -> None:
    """It complains, asks for nothing and says no ok; or asks, and swallows what it then gets."""
    errors = ["12:missing_lineno", "20:resend_with_timeout", "27:missing_lineno", "33:resend_with_timeout"]
    with on_their_board(tmp_path, simulated_errors=errors) as (stage, board):
        stage.open()
        stage.home()
        for number in range(1, 12):
            target_mm = (10.0 * number, 1.0 * number)
            try:
                stage.move_to(*target_mm)
                assert stage.position_mm()[:2] == target_mm
                assert (board.printer._lastX, board.printer._lastY) == target_mm
            except (ReplyError, DeviceTimeoutError):
                stage.home()


def test_it_is_killed_when_it_reads_no_stop_and_must_be_reset(tmp_path: Path) -> None:
    with on_their_board(tmp_path, {"feed_mm_min": 60.0}) as (stage, board):
        stage.open()
        stage.home()
        thread, failures = in_background(lambda: stage.move_to(150.0, 1.0))
        while not board.moves:
            time.sleep(0.01)
        began = time.monotonic()
        stage.stop()
        assert time.monotonic() - began < 10.0, "on a busy machine; less than 0.6 s on an idle one"
        thread.join(20)
        assert isinstance(failures[0], StoppedError)
        assert board.printer._killed
        with pytest.raises(HardwareError, match="reset it"):
            stage.move_to(1.0, 1.0)
        stage.open()  # which opens the port anew
        stage.home()
        stage.move_to(0.5, 0.5)


@pytest.mark.parametrize(
    ("debug", "told"),
    [
        ("reset", "restarted"),
        ("trigger_fatal_error_marlin", "error|halted"),
        ("maxtemp_error", "error"),
    ],
)
def test_what_it_says_unasked_ends_the_next_move(debug: str, told: str, tmp_path: Path) -> None:
    with on_their_board(tmp_path) as (stage, board):
        stage.open()
        stage.home()
        stage.move_to(5.0, 5.0)
        board.says(debug)
        time.sleep(0.2)
        with pytest.raises(HardwareError, match=told):
            stage.move_to(6.0, 5.0)
        with pytest.raises(HardwareError):
            stage.move_to(6.0, 5.0)
        stage.open()
        stage.home()
        stage.move_to(6.0, 5.0)


def test_what_means_nothing_is_passed_over(tmp_path: Path) -> None:
    with on_their_board(tmp_path) as (stage, board):
        stage.open()
        stage.home()
        for said in ("action_pause", "send T:21.3 /0.0 B:21.3 /0.0 @:64", "send echo:SD card ok", "send \x80\xff"):
            board.says(said)
            stage.move_to(5.0, 5.0)
            stage.move_to(0.0, 0.0)


def test_a_doubled_or_a_strange_ok_is_never_taken_for_the_next(tmp_path: Path) -> None:
    with on_their_board(tmp_path, {"feed_mm_min": 1500.0}) as (stage, board):
        stage.open()
        stage.home()
        for number in range(1, 5):
            board.says("send ok")
            stage.move_to(30.0 * number, 2.0)
            assert not board.moves
            assert board.printer._lastX == 30.0 * number
            stage.move_to(0.0, 0.0)


def test_lost_lines_and_a_dead_board(tmp_path: Path) -> None:
    with on_their_board(tmp_path) as (stage, board):
        stage.open()
        stage.home()
        board.says("dont_answer")  # the next line is swallowed
        stage.move_to(5.0, 5.0)  # it was to say how it counts, and is told so again
        assert stage.position_mm() == (5.0, 5.0, 0.0)
        board.says("go_awol")
        with pytest.raises(DeviceTimeoutError) as caught:
            stage.move_to(15.0, 5.0)
        assert caught.value.outcome == "not_done"
        assert board.printer._lastX == 5.0
        stage.close()
        stage.open()
        stage.home()
        stage.move_to(5.0, 5.0)


def test_the_port_is_lost_and_comes_back(tmp_path: Path) -> None:
    with on_their_board(tmp_path) as (stage, board):
        stage.open()
        stage.home()
        board.says("drop_connection")
        with pytest.raises(NotConnectedError):
            stage.move_to(5.0, 5.0)
        assert not stage.homed
        assert stage.identify() == "Virtual Marlin 1.0"
        stage.home()
        stage.move_to(5.0, 5.0)


def test_a_locked_printer_is_told(tmp_path: Path) -> None:
    with on_their_board(tmp_path, locked=True) as (stage, _), pytest.raises(ReplyError, match="passcode"):
        stage.open()
