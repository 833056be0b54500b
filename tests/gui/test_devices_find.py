"""Finding devices: a made-up list of ports leads to a rig file that is completed, checked, saved and opened."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot
from serial.tools import list_ports

from campaign.spec import CampaignSpec
from gui.plugs import Plugged, Plugs, devices_on
from hardware.discovery import PortInfo
from hardware.rig_file import load_rig
from hardware.spec import PumpSpec, RackSpec, RigSpec, StageSpec, VialSpec
from hardware.virtual.bench import VirtualBench
from tests.gui.conftest import MakeWindow
from tests.gui.test_devices import SHIPPED, click, on_devices, until
from tests.hardware.listed_ports import listed

SPEC = RigSpec(
    name="elsewhere",
    pumps={"red": PumpSpec("new_era", "COM1", 26.59, 60_000, {})},
    stage=StageSpec("grbl", "COM2", (150, 105, 20), {}),
    rack=RackSpec(4, 6, 24, (15, 15), VialSpec(8000, 6500, 15, 17, 60)),
)


@pytest.fixture
def elsewhere() -> Iterator[VirtualBench]:
    """Instruments that the window has not opened."""
    with VirtualBench(SPEC, speed=1.0) as bench:
        yield bench


@pytest.fixture
def plugged(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    entries: list[object] = []
    monkeypatch.setattr(list_ports, "comports", lambda: list(entries))
    monkeypatch.setattr("hardware.discovery.KINDS", ("new_era", "grbl"))
    monkeypatch.setattr("hardware.discovery.find.__kwdefaults__", {**_defaults(), "kinds": ("new_era", "grbl")})
    return entries


def _defaults() -> dict[str, object]:
    from hardware.discovery import find

    return dict(find.__kwdefaults__ or {})


def test_from_ports_to_an_open_rig(
    qtbot: QtBot,
    make_window: MakeWindow,
    colour: CampaignSpec,
    elsewhere: VirtualBench,
    plugged: list[object],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hardware.camera_list.list_cameras", lambda: ())
    wiring, page = on_devices(qtbot, make_window, colour)
    plugged += [listed(elsewhere.rig.pumps["red"].port, None, "FTDI", "cable"), listed(elsewhere.rig.stage.port)]
    tab = page.finder
    page.tabs.setCurrentWidget(tab)
    click(qtbot, tab.start)
    until(qtbot, lambda: not tab.going)
    found = [tab.table.item(row, 1) for row in range(tab.table.rowCount())]
    assert sorted(item.text() for item in found if item is not None) == ["GRBL", "New Era"]
    assert "2 devices answered" in page.words.text()
    assert tab.bar.value() == 1000
    assert not tab.use.isEnabled(), "not saved yet"
    fine = tab.text.toPlainText()
    tab.text.setPlainText(fine.replace("rows = 4", "rows = 0").replace("[stage]", "[stag]"))
    until(qtbot, lambda: "rack.rows" in tab.mistakes.text() and "stage" in tab.mistakes.text())
    tab.text.setPlainText(fine.replace('name = "My bench"', 'name = "Found bench"'))
    until(qtbot, lambda: "Nothing is wrong" in tab.mistakes.text())
    file = tmp_path / "found.toml"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(file), ""))
    click(qtbot, tab.save)
    until(qtbot, lambda: tab.use.isEnabled())
    assert load_rig(file).name == "Found bench"
    click(qtbot, tab.use)
    until(
        qtbot, lambda: wiring.facts.link == "ready" and wiring.facts.rig and wiring.facts.rig.name == "Found bench"
    )
    assert not wiring.facts.simulated
    until(qtbot, lambda: [device.role for device in page.connected.devices] == ["pump1", "stage"])


def test_a_rig_file_is_read_into_the_text(
    qtbot: QtBot, make_window: MakeWindow, colour: CampaignSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, page = on_devices(qtbot, make_window, colour)
    page.tabs.setCurrentWidget(page.finder)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(SHIPPED), ""))
    click(qtbot, page.finder.load)
    until(qtbot, lambda: not page.finder.going)
    assert page.finder.text.toPlainText() == SHIPPED.read_text(encoding="utf-8")
    assert page.finder.use.isEnabled()


def test_a_port_that_comes_or_goes_is_told(
    qtbot: QtBot,
    make_window: MakeWindow,
    course: CampaignSpec,
    plugged: list[object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked = threading.Event()

    def comports() -> list[object]:
        there = list(plugged)
        if threading.current_thread().name == "aliquot-plugs":
            looked.set()
        return there

    monkeypatch.setattr(list_ports, "comports", comports)
    wiring = make_window(course)
    status = wiring.window.status.notes
    until(qtbot, looked.is_set)  # the watch has taken down what is there at the start
    plugged.append(listed("COM9", "A1", "FTDI", "cable"))
    until(qtbot, lambda: status.full == "USB serial port COM9 (FTDI cable) appeared.")
    plugged.clear()
    until(qtbot, lambda: status.full == "USB serial port COM9 (FTDI cable) disappeared.")
    assert not wiring.window.banner.isVisible(), "only a note"


def test_a_port_of_the_open_rig_is_told_with_its_device(
    qtbot: QtBot, make_window: MakeWindow, course: CampaignSpec
) -> None:
    wiring = make_window(course)
    wiring.bridge.plugged.emit(Plugged("COM1", False, ("pump red",)))
    until(qtbot, wiring.window.banner.isVisible)
    assert "pump red cannot be reached" in wiring.window.banner.text.text()
    assert devices_on(SPEC, PortInfo("COM2")) == ("the stage",)
    assert devices_on(SPEC, PortInfo("COM3", "")) == ()
    assert devices_on(None, PortInfo("COM2")) == ()


def test_no_other_rig_is_opened_under_a_campaign(
    qtbot: QtBot, make_window: MakeWindow, course: CampaignSpec
) -> None:
    wiring = make_window(replace(course, mode="approve"))
    wiring.session.connect(course)
    until(qtbot, lambda: wiring.facts.link == "ready")
    wiring.do("start")
    until(qtbot, lambda: wiring.state.phase == "Running")
    wiring.do("pause")
    until(qtbot, lambda: wiring.state.phase == "Held")
    wiring.window.devices_page.opened.emit(SHIPPED)
    until(qtbot, lambda: "End it first" in wiring.window.banner.text.text())
    assert wiring.session.devices_work.rig_path is None


def test_a_watch_that_cannot_begin_is_no_fault_of_the_window(
    monkeypatch: pytest.MonkeyPatch, qtbot: QtBot, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        raise OSError("no such list")

    monkeypatch.setattr(list_ports, "comports", broken)
    plugs = Plugs(lambda: None, lambda _: None)
    until(qtbot, lambda: "cannot be watched" in caplog.text)
    plugs.close()
