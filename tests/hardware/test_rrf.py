"""Conversations with RepRapFirmware 3 over HTTP, as its wiki and DuetWebServer have them."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.dialects import rrf as says
from hardware.drivers import rrf
from hardware.errors import (
    DeviceTimeoutError,
    HardwareError,
    NotConnectedError,
    OutOfRangeError,
    ReplyError,
    StoppedError,
)
from hardware.parts import duet
from tests.hardware.rrf_talk import (
    ARRIVED,
    BOARDS,
    BUSY,
    CONNECT,
    GO,
    HALTED,
    IDLE,
    MOVE,
    OPEN,
    READY,
    a_stage,
    axes,
    board,
    http,
    model,
    request_of,
    url,
)


def opened(instrument, **fields):
    stage = a_stage(url(instrument), **fields)
    stage.open()
    return stage


def test_open_then_move_and_wait_until_it_stands_there():
    here = model("move.axes", axes(45, 20))
    with board([*OPEN, *READY, GO, *ARRIVED, here, ("GET /rr_disconnect", {"err": 0})]) as instrument:
        stage = opened(instrument)
        assert stage.homed  # the board remembers what was homed
        stage.move_to(45, 20)
        assert stage.position_mm() == (45, 20, 0)
        assert stage.range.step_mm == (1 / 80, 1 / 80, 1 / 80)
        assert stage.range.max_speed_mm_s == 50
        stage.close()
    assert b"X-Session-Key: 123" in instrument.heard
    assert [piece.direction for piece in stage.traffic[:2]] == [">", "<"]


def test_homing_has_ended_when_a_reply_came_and_all_axes_are_homed():
    lost = model("move.axes", axes(3, 4, 5, homed=False))
    script = [
        *OPEN[:3],
        lost,
        IDLE,
        model("seqs", {"reply": 7}),
        ("GET /rr_gcode?gcode=G28", {"buff": 250}),
        IDLE,  # it has not begun
        model("seqs", {"reply": 7}),
        lost,
        model("seqs", {"reply": 7}),
        BUSY,
        IDLE,
        model("move.axes", axes()),
        model("move.axes", axes()),
    ]
    with board(script) as instrument:
        stage = opened(instrument, speed=100)
        assert not stage.homed
        stage.home()
        assert stage.homed


def test_a_position_that_is_old_is_asked_for_again():
    script = [*OPEN, *READY, GO, IDLE, model("move.axes", axes(44.9, 20)), model("seqs", {"reply": 8}),
              ("GET /rr_reply", "\n"), IDLE, model("move.axes", axes(45, 20))]  # fmt: skip
    with board(script) as instrument:
        opened(instrument).move_to(45, 20)


def test_the_offset_of_a_tool_is_counted_in():
    rest = model("move.axes", axes(15, 0, 0, user=(10, 0, 0)))
    script = [*OPEN, IDLE, rest, model("seqs", {"reply": 7}), GO, IDLE, model("move.axes", axes(50, 20)),
              model("move.axes", axes(50, 20))]  # fmt: skip
    with board(script) as instrument:
        stage = opened(instrument)
        stage.move_to(45, 20)
        assert stage.position_mm() == (45, 20, 0)


def test_nothing_is_sent_before_homing_beyond_the_travel_or_beyond_its_own_limits():
    lost, small = model("move.axes", axes(homed=False)), model("move.axes", axes(max=40))
    with board([*OPEN, IDLE, lost, IDLE, small, BUSY, HALTED]) as instrument:
        stage = opened(instrument)
        for target in ((-0.1, 0), (150.1, 0), (0, 106), (float("nan"), 0), (0, 0, 21)):
            with pytest.raises(OutOfRangeError, match="travel"):
                stage.move_to(*target)
        with pytest.raises(HardwareError, match="home it first"):
            stage.move_to(45, 20)
        with pytest.raises(OutOfRangeError, match="its own limits, 0 to 40 mm"):
            stage.move_to(45, 20)
        with pytest.raises(HardwareError, match="not idle but busy"):
            stage.move_to(45, 20)
        with pytest.raises(HardwareError, match="emergency stop"):
            stage.move_to(45, 20)


def test_an_error_is_told_in_its_words():
    error = "Error: G1: target position not reachable from current position\n"
    still = model("move.axes", axes())
    script = [*OPEN, *READY, GO, IDLE, still, model("seqs", {"reply": 8}), ("GET /rr_reply", error)]
    with board(script) as instrument:
        with pytest.raises(ReplyError, match="not reachable") as caught:
            opened(instrument).move_to(45, 20)
        assert caught.value.outcome == "unknown"


def test_a_stage_that_stands_elsewhere_is_not_there(monkeypatch):
    monkeypatch.setattr(rrf, "STILL_S", 0.0)
    still = [IDLE, model("move.axes", axes()), model("seqs", {"reply": 7})]
    with board([*OPEN, *READY, GO, *still, *still]) as instrument, pytest.raises(ReplyError, match="stands still"):
        opened(instrument).move_to(45, 20)


def test_an_emergency_stop_by_another_ends_the_move_and_is_not_undone_by_us():
    with board([*OPEN, *READY, GO, HALTED, HALTED]) as instrument:
        stage = opened(instrument)
        with pytest.raises(ReplyError, match="halted by an emergency stop") as caught:
            stage.move_to(45, 20)
        assert caught.value.outcome == "unknown"
        assert not stage.homed
        with pytest.raises(HardwareError, match="look for the cause"):
            stage.home()


def test_a_restart_on_the_way_loses_the_position():
    lost = model("move.axes", axes(homed=False))
    script = [*OPEN, *READY, GO, IDLE, lost, model("seqs", {"reply": 0}), ("GET /rr_reply", "")]
    script += [IDLE, lost, model("seqs", {"reply": 0}), ("GET /rr_reply", "")]
    with board(script) as instrument, pytest.MonkeyPatch.context() as patch:
        patch.setattr(rrf, "STILL_S", 0.0)
        stage = opened(instrument)
        with pytest.raises(ReplyError, match="home it"):
            stage.move_to(45, 20)
        assert not stage.homed


@pytest.mark.parametrize("answer", [503, None, b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{"])
def test_a_lost_answer_is_no_reason_to_move_twice(monkeypatch, answer):
    monkeypatch.setattr(duet, "ANSWER_S", 1.0)
    monkeypatch.setattr(rrf, "ANSWER_S", 1.0)
    with board([*OPEN, *READY, (GO[0], answer), *ARRIVED]) as instrument:
        opened(instrument).move_to(45, 20)
        assert instrument.heard.count(b"rr_gcode") == 1


def test_a_session_that_has_ended_is_begun_anew():
    refused = (GO[0], 401)
    script = [*OPEN, (IDLE[0], 401), CONNECT, *READY, refused, CONNECT, GO, *ARRIVED]
    with board(script) as instrument:
        opened(instrument).move_to(45, 20)


def test_a_board_short_of_memory_is_asked_again():
    with board([*OPEN, (IDLE[0], 503), (IDLE[0], 503), *READY, GO, *ARRIVED]) as instrument:
        opened(instrument).move_to(45, 20)


def test_an_answer_about_something_else_is_none():
    other = (IDLE[0], {"key": "seqs", "flags": "", "result": {"status": "idle"}})
    with board([*OPEN, other]) as instrument, pytest.raises(ReplyError, match="does not tell its state"):
        opened(instrument).move_to(45, 20)


@pytest.mark.parametrize(
    ("answer", "words"),
    [({"err": 1}, "password"), ({"err": 2}, "no session left"), ({"err": "x"}, "strange")],
)
def test_a_board_that_does_not_let_us_in(answer, words):
    with board([(CONNECT[0], answer)]) as instrument, pytest.raises(NotConnectedError, match=words):
        opened(instrument)


def test_something_else_at_the_address_is_refused():
    page = "<html>Router</html>"
    script = [(CONNECT[0], page), ("GET /machine/connect?password=reprap", page), ("GET /machine/model", page)]
    with board(script) as instrument, pytest.raises(NotConnectedError, match="no RepRapFirmware"):
        opened(instrument)


def test_another_firmware_is_refused():
    with board([CONNECT, model("boards", [{"firmwareName": "Klipper"}])]) as instrument:
        stage = a_stage(url(instrument))
        with pytest.raises(NotConnectedError, match="no RepRapFirmware"):
            stage.open()


def test_an_address_that_is_none():
    for port in ("ftp://duet", "", "http://", "http://[::1", "http://duet:port"):
        with pytest.raises(OutOfRangeError, match="write it as http"):
            a_stage(port)


def test_nobody_at_the_address():
    stage = a_stage("http://127.0.0.1:9")
    with pytest.raises(NotConnectedError, match="cannot reach") as caught:
        stage.open()
    assert caught.value.outcome == "not_done"
    with pytest.raises(NotConnectedError, match="not connected"):
        stage.stop()


def test_nothing_is_sent_while_everything_is_stopped():
    latch = threading.Event()
    with board(OPEN) as instrument:
        stage = opened(instrument, latch=latch)
        latch.set()
        for act in (lambda: stage.move_to(1, 1), stage.home):
            with pytest.raises(StoppedError):
                act()


def test_a_stop_while_it_stands_halts_nothing():
    with board([*OPEN, IDLE]) as instrument:
        stage = opened(instrument)
        stage.stop()
        assert stage.homed


def test_a_stop_while_another_program_moves_it_halts_it():
    with board([*OPEN, BUSY, ("GET /rr_gcode?gcode=M112", {"buff": 255}), HALTED]) as instrument:
        stage = opened(instrument)
        stage.stop()
        assert not stage.homed
        assert "!" in [piece.direction for piece in stage.traffic]


def test_a_stop_that_nobody_confirms_is_said_to_be_unconfirmed(serving):
    def answer(received: bytes):
        if (request := request_of(received)) is None:
            return None
        known = dict([CONNECT, model("boards", BOARDS), model("move.axes", axes()), BUSY])
        return request[0], http(known.get(request[1], {"buff": 1}))

    with serving(answer) as instrument:
        stage = opened(instrument)
        with pytest.raises(DeviceTimeoutError, match="not confirmed"):
            stage.stop()
        assert not stage.homed


def test_what_it_tells_of_itself():
    with board([*OPEN, model("boards", BOARDS), IDLE, model("move.axes", axes(1, 2, 3))]) as instrument:
        told = opened(instrument).about()
    assert told["firmware"] == "RepRapFirmware for Duet 3 MB6HC 3.5.1 Duet 3 MB6HC"
    assert told["machine position"] == "X 1, Y 2, Z 3 mm"
    assert told["limits"] == "X 0 to 150 mm, Y 0 to 105 mm, Z 0 to 20 mm"


WHOLE = {"boards": BOARDS, "state": {"status": "idle"}, "move": {"axes": axes()}}
THERE = {**WHOLE, "move": {"axes": axes(45, 20)}}
SBC = "GET /machine/model"


def test_a_board_with_a_single_board_computer_answers_when_it_is_done():
    script = [
        (CONNECT[0], 404),
        ("GET /machine/connect?password=reprap", {"sessionKey": "abc"}),
        *[(SBC, WHOLE)] * 6,
        (f"POST /machine/code {MOVE}", ""),
        *[(SBC, THERE)] * 2,
    ]
    with board(script) as instrument:
        opened(instrument).move_to(45, 20)
    assert b"X-Session-Key: abc" in instrument.heard


def test_its_software_of_before_3_4():
    script = [
        ("GET /machine/connect?password=reprap", 404),
        (SBC, 404),
        *[("GET /machine/status", WHOLE)] * 6,
        (f"POST /machine/code {MOVE}", "Error: G0/G1: insufficient axes homed\n"),
        *[("GET /machine/status", WHOLE)] * 2,
    ]
    with board(script) as instrument, pytest.raises(ReplyError, match="insufficient axes"):
        opened(instrument, api="sbc").move_to(45, 20)


def test_a_standalone_api_that_is_emulated_is_left_for_the_real_one():
    script = [(CONNECT[0], {"err": 0, "isEmulated": True}), ("GET /machine/connect?password=reprap", {}),
              *[(SBC, WHOLE)] * 4]  # fmt: skip
    with board(script) as instrument:
        assert opened(instrument).about


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8) | st.integers(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["letter", "homed", "min", "max", "machinePosition", "status", "reply"]), inner, max_size=5
    ),
    max_leaves=20,
)  # fmt: skip


@given(JSON)
def test_no_object_model_is_half_understood(told):
    for axis in says.axes_of(told) or ():
        assert isinstance(axis.homed, bool)
        assert axis.machine_mm is None or isinstance(axis.machine_mm, float)
    assert says.status_of(told) is None or isinstance(told["status"], str)
    assert says.firmware_of(told) is None
    assert says.reply_number_of(told) is None or isinstance(told["reply"], int)
    assert says.part_of(told, "a.b") is None


@given(st.binary(max_size=80))
def test_no_bytes_are_half_understood(data):
    says.json_of(data)
    assert says.result_of(data, "state") is None
