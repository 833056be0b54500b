"""How long the rest of a campaign will take, from how long the last experiments took."""

import time
from collections import deque
from collections.abc import Callable

from campaign.events import AttemptStarted, Event, Observed, PhaseChanged
from campaign.state import CampaignState
from gui.words import done

KEPT = 5


class Pace:
    """Fed with the events as they come; waiting for a person does not count."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began_s: float | None = None
        self._took_s: deque[float] = deque(maxlen=KEPT)

    def hear(self, event: Event) -> None:
        match event:
            case AttemptStarted(attempt=1):
                self._began_s = self._clock()
            case Observed() if self._began_s is not None:
                self._took_s.append(self._clock() - self._began_s)
                self._began_s = None
            case PhaseChanged(new="Held" | "Aborted"):
                self._began_s = None

    def seconds_left(self, state: CampaignState) -> float | None:
        """None until the first experiment is over."""
        if not self._took_s or state.finished:
            return None
        each = sum(self._took_s) / len(self._took_s)
        return each * max(0, state.spec.stop.budget - done(state))
