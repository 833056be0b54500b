"""Conversations with the virtual 11 Elite that read like its manual."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from hardware.virtual.instruments.harvard import Instrument, volume_text
from hardware.virtual.world import World
from tests.hardware.virtual.hands import Client, Wall


class HarvardClient(Client):
    def ask(self, command: str) -> str:
        """Send one command; the lines of its answer, joined. `poll on` makes the end of an answer known."""
        self.say(command.encode("ascii") + b"\r")
        answer = self.hear(b"\x11")[:-1].decode("ascii")
        return answer.replace("\r", "").lstrip("\n").replace("\n", " | ")


@pytest.fixture
def instrument(world: World) -> Iterator[Instrument]:
    pumps = {
        role: replace(world.spec.pumps[role], settings={"address": a}) for role, a in {"red": 0, "blue": 7}.items()
    }
    made = Instrument(world, pumps)
    made.start()
    yield made
    made.close()


@pytest.fixture
def talk(instrument: Instrument) -> Iterator[HarvardClient]:
    with HarvardClient(instrument.port) as client:
        for command in ("poll on", "diameter 26.59", "svolume 60 ml", "irate 6 ml/min", "wrate 6 m/m"):
            assert client.ask(command) == ":"
        yield client


def test_answers_are_framed_by_line_feeds_and_the_prompt_has_no_end(instrument: Instrument) -> None:
    with Client(instrument.port) as client:
        client.say(b"ver\r\n")
        assert client.hear(b"\n:") == b"\n11 ELITE I/W Single 3.0.4\r\n:"
        client.say(b"7:ver\r")
        assert client.hear(b"\r\n07:") == b"\n07:11 ELITE I/W Single 3.0.4\r\n07:"
        client.say(b"7poll on\r7poll\r")
        assert client.hear(b"\x11") == b"\n07:\x11"
        assert client.hear(b"\x11") == b"\n07:ON\r\n07:\x11"


def test_echo_gives_back_what_was_typed(instrument: Instrument) -> None:
    with Client(instrument.port) as client:
        client.say(b"echo on\r")
        assert client.hear(b":") == b"\n:"
        client.say(b"force\r")
        assert client.hear(b"\n:") == b"force\r\n50%\r\n:"


def test_names_may_be_cut_to_four_letters_and_case_does_not_matter(talk: HarvardClient) -> None:
    assert talk.ask("IRAT") == "6.0000 ml/min | :"
    assert talk.ask("diam") == "26.5900 mm | :"
    assert talk.ask("irunstp") == "Unknown command: irunstp | :"
    assert talk.ask("@diam") == "26.5900 mm | :"  # and the display stays as it was
    assert talk.ask("nvram off") == ":"
    assert talk.ask("nvram") == "OFF | :"
    assert talk.ask("load qs i") == ":"


def test_what_the_pump_refuses(talk: HarvardClient) -> None:
    assert talk.ask("xyz") == "Unknown command: xyz | :"
    assert talk.ask("tvolume 70 ml") == "Argument error: 70 ml |    Target volume is out of range | :"
    assert talk.ask("irate 500 ml/min").startswith("Argument error: 500 ml/min |    Out of range 99.954 nl/min to")
    assert talk.ask("irate 5 gal/min").startswith("Argument error")
    assert talk.ask("crate") == "Command error: Pump is not running | :"
    talk.ask("irun")
    assert talk.ask("diameter 10") == "Command error: Pump is running | >"


def test_a_delivery_ends_at_its_target_and_stays_there_until_it_is_cleared(
    talk: HarvardClient, wall: Wall, world: World, put_stage: Callable[[str], None]
) -> None:
    put_stage("A1")
    assert talk.ask("tvolume") == "Target volume not set | :"
    assert talk.ask("tvolume 1 m") == ":"
    assert talk.ask("irun") == ">"
    assert talk.ask("crate") == "Infusing at 6.0000 ml/min | >"
    wall.passes(5.0)
    assert talk.ask("status") == "100000000000 0 500000000000 I...I. | >"
    assert talk.ask("ivolume") == "500.00 ul | >"
    wall.passes(5.1)
    assert talk.ask("status") == "0 0 1000000000000 i...IT | T*"
    assert world.contents_ul("A1")["red dye"] == pytest.approx(1000.0, rel=0.03)
    assert talk.ask("irun") == "T*", "the old target is still reached"
    assert talk.ask("civolume") == "T*"
    assert talk.ask("irun") == ">"


def test_withdrawing_has_its_own_counter(talk: HarvardClient, wall: Wall, world: World) -> None:
    world.set_left("red", 1000.0)
    talk.ask("tvolume 500 ul")
    assert talk.ask("wrun") == "<"
    wall.passes(5.1)
    assert talk.ask("wvolume") == "500.00 ul | T*"
    assert talk.ask("ivolume") == "0.0000 ml | T*"
    assert talk.ask("status").startswith("0 0 500000000000 w")


def test_the_rate_may_change_in_motion(talk: HarvardClient, wall: Wall) -> None:
    talk.ask("tvolume 1 ml")
    talk.ask("irun")
    wall.passes(5.0)
    assert talk.ask("irate 3 ml/min") == ">"
    wall.passes(9.0)
    assert talk.ask("status").endswith(">")
    wall.passes(1.1)
    assert talk.ask("ivolume") == "1.0000 ml | T*"


def test_a_prompt_comes_unasked_at_the_target_but_not_for_a_stall(
    talk: HarvardClient, wall: Wall, world: World, instrument: Instrument
) -> None:
    talk.say(b"tvolume 1 ml\rpoll off\r")
    assert talk.hear(b"\x11") == b"\n:\x11"
    assert talk.hear(b":") == b"\n:"
    talk.say(b"irun\r")
    assert talk.hear(b">") == b"\n>"
    wall.passes(10.1)
    assert talk.hear(b"*") == b"\nT*"
    talk.say(b"cvolume\rirun\r")
    assert talk.hear(b">") == b"\nT*\n>"
    world.stall("red")
    talk.patience(0.3)
    with pytest.raises(TimeoutError):
        talk.hear(b"*")
    talk.say(b"status\r")
    assert b"i.S.I." in talk.hear(b"\n*")


def test_a_stall_is_cleared_by_a_stop_or_only_at_the_display(
    talk: HarvardClient, world: World, instrument: Instrument
) -> None:
    for needs_hand, prompt in ((False, ":"), (True, "*")):
        instrument.pumps["red"].stall_needs_hand = needs_hand
        talk.ask("irun")
        world.stall("red")
        assert talk.ask("stp") == prompt
    assert talk.ask("irun") == "Command error: Pump is stalled | *"


def test_an_empty_line_stops_the_whole_chain(talk: HarvardClient, world: World) -> None:
    for command in ("7poll on", "7irate 1 ml/min", "7irun"):
        talk.ask(command)
    talk.ask("irun")
    assert world.pump_moves("red")
    assert world.pump_moves("blue")
    assert talk.ask("") == ":"
    assert not world.pump_moves("red")
    assert not world.pump_moves("blue")


def test_a_model_takes_one_way_of_writing_an_address(talk: HarvardClient, instrument: Instrument) -> None:
    talk.ask("7poll on")
    instrument.styles = (":",)
    assert talk.ask("7:force") == "07:50% | 07:"
    assert talk.ask("7force 30") == "07:Unknown command: 7force | 07:"
    instrument.styles = ("",)
    assert talk.ask("7:force 30") == "07:Unknown command: 7:force | 07:"


def test_a_client_that_dies_in_mid_dispense_changes_nothing(
    instrument: Instrument, wall: Wall, world: World, put_stage: Callable[[str], None]
) -> None:
    put_stage("B2")
    with HarvardClient(instrument.port) as client:
        for command in ("poll on", "irate 6 ml/min", "tvolume 1 ml", "irun"):
            client.ask(command)
        wall.passes(2.0)
    wall.passes(60.0)
    with HarvardClient(instrument.port) as client:
        assert client.ask("ivolume") == "1.0000 ml | T*"
    (line,) = [line for line in world.log.lines if line["what"] == "dose"]
    assert (line["slot"], line["stock"]) == ("B2", "red dye")


@pytest.mark.parametrize(
    ("volume_ul", "text"), [(0.0, "0.0000 ml"), (1234.567, "1.2346 ml"), (12.0, "12.000 ul"), (0.05, "50.000 nl")]
)
def test_volumes_have_five_digits(volume_ul: float, text: str) -> None:
    assert volume_text(volume_ul) == text
