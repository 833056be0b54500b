"""Which ports there are, who answers on them, and what comes and goes.

Only free ports are asked, and only the questions that drivers call harmless (`PROBES`): they move, set and store
nothing. Every port has a thread of its own and all of them one deadline. A port is opened once and keeps its lines
as they are while the speed changes, so that a controller that restarts when its port is opened restarts once.
Between two questions goes an empty line, which ends what an instrument of another kind may have made of the last.
"""

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import serial
from serial.tools import list_ports

from hardware import ports
from hardware.drivers import KINDS, Probe, module_of

log = logging.getLogger(__name__)
POLL_S = 0.3
WITHIN_S = 30.0
_SLICE_S = 0.02
_END_OF_LINE = b"\r\n"
_SETTLE_S = 0.06
_MOST_HEARD = 4096
_NEVER = ("bluetooth", "bthenum", "debug-console", "wlan-debug")
"""Ports that take half a minute to open, or lead nowhere."""

Progress = Callable[[float, str], None]
"""Told how far it is, 0 to 1, and what is being done; from the thread that called `find`."""


@dataclass(frozen=True)
class PortInfo:
    """A port as the system tells it. serial_number: of the USB device, empty when it has none."""

    port: str
    serial_number: str = ""
    maker: str = ""
    product: str = ""

    @property
    def words(self) -> str:
        told = " ".join(w for w in (self.maker, self.product) if w)
        return f"{self.port} ({told})" if told else self.port


@dataclass(frozen=True)
class Found:
    """A device that told who it is. kind, settings: as in a rig file. identity: its own words."""

    port: PortInfo
    kind: str
    identity: str
    settings: Mapping[str, str | int | float | bool]


@dataclass(frozen=True)
class Findings:
    """found: by port, then as they answered. silent: ports on which nobody answered. closed: ports that could not
    be asked, and why. finished: False when it was cancelled or ran out of time."""

    found: tuple[Found, ...]
    silent: tuple[PortInfo, ...]
    closed: tuple[tuple[PortInfo, str], ...]
    finished: bool


def ports_now() -> tuple[PortInfo, ...]:
    """Every port that the system lists, in its order."""
    return tuple(
        PortInfo(p.device, p.serial_number or "", p.manufacturer or "", _product(p)) for p in list_ports.comports()
    )


def _product(port: Any) -> str:
    told = port.product or port.description or ""
    return "" if told == "n/a" else str(told)


def find(
    progress: Progress = lambda _share, _doing: None,
    *,
    cancel: threading.Event | None = None,
    in_use: Collection[str] = (),
    kinds: Iterable[str] = KINDS,
    within_s: float = WITHIN_S,
) -> Findings:
    """Ask every free port who is there. Ends within `within_s`, about 10 s when some port is silent.

    in_use: ports that this program itself holds; they are left alone, as are those that another one holds.
    """
    cancel = cancel if cancel is not None else threading.Event()
    deadline = time.monotonic() + within_s
    questions = _questions(kinds)
    asked = [_Asked(info, questions, cancel, deadline) for info in ports_now()]
    for one in asked:
        if why := _why_not(one.info, in_use):
            one.closed, one.share = why, 1.0
        else:
            one.thread.start()
    give_up_s = deadline + 1.0
    while (busy := [one for one in asked if one.thread.is_alive()]) and time.monotonic() < give_up_s:
        if cancel.is_set():
            give_up_s = min(give_up_s, time.monotonic() + 1.0)
        progress(
            sum(one.share for one in asked) / len(asked), "; ".join(one.doing for one in busy[:3] if one.doing)
        )
        busy[0].thread.join(0.1)
    for one in asked:
        if one.thread.is_alive():
            one.closed = one.closed or "takes too long to open"
    progress(1.0, "stopped" if cancel.is_set() else "done")
    return Findings(
        found=tuple(found for one in asked for found in one.found),
        silent=tuple(one.info for one in asked if not one.found and not one.closed),
        closed=tuple((one.info, one.closed) for one in asked if one.closed),
        finished=not cancel.is_set() and all(one.share == 1.0 for one in asked),
    )


def _questions(kinds: Iterable[str]) -> tuple[tuple[str, Probe], ...]:
    """All probes: those that need no restart awaited first, and each speed once."""
    every = [(kind, probe) for kind in sorted(kinds) for probe in getattr(module_of(kind), "PROBES", ())]
    bauds = list(dict.fromkeys(probe.baud for _, probe in every))
    return tuple(sorted(every, key=lambda q: (q[1].boot_s > 0, bauds.index(q[1].baud))))


def _why_not(info: PortInfo, in_use: Collection[str]) -> str:
    if info.port in in_use or f"{ports.USB}{info.serial_number}" in in_use:
        return "is in use here"
    if any(word in f"{info.port} {info.maker} {info.product}".lower() for word in _NEVER):
        return "leads to no instrument"
    holder = ports.holder(info.port) if "://" not in info.port else None
    return f"{holder} holds it" if holder else ""


@dataclass(eq=False)
class _Asked:
    """One port being asked."""

    info: PortInfo
    questions: tuple[tuple[str, Probe], ...]
    cancel: threading.Event
    deadline_s: float
    found: list[Found] = field(default_factory=list)
    closed: str = ""
    doing: str = ""
    share: float = 0.0

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._run, name=f"asks {self.info.port}", daemon=True)

    def _run(self) -> None:
        try:
            self._ask_all()
        except (OSError, ValueError) as error:  # pyserial's are OSErrors; a strange speed is a ValueError
            self.closed = ports.advice(self.info.port, error) if not self.found else ""
        except Exception as error:  # noqa: BLE001  termios.error, which Windows does not know; or a driver's bug
            self.closed = f"{type(error).__name__}: {error}" if not self.found else ""
        if not self._over():
            self.share = 1.0

    def _over(self) -> bool:
        return self.cancel.is_set() or time.monotonic() > self.deadline_s

    def _ask_all(self) -> None:
        options = {"exclusive": True} if "://" not in self.info.port else {}
        first = self.questions[0][1].baud if self.questions else 9600
        with serial.serial_for_url(self.info.port, first, timeout=_SLICE_S, write_timeout=0.5, **options) as port:
            opened_s, wholly = time.monotonic(), sum(q.wait_s for _, q in self.questions) or 1.0
            for kind, probe in self.questions:
                if self._over():
                    return
                self.share = min(0.99, self.share + probe.wait_s / wholly)
                if self._wanted(kind, probe):
                    self.doing = f"{self.info.port}: {kind.replace('_', ' ')}?"
                    self._wait_until(opened_s + probe.boot_s)
                    who = self._ask(port, probe)
                    if who is not None:
                        self.found.append(Found(self.info, kind, who, dict(probe.settings)))

    def _wanted(self, kind: str, probe: Probe) -> bool:
        """Everything while nobody has answered; then only its neighbours on the same chain."""
        if not self.found:
            return True
        first, settings = self.found[0], dict(probe.settings)
        address = settings.get("address")
        return (
            kind == first.kind
            and getattr(module_of(kind), "CHAINED", False)
            and address is not None
            and address not in [f.settings.get("address") for f in self.found]
            and {**settings, "address": 0} == {**first.settings, "address": 0}
        )

    def _ask(self, port: Any, probe: Probe) -> str | None:
        if port.baudrate != probe.baud:
            port.baudrate = probe.baud
        port.write(_END_OF_LINE)
        self._hear(port, time.monotonic() + _SETTLE_S, lambda _: None)
        port.reset_input_buffer()
        port.write(probe.asks)
        return self._hear(port, time.monotonic() + probe.wait_s, probe.knows)

    def _hear(self, port: Any, until_s: float, knows: Callable[[bytes], str | None]) -> str | None:
        heard = b""
        while time.monotonic() < until_s and not self._over() and len(heard) < _MOST_HEARD:
            more = port.read(max(1, port.in_waiting))
            heard += more
            if more and (who := self._known(knows, heard)) is not None:
                return who
        return None

    def _known(self, knows: Callable[[bytes], str | None], heard: bytes) -> str | None:
        try:
            who = knows(heard)
        except Exception:  # what foreign bytes do to one driver's parser hides no other device
            log.exception("a driver's probe failed over %r", heard)
            return None
        return None if who is None else " ".join(who.split())

    def _wait_until(self, when_s: float) -> None:
        while (left_s := min(when_s, self.deadline_s) - time.monotonic()) > 0 and not self.cancel.wait(
            min(left_s, 0.1)
        ):
            pass


class Watch:
    """Tells which ports came and which went, within a second. From a thread of its own.

    changed: called with what appeared and what is gone, never with nothing twice. `close` it, or use it in a with
    statement.
    """

    def __init__(
        self, changed: Callable[[tuple[PortInfo, ...], tuple[PortInfo, ...]], None], poll_s: float = POLL_S
    ) -> None:
        self._changed, self._poll_s = changed, poll_s
        self._closing = threading.Event()
        self.ports = ports_now()
        self._thread = threading.Thread(target=self._run, name="watches ports", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._closing.wait(self._poll_s):
            try:
                now = ports_now()
            except Exception as error:  # noqa: BLE001  it may fail while a device is just being pulled out
                log.info("the ports could not be listed: %s", error)
                continue
            before, self.ports = self.ports, now
            appeared = tuple(p for p in now if p not in before)
            gone = tuple(p for p in before if p not in now)
            if appeared or gone:
                try:
                    self._changed(appeared, gone)
                except Exception:  # a listener's bug must not end the watch
                    log.exception("a listener failed")

    def close(self) -> None:
        self._closing.set()
        if self._thread is not threading.current_thread():
            self._thread.join(2.0)

    def __enter__(self) -> "Watch":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
