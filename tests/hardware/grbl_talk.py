"""What is said between a driver and a GRBL controller, to be put together into conversations."""

import threading
from collections import deque
from contextlib import contextmanager

from hardware.drivers.grbl import Driver, Settings
from hardware.errors import HardwareError
from hardware.spec import StageSpec

BANNER = b"\r\nGrbl 1.1h ['$' for help]\r\n"
LOCK = b"[MSG:'$H'|'$X' to unlock]\r\n"
ASBUILT = {
    10: "1", 13: "0", 20: "0", 21: "0", 22: "1", 23: "3", 27: "1.000", 100: "80.000", 101: "80.000", 102: "400.000",
    110: "6000.000", 111: "6000.000", 112: "600.000", 120: "100.000", 121: "100.000", 122: "50.000", 130: "200.000",
    131: "200.000", 132: "60.000",
}  # fmt: skip


def report(state: str, *at_mm: float, wco: str = "", free: str = "") -> bytes:
    axes = ",".join(f"{mm:.3f}" for mm in at_mm)
    extra = (f"|Bf:{free}" if free else "") + "|FS:0,0" + (f"|WCO:{wco}" if wco else "")
    return f"<{state}|MPos:{axes}{extra}>\r\n".encode()


def settings_of(values: dict[int, str]) -> bytes:
    return "".join(f"${n}={v}\r\n" for n, v in values.items()).encode() + b"ok\r\n"


def greeting(values: dict[int, str] | None = None, options: str = "V,15,128", wco: str = "0.000,0.000,0.000"):
    """Opening a GRBL as it is built, with homing on: locked, at 0, 0, 0."""
    return [
        (b"\x18", BANNER + LOCK),
        (b"?", report("Alarm", 0, 0, 0, wco=wco, free="15,128")),
        (b"$I\n", f"[VER:1.1h.20190830:]\r\n[OPT:{options}]\r\nok\r\n".encode()),
        (b"$$\n", settings_of(ASBUILT | (values or {}))),
    ]


def homing(*at_mm: float, wco: str = "0.000,0.000,0.000"):
    """With X and Y switches at the low end, Z at the top: as $23=3."""
    at_mm = at_mm or (-199, -199, -1)
    return [
        (b"?", report("Alarm", 0, 0, 0)),
        (b"$H\n", b"ok\r\n"),
        (b"?", report("Idle", *at_mm, wco=wco)),
    ]


def a_stage(port: str, *, speed: float = 50.0, travel_mm=(190.0, 120.0, 50.0), latch=None, **fields) -> Driver:
    spec = StageSpec("grbl", port, travel_mm, {})
    return Driver("stage", spec, Settings(**fields), speed=speed, latch=latch or threading.Event())


def in_background(act) -> tuple[threading.Thread, deque[Exception]]:
    failures: deque[Exception] = deque()

    def work() -> None:
        try:
            act()
        except HardwareError as error:
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    return thread, failures


class Script:
    """A conversation in which every line and every real-time byte comes in its turn, but `?` as often as it likes:
    it is answered by the next report of the script, and by the last one again once something else is due."""

    def __init__(self, turns) -> None:
        self.turns, self.strange, self.last = list(turns), [], b""

    @property
    def over(self) -> bool:
        return not [sent for sent, _ in self.turns if sent != b"?"]

    def __call__(self, received: bytes):
        if received[:1] == b"?":
            if self.turns and self.turns[0][0] == b"?":
                answer = self.turns.pop(0)[1]
                self.last = answer if answer is not None and answer.startswith(b"<") else self.last
                return 1, answer
            return 1, self.last
        while self.turns and self.turns[0][0] == b"?":
            self.turns.pop(0)
        if not self.turns:
            self.strange.append(f"after the end: {received!r}")
            return len(received), None
        sent, answer = self.turns[0]
        if not sent.startswith(received[: len(sent)]):
            self.strange.append(f"expected {sent!r}, heard {received!r}")
            return len(received), None
        if len(received) < len(sent):
            return None
        self.turns.pop(0)
        return len(sent), answer


def talking(serving):
    """`with talking(serving)(turns) as instrument:`; what is left over, on either side, fails."""

    @contextmanager
    def talk(turns):
        script = Script(turns)
        with serving(script) as instrument:
            yield instrument
            assert not script.strange, script.strange
            assert instrument.soon(lambda: script.over), f"never asked: {script.turns}"

    return talk
