"""How long a stop takes, measured from outside: bytes on the wire, the answer, and when the thing stands."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from hardware.devices import Pump, Rig, Stage
from hardware.errors import HardwareError

WRITTEN_MS, STILL_MS = 50.0, 500.0
"""From the stop to its last byte, and to a stand: what a rig is meant to keep."""
_BEGIN_S, _UNWIND_S, _WATCH_S = 5.0, 10.0, 2.0
_STANDS_S, _LATER_S = 0.1, 0.3
_LOOK_S = 0.01

Place = tuple[float, ...]


@dataclass(frozen=True)
class Stopped:
    """All from the moment of the stop; None where it could not be seen. went_on: it moved after it had stood."""

    written_ms: float | None
    confirmed_ms: float
    still_ms: float | None
    unconfirmed: tuple[str, ...]
    went_on: bool
    too_late: bool


def in_mid_act(
    rig: Rig,
    device: Pump | Stage,
    act: Callable[[], object],
    begun: Callable[[], bool],
    *,
    moment_s: float,
    where: Callable[[], Place] | None = None,
    step: float = 0.0,
) -> Stopped:
    """Do `act` in a thread, stop everything `moment_s` after it has begun, see when it stands, release the stop.

    where: asks for the place, in which `step` makes no difference; without it the device's own confirmation counts.
    Raises HardwareError when the act fails by itself, or does not end after the stop.
    """
    failed: list[BaseException] = []

    def work() -> None:
        try:
            act()
        except BaseException as error:  # noqa: BLE001  told to the caller, who waits for it
            failed.append(error)

    thread = threading.Thread(target=work, name="act to be stopped", daemon=True)
    thread.start()
    _wait_for(begun, thread)
    thread.join(moment_s)
    if not thread.is_alive() and failed:
        raise failed[0]
    stopped_s = time.monotonic()
    unconfirmed = rig.stop_all()
    confirmed_ms = 1000 * (time.monotonic() - stopped_s)
    still_ms, went_on = _seen(where, step, stopped_s) if where is not None else (confirmed_ms, False)
    thread.join(_UNWIND_S)
    rig.rearm()
    sent = [piece.at_s for piece in device.traffic if piece.direction == "!" and piece.at_s >= stopped_s]
    written_ms = 1000 * (sent[0] - stopped_s) if sent else None
    return Stopped(written_ms, confirmed_ms, still_ms, unconfirmed, went_on, too_late=not failed)


def _wait_for(begun: Callable[[], bool], thread: threading.Thread) -> None:
    deadline = time.monotonic() + _BEGIN_S
    while thread.is_alive() and time.monotonic() < deadline:
        with suppress(HardwareError):
            if begun():
                return
        time.sleep(_LOOK_S)


def _seen(where: Callable[[], Place], step: float, stopped_s: float) -> tuple[float | None, bool]:
    """When it stood, in ms, and whether it moved on; (None, False) when it cannot tell where it is."""
    last, since_s = None, stopped_s
    with suppress(HardwareError):
        while time.monotonic() < stopped_s + _WATCH_S:
            now, at_s = where(), time.monotonic()
            if last is None or _apart(now, last) > step:
                last, since_s = now, at_s
            elif at_s - since_s > _STANDS_S:
                time.sleep(_LATER_S)
                return 1000 * (since_s - stopped_s), _apart(where(), now) > step
            time.sleep(_LOOK_S)
    return None, last is not None and time.monotonic() >= stopped_s + _WATCH_S


def _apart(a: Place, b: Place) -> float:
    return max(abs(p - q) for p, q in zip(a, b, strict=True))
