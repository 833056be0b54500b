"""Devices are found on free ports, by harmless questions, in a bounded time."""

import socket
import sys
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from serial.tools import list_ports

from hardware import discovery
from hardware.discovery import find, ports_now
from hardware.drivers import Probe
from hardware.errors import NotConnectedError
from hardware.rig import open_rig
from hardware.rig_file import parse_rig
from hardware.rig_proposal import proposal
from hardware.spec import PumpSpec, RackSpec, RigSpec, StageSpec, VialSpec
from hardware.virtual.bench import VirtualBench
from tests.hardware.listed_ports import listed

SPEC = RigSpec(
    name="virtual",
    pumps={"red": PumpSpec("new_era", "COM1", 23.03, 25_000, {})},
    stage=StageSpec("grbl", "COM2", (200, 120, 50), {}),
    rack=RackSpec(4, 6, 25, (20, 20), VialSpec(8000, 6000, 14, 16, 50)),
)
if TYPE_CHECKING:
    from tests.hardware.pty_line import PtyLine

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals")


@pytest.fixture
def bench() -> Iterator[VirtualBench]:
    with VirtualBench(SPEC, speed=50.0) as bench:
        yield bench


@pytest.fixture
def plugged(monkeypatch) -> list:
    """What the system lists."""
    entries: list = []
    monkeypatch.setattr(list_ports, "comports", lambda: list(entries))
    return entries


@pytest.fixture
def pty_line() -> "type[PtyLine]":
    from tests.hardware.pty_line import PtyLine  # Windows has no pseudo-terminals

    return PtyLine


@pytest.fixture
def line(bench, plugged, pty_line) -> Iterator["PtyLine"]:
    """The pump on a serial port of the system."""
    line = pty_line(bench.rig.pumps["red"].port)
    line.plug()
    plugged += line.entry()
    yield line
    line.close()


@pytest.fixture
def mute() -> Iterator[str]:
    """A port on which nobody answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"socket://127.0.0.1:{server.getsockname()[1]}"


def truth(bench) -> tuple[object, ...]:
    return bench.truth.stage_mm(), bench.truth.left_ul("red"), sum(bench.truth.spilled_ul().values())


def test_what_the_bench_has_is_found_and_nothing_moved(bench, plugged):
    plugged += [listed(bench.rig.pumps["red"].port, "A1", "FTDI", "cable"), listed(bench.rig.stage.port)]
    before = truth(bench)
    told: list[tuple[float, str]] = []
    findings = find(lambda share, doing: told.append((share, doing)), kinds=("new_era", "grbl", "scpi"))
    by_kind = {f.kind: f for f in findings.found}
    assert by_kind.keys() == {"new_era", "grbl"}
    assert by_kind["new_era"].identity.startswith("NE1000")
    assert by_kind["new_era"].port.words.endswith("(FTDI cable)")
    assert findings.finished
    assert (findings.silent, findings.closed) == ((), ())
    assert truth(bench) == before
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert told[-1] == (1.0, "done")
    assert any("?" in doing for _, doing in told)


def test_the_proposal_can_be_used_as_it_stands(bench, plugged):
    plugged += [listed(bench.rig.pumps["red"].port, "A1", "FTDI", "cable"), listed(bench.rig.stage.port)]
    text = proposal(find(kinds=("new_era", "grbl")))
    assert 'port = "usb:A1"' in text
    spec = parse_rig(text)
    assert spec.pumps["pump1"].capacity_ul == 60_000
    assert spec.stage.port == bench.rig.stage.port


def with_stage(text: str, bench: VirtualBench) -> RigSpec:
    stage = f'[stage]\nkind = "grbl"\nport = "{bench.rig.stage.port}"\ntravel_mm = [200, 120, 50]\n'
    return parse_rig(text + stage)


@posix_only
def test_a_device_is_bound_to_its_number_and_not_to_the_name_of_its_port(bench, plugged, line, pty_line):
    """Unplugged in mid-campaign and plugged in elsewhere: FAULTS 2."""
    (found,) = find(kinds=("new_era",)).found
    spec = with_stage(proposal(find(kinds=("new_era",))), bench)
    pump_spec = spec.pumps["pump1"]
    assert (found.kind, pump_spec.port) == ("new_era", "usb:A50285BI")
    first = line.port
    with open_rig(spec, speed=50.0) as rig:
        pump = rig.pumps["pump1"]
        line.unplug()
        plugged.clear()
        with pytest.raises(NotConnectedError, match="no device has the serial number"):
            pump.identify()
        blocker = pty_line(bench.rig.stage.port, "other")  # takes the old name
        blocker.plug()
        line.plug()
        plugged += line.entry()
        assert pump.identify().startswith("NE1000")
        rig.stage.home()
        rig.stage.move_to(*spec.rack.position_mm("A1"))
        assert pump.dispense(100.0, 100.0) == pytest.approx(100.0)
        assert line.port != first
        blocker.close()


@posix_only
def test_a_port_in_use_is_left_alone(bench, plugged, line):
    spec = with_stage(proposal(find(kinds=("new_era",))), bench)
    with open_rig(spec, speed=50.0) as rig:
        before = rig.pumps["pump1"].traffic
        findings = find(kinds=("new_era",), in_use={line.port})
        assert findings.closed[0][1] == "is in use here"
        assert find(kinds=("new_era",), in_use={"usb:A50285BI"}).closed[0][1] == "is in use here"
        assert find(kinds=("new_era",)).closed[0][1] != "", "whoever holds it"
        assert rig.pumps["pump1"].traffic[: len(before)] == before
        assert rig.pumps["pump1"].identify().startswith("NE1000")


def test_a_silent_port_and_one_that_does_not_open_are_told(plugged, mute):
    plugged += [listed(mute), listed("/dev/ttyNOWHERE"), listed("/dev/cu.Bluetooth-Incoming-Port")]
    findings = find(kinds=("scpi",))
    assert [p.port for p in findings.silent] == [mute]
    assert "no such port" in findings.closed[0][1] or "cannot" in findings.closed[0][1]
    assert findings.closed[1][1] == "leads to no instrument"
    text = proposal(findings)
    assert f"# Nobody answered on {mute}" in text
    assert "# No stage answered" in text


def test_it_ends_in_time_however_much_there_is_to_ask(plugged, mute):
    plugged += [listed(mute)]
    began = time.monotonic()
    findings = find(within_s=0.5)
    assert time.monotonic() - began < 9.0, "on a busy machine; 1 s on an idle one, 10 s for all questions"
    assert not findings.finished


def test_it_can_be_cancelled(plugged, mute):
    plugged += [listed(mute)]
    cancel = threading.Event()
    findings = find(lambda *_: cancel.set(), cancel=cancel)
    assert not findings.finished


def test_all_questions_to_a_silent_port_take_less_than_30_s():
    questions = discovery._questions(discovery.KINDS)
    spent_s = sum(probe.wait_s + discovery._SETTLE_S for _, probe in questions) + max(
        p.boot_s for _, p in questions
    )
    assert 5 < spent_s < discovery.WITHIN_S / 1.5


def babbling(server: socket.socket) -> None:
    client, _ = server.accept()
    with client:
        try:
            while True:
                client.sendall(b"U" * 1024)
        except OSError:
            return


def test_a_port_that_babbles_ends_too(plugged):
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=babbling, args=(server,), daemon=True)
        thread.start()
        plugged.append(listed(f"socket://127.0.0.1:{server.getsockname()[1]}"))
        findings = find(kinds=("scpi", "grbl"))
        assert len(findings.silent) == 1
        thread.join(5)


def test_a_bug_in_a_drivers_question_hides_no_other_port(bench, plugged, mute, monkeypatch):
    plugged += [listed(mute), listed(bench.rig.pumps["red"].port)]
    real = discovery._questions(("new_era",))

    def knows(heard: bytes) -> str | None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(
        discovery, "_questions", lambda _: (*real[:1], ("scpi", Probe(9600, b"x", knows)), *real[1:])
    )
    findings = find()
    assert [f.kind for f in findings.found] == ["new_era"]
    assert findings.closed == ()


def test_ports_are_listed_with_maker_product_and_number(plugged):
    plugged += [listed("COM7", "A50285BI", "FTDI", "USB serial"), listed("/dev/ttyS0", description="ttyS0")]
    first, second = ports_now()
    assert (first.serial_number, first.words) == ("A50285BI", "COM7 (FTDI USB serial)")
    assert second.words == "/dev/ttyS0 (ttyS0)"
