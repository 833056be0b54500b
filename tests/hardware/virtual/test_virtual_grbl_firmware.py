"""What the virtual Grbl says where the manual is silent, as report.c, protocol.c and gcode.c of 1.1h have it."""

import pytest

from hardware.virtual.world import World
from tests.hardware.virtual.hands import StageClient, Wall
from tests.hardware.virtual.test_virtual_grbl import BANNER, LOCK, another, home, place, settle, wait_for

HAL = ["", "GrblHAL 1.1f ['$' or '$HELP' for help]"]
REQUIRED = ["ALARM:11", "[MSG:Homing cycle required]"]
UNSWITCHED = {20: 0, 21: 0, 22: 0}


def reset(talk: StageClient, lines: int) -> list[str]:
    talk.say(b"\x18")
    return [talk.line() for _ in range(lines)]


def test_the_first_report_after_a_reset_has_the_offset_and_the_second_the_overrides(world: World) -> None:
    with another(world, values=UNSWITCHED) as (_, talk):
        assert reset(talk, 2) == BANNER
        assert talk.status().endswith("|WCO:0.000,0.000,0.000>")
        assert talk.status().endswith("|Ov:100,100,100>")
        for _ in range(8):
            assert "|WCO" not in (status := talk.status())
            assert "|Ov" not in status
        assert "|WCO:" in talk.status()
        assert "|Ov:" in talk.status()


def test_without_homing_it_is_ready_at_once_and_knows_no_homing_and_no_soft_limits(world: World) -> None:
    with another(world, values=UNSWITCHED) as (_, talk):
        assert talk.status().startswith("<Idle|")
        assert talk.ask("$H") == ["error:5"]
        assert talk.ask("$20=1") == ["error:10"]
        assert talk.ask("G0 X0.1") == ["ok"]


def test_startup_lines_are_obeyed_whenever_it_starts_unlocked(world: World, wall: Wall) -> None:
    with another(world, values=UNSWITCHED) as (_, talk):
        talk.say(b"$N0=G20G55\n")
        wait_for(talk, wall, "ok")
        assert talk.ask("$N") == ["$N0=G20G55", "$N1=", "ok"]
        assert reset(talk, 3) == [*BANNER, ">G20G55:ok"]
        assert talk.ask("$G")[0].startswith("[GC:G0 G55 G17 G20 ")


def test_locked_no_startup_line_is_obeyed_and_after_homing_it_is(world: World, wall: Wall) -> None:
    with another(world) as (controller, talk):
        controller.startup[0] = "G55"
        assert reset(talk, 3) == [*BANNER, LOCK]
        assert talk.ask("$X") == ["[MSG:Caution: Unlocked]", "ok"]
        assert talk.ask("$G")[0].startswith("[GC:G0 G54 ")
        talk.say(b"$H\n")
        wait_for(talk, wall, ">G55:ok")
        assert talk.line() == "ok"


def test_a_line_that_a_reset_cuts_short_is_answered_before_the_banner(world: World, wall: Wall) -> None:
    with another(world, values=UNSWITCHED) as (_, talk):
        talk.say(b"G4 P5\n")
        assert talk.status().startswith("<Idle|")
        assert reset(talk, 3) == ["ok", *BANNER]
        talk.say(b"$22=1\n")
        wait_for(talk, wall, "ok")
        talk.say(b"$H\n")
        assert talk.is_silent()
        talk.say(b"\x18")
        assert talk.line() == "ALARM:6"
        wall.passes(0.6)
        assert [talk.line() for _ in range(4)] == ["ok", *BANNER, LOCK]


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("G1 X1 (" + 90 * "c" + ")", "error:22"),
        ("G1" + 77 * "0" + " X1", "error:11"),
        ("$JX1", "error:3"),
        ("$J=X1", "error:22"),
        ("$J=F1", "error:26"),
        ("$J=G1X1F1", "error:16"),
        ("G1", "error:22"),
        ("$$$", "error:3"),
        ("$I=", "error:3"),
        ("$N2=G0", "error:3"),
    ],
)
def test_errors(world: World, line: str, answer: str) -> None:
    with another(world, values=UNSWITCHED) as (_, talk):
        assert talk.ask(line) == [answer]


def test_grblhal_that_must_be_homed_says_so_and_cannot_be_unlocked(world: World, wall: Wall) -> None:
    with another(world, firmware="grblHAL", values={22: 0b101}) as (_, talk):
        assert reset(talk, 4) == [*HAL, *REQUIRED]
        assert talk.status().startswith("<Alarm:11|")
        assert talk.ask("$X") == ["error:46"]
        home(talk, wall)
        assert "|H:1>" in talk.status()
        assert talk.ask("$J=G53 X149.5 F1000") == ["error:15"], "a pull-off before its far switch"
        assert reset(talk, 2) == HAL
        assert talk.ask("G0X1") == ["ok"]
        assert place(settle(talk, wall))[0] == 1.0


def test_grblhal_answers_a_status_even_in_a_critical_alarm_and_takes_the_top_bit_commands(
    world: World, wall: Wall
) -> None:
    with another(world, firmware="grblHAL") as (_, talk):
        home(talk, wall)
        talk.ask("G53 G0 X500")
        wall.passes(0.2)
        talk.say(b"\x80")
        lines = [talk.line() for _ in range(1)]
        assert lines[0].startswith("<Alarm:2|")
        assert talk.status().startswith("<Alarm:2|")
        assert reset(talk, 4) == ["ok", *HAL, LOCK]
        talk.say(b"\x82\x80")
        assert talk.line().startswith("<Alarm")
