"""What the Devices page has done: finding, checking, readying, weighing. One thing at a time, off the GUI thread.

What comes of it is told through the bridge as (what, payload); `Told` names them.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gui.bridge import Bridge
from gui.lab import Lab
from hardware.errors import HardwareError

if TYPE_CHECKING:
    from hardware.devices import Device, Rig

log = logging.getLogger(__name__)


class Told(StrEnum):
    """What is told: progress (0 to 1, words), what was found, rows of a check, its end, devices, a dose, an end."""

    PROGRESS = "progress"
    FOUND = "found"
    ROW = "row"
    CHECKED = "checked"
    DEVICES = "devices"
    DOSED = "dosed"
    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True)
class DeviceRow:
    """One device as it tells of itself. unready: what making it ready would do; empty when it is ready."""

    role: str
    kind: str
    port: str
    identity: str
    about: Mapping[str, str]
    unready: str = ""
    trouble: str = ""


class DeviceWork:
    """Every method may be called from the GUI thread and returns at once."""

    def __init__(self, bridge: Bridge, lab: Lab) -> None:
        self._bridge, self._lab = bridge, lab
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="aliquot-devices")
        self._cancelled = threading.Event()
        self.busy = False

    @property
    def rig_path(self) -> Path | None:
        return self._lab.rig_path

    def list_devices(self) -> None:
        self._submit(self._list)

    def make_ready(self, role: str) -> None:
        self._submit(self._make_ready, role)

    def find(self) -> None:
        self._cancelled.clear()
        self._submit(self._find)

    def check(self, may_move: bool) -> None:
        self._cancelled.clear()
        self._submit(self._check, may_move)

    def cancel(self) -> None:
        self._cancelled.set()

    def weigh_dose(self, role: str, volume_ul: float, rate_ul_s: float) -> None:
        """One dose at the nozzles, into what stands there, to be weighed."""
        self._submit(self._weigh_dose, role, volume_ul, rate_ul_s)

    def save_calibration(self, role: str, values: Mapping[str, float], note: str) -> None:
        self._submit(self._save_calibration, role, dict(values), note)

    def save_text(self, path: Path, text: str) -> None:
        self._submit(self._save_text, path, text)

    def close(self) -> None:
        self._cancelled.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    # in the worker thread

    def _submit(self, work: Callable[..., str], *values: Any) -> None:
        if self.busy:
            self._tell(Told.REFUSED, "Still busy with the last request.")
            return
        self.busy = True
        self._pool.submit(self._guarded, work, values)

    def _guarded(self, work: Callable[..., str], values: tuple[Any, ...]) -> None:
        try:
            said = work(*values)
        except (HardwareError, OSError, ValueError, KeyError, RuntimeError) as error:
            log.info("%s: %s", work.__name__, error)
            self.busy = False
            self._tell(Told.REFUSED, str(error.args[0]) if isinstance(error, KeyError) else str(error))
        except Exception as error:
            log.exception("%s failed", work.__name__)
            self.busy = False
            self._tell(Told.REFUSED, f"Something went wrong that should not have: {error!r}")
        else:
            self.busy = False
            self._tell(Told.DONE, said)

    def _tell(self, what: Told, payload: object) -> None:
        self._bridge.device_told.emit(what, payload)

    def _rig(self) -> "Rig":
        if self._lab.rig is None:
            raise RuntimeError("No rig is open: this campaign needs none.")
        return self._lab.rig

    def _list(self) -> str:
        rig = self._rig()
        devices: dict[str, Device] = {**rig.pumps, "stage": rig.stage, **rig.meters}
        devices |= {"camera": rig.camera} if rig.camera is not None else {}
        self._tell(Told.DEVICES, tuple(_row(rig, role, device) for role, device in devices.items()))
        return ""

    def _make_ready(self, role: str) -> str:
        from hardware.devices import NeedsReadying

        rig = self._rig()
        device = rig.stage if role == "stage" else rig.pumps[role]
        if isinstance(device, NeedsReadying):
            device.make_ready()
        self._list()
        return f"{role} is ready."

    def _find(self) -> str:
        from hardware.discovery import find

        findings = find(self._progress, cancel=self._cancelled, in_use=self._lab.ports)
        self._tell(Told.FOUND, findings)
        return f"{len(findings.found)} found." if findings.found else "Nothing was recognised."

    def _progress(self, fraction: float, words: str) -> None:
        self._tell(Told.PROGRESS, (fraction, words))

    def _check(self, may_move: bool) -> str:
        from hardware.check import check, table

        rig = self._rig()
        rows = []
        for row in check(rig, consent=lambda _: may_move):
            rows.append(row)
            self._tell(Told.ROW, row)
            if self._cancelled.is_set():
                break
        self._tell(Told.CHECKED, f"{table(rig.spec, rows)}\n\n```\n{rig.exchange_log()}```\n")
        bad = sum(row.result == "fail" for row in rows)
        return "Everything is as it should be." if not bad else f"{bad} of {len(rows)} checks failed."

    def _weigh_dose(self, role: str, volume_ul: float, rate_ul_s: float) -> str:
        counted_ul = self._rig().pumps[role].dispense(volume_ul, rate_ul_s)
        self._tell(Told.DOSED, (role, counted_ul))
        return f"{counted_ul:g} µL dosed: weigh it and type the weight."

    def _save_calibration(self, role: str, values: dict[str, float], note: str) -> str:
        from hardware.rig_edit import set_calibration

        if self._lab.rig_path is None:
            raise RuntimeError("This rig comes with Aliquot and has no file of yours: save it as a file first.")
        set_calibration(self._lab.rig_path, role, values, note)
        return f"{self._lab.rig_path} has it. It counts when the rig is opened the next time."

    def _save_text(self, path: Path, text: str) -> str:
        path.write_text(text, encoding="utf-8")
        return f"Saved: {path}"


def _row(rig: "Rig", role: str, device: "Device") -> DeviceRow:
    spec: Any = rig.spec.stage if role == "stage" else rig.spec.camera if role == "camera" else None
    spec = spec or rig.spec.pumps.get(role) or rig.spec.meters.get(role)
    port = str(getattr(spec, "port", getattr(spec, "source", "")))
    unready = str(getattr(device, "unready", ""))
    try:
        return DeviceRow(role, spec.kind, port, device.identify(), device.about(), unready)
    except HardwareError as error:
        return DeviceRow(role, spec.kind, port, "", {}, unready, error.message)
