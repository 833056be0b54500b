"""Conversations with Zaber devices, as in the ASCII Protocol Manual."""

import pytest
from pydantic import TypeAdapter, ValidationError

from hardware.drivers.zaber import PROBES, Settings
from hardware.errors import HardwareError, NotConnectedError, OutOfRangeError, ReplyError
from hardware.parts import zaber_chain
from tests.hardware.zaber_talk import a_stage, greeting, looking_at, numbered, opening, preparing, summed

pytestmark = pytest.mark.usefixtures("quick_unplug")


@pytest.fixture
def opened():
    stages = []

    def open_stage(port: str, **fields):
        stage = a_stage(port, **fields)
        stages.append(stage)
        stage.open()
        return stage

    yield open_stage
    for stage in stages:
        stage.close()


def test_home_then_move_both_axes_and_wait_until_they_stand_there(conversation, opened):
    script = [
        *opening("WR"),
        (1, 1, "warnings clear", "OK IDLE WR 01 WR"), (1, 1, "warnings", "OK IDLE WR 01 WR"),
        (2, 1, "warnings clear", "OK IDLE WR 01 WR"), (2, 1, "warnings", "OK IDLE WR 01 WR"),
        (1, 1, "home", "OK BUSY WR 0"), (2, 1, "home", "OK BUSY WR 0"),
        (1, 1, "get pos", "OK BUSY WR 120"), (2, 1, "get pos", "OK IDLE -- 0"),
        (1, 1, "get pos", "OK IDLE -- 0"), (2, 1, "get pos", "OK IDLE -- 0"),
        (1, 1, "warnings", "OK IDLE -- 00"), (2, 1, "warnings", "OK IDLE -- 00"),
        *preparing(),
        (1, 1, "move abs 450000", "OK BUSY -- 0"), (2, 1, "move abs 200000", "OK BUSY -- 0"),
        (1, 1, "get pos", "OK BUSY -- 10"), (2, 1, "get pos", "OK BUSY -- 10"),
        (1, 1, "get pos", "OK BUSY -- 449000"), (2, 1, "get pos", "OK IDLE -- 200000"),
        (1, 1, "get pos", "OK IDLE -- 450000"), (2, 1, "get pos", "OK IDLE -- 200000"),
        (1, 1, "get pos", "OK IDLE -- 450000"), (2, 1, "get pos", "OK IDLE -- 200000"),
    ]  # fmt: skip
    with conversation(numbered(script)) as instrument:
        stage = opened(instrument.port)
        assert not stage.homed
        stage.home()
        assert stage.homed
        stage.move_to(45, 20)
        assert stage.position_mm() == pytest.approx((45, 20, 0))
        assert stage.range.max_speed_mm_s == pytest.approx(100)
        assert stage.range.step_mm == pytest.approx((1e-4, 1e-4, 1e-4))
        assert stage.travel_mm == (200, 200, 0)


def test_a_device_that_was_homed_before_needs_no_homing(conversation, opened):
    with conversation(numbered(opening("--"))) as instrument:
        assert opened(instrument.port).homed


@pytest.mark.parametrize("flag", ["WR", "WH"])
def test_nothing_moves_before_homing_or_beyond_the_travel(conversation, opened, flag):
    asked = [(1, 1, "warnings", f"OK IDLE {flag} 01 {flag}"), (2, 1, "warnings", "OK IDLE -- 00")]
    with conversation(numbered([*opening("--"), *asked])) as instrument:
        stage = opened(instrument.port)
        for target in ((-0.1, 0), (200.1, 0), (0, 201), (float("nan"), 0), (0, 0, 0.1)):
            with pytest.raises(OutOfRangeError, match="travel"):
                stage.move_to(*target)
        with pytest.raises(HardwareError, match="home it first"):
            stage.move_to(1, 1)
        with pytest.raises(HardwareError, match="home it first"):
            stage.position_mm()


def test_a_stall_hides_behind_no_other_flag(conversation, opened):
    """FS outranks WR in a reply; `warnings` tells both, and homing clears them."""
    script = [*opening("--"), (1, 1, "warnings", "OK IDLE FS 02 FS WR"), (2, 1, "warnings", "OK IDLE -- 00")]
    with conversation(numbered(script)) as instrument:
        stage = opened(instrument.port)
        with pytest.raises(HardwareError, match="X stalled and stopped"):
            stage.move_to(1, 1)
        assert not stage.homed


@pytest.mark.parametrize(
    ("reason", "words"),
    [("BADDATA", "out of its range"), ("PARKED", "is parked"), ("DRIVERDISABLED", "switched off"),
     ("LOCKSTEP", "locked to another"), ("WHATEVER", "refused")],
)  # fmt: skip
def test_a_refused_first_move_has_not_been_done(conversation, opened, reason, words):
    script = [*opening("--"), *preparing(), (1, 1, "move abs 10000", f"RJ IDLE -- {reason}")]
    with conversation(numbered(script)) as instrument:
        stage = opened(instrument.port)
        with pytest.raises(ReplyError, match=words) as caught:
            stage.move_to(1, 1)
        assert caught.value.outcome == "not_done"


def test_when_the_second_axis_refuses_the_first_is_stopped(conversation, opened):
    script = numbered([
        *opening("--"), *preparing(),
        (1, 1, "move abs 10000", "OK BUSY -- 0"), (2, 1, "move abs 10000", "RJ IDLE -- BADDATA"),
        (0, 0, "stop", ""),
    ])  # fmt: skip
    with conversation(script) as instrument:
        stage = opened(instrument.port)
        with pytest.raises(ReplyError, match="Y says the value") as caught:
            stage.move_to(1, 1)
        assert caught.value.outcome == "unknown"


def test_a_lost_answer_is_settled_by_the_position(conversation, opened, monkeypatch):
    monkeypatch.setattr(zaber_chain, "ANSWER_S", 1.0)
    script = [
        *opening("--"), *preparing(y=10000), (1, 1, "move abs 10000", ""),
        (1, 1, "get pos", "OK IDLE -- 10000"), (2, 1, "get pos", "OK IDLE -- 10000"),
    ]  # fmt: skip
    with conversation(numbered(script)) as instrument:
        opened(instrument.port).move_to(1, 1)
        assert instrument.heard.count(b"move") == 1


def test_a_lost_command_is_found_not_done(answering, opened, monkeypatch):
    monkeypatch.setattr(zaber_chain, "ANSWER_S", 1.0)
    monkeypatch.setattr("hardware.drivers.zaber.STILL_S", 0.05)
    chain = Chain()
    with answering(b"\n", chain) as instrument:
        stage = opened(instrument.port)
        chain.deaf_to = "move"
        with pytest.raises(ReplyError, match="stands still where it was not sent") as caught:
            stage.move_to(1, 1)
        assert caught.value.outcome == "not_done"
        assert instrument.heard.count(b"move") == 2, "once for each axis"


class Chain:
    """Two devices of one axis each that are always where they were sent."""

    def __init__(self) -> None:
        self.deaf_to = "never"
        self.said: dict[str, bytes] = {}
        self.pos = {"1": "0", "2": "0"}
        self.flag = "--"

    def __call__(self, line: bytes):
        device, axis, ident, *words = line.decode().split(":")[0][1:].split(" ", 3)
        command = " ".join(words)
        if command.startswith(self.deaf_to):
            return None
        if command.startswith("move abs "):
            self.pos[device] = command.removeprefix("move abs ")
        known = {"get pos": self.pos.get(device), "get limit.max": "2000000", "get resolution": "64",
                 "get maxspeed": "1638400", "get comm.checksum": "1", "warnings": "00"}  # fmt: skip
        return self.answer(int(device), axis, ident, f"OK IDLE {self.flag} {known.get(command, '0')}")

    def answer(self, device: int, axis: str, ident: str, text: str):
        return summed(f"@{device:02} {axis} {ident} {text}") + b"\r\n"


def test_late_replies_alerts_and_other_devices_are_not_taken_for_the_answer(conversation, opened):
    script = numbered(opening("--"))
    asked = numbered([(1, 1, "get pos", "OK IDLE -- 500"), (2, 1, "get pos", "OK IDLE -- 700")], first=len(script))
    strange = [
        summed("@01 1 17 OK IDLE -- 999999"),  # an earlier question
        summed("@02 1 18 OK IDLE -- 999999"),  # another device
        summed("@01 0 18 OK IDLE -- 999999"),  # the whole device
        summed("!01 1 IDLE --"), summed("#01 0 18 999999"), b"#01 0 Visit www.zaber.com",
        summed("@01 1 18 OK IDLE -- 999999")[:-2] + b"00",  # damaged
        b"@01 1 18 OK IDLE -- 999999",  # the end of the line was lost
        b"", b"\xff\xfe",
    ]  # fmt: skip
    sent, reply = asked[0]
    with conversation([*script, (sent, b"\r\n".join([*strange, reply])), asked[1]]) as instrument:
        assert opened(instrument.port).position_mm() == pytest.approx((0.05, 0.07, 0))


def test_a_reply_in_packets_is_put_together(conversation, opened):
    script = numbered(opening("--"))
    sent = summed("/1 1 18 warnings") + b"\n"
    packets = [summed("@01 1 18 OK IDLE FS 02 FS \\"), summed("#01 1 18 cont WR")]
    more = numbered([(2, 1, "warnings", "OK IDLE -- 00")], first=19)
    with conversation([*script, (sent, [p + b"\r\n" for p in packets]), *more]) as instrument:
        stage = opened(instrument.port)
        with pytest.raises(HardwareError, match="stalled"):
            stage.move_to(1, 1)
        assert not stage._axes[0].referenced


def test_a_device_that_sends_no_checksums_is_believed_without(conversation, opened):
    old = [(d, 0, w, "OK IDLE -- 1" if w == "get deviceid" else "RJ IDLE -- BADCOMMAND")
           for d in (1, 2) for w in ("get deviceid", "set comm.checksum 1")]  # fmt: skip
    script = numbered([*old, *opening("--")[6:]], checked=False)
    with conversation(script) as instrument:
        assert opened(instrument.port).homed


def test_limits_smaller_than_the_rigs_travel_are_told_at_once(conversation, opened):
    script = numbered([*greeting(1), *greeting(2), *looking_at(1, 1)])
    with (
        conversation(script) as instrument,
        pytest.raises(OutOfRangeError, match="0 to 200 mm at 0") as caught,
    ):
        opened(instrument.port, travel_mm=(200.5, 100.0, 1.0))
    assert "correct travel_mm or step_um" in str(caught.value)


def test_another_resolution_is_read_from_the_device(conversation, opened):
    wide = [(d, a, w, r.replace("2000000", "4000000")) for d, a, w, r in looking_at(1, 1, "--", resolution="128")]
    script = [*greeting(1), *greeting(2), *wide, *opening("--")[11:]]
    with conversation(numbered(script)) as instrument:
        assert opened(instrument.port).range.step_mm[:2] == pytest.approx((0.5e-4, 1e-4))


def test_a_linear_motor_has_no_microsteps(conversation, opened):
    motor = looking_at(1, 1, "--")
    motor[0] = (1, 1, "get resolution", "RJ IDLE -- BADCOMMAND")
    with conversation(numbered([*greeting(1), *greeting(2), *motor, *opening("--")[11:]])) as instrument:
        assert opened(instrument.port).range.step_mm[0] == pytest.approx(1e-4)


def test_the_speed_is_stored_only_when_it_differs(conversation, opened):
    first, second = looking_at(1, 1, "--"), looking_at(2, 1, "--")
    second[1] = (2, 1, "get maxspeed", "OK IDLE -- 819200")
    second.insert(2, (2, 1, "set maxspeed 1638400", "OK IDLE -- 0"))
    script = [*greeting(1), *greeting(2), *first, *second, *opening("--")[16:]]
    with conversation(numbered(script)) as instrument:
        assert opened(instrument.port, speed_mm_s=100.0).range.max_speed_mm_s == pytest.approx(100)


def test_something_else_at_the_port_is_refused(answering, opened, monkeypatch):
    monkeypatch.setattr(zaber_chain, "ANSWER_S", 0.1)
    with (
        answering(b"\n", lambda line: b"error:2\r\n") as instrument,
        pytest.raises(NotConnectedError, match="no Zaber device 1"),
    ):
        opened(instrument.port)


def test_a_setting_names_two_different_axes():
    adapter = TypeAdapter(Settings)
    for wrong in ({"x": "1.1", "y": "1.1"}, {"x": "0.1"}, {"z": "3"}, {"x": ""}, {"step_um": 0}):
        with pytest.raises(ValidationError):
            adapter.validate_python({"step_um": 0.1, **wrong})


def test_discovery_knows_a_zaber_by_its_answer():
    for probe in PROBES:
        assert probe.asks == b"/get deviceid\n"
        assert probe.knows(b"@01 0 OK IDLE WR 50081\r\n") == "Zaber device 50081, address 1"
        assert (
            probe.knows(b"@02 0 OK IDLE -- 30222:8F\r\n@03 0 OK IDLE -- 1:00\r\n")
            == "Zaber device 30222, address 2"
        )
        for other in (b"error:2\r\n", b"@01 0 RJ IDLE -- BADCOMMAND\r\n", b"@01 0 OK IDLE WR 50081", b""):
            assert probe.knows(other) is None
    assert {probe.baud for probe in PROBES} == {9600, 115200}
