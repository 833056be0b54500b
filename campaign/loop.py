"""The campaign: the closed loop as its owner sees it. Any thread may call its methods; they return at once.

Threads: the campaign's own walks from step to step and owns journal and state (`desk`, `walk`); the hands act
(`hands`); the optimiser fits and asks (`decide`). Listeners are told once an event is on the disk.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from importlib import metadata
from types import TracebackType
from typing import TYPE_CHECKING

from campaign import wishes
from campaign.awake import UNABLE, Awake, able
from campaign.decide import InsightListener, Mind, ModelListener
from campaign.desk import Desk, Leave, Listener
from campaign.errors import CampaignError
from campaign.events import (
    Action,
    Asked,
    CampaignOpened,
    Corrected,
    Decided,
    Event,
    Noted,
    PhaseChanged,
    Point,
    SettingsChanged,
    Suggested,
    VialGivenUp,
)  # fmt: skip
from campaign.executor import Executor
from campaign.hands import Hands
from campaign.spec import CampaignSpec
from campaign.state import CampaignState
from campaign.transitions import Command, after, allowed
from campaign.walk import Walk
from hardware.errors import HardwareError
from hardware.latch import moment
from optimiser.history import Label

if TYPE_CHECKING:
    from campaign.journal import Journal
    from optimiser.surrogate import Posterior

__all__ = ["Campaign", "CampaignError"]

log = logging.getLogger(__name__)
FIT_PATIENCE_S = 30.0


class Campaign:
    """A new campaign in Idle; `reopen` picks one up again. It owns the journal from here on, not the executor."""

    def __init__(
        self,
        spec: CampaignSpec,
        executor: Executor,
        journal: "Journal",
        *,
        seed: int = 0,
        rig_toml: str | None = None,
        simulated: bool = False,
    ) -> None:
        desk = Desk(journal, None)
        opened = CampaignOpened(
            spec.name, _as_text(spec), rig_toml, seed, simulated or executor.simulated, _version(),
            tuple(executor.slots),
        )  # fmt: skip
        desk.record(opened)
        self._begin(desk, executor, journal)

    @classmethod
    def reopen(cls, journal: "Journal", executor: Executor) -> "Campaign":
        """Pick up a campaign after the program ended: in Held, with `state.in_doubt` naming what nobody knows.

        Raises JournalError when the journal is damaged, CampaignError when the bench is another one.
        """
        from campaign import reopen

        state = reopen.read(journal)
        if tuple(state.vials or ()) != tuple(executor.slots):
            raise CampaignError(
                f"the campaign was begun on a rack with {len(state.vials or ())} slots, this bench has"
                f" {len(executor.slots)} or names them otherwise; open it with the rig that it was begun on"
            )
        executor.recall(reopen.recalled(journal.events()))
        desk = Desk(journal, state)
        desk.record(*reopen.first_events(state))
        self = cls.__new__(cls)
        self._begin(desk, executor, journal)
        self._walk.fit()
        return self

    def _begin(self, desk: Desk, executor: Executor, journal: "Journal") -> None:
        self._desk = desk
        self._executor = executor
        self._journal = journal
        self._hands = Hands(executor)
        self._unlisten = executor.listen_stop(lambda why: self.stop_all(f"the port owner: {why}"))
        self._mind = Mind()
        self._walk = Walk(desk, executor, journal, self._hands, self._mind)
        self._awake = None if desk.state.simulated or executor.simulated else Awake()
        desk.listen(self._heed)
        self._thread = threading.Thread(target=self._live, name="aliquot-campaign", daemon=True)
        self._thread.start()

    @property
    def state(self) -> CampaignState:
        return self._desk.state

    @property
    def model(self) -> "Posterior | None":
        """The newest posterior; None before there is one."""
        return self._mind.model

    def listen(self, function: Listener) -> Callable[[], None]:
        """Call `function(event, state)` on the campaign's thread from now on; returns what ends it."""
        return self._desk.listen(function)

    def listen_model(self, function: ModelListener) -> Callable[[], None]:
        """Call `function(posterior)` on the optimiser's thread after each fit; returns what ends it."""
        return self._mind.listen(function)

    def listen_insight(self, function: InsightListener) -> Callable[[], None]:
        """Call `function(insight)` on the optimiser's thread a moment after each fit; returns what ends it."""
        return self._mind.listen_insight(function)

    def wait(self, timeout: float | None = None) -> bool:
        """Until the campaign is held or has ended; False when the time is over first."""
        return self._desk.wait(timeout)

    def start(self) -> None:
        """Begin. Raises CampaignError with everything that stands in the way."""
        self._allowed("start")
        if mistakes := self._executor.check(self.state.spec):
            raise CampaignError("\n".join(mistakes))
        warnings = self._executor.warnings(self.state.spec)
        for warning in warnings:
            log.warning("%s: %s", self.state.spec.name, warning)
        if self._awake is not None and not able():
            warnings = (*warnings, f"Aliquot {UNABLE}")
        self._command("start", why="; ".join(("started", *warnings)))

    def pause(self, why: str = "paused") -> None:
        """Hold after the step under way."""
        self._command("pause", why=why)

    def resume(self) -> None:
        self._allowed("resume")
        if (asked := self.state.question) is not None:
            raise CampaignError(f"answer first: {asked.question} ({', '.join(asked.choices)})")
        self._command("resume", "done", why="resumed")

    def stop(self, why: str = "stopped by the person") -> None:
        """End after the step under way. The vial in work is given up."""
        self._command("stop", why=why)

    def stop_all(self, by: str = "person") -> None:
        """Stop every device now, without any lock, and stay stopped until `rearm`."""
        self._hands.stop()
        self._desk.post(lambda: self._aborting(f"Stop all by {by}"))

    @property
    def stopped(self) -> bool:
        """Whether it knows of a Stop all that is to be released with `rearm`."""
        return self._hands.stopped or self.state.phase == "Aborted"

    def rearm(self, asked: int | None = None) -> None:
        """After Stop all: allow commands again. The campaign is then held; the vial in work was given up.

        asked: the `latch.moment` at which a person wanted it, now without one; a stop after it stays in force.
        """
        asked = moment() if asked is None else asked
        if not self._hands.stopped:
            self._allowed("rearm")
        if self._hands.busy:
            raise CampaignError(
                "a step is still under way since Stop all; wait a little, or start the program anew"
            )
        self._desk.post(lambda: self._rearmed(asked))

    def decide(
        self, action: Action, point: Point | None = None, why: str = "", shown: Suggested | None = None
    ) -> None:
        """What becomes of the suggestion that waits: accept it, override it with `point`, or skip it.

        shown: the one that the person saw; another that waits by now is not decided. Raises SpaceError when the
        point cannot be made, CampaignError when nothing waits; nothing changes then.
        """
        waiting, chosen = wishes.decision(self.state, action, point, shown)
        self._desk.post(lambda: self._decided(waiting, action, chosen, why))

    def answer(self, choice: str, shown: Asked | None = None) -> None:
        """Answer `state.question` with one of its choices, or with the number it asks for; the campaign goes on.

        shown: the question that the person read; another that is asked by now is not answered.
        """
        asked = wishes.answered(self.state, choice, shown)

        def work() -> None:
            if self.state.question == asked:
                self._walk.answer(choice)

        self._desk.post(work)

    def change(self, spec: CampaignSpec, why: str = "") -> None:
        """A new revision: strategy, stop rules, mode, dosing, checks. The experiment in work keeps the old one.

        Raises CampaignError when the revision would make what was measured meaningless, or cannot be made here.
        """
        wishes.revision(self.state, spec)
        if mistakes := self._executor.check(spec):
            raise CampaignError("\n".join(mistakes))
        toml = _as_text(spec)

        def work() -> None:
            before = self.state.spec.stop
            self._record(SettingsChanged(toml, why))
            if self.state.spec.stop != before:
                self._walk.fit()  # the advice heeds the stop rules

        self._desk.post(work)

    def note(self, experiment: int, text: str) -> None:
        wishes.known(self.state, experiment)
        self._desk.post(lambda: self._record(Noted(experiment, text)))

    def correct(self, seen: Corrected) -> None:
        """Keep what a person sees in a picture, itself kept already (`corrected_frames`); no value follows it.

        Raises CampaignError when it makes no sense; nothing changes then.
        """
        wishes.correction(self.state, seen)
        self._desk.post(lambda: self._record(seen))

    def label(self, experiment: int | Sequence[int], label: Label) -> None:
        """What to make of an experiment that is over, or of several at once; the model follows.

        Raises CampaignError when it is not over, or without a value and to count as measured; nothing changes then.
        """
        numbers = (experiment,) if isinstance(experiment, int) else tuple(experiment)
        wishes.labels(self.state, numbers, label)

        def work() -> None:
            if events := wishes.labels(self.state, numbers, label):
                self._record(*events)
                self._walk.fit()

        self._desk.post(work)

    def close(self) -> None:
        """After the step under way: hold, end the threads, close the journal. The executor stays open."""
        self._unlisten()
        self._desk.closing = True
        self._desk.post(lambda: None)
        if threading.current_thread() is not self._thread:
            self._thread.join()
        self._mind.close()
        self._hands.close()
        if self._awake is not None:
            self._awake.close()
        self._journal.close()

    def __enter__(self) -> "Campaign":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _allowed(self, command: Command) -> None:
        after(self.state.phase, command)

    def _command(self, *commands: Command, why: str) -> None:
        self._allowed(commands[0])
        self._desk.post(lambda: self._record(*self._desk.moves(*commands, why=why)))

    # Below: the campaign's thread only.

    def _heed(self, event: Event, state: CampaignState) -> None:
        """The computer stays awake while something may be under way."""
        if self._awake is None or not isinstance(event, PhaseChanged):
            return
        if state.phase in ("Running", "Holding"):
            self._awake.hold(f"the campaign {state.spec.name} is running")
        else:
            self._awake.release()

    def _live(self) -> None:
        desk = self._desk
        while not desk.closing:
            try:
                phase = desk.state.phase
                if phase in ("Stopping", "Aborting"):
                    self._leave()
                elif phase in ("Running", "Holding"):
                    desk.pause_point()
                    self._walk.advance()
                else:
                    desk.serve()
            except Leave:
                continue
            except Exception as error:
                log.exception("the campaign failed")
                self._failed(error)
        self._drain()
        if desk.state.phase == "Aborting":
            self._leave()
        elif desk.state.phase in ("Running", "Holding"):
            desk.record(*desk.to_held("the program was closed"))
        desk.end()

    def _drain(self) -> None:
        """What was asked for before the campaign was closed is kept, above all a Stop all."""
        try:
            self._desk.drain()
        except Leave:
            log.info("closed in the middle of what was asked for last")
        except Exception as error:
            log.exception("the campaign failed")
            self._failed(error)

    def _leave(self) -> None:
        """Out of Stopping or Aborting, the vial in work given up; not one that only waits for its number."""
        desk, state = self._desk, self._desk.state
        attempt = state.attempt
        events: tuple[Event, ...] = ()
        if attempt is not None and not (state.phase == "Aborting" and self._walk.only_to_type):
            events = (VialGivenUp(attempt.experiment, attempt.number, attempt.slot, state.why),)
        if state.phase == "Aborting":
            desk.record(*events, *desk.moves("done", why=self._hands.told(state.why)))
        else:
            self._walk.wait_for_fit(FIT_PATIENCE_S)
            if desk.state.phase == "Stopping":
                desk.record(*events, self._walk.finish(), *desk.moves("done", why=state.why))

    def _failed(self, error: Exception) -> None:
        """A mistake of ours: everything stops."""
        self._hands.stop()
        self._aborting(f"Aliquot failed and stopped everything ({type(error).__name__}: {error})")

    def _aborting(self, why: str) -> None:
        if allowed(self.state.phase, "stop_all"):
            self._record(*self._desk.moves("stop_all", why=why))

    def _rearmed(self, asked: int) -> None:
        try:
            self._desk.wait_for(self._hands.rearm(asked), lambda: None)
        except HardwareError as error:
            log.warning("rearm failed: %s", error)
            return
        if not self._hands.stopped and allowed(self.state.phase, "rearm"):
            kept = self.state.attempt is not None
            left = "the value is asked for again" if kept else "the vial in work was given up"
            self._record(*self._desk.moves("rearm", why=f"rearmed; {left}"))

    def _decided(self, waiting: Suggested, action: Action, point: Point, why: str) -> None:
        if self.state.waiting != waiting:
            log.info("experiment %d was decided already", waiting.experiment)
            return
        mean, sd = waiting.mean, waiting.sd
        if action == "override":
            mean = sd = None
            if (model := self.model) is not None:
                means, sds = model.predict([dict(point)])
                mean, sd = float(means[0]), float(sds[0])
        self._record(Decided(waiting.experiment, point, action, "person", why, mean, sd))

    def _record(self, *events: Event) -> None:
        self._desk.record(*events)


def _as_text(spec: CampaignSpec) -> str:
    """As it stands in the journal. Raises CampaignFileError when it could not be read from there again."""
    from campaign.config import campaign_to_toml, parse_campaign

    toml = campaign_to_toml(spec)
    parse_campaign(toml, spec.name)
    return toml


def _version() -> str:
    try:
        return metadata.version("aliquot")
    except metadata.PackageNotFoundError:
        return "not installed"
