"""No bytes, however wrong, make a Marlin stage hang or be believed to be where it is not."""

import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hardware.dialects import marlin as says
from hardware.drivers import marlin
from hardware.errors import HardwareError
from hardware.parts import numbered_lines
from tests.hardware.marlin_talk import FIRMWARE, SETTINGS, a_stage, at

NOISE = st.one_of(
    st.binary(max_size=60),
    st.text("XYZECount:ok NResendr sbusy.-0123456789\n", max_size=80).map(lambda text: text.encode()),
    st.sampled_from([b"ok\n", b"wait\n", b"ok N1 P1 B1\n", b"Resend: 3\n", b"rs 99\n", b"\n", b"T:20 /0\n",
                     b"echo:busy: processing\n", b"X:1.00 Y:2.00 Z:"]),
)  # fmt: skip


@given(st.text("XYZECount:ok NResend.- 0123456789", max_size=60))
def test_no_line_is_half_understood(text):
    position = says.position_of(text)
    if position is not None:
        assert text.lstrip("ok NPB0123456789").startswith("X:")
        assert all(abs(value) < 1_000_000 for value in position)
    assert not (says.ok_of(text)[0] and says.resend_of(text) is not None)


@given(st.integers(0, 10**6), st.text("GMXYZF.-0123456789 ", min_size=1, max_size=60))
def test_one_wrong_bit_is_noticed(number, line):
    raw = says.numbered(number, line)
    body, _, checksum = raw.rstrip(b"\n").rpartition(b"*")
    for at_byte in range(len(body)):
        wrong = bytearray(body)
        wrong[at_byte] ^= 1
        total = 0
        for byte in wrong:
            total ^= byte
        assert total != int(checksum)


@pytest.mark.parametrize("whole", [b"X:12.34 Y:56.78 Z:9.00 E:0.00 Count X:987 Y:4542 Z:3600",
                                   b"X:12.34Y:56.78Z:9.00E:0.00 Count X: 12.34Y:56.78Z:9.00"])  # fmt: skip
def test_a_position_that_was_cut_off_is_none(whole):
    assert says.position_of(whole.decode()) == (12.34, 56.78, 9.0)
    found = [says.position_of(whole[:k].decode()) for k in range(len(whole))]
    assert {p for p in found if p is not None} <= {(12.34, 56.78, 9.0)}


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("Error:Printer halted. kill() called!", says.is_killed),
        ("echo:EMERGENCY SHUTDOWN DETECTED. KILLED.", says.is_killed),
        ("Error:checksum mismatch, Last Line: 8", says.is_line_error),
        ("Error: Missing checksum", says.is_line_error),
        ("Error: expected line 9 got 10", says.is_line_error),
        ("echo:Printer locked! (Unlock with M511 or LCD)", says.is_locked),
        ("ok N9 P15 B3 X:12.34 Y:56.78 Z:9.00 E:0.00 Count X:987", says.position_of),
    ],
)
def test_other_words_for_the_same(line, meant):
    assert meant(line)
    assert [m for m in (says.is_killed, says.is_line_error, says.is_locked, says.position_of) if m(line)] == [meant]


def test_settings_are_read_in_all_their_spellings():
    for text in (
        "echo:  M92 X80.00 Y80.00 Z400.00 E93.00",
        "  M92 X80.00 Y80.00 Z400.00 E93.00 ; steps",
        "M92 X80 Y80 Z400",
    ):
        assert says.axes_of("M92", text)["Z"] == 400
    assert says.axes_of("M203", "echo:  M92 X80.00") == {}
    assert (
        says.soft_limits_of(["  M211 S1 ; ON", "  Min: X0.00 Y0.00   Max: X150.00 Y105.00"])
        == "on, X0.00 Y0.00 to X150.00 Y105.00"
    )
    assert says.soft_limits_of(["echo:Soft endstops: Off  Min:  X0.00 Max:  X9.00"]) == "off, X0.00 to X9.00"
    assert says.soft_limits_of(["ok"]) is None
    assert says.soft_least_of(["  M211 S1 ; ON", "  Min: X-1.00 Y0.00   Max: X150.00 Y105.00"]) == {"X": -1, "Y": 0}
    assert says.soft_least_of(["echo:Soft endstops: Off  Min:  X-5.50 Max:  X9.00"]) == {"X": -5.5}
    assert says.soft_least_of(["ok"]) == {}


def test_where_a_switch_was_hit_is_read():
    assert says.hit_at("echo:endstops hit:  X:-0.98 Y:12.30") == {"X": -0.98, "Y": 12.3}
    assert says.hit_at("X:1.00 Y:2.00 Z:3.00 E:0.00 Count X:80") == {}


class Noisy:
    """Says what it likes before, in or after each answer. Its moves end at once; M114 tells the truth."""

    def __init__(self, noises: list[tuple[bytes, bool]]) -> None:
        self.noises, self.here, self.moved = list(noises), (0.0, 0.0), 0
        self.quiet = True

    def __call__(self, line: bytes) -> list[bytes]:
        words = line.split(b"*")[0].split(b" ")[1:] if line.startswith(b"N") else line.split(b" ")
        answer = b"ok\n" if line else b""
        if words[0] == b"G1":
            self.here = tuple(float(word[1:]) for word in words[1:3])
            self.moved += 1
        elif words[0] == b"M114":
            answer = at(*self.here)
        elif words[0] == b"M118":
            answer = words[1] + b"\nok\n"
        elif words[0] == b"M115":
            answer = FIRMWARE
        elif words[0] == b"M503":
            answer = SETTINGS
        if self.quiet or not self.noises:
            return [answer]
        noise, before = self.noises.pop(0)
        return [noise, answer] if before else [answer[: len(answer) // 2], answer[len(answer) // 2 :] + noise]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(NOISE, st.booleans()), max_size=8))
def test_noise_ends_in_arriving_or_in_an_error_and_never_in_a_second_move(answering, quick_unplug, noises):
    with pytest.MonkeyPatch.context() as patch:
        board = Noisy(noises)
        with answering(b"\n", board) as instrument:
            stage = a_stage(instrument.port)
            stage.open()
            stage.home()
            board.quiet, board.moved = False, 0
            for word in ("ask", "settle", "begin"):
                patch.setattr(getattr(numbered_lines.NumberedLines, word), "__defaults__", (0.1,))
            patch.setattr(marlin.Driver, "_expected_s", lambda *_: -3.25)
            patch.setattr(marlin, "STOP_S", 0.15)
            ended = threading.Event()

            def move() -> None:
                try:
                    stage.move_to(45, 20)
                    assert board.here == (45, 20)
                except HardwareError as error:
                    assert error.outcome == "unknown" or board.moved == 0  # noqa: PT017
                ended.set()

            mover = threading.Thread(target=move)
            mover.start()
            assert ended.wait(30)
            mover.join()
            assert board.moved <= 1
            stage.close()
