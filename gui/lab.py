"""The bench and the rig of one window: opened, asked and closed in a worker thread."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import resources
from campaign.spec import CampaignSpec
from gui.facts import DeviceFact, Facts
from gui.units import volume
from gui.words import Tone
from hardware.errors import HardwareError, StoppedError
from hardware.latch import Latch
from hardware.spec import MeterSpec, PumpSpec, RigSpec, StageSpec

if TYPE_CHECKING:
    from campaign.bench_executor import Attendant
    from campaign.executor import Executor
    from hardware.devices import Frame, Rig


class Bench(Protocol):
    """A virtual bench that serves instruments for a rig file."""

    @property
    def rig(self) -> RigSpec: ...
    @property
    def truth(self) -> "Attendant": ...
    def close(self) -> None: ...


SAME_PLACE_MM = 0.01
OLD_PICTURE_S = 2.0
MakeBench = Callable[[RigSpec], Bench]


def needs_rig(spec: CampaignSpec) -> bool:
    return spec.objective.needs_rig


class Lab:
    """`rig` is None until `open` succeeded, and for campaigns that need none."""

    def __init__(self, make_bench: MakeBench | None, rig_path: Path | None, speed: float, seed: int) -> None:
        self._make_bench = make_bench
        self.rig_path = rig_path
        self._speed = speed
        self._seed = seed
        self._bench: Bench | None = None
        self._file: Path | None = None
        self._lock = threading.Lock()
        self._stopped = Latch()
        """Stop all was pressed and not released since, also while no rig was open."""
        self.rig: Rig | None = None

    @property
    def spec(self) -> RigSpec | None:
        return self.rig.spec if self.rig is not None else None

    @property
    def ports(self) -> tuple[str, ...]:
        """Those that are in use here."""
        if self.rig is None:
            return ()
        spec = self.rig.spec
        parts: tuple[PumpSpec | StageSpec | MeterSpec, ...]
        parts = (*spec.pumps.values(), spec.stage, *spec.meters.values())
        return tuple(part.port for part in parts)

    @property
    def speed(self) -> float:
        """How much faster than real time the bench's clock runs."""
        return self._speed

    @property
    def simulated(self) -> bool:
        return self.rig is None or self.rig.spec.simulated

    @property
    def virtual(self) -> bool:
        """Whether each campaign gets a bench of its own, clean and full."""
        return self._bench is not None

    def change(self, rig_path: Path, *, virtual: bool) -> None:
        """From now on another rig file, as it is or on the virtual bench; what is open is closed."""
        self.close()
        self.rig_path = rig_path
        if not virtual or self._make_bench is None:
            self._make_bench, self._speed = None, 1.0

    def open(self, spec: CampaignSpec, *, fresh: bool = False) -> None:
        """Open the rig that the campaign needs. fresh: a new virtual bench, with clean vials."""
        if not needs_rig(spec):
            return
        if fresh and self._bench is not None:
            self.close()
        if self.rig is not None:
            return
        from campaign.logs import exchange_folder
        from campaign.suitable import IN_HERE_S
        from hardware.host.hosted import open_hosted
        from hardware.rig_file import load_rig

        self._file = self._path(spec)
        rig_spec = load_rig(self._file)
        if self._make_bench is not None:
            self._bench = self._make_bench(rig_spec)
            rig_spec = self._bench.rig
        try:
            lease_s = IN_HERE_S if self._make_bench is not None else None
            self.rig = rig = open_hosted(rig_spec, speed=self._speed, lease_s=lease_s, logs=exchange_folder())
            if self._stopped.is_set():
                rig.stop_all()
        except Exception:
            self.close()
            raise

    def rig_for(self, spec: CampaignSpec) -> RigSpec:
        """What this campaign would be made on here. Raises RigFileError."""
        from hardware.rig_file import load_rig

        if self.rig is not None:
            return self.rig.spec
        described = load_rig(self._path(spec))
        return replace(described, simulated=described.simulated or self._make_bench is not None)

    def _path(self, spec: CampaignSpec) -> Path:
        return self.rig_path or resources.path(f"rigs/{Path(spec.rig).name}" if spec.rig else "rigs/virtual.toml")

    def text(self) -> str | None:
        """The rig file that is open, with its comments; None when none is."""
        return self._file.read_text(encoding="utf-8") if self.rig is not None and self._file is not None else None

    def executor(self, spec: CampaignSpec) -> "Executor":
        """Who carries out this campaign's steps."""
        if spec.objective.kind == "formula":
            from campaign.measure_executor import FormulaExecutor

            return FormulaExecutor(spec, seed=self._seed)
        if spec.objective.kind == "typed":
            from campaign.measure_executor import TypedExecutor

            return TypedExecutor(spec)
        if self.rig is None:
            raise RuntimeError(
                f"An objective of kind {spec.objective.kind} cannot be measured from the window: "
                "it takes a table or a script."
            )
        from campaign.bench_executor import BenchExecutor

        attendant = self._bench.truth if self._bench is not None else None
        return BenchExecutor(self.rig, spec, speed=self._speed, attendant=attendant)

    def toml(self) -> str | None:
        if self.rig is None:
            return None
        from hardware.rig_file import rig_to_toml

        return rig_to_toml(self.rig.spec)

    def stop_all(self) -> tuple[str, ...]:
        self._stopped.set()
        return self.rig.stop_all() if self.rig is not None else ()

    def rearm(self, asked: int) -> None:
        """As of a rig, also while none is open."""
        if self.rig is not None:
            self.rig.rearm(asked)
        if not self._stopped.release(asked):
            raise StoppedError("rig", "was stopped again meanwhile")

    def by_hand(self, act: str, values: tuple[float | str, ...]) -> str:
        """One movement or one delivery; returns what was done, in words."""
        rig = self.rig
        if rig is None:
            raise RuntimeError("No rig is open.")
        if act == "fresh":
            from hardware.readying import all_fresh

            all_fresh(rig)
            return "The books say: every vial is clean, every syringe or bottle is full."
        if act == "home":
            rig.stage.home()
            return "The stage is homed."
        if act == "move_to":
            x_mm, y_mm, z_mm = (float(v) for v in values)
            here_mm = rig.stage.position_mm()
            travels = max(abs(x_mm - here_mm[0]), abs(y_mm - here_mm[1])) > SAME_PLACE_MM
            rig.stage.move_to(x_mm, y_mm, None if travels else z_mm)  # lowered again only where a person asks
            slot = self._slot_at_station()
            return f"Vial {slot} is at the station." if slot is not None else "The stage has moved."
        role, volume_ul, rate_ul_s = str(values[0]), float(values[1]), float(values[2])
        if act == "dispense":
            slot = self._slot_at_station()
            if slot is None:
                raise RuntimeError("No vial stands at the station: bring one there first (click it on the map).")
            counted = rig.dose(slot, role, volume_ul, rate_ul_s)
            return f"{volume(counted)} {role} is in vial {slot}."
        counted = rig.pumps[role].aspirate(volume_ul, rate_ul_s)
        return f"Pump {role} drew {volume(counted)} in."

    def _slot_at_station(self) -> str | None:
        rig = self.rig
        if rig is None:
            return None
        x_mm, y_mm, _ = rig.stage.position_mm()
        for slot in rig.spec.rack.slots:
            at = rig.spec.rack.position_mm(slot)
            if abs(at[0] - x_mm) < 0.5 and abs(at[1] - y_mm) < 0.5:
                return slot
        return None

    def position_mm(self) -> tuple[float, float, float] | None:
        """None when the stage does not answer just now."""
        rig = self.rig
        if rig is None:
            return None
        try:
            return rig.stage.position_mm()
        except HardwareError:
            return None

    def contents_ul(self) -> dict[str, float]:
        rig = self.rig
        return {slot: rig.contents_ul(slot) for slot in rig.spec.rack.slots} if rig is not None else {}

    def pumps_left_ul(self) -> dict[str, float]:
        """What the books say is left in each syringe."""
        rig = self.rig
        return {role: pump.left_ul for role, pump in rig.pumps.items()} if rig is not None else {}

    def devices(self, facts: Facts) -> tuple[DeviceFact, ...]:
        """A word per device, from what is known already: nothing is asked."""
        rig = self.rig
        if rig is None:
            return (DeviceFact("rig", "connecting", "warn"),) if facts.link == "connecting" else ()
        tone: Tone = "warn" if facts.latched else "ok"
        found = [(f"pump {role}", role, volume(pump.left_ul), tone) for role, pump in rig.pumps.items()]
        homed = rig.stage.homed
        found.append(("stage", "stage", "homed" if homed else "not homed", tone if homed else "warn"))
        if rig.camera is not None:
            found.append(("camera", "camera", *_picture(rig.camera.latest())))
        lost = self.lost
        return tuple(
            DeviceFact(name, "disconnected", "fail")
            if role in lost
            else DeviceFact(name, word, "fail" if role in facts.unconfirmed else tone)
            for name, role, word, tone in found
        )

    @property
    def lost(self) -> Mapping[str, str]:
        """Devices that are disconnected, and why; nothing is asked."""
        return self.rig.lost if self.rig is not None else {}

    def close(self) -> None:
        """Rig first, then the bench under it."""
        with self._lock:
            rig, self.rig = self.rig, None
            bench, self._bench = self._bench, None
        try:
            if rig is not None:
                rig.close()
        finally:
            if bench is not None:
                bench.close()


def _picture(frame: "Frame | None") -> tuple[str, Tone]:
    if frame is None:
        return "no picture yet", "warn"
    return ("live", "ok") if time.monotonic() - frame.taken_s < OLD_PICTURE_S else ("no new picture", "fail")
