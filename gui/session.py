"""What stands behind the window: bench, rig, executor, journal and campaign, all off the GUI thread.

Slow work goes to one worker thread, in order. Stop all has a thread of its own each time. What is known is
posted to the bridge as `Facts`.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from campaign.events import Corrected, Event, Observed, SettingsChanged
from campaign.spec import CampaignSpec
from campaign.state import CampaignState
from gui.bridge import Bridge
from gui.correcting import Correcting
from gui.device_work import DeviceWork, Told
from gui.estimate import not_from_here
from gui.facts import FREE, DeviceFact, Facts, Unfinished
from gui.found import read, unfinished
from gui.lab import Lab, MakeBench, needs_rig
from gui.live_eye import LiveEye
from gui.mistakes import mistakes_of
from gui.revision import revised, said
from gui.stopping import Stopping
from hardware.devices import Frame, Image

if TYPE_CHECKING:
    from campaign.loop import Campaign

log = logging.getLogger(__name__)


class Session:
    """Every method may be called from the GUI thread and returns at once; `Bridge` tells what came of it."""

    def __init__(
        self,
        bridge: Bridge,
        *,
        make_bench: MakeBench | None,
        rig_path: Path | None = None,
        speed: float = 1.0,
        seed: int = 0,
        out: Path | None = None,
    ) -> None:
        self._bridge = bridge
        self._lab = Lab(make_bench, rig_path, speed, seed)
        self._seed = seed
        self._out = out
        self._facts = Facts()
        self._lock = threading.Lock()
        self._work = ThreadPoolExecutor(1, thread_name_prefix="aliquot-session")
        self._dro = ThreadPoolExecutor(1, thread_name_prefix="aliquot-position")
        self._asking: Future[None] | None = None
        self._campaign: Campaign | None = None
        self._worn = False
        """Whether a campaign has used the vials and syringes of this bench."""
        self._asked: CampaignSpec | None = None
        self._unlisten: list[Callable[[], None]] = []
        self._closing = False
        self.closed = False
        self._eye: LiveEye | None = None
        self.devices_work = DeviceWork(bridge, self._lab, self._claim, lambda: self._post(busy=""))
        self._correcting = Correcting(
            self._lab, lambda: self._campaign, lambda: self._facts.folder, bridge.corrected.emit, bridge.told.emit
        )
        self._stopping = Stopping(self._lab, self.devices_work, lambda: self._campaign, self._post)

    @property
    def facts(self) -> Facts:
        return self._facts

    @property
    def campaign(self) -> "Campaign | None":
        return self._campaign

    # -- opening and closing

    def connect(self, spec: CampaignSpec) -> None:
        """Open what the campaign needs: bench, rig, camera; then look for an unfinished campaign."""
        self._post(link="connecting", said="Opening the rig.", mistakes=())
        self._submit(self._connect, spec)

    def open_rig(self, path: Path, spec: CampaignSpec) -> None:
        """Another rig file for this window: opened as it is, or rehearsed on the virtual bench if it says so."""
        campaign = self._campaign
        if campaign is not None and campaign.state.phase not in ("Idle", "Complete", "Stopped"):
            self._bridge.told.emit("warn", "A campaign is in progress. End it first, then open another rig.")
        elif refused := self._claim("Opening the rig"):
            self._bridge.told.emit("warn", refused)
        else:
            self._submit(self._change_rig, path, spec)

    def begin(self, spec: CampaignSpec) -> None:
        """A new campaign, started. After an earlier one it takes a clean rack."""
        if not self._facts.starting and not self._facts.busy:
            self._post(said="Checking the campaign.", mistakes=(), starting=True)
            self._submit(self._begin, spec)

    def go_on(self, folder: Path) -> None:
        self._submit(self._go_on, folder)

    def look_at(self, folder: Path) -> None:
        self._submit(self._look_at, folder)

    def leave_unfinished(self) -> None:
        self._post(unfinished=None, looking_only=False)

    def dismiss(self) -> None:
        self._post(mistakes=())

    def report(self) -> None:
        self._submit(self._report)

    def close(self) -> None:
        """Campaign, executor, rig, bench, in this order; `bridge.closed` follows."""
        if not self._closing:
            self._closing = True
            self._work.submit(self._close)

    # -- the campaign's own commands

    def command(self, name: str, *values: Any) -> bool:
        """Call a command of the campaign (pause, resume, stop, decide, ...). A refusal is told in words."""
        campaign = self._campaign
        if campaign is None:
            return False
        if name in ("resume", "answer") and self._facts.busy:
            self._bridge.told.emit("warn", f"The rig is in use: {self._facts.busy}. Wait until that is over.")
            return False
        try:
            getattr(campaign, name)(*values)
        except (RuntimeError, ValueError) as error:
            log.info("%s refused: %s", name, error)
            self._bridge.told.emit("warn", str(error))
            return False
        return True

    def revise(self, changes: Mapping[str, object]) -> None:
        """Change these settings of the campaign, by place. What was asked for just before and is not recorded yet
        counts as made."""
        campaign = self._campaign
        if campaign is None:
            return
        inforce = self._asked if self._asked is not None else campaign.state.spec
        wanted, why = revised(inforce, changes), said(inforce, changes)
        before, self._asked = self._asked, wanted
        if wanted == inforce or not self.command("change", wanted, why):
            self._asked = before

    def correct(self, seen: Corrected, image: Image) -> None:
        """Keep what a person sees in a picture in place of the eye."""
        self._submit(self._correcting.keep, seen, image)

    def stop_after(self) -> None:
        """End the campaign once the experiment in work is measured; at once when none is."""
        campaign = self._campaign
        if campaign is None:
            return
        at_work = any(e.status == "running" for e in campaign.state.experiments)
        if campaign.state.phase == "Running" and at_work:
            self._post(ending=True)
        else:
            self.command("stop")

    def stop_all(self) -> None:
        self._stopping.stop_all()

    def rearm(self, asked: int) -> None:
        """Release what was stopped before the `latch.moment` asked."""
        self._submit(self._stopping.rearm, asked)

    # -- by hand

    def by_hand(self, said: str, act: str, *values: float | str) -> None:
        """home, move_to, dispense, aspirate: one at a time, refused while another is going."""
        if refused := self._claim(said):
            self._bridge.told.emit("warn", refused)
        else:
            self._submit(self._by_hand, act, values)

    def _claim(self, said: str) -> str:
        """Take the rig for something done by hand; why it cannot be had, or nothing. In the GUI thread."""
        facts, campaign = self._facts, self._campaign
        if facts.busy:
            return f"Still busy: {facts.busy}."
        if facts.starting or (campaign is not None and campaign.state.phase not in FREE):
            return "A campaign is using the rig. Press Pause first."
        self._post(busy=said)
        return ""

    def ask_position(self) -> None:
        """Read the stage's position in the background; skipped while the last question is open."""
        if self._lab.rig is not None and (self._asking is None or self._asking.done()) and not self._closing:
            self._asking = self._dro.submit(self._position)

    def latest_frame(self) -> Frame | None:
        rig = self._lab.rig
        return rig.camera.latest() if rig is not None and rig.camera is not None else None

    def devices(self) -> tuple[DeviceFact, ...]:
        return self._lab.devices(self._facts)

    def lost(self) -> Mapping[str, str]:
        return self._lab.lost

    def pumps_left_ul(self) -> dict[str, float]:
        return self._lab.pumps_left_ul()

    def supply_ul(self) -> dict[str, float]:
        """What the campaign that goes on, or the next one, finds in the syringes; empty when they will be full."""
        going = self._campaign is not None and self._campaign.state.phase not in ("Complete", "Stopped")
        return {} if self._worn and self._lab.virtual and not going else self._lab.pumps_left_ul()

    def contents_ul(self) -> dict[str, float]:
        return self._lab.contents_ul()

    @property
    def homed(self) -> bool:
        rig = self._lab.rig
        return rig is not None and rig.stage.homed

    # -- in the worker thread

    def _submit(self, work: Callable[..., None], *values: Any) -> None:
        if not self._closing:
            self._work.submit(self._guarded, work, *values)

    def _guarded(self, work: Callable[..., None], *values: Any) -> None:
        try:
            work(*values)
        except Exception as error:
            level = logging.INFO if hasattr(error, "mistakes") else logging.ERROR  # a refusal is no fault of ours
            log.log(level, "%s failed", work.__name__, exc_info=error)
            link = "failed" if work == self._connect else self._facts.link
            self._post(mistakes=mistakes_of(error), link=link, busy="", said="", starting=False)

    def _connect(self, spec: CampaignSpec) -> None:
        self._open(spec)
        self._post(
            link="ready", said="", rig=self._lab.spec, simulated=self._lab.simulated, unfinished=self._unfinished(),
        )  # fmt: skip

    def _unfinished(self) -> Unfinished | None:
        from campaign import opening

        folders = [self._out] if self._out is not None else opening.all_unfinished()
        return unfinished(folders, self._lab.rig_for)

    def _change_rig(self, path: Path, spec: CampaignSpec) -> None:
        from hardware.rig_file import load_rig

        rehearsed = load_rig(path).simulated and self._lab.virtual
        self._post(link="connecting", said="Opening the rig.", rig=None)
        try:
            self._lab.change(path, virtual=rehearsed)
            self._worn = False
            self._open(spec)
        except Exception:
            self._post(link="failed")
            raise
        self._bridge.tell_device(Told.FILE, path)
        self._post(
            link="ready", said="", rig=self._lab.spec, simulated=self._lab.simulated, busy="",
            unfinished=self._unfinished(),
        )  # fmt: skip

    def _open(self, spec: CampaignSpec, *, fresh: bool = False) -> None:
        """The rig, and an eye on its picture."""
        before = self._lab.rig
        self._lab.open(spec, fresh=fresh)
        rig = self._lab.rig
        if rig is not None and rig is not before:
            rig.listen(self._stopping.by_owner)
            self._close_eye()
            self._eye = LiveEye(rig.spec, self.latest_frame, self._bridge.post_reading)

    def _close_eye(self) -> None:
        eye, self._eye = self._eye, None
        if eye is not None:
            eye.close()

    def _begin(self, spec: CampaignSpec) -> None:
        from campaign import opening

        if (refused := not_from_here(spec)) is not None:
            raise RuntimeError(refused)
        again = self._facts.folder is not None
        self._drop_campaign()
        self._open(spec, fresh=self._worn)
        self._worn = self._worn and not needs_rig(spec)
        executor = self._lab.executor(spec)
        folder = self._out if self._out is not None and not again else opening.new_folder(spec.name)
        campaign = opening.begin(
            spec, executor, folder, seed=self._seed, rig_toml=self._lab.toml(), simulated=executor.simulated
        )
        self._adopt(campaign, folder)
        if not campaign.stopped:
            campaign.start()
        for warning in executor.warnings(spec):
            self._bridge.told.emit("warn", f"{warning[:1].upper()}{warning[1:]}.")

    def _go_on(self, folder: Path) -> None:
        from campaign import opening

        self._post(said="Picking the campaign up again.", unfinished=None)
        spec = read(folder).spec
        self._drop_campaign()
        self._open(spec)
        campaign = opening.pick_up(folder, self._lab.executor(spec))
        self._adopt(campaign, folder)

    def _look_at(self, folder: Path) -> None:
        state = read(folder)
        self._post(unfinished=None, looking_only=True, folder=folder)
        self._bridge.opened.emit(state.spec)
        self._bridge.post_state(state)

    def _adopt(self, campaign: "Campaign", folder: Path) -> None:
        self._campaign = campaign
        self._worn = self._worn or needs_rig(campaign.state.spec)
        self._unlisten = [
            campaign.listen(self._heard), campaign.listen_model(self._bridge.post_model),
            campaign.listen_insight(self._bridge.post_insight),
        ]  # fmt: skip
        self._post(
            link="ready", said="", unfinished=None, looking_only=False, folder=folder, mistakes=(),
            rig=self._lab.spec, simulated=campaign.state.simulated,
        )  # fmt: skip
        self._bridge.opened.emit(campaign.state.spec)
        self._bridge.post_state(campaign.state)
        if self._facts.latched:  # Stop all came while it was being opened, and nobody could tell it
            campaign.stop_all(self._facts.stopped_by or "person")

    def _heard(self, event: Event, state: CampaignState) -> None:
        """Called in the campaign's thread."""
        self._bridge.post_event(event, state)
        if isinstance(event, SettingsChanged) and state.spec == self._asked:
            self._asked = None
        if self._facts.starting and state.phase != "Idle":
            self._post(starting=False)
        if self._facts.ending and isinstance(event, Observed):
            self._post(ending=False)
            self.command("stop", "ended by the person after an experiment")

    def _drop_campaign(self) -> None:
        for unlisten in self._unlisten:
            unlisten()
        self._unlisten, self._asked = [], None
        if self._campaign is not None:
            self._campaign.close()
            self._campaign = None

    def _report(self) -> None:
        from campaign.opening import JOURNAL
        from campaign.report import write_report

        folder = self._facts.folder
        if folder is None:
            raise RuntimeError("There is no campaign to report on yet: start one first.")
        self._bridge.report_ready.emit(str(write_report(folder / JOURNAL, folder / "report.html")))

    def _by_hand(self, act: str, values: tuple[float | str, ...]) -> None:
        said = self._lab.by_hand(act, values)
        self._post(busy="")
        self._bridge.hand_told.emit(said)
        self._position()

    def _position(self) -> None:
        position = self._lab.position_mm()
        if position is not None:
            self._bridge.post_position(position)

    def _close(self) -> None:
        for step in (self._drop_campaign, self._close_eye, self.devices_work.close, self._lab.close):
            try:
                step()
            except Exception:
                log.exception("%s failed while closing", step.__name__)
        self._dro.shutdown(wait=False, cancel_futures=True)
        self._work.shutdown(wait=False)
        self.closed = True
        self._bridge.end()

    def _post(self, **changes: Any) -> None:
        with self._lock:
            self._facts = replace(self._facts, **changes)
            self._bridge.post_facts(self._facts)
