"""Conversations with the virtual Reglo ICC that read like its manual."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from hardware.virtual.instruments.reglo_icc import Instrument, type_1, type_2
from hardware.virtual.world import World
from tests.hardware.virtual.hands import Client, Wall


class RegloClient(Client):
    def ask(self, command: str) -> str:
        """One status character, or a line."""
        self.say(command.encode("ascii") + b"\r")
        first = self._any()
        if first in b"*#+-":
            return first.decode("ascii")
        return (first + self.hear(b"\r\n")).decode("ascii").removesuffix("\r\n")

    def _any(self) -> bytes:
        if not self._heard:
            self._heard = self._socket.recv(1)
        first, self._heard = self._heard[:1], self._heard[1:]
        return first


@pytest.fixture
def instrument(world: World) -> Iterator[Instrument]:
    roles = {"red": 1, "blue": 3}
    made = Instrument(world, {r: replace(world.spec.pumps[r], settings={"address": c}) for r, c in roles.items()})
    made.start()
    yield made
    made.close()


@pytest.fixture
def talk(instrument: Instrument) -> Iterator[RegloClient]:
    """Channel addressing on, channel 1 ready for 1 mL at 6 mL/min."""
    with RegloClient(instrument.port) as client:
        for command in ("1~1", "1+0114", "1O", "1xf1", "1J"):
            assert client.ask(command) == "*"
        assert client.ask("1f6000+0") == "6000E+0"
        assert client.ask("1v1000+0") == "1000E+0"
        yield client


def test_what_the_pump_says_of_itself(talk: RegloClient) -> None:
    assert talk.ask("1#") == "REGLO ICC 0208 306"
    assert talk.ask("2xA") == "4"
    assert talk.ask("1~") == "1"
    assert talk.ask("1xE") == "0"
    assert talk.ask("1+") == "1.14 mm"
    assert talk.ask("1xM") == "O"
    assert talk.ask("1xD") == "J"
    assert talk.ask("1!") == "7.018 ml/min"
    assert talk.ask("1f") == "6000E+0"


def test_what_the_pump_refuses(talk: RegloClient) -> None:
    assert talk.ask("1zz") == "#"
    assert talk.ask("1+0115") == "#", "no such tubing"
    assert talk.ask("1v12") == "#"
    assert talk.ask("5E") == "#", "no such channel"
    talk.ask("1f9000+0")
    assert talk.ask("1H") == "-"
    assert talk.ask("1xe") == "R 7018E+0"


def test_before_channels_are_addressed_a_command_is_for_all_of_them(instrument: Instrument, world: World) -> None:
    with RegloClient(instrument.port) as client:
        client.say(b"3H\r")  # not the number of this pump
        assert client.ask("1M") == "*"
        assert client.ask("1H") == "*"
        assert world.pump_moves("red")
        assert world.pump_moves("blue")
        assert client.ask("1I") == "*"
        assert not world.pump_moves("blue")


def test_a_dose_ends_by_itself(
    talk: RegloClient, wall: Wall, world: World, put_stage: Callable[[str], None]
) -> None:
    put_stage("A1")
    assert talk.ask("1H") == "*"
    assert talk.ask("1E") == "+"
    assert talk.ask("3E") == "-"
    assert talk.ask("1O") == "#", "not while it runs"
    wall.passes(10.1)
    assert talk.ask("1E") == "-"
    assert world.contents_ul("A1")["red dye"] == pytest.approx(1000.0, rel=0.03)


def test_the_other_direction_draws_in(talk: RegloClient, wall: Wall, world: World) -> None:
    world.set_left("red", 1000.0)
    assert talk.ask("1K") == "*"
    assert talk.ask("1H") == "*"
    wall.passes(10.1)
    assert world.counted_ul("red") == pytest.approx((0, 1000))


def test_without_xf1_the_speed_is_that_of_the_rpm_mode(talk: RegloClient, wall: Wall) -> None:
    assert talk.ask("1xf0") == "*"
    assert talk.ask("1H") == "*"
    wall.passes(10.1)
    assert talk.ask("1E") == "+"


def test_an_empty_bottle_is_not_noticed(talk: RegloClient, wall: Wall, world: World) -> None:
    world.set_left("red", 100.0)
    assert talk.ask("1H") == "*"
    wall.passes(5.0)
    assert talk.ask("1E") == "+"
    wall.passes(5.1)
    assert talk.ask("1E") == "-"
    assert world.counted_ul("red")[0] == pytest.approx(100.0, rel=0.03)


def test_events_come_between_the_answers(talk: RegloClient, wall: Wall, instrument: Instrument) -> None:
    assert talk.ask("1xE1") == "*"
    talk.say(b"1H\r")
    assert talk.hear(b"*") == b"^U1|A|1|0|0\r\n*"
    wall.passes(10.1)
    talk.say(b"1E\r")
    assert talk.hear(b"\r\n") + talk.hear(b"-") == b"^X1|A\r\n-"
    instrument.press_stop(1)
    assert talk.hear(b"\r\n") == b"^X1|1\r\n"


def test_an_overload_refuses_everything_until_it_is_reset(talk: RegloClient, instrument: Instrument) -> None:
    instrument.overloaded = True
    assert talk.ask("1H") == "#"
    assert talk.ask("1#") == "#"
    assert talk.ask("1-") == "*"
    assert talk.ask("1E") == "-"


def test_all_channels_are_called_0(talk: RegloClient, world: World) -> None:
    talk.ask("1M")
    talk.ask("3M")
    talk.ask("1H")
    talk.ask("3H")
    assert talk.ask("0I") == "*"
    assert not world.pump_moves("red")
    assert not world.pump_moves("blue")


def test_numbers() -> None:
    assert type_1(0.012) == "1200E-2"
    assert type_1(0) == "0000E+0"
    assert type_2("1200-2") == pytest.approx(0.012)
