"""Executors that need no rig: a Python function, a person, a formula, a table of measured experiments."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from campaign.events import Json, Point
from campaign.executor import Outcome, ToType
from campaign.measured import Measured, as_record, called, takes
from campaign.objective import objective_value
from campaign.replay import Pool, with_candidates
from campaign.spec import CampaignSpec, ObjectiveSpec
from campaign.steps import Measure, Step
from campaign.table import read_table
from campaign.words import say_value
from hardware.errors import HardwareError, StoppedError
from hardware.latch import Latch
from optimiser.formula import Formula, read_formula

_PLAIN = ObjectiveSpec("function", "value", "maximise")


class _MeasureExecutor:
    """Plans one Measure step per experiment; the others say where its value comes from."""

    slots: tuple[str, ...] = ()
    simulated = True
    name = "measurement"

    def __init__(self) -> None:
        self._stop = Latch()

    def check(self, spec: CampaignSpec) -> tuple[str, ...]:
        """Nothing stands in the way."""
        del spec
        return ()

    def warnings(self, spec: CampaignSpec) -> tuple[str, ...]:
        """Nothing to say."""
        del spec
        return ()

    def plan(self, point: Point, slot: str | None) -> tuple[Step, ...]:
        """Measure once at the point; no vial is needed."""
        del slot
        return (Measure(dict(point)),)

    def perform(self, step: Step) -> Outcome:
        """Carry out a Measure step; no other kind is planned here."""
        if self._stop.is_set():
            raise StoppedError(self.name, "stopped; re-arm to go on")
        if not isinstance(step, Measure):
            raise HardwareError(self.name, f"a step of kind {step.kind} needs a bench")
        return Outcome(self.measure(step.point))

    def measure(self, point: Point) -> Mapping[str, Json]:
        """What is recorded of a measurement at the point: `value`, perhaps `sd` and `note`."""
        raise HardwareError(self.name, f"measures nothing at {point}")

    def value(self, point: Point, outcomes: Sequence[Outcome]) -> tuple[float | None, float | None]:
        """The value that the last measurement gave."""
        del point
        return objective_value(_PLAIN, [o.data for o in outcomes])

    def to_type(self, step: Step) -> ToType | None:
        """Nobody is asked."""
        del step
        return None

    def recall(self, steps: Iterable[tuple[Step, Mapping[str, Json] | None]]) -> None:
        """Nothing to remember."""
        del steps

    def refilled(self) -> None:
        """There are no syringes."""

    def change(self, spec: CampaignSpec) -> None:
        """Nothing depends on it."""
        del spec

    def fresh_rack(self) -> None:
        """There is no rack."""

    def stop(self) -> tuple[str, ...]:
        """No further step begins; a measurement under way cannot be cut short."""
        self._stop.set()
        return ()

    def listen_stop(self, function: Callable[[str], None]) -> Callable[[], None]:
        """Nothing else can stop a function or a table."""
        del function
        return lambda: None

    def rearm(self, asked: int) -> None:
        self._stop.release(asked)

    def close(self) -> None:
        """Nothing is held open."""


class FunctionExecutor(_MeasureExecutor):
    """Measures with a Python function, called with the parameters by name.

    It returns a number, or (number, standard deviation), or None when the experiment failed. A number that is
    not finite counts as failed.
    """

    simulated = False
    name = "function"

    def __init__(self, function: Callable[..., Measured]) -> None:
        super().__init__()
        self.function = function

    def check(self, spec: CampaignSpec) -> tuple[str, ...]:
        """Whether the function takes the campaign's parameters."""
        refused = takes(self.function, [p.name for p in spec.space.parameters])
        return () if refused is None else (refused,)

    def measure(self, point: Point) -> Mapping[str, Json]:
        """Call the function. Raises HardwareError when it raises, or returns something else."""
        try:
            return called(self.function, point)
        except BaseException as error:
            raise HardwareError(self.name, f"{type(error).__name__}: {error}", "unknown") from error


class TypedExecutor(_MeasureExecutor):
    """A person makes each experiment, measures it and types the value."""

    simulated = False
    name = "person"

    def __init__(self, spec: CampaignSpec) -> None:
        super().__init__()
        self._spec = spec

    def change(self, spec: CampaignSpec) -> None:
        self._spec = spec

    def to_type(self, step: Step) -> ToType | None:
        """The recipe and what is to be read."""
        if not isinstance(step, Measure):
            return None
        units = {p.name: p.unit for p in self._spec.space.parameters}
        in_order = [(name, step.point[name]) for name in units]
        recipe = ", ".join(f"{n} {say_value(v)} {units[n]}".rstrip() for n, v in in_order)
        objective = self._spec.objective
        return ToType(f"Make this: {recipe}. Then type its {objective.name}", objective.unit)


class FormulaExecutor(_MeasureExecutor):
    """Computes the campaign's formula, with noise if it asks for some: a rehearsal without a bench."""

    name = "formula"

    def __init__(self, spec: CampaignSpec, seed: int = 0) -> None:
        """Raises FormulaError, and ValueError when the objective is no formula."""
        super().__init__()
        self.seed = seed
        self._count = 0
        self._formula, self._constants, self._noise = _formula_of(spec)

    def change(self, spec: CampaignSpec) -> None:
        """Take the formula, constants and noise of a new revision."""
        self._formula, self._constants, self._noise = _formula_of(spec)

    def check(self, spec: CampaignSpec) -> tuple[str, ...]:
        """Whether the formula's names are all known."""
        known = {p.name for p in spec.space.parameters} | set(spec.constants)
        strangers = sorted(self._formula.names - known)
        return (f"objective.formula: no value for {', '.join(strangers)}",) if strangers else ()

    def measure(self, point: Point) -> Mapping[str, Json]:
        """The formula at the point; the n-th measurement of a seed has its own noise, also after a restart."""
        words = [n for n in self._formula.names if isinstance(point.get(n), str)]
        if words:
            raise HardwareError(self.name, f"{words[0]} is {point[words[0]]!r}, and a formula takes numbers")
        numbers = {n: v for n, v in point.items() if not isinstance(v, str)}
        value = self._formula({**self._constants, **numbers})
        if self._noise > 0:
            value += float(np.random.default_rng([self.seed, self._count]).normal(0.0, self._noise))
        self._count += 1
        return as_record(value, None)

    def recall(self, steps: Iterable[tuple[Step, Mapping[str, Json] | None]]) -> None:
        """Count what was measured in earlier sessions."""
        self._count += sum(isinstance(step, Measure) for step, _ in steps)


class ReplayExecutor(_MeasureExecutor):
    """A table of measured experiments stands for the bench.

    `spec` is the campaign with the table's rows as the only points that can be made: start the campaign with it.
    """

    name = "table"

    def __init__(self, pool: Pool, spec: CampaignSpec) -> None:
        super().__init__()
        self.spec = spec
        self._pool = pool

    @classmethod
    def open(cls, path: str | Path, spec: CampaignSpec, seed: int = 0) -> "ReplayExecutor":
        """Read the table for this campaign. Raises TableError with what is wrong in it."""
        table = read_table(Path(path))
        narrowed = with_candidates(spec, table)
        return cls(Pool.of(table, narrowed, seed), narrowed)

    def check(self, spec: CampaignSpec) -> tuple[str, ...]:
        """Whether the campaign asks for rows of this table."""
        if spec.space.candidates is None:
            return ("the campaign does not know the table's rows; start it with the executor's own spec",)
        if spec.space.candidates != self.spec.space.candidates:
            return ("the campaign was begun with another table than this one",)
        return ()

    def measure(self, point: Point) -> Mapping[str, Json]:
        """The next replicate of the point's row, or of the nearest row that was not drawn yet."""
        row, exact = self._pool.draw(point)
        record = dict(as_record(row.value, None))
        record["row"] = row.number
        if not exact:
            record["point"] = dict(row.point)
            record["note"] = f"nearest untested row: {row.number}"
        return record

    def recall(self, steps: Iterable[tuple[Step, Mapping[str, Json] | None]]) -> None:
        """Rows that were drawn in earlier sessions."""
        for step, data in steps:
            number = data.get("row") if data else None
            if isinstance(step, Measure) and isinstance(number, int):
                self._pool.mark(number)


def _formula_of(spec: CampaignSpec) -> tuple[Formula, Mapping[str, float], float]:
    if spec.objective.formula is None:
        raise ValueError(f"the objective is of kind {spec.objective.kind} and has no formula")
    return read_formula(spec.objective.formula), spec.constants, spec.objective.noise
