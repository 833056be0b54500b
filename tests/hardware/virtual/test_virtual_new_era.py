"""Conversations with the virtual NE-1000 that read like its manual."""

import binascii
from collections.abc import Callable, Iterator
from dataclasses import replace

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
    ("value", "text"),
    [(0.0, "0.000"), (1.2345, "1.234"), (9.9996, "10.00"), (26.59, "26.59"), (1234.5, "1234."), (2e4, "9999.")],
)
def test_numbers_have_four_digits(value: float, text: str) -> None:
    assert four_digits(value) == text


class SafeClient(PumpClient):
    """Says SAF first."""

    def __init__(self, port: int, timeout_s: int = 10) -> None:
        super().__init__(port)
        if self.ask("") == "00A?R":
            assert self.ask("") == "00S"
        self.say(f"SAF{timeout_s}\r".encode())
        assert self.answer() == "00S", "in the mode that it brings"

    def send(self, command: str) -> str:
        self.say(framed(command))
        return self.answer()

    def answer(self) -> str:
        heard = b""
        while len(heard) < 2 or len(heard) < heard[1] + 1:
            heard += self.hear(b"\x03")
        assert heard == framed(heard[2:-3].decode())
        return heard[2:-3].decode()


def framed(text: str) -> bytes:
    data = text.encode()
    return bytes([2, len(data) + 4]) + data + binascii.crc_hqx(data, 0).to_bytes(2, "big") + b"\x03"


def test_safe_mode_and_the_way_back_that_the_manual_gives(pump: NewEraPump) -> None:
    with SafeClient(pump.port) as client:
        assert client.send("SAF") == "00S10"
        assert client.send("DIA") == "00S26.59"
        client.say(b"DIA\r")  # not a packet: nothing is said
        assert client.send("SAF256") == "00S?OOR"
        client.say(b"\x02\x08SAF0\x55\x43\x03")
        assert client.hear(b"\x03") == b"\x0200S\x03"
        assert client.ask("SAF") == "00S0"


def test_a_damaged_packet_is_told_and_half_a_packet_is_dropped(pump: NewEraPump, wall: Wall) -> None:
    with SafeClient(pump.port) as client:
        damaged = bytearray(framed("DIA20.00"))
        damaged[5] ^= 1
        client.say(bytes(damaged))
        assert client.answer() == "00S?COM"
        client.say(framed("DIA20.00")[:6])
        assert client.send("DIA21.00") == "00S?COM", "within 0.5 s the next packet is taken for the rest of it"
        wall.passes(0.6)
        client.say(framed("DIA20.00")[:6])
        client.patience(0.05)
        with pytest.raises(TimeoutError):
            client.answer()
        wall.passes(0.6)
        client.patience(10.0)
        assert client.send("DIA") == "00S26.59"


def test_a_silent_host_stops_the_pump_and_its_alarm_comes_unasked(
    pump: NewEraPump, wall: Wall, world: World
) -> None:
    with SafeClient(pump.port, 5) as client:
        for command in ("DIA26.59", "RAT6.000MM", "VOL10.00", "RUN"):
            answer = client.send(command)
        assert answer == "00I"
        wall.passes(4.0)
        assert client.send("DIS") == "00II0.400W0.000ML"
        wall.passes(5.5)
        assert client.answer() == "00A?T", "unasked"
        assert not world.pump_moves("red")
        assert client.send("DIS") == "00A?T", "which does not acknowledge it"
        assert client.send("DIS").startswith("00SI0.9")
        wall.passes(100.0)
        assert client.answer() == "00A?T"


def test_the_mode_outlives_the_power_but_the_watchdog_waits_for_the_first_packet(
    pump: NewEraPump, wall: Wall
) -> None:
    with SafeClient(pump.port, 5) as client:
        pump.power_cycle()
        assert client.answer() == "00A?R"
        wall.passes(100.0)
        assert client.send("") == "00A?R"
        assert client.send("SAF") == "00S5"
        wall.passes(6.0)
        assert client.answer() == "00A?T"


def test_a_stall_comes_unasked_once(pump: NewEraPump, world: World, wall: Wall) -> None:
    with SafeClient(pump.port, 100) as client:
        for command in ("RAT6.000MM", "VOL10.00", "RUN"):
            client.send(command)
        wall.passes(6.0)
        world.stall("red")
        assert client.answer() == "00A?S"
        assert client.send("RUN") == "00A?S", "not run"
        assert client.send("DIS") == "00SI0.600W0.000ML"


def test_a_power_cut_takes_counters_and_position_but_not_the_program(
    pump: NewEraPump, talk: PumpClient, wall: Wall, world: World
) -> None:
    prepare(talk)
    talk.ask("RUN")
    wall.passes(3.0)
    pump.power_cycle()
    assert talk.ask("DIS") == "00A?R"
    assert talk.ask("DIS") == "00SI0.000W0.000ML"
    assert talk.ask("VOL") == "00S1.000ML"
    talk.ask("PF1")
    talk.ask("RUN")
    pump.power_cycle()
    assert world.pump_moves("red"), "as it was told to"
    assert talk.ask("") == "00A?R"
    assert talk.ask("") == "00I"


def test_several_pumps_answer_on_one_port(world: World) -> None:
    spec = world.spec.pumps["red"]
    parts = {role: replace(spec, settings={"address": n}) for role, n in (("red", 0), ("blue", 7), ("water", 99))}
    chain = NewEraPump(world, parts, model="NE1600")
    chain.start()
    try:
        with PumpClient(chain.port) as client:
            for address in ("", "7", "99"):
                assert client.ask(address) == f"{address or 0:0>2}A?R"
                assert client.ask(f"{address}VER") == f"{address or 0:0>2}SNE1600V3.928"
            assert client.ask("7DIA 20.00") == "07S"
            assert client.ask("DIA") == "00S26.59"
            client.ask("7VOL 1.000")
            client.ask("7RAT 6.000 MM")
            assert client.ask("7RUN") == "07I"
            assert [world.pump_moves(role) for role in parts] == [False, True, False]
    finally:
        chain.close()


def test_old_firmware_has_no_safe_mode(world: World) -> None:
    old = NewEraPump(world, {"red": world.spec.pumps["red"]}, has_safe=False)
    old.start()
    try:
        with PumpClient(old.port) as client:
            client.ask("")
            assert client.ask("SAF10") == "00S?"
    finally:
        old.close()


def test_a_second_safe_mode_does_not_begin_with_the_silence_before_it(pump: NewEraPump, wall: Wall) -> None:
    with SafeClient(pump.port, 5) as client:
        assert client.send("DIA") == "00S26.59"
        client.say(framed("SAF0"))
        assert client.hear(b"\x03") == b"\x0200S\x03"
        wall.passes(100.0)
        client.say(b"SAF5\r")
        assert client.answer() == "00S"
        assert client.send("DIA") == "00S26.59", "no alarm"
