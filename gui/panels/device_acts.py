"""What a person can have one device do: make it ready, prime it, turn its valve, read it, unlock it."""

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from gui.device_rows import DeviceRow
from gui.panels.devices_tab import DevicesTab, button
from gui.theme import CONTROL_PX
from gui.units import volume
from gui.widgets.card import label
from gui.widgets.controls import combo
from gui.widgets.paragraph import Paragraph

if TYPE_CHECKING:
    from collections.abc import Callable

_UNLOCK = (
    "Unlocking releases the alarm and moves nothing. Look first that nothing is jammed or in the way. Where the "
    "alarm has cost the position, the stage must be homed after it."
)


class DeviceActs(QWidget):
    """Only what the chosen device has is shown. What moves or expels takes two presses: the first says what it
    will do."""

    def __init__(self, tab: DevicesTab) -> None:
        super().__init__()
        self._tab = tab
        self._device: DeviceRow | None = None
        self._sure = ""
        self._reading = ""
        self._questions: dict[str, str] = {}
        self.says = Paragraph(kind="")
        self.ready = button("Make ready…", "Says what it will do; a second press does it")
        self.prime = button("Prime…", "Fill the tubing with what the pump holds")
        self.unlock = button("Unlock…", "Release the alarm after you have looked what caused it")
        self.back = button("No", "Leave it as it is")
        self.port = combo("Port of the valve")
        self.turn = button("Turn the valve", "Turn it to the port on the left")
        self.read = button("Read now", "Ask the meter for its value")
        self.tare = button("Tare", "Set the balance to zero with what stands on it")
        self.value = label("", "digits")
        self.value.setAccessibleName("What the meter read")
        self.typed = QLineEdit()
        self.typed.setAccessibleName("The value that you read")
        self.typed.setPlaceholderText("the value you read")
        self.typed.setMinimumHeight(CONTROL_PX)
        self.answer = button("Answer", "Hand in the value that you read", filled=True)
        self._lay_out()
        self._connect()
        self.show_device(None)

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        for each in (
            self.ready, self.prime, self.unlock, self.back, self.port, self.turn, self.read, self.tare, self.typed,
            self.answer, self.value,
        ):  # fmt: skip
            row.addWidget(each)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.says)
        column.addLayout(row)

    def _connect(self) -> None:
        def asks(act: QPushButton, method: str) -> "Callable[[], None]":
            return lambda: self._twice(act, method)

        for act, method in ((self.ready, "make_ready"), (self.prime, "prime"), (self.unlock, "unlock")):
            act.clicked.connect(asks(act, method))
        self.back.clicked.connect(self._no)
        self.turn.clicked.connect(lambda: self._do("select", self.port.currentText()))
        self.read.clicked.connect(self._read)
        self.tare.clicked.connect(lambda: self._aside("tare"))
        self.answer.clicked.connect(self._hand_in)
        self.typed.returnPressed.connect(self._hand_in)

    def show_device(self, device: DeviceRow | None) -> None:
        if device is None or self._device is None or device.role != self._device.role:
            self._sure, self._reading = "", ""
            self.value.setText("")
            self.typed.clear()
        self._device = device
        if device is not None and device.ports:
            self.port.clear()
            self.port.addItems(device.ports)
            self.port.setCurrentText(device.port_now)
        self.fit()

    def show_questions(self, questions: dict[str, str]) -> None:
        if questions != self._questions:
            asked_before = self._asked
            self._questions = questions
            if asked_before and not self._asked:
                self._reading = ""
                self.typed.clear()
            self.fit()
            if self._asked and not asked_before and self.isVisible():
                self.typed.setFocus()

    def show_read(self, role: str, value: str, trouble: str) -> None:
        """value: empty when it could not be read."""
        self._reading = "" if value or not self._asked else self._reading
        if self._device is not None and self._device.role == role:
            self.value.setText(value)
            self.fit()
            if trouble:
                self.says.say(trouble, "bad")

    @property
    def _asked(self) -> str:
        return self._questions.get(self._device.role, "") if self._device is not None else ""

    def _twice(self, act: QPushButton, method: str) -> None:
        if self._sure != method:
            self._sure = method
            self.fit()
            act.setFocus()
            return
        self._sure = ""
        if method == "unlock":
            self._tab.ask("unlock")
        else:
            self._do(method)

    def _no(self) -> None:
        self._sure = ""
        self.fit()

    def _do(self, method: str, *values: str) -> None:
        if self._device is not None:
            self._tab.ask(method, self._device.role, *values)

    def _aside(self, method: str, *values: str) -> None:
        if self._device is not None:
            self._tab.aside.emit(method, (self._device.role, *values))

    def _read(self) -> None:
        if self._device is not None:
            self._reading = self._device.role
            self.value.setText("")
            self.fit()
            self._aside("read_meter")

    def _hand_in(self) -> None:
        if self.typed.text().strip():
            self._aside("answer_meter", self.typed.text().strip())
            self.typed.selectAll()

    def fit(self) -> None:
        device, asked, free = self._device, self._asked, self._tab.free
        has = {
            self.ready: device is not None and bool(device.unready),
            self.prime: device is not None and device.tubing_ul > 0,
            self.unlock: device is not None and device.locked,
            self.back: bool(self._sure),
            self.port: device is not None and bool(device.ports),
            self.turn: device is not None and bool(device.ports),
            self.read: device is not None and bool(device.reader),
            self.tare: device is not None and device.tares,
            self.typed: bool(asked),
            self.answer: bool(asked),
            self.value: bool(self.value.text()),
        }
        asks = {"make_ready": self.ready, "prime": self.prime, "unlock": self.unlock}.get(self._sure)
        for each, shown in has.items():
            each.setVisible(shown and (asks is None or each in (asks, self.back)))
        self._tab.able(self.ready, self.prime, self.unlock, self.turn)
        self._tab.able(self.read, self.tare, when=not asked and not self._reading)
        self.port.setEnabled(free)
        self._name_acts(device)
        self._say(device, asked)

    def _name_acts(self, device: DeviceRow | None) -> None:
        role = device.role if device is not None else ""
        for act, method, words, yes in (
            (self.ready, "make_ready", "Make ready…", f"Yes, make {role} ready"),
            (self.prime, "prime", "Prime…", f"Yes, prime {role}"),
            (self.unlock, "unlock", "Unlock…", "Yes, unlock the stage"),
        ):
            text = yes if self._sure == method else words
            act.setText(text)
            act.setAccessibleName(text)
        self.read.setText("Reading…" if self._reading and self._reading == role else "Read now")

    def _say(self, device: DeviceRow | None, asked: str) -> None:
        if device is None:
            self.says.say("", "")
        elif asked:
            self.says.say(asked, "")
        elif self._sure == "unlock":
            self.says.say(_UNLOCK, "")
        elif self._sure == "prime":
            into = (
                "Everything that comes out counts for the vial under the nozzles: put a cup or a waste vial there."
            )
            self.says.say(f"{volume(device.tubing_ul)} go through the tubing of {device.role}. {into}", "")
        elif device.unready:
            self.says.say(f"Not ready: {device.unready}", "")
        elif device.locked:
            self.says.say("The stage is locked by an alarm. Home it (page Manual), or unlock it here.", "")
        else:
            self.says.say("", "")
