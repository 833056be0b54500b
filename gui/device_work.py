"""What the Devices page has done: finding, checking, readying, weighing. One thing at a time, off the GUI thread.

What comes of it is told through the bridge as (what, payload); `Told` names them. Work that moves or doses takes
the rig first (`claim`), so that no campaign begins and nothing else is done by hand meanwhile. A meter is read
beside all that: a person who types the value may take minutes.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from gui import view_work
from gui.bridge import Bridge
from gui.device_rows import rows_of
from gui.lab import Lab
from hardware.errors import HardwareError
from hardware.latch import Latch, moment

if TYPE_CHECKING:
    from hardware.devices import Image, Rig
    from hardware.spec import RackSpec, ViewSpec

log = logging.getLogger(__name__)
LOOK_S = 0.1


class Told(StrEnum):
    """What is told: progress (0 to 1, words), what was found, a question, rows of a check, its end, devices, a
    dose, a meter's value, a rig file's text, a rack, a picture, boxes of vials in it, a picture with what is read
    in it, the rig file that is in use, an end."""

    PROGRESS = "progress"
    FOUND = "found"
    ASK = "ask"
    ROW = "row"
    CHECKED = "checked"
    DEVICES = "devices"
    DOSED = "dosed"
    READ = "read"
    TEXT = "text"
    RACK = "rack"
    PICTURE = "picture"
    VIALS = "vials"
    LEVEL = "level"
    FILE = "file"
    DONE = "done"
    REFUSED = "refused"


class DeviceWork:
    """Every method may be called from the GUI thread and returns at once.

    claim: takes the rig for what is said; returns why it cannot be had, or nothing. release: gives it back."""

    def __init__(self, bridge: Bridge, lab: Lab, claim: Callable[[str], str], release: Callable[[], None]) -> None:
        self._bridge, self._lab = bridge, lab
        self._claim, self._release = claim, release
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="aliquot-devices")
        self._cancelled, self._halted = threading.Event(), Latch()
        self._answers: list[bool] = []
        self._answered = threading.Event()
        self.busy = self._closed = False

    @property
    def rig_path(self) -> Path | None:
        """The rig file in use; None for one that comes with Aliquot."""
        return self._lab.rig_path

    def list_devices(self) -> None:
        self._submit("", self._list)

    def make_ready(self, role: str) -> None:
        self._submit(f"Making {role} ready", self._make_ready, role)

    def prime(self, role: str) -> None:
        self._submit(f"Priming the tubing of {role}", self._act, role, "prime", f"The tubing of {role} is full.")

    def unlock(self) -> None:
        self._submit("Unlocking the stage", self._act, "stage", "unlock", "The stage is unlocked.")

    def select(self, role: str, port: str) -> None:
        self._submit(
            f"Turning the valve of {role}", self._act, role, "select", f"The valve of {role} is at {port}.", port
        )

    def questions(self) -> dict[str, str]:
        """What persons who read meters are asked now."""
        rig = self._lab.rig
        meters = rig.meters if rig is not None else {}
        return {role: asked for role, meter in meters.items() if (asked := getattr(meter, "waiting", ""))}

    def read_meter(self, role: str) -> None:
        threading.Thread(target=self._read, args=(role,), name=f"reads {role}", daemon=True).start()

    def answer_meter(self, role: str, typed: str) -> None:
        """What a person read."""
        self._aside(role, "answer", typed)

    def tare(self, role: str) -> None:
        self._aside(role, "tare")

    def find(self) -> None:
        self._cancelled.clear()
        self._submit("", self._find)

    def check(self) -> None:
        self._cancelled.clear()
        self._answers.clear()
        self._submit("Checking the rig", self._check)

    def consent(self, may: bool) -> None:
        """A person's answer to the question that was told."""
        self._answers.append(may)
        self._answered.set()

    def cancel(self) -> None:
        self._cancelled.set()

    def halt(self) -> None:
        """A person has stopped everything: nothing here may release that."""
        self._halted.set()
        self._cancelled.set()

    def released(self, asked: int) -> None:
        """The stops before the `latch.moment` asked are released."""
        self._halted.release(asked)

    def weigh_dose(self, role: str, volume_ul: float, rate_ul_s: float) -> None:
        """One dose at the nozzles, into what stands there, to be weighed."""
        self._submit(f"Dosing {volume_ul:g} µL of {role}", self._weigh_dose, role, volume_ul, rate_ul_s)

    def save_calibration(self, role: str, values: Mapping[str, float], note: str, path: Path | None = None) -> None:
        """path: of a new file when the rig has none of its own."""
        self._submit("", self._save_calibration, role, dict(values), note, path)

    def save_rack(self, rack: "RackSpec", labware: Path | None, path: Path | None = None) -> None:
        """labware: the file from which the rack was taken, copied beside the rig file."""
        self._submit("", self._save_rack, rack, labware, path)

    def take_picture(self) -> None:
        self._submit("", self._shown, Told.PICTURE, lambda: view_work.picture(self._rig()))

    def find_vials(self, image: "Image") -> None:
        """Boxes of likely vials, or the view that markers tell, for a person to correct."""
        self._submit("", self._shown, Told.VIALS, lambda: view_work.vials(self._rig(), image))

    def read_level(self, view: "ViewSpec") -> None:
        """A new picture, and what is read in it with a view that is not in the rig file yet."""
        self._submit("", self._shown, Told.LEVEL, lambda: view_work.level(self._rig(), view))

    def save_view(self, view: "ViewSpec", image: "Image", path: Path | None = None) -> None:
        """image: the picture in which it was drawn. path: of a new file when the rig has none of its own."""
        self._submit("", self._save_view, view, image, path)

    def save_marker_sheet(self, path: Path) -> None:
        """To print: .pdf or .svg."""
        self._submit("", self._save_marker_sheet, path)

    def save_text(self, path: Path, text: str) -> None:
        self._submit("", self._save_text, path, text)

    def read_rig(self, path: Path) -> None:
        """The text of a rig file, to be edited."""
        self._submit("", self._read_rig, path)

    def read_labware(self, path: Path, a1_mm: tuple[float, float]) -> None:
        self._submit("", self._read_labware, path, a1_mm)

    def close(self) -> None:
        self._closed = True
        self._cancelled.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    # in the worker thread

    def _submit(self, claims: str, work: Callable[..., str], *values: Any) -> None:
        """claims: what the rig is taken for; empty for work that leaves it alone."""
        if self._closed:
            return
        if self.busy:
            self._tell(Told.REFUSED, "Still busy with the last request.")
        elif claims and (refused := self._claim(claims)):
            self._tell(Told.REFUSED, refused)
        else:
            self.busy = True
            with suppress(RuntimeError):  # the window closes just now
                self._pool.submit(self._guarded, work, values, bool(claims))

    def _guarded(self, work: Callable[..., str], values: tuple[Any, ...], claimed: bool) -> None:
        end, said = Told.REFUSED, ""
        try:
            said = work(*values)
            end = Told.DONE
        except OSError as error:
            log.info("%s: %s", work.__name__, error)
            said = f"{error.filename}: {error.strerror}." if error.filename and error.strerror else str(error)
        except (HardwareError, ValueError, KeyError, RuntimeError) as error:
            log.info("%s: %s", work.__name__, error)
            said = str(error.args[0]) if isinstance(error, KeyError) else str(error)
        except Exception as error:
            log.exception("%s failed", work.__name__)
            said = f"Something went wrong that should not have: {error!r}"
        self.busy = False
        if claimed:
            self._release()
        self._tell(end, said)

    def _tell(self, what: Told, payload: object) -> None:
        self._bridge.tell_device(what, payload)

    def _rig(self) -> "Rig":
        if self._lab.rig is None:
            raise RuntimeError("No rig is open: this campaign needs none.")
        return self._lab.rig

    def _list(self) -> str:
        rows = rows_of(self._rig())
        self._tell(Told.DEVICES, rows)
        silent = [row.role for row in rows if row.trouble]
        return f"{', '.join(silent)} did not answer." if silent else ""

    def _act(self, role: str, act: str, said: str, *values: Any) -> str:
        rig = self._rig()
        device: Any = rig.stage if role == "stage" else rig.pumps[role]
        try:
            getattr(device, act)(*values)
        finally:
            self._list()
        return said

    def _make_ready(self, role: str) -> str:
        said = self._act(role, "make_ready", f"{role} is ready.")
        left = str(getattr(self._rig().pumps.get(role), "unready", ""))
        return f"That is done. One more thing before {role} is ready: {left}" if left else said

    def _read(self, role: str) -> None:
        try:
            value, unit = self._rig().meters[role].read()
            self._tell(Told.READ, (role, f"{value + 0.0:g}\u202f{unit}".rstrip(), ""))
        except (HardwareError, KeyError, RuntimeError) as error:
            self._tell(Told.READ, (role, "", getattr(error, "message", str(error))))

    def _aside(self, role: str, act: str, *values: Any) -> None:
        """Beside whatever goes on; an answer must get through while the question waits."""

        def work() -> None:
            try:
                getattr(self._rig().meters[role], act)(*values)
            except (HardwareError, KeyError, RuntimeError) as error:
                self._tell(Told.READ, (role, "", getattr(error, "message", str(error))))

        threading.Thread(target=work, name=f"{act} {role}", daemon=True).start()

    def _find(self) -> str:
        from hardware.camera_list import list_cameras
        from hardware.discovery import find
        from hardware.rig_proposal import proposal

        findings = find(self._progress, cancel=self._cancelled, in_use=self._lab.ports)
        cameras = list_cameras()
        self._tell(Told.FOUND, (findings, cameras, proposal(findings, cameras)))
        devices, n = len(findings.found), len(cameras)
        said = f"{devices or 'No'} {'devices' if devices > 1 else 'device'} answered"
        said += f", {n} {'camera' if n == 1 else 'cameras'} found" if n else ""
        return f"{said}." if findings.finished else f"The search was ended early: {said}."

    def _progress(self, fraction: float, words: str) -> None:
        self._tell(Told.PROGRESS, (fraction, words))

    def _check(self) -> str:
        from hardware.check import check, table

        rig = self._rig()
        rows = []
        for row in check(cast("Rig", _Checked(rig, self._halted)), self._consent, speed=self._lab.speed):
            rows.append(row)
            self._tell(Told.ROW, row)
            if self._cancelled.is_set():
                break
        self._tell(Told.CHECKED, f"{table(rig.spec, rows)}\n\n```\n{rig.exchange_log()}```\n")
        bad, odd = (sum(row.result == word for row in rows) for word in ("fail", "warn"))
        if self._cancelled.is_set():
            return f"Ended early, after {len(rows)} checks."
        if bad:
            return f"{bad} of {len(rows)} checks failed."
        return f"Nothing failed; look at the {odd} marked “warn”." if odd else "Everything is as it should be."

    def _consent(self, question: str) -> bool:
        """Ask, and wait for the answer; an end of the check is a no."""
        self._answered.clear()
        self._tell(Told.ASK, question)
        while not self._answered.wait(LOOK_S):
            if self._cancelled.is_set():
                return False
        return self._answers.pop() and not self._cancelled.is_set()

    def _weigh_dose(self, role: str, volume_ul: float, rate_ul_s: float) -> str:
        counted_ul = self._rig().pumps[role].dispense(volume_ul, rate_ul_s)
        self._tell(Told.DOSED, (role, volume_ul))
        return f"The pump counted {counted_ul:g} µL."

    def _save_calibration(self, role: str, values: dict[str, float], note: str, path: Path | None) -> str:
        from hardware.rig_edit import set_calibration

        file = self._file(path)
        set_calibration(file, role, values, note)
        return self._saved(file)

    def _save_rack(self, rack: "RackSpec", labware: Path | None, path: Path | None) -> str:
        from hardware.rig_edit import set_rack

        file = self._file(path)
        beside = None
        if labware is not None:
            beside = file.parent / labware.name
            if beside.resolve() != labware.resolve():
                beside.write_bytes(labware.read_bytes())
        set_rack(file, rack, beside.name if beside is not None else None)
        return self._saved(file)

    def _shown(self, what: Told, look: Callable[[], tuple[object, str]]) -> str:
        payload, said = look()
        self._tell(what, payload)
        return said

    def _save_view(self, view: "ViewSpec", image: "Image", path: Path | None) -> str:
        file = self._file(path)
        view_work.save_view(self._rig().spec, view, image, file)
        return self._saved(file)

    def _save_marker_sheet(self, path: Path) -> str:
        rig = self._lab.rig
        return view_work.marker_sheet(rig.spec if rig is not None else None, path)

    def _file(self, path: Path | None) -> Path:
        """The rig file to change: the rig's own, or `path`, into which the shipped one is copied first."""
        if path is None:
            if self._lab.rig_path is None:
                raise RuntimeError("This rig comes with Aliquot and has no file of yours: save it as one first.")
            return self._lab.rig_path
        if (text := self._lab.text()) is None:
            raise RuntimeError("No rig is open that could be saved.")
        path.write_text(text, encoding="utf-8")
        return path

    def _saved(self, file: Path) -> str:
        self._lab.rig_path = file
        self._tell(Told.FILE, file)
        return f"{file} has it. It counts when the rig is opened the next time: press “Open the rig again”."

    def _save_text(self, path: Path, text: str) -> str:
        path.write_text(text, encoding="utf-8")
        return f"Saved: {path}"

    def _read_rig(self, path: Path) -> str:
        from hardware.toml_file import read_text

        self._tell(Told.TEXT, (path, read_text(path)))
        return ""

    def _read_labware(self, path: Path, a1_mm: tuple[float, float]) -> str:
        from hardware.labware import rack_of, read_labware

        labware = read_labware(path)
        self._tell(Told.RACK, (path, rack_of(labware, a1_mm)))
        return f"{labware.name}: {len(labware.wells)} places."


class _Checked:
    """The rig for its self-test, which stops it and releases the stop; but never a stop that a person asked for."""

    def __init__(self, rig: "Rig", halted: threading.Event) -> None:
        self._rig, self._halted = rig, halted

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rig, name)

    def rearm(self) -> None:
        asked = moment()  # before the look: a stop that is not seen here is later, and stays in force
        if self._halted.is_set():
            raise HardwareError("rig", "a person has stopped everything")
        self._rig.rearm(asked)
        if self._halted.is_set():
            self._rig.stop_all()
