"""A plunger on an axis of a GRBL board: conversations, and pumps on a virtual one."""

import math
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from hardware.devices import NeedsReadying
from hardware.drivers.grbl_axis import Driver, Settings
from hardware.errors import (
    DeviceTimeoutError,
    HardwareError,
    NotConnectedError,
    OutOfRangeError,
    ReplyError,
    StoppedError,
)
from hardware.rig import open_rig
from hardware.rig_file import RigFileError, parse_rig
from hardware.spec import PumpSpec
from hardware.virtual.bench import VirtualBench
from hardware.wire import Wire
from resources import path
from tests.hardware.grbl_bench import a_pump, virtual_pumps
from tests.hardware.grbl_talk import BANNER, LOCK, greeting, in_background, report, talking

MADE = {22: "0", 101: "800.000", 111: "600.000", 131: "100.000"}
AT_0 = (b"?", report("Idle", 0, 0, 0))
AREA_UL = math.pi / 4 * 10.3**2


@pytest.fixture
def conversation(serving):
    return talking(serving)


def hello(values=None):
    script = greeting(MADE | (values or {}))
    script[0] = (b"\x18", BANNER)
    script[1] = (b"?", report("Idle", 0, 0, 0, wco="0.000,0.000,0.000"))
    return script


@pytest.fixture
def opened():
    pumps = []

    def open_pump(port: str, *, capacity_ul: float = 5000.0, **fields) -> Driver:
        spec = PumpSpec("grbl_axis", port, 10.3, capacity_ul, {})
        fields = {"address": "Y", "mm_per_ul": 0.01} | fields
        pump = Driver("red", spec, Settings(**fields), speed=50.0, latch=threading.Event())
        pumps.append(pump)
        pump.open()
        return pump

    yield open_pump
    for pump in pumps:
        pump.close()


def test_a_dose_is_one_absolute_move_of_its_axis_at_the_rate(conversation, opened):
    script = [
        *hello(),
        AT_0,
        (b"G21G90G1Y2F60\n", b"ok\r\n"),
        (b"?", report("Run", 0, 1, 0)),
        (b"?", report("Idle", 0, 2, 0)),
        (b"G21G90G1Y3F30\n", b"ok\r\n"),
        (b"?", report("Idle", 0, 3, 0)),
        (b"G21G90G1Y2.5F60\n", b"ok\r\n"),
        (b"?", report("Idle", 0, 2.5, 0)),
    ]
    with conversation(script) as instrument:
        pump = opened(instrument.port)
        assert pump.dispense(200, 100) == pytest.approx(200)
        assert pump.dispense(100, 50) == pytest.approx(100)
        assert pump.left_ul == pytest.approx(4700)
        assert pump.aspirate(50, 100) == pytest.approx(50)
        assert pump.left_ul == pytest.approx(4750)


def test_range_is_the_boards_own(conversation, opened):
    with conversation(hello()) as instrument:
        pump = opened(instrument.port)
        limits = pump.range
        assert limits.step_ul == pytest.approx(0.125)
        assert limits.min_volume_ul == pytest.approx(0.25)
        assert limits.max_rate_ul_s == pytest.approx(1000)
        assert limits.min_rate_ul_s == pytest.approx(100 / 60)
        assert pump.abilities.counts
        for wrong in (
            (0.1, 100),
            (5001, 100),
            (math.nan, 100),
            (100, 1),
            (100, 1001),
            (100, math.nan),
        ):
            with pytest.raises(OutOfRangeError):
                pump.dispense(*wrong)
        with pytest.raises(OutOfRangeError, match="room in"):
            pump.aspirate(100, 100)


def test_a_volume_between_two_steps_is_counted_as_it_was_delivered(conversation, opened):
    script = [*hello(), AT_0, (b"G21G90G1Y0.01F60\n", b"ok\r\n"), (b"?", report("Idle", 0, 0.01, 0))]
    with conversation(script) as instrument:
        assert opened(instrument.port).dispense(1.03, 100) == pytest.approx(1.0)


def test_the_other_way_and_an_axis_that_is_not_there(conversation, opened):
    script = [*hello(), AT_0, (b"G21G90G1Y-1F60\n", b"ok\r\n"), (b"?", report("Idle", 0, -1, 0))]
    with conversation(script) as instrument:
        assert opened(instrument.port, infuses="-").dispense(100, 100) == pytest.approx(100)
    with conversation(hello()) as instrument, pytest.raises(HardwareError, match="axes X, Y, Z, none A"):
        opened(instrument.port, address="A")


def test_a_stroke_longer_than_the_axis_is_told_with_both_numbers(conversation, opened):
    with (
        conversation(hello({131: "40.000", 22: "1"})) as instrument,
        pytest.raises(HardwareError, match=r"a full stroke is 50 mm, its \$131 says 40 mm"),
    ):
        opened(instrument.port, switch="empty")


def test_a_lost_ok_is_decided_by_the_position_and_nothing_is_sent_twice(conversation, opened, monkeypatch):
    monkeypatch.setattr("hardware.parts.grbl_board.ANSWER_S", 1.0)
    script = [*hello(), AT_0, (b"G21G90G1Y2F60\n", None), (b"?", report("Idle", 0, 2, 0))]
    with conversation(script) as instrument:
        pump = opened(instrument.port)
        assert pump.dispense(200, 100) == pytest.approx(200)
        assert instrument.heard.count(b"G1") == 1
        assert pump.left_ul == pytest.approx(4800)


def test_a_line_that_was_lost_is_known_not_to_be_done(conversation, opened, monkeypatch):
    monkeypatch.setattr("hardware.parts.grbl_board.ANSWER_S", 1.0)
    monkeypatch.setattr("hardware.parts.grbl_board.STANDS_S", 0.05)
    script = [*hello(), AT_0, (b"G21G90G1Y2F60\n", None), AT_0, (b"\x18", BANNER)]
    with conversation(script) as instrument:
        pump = opened(instrument.port)
        with pytest.raises(DeviceTimeoutError, match="did not start") as caught:
            pump.dispense(200, 100)
        assert caught.value.outcome == "not_done"
        assert pump.left_ul == 5000


def test_a_restart_in_mid_dose_leaves_the_count_unknown_and_the_book_safe(conversation, opened):
    script = [*hello(), AT_0, (b"G21G90G1Y2F60\n", b"ok\r\n"), (b"?", BANNER)]
    with conversation(script) as instrument:
        pump = opened(instrument.port)
        with pytest.raises(ReplyError, match="restarted") as caught:
            pump.dispense(200, 100)
        assert caught.value.outcome == "unknown"
        assert pump.left_ul == pytest.approx(4800)


def test_a_limit_switch_in_mid_dose_is_counted_after_its_reset(conversation, opened):
    script = [
        *hello(),
        AT_0,
        (b"G21G90G1Y2F60\n", b"ok\r\nALARM:1\r\n[MSG:Reset to continue]\r\n"),
        (b"?", None),
        (b"\x18", BANNER + LOCK),
        (b"?", report("Alarm", 0, 0.75, 0, wco="0.000,0.000,0.000")),
    ]
    with conversation(script) as instrument:
        pump = opened(instrument.port)
        with pytest.raises(ReplyError, match="limit switch"):
            pump.dispense(200, 100)
        assert pump.left_ul == pytest.approx(5000 - 75)
        assert isinstance(pump, NeedsReadying)
        assert "locked" in pump.unready


def test_a_plunger_that_runs_past_its_target_is_stopped(conversation, opened):
    script = [
        *hello(), AT_0, (b"G21G90G1Y2F60\n", b"ok\r\n"), (b"?", report("Run", 0, 2.2, 0)), (b"!", None),
        (b"?", report("Hold:0", 0, 2.3, 0)), (b"\x18", BANNER),
        (b"?", report("Idle", 0, 2.3, 0, wco="0.000,0.000,0.000")),
    ]  # fmt: skip
    with conversation(script) as instrument:
        pump = opened(instrument.port)
        with pytest.raises(ReplyError, match="not sent"):
            pump.dispense(200, 100)
        assert pump.left_ul == pytest.approx(5000 - 230)


def test_a_plunger_that_others_moved_must_be_looked_at(conversation, opened):
    script = [*hello(), AT_0, (b"G21G90G1Y2F60\n", b"ok\r\n"), (b"?", report("Idle", 0, 2, 0)),
              (b"?", report("Idle", 0, 9, 0)), (b"G21G90G1Y10F60\n", b"ok\r\n"),
              (b"?", report("Idle", 0, 10, 0))]  # fmt: skip
    with conversation(script) as instrument:
        pump = opened(instrument.port)
        pump.dispense(200, 100)
        time.sleep(0.01)
        with pytest.raises(HardwareError, match="jumped"):
            pump.dispense(100, 100)
        with pytest.raises(HardwareError, match="moved by others"):
            pump.dispense(100, 100)
        pump.loaded(1000)
        pump.dispense(100, 100)
        assert pump.left_ul == pytest.approx(900)


# on a virtual board


def waits_for(true, patience_s: float = 10.0) -> bool:
    give_up = time.monotonic() + patience_s
    while not true():
        if time.monotonic() > give_up:
            return False
        time.sleep(0.002)
    return True


def infused(world, role: str = "red") -> float:
    return world.counted_ul(role)[0]


def test_doses_are_what_the_world_counts():
    with virtual_pumps(red={"address": "X"}) as (board, world):
        pump = a_pump(board.address, world)
        pump.open()
        total = sum(pump.dispense(volume_ul, 300.0) for volume_ul in (500.0, 1.5, 333.3))
        assert infused(world) == pytest.approx(total, rel=1e-6)
        assert pump.left_ul == pytest.approx(5000 - total)
        drawn = pump.aspirate(400.0, 300.0)
        assert world.counted_ul("red")[1] == pytest.approx(drawn)
        assert pump.about()["axis"].startswith("X, 83.32")
        pump.close()


def test_a_stop_gives_the_exact_rest():
    with virtual_pumps(speed=5.0, red={"address": "Z", "infuses": "-"}) as (board, world):
        pump = a_pump(board.address, world, speed=5.0)
        pump.open()
        thread, failures = in_background(lambda: pump.dispense(3000.0, 300.0))
        assert waits_for(lambda: infused(world) > 300)
        pump.stop()
        thread.join(20)
        assert isinstance(failures[0], StoppedError)
        assert f"of {3000:.4g} µL" in str(failures[0])
        assert not world.pump_moves("red")
        assert pump.left_ul == pytest.approx(5000 - infused(world), abs=2.0)
        pump.dispense(100.0, 600.0)
        pump.close()


def test_two_plungers_of_one_board_share_its_port_and_a_stop_of_one_stops_both():
    with virtual_pumps(speed=5.0, red={"address": "X"}, blue={"address": "A"}) as (board, world):
        wire = Wire(board.address)
        red, blue = (a_pump(board.address, world, role, speed=5.0, wire=wire) for role in ("red", "blue"))
        red.open()
        blue.open()
        assert blue.dispense(100.0, 600.0) == pytest.approx(100, abs=0.2)
        thread, failures = in_background(lambda: red.dispense(3000.0, 300.0))
        assert waits_for(lambda: infused(world, "red") > 100)
        with pytest.raises(HardwareError, match="still moving") as caught:
            blue.dispense(100.0, 600.0)
        assert caught.value.outcome == "not_done"
        blue.open()  # greeted already: a dose under way is not disturbed
        assert world.pump_moves("red")
        stops = [in_background(pump.stop) for pump in (red, blue, red, blue)]
        for stop, why in stops:
            stop.join(10)
            assert not why
        thread.join(20)
        assert isinstance(failures[0], StoppedError)
        assert red.left_ul == pytest.approx(5000 - infused(world, "red"), abs=2.0)
        assert blue.left_ul == pytest.approx(5000 - infused(world, "blue"), abs=0.2)
        blue.dispense(100.0, 600.0)
        red.close()
        blue.dispense(100.0, 600.0)
        blue.close()


@pytest.mark.parametrize("switch", ["empty", "full"])
def test_a_plunger_with_a_switch_is_homed_on_a_persons_word(switch):
    with virtual_pumps(red={"address": "X", "switch": switch}) as (board, world):
        pump = a_pump(board.address, world)
        pump.open()
        assert ("pushing out" if switch == "empty" else "filling") in pump.unready
        with pytest.raises(HardwareError, match="not ready"):
            pump.dispense(100.0, 300.0)
        pump.make_ready()
        assert pump.unready == ""
        holds = 0.0 if switch == "empty" else 5000.0
        assert pump.left_ul == holds
        assert world.left_ul("red") == pytest.approx(holds, abs=1.0)
        if switch == "empty":
            pump.aspirate(1000.0, 600.0)
        pump.dispense(500.0, 600.0)
        assert world.left_ul("red") == pytest.approx(pump.left_ul, abs=20)
        pump.close()


def test_without_a_switch_a_locked_board_is_unlocked_on_a_persons_word():
    with virtual_pumps(red={"address": "X"}) as (board, world):
        pump = a_pump(board.address, world)
        pump.open()
        board.trip()
        assert waits_for(lambda: board._critical)
        with pytest.raises(HardwareError):
            pump.dispense(100.0, 300.0)
        with pytest.raises(HardwareError, match="locked"):
            pump.dispense(100.0, 300.0)
        assert "locked" in pump.unready
        pump.make_ready()
        assert pump.unready == ""
        assert pump.dispense(100.0, 300.0) == pytest.approx(100, abs=0.2)
        pump.close()


def test_something_else_at_the_port_is_refused(answering, opened, monkeypatch):
    monkeypatch.setattr("hardware.parts.grbl_talk.ANSWER_S", 0.1)
    with answering(b"\x18", lambda line: b"\x0200S\x03") as instrument, pytest.raises(NotConnectedError):
        opened(instrument.port)


def test_a_power_cycle_in_mid_dose_books_it_whole_and_no_switch_is_needed_to_go_on():
    with virtual_pumps(speed=5.0, red={"address": "X"}) as (board, world):
        pump = a_pump(board.address, world, speed=5.0)
        pump.open()
        thread, failures = in_background(lambda: pump.dispense(3000.0, 300.0))
        assert waits_for(lambda: infused(world) > 100)
        board.power_cycle()
        thread.join(20)
        assert isinstance(failures[0], ReplyError)
        assert failures[0].outcome == "unknown"
        assert pump.left_ul == pytest.approx(2000, abs=1), "never more than there may be"
        pump.loaded(4000)
        pump.dispense(100.0, 600.0)
        pump.close()


def test_a_rig_with_two_plungers_on_one_board_from_its_file_to_the_vial(tmp_path):
    text = Path(path("rigs/virtual.toml")).read_text(encoding="utf-8")
    for role, letter in (("red", "X"), ("yellow", "Y")):
        head, _, rest = text.partition(f"[pumps.{role}]")
        section, tail = rest.split("settings = { address = 0 }", 1)
        section = section.replace('"new_era"', '"grbl_axis"').replace(":7102", ":7101")
        text = f'{head}[pumps.{role}]{section}settings = {{ address = "{letter}" }}{tail}'
    for role in ("blue", "water"):
        head, _, rest = text.partition(f"[pumps.{role}]")
        text = head + rest.split("settings = { address = 0 }", 1)[1]
    spec = replace(parse_rig(text), camera=None)
    with VirtualBench(spec, speed=50.0) as bench, open_rig(bench.rig, speed=50.0) as rig:
        rig.stage.home()
        rig.stage.move_to(*spec.rack.position_mm("B2"))
        for role in ("red", "yellow"):
            assert rig.dose("B2", role, 500.0, 2000.0) == pytest.approx(500, abs=1)
        held = bench.truth.contents_ul("B2")
        assert held == pytest.approx({"red dye": 500, "yellow dye": 500}, rel=0.03)
        assert rig.stop_all() == ()


def test_two_pumps_on_one_axis_are_told():
    text = Path(path("rigs/virtual.toml")).read_text(encoding="utf-8")
    text = (
        text.replace('"new_era"', '"grbl_axis"').replace(":7102", ":7101").replace("address = 0", 'address = "X"')
    )
    with pytest.raises(RigFileError, match="an address of its own"):
        parse_rig(text)
