"""Where everything of a campaign comes together: one thread that owns journal and state and serves an inbox.

Other threads only post to the inbox and read `state`. What cannot be written keeps the campaign in Held: nothing
is commanded while an event is not on the disk.
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, TypeVar

from campaign.errors import JournalError, TransitionError
from campaign.events import Event, Phase, PhaseChanged
from campaign.fold import fold
from campaign.state import CampaignState
from campaign.transitions import Command, after, allowed

if TYPE_CHECKING:
    from campaign.journal import Journal

log = logging.getLogger(__name__)
T = TypeVar("T")
Listener = Callable[[Event, CampaignState], None]
AT_REST: tuple[Phase, ...] = ("Held", "Complete", "Stopped", "Aborted")


class Leave(Exception):  # noqa: N818  not an error
    """The walk ends here: the campaign is stopping, aborting or closed."""


class Desk:
    def __init__(self, journal: "Journal", state: CampaignState | None) -> None:
        self._journal = journal
        self._saved = state
        self._shown = state
        self._unsaved: tuple[Event, ...] = ()
        self._inbox: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._listeners: tuple[Listener, ...] = ()
        self._changed = threading.Condition()
        self._posted = self._served = 0
        self._phase: Phase = state.phase if state is not None else "Idle"
        self.closing = self.ended = False

    @property
    def state(self) -> CampaignState:
        if self._shown is None:
            raise JournalError("the journal holds no campaign")
        return self._shown

    @property
    def saved(self) -> bool:
        """Whether everything that happened is on the disk."""
        return not self._unsaved

    def listen(self, function: Listener) -> Callable[[], None]:
        with self._changed:
            self._listeners = (*self._listeners, function)

        def unlisten() -> None:
            with self._changed:
                self._listeners = tuple(f for f in self._listeners if f is not function)

        return unlisten

    def post(self, work: Callable[[], None]) -> None:
        """Have `work` done on the campaign's thread. Any thread, also from a signal handler; returns at once."""
        with self._changed:
            self._posted += 1
        self._inbox.put(work)

    def wait(self, timeout: float | None) -> bool:
        """Until every posted command is served and the campaign rests (held or ended); False after the time."""
        with self._changed:
            return self._changed.wait_for(
                lambda: self.ended or (self._served == self._posted and self._phase in AT_REST), timeout
            )

    def end(self) -> None:
        """No more work is served. What could not be written is tried a last time."""
        if self._unsaved:
            self.record()
        with self._changed:
            self.ended = True
            self._changed.notify_all()

    # Below: the campaign's thread only.

    def record(self, *events: Event) -> bool:
        """Keep events, then show and tell them; whether they are on the disk. If not, the campaign is Held."""
        try:
            entries = self._journal.append(*self._unsaved, *events)
        except JournalError as error:
            if self._shown is None:
                raise
            self._not_saved(events, error)
            return False
        self._unsaved = ()
        for entry in entries:
            self._saved = fold(self._saved, entry.event, entry.at)
            self._shown = self._saved
            self._tell(entry.event)
        self._settle()
        return True

    def moves(self, *commands: Command, why: str) -> tuple[Event, ...]:
        """The changes of phase that follow from commands, to be recorded. Raises TransitionError."""
        phase, out = self.state.phase, []
        for command in commands:
            new = after(phase, command)
            out.append(PhaseChanged(phase, new, why))
            phase = new
        return tuple(out)

    def to_held(self, why: str) -> tuple[Event, ...]:
        """As `moves`, from Running or from Holding."""
        commands: tuple[Command, ...] = ("pause", "done") if self.state.phase == "Running" else ("done",)
        return self.moves(*commands, why=why)

    def serve(self, timeout_s: float | None = None) -> None:
        """Wait for one piece of work in the inbox and do it."""
        try:
            work = self._inbox.get(timeout=timeout_s)
        except Empty:
            return
        try:
            work()
        except TransitionError as error:  # it was allowed when it was asked for
            log.info("%s", error)
        finally:
            with self._changed:
                self._served += 1
                self._changed.notify_all()

    def drain(self) -> None:
        while not self._inbox.empty():
            self.serve()

    def leaving(self) -> bool:
        return self.closing or self.state.phase in ("Stopping", "Aborting")

    def pause_point(self) -> None:
        """Between two commands: waits here while the campaign is held. Raises Leave when it is to end."""
        while True:
            if self.leaving():
                raise Leave
            phase = self.state.phase
            if phase == "Running" and self.saved:
                return
            if phase == "Holding" and self.record(*self.moves("done", why=self.state.why)):
                continue
            self.serve()

    def wait_for(self, future: "Future[T]", patience: Callable[[], float | None]) -> T:
        """The future's result, serving the inbox meanwhile.

        patience: seconds that are left, asked again and again; None for as long as it takes. Raises Leave when
        they are over, and what the future raises.
        """
        future.add_done_callback(lambda _: self.post(_nothing))
        while not future.done():
            left = patience()
            if left is not None and left <= 0:
                raise Leave
            self.serve(left)
        return future.result()

    def _not_saved(self, events: tuple[Event, ...], error: JournalError) -> None:
        old = self.state.phase
        kept = (*self._unsaved, *events)
        if self._unsaved and _fold_more(self._saved, kept).phase in ("Restarting", "Running"):
            kept = self._unsaved  # still not writable: the wish to go on is dropped
        shown = _fold_more(self._saved, kept)
        why = f"{error}. Nothing more is commanded until it can be written: make room on the disk, then resume"
        if allowed(shown.phase, "pause"):
            kept = (*kept, PhaseChanged("Running", "Holding", why), PhaseChanged("Holding", "Held", why))
        elif shown.phase == "Holding":
            kept = (*kept, PhaseChanged("Holding", "Held", why))
        self._unsaved = kept
        self._shown = replace(_fold_more(self._saved, kept), why=why)
        log.error("%s", why)
        self._tell(PhaseChanged(old, self.state.phase, why))
        self._settle()

    def _tell(self, event: Event) -> None:
        for listener in self._listeners:
            try:
                listener(event, self.state)
            except Exception:
                log.exception("a listener failed on %s", event.kind)

    def _settle(self) -> None:
        with self._changed:
            self._phase = self.state.phase
            self._changed.notify_all()


def _fold_more(state: CampaignState | None, events: tuple[Event, ...]) -> CampaignState:
    for event in events:
        state = fold(state, event)
    if state is None:
        raise JournalError("the journal holds no campaign")
    return state


def _nothing() -> None:
    """Wakes the campaign's thread."""
