"""Whatever another program left in a pump: connecting brings a known state, or refuses in words."""

from dataclasses import replace

import pytest

from hardware.errors import ReplyError
from hardware.rig import RigOpenError, open_rig
from hardware.rig_file import load_rig
from hardware.virtual.bench import VirtualBench
from resources import path
from tests.hardware.new_era_talk import GREETING, HELLO, packet, preparation, programmed
from tests.hardware.virtual.hands import PumpClient

pytestmark = pytest.mark.usefixtures("quick_unplug")

LEFTOVERS = (
    "VOLUL",
    "VOL0.840",
    "RAT100.0UH",
    "DIRWDR",
    "FUNPAS10",
    "PHN2",
    "FUNRAT",
    "VOL9.000",
    "DIRINF",
    "PHN7",
)
SPEED = 50.0


def left_in(unit: str, *, kept: str = "", diameter: str = "23.03"):
    """The greeting of a pump that was left counting in `unit`, and what it counts in when told to change."""
    at = HELLO + programmed("10.62MM", diameter=diameter)[:3]
    return [*at, (b"VOL\r", packet(f"00S0.840{unit}")), (b"VOLML\r", packet("00S")),
            (b"VOL\r", packet(f"00S0.840{kept or 'ML'}"))]  # fmt: skip


def test_a_pump_that_another_program_left_in_microlitres_is_set_to_what_its_syringe_needs(conversation, opened):
    script = [*left_in("UL"), *programmed("10.62MM")[4:], *preparation(), (b"RUN\r", packet("00I")),
              (b"DIS\r", packet("00SI0.500W0.000ML"))]  # fmt: skip
    with conversation(script) as instrument:
        assert opened(instrument.port).dispense(500.0, 100.0) == 500.0


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (left_in("UL", kept="UL"), "its volume unit could not be set, it keeps 0.840 µL; end other programs"),
        ([*left_in("UL")[:-2], (b"VOLML\r", packet("00S?"))], "its volume unit could not be set, it does not know"),
        (
            [*HELLO[:3], (b"PHN2\r", packet("00S?NA"))],
            "its pumping program could not be set, it cannot do that now",
        ),
        ([*GREETING[:-1], (b"DIR\r", packet("00SWDR"))], "its direction could not be set, it keeps WDR"),
        (
            [*GREETING[:-4], (b"RAT10.62MM\r", packet("00S?OOR"))],
            "its rate could not be set, it says the value is out",
        ),
    ],
)
def test_a_pump_that_cannot_be_made_ready_is_refused_when_it_is_opened(conversation, opened, script, words):
    with conversation(script) as instrument, pytest.raises(ReplyError, match="is not ready") as caught:
        opened(instrument.port)
    assert words in str(caught.value)
    assert "Word." not in str(caught.value)


@pytest.mark.parametrize("diameter", ["", "DIA10.00"])
def test_a_rig_doses_true_whatever_another_program_left_in_its_pumps(diameter):
    with VirtualBench(replace(load_rig(path("rigs/virtual.toml")), camera=None), speed=SPEED) as bench:
        port = int(bench.rig.pumps["red"].port.rpartition(":")[2])
        with PumpClient(port) as other:
            assert other.ask("") == "00A?R"
            for command in filter(None, (diameter, *LEFTOVERS)):
                assert other.ask(command) == "00S"
        with open_rig(bench.rig, speed=SPEED) as rig:
            rig.stage.home()
            rig.stage.move_to(*bench.rig.rack.position_mm("A1"))
            assert rig.dose("A1", "red", 840.0, 200.0) == 840.0
            assert bench.truth.contents_ul("A1") == {"red dye": pytest.approx(840.0, rel=0.03)}


def test_a_pump_that_is_not_ready_is_told_when_the_rig_is_opened(answering):
    def stubborn(line: bytes) -> bytes:
        return packet("00SNE1000V3.923" if line == b"VER" else "00S?NA" if line == b"PHN2" else "00S")

    with (
        VirtualBench(replace(load_rig(path("rigs/virtual.toml")), camera=None), speed=SPEED) as bench,
        answering(b"\r", stubborn) as instrument,
    ):
        pumps = {**bench.rig.pumps, "red": replace(bench.rig.pumps["red"], port=instrument.port)}
        with pytest.raises(RigOpenError, match=r"red on .* is not ready: its pumping program"):
            open_rig(replace(bench.rig, pumps=pumps), speed=SPEED)
