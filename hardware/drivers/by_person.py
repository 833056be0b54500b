"""A meter that a person reads: the program asks, somebody looks and types.

`read()` asks and waits. Whoever shows the question (a window, the command line) waits for it with `next_question`
and brings what was typed to `answer`, from any thread. A number counts only in plain digits, with its unit or none.
"""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from hardware.devices import Traffic
from hardware.drivers import Probe
from hardware.errors import DeviceTimeoutError, HardwareError, OutOfRangeError, StoppedError
from hardware.spec import Finite, MeterSpec
from hardware.typed import typed_number

PROBES: tuple[Probe, ...] = ()


@dataclass(frozen=True)
class Settings:
    """What a rig file may say under `settings`. question: what the person is asked. unit: of the value. lowest,
    highest: what can be true. patience_s: how long an answer is waited for."""

    question: Annotated[str, Field(min_length=1, max_length=500)] = "Read the meter and type what it shows"
    unit: Annotated[str, Field(max_length=20)] = ""
    lowest: Finite | None = None
    highest: Finite | None = None
    patience_s: Annotated[float, Field(ge=1, le=86_400)] = 900.0

    def __post_init__(self) -> None:
        if self.lowest is not None and self.highest is not None and self.lowest >= self.highest:
            raise ValueError(f"lowest, {self.lowest:g}, must be below highest, {self.highest:g}")


class Driver:
    """One person with one meter."""

    def __init__(
        self, name: str, spec: MeterSpec, settings: Settings, *, speed: float, latch: threading.Event
    ) -> None:
        del spec, speed, latch  # a person has no port, lives in real time, and is not stopped by a program
        self.name = name
        self._settings = settings
        self._news = threading.Condition()
        self._asked, self._stopped = False, False
        self._answer: float | None = None

    def open(self) -> None:
        """A person is always there."""

    def identify(self) -> str:
        return "a person"

    def about(self) -> Mapping[str, str]:
        return {"question": self._settings.question, "unit": self._settings.unit or "none",
                "state": "waits for an answer" if self.waiting else "asks nothing"}  # fmt: skip

    @property
    def traffic(self) -> tuple[Traffic, ...]:
        return ()

    @property
    def waiting(self) -> str:
        """The question that waits for an answer; empty when none does."""
        with self._news:
            return self._question() if self._asked else ""

    def next_question(self, timeout_s: float) -> str:
        """Wait until something is asked; empty when nothing was."""
        with self._news:
            return self._question() if self._news.wait_for(lambda: self._asked, timeout_s) else ""

    def answer(self, typed: str | float) -> None:
        """Answer the question that waits. Raises OutOfRangeError for what cannot be right; it then waits on."""
        value = self._number(str(typed))
        with self._news:
            if not self._asked:
                raise OutOfRangeError(self.name, "nothing is asked now")
            self._answer, self._asked = value, False
            self._news.notify_all()

    def read(self) -> tuple[float, str]:
        """What the person typed. Raises DeviceTimeoutError when nobody does in time."""
        deadline = time.monotonic() + self._settings.patience_s
        with self._news:
            if self._asked:
                raise HardwareError(self.name, "has been asked already and has not answered yet")
            self._answer, self._asked, self._stopped = None, True, False
            self._news.notify_all()
            try:
                self._news.wait_for(self._is_over, deadline - time.monotonic())
            finally:
                self._asked = False
            if self._answer is not None:
                return self._answer, self._settings.unit
            if self._stopped:
                raise StoppedError(self.name, "the question was withdrawn")
        patience = f"within {self._settings.patience_s:g} s"
        raise DeviceTimeoutError(self.name, f"nobody answered {self._settings.question!r} {patience}", "not_done")

    def stop(self) -> None:
        """Withdraw the question."""
        with self._news:
            self._stopped = True
            self._news.notify_all()

    def close(self) -> None:
        self.stop()

    def _is_over(self) -> bool:
        return self._answer is not None or self._stopped

    def _question(self) -> str:
        return (
            f"{self._settings.question} ({self._settings.unit})" if self._settings.unit else self._settings.question
        )

    def _number(self, typed: str) -> float:
        settings = self._settings
        try:
            return typed_number(typed, settings.unit, settings.lowest, settings.highest)
        except ValueError as error:
            raise OutOfRangeError(self.name, str(error)) from error
