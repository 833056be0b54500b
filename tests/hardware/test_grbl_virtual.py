"""The stage driver against virtual controllers of all kinds."""

import threading
import time
from dataclasses import replace

import pytest

from hardware.errors import HardwareError, OutOfRangeError, ReplyError, StoppedError
from hardware.parts.grbl_stream import stream
from tests.hardware.grbl_bench import a_driver, a_virtual_stage
from tests.hardware.grbl_talk import in_background
from tests.hardware.unplug import Cable

AS_BUILT = {"forces_origin": False, "resets_on_open": False}


def waits_for(true, patience_s: float = 10.0) -> bool:
    give_up = time.monotonic() + patience_s
    while not true():
        if time.monotonic() > give_up:
            return False
        time.sleep(0.002)
    return True


@pytest.mark.parametrize("low", [0b111, 0b011, 0b000])
@pytest.mark.parametrize("firmware", ["grbl", "grblHAL"])
def test_a_grbl_as_it_is_built_counts_from_where_homing_ended(firmware, low):
    with a_virtual_stage(firmware=firmware, values={23: low}, **AS_BUILT) as (controller, world):
        stage = a_driver(controller.address)
        stage.open()
        stage.home()
        home = world.stage_mm()
        assert stage.position_mm() == pytest.approx((0, 0, 0), abs=0.001)
        stage.move_to(30, 20, 5)
        assert stage.position_mm() == pytest.approx((30, 20, 5), abs=0.01)
        went = [abs(b - a) for a, b in zip(home, world.stage_mm(), strict=True)]
        assert went == pytest.approx([30, 20, 5], abs=0.01)
        assert all(0 <= at <= end for at, end in zip(world.stage_mm(), (150, 105, 20), strict=True))
        assert stage.about()["firmware"].startswith("grblHAL 1.1f" if firmware == "grblHAL" else "GRBL 1.1h")
        assert stage.about()["zero"] == "from where homing ended"
        stage.close()


def test_g54_as_a_person_set_it_is_kept():
    with a_virtual_stage(**AS_BUILT) as (controller, world):
        stage = a_driver(controller.address)
        stage.open()
        stage.home()
        stage._board.command("G10L2P1X-148Y-104Z-19", 2.0)
        stage.home()
        assert stage.about()["zero"] == "work coordinates (G54)"
        stage.move_to(30, 20)
        assert stage.position_mm()[:2] == pytest.approx((30, 20), abs=0.01)
        assert world.stage_mm()[:2] == pytest.approx((31, 20), abs=0.01)
        stage.close()


@pytest.mark.parametrize("resets_on_open", [True, False])
def test_after_connecting_again_the_position_is_unknown_whether_it_was_reset_or_not(resets_on_open):
    with a_virtual_stage(resets_on_open=resets_on_open) as (controller, _):
        cable = Cable(controller.address)
        stage = a_driver(cable.address)
        stage.open()
        stage.home()
        stage.open()
        assert stage.homed, "it still answers: nothing was lost"
        cable.pull_at(0)
        with pytest.raises(ConnectionError):
            stage.move_to(1, 1)
        cable.pull_at(None)
        stage.open()
        assert not stage.homed
        with pytest.raises(HardwareError, match="home it first"):
            stage.move_to(1, 1)
        stage.home()
        stage.move_to(1, 1)
        stage.close()
        cable.close()


def test_a_power_cycle_in_mid_move_is_a_restart():
    with a_virtual_stage(speed=5.0) as (controller, world):
        stage = a_driver(controller.address, speed=5.0)
        stage.open()
        stage.home()
        thread, failures = in_background(lambda: stage.move_to(140, 100))
        assert waits_for(lambda: world.stage_mm()[0] > 20)
        controller.power_cycle()
        thread.join(30)
        assert isinstance(failures[0], ReplyError)
        assert failures[0].outcome == "unknown"
        assert not stage.homed
        stage.home()
        stage.move_to(10, 10)
        stage.close()


def test_a_power_cycle_while_it_stands_is_noticed_before_the_next_move():
    with a_virtual_stage() as (controller, world):
        stage = a_driver(controller.address)
        stage.open()
        stage.home()
        stage.move_to(30, 30)
        controller.power_cycle()
        assert waits_for(lambda: controller._boots_until_s > 0)
        assert waits_for(lambda: not controller._boots_until_s)
        with pytest.raises(HardwareError, match="home"):
            stage.move_to(10, 10)
        assert world.stage_mm()[0] == pytest.approx(30, abs=0.01)
        assert not stage.homed
        stage.close()


@pytest.mark.parametrize("how", ["hold", "door"])
def test_what_a_person_does_at_the_machine_ends_the_move_and_keeps_the_position(how):
    with a_virtual_stage(speed=5.0) as (controller, world):
        stage = a_driver(controller.address, speed=5.0)
        stage.open()
        stage.home()
        thread, failures = in_background(lambda: stage.move_to(140, 100))
        assert waits_for(lambda: world.stage_mm()[0] > 20)
        controller.press_hold() if how == "hold" else controller.open_door()
        thread.join(30)
        assert isinstance(failures[0], StoppedError), failures
        stood = world.stage_mm()
        assert 20 < stood[0] < 139
        controller.press_resume()
        if how == "door":
            with pytest.raises(HardwareError, match="door open"):
                stage.move_to(1, 1)
            controller.open_door(False)
            assert waits_for(lambda: controller._state == "Door:0")
        assert world.stage_mm() == stood, "nothing goes on by itself"
        assert stage.homed
        stage.move_to(1, 1)
        assert world.stage_mm()[:2] == pytest.approx((1, 1), abs=0.02)
        stage.close()


def test_a_bumped_switch_needs_a_reset_and_homing_gives_it():
    with a_virtual_stage() as (controller, _):
        stage = a_driver(controller.address)
        stage.open()
        stage.home()
        controller.trip()
        assert waits_for(lambda: controller._critical)
        with pytest.raises(HardwareError):
            stage.move_to(1, 1)
        with pytest.raises(HardwareError, match=r"position \(it ran into a limit switch\); home it first"):
            stage.move_to(1, 1)
        assert stage.about()["state"] == "Alarm:1"
        stage.home()
        stage.move_to(1, 1)
        stage.close()


@pytest.mark.parametrize("code", [8, 9])
def test_a_homing_that_fails(code):
    with a_virtual_stage() as (controller, _):
        controller.homing_fails = code
        stage = a_driver(controller.address)
        stage.open()
        with pytest.raises(ReplyError, match="switch"):
            stage.home()
        assert not stage.homed
        controller.homing_fails = 0
        stage.home()
        assert stage.homed
        stage.close()


def test_check_mode_and_sleep_are_never_taken_for_moving():
    with a_virtual_stage() as (controller, world):
        stage = a_driver(controller.address)
        stage.open()
        stage.home()
        stage._board.command("$C", 1.0)
        with pytest.raises(HardwareError, match="check mode"):
            stage.move_to(10, 10)
        stage.home()
        stage._board.command("$SLP", 1.0)
        with pytest.raises(HardwareError, match="motors off"):
            stage.move_to(10, 10)
        assert not stage.homed
        stage.home()
        stage.move_to(10, 10)
        assert world.stage_mm()[:2] == pytest.approx((10, 10), abs=0.02)
        stage.close()


def test_unlocking_moves_nothing_and_leaves_the_position_unknown():
    with a_virtual_stage() as (controller, world):
        stage = a_driver(controller.address)
        stage.open()
        before = world.stage_mm()
        stage.unlock()
        assert stage.about()["state"] == "Idle"
        assert not stage.homed
        stage.jog(1, 0, speed_mm_s=20)
        assert waits_for(lambda: stage.about()["state"] == "Idle")
        assert world.stage_mm()[0] == pytest.approx(before[0] + 1, abs=0.02)
        stage.close()


def test_a_jog_is_cancelled_and_the_position_kept():
    with a_virtual_stage(speed=5.0) as (controller, world):
        stage = a_driver(controller.address, speed=5.0)
        stage.open()
        stage.home()
        with pytest.raises(OutOfRangeError):
            stage.jog(150, 0)
        stage.jog(100, 0, speed_mm_s=20)
        assert waits_for(lambda: world.stage_mm()[0] > 5)
        stage.end_jog()
        assert waits_for(lambda: stage.about()["state"] == "Idle")
        assert 5 < world.stage_mm()[0] < 90
        assert stage.position_mm() == pytest.approx(world.stage_mm(), abs=0.02)
        stage.move_to(1, 1)
        stage.close()


@pytest.mark.parametrize("by_stop", [True, False])
def test_a_stop_in_mid_move_stands_within_half_a_second_and_keeps_the_position(by_stop):
    latch = threading.Event()
    with a_virtual_stage(speed=4.0) as (controller, world):
        stage = a_driver(controller.address, speed=4.0, latch=latch)
        stage.open()
        stage.home()
        thread, failures = in_background(lambda: stage.move_to(140, 100))
        assert waits_for(lambda: world.stage_mm()[0] > 20)
        latch.set()
        if by_stop:
            stage.stop()
        thread.join(30)
        assert isinstance(failures[0], StoppedError)
        assert not world.stage_moves()
        assert stage.homed
        assert stage.position_mm() == pytest.approx(world.stage_mm(), abs=0.02)
        with pytest.raises(StoppedError):
            stage.move_to(1, 1)
        latch.clear()
        stage.move_to(1, 1)
        stage.close()


# streaming

PATH = [(10 + k % 2 * 0.2, 10 + k * 0.2) for k in range(150)]


@pytest.mark.parametrize("firmware", ["grbl", "grblHAL"])
def test_a_path_never_overflows_the_receive_buffer_and_ends_at_its_end(firmware):
    with a_virtual_stage(speed=20.0, firmware=firmware) as (controller, world):
        stage = a_driver(controller.address, speed=20.0)
        stage.open()
        stage.home()
        dropped = controller.dropped
        stage.follow(PATH)
        assert controller.dropped == dropped
        assert world.stage_mm()[:2] == pytest.approx(PATH[-1], abs=0.02)
        assert stage.position_mm()[:2] == pytest.approx(PATH[-1], abs=0.02)
        stage.close()


def _forget_its_buffer(stage) -> None:
    """As a controller that does not tell how large its buffer is: one line at a time then."""
    c = stage._board.controller
    c.told = replace(c.told, build=replace(c.told.build, rx_bytes=0))


def test_counting_characters_keeps_the_buffer_full_and_sending_one_by_one_does_not():
    fullest = {}
    for one_by_one in (False, True):
        with a_virtual_stage(speed=5.0) as (controller, _):
            stage = a_driver(controller.address, speed=5.0)
            stage.open()
            stage.home()
            if one_by_one:
                _forget_its_buffer(stage)
            most = 0
            original = controller.on_bytes

            def on_bytes(data: bytes, original=original, controller=controller) -> None:
                nonlocal most
                original(data)
                most = max(most, len(controller._rx))

            controller.on_bytes = on_bytes
            stage.follow(PATH[:60])
            fullest[one_by_one] = most
            stage.close()
    assert fullest[False] > 60 > 30 > fullest[True], fullest


def test_a_line_that_is_refused_in_mid_path_stops_it():
    with a_virtual_stage(speed=20.0, values={20: 1}) as (controller, world):
        stage = a_driver(controller.address, speed=20.0)
        stage.open()
        stage.home()
        with pytest.raises(OutOfRangeError):
            stage.follow([(1, 1), (1, 999)])
        with stage._board.work() as mark, pytest.raises(ReplyError, match="in line 2 of the path; it was stopped"):
            stream(stage._board, mark, ["G1X1Y1F3000", "G1X1X2", "G1X50Y50"])
        with stage._board.work() as mark, pytest.raises(OutOfRangeError, match="memory"):
            stream(stage._board, mark, ["G1X1Y1F3000", "$100=1"])
        assert stage.homed
        assert world.stage_mm()[0] < 40
        stage.move_to(10, 10)
        stage.close()


def test_a_stop_in_mid_path_ends_it_at_once():
    with a_virtual_stage(speed=5.0) as (controller, world):
        stage = a_driver(controller.address, speed=5.0)
        stage.open()
        stage.home()
        thread, failures = in_background(lambda: stage.follow([(k % 2 * 100, k % 100) for k in range(100)]))
        assert waits_for(lambda: world.stage_moves() and world.stage_mm()[0] > 20)
        stage.stop()
        thread.join(30)
        assert isinstance(failures[0], StoppedError)
        assert not world.stage_moves()
        assert stage.homed
        stage.move_to(1, 1)
        stage.close()


def test_a_path_that_ends_where_it_began_is_not_over_before_it_was_gone():
    with a_virtual_stage(speed=20.0) as (controller, world):
        stage = a_driver(controller.address, speed=20.0)
        stage.open()
        stage.home()
        began_s = world.clock.now_s()
        stage.follow([(40, 0), (40, 40), (0, 40), (0, 0)])
        assert world.clock.now_s() - began_s > 160 / 50, "at 50 mm/s"
        assert not world.stage_moves()
        assert stage.position_mm() == pytest.approx((0, 0, 0), abs=0.02)
        stage.close()
