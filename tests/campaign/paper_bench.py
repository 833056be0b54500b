"""A bench on paper: a real executor without devices. It doses two stocks and reads how far they are from (1, 2)."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from campaign.events import Event, Json, Point
from campaign.executor import Outcome, ToType
from campaign.journal import Journal
from campaign.loop import Campaign
from campaign.spec import CampaignSpec, ObjectiveSpec, StopSpec, StrategySpec
from campaign.state import CampaignState
from campaign.steps import CheckVial, Dose, Look, Measure, Move, Step
from hardware.errors import StoppedError
from optimiser.space import Continuous, SearchSpace

PATIENCE_S = 30.0
STEPS_EACH = 5


def spec(budget: int = 4, mode: str = "automatic", **changes: object) -> CampaignSpec:
    """Random search by default: nothing to load, nothing to fit."""
    space = SearchSpace((Continuous("x", 0.0, 5.0), Continuous("y", 0.0, 5.0)))
    stop = StopSpec(budget=budget) if budget > 1 else StopSpec(budget=2, target=1e6)  # any value reaches it
    kept = {"strategy": StrategySpec("random", initial=1), "stop": stop, **changes}
    return CampaignSpec("paper", space, ObjectiveSpec("function", "distance", "minimise"), mode=mode, **kept)


@dataclass
class PaperBench:
    """before: called with each step before it is done; what it returns replaces the outcome."""

    slots: tuple[str, ...] = tuple(f"{row}{column}" for row in "ABCD" for column in range(1, 7))
    before: Callable[[Step], Outcome | None] = lambda step: None
    simulated: bool = True
    performed: list[Step] = field(default_factory=list)
    dosed: list[tuple[str, str]] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)
    typed: ToType | None = None
    """Asked of a person at the end of each vial; its number is the value then."""
    unconfirmed: tuple[str, ...] = ()
    mistakes: tuple[str, ...] = ()
    remembered: tuple[tuple[Step, Mapping[str, Json] | None], ...] = ()
    racks: int = 1
    refills: int = 0
    revisions: list[CampaignSpec] = field(default_factory=list)

    def check(self, spec: CampaignSpec) -> tuple[str, ...]:
        return self.mistakes

    def warnings(self, spec: CampaignSpec) -> tuple[str, ...]:
        return ()

    def plan(self, point: Point, slot: str | None) -> tuple[Step, ...]:
        assert slot is not None
        x_ul, y_ul = 100 * float(point["x"]), 100 * float(point["y"])
        measured = (Measure(dict(point), slot),) if self.typed is not None else ()
        return (
            Move(slot, 0.0, 0.0), CheckVial(slot), Dose(slot, "red", x_ul, 50.0), Dose(slot, "blue", y_ul, 50.0),
            Look(slot, x_ul + y_ul), *measured,
        )  # fmt: skip

    def perform(self, step: Step) -> Outcome:
        if self.stopped.is_set():
            raise StoppedError("paper")
        replaced = self.before(step)
        self.performed.append(step)
        if isinstance(step, Dose):
            self.dosed.append((step.slot, step.stock))
            return replaced or Outcome({"volume_ul": step.volume_ul, "stock": step.stock})
        return replaced or Outcome({"seen": True})

    def to_type(self, step: Step) -> ToType | None:
        return self.typed if isinstance(step, Measure) else None

    def value(self, point: Point, outcomes: Sequence[Outcome]) -> tuple[float | None, float | None]:
        if self.typed is not None:
            return float(str(outcomes[-1].data["value"])), None
        volumes = {o.data["stock"]: float(str(o.data["volume_ul"])) for o in outcomes if "stock" in o.data}
        if len(volumes) < 2:
            return None, None
        return (volumes["red"] / 100 - 1) ** 2 + (volumes["blue"] / 100 - 2) ** 2, None

    def recall(self, steps: Iterable[tuple[Step, Mapping[str, Json] | None]]) -> None:
        self.remembered = tuple(steps)

    def change(self, spec: CampaignSpec) -> None:
        self.revisions.append(spec)

    def stop(self) -> tuple[str, ...]:
        self.stopped.set()
        return self.unconfirmed

    def listen_stop(self, function):
        self.stop_listener = function
        return lambda: None

    def rearm(self, asked: int) -> None:
        self.stopped.clear()

    def refilled(self) -> None:
        self.refills += 1

    def fresh_rack(self) -> None:
        self.racks += 1

    def close(self) -> None:
        pass


class Watch:
    """Keeps what a campaign tells, and waits for it."""

    def __init__(self, campaign: Campaign) -> None:
        self.campaign = campaign
        self.events: list[Event] = []
        self._changed = threading.Condition()
        campaign.listen(self._hear)

    def _hear(self, event: Event, state: CampaignState) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    def until(self, wanted: Callable[[CampaignState], bool]) -> CampaignState:
        with self._changed:
            reached = self._changed.wait_for(lambda: wanted(self.campaign.state), PATIENCE_S)
        assert reached, (self.campaign.state.phase, self.campaign.state.why, self.events[-5:])
        return self.campaign.state

    def heard(self, kind: type[Event], count: int = 1) -> Event:
        """The count-th event of a kind, once it has come."""
        with self._changed:
            reached = self._changed.wait_for(lambda: len(self._of(kind)) >= count, PATIENCE_S)
        assert reached, (kind, self.campaign.state.phase, self.campaign.state.why, self.events[-5:])
        return self._of(kind)[count - 1]

    def _of(self, kind: type[Event]) -> list[Event]:
        return [e for e in self.events if isinstance(e, kind)]


class Gate:
    """Lets steps pass until the n-th of a kind, which waits for `open` or for the bench to be stopped."""

    def __init__(self, kind: type[Step], n: int = 1) -> None:
        self.kind, self.left = kind, n
        self.reached, self.open = threading.Event(), threading.Event()
        self.bench: PaperBench | None = None

    def __call__(self, step: Step) -> Outcome | None:
        if isinstance(step, self.kind):
            self.left -= 1
            if self.left == 0:
                bench = self.bench  # whoever waits for `reached` may change it
                self.reached.set()
                if bench is None:
                    assert self.open.wait(PATIENCE_S)
                else:
                    assert bench.stopped.wait(PATIENCE_S)
                    raise StoppedError("paper")
        return None


def begin(folder, bench: PaperBench, what: CampaignSpec | None = None, seed: int = 0) -> Campaign:
    return Campaign(what or spec(), bench, Journal.create(folder / "journal.sqlite"), seed=seed)


def journaled(folder) -> list[Event]:
    with Journal.open(folder / "journal.sqlite", readonly=True) as journal:
        assert journal.verify() is None
        return list(journal.events())


def kinds(events: Iterable[Event]) -> list[str]:
    return [e.kind for e in events]


def of(events: Iterable[Event], kind: type[Event]) -> list[Event]:
    return [e for e in events if isinstance(e, kind)]
