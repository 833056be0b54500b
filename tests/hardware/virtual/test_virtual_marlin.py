"""Conversations with the virtual Marlin, as its documentation and its gcode/queue.cpp have them."""

from collections.abc import Iterator
from functools import reduce

import pytest

from hardware.virtual.instruments.marlin import Build, Instrument
from hardware.virtual.world import World
from tests.hardware.virtual.hands import Client, Wall


class Talk(Client):
    """Speaks lines; time passes while it waits for what takes its time."""

    def __init__(self, instrument: Instrument, wall: Wall) -> None:
        super().__init__(instrument.port)
        self.wall = wall

    def line(self) -> str:
        return self.hear(b"\n").decode("ascii").removesuffix("\n")

    def ask(self, line: str) -> list[str]:
        """Everything up to the ok."""
        self.say(line.encode("ascii") + b"\n")
        return self.until("ok")

    def until(self, start: str) -> list[str]:
        self.patience(0.02)
        heard: list[str] = []
        for _ in range(2000):
            try:
                heard.append(self.line())
            except TimeoutError:
                self.wall.passes(0.5)
                continue
            if heard[-1].startswith(start):
                return heard
        raise AssertionError(f"never said {start}: {heard}")

    def sets_off(self, world: World) -> None:
        """Begin a long move, and wait until it has begun."""
        self.ask("G1 X100 F3000")
        while not world.stage_moves():
            self.ask("M118")


def n(number: int, line: str) -> str:
    body = f"N{number} {line}"
    return f"{body}*{reduce(lambda a, b: a ^ b, body.encode())}"


@pytest.fixture
def build() -> Build:
    return Build()


@pytest.fixture
def marlin(world: World, build: Build) -> Iterator[Instrument]:
    instrument = Instrument(world, {"stage": world.spec.stage}, build=build)
    instrument.start()
    yield instrument
    instrument.close()


@pytest.fixture
def talk(marlin: Instrument, wall: Wall) -> Iterator[Talk]:
    with Talk(marlin, wall) as client:
        assert client.until("echo:Hardcoded")[0] == "start"
        yield client


@pytest.fixture
def homed(talk: Talk) -> Talk:
    talk.ask("G28")
    return talk


def test_it_is_deaf_while_it_boots_and_then_starts(marlin: Instrument, wall: Wall) -> None:
    with Talk(marlin, wall) as client:
        client.say(b"M114\n")
        assert client.until("echo:Hardcoded")[:3] == ["start", "echo: External Reset", "Marlin 2.1.2"]
        assert client.ask("M118 there") == ["there", "ok"]


def test_it_says_who_it_is(talk: Talk) -> None:
    said = talk.ask("M115")
    assert said[0].startswith("FIRMWARE_NAME:Marlin 2.1.2 ")
    assert "Cap:EMERGENCY_PARSER:1" in said
    assert talk.ask("M211")[0] == "  M211 S1 ; ON"
    assert talk.ask("M119") == ["Reporting endstop status", "x_min: open", "y_min: open", "z_min: open", "ok"]
    assert talk.ask("M777") == ['echo:Unknown command: "M777"', "ok"]


def test_homing_takes_its_time_and_says_so(talk: Talk, world: World) -> None:
    assert "echo:busy: processing" in talk.ask("G28 Z")
    assert world.stage_mm()[2] == pytest.approx(0)
    assert world.stage_mm()[0] > 1
    said = talk.ask("G28 X Y")
    assert said[-2] == "X:0.00 Y:0.00 Z:0.00 E:0.00 Count X:0 Y:0 Z:0"
    assert world.stage_mm() == pytest.approx((0, 0, 0))


def test_ok_comes_when_a_move_is_queued_and_m114_tells_the_plan(homed: Talk, world: World) -> None:
    assert homed.ask("G1 X40 Y20 F3000") == ["ok"]
    said = homed.ask("M114")[0]
    assert said.startswith("X:40.00 Y:20.00 Z:0.00 E:0.00 Count X:")
    assert int(said.split("Count X:")[1].split()[0]) < 40 * 80
    assert homed.ask("M400")[-1] == "ok"
    assert world.stage_mm() == pytest.approx((40, 20, 0))
    assert homed.ask("M114")[0].endswith("Count X:3200 Y:1600 Z:0")


def test_relative_moves_and_inches(homed: Talk, world: World) -> None:
    for line in ("G91", "G1 X10 F3000", "G1 X10", "G20", "G1 Y1", "G90", "G21", "M400"):
        homed.ask(line)
    assert world.stage_mm() == pytest.approx((20, 25.4, 0))


def test_soft_end_stops_clamp_only_what_is_homed(talk: Talk, world: World) -> None:
    talk.ask("G1 X9999 F6000")
    assert talk.ask("M114")[0].startswith("X:9999.00")
    talk.ask("M400")
    assert world.stage_mm()[0] > 150  # against its frame
    talk.ask("G28")
    talk.ask("G1 X9999")
    assert talk.ask("M114")[0].startswith("X:150.00")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (n(1, "M114") + "1", "checksum mismatch"),
        (n(5, "M114"), "Line Number is not Last Line Number+1"),
        ("N1 M114", "No Checksum with line number"),
    ],
)
def test_a_line_that_is_not_in_order_is_wanted_again(talk: Talk, line: str, why: str) -> None:
    assert talk.ask(n(0, "M110 N0")) == ["ok"]
    assert talk.ask(line) == [f"Error:{why}, Last Line: 0", "Resend: 1", "ok"]
    assert talk.ask(n(1, "M118 fine")) == ["fine", "ok"]


def test_a_garbled_line_and_a_lost_ok(talk: Talk, marlin: Instrument) -> None:
    talk.ask(n(0, "M110 N0"))
    marlin.garble(1)
    assert talk.ask(n(1, "M118 a"))[0] == "Error:checksum mismatch, Last Line: 0"
    marlin.swallow = 1
    talk.say(n(1, "M118 a").encode() + b"\n")
    assert talk.until("a") == ["a"]
    assert talk.ask(n(2, "M118 b")) == ["b", "ok"]


@pytest.mark.parametrize("build", [Build(advanced_ok=True)])
def test_advanced_ok_tells_line_and_room(talk: Talk) -> None:
    talk.ask(n(0, "M110 N0"))
    assert talk.ask(n(1, "G90")) == ["ok N1 P15 B4"]


@pytest.mark.parametrize("build", [Build(), Build(emergency_parser=False)])
def test_a_quick_stop_ends_moves_past_the_queue_and_loses_steps(homed: Talk, world: World, wall: Wall) -> None:
    homed.sets_off(world)
    homed.say(b"M400\n")
    homed.patience(10)
    wall.passes(0.5)
    homed.say(b"M410\n")
    assert homed.line() == "ok"
    assert homed.line() == "ok"
    assert not world.stage_moves()
    stands, believed = world.stage_mm()[0], float(homed.ask("M114")[0].split()[0][2:])
    assert 5 < stands < 100
    assert abs(stands - believed) > 0.01


@pytest.mark.parametrize("build", [Build(emergency_parser=False)])
def test_without_an_emergency_parser_a_stop_waits_for_room_in_the_queue(
    homed: Talk, world: World, wall: Wall
) -> None:
    homed.sets_off(world)
    for _ in range(4):
        homed.say(b"M400\n")
    homed.say(b"M410\n")
    wall.passes(0.3)
    homed.patience(0.1)
    with pytest.raises(TimeoutError):
        homed.line()
    assert world.stage_moves()


def test_the_kill_lasts_until_a_reset(homed: Talk, marlin: Instrument, world: World, wall: Wall) -> None:
    homed.sets_off(world)
    homed.say(b"M112\n")
    assert homed.until("Error:") == ["echo:M112 Shutdown", "Error:Printer halted. kill() called!"]
    assert not world.stage_moves()
    homed.say(b"M114\n")
    homed.patience(0.05)
    with pytest.raises(TimeoutError):
        homed.line()
    homed.close()
    with Talk(marlin, wall) as again:
        again.until("echo:Hardcoded")
        assert again.ask("M114")[0].startswith("X:0.00")


def test_a_quick_stop_while_homing_lets_the_next_leg_begin(talk: Talk, world: World, wall: Wall) -> None:
    talk.say(b"G28\n")
    while not world.stage_moves():
        wall.passes(0.01)
    talk.say(b"M410\n")
    assert talk.until("ok")[-2].startswith("X:0.00")
    assert world.stage_mm() == pytest.approx((0, 0, 0), abs=2)
