"""Conversations with the virtual conductivity meter and balance; a rig with a Zaber stage and meters."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from hardware.rig import open_rig
from hardware.spec import MeterSpec, RigSpec, StageSpec
from hardware.virtual.bench import VirtualBench
from hardware.virtual.instruments.balance import Instrument as Balance
from hardware.virtual.instruments.scpi import Instrument as Meter
from hardware.virtual.instruments.scpi import conductivity_ms_cm
from hardware.virtual.world import World
from tests.hardware.virtual.hands import Client, Wall


@contextmanager
def talking(instrument: Meter | Balance, wall: Wall | None = None) -> Iterator[Callable[[str], str]]:
    """`ask("S")` is the answer to a line; `ask("")` only listens. With `wall`, time passes meanwhile."""
    instrument.start()
    try:
        with Client(instrument.port) as client:

            def ask(line: str) -> str:
                if line:
                    client.say(line.encode("latin-1") + b"\r\n")
                client.patience(10.0 if wall is None else 0.02)
                for _ in range(500):
                    try:
                        return client.hear(b"\n").decode("latin-1").strip("\r\n")
                    except TimeoutError:
                        assert wall is not None
                        wall.passes(0.5)
                raise AssertionError(line)

            yield ask
    finally:
        instrument.close()


@pytest.fixture
def vial(world: World, put_stage: Callable[[str], None]) -> World:
    """A vial with red dye and water at the station."""
    world.put_vial("A1", {"red dye": 1000.0, "water": 3000.0})
    put_stage("A1")
    return world


def meter_spec(kind: str, **settings: str) -> dict[str, MeterSpec]:
    return {"meter": MeterSpec(kind, "", settings)}


def test_a_mixture_conducts_by_its_stocks() -> None:
    water, mixed = conductivity_ms_cm({"water": 100.0}), conductivity_ms_cm({"water": 100.0, "salt": 100.0})
    assert water is not None
    assert mixed is not None
    assert mixed > water
    assert conductivity_ms_cm({}) is None


def test_the_meter_reads_what_is_in_the_vial(vial: World, wall: Wall) -> None:
    meter = Meter(vial, meter_spec("scpi"))
    with talking(meter, wall) as ask:
        assert ask("*IDN?").startswith("Aliquot,Virtual")
        assert float(ask("READ?")) == pytest.approx(meter.truth(), rel=0.01)
        vial.remove_vial("A1")
        assert ask("MEAS:COND?") == "+9.90000000E+37"


def test_the_meters_errors_and_faults(vial: World, wall: Wall) -> None:
    meter = Meter(vial, meter_spec("scpi", query="MEAS:X?"))
    with talking(meter, wall) as ask:
        assert ask("NONSENSE;SYST:ERR?") == '-113,"Undefined header"'
        assert ask("SYST:ERR?") == '+0,"No error"'
        assert ask("NONSENSE;*CLS;SYST:ERR?") == '+0,"No error"'
        assert ask("SYST:REM;*OPC?") == "1"
        for fault, answer in (("nan", "9.91000000E+37"), ("garbage", "+1.2#4E-"), ("overload", "+9.90000000E+37")):
            meter.fault = fault
            assert ask("MEAS:X?") == answer
        meter.fault = "silent"
        assert ask("MEAS:X?;*OPC?") == "1"


def test_the_balance_weighs_the_vial_at_the_station(vial: World, wall: Wall) -> None:
    with talking(Balance(vial, meter_spec("balance"))) as ask:
        assert ask("I4") == 'I4 A "B123456789"'
        assert ask("I2").startswith('I2 A "VB220')
        assert ask("S").startswith("S S     ")
        assert float(ask("SI").split()[2]) == pytest.approx(4.0, abs=0.001)
        assert ask("T").startswith("T S     4.0000 g")
        assert float(ask("SI").split()[2]) == pytest.approx(0.0, abs=0.001)
        assert ask("@") == 'I4 A "B123456789"'
        assert float(ask("SI").split()[2]) == pytest.approx(4.0, abs=0.001)
        assert ask("Z") == "Z A"
        assert ask("X") == "ES"


def test_a_weight_that_has_just_changed_is_unstable(vial: World) -> None:
    balance = Balance(vial, meter_spec("balance"))
    with talking(balance) as ask:
        balance.put_g(50.0)
        assert ask("SI").startswith("S D")
        assert ask("TI").startswith("TI D")
        balance.put_g(500.0)
        assert ask("SI") == "S +"
        balance.put_g(-50.0)
        assert ask("TI") == "TI -"


def test_it_answers_when_it_has_come_to_rest_or_gives_up(vial: World, wall: Wall) -> None:
    balance = Balance(vial, meter_spec("balance"))
    with talking(balance, wall) as ask:
        balance.put_g(50.0)
        answer = ask("S")
        assert answer.startswith("S S ")
        assert float(answer.split()[2]) == pytest.approx(54.0, abs=0.001)
        balance.restless = True
        assert ask("S") == "S I"
        assert ask("T") == "T I"


def test_a_balance_that_is_switched_on_says_who_it_is(vial: World) -> None:
    balance = Balance(vial, meter_spec("balance"))
    with talking(balance) as ask:
        ask("TI")
        balance.power_cycle()
        assert ask("") == 'I4 A "B123456789"'
        assert float(ask("SI").split()[2]) == pytest.approx(4.0, abs=0.001)


def test_printed_lines_have_their_columns(vial: World) -> None:
    for kind, asks, length in (("sbi", "\x1bP", 14), ("and", "Q", 16), ("ohaus", "IP", 17)):
        with talking(Balance(vial, meter_spec("balance", format=kind))) as ask:
            line = ask(asks)
            assert abs(len(line) - length) <= 1, line
            assert "g" in line


def test_sartorius_may_put_a_name_before_each_line(vial: World) -> None:
    balance = Balance(vial, meter_spec("balance", format="sbi"))
    balance.names_lines = True
    with talking(balance) as ask:
        assert ask("\x1bP").startswith("N     +")
        assert len(ask("\x1bP")) == 20
        balance.put_g(1000.0)
        assert ask("\x1bP") == "Stat      High      "


def test_a_rig_with_a_zaber_stage_and_three_meters(spec: RigSpec) -> None:
    settings = {"step_um": 0.1, "x": "1.1", "y": "1.2", "z": "2.1"}
    meters = {
        "probe": MeterSpec("scpi", "a", {"unit": "mS/cm"}),
        "balance": MeterSpec("balance", "b", {"unit": "mg"}),
        "eye": MeterSpec("by_person", "person", {"unit": "pH"}),
    }
    spec = replace(spec, stage=StageSpec("zaber", "", spec.stage.travel_mm, settings), meters=meters)
    with VirtualBench(spec, speed=100.0) as bench, open_rig(bench.rig, speed=100.0) as rig:
        rig.stage.home()
        rig.stage.move_to(*spec.rack.position_mm("B2"), 10.0)
        assert rig.dose("B2", "red", 500.0, 400.0) == pytest.approx(500.0, rel=0.01)
        weight, unit = rig.meters["balance"].read()
        assert (weight, unit) == (pytest.approx(500.0, rel=0.03), "mg")
        assert rig.meters["probe"].read() == (
            pytest.approx(conductivity_ms_cm({"red dye": 1.0}), rel=0.01),
            "mS/cm",
        )
        assert rig.stop_all() == ()
        rig.rearm()
        rig.stage.move_to(0, 0)
        assert rig.stage.position_mm() == pytest.approx((0, 0, 0), abs=1e-3)
