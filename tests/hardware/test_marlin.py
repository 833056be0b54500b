"""Conversations with Marlin, as its G-code pages and its gcode/queue.cpp have them."""

import threading
from contextlib import suppress

import pytest

from hardware.dialects.marlin import numbered
from hardware.drivers import marlin
from hardware.errors import (
    DeviceTimeoutError,
    HardwareError,
    NotConnectedError,
    OutOfRangeError,
    ReplyError,
    StoppedError,
)
from hardware.parts import numbered_lines
from tests.hardware.marlin_talk import BANNER, FIRMWARE, HOME, MODES, OPEN, SETTINGS, a_stage, at, n

GO = (n(9, "G1 X45.000 Y20.000 F3000"), b"ok\n")
FINISH = (n(10, "M400"), b"echo:busy: processing\nok\n")
ARRIVED = (n(11, "M114"), at(45, 20))


pytestmark = pytest.mark.usefixtures("quick_unplug")


@pytest.fixture
def opened():
    stages = []

    def open_stage(port: str, **fields):
        stages.append(a_stage(port, **fields))
        stages[-1].open()
        return stages[-1]

    yield open_stage
    for stage in stages:
        stage.close()


@pytest.fixture
def homed(opened):
    def home_stage(port: str, **fields):
        stage = opened(port, **fields)
        stage.home()
        return stage

    return home_stage


@pytest.fixture
def impatient(monkeypatch):
    """What is lost is missed soon."""
    monkeypatch.setattr(numbered_lines.NumberedLines.ask, "__defaults__", (0.15,))
    monkeypatch.setattr(numbered_lines.NumberedLines.settle, "__defaults__", (0.15,))
    monkeypatch.setattr(numbered_lines.NumberedLines.begin, "__defaults__", (0.15,))


def test_the_checksum_is_that_of_the_reprap_wiki():
    assert numbered(3, "T0") == b"N3 T0*57\n"
    assert numbered(4, "G92 E0") == b"N4 G92 E0*67\n"
    assert numbered(0, "M110 N0") == b"N0 M110 N0*125\n"


def test_home_then_move_and_wait_for_the_end_of_the_motion(conversation, opened):
    with conversation([*OPEN, *HOME, *MODES, GO, FINISH, ARRIVED, (n(12, "M114"), at(45, 20))]) as instrument:
        stage = opened(instrument.port)
        assert not stage.homed
        stage.home()
        assert stage.homed
        stage.move_to(45, 20)
        assert stage.position_mm() == (45, 20, 0)
        assert stage.range.step_mm == (1 / 80, 1 / 80, 1 / 400)
        assert stage.range.max_speed_mm_s == 50


def test_one_g28_where_z_cannot_be_homed_first(conversation, opened):
    home = [*HOME[:5], (n(4, "G28"), b"ok\n"), (n(5, "M114"), at(0, 0))]
    with conversation([*OPEN, *home]) as instrument:
        opened(instrument.port, z_first=False).home()


def test_a_board_that_restarts_when_its_port_is_opened(answering, opened, monkeypatch):
    heard = []

    def board(line: bytes) -> bytes:
        """Deaf, then starting, then there."""
        heard.append(line)
        if len(heard) < 4:
            return b""
        if len(heard) == 4:
            return BANNER
        if b"M118" in line:
            return line.split(b" ")[-1].split(b"*")[0] + b"\nok\n"
        return FIRMWARE if b"M115" in line else SETTINGS if b"M503" in line else b"ok\n" if line else b""

    monkeypatch.setattr(marlin, "SHAKE_S", 0.1)
    with answering(b"\n", board) as instrument:
        assert opened(instrument.port).identify() == "Marlin 2.1.2 (May 16 2023 12:00:00)"


def test_another_firmware_is_refused_before_anything_moves(conversation, opened):
    script = [*OPEN[:4], (n(2, "M115"), b"FIRMWARE_NAME:Klipper FIRMWARE_VERSION:v0.12\nok\n")]
    with conversation(script) as instrument, pytest.raises(NotConnectedError, match="'Klipper' answers"):
        opened(instrument.port)


def test_something_else_at_the_port_is_refused(answering, opened, monkeypatch):
    monkeypatch.setattr(marlin, "BOOT_S", 0.3)
    monkeypatch.setattr(marlin, "SHAKE_S", 0.1)
    with (
        answering(b"\n", lambda line: b"error:20\r\n" if line else b"ok\r\n") as instrument,
        pytest.raises(NotConnectedError, match="no Marlin answers"),
    ):
        opened(instrument.port)


def test_reports_of_the_position_nobody_asked_for_are_switched_off(conversation, opened):
    able = FIRMWARE.replace(b"POS:0", b"POS:1")
    script = [*OPEN[:4], (n(2, "M115"), able), (n(3, "M154 S0"), b"ok\n"), (n(4, "M503"), SETTINGS)]
    with conversation(script) as instrument:
        opened(instrument.port)


def test_nothing_is_sent_before_homing_or_beyond_the_travel(conversation, opened):
    with conversation([*OPEN, *HOME]) as instrument:
        stage = opened(instrument.port)
        with pytest.raises(HardwareError, match="home it first"):
            stage.move_to(1, 1)
        with pytest.raises(HardwareError, match="home it first"):
            stage.position_mm()
        stage.home()
        for target in ((-0.1, 0), (150.1, 0), (0, 106), (float("nan"), 0), (0, 0, 21)):
            with pytest.raises(OutOfRangeError, match="travel"):
                stage.move_to(*target)


def test_a_garbled_move_is_sent_again_because_the_firmware_asks_for_it(conversation, homed):
    resend = b"Error:checksum mismatch, Last Line: 8\nResend: 9\nok\n"
    script = [
        *OPEN,
        *HOME,
        *MODES,
        (GO[0], resend),
        (GO[0], b"ok\n"),
        (n(10, "M400"), b"ok\n"),
        (n(11, "M118 sync5"), b"sync5\nok\n"),
        (n(12, "M114"), at(45, 20)),
    ]
    with conversation(script) as instrument:
        homed(instrument.port).move_to(45, 20)


@pytest.mark.parametrize("words", [b"rs 9\n", b"Resend:9\n", b"rs N9\nok\n", b"Error:No Checksum\nResend: 9\nok\n"])
def test_every_way_to_ask_again(conversation, homed, words):
    script = [*OPEN, *HOME, *MODES, (GO[0], words), (GO[0], b"ok\n"), (n(10, "M400"), b"ok\n"),
              (n(11, "M118 sync5"), b"sync5\nok\n"), (n(12, "M114"), at(45, 20))]  # fmt: skip
    with conversation(script) as instrument:
        homed(instrument.port).move_to(45, 20)


def test_a_lost_line_is_asked_for_when_the_next_one_comes(conversation, homed, impatient):
    wrong = b"Error:Line Number is not Last Line Number+1, Last Line: 8\nResend: 9\n"
    script = [*OPEN, *HOME, *MODES, (GO[0], None), (n(10, "M400"), wrong), (GO[0], b"ok\n"),
              (n(10, "M400"), b"ok\n"), (n(11, "M118 sync5"), b"sync5\nok\n"),
              (n(12, "M114"), at(45, 20))]  # fmt: skip
    with conversation(script) as instrument:
        homed(instrument.port).move_to(45, 20)


def test_a_lost_ok_is_no_reason_to_move_twice(conversation, homed, impatient):
    script = [*OPEN, *HOME, *MODES, (GO[0], None), (n(10, "M400"), b"ok\n"), (n(11, "M118 sync5"), b"sync5\nok\n"),
              (n(12, "M114"), at(45, 20))]  # fmt: skip
    with conversation(script) as instrument:
        homed(instrument.port).move_to(45, 20)
        assert instrument.heard.count(b"G1") == 1


def test_an_ok_that_comes_late_ends_no_other_command(conversation, homed, impatient):
    script = [*OPEN, *HOME, *MODES, (GO[0], None), (n(10, "M400"), b"ok\n"),
              (n(11, "M118 sync5"), b"ok\nsync5\nok\n"), (n(12, "M114"), at(45, 20))]  # fmt: skip
    with conversation(script) as instrument:
        homed(instrument.port).move_to(45, 20)


def test_wait_means_that_the_ok_was_lost(conversation, homed):
    script = [*OPEN, *HOME, *MODES, GO, (n(10, "M400"), b"wait\n"), (n(11, "M118 sync5"), b"sync5\nok\n"),
              (n(12, "M114"), at(45, 20))]  # fmt: skip
    with conversation(script) as instrument:
        homed(instrument.port).move_to(45, 20)


def test_advanced_ok_names_its_line(conversation, homed):
    late = b"ok N8 P15 B3\nok N9 P14 B3\n"
    script = [*OPEN, *HOME, *MODES, (GO[0], late), (n(10, "M400"), b"ok N10 P15 B3\n"),
              (n(11, "M118 sync5"), b"sync5\nok N11 P15 B3\n"), (n(12, "M114"), at(45, 20))]  # fmt: skip
    with conversation(script) as instrument:
        homed(instrument.port).move_to(45, 20)


def test_an_ok_too_many_does_not_shorten_a_motion(answering, homed, impatient):
    """M400 takes it for its own; the word that is echoed behind it may then take as long as the motion does."""
    slow, said = threading.Event(), []

    def board(line: bytes) -> bytes | None:
        if b"M400" in line:
            slow.set()
        elif b"M118" in line:
            word = line.split(b" ")[-1].split(b"*")[0] + b"\nok\n"
            if not slow.is_set() or said:
                return word
            said.append(word)
            threading.Timer(0.5, lambda: instrument.say(word)).start()
            return None
        elif b"M114" in line:
            return at(45, 20) if slow.is_set() else at(0, 0)
        elif b"G1" in line:
            return b"ok\nok\n"
        return FIRMWARE if b"M115" in line else SETTINGS if b"M503" in line else b"ok\n" if line else b""

    with answering(b"\n", board) as instrument:
        stage = homed(instrument.port, z_first=False)
        slow.clear()
        stage.move_to(45, 20)
        assert stage.homed


def test_a_position_that_was_lost_is_asked_for_again(conversation, homed, impatient):
    script = [*OPEN, *HOME, *MODES, GO, FINISH, (n(11, "M114"), None), (n(12, "M118 sync5"), b"sync5\nok\n"),
              (n(13, "M114"), at(45, 20))]  # fmt: skip
    with conversation(script) as instrument:
        homed(instrument.port).move_to(45, 20)


def test_settings_that_come_after_the_ok_of_a_resend(conversation, opened):
    resend = b"Error:checksum mismatch, Last Line: 2\nResend: 3\nok\n"
    script = [
        *OPEN[:5],
        (n(3, "M503"), resend),
        (n(3, "M503"), None),
        (n(4, "M118 sync3"), SETTINGS + b"sync3\nok\n"),
    ]
    with conversation(script) as instrument:
        assert opened(instrument.port).range.step_mm == (1 / 80, 1 / 80, 1 / 400)


def test_a_board_that_is_locked_says_so(conversation, opened):
    locked = b"echo:Printer locked! (Unlock with M511 or LCD)\nok\n"
    with conversation([OPEN[0], (OPEN[1][0], locked)]) as instrument, pytest.raises(ReplyError, match="passcode"):
        opened(instrument.port)


def test_lines_that_it_has_had_are_not_sent_again(conversation, homed):
    script = [
        *OPEN,
        *HOME,
        (n(7, "G21"), b"Error:Line Number is not Last Line Number+1, Last Line: 0\nResend: 1\nok\n"),
    ]
    with conversation(script) as instrument:
        stage = homed(instrument.port)
        with pytest.raises(ReplyError, match="restarted") as caught:
            stage.move_to(45, 20)
        assert caught.value.outcome == "not_done"
        assert not stage.homed


def test_a_line_on_which_nothing_gets_through(serving, opened, monkeypatch):
    monkeypatch.setattr(numbered_lines, "MOST_REPEATS", 5)
    monkeypatch.setattr(marlin, "BOOT_S", 0.2)

    def noisy(received: bytes):
        return len(
            received
        ), b"Error:checksum mismatch, Last Line: 0\nResend: 1\nok\n" if b"N1 " in received else b"ok\n"

    with serving(noisy) as instrument, pytest.raises(NotConnectedError):
        opened(instrument.port)


@pytest.mark.parametrize(
    ("said", "words", "outcome"),
    [
        (BANNER, "restarted", "unknown"),
        (b"echo:endstops hit:  X:12.34\nok\n", "end switch", "unknown"),
        (b"Error:Printer halted. kill() called!\n", "halted itself", "unknown"),
        (b"Error:Heating failed, system stopped! Heater_ID: 0\n", "reports an error", "unknown"),
        (b"echo:Home XYZ First\nok\n", "home it", "unknown"),
    ],
)
def test_what_ends_a_move_and_loses_the_position(conversation, homed, said, words, outcome):
    script = [*OPEN, *HOME, *MODES, GO, (n(10, "M400"), said)]
    with conversation(script) as instrument:
        stage = homed(instrument.port)
        with pytest.raises(ReplyError, match=words) as caught:
            stage.move_to(45, 20)
        assert caught.value.outcome == outcome
        assert not stage.homed


def test_what_a_printer_says_besides_is_no_matter(conversation, homed):
    noise = b"//action:prompt_end\nT:21.5 /0.0 B:20.0 /0.0\necho:SD init fail\nwhatever\nok\n"
    with conversation([*OPEN, *HOME, *MODES, (GO[0], noise), (n(10, "M400"), noise), ARRIVED]) as instrument:
        homed(instrument.port).move_to(45, 20)


def test_a_board_that_talks_without_end_is_given_up(serving, opened, monkeypatch):
    monkeypatch.setattr(marlin, "BOOT_S", 0.3)
    monkeypatch.setattr(marlin, "SHAKE_S", 0.1)
    over = threading.Event()

    def chatters(received: bytes):
        def chatter() -> None:
            with suppress(OSError):
                while not over.wait(0.001):
                    instrument.say(b"T:21.5 /0.0\n" * 20)

        if b"M115" not in received:
            word = received.split(b"M118 ")[-1].split(b"*")[0].strip() if b"M118" in received else b""
            return len(received), word + b"\nok\n"
        threading.Thread(target=chatter, daemon=True).start()
        return len(received), None

    with serving(chatters) as instrument:
        monkeypatch.setattr(numbered_lines.NumberedLines.ask, "__defaults__", (0.2,))
        with pytest.raises(DeviceTimeoutError, match=r"says much|no answer to M115"):
            opened(instrument.port)
        over.set()


def test_a_stage_that_is_elsewhere_is_not_there(conversation, homed):
    with conversation([*OPEN, *HOME, *MODES, GO, FINISH, (n(11, "M114"), at(40, 20))]) as instrument:
        with pytest.raises(ReplyError, match="stands still, not at") as caught:
            homed(instrument.port).move_to(45, 20)
        assert caught.value.outcome == "unknown"


def test_what_it_tells_of_itself(conversation, homed):
    soft = b"echo:Soft endstops: ON  Min:  X0.00 Y0.00 Z0.00   Max:  X150.00 Y105.00 Z20.00\nok\n"
    switches = b"Reporting endstop status\nx_min: TRIGGERED\ny_min: open\nok\n"
    script = [*OPEN, *HOME, (n(7, "M211"), soft), (n(8, "M119"), switches), (n(9, "M114"), at(1, 2, 3))]
    with conversation(script) as instrument:
        told = homed(instrument.port).about()
    assert told["position"] == "X 1, Y 2, Z 3 mm"
    assert told["end switches"] == "x_min pressed, y_min free"
    assert told["soft limits"].startswith("on, X0.00")
    assert told["firmware"].startswith("Marlin 2.1.2")


def test_nothing_is_sent_while_everything_is_stopped(conversation, opened):
    latch = threading.Event()
    with conversation([*OPEN, *HOME]) as instrument:
        stage = opened(instrument.port, latch=latch)
        stage.home()
        latch.set()
        with pytest.raises(StoppedError):
            stage.move_to(1, 1)
        with pytest.raises(StoppedError):
            stage.home()
        assert stage.homed


def test_a_move_that_never_ends_is_stopped(answering, opened, impatient, monkeypatch):
    monkeypatch.setattr(marlin.Driver, "_expected_s", lambda *_: -3.2)
    silent = threading.Event()

    def board(line: bytes) -> bytes | None:
        if b"M400" in line:
            silent.set()
        if silent.is_set() and b"M410" not in line and b"M112" not in line:
            return None
        if b"M112" in line:
            return b"Error:Printer halted. kill() called!\n"
        if b"M118" in line:
            return line.split(b" ")[-1].split(b"*")[0] + b"\nok\n"
        if b"M114" in line:
            return at(0, 0)
        return FIRMWARE if b"M115" in line else b"ok\n" if line else b""

    with answering(b"\n", board) as instrument:
        stage = opened(instrument.port)
        stage.home()
        with pytest.raises(DeviceTimeoutError, match="told to stop"):
            stage.move_to(45, 20)
        assert b"M410" in instrument.heard
        assert not stage.homed
