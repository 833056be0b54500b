"""The Devices page in the real window on the virtual bench: what is connected, and what a person has it do."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton
from pytestqt.qtbot import QtBot

from campaign.spec import CampaignSpec
from campaign.state import CampaignState
from gui.device_rows import DeviceRow, tidy
from gui.facts import Facts
from gui.lab import Lab
from gui.mistakes import mistakes_of
from gui.panels.devices import DevicesPage
from gui.theme import DARK
from gui.wiring import Wiring
from hardware.rig_file import RigFileError, load_rig
from hardware.spec import RigSpec
from resources import path
from tests.gui.conftest import MakeWindow

LONG_MS = 90_000
SHIPPED = Path(path("rigs/virtual.toml"))
_VALVED = """
kind = "cavro"
port = "socket://127.0.0.1:7101"
diameter_mm = 4.607
capacity_ul = 1000.0
stock = "red dye"
settings = { valve = "4-port" }
bottle_ul = 50000.0
ports = { draw = "input", deliver = "output" }
dead_volume_ul = 100.0
"""


def until(qtbot: QtBot, condition: Callable[[], object]) -> None:
    qtbot.waitUntil(lambda: bool(condition()), timeout=LONG_MS)


def click(qtbot: QtBot, button: QAbstractButton) -> None:
    assert button.isEnabled(), button.text()
    assert button.isVisible(), button.text()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def on_devices(
    qtbot: QtBot, make_window: MakeWindow, spec: CampaignSpec, rig: Path | None = None, speed: float = 100.0
) -> tuple[Wiring, DevicesPage]:
    """A window whose Devices page is shown and has asked every device."""
    wiring = make_window(spec, rig=rig, virtual=True, speed=speed)
    wiring.window.show_page("devices")
    wiring.session.connect(spec)
    page = wiring.window.devices_page
    until(qtbot, lambda: page.connected.devices and not page.connected.going)
    return wiring, page


def chosen(page: DevicesPage, role: str) -> DeviceRow:
    roles = [device.role for device in page.connected.devices]
    page.connected.table.setCurrentCell(roles.index(role), 0)
    device = page.connected.chosen
    assert device is not None
    return device


def told(page: DevicesPage) -> dict[str, str]:
    """What the details of the chosen device show."""
    table = page.connected.about
    cells = ((table.item(row, 0), table.item(row, 1)) for row in range(table.rowCount()))
    return {name.text(): value.text() for name, value in cells if name is not None and value is not None}


@pytest.fixture
def rig_file(tmp_path: Path) -> Path:
    """The shipped rig with a valved pump that must be readied, and a meter that a person reads."""
    text = SHIPPED.read_text(encoding="utf-8")
    begin, end = text.index("[pumps.red]"), text.index("[pumps.yellow]")
    meter = '[meters.ph]\nkind = "by_person"\nport = "person"\nsettings = { question = "What is the pH?" }\n\n'
    made = tmp_path / "bench.toml"
    made.write_text(f"{text[:begin]}[pumps.red]{_VALVED}\n{text[end:]}\n{meter}", encoding="utf-8")
    return made


def test_every_device_tells_of_itself_as_soon_as_somebody_looks(
    qtbot: QtBot, make_window: MakeWindow, colour: CampaignSpec
) -> None:
    _, page = on_devices(qtbot, make_window, colour)
    assert [device.role for device in page.connected.devices] == [
        "red",
        "yellow",
        "blue",
        "water",
        "stage",
        "camera",
    ]
    chosen(page, "red")
    assert told(page)["diameter"] == "26.59 mm"
    assert page.connected.identity.text().startswith("NE1000")
    acts = page.connected.acts
    assert not any(
        act.isVisible() for act in (acts.ready, acts.prime, acts.port, acts.read, acts.unlock, acts.typed)
    )


def test_an_alarm_is_released_by_two_presses(qtbot: QtBot, make_window: MakeWindow, colour: CampaignSpec) -> None:
    _, page = on_devices(qtbot, make_window, colour)
    acts = page.connected.acts
    assert chosen(page, "stage").locked
    click(qtbot, acts.unlock)
    assert "moves nothing" in acts.says.text()
    click(qtbot, acts.back)
    assert acts.unlock.text() == "Unlock…"
    click(qtbot, acts.unlock)
    click(qtbot, acts.unlock)
    until(qtbot, lambda: not page.connected.going)
    until(qtbot, lambda: "unlocked" in page.words.text())
    assert not chosen(page, "stage").locked
    assert not acts.unlock.isVisible()


def test_a_pump_is_made_ready_and_primed_and_its_valve_is_turned(
    qtbot: QtBot, make_window: MakeWindow, colour: CampaignSpec, rig_file: Path
) -> None:
    wiring, page = on_devices(qtbot, make_window, colour, rig_file)
    acts = page.connected.acts
    assert chosen(page, "red").unready
    assert "Not ready" in acts.says.text()
    click(qtbot, acts.ready)
    assert "Yes" in acts.ready.text()
    click(qtbot, acts.ready)
    assert wiring.session.facts.busy
    until(qtbot, lambda: not page.connected.going and not wiring.facts.busy)
    assert "One more thing before red is ready: its tubing" in page.words.text()
    other = next(port for port in chosen(page, "red").ports if port != chosen(page, "red").port_now)
    acts.port.setCurrentText(other)
    click(qtbot, acts.turn)
    until(qtbot, lambda: not page.connected.going and not wiring.facts.busy)
    assert chosen(page, "red").port_now == other
    for act in (("home",), ("move_to", 27.0, 27.0, 0.0)):  # between the vials
        wiring.session.by_hand("Moving the stage", *act)
        until(qtbot, lambda: not wiring.session.facts.busy and not wiring.facts.busy)
    click(qtbot, acts.prime)
    assert "100" in acts.says.text()
    click(qtbot, acts.prime)
    until(qtbot, lambda: not page.connected.going and not wiring.facts.busy)
    assert "tubing of red is full" in page.words.text()
    assert not chosen(page, "red").unready


def test_a_meter_that_a_person_reads_asks_and_takes_only_a_number(
    qtbot: QtBot, make_window: MakeWindow, colour: CampaignSpec, rig_file: Path
) -> None:
    _, page = on_devices(qtbot, make_window, colour, rig_file)
    acts = page.connected.acts
    chosen(page, "ph")
    click(qtbot, acts.read)
    until(qtbot, lambda: acts.typed.isVisible())
    assert "What is the pH?" in acts.says.text()
    assert not acts.read.isEnabled()
    qtbot.keyClicks(acts.typed, "seven")
    qtbot.keyClick(acts.typed, Qt.Key.Key_Return)
    until(qtbot, lambda: "no number" in acts.says.text())
    assert acts.typed.isVisible()
    acts.typed.selectAll()
    qtbot.keyClicks(acts.typed, "7.2")
    click(qtbot, acts.answer)
    until(qtbot, lambda: acts.value.text() == "7.2")
    until(qtbot, lambda: acts.read.isEnabled() and not acts.typed.isVisible())


def test_while_a_campaign_uses_the_rig_nothing_here_moves(qtbot: QtBot, colour: CampaignSpec) -> None:
    page = DevicesPage()
    qtbot.addWidget(page)
    page.resize(1200, 700)
    page.show()
    rig: RigSpec = load_rig(SHIPPED)
    wanted: list[str] = []
    page.wanted.connect(lambda what, _: wanted.append(what))
    page.show_state(CampaignState(spec=colour, phase="Running"), Facts(link="ready", rig=rig))
    page.show_position((15.0, 15.0, 0.0))
    page.connected.show_devices((DeviceRow("red", "cavro", "COM1", unready="it pushes 100 µL out"),))
    assert "Press Pause first" in page.words.text()
    blocked = (
        page.connected.ask_all, page.connected.acts.ready, page.check.start, page.calibrate.dose, page.rack.first,
        page.rack.stage.home_button, page.finder.use,
    )  # fmt: skip
    for button in blocked:
        assert not button.isEnabled(), button.text()
    assert "Press Pause first" in page.calibrate.dose.toolTip()
    assert page.finder.start.isEnabled(), "free ports may be asked at any time"
    assert wanted == []
    page.show_state(CampaignState(spec=colour), Facts(link="ready", rig=rig))
    assert wanted == ["list_devices"]


def test_what_is_under_way_here_keeps_a_campaign_from_going_on(
    qtbot: QtBot, make_window: MakeWindow, colour: CampaignSpec
) -> None:
    wiring, page = on_devices(qtbot, make_window, colour, speed=20.0)
    page.tabs.setCurrentWidget(page.check)
    click(qtbot, page.check.start)
    until(qtbot, lambda: page.check.yes.isVisible())
    assert wiring.facts.busy == "Checking the rig"
    assert not wiring.window.actions_["start"].isEnabled()
    wiring.session.by_hand("Homing the stage", "home")
    until(qtbot, lambda: "Still busy" in wiring.window.banner.text.text())
    click(qtbot, page.check.stop)
    until(qtbot, lambda: not page.check.going and wiring.window.actions_["start"].isEnabled())


@pytest.mark.parametrize("scale", [1.0, 1.6])
def test_it_fits_the_smallest_screen(
    qtbot: QtBot, make_window: MakeWindow, colour: CampaignSpec, scale: float
) -> None:
    wiring = make_window(colour)
    window, page = wiring.window, wiring.window.devices_page
    window.resize(1280, 800)
    window._scale = scale
    window.redress()
    window.show_page("devices")
    rig = load_rig(SHIPPED)
    page.show_state(CampaignState(spec=colour), Facts(link="ready", rig=rig))
    for tab in range(page.tabs.count()):
        page.tabs.setCurrentIndex(tab)
        qtbot.wait(20)
        least = page.minimumSizeHint()
        assert least.width() <= page.width(), page.tabs.tabText(tab)
        assert least.height() <= page.height(), page.tabs.tabText(tab)


def test_every_control_has_a_name_and_every_button_says_what_it_does(
    qtbot: QtBot, make_window: MakeWindow, colour: CampaignSpec
) -> None:
    page = make_window(colour).window.devices_page
    page.show_state(replace(CampaignState(spec=colour)), Facts(link="ready", rig=load_rig(SHIPPED)))
    for tab in range(page.tabs.count()):
        for button in page.tabs.widget(tab).findChildren(QAbstractButton):
            if button.objectName().startswith("qt_") or not (button.text() or button.property("shape")):
                continue
            assert button.accessibleName() or button.text(), button


def test_what_is_disconnected_or_not_homed_is_never_shown_as_well(qtbot: QtBot, colour: CampaignSpec) -> None:
    page = DevicesPage()
    qtbot.addWidget(page)
    tab = page.connected
    tab.set_theme(DARK)
    tab.show_devices((DeviceRow("red", "new_era", "COM1", identity="NE1000"), DeviceRow("stage", "grbl", "COM2")))
    assert "every device answered" in tab.asked.text()
    cells = {(row, column): tab.table.item(row, column) for row in range(2) for column in range(3)}
    words = {at: cell.text() for at, cell in cells.items() if cell is not None}
    assert words[0, 2] == "New Era"
    assert words[1, 1] == "answers"
    tab.show_now({"red": "its cable is out"}, homed=False)
    tab.table.setCurrentCell(0, 0)
    assert cells[0, 1].text() == "disconnected"  # type: ignore[union-attr]
    assert cells[1, 1].text() == "not homed"  # type: ignore[union-attr]
    assert tab.identity.text() == "its cable is out"
    tab.show_now({}, homed=True)
    assert cells[0, 1].text() == "answers"  # type: ignore[union-attr]
    assert tab.identity.text() == "NE1000"


@pytest.mark.parametrize(
    ("told", "shown"),
    [("7268. µL/min", "7268 µL/min"), ("-0 g, at rest", "0 g, at rest"), ("-0.00 g", "0.00 g"),
     ("-0.5 g", "-0.5 g"), ("firmware 1.1h.", "firmware 1.1h."), ("NE-0", "NE-0"), ("10.5 mm", "10.5 mm")],
)  # fmt: skip
def test_values_are_shown_without_bare_points_and_minus_nothing(told: str, shown: str) -> None:
    assert tidy(told) == shown


def test_a_rig_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    with pytest.raises(RigFileError) as missing:
        load_rig(tmp_path / "rig.toml")
    said = mistakes_of(missing.value)
    assert said == ("rig.toml: no such file. Choose another under Devices, Find, Open a file…",)
    (tmp_path / "bad.toml").write_text("format = 1\nname = 3\n", encoding="utf-8")
    with pytest.raises(RigFileError) as wrong:
        load_rig(tmp_path / "bad.toml")
    assert mistakes_of(wrong.value)[0] == "bad.toml cannot be used:"
    assert mistakes_of(RuntimeError("a\nb")) == ("a", "b")


def test_the_status_bar_tells_of_what_is_lost_and_of_an_old_picture() -> None:
    rig = load_rig(SHIPPED)
    frame = SimpleNamespace(taken_s=time.monotonic() - 5.0)
    lab = Lab(None, None, 1.0, 0)
    lab.rig = cast(Any, SimpleNamespace(
        spec=rig, pumps={"red": SimpleNamespace(left_ul=1000.0), "blue": SimpleNamespace(left_ul=1000.0)},
        stage=SimpleNamespace(homed=True), camera=SimpleNamespace(latest=lambda: frame), lost={"red": "unplugged"},
    ))  # fmt: skip
    facts = {fact.name: (fact.word, fact.tone) for fact in lab.devices(Facts(link="ready", rig=rig, latched=True))}
    assert facts["pump red"] == ("disconnected", "fail")
    assert facts["pump blue"] == ("1.00\u202fmL", "warn")
    assert facts["camera"] == ("no new picture", "fail")
    frame.taken_s = time.monotonic()
    assert lab.devices(Facts())[-1].word == "live"
