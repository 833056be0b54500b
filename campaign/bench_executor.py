"""Makes experiments on a rig: moves, doses, looks, and asks when what is seen is not what was done."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from pydantic import TypeAdapter

from campaign.events import Json, Point
from campaign.executor import Outcome, ToType
from campaign.eye import Eye
from campaign.guard import (
    campaign_mistakes,
    level_question,
    recipe_mistakes,
    surprise,
    syringe_question,
    vial_question,
)
from campaign.measured import Measured, called, takes
from campaign.objective import objective_value
from campaign.protocol import make_protocol
from campaign.recipe import RecipeError, make_recipe
from campaign.spec import CampaignSpec
from campaign.steps import CheckVial, Dose, Look, Measure, Move, Step, Wait
from hardware.devices import Image, Rig
from hardware.drivers.by_person import Settings
from hardware.errors import HardwareError, StoppedError
from hardware.latch import Latch
from hardware.readying import all_full, unready
from hardware.spec import NOZZLES_UP_MM

NO_FUNCTION = "the objective is a function: start the campaign from Python, with measure=..."


class Attendant(Protocol):
    """Does on a virtual bench what a person does at a real one."""

    @property
    def colourless(self) -> tuple[str, ...]:
        """Roles whose stock the bench has no dye for."""
        ...

    def swap_rack(self) -> None: ...
    def refill(self, role: str) -> None: ...


class BenchExecutor:
    """One rig, one campaign. `speed` is the factor of the bench's clock; a real bench has 1.

    `stop` may be called from any thread; everything else belongs to the campaign's thread.
    """

    def __init__(
        self,
        rig: Rig,
        spec: CampaignSpec,
        *,
        speed: float = 1.0,
        attendant: Attendant | None = None,
        function: Callable[..., Measured] | None = None,
    ) -> None:
        """function: of the parameters by name, for an objective of kind function: called when a vial is made."""
        self._rig = rig
        self._attendant = attendant
        self._spec = spec
        self._speed = speed
        self._function = function
        self._touched = True  # a person was at the bench: whoever can tell lost steps is homed anew before it moves
        self._stop = Latch()
        self._eye = Eye(rig.spec, rig.camera)
        self._needed_ul: dict[str, dict[str, float]] = {}
        self._empty: dict[str, Image] = {}

    @property
    def slots(self) -> tuple[str, ...]:
        """The rack's slots, A1 first."""
        return self._rig.spec.rack.slots

    @property
    def simulated(self) -> bool:
        """Whether the rig is a virtual one."""
        return self._rig.spec.simulated

    def check(self, spec: CampaignSpec) -> tuple[str, ...]:
        """Whether this rig can make every recipe of the campaign and see what it must."""
        mistakes = campaign_mistakes(spec, self._rig.spec, {role: p.range for role, p in self._rig.pumps.items()})
        if spec.objective.kind == "function":
            refused = (
                takes(self._function, [p.name for p in spec.space.parameters]) if self._function else NO_FUNCTION
            )
            mistakes += (refused,) if refused is not None else ()
        waiting = unready(self._rig).items()
        return (
            *mistakes,
            *(f"{role} is not ready: {why} Make it ready on the Devices page" for role, why in waiting),
        )

    def warnings(self, spec: CampaignSpec) -> tuple[str, ...]:
        """Stocks that the virtual bench shows as clear though the colour is what counts."""
        unseen = self._attendant.colourless if self._attendant and spec.objective.kind == "colour" else ()
        names = [p.name for p in spec.space.parameters if p.name in unseen]
        if not names:
            return ()
        them = "it" if len(names) == 1 else "them"
        said = f"the virtual bench has no dye for {', '.join(names)} and shows {them} as clear as water"
        return (f"{said}; a stock named after a colour, such as red, has one",)

    def change(self, spec: CampaignSpec) -> None:
        """Take a new revision: target, dosing and checks count from the next experiment."""
        self._spec = spec

    def plan(self, point: Point, slot: str | None) -> tuple[Step, ...]:
        """The steps of one vial. Raises RecipeError when the point cannot be made, or no slot is given."""
        if slot is None:
            raise RecipeError("a bench needs a slot with a clean vial")
        recipe = make_recipe(point, self._spec.space, self._spec.dosing)
        ranges = {role: p.range for role, p in self._rig.pumps.items()}
        if mistakes := recipe_mistakes(recipe, self._rig.spec, ranges):
            raise RecipeError("; ".join(mistakes))
        self._needed_ul[slot] = {a.stock: a.volume_ul for a in recipe.aliquots}
        objective = self._spec.objective
        measure = None if objective.kind == "colour" else Measure(dict(point), slot, objective.meter)
        return make_protocol(recipe, slot, self._rig.spec.rack, self._spec.dosing, self._spec.checks, measure)

    def perform(self, step: Step) -> Outcome:
        """Carry out one step. Raises HardwareError."""
        match step:
            case Move():
                return self._move(step)
            case CheckVial():
                return self._check_vial(step)
            case Dose():
                counted_ul = self._rig.dose(step.slot, step.stock, step.volume_ul, step.rate_ul_s)
                left_ul = self._rig.pumps[step.stock].left_ul
                self._needed_ul.get(step.slot, {}).pop(step.stock, None)
                return Outcome({"volume_ul": counted_ul, "left_ul": left_ul})
            case Wait():
                if self._stop.wait(step.wait_s / self._speed):
                    raise StoppedError("bench", "the wait was cut short")
                return Outcome({"waited_s": step.wait_s})
            case Look():
                return self._look(step)
            case Measure():
                return self._measure(step)

    def to_type(self, step: Step) -> ToType | None:
        """What is asked when a person is the meter."""
        if not isinstance(step, Measure) or step.meter is None:
            return None
        meter = self._rig.spec.meters.get(step.meter)
        if meter is None or meter.kind != "by_person":
            return None
        asked = TypeAdapter(Settings).validate_python(dict(meter.settings))
        return ToType(f"{step.slot}: {asked.question}", asked.unit, asked.lowest, asked.highest)

    def _move(self, step: Move) -> Outcome:
        stage = self._rig.stage
        if not stage.homed or (self._touched and stage.range.drift_mm is not None):
            stage.home()
        self._touched = False  # not before: a homing that was refused has not looked
        stage.move_to(step.x_mm, step.y_mm, NOZZLES_UP_MM)  # also when it stands there already
        x_mm, y_mm, _ = stage.position_mm()
        left_ul = {role: p.left_ul for role, p in self._rig.pumps.items()}
        question = syringe_question(self._needed_ul.get(step.slot, {}), left_ul)
        return Outcome({"x_mm": x_mm, "y_mm": y_mm}, mismatch=question, refill=question is not None)

    def _check_vial(self, step: CheckVial) -> Outcome:
        sight = self._eye.look()
        question = vial_question(step.slot, sight.reading)
        if question is None:
            self._empty[step.slot] = sight.image
            self._rig.set_contents(step.slot, 0.0)
        elif (seen_ul := sight.reading.volume_ul) is not None:  # whatever the answer, it must not overflow
            booked_ul = max(seen_ul, self._rig.contents_ul(step.slot))
            self._rig.set_contents(step.slot, min(booked_ul, self._rig.spec.rack.vial.capacity_ul))
        return Outcome(sight.record(), sight.image, question, reading=sight.reading)

    def _look(self, step: Look) -> Outcome:
        sight = self._eye.look(empty=self._empty.get(step.slot), expected_ul=step.expected_ul)
        question = level_question(step.slot, sight.reading, step.expected_ul, self._spec.checks)
        if question is None and sight.reading.lab is None and self._spec.objective.kind == "colour":
            question = f"The colour in {step.slot} cannot be read: {sight.why}."
        record: dict[str, Json] = {**sight.record(), "expected_ul": step.expected_ul}
        if question is None and (said := surprise(step.slot, sight.fused, step.expected_ul)):
            record["said"] = said
        return Outcome(record, sight.image, question, reading=sight.reading)

    def _measure(self, step: Measure) -> Outcome:
        """Reading does nothing to a vial, so that whatever goes wrong, it may be read again."""
        if step.meter is None:
            if self._function is None:
                raise HardwareError("bench", "has neither meter nor function for this value", "not_done")
            try:
                return Outcome(called(self._function, step.point))
            except Exception as error:
                raise HardwareError("function", f"{type(error).__name__}: {error}", "not_done") from error
        try:
            value, unit = self._rig.meters[step.meter].read()
        except StoppedError:
            raise
        except HardwareError as error:
            raise HardwareError(step.meter, error.message, "not_done") from error
        wanted = self._spec.objective.unit
        if wanted and unit != wanted:
            said = f"reads in {unit or 'no unit'}, and the campaign's {self._spec.objective.name} is in {wanted}"
            raise HardwareError(step.meter, f"{said}; put one of them right", "not_done")
        return Outcome({"value": value, "unit": unit, "meter": step.meter})

    def value(self, point: Point, outcomes: Sequence[Outcome]) -> tuple[float | None, float | None]:
        """The colour difference that the last look saw, or what was measured."""
        del point
        return objective_value(self._spec.objective, [o.data for o in outcomes])

    def recall(self, steps: Iterable[tuple[Step, Mapping[str, Json] | None]]) -> None:
        """Fill the books of vials and syringes from earlier sessions; a dose of unknown outcome counts in full."""
        capacity_ul = self._rig.spec.rack.vial.capacity_ul
        held_ul: dict[str, float] = {}
        left_ul = {role: pump.left_ul for role, pump in self._rig.pumps.items()}
        for step, data in steps:
            if isinstance(step, CheckVial) and data is not None and data.get("state") == "empty":
                held_ul[step.slot] = 0.0
            elif isinstance(step, Dose):
                counted = data.get("volume_ul") if data else None
                volume_ul = float(counted) if isinstance(counted, int | float) else step.volume_ul
                held_ul[step.slot] = held_ul.get(step.slot, 0.0) + volume_ul
                if step.stock in left_ul:
                    left = data.get("left_ul") if data else None
                    below = max(0.0, left_ul[step.stock] - volume_ul)
                    left_ul[step.stock] = float(left) if isinstance(left, int | float) else below
        for role, volume_ul in left_ul.items():
            self._rig.loaded(role, volume_ul)
        for slot, volume_ul in held_ul.items():
            self._rig.set_contents(slot, min(volume_ul, capacity_ul))

    def refilled(self) -> None:
        """A person has filled every syringe."""
        if self._attendant:
            for role in self._rig.pumps:
                self._attendant.refill(role)
        all_full(self._rig)

    def fresh_rack(self) -> None:
        """A person has put a clean vial into every slot."""
        if self._attendant:
            self._attendant.swap_rack()
        for slot in self.slots:
            self._rig.set_contents(slot, 0.0)
        self._empty.clear()
        self._touched = True

    def stop(self) -> tuple[str, ...]:
        """Stop all devices and any wait; the names of those that did not confirm."""
        self._stop.set()
        return self._rig.stop_all()

    def listen_stop(self, function: Callable[[str], None]) -> Callable[[], None]:
        """Told when the port owner stopped everything by itself, or was lost."""

        def told(why: str, unconfirmed: tuple[str, ...]) -> None:
            del unconfirmed  # the stop that follows asks the devices again
            self._stop.set()
            function(why)

        return self._rig.listen(told)

    def rearm(self, asked: int) -> None:
        self._rig.rearm(asked)
        self._stop.release(asked)

    def close(self) -> None:
        """Cut a wait short. The rig stays open: it belongs to whoever opened it."""
        self._stop.set()
