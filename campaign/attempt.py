"""One attempt: the steps of one vial, each on the disk before it acts and again when its outcome is known."""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from campaign.choices import FAIL, GO_ON, NEW_VIAL, REFILLED, REPEAT, RETRY
from campaign.codec import as_json
from campaign.desk import Desk, Leave
from campaign.errors import JournalError
from campaign.events import (
    Answered,
    Asked,
    AttemptStarted,
    Event,
    Observed,
    StepDone,
    StepFailed,
    StepIntended,
    VialGivenUp,
)  # fmt: skip
from campaign.executor import Outcome, ToType
from campaign.hands import Hands
from campaign.state import Attempt
from campaign.steps import Dose
from campaign.words import say
from hardware.devices import Image
from hardware.errors import HardwareError
from hardware.typed import typed_number

if TYPE_CHECKING:
    from campaign.journal import Journal

log = logging.getLogger(__name__)
Then = Mapping[str, tuple[Event, ...]]
"""Choices, and what is recorded with each."""


class AttemptWalk:
    def __init__(self, desk: Desk, journal: "Journal", hands: Hands) -> None:
        self._desk = desk
        self._journal = journal
        self._hands = hands
        self._then: Then = {}
        self._chosen = ""

    def walk(self) -> bool:
        """The steps that are left of the attempt in work; whether all are done. Raises Leave."""
        while (attempt := self._desk.state.attempt) is not None:
            index = len(attempt.done)
            if index == len(attempt.steps):
                return True
            self._desk.drain()
            self._desk.pause_point()
            if (asked := self._hands.to_type(attempt.steps[index])) is not None:
                self._ask_number(attempt, index, asked)
                continue
            self._desk.record(StepIntended(attempt.experiment, attempt.number, index, attempt.steps[index]))
            self._desk.pause_point()  # not one command while the intent is not on the disk
            self._act(attempt, index)
        return False

    def left_to_type(self, attempt: Attempt) -> bool:
        """Whether nothing is left of an attempt but what a person reads and types."""
        left = attempt.steps[len(attempt.done) :]
        return attempt.intended is None and all(self._hands.to_type(step) is not None for step in left)

    def ask(
        self,
        question: str,
        then: Then,
        image: str | None = None,
        before: tuple[Event, ...] = (),
        number: ToType | None = None,
    ) -> str:
        """Hold, wait for a person's choice or number and return it. Raises Leave when the campaign ends instead."""
        desk = self._desk
        if desk.state.phase not in ("Running", "Holding", "Held"):
            desk.record(*before)
            raise Leave
        experiment = len(desk.state.experiments)
        typed = (number.unit, number.lowest, number.highest) if number is not None else ()
        asked = Asked(experiment, question, tuple(then), image, *typed)
        self._then = then
        held = () if desk.state.phase == "Held" else desk.to_held(question)
        desk.record(*before, asked, *held)
        while desk.state.question is not None:
            if desk.leaving():
                raise Leave
            desk.serve()
        desk.pause_point()
        return self._chosen

    def answer(self, choice: str) -> None:
        """Record the answer with all that follows from it, and go on."""
        state = self._desk.state
        if state.question is None or state.phase != "Held":
            return
        if choice in self._then:
            follows = self._then[choice]
        elif state.question.number_unit is not None and state.attempt is not None:
            follows = _read(state.attempt, choice, state.question)
        else:
            return
        moves = self._desk.moves("resume", "done", why=f"answered: {choice}")
        self._chosen = choice
        self._desk.record(Answered(state.question.experiment, choice), *follows, *moves)

    def _ask_number(self, attempt: Attempt, index: int, asked: ToType) -> None:
        """Hold until it is typed, however long that takes: nothing is intended, so nothing is in doubt."""
        vial = dict(self._then_vial(attempt, index, "the value was not read"))
        del vial[RETRY]
        self.ask(asked.question, vial, number=asked)

    def _act(self, attempt: Attempt, index: int) -> None:
        step = attempt.steps[index]
        try:
            outcome = self._desk.wait_for(self._hands.perform(step), self._hands.patience)
        except HardwareError as error:
            self._failed(attempt, index, error)
            return
        except Leave:
            late = HardwareError("bench", "no answer after Stop all", "unknown")
            self._desk.record(self._failure(attempt, index, late))
            raise
        done = self._done(attempt, index, outcome)
        if outcome.mismatch is None:
            self._desk.record(done)
            return
        vial = dict(self._then_vial(attempt, index, outcome.mismatch))
        retry = vial.pop(RETRY)
        again = {} if isinstance(step, Dose) else {REFILLED if outcome.refill else RETRY: retry}
        if self.ask(outcome.mismatch, {**again, GO_ON: (), **vial}, done.image, (done,)) == REFILLED:
            self._hands.refilled()

    def _failed(self, attempt: Attempt, index: int, error: HardwareError) -> None:
        failure = self._failure(attempt, index, error)
        what = f"{say(attempt.steps[index])} (experiment {attempt.experiment})"
        vial = self._then_vial(attempt, index, str(error))
        said = str(error) if str(error)[-1:] in "?!." else f"{error}."
        if error.outcome == "not_done":
            self.ask(f"{said} Not done: {what}.", vial, before=(failure,))
            return
        given_up = vial[NEW_VIAL if attempt.slot is not None else REPEAT]
        state = "was cut short" if error.outcome == "stopped" else "may or may not have been done"
        question = f"{said} It {state}: {what}. The vial is given up; repeat the experiment in a clean one?"
        if attempt.slot is None:
            question = f"{said} It {state}: {what}. Repeat the experiment?"
        failed = self._observed(attempt, str(error))
        self.ask(question, {REPEAT: (), FAIL: (failed,)}, before=(failure, *given_up))

    def _then_vial(self, attempt: Attempt, index: int, why: str) -> Then:
        """Choices that are open after a step that did no harm to the vial."""
        again = AttemptStarted(attempt.experiment, attempt.number + 1, attempt.slot, attempt.steps, index)
        given_up = VialGivenUp(attempt.experiment, attempt.number, attempt.slot, why)
        other = NEW_VIAL if attempt.slot is not None else REPEAT
        return {RETRY: (again,), other: (given_up,), FAIL: (self._observed(attempt, why),)}

    def _observed(self, attempt: Attempt, why: str) -> Observed:
        point = self._desk.state.experiments[attempt.experiment - 1].point
        return Observed(attempt.experiment, attempt.number, point, None, None, why)

    def _failure(self, attempt: Attempt, index: int, error: HardwareError) -> StepFailed:
        return StepFailed(attempt.experiment, attempt.number, index, str(error), error.outcome)

    def _done(self, attempt: Attempt, index: int, outcome: Outcome) -> StepDone:
        """The outcome as it is kept, its picture beside the journal. A picture that cannot be kept is named."""
        data = {k: as_json(v) for k, v in outcome.data.items()}
        image = digest = None
        if outcome.frame is not None:
            name = f"{attempt.experiment:04d}-{attempt.number}-{index:02d}.jpg"
            try:
                image, digest = self._journal.save_image(name, _jpeg(outcome.frame))
            except JournalError as error:
                log.warning("%s", error)
                data["picture_lost"] = str(error)
        return StepDone(attempt.experiment, attempt.number, index, data, image, digest)


def _read(attempt: Attempt, typed: str, asked: Asked) -> tuple[Event, ...]:
    """The step that a typed number completes."""
    index = len(attempt.done)
    value = number_in(typed, asked)
    place = (attempt.experiment, attempt.number, index)
    return (
        StepIntended(*place, attempt.steps[index]),
        StepDone(*place, {"value": value, "unit": asked.number_unit or "", "typed": typed}),
    )


def number_in(typed: str, asked: Asked) -> float:
    """The number that a person typed as an answer. Raises ValueError with what is wrong."""
    return typed_number(typed, asked.number_unit or "", asked.lowest, asked.highest)


def _jpeg(image: Image) -> bytes:
    import cv2

    encoded, jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 92])
    if not encoded:
        raise JournalError("a picture could not be encoded")
    return jpeg.tobytes()
