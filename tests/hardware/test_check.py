"""The self-test on the virtual bench: what it finds, what it leaves alone without consent, and its table."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace

import pytest
from serial.tools import list_ports

from hardware.check import CheckRow, check, check_file, table
from hardware.check_facts import facts, refusals
from hardware.devices import PumpRange, Traffic
from hardware.errors import OutOfRangeError
from hardware.rig import LocalRig, open_rig
from hardware.spec import CameraSpec, MeterSpec, PumpSpec, RackSpec, RigSpec, StageSpec, VialSpec
from hardware.stop_check import in_mid_act
from hardware.virtual.bench import VirtualBench
from tests.hardware.listed_ports import listed

SPEED = 5.0
SPEC = RigSpec(
    name="virtual | bench",
    pumps={"red": PumpSpec("new_era", "COM1", 23.03, 25_000, {}, "red dye")},
    stage=StageSpec("grbl", "COM2", (200, 120, 50), {"feed_mm_min": 3000.0}),
    rack=RackSpec(4, 6, 25, (20, 20), VialSpec(8000, 6000, 14, 16, 50)),
    meters={"ph": MeterSpec("by_person", "person", {})},
)


@pytest.fixture
def bench() -> Iterator[VirtualBench]:
    with VirtualBench(SPEC, speed=SPEED) as bench:
        yield bench


@pytest.fixture
def rig(bench) -> Iterator[LocalRig]:
    with open_rig(bench.rig, speed=SPEED) as rig:
        yield rig


def by_what(rows) -> dict[tuple[str, str], CheckRow]:
    return {(row.device, row.what): row for row in rows}


def test_a_rig_that_is_well_is_told_to_be(bench, rig):
    asked: list[str] = []
    rows = by_what(check(rig, lambda question: asked.append(question) or True, speed=SPEED))
    assert {row.result for key, row in rows.items() if key != ("ph", "reading")} == {"ok"}
    assert rows["red", "identify"].detail.startswith("NE1000")
    assert "diameter: 23.03 mm" in rows["red", "settings"].detail
    assert "nothing was sent" in rows["red", "a dose beyond its range"].detail
    assert "nothing was sent" in rows["stage", "a move beyond its travel"].detail
    assert "bytes sent after" in rows["stage", "stop in mid-move"].detail
    assert "are booked" in rows["red", "stop in mid-dose"].detail
    assert rows["ph", "reading"].result == "skipped"
    assert not rig.stopped
    assert len(asked) == 4
    poured_ul = bench.truth.contents_ul("A1")["red dye"]
    assert rig.contents_ul("A1") == pytest.approx(poured_ul, rel=0.05, abs=5)
    assert bench.truth.spilled_ul() == {}


def test_without_consent_nothing_moves(bench, rig):
    before = bench.truth.stage_mm(), bench.truth.left_ul("red")
    rows = by_what(check(rig, lambda _: False, speed=SPEED))
    assert (bench.truth.stage_mm(), bench.truth.left_ul("red")) == before
    assert rows["stage", "moves"].result == rows["red", "dose"].result == "skipped"
    assert {row.result for row in rows.values()} == {"ok", "skipped"}


def test_a_stopped_rig_stays_stopped(rig):
    rig.stop_all()
    rows = by_what(check(rig, lambda _: True, speed=SPEED))
    assert rows["rig", "moves"].result == "skipped"
    assert rig.stopped


@pytest.mark.parametrize(
    ("part", "about", "says"),
    [
        (SPEC.pumps["red"], {"diameter": "20.05 mm"}, "its diameter is 20.05 mm, the rig file says 23.03 mm"),
        (SPEC.stage, {"travel": "150, 120, 50 mm"}, "its X travels 150 mm, the rig file says 200 mm"),
        (SPEC.stage, {"travel": "nan, 120, 50 mm"}, ""),
        (SPEC.pumps["red"], {"diameter": "not told"}, ""),
    ],
)
def test_what_does_not_fit_the_rig_file_is_told(part, about, says):
    device = SimpleNamespace(identify=lambda: "it", about=lambda: about)
    row = by_what(facts("it", device, replace(part, port="socket://x:1")))["it", "settings"]
    assert row.result == ("warn" if says else "ok")
    assert says in row.detail


def test_a_port_that_is_bound_to_its_socket_is_told_its_number(monkeypatch):
    monkeypatch.setattr(list_ports, "comports", lambda: [listed("COM1", "A50285BI", "FTDI", "cable")])
    device = SimpleNamespace(identify=lambda: "it", about=dict)
    by_name = by_what(facts("red", device, SPEC.pumps["red"]))["red", "port"]
    assert by_name.result == "warn"
    assert 'port = "usb:A50285BI"' in by_name.detail
    by_number = by_what(facts("red", device, replace(SPEC.pumps["red"], port="usb:A50285BI")))["red", "port"]
    assert (by_number.result, by_number.detail) == ("ok", "COM1 (FTDI cable), serial number A50285BI")
    lost = by_what(facts("red", device, replace(SPEC.pumps["red"], port="usb:B")))["red", "port"]
    assert lost.result == "fail"


def test_devices_that_are_missing_are_rows_and_the_others_are_checked(bench):
    gone = PumpSpec("new_era", "/dev/ttyNOWHERE", 23.03, 25_000, {})
    spec = replace(
        bench.rig, pumps={**bench.rig.pumps, "blue": gone}, camera=CameraSpec("opencv_camera", "no.avi", {})
    )
    rows = by_what(check_file(spec, lambda _: False, speed=SPEED))
    assert rows["blue", "open"].result == rows["camera", "open"].result == "fail"
    assert "no such port" in rows["blue", "open"].detail
    assert rows["red", "identify"].result == "ok"
    alone = replace(spec, stage=replace(spec.stage, port="/dev/ttyNOWHERE"))
    rows = by_what(check_file(alone, lambda _: True, speed=SPEED))
    assert rows["stage", "open"].result == "fail"
    assert rows["red", "everything"].result == "skipped"


class Obedient:
    """A device that refuses nothing, or chatters while it refuses."""

    travel_mm, range = (100.0, 100.0, 10.0), PumpRange(1000, 1, 1, 100)

    def __init__(self, refuses: bool) -> None:
        self.refuses = refuses
        self.said: list[Traffic] = []

    @property
    def traffic(self) -> tuple[Traffic, ...]:
        return tuple(self.said)

    def dispense(self, volume_ul: float, rate_ul_s: float) -> float:
        self.said.append(Traffic(float(len(self.said)), ">", b"RUN"))
        if self.refuses:
            raise OutOfRangeError("red", "too much")
        return volume_ul

    move_to = dispense


@pytest.mark.parametrize(
    ("refuses", "result", "says"), [(False, "fail", "NOT refused"), (True, "warn", "said on the")]
)
def test_a_limit_that_does_not_hold_is_a_failure(refuses, result, says):
    device = Obedient(refuses)
    device.move_to = lambda *_: device.dispense(1, 1)
    rows = list(refusals(SimpleNamespace(stage=device, pumps={"red": device})))
    assert {row.result for row in rows} == {result}
    assert all(says in row.detail for row in rows)


class Sliding:
    """Goes on after a stop, and confirms it all the same."""

    traffic: tuple[Traffic, ...] = ()

    def __init__(self) -> None:
        self.stopped = threading.Event()
        self.at_mm = 0.0

    def position_mm(self) -> tuple[float, ...]:
        self.at_mm += 1.0
        return (self.at_mm,)

    def stop_all(self) -> tuple[str, ...]:
        self.stopped.set()
        return ()

    def rearm(self) -> None: ...

    def move(self) -> None:
        assert self.stopped.wait(10)
        raise OutOfRangeError("stage", "stopped")


def test_what_goes_on_after_a_stop_is_seen():
    device = Sliding()
    found = in_mid_act(
        device, device, device.move, lambda: True, moment_s=0.01, where=device.position_mm, step=0.01
    )
    assert found.went_on
    assert found.still_ms is None
    assert not found.too_late


def test_the_table_is_markdown_whatever_devices_say():
    rows = [CheckRow("red", "identify", "ok", "a|b\nc\x00"), CheckRow("stage", "home", "fail", "jammed")]
    text = table(SPEC, rows)
    assert "# Check of virtual \\| bench" in text
    assert "| red | identify | ok | a\\|b c |" in text
    assert "- 1 ok, 0 warn, 1 fail, 0 skipped" in text
    assert "- pyserial: 3.5" in text
    assert all(line.count(" | ") == 3 for line in text.splitlines() if line.startswith("| red"))
