"""USB serial ports as they come and go, in words; and which device of the open rig hung on one."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hardware.spec import RigSpec

if TYPE_CHECKING:
    from hardware.discovery import PortInfo

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plugged:
    """One port that appeared or is gone. devices: of the open rig, on that port."""

    port: str
    here: bool
    devices: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        what = f"USB serial port {self.port}"
        if not self.devices:
            return f"{what} {'appeared' if self.here else 'disappeared'}."
        whose = " and ".join(self.devices)
        if self.here:
            return f"{what} is there again: {whose}. It is opened with the next command."
        return f"{what} disappeared: {whose} cannot be reached. Plug it in again; nothing is sent meanwhile."


class Plugs:
    """A thread of its own from construction to `close`; `tell` is called there. rig: what is open just now."""

    def __init__(self, rig: Callable[[], RigSpec | None], tell: Callable[[Plugged], object]) -> None:
        self._rig, self._tell = rig, tell
        self._closing = threading.Event()
        threading.Thread(target=self._run, name="aliquot-plugs", daemon=True).start()

    def close(self) -> None:
        self._closing.set()

    def _run(self) -> None:
        from hardware.discovery import Watch

        try:
            watch: Watch = Watch(self._changed)
        except Exception:
            log.exception("ports cannot be watched")
            return
        self._closing.wait()
        watch.close()

    def _changed(self, appeared: tuple["PortInfo", ...], gone: tuple["PortInfo", ...]) -> None:
        rig = self._rig()
        for here, ports in ((False, gone), (True, appeared)):
            for info in ports:
                log.info("port %s %s", info.port, "appeared" if here else "disappeared")
                if not self._closing.is_set():
                    self._tell(Plugged(info.words, here, devices_on(rig, info)))


def devices_on(rig: RigSpec | None, info: "PortInfo") -> tuple[str, ...]:
    """The devices of a rig that a port leads to, as a person calls them."""
    if rig is None:
        return ()
    ports = {f"pump {role}": pump.port for role, pump in rig.pumps.items()}
    ports |= {"the stage": rig.stage.port, **{f"meter {role}": meter.port for role, meter in rig.meters.items()}}
    mine = {info.port, f"usb:{info.serial_number}"} if info.serial_number else {info.port}
    return tuple(name for name, port in ports.items() if port in mine)
