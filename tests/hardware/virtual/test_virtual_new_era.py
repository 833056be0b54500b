"""Conversations with the virtual NE-1000 that read like its manual."""

from collections.abc import Callable, Iterator

import pytest

from hardware.virtual.instruments.new_era import Instrument as NewEraPump
from hardware.virtual.new_era_pump import four_digits
from hardware.virtual.world import World
from tests.hardware.virtual.hands import PumpClient, Wall


@pytest.fixture
def talk(pump: NewEraPump) -> Iterator[PumpClient]:
    """A pump after its power-up alarm was acknowledged."""
    with PumpClient(pump.port) as client:
        assert client.ask("") == "00A?R"
        yield client


def prepare(talk: PumpClient, volume_ml: str = "1.000") -> None:
    for command in ("DIA26.59", "PHN 1", "FUN RAT", "RAT 6.000 MM", f"VOL {volume_ml}", "DIR INF", "CLD INF"):
        assert talk.ask(command) == "00S"


def test_the_reset_alarm_is_told_once_and_swallows_the_command(pump: NewEraPump) -> None:
    with PumpClient(pump.port) as client:
        assert client.ask("DIA 20.00") == "00A?R"
        assert client.ask("DIA") == "00S26.59"
        assert client.ask("") == "00S"


def test_case_blanks_and_addresses(talk: PumpClient) -> None:
    assert talk.ask("ver") == "00SNE1000V3.928"
    assert talk.ask(" 0 V E R ") == "00SNE1000V3.928"
    talk.say(b"7VER\r")  # another pump's packet stays without an answer
    assert talk.ask("00DIA") == "00S26.59"
    assert talk.ask("*ADR 12") == "12S"
    assert talk.ask("12VER") == "12SNE1000V3.928"


def test_answers_are_framed_without_a_carriage_return(talk: PumpClient) -> None:
    talk.say(b"DIA\r")
    assert talk.hear(b"\x03") == b"\x0200S26.59\x03"


def test_what_the_pump_refuses(talk: PumpClient) -> None:
    assert talk.ask("XYZ") == "00S?"
    assert talk.ask("DIA 50.1") == "00S?OOR"
    assert talk.ask("VOL 12.345") == "00S?OOR", "more than four digits"
    assert talk.ask("RAT 99.00 MM") == "00S?OOR", "faster than the plunger"
    assert talk.ask("STP") == "00S?NA"
    talk.say(b"\xff\xfeDIA\r")
    assert talk.hear(b"\x03") == b"\x0200S?COM\x03"


def test_the_volume_unit_follows_the_diameter_and_setting_it_clears_the_counters(
    talk: PumpClient, wall: Wall
) -> None:
    prepare(talk)
    assert talk.ask("VOL") == "00S1.000ML"
    talk.ask("RUN")
    wall.passes(11.0)
    assert talk.ask("DIS") == "00SI1.000W0.000ML"
    assert talk.ask("DIA 4.699") == "00S"
    assert talk.ask("DIS") == "00SI0.000W0.000UL"


def test_a_delivery_ends_by_itself_and_is_counted(
    talk: PumpClient, wall: Wall, world: World, put_stage: Callable[[str], None]
) -> None:
    put_stage("A1")
    prepare(talk)
    assert talk.ask("RUN") == "00I"
    assert talk.ask("DIA 20.00") == "00I?NA"
    assert talk.ask("RAT 6.000 MH") == "00I?NA", "units cannot change in motion"
    wall.passes(5.0)
    assert talk.ask("DIS") == "00II0.500W0.000ML"
    wall.passes(5.1)
    assert talk.ask("") == "00S"
    assert talk.ask("DIS") == "00SI1.000W0.000ML"
    assert world.contents_ul("A1")["red dye"] == pytest.approx(1000.0, rel=0.03)


def test_the_first_stop_pauses_the_second_stops(talk: PumpClient, wall: Wall) -> None:
    prepare(talk)
    talk.ask("RUN")
    wall.passes(3.0)
    assert talk.ask("STP") == "00P"
    wall.passes(100.0)
    assert talk.ask("DIS") == "00PI0.300W0.000ML"
    assert talk.ask("RUN") == "00I", "goes on with the rest"
    wall.passes(7.1)
    assert talk.ask("DIS") == "00SI1.000W0.000ML"
    talk.ask("RUN")
    assert talk.ask("STP") == "00P"
    assert talk.ask("STP") == "00S"


def test_the_rate_may_change_in_motion(talk: PumpClient, wall: Wall) -> None:
    prepare(talk)
    talk.ask("RUN")
    wall.passes(5.0)
    assert talk.ask("RAT 3.000 MM") == "00I"
    wall.passes(9.0)
    assert talk.ask("") == "00I"
    wall.passes(1.1)
    assert talk.ask("DIS") == "00SI1.000W0.000ML"


def test_the_program_runs_on_into_the_next_phase(talk: PumpClient, wall: Wall) -> None:
    prepare(talk)
    assert talk.ask("PHN 2") == "00S"
    assert talk.ask("FUN PAS 10") == "00S"
    talk.ask("RUN")
    wall.passes(10.1)
    assert talk.ask("") == "00T"
    wall.passes(10.1)
    assert talk.ask("") == "00S"


def test_an_empty_syringe_stalls_and_the_alarm_is_told_once(talk: PumpClient, wall: Wall, world: World) -> None:
    prepare(talk, "70.00")
    talk.ask("RAT 25.00 MM")
    talk.ask("RUN")
    wall.passes(600.0)
    assert talk.ask("DIS") == "00A?S"
    assert talk.ask("") == "00S"
    assert world.left_ul("red") == pytest.approx(0.0, abs=0.01)


def test_withdrawing_fills_from_the_stock_bottle(talk: PumpClient, wall: Wall, world: World) -> None:
    prepare(talk)
    talk.ask("RUN")
    wall.passes(11.0)
    left_ul = world.left_ul("red")
    talk.ask("DIR WDR")
    talk.ask("VOL 0.500")
    assert talk.ask("RUN") == "00W"
    wall.passes(6.0)
    assert talk.ask("DIS") == "00SI1.000W0.500ML"
    assert world.left_ul("red") == pytest.approx(left_ul + 500.0, rel=0.03)


def test_a_client_that_dies_in_mid_dispense_changes_nothing(
    pump: NewEraPump, wall: Wall, world: World, put_stage: Callable[[str], None]
) -> None:
    put_stage("B2")
    with PumpClient(pump.port) as client:
        client.ask("")
        prepare(client)
        client.ask("RUN")
        wall.passes(2.0)
    wall.passes(60.0)
    with PumpClient(pump.port) as client:
        assert client.ask("") == "00S"
        assert client.ask("DIS") == "00SI1.000W0.000ML"
    (line,) = [line for line in world.log.lines if line["what"] == "dose"]
    assert (line["slot"], line["stock"]) == ("B2", "red dye")
    assert line["ul"] == pytest.approx(1000.0, rel=0.03)


def test_a_second_client_is_turned_away(pump: NewEraPump) -> None:
    with PumpClient(pump.port) as first:
        first.ask("")
        with PumpClient(pump.port) as second:
            assert second.is_turned_away()
        assert first.ask("") == "00S"


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0.000"), (1.2345, "1.234"), (9.9996, "10.00"), (26.59, "26.59"), (1234.5, "1234."), (12345.0, "9999.")]
)
def test_numbers_have_four_digits(value: float, text: str) -> None:
    assert four_digits(value) == text
