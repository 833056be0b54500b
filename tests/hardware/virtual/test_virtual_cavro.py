"""Conversations with the virtual Cavro pump that read like chapter 3 of its manual."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from hardware.spec import PumpSpec, RigSpec
from hardware.virtual.clock import VirtualClock
from hardware.virtual.instruments.cavro import Instrument
from hardware.virtual.world import World
from tests.hardware.virtual.hands import Client, Wall


class Line(Client):
    """Speaks DT, and OEM with `block`."""

    def ask(self, command: str, address: str = "1") -> str:
        self.say(f"/{address}{command}\r".encode())
        told = self.hear(b"\x03\r\n")
        assert told.startswith(b"\xff/0"), "FFh lets the line settle"
        return told[3:-3].decode()

    def block(self, command: str, sequence: int, *, repeated: bool = False, spoil: int = 0) -> None:
        body = b"\x021" + bytes([0x30 | sequence | 8 * repeated]) + command.encode() + b"\x03"
        total = spoil
        for byte in body:
            total ^= byte
        self.say(body + bytes([total]))

    def answer(self) -> str:
        told = self.hear(b"\x03")
        total = 0
        for byte in told:
            total ^= byte
        assert self.hear(bytes([total])) == bytes([total])
        return told[2:-1].decode()


@pytest.fixture
def pumps(spec: RigSpec, wall: Wall) -> Iterator[Instrument]:
    """Red at 1 with a 3-port valve, blue at 2 with a distribution valve of 9."""
    red = PumpSpec("cavro", "", 7.3, 1000.0, {"address": 1}, "red dye", ports={"draw": "I", "deliver": "O"})
    ports = {"draw": "I1", "deliver": "2", "waste": "O9"}
    nine = {"address": 2, "valve": "distribution", "valve_ports": 9}
    blue = PumpSpec("cavro", "", 7.3, 1000.0, nine, "blue dye", ports=ports)
    parts = {"red": red, "blue": blue}
    world = World(replace(spec, pumps=parts), VirtualClock(1.0, wall), seed=1)
    instrument = Instrument(world, parts)
    instrument.start()
    yield instrument
    instrument.close()


@pytest.fixture
def world(pumps: Instrument) -> World:
    return pumps.pumps["red"]._world


@pytest.fixture
def line(pumps: Instrument) -> Iterator[Line]:
    with Line(pumps.port) as client:
        yield client


def initialised(line: Line, wall: Wall, command: str = "Z0R", address: str = "1") -> None:
    assert line.ask(command, address) == "@"
    wall.passes(5)
    assert line.ask("Q", address) == "`"


def turned(line: Line, wall: Wall, command: str) -> None:
    assert line.ask(command) == "@"
    wall.passes(0.3)
    assert line.ask("Q") == "`"


def test_it_wakes_up_at_position_0_says_that_all_is_well_and_refuses_to_move(line: Line) -> None:
    assert [line.ask(q) for q in ("Q", "?", "?6", "?2", "?28")] == ["`", "`0", "`i", "`1400", "`0"]
    assert line.ask("A100R") == "g"
    assert line.ask("IR") == "g"
    assert line.ask("Q") == "g"
    assert line.ask("Q") == "g", "this one is told until it is initialised"


def test_initialising_pushes_out_what_is_in_the_syringe(line: Line, wall: Wall, world: World) -> None:
    assert world.left_ul("red") == pytest.approx(400)
    initialised(line, wall)
    assert world.left_ul("red") == pytest.approx(0, abs=1e-6)
    assert world.spilled_ul() == {"red dye": pytest.approx(400)}
    assert (line.ask("?"), line.ask("?6")) == ("`0", "`o")


def test_a_distribution_valve_initialises_into_its_waste(line: Line, wall: Wall, world: World) -> None:
    initialised(line, wall, "Z0,1,9R", "2")
    assert world.wasted_ul() == {"blue dye": pytest.approx(400)}
    assert line.ask("?6", "2") == "`9"


def test_a_stroke_takes_its_time_and_only_q_says_when_it_is_done(line: Line, wall: Wall, world: World) -> None:
    initialised(line, wall)
    turned(line, wall, "IR")
    assert line.ask("V600A3000R") == "@", "a string that begins with a speed"
    wall.passes(2.5)
    assert line.ask("Q") == "@"
    assert line.ask("?") == "@1500"
    wall.passes(2.6)
    assert line.ask("Q") == "`"
    assert line.ask("?") == "`3000"
    assert world.left_ul("red") == pytest.approx(500, rel=0.02)


def test_microsteps_make_positions_eight_times_finer(line: Line, wall: Wall) -> None:
    initialised(line, wall)
    turned(line, wall, "IR")
    line.ask("A3000R")
    wall.passes(10)
    assert line.ask("N1R") == "`"
    assert line.ask("?") == "`24000"
    assert line.ask("V600A24400R") == "@"
    wall.passes(0.1)
    assert line.ask("?") == "`24400"


def test_errors_come_late_and_q_clears_them(line: Line, wall: Wall) -> None:
    initialised(line, wall)
    assert line.ask("A9999R") == "@"
    assert line.ask("Q") == "c"
    assert line.ask("Q") == "`"
    assert line.ask("y5R") == "b", "an unknown command is told at once"
    assert line.ask("Q") == "b"
    assert line.ask("BR") == "@"
    wall.passes(0.3)
    assert line.ask("A100R") == "@"
    assert line.ask("Q") == "k", "not in bypass"
    assert line.ask("?") == "`0"


def test_an_overload_is_told_once_and_stays_until_it_is_initialised(
    line: Line, wall: Wall, pumps: Instrument, world: World
) -> None:
    initialised(line, wall)
    turned(line, wall, "IR")
    line.ask("V600A3000R")
    wall.passes(2.5)
    pumps.pumps["red"].jam()
    assert line.ask("Q") == "i"
    assert line.ask("?")[0] == "`", "looks healthy"
    line.ask("A0R")
    assert line.ask("Q") == "i"
    initialised(line, wall)
    line.ask("A100R")
    wall.passes(1)
    assert line.ask("Q") == "`"


def test_a_valve_that_sticks_is_told_late(line: Line, wall: Wall, pumps: Instrument) -> None:
    initialised(line, wall)
    pumps.pumps["red"].valve_sticks = True
    assert line.ask("IR") == "@"
    assert line.ask("Q") == "j"
    pumps.pumps["red"].valve_sticks = False
    assert line.ask("IR") == "g"


def test_while_it_is_busy_only_reports_t_and_v_are_taken(line: Line, wall: Wall) -> None:
    initialised(line, wall)
    turned(line, wall, "IR")
    line.ask("V60A3000R")
    assert line.ask("V600R") == "@"
    assert line.ask("A0R") == "O"
    assert line.ask("Q") == "O"
    assert line.ask("Q") == "@"
    assert line.ask("A" + "0" * 300 + "R") == "O", "longer than its buffer"


def test_t_stops_the_plunger_and_an_r_goes_on(line: Line, wall: Wall) -> None:
    initialised(line, wall)
    turned(line, wall, "IR")
    line.ask("V600A3000R")
    wall.passes(1.0)
    assert line.ask("T") == "`"
    assert line.ask("?") == "`600"
    wall.passes(60)
    assert line.ask("?") == "`600"
    assert line.ask("R") == "@"
    wall.passes(10)
    assert line.ask("?") == "`3000"


def test_t_stops_no_initialisation_and_no_valve(line: Line, wall: Wall) -> None:
    line.ask("Z0R")
    assert line.ask("T") == "@"
    wall.passes(5)
    assert line.ask("Q") == "`"
    line.ask("IR")
    assert line.ask("T") == "@"
    wall.passes(0.3)
    assert line.ask("?6") == "`i"


def test_a_string_without_r_waits_for_it(line: Line, wall: Wall) -> None:
    initialised(line, wall)
    assert (line.ask("A300"), line.ask("F"), line.ask("?")) == ("`", "`1", "`0")
    line.ask("R")
    wall.passes(5)
    assert (line.ask("F"), line.ask("?")) == ("`0", "`300")


def test_to_an_address_of_several_all_obey_and_none_answers(line: Line, wall: Wall) -> None:
    line.say(b"/_Z0R\r/AV100R\r")
    assert line.ask("Q") == "@"
    wall.passes(5)
    assert [line.ask("Q", address) for address in "12"] == ["`", "`"]
    line.say(b"/3Q\r")  # nobody there
    assert line.ask("?19") == "b", "no question of this pump"


def test_it_keeps_to_the_protocol_that_it_heard_first(line: Line, pumps: Instrument) -> None:
    line.block("&", 1)
    assert line.answer().startswith("`P/N")
    line.say(b"/1Q\r")
    line.block("Q", 2)
    assert line.answer() == "`"
    pumps.pumps["red"].power_cycle()
    assert line.ask("Q") == "`"


def test_in_oem_a_repeated_block_is_acknowledged_and_not_done_twice(line: Line, wall: Wall) -> None:
    line.block("Z0R", 1)
    assert line.answer() == "@"
    wall.passes(5)
    line.block("IR", 1)
    assert line.answer() == "@"
    wall.passes(0.3)
    line.block("P600R", 2)
    assert line.answer() == "@"
    wall.passes(5)
    line.block("P600R", 2, repeated=True)
    assert line.answer() == "`"
    wall.passes(5)
    line.block("?", 3)
    assert line.answer() == "`600"
    line.block("?", 3, repeated=True)
    assert line.answer() == "`", "acknowledged, without its data"
    line.block("P600R", 4, repeated=True)  # the first of them got lost
    assert line.answer() == "@"
    line.block("Q", 5, spoil=1)
    wall.passes(5)
    line.block("?", 6)
    assert line.answer() == "`1200", "and to a wrong checksum nobody answers"


def test_a_client_that_dies_in_mid_stroke_changes_nothing(pumps: Instrument, wall: Wall, world: World) -> None:
    with Line(pumps.port) as client:
        initialised(client, wall)
        for command in ("IR", "A3000R", "OR"):
            client.ask(command)
            wall.passes(5)
            assert client.ask("Q") == "`"
        client.ask("V600A1500R")
    wall.passes(60)
    with Line(pumps.port) as client:
        assert client.ask("?") == "`1500"
    assert world.left_ul("red") == pytest.approx(250, rel=0.02)
