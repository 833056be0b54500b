"""The cable pulled at every byte of a homing and a move, and of a dose: what is told, and what the world has."""

import pytest

from hardware.errors import DeviceTimeoutError
from hardware.wire import Wire
from tests.hardware.grbl_bench import a_driver, a_pump, a_virtual_stage, virtual_pumps
from tests.hardware.unplug import Cable, outcome_of

SPEED = 1000.0


@pytest.fixture(autouse=True)
def _patient(monkeypatch):
    """On a loaded machine an answer may take its time; here none is ever lost but with the cable."""
    for module in ("grbl_talk", "grbl_board"):
        monkeypatch.setattr(f"hardware.parts.{module}.ANSWER_S", 5.0)
    monkeypatch.setattr("hardware.parts.grbl_talk.QUIET_S", 0.01)


@pytest.mark.parametrize(("resets_on_open", "every"), [(True, 7), (False, 1)])
def test_a_stage_unplugged_at_every_byte(resets_on_open, every):
    with a_virtual_stage(SPEED, resets_on_open=resets_on_open) as (_, world):
        cable = Cable(_.address)
        stage = a_driver(cable.address, SPEED)

        stood = [world.stage_mm()]

        def home_and_move() -> None:
            stage.home()
            stood[0] = world.stage_mm()
            stage.move_to(3, 2)

        outcomes: list[str] = []
        try:
            while not outcomes or outcomes[-1] != "done":
                cable.pull_at(None)
                stage.open()
                assert not stage.homed, "a cable that was out leaves the position unknown"
                stood[0] = world.stage_mm()
                cable.pull_at(len(outcomes) * every + 1)
                outcomes.append(outcome_of(home_and_move))
                cable.pull_at(None)
                if outcomes[-1] == "not_done":
                    assert world.stage_mm() == stood[0]
                elif outcomes[-1] == "done":
                    assert world.stage_mm()[:2] == pytest.approx((3, 2), abs=0.02)
                    assert stage.homed
            assert set(outcomes[:-1]) == {"not_done", "unknown"}
            assert len(outcomes) > 60 / every
        finally:
            stage.close()
            cable.close()


@pytest.mark.parametrize(("resets_on_open", "every"), [(True, 7), (False, 1)])
def test_a_pump_unplugged_at_every_byte_never_doses_twice(resets_on_open, every):
    with virtual_pumps(SPEED, resets_on_open, red={"address": "Y"}) as (board, world):
        cable = Cable(board.address)
        pump = a_pump(cable.address, world, speed=SPEED, wire=Wire(cable.address))
        outcomes: list[str] = []
        try:
            while not outcomes or outcomes[-1] != "done":
                cable.pull_at(None)
                pump.open()
                if pump.left_ul < 1000:
                    world.refill("red")
                    pump.loaded(5000)
                before_ul, left_ul = world.counted_ul("red")[0], pump.left_ul
                cable.pull_at(len(outcomes) * every + 1)
                outcomes.append(outcome_of(lambda: pump.dispense(100.0, 800.0)))
                cable.pull_at(None)
                pump.open()  # stops what the board may still do; from here on nothing flows
                flowed_ul, booked_ul = world.counted_ul("red")[0] - before_ul, left_ul - pump.left_ul
                assert flowed_ul <= 100.2, "never twice"
                assert booked_ul >= flowed_ul - 0.2, "never less booked than flowed"
                if outcomes[-1] == "not_done":
                    assert flowed_ul == booked_ul == 0
                elif outcomes[-1] == "done":
                    assert flowed_ul == pytest.approx(100, abs=0.2)
            assert set(outcomes[:-1]) == {"not_done", "unknown"}
            assert len(outcomes) > 40 / every
        finally:
            pump.close()
            cable.close()


def test_an_ok_that_comes_late_is_not_taken_for_the_next_one(monkeypatch):
    monkeypatch.setattr("hardware.parts.grbl_board.ANSWER_S", 0.0)
    with a_virtual_stage(SPEED) as (controller, world):
        stage = a_driver(controller.address, SPEED)
        stage.open()
        stage.home()
        for x_mm in (5, 10, 15):
            stage.move_to(x_mm, 3)
            assert world.stage_mm()[0] == pytest.approx(x_mm, abs=0.02)
            assert stage.homed
        with pytest.raises(DeviceTimeoutError):
            stage._board.command("$G", 0.0)
        stage.move_to(1, 1)
        stage.close()
