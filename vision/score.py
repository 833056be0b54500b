"""How right the eye is, against what a person saw: one set of definitions for photographs and for corrected frames.

A vessel is filled in the states `words.FILLED`. Errors of the surface are in percent of the height of the vessel's
box, 0 inside the band in which the person saw it; no answer counts as a miss. A boundary is found when a reported
line lies within 2 % of the height or the person's own uncertainty of it. An answer is right when the surface lies
within 2 %, or when an empty vessel was called so; the expected calibration error compares how often that holds with
the confidence that was given, in ten bins of equal width (Guo et al. 2017, On calibration of modern neural
networks, eq. 3).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vision.background import Box
from vision.locate import overlap
from vision.words import EMPTY, FILLED

MUTE = ("unknown", *EMPTY)
"""States in which a reading gives no surface."""
SAME_VESSEL = 0.5
"""Overlap (intersection over union) from which a box found is the vessel's own."""
RIGHT_PERCENT = 2.0
GROSS_PERCENT = 10.0
BINS = 10

Predictions = Mapping[str, Sequence[Mapping[str, Any]]]
"""Readings by picture, as `look.reading_to_json` gives them; taken by "vessel" where they have one, else by box."""


@dataclass(frozen=True)
class Truth:
    """One vessel as a person saw it. band: rows between which its surface is seen; None where only boundaries are
    known. uncertainty_px: of the rows. Raises ValueError for a filled vessel without any line."""

    file: str
    vessel: int
    box_px: Box
    state: str
    band: tuple[float, float] | None
    boundary_rows: tuple[float, ...] = ()
    uncertainty_px: float = 0.0

    def __post_init__(self) -> None:
        if self.filled and self.band is None and not self.boundary_rows:
            raise ValueError(f"{self.file}, vessel {self.vessel}: {self.state} without a surface or a boundary")

    @property
    def filled(self) -> bool:
        return self.state in FILLED

    @property
    def height_px(self) -> float:
        return self.box_px[3] - self.box_px[1]


@dataclass(frozen=True)
class Score:
    """Counts, and what follows from them. errors_percent: of the answered, filled vessels. answers: confidence and
    whether it was right, of every vessel of which the eye said something."""

    vessels: int
    found: int
    readings: int
    state_right: int
    filled: int
    errors_percent: tuple[float, ...]
    empties: int
    false_alarms: int
    boundaries: int
    boundaries_found: int
    lines: int
    lines_right: int
    answers: tuple[tuple[float, bool], ...]

    @property
    def median_percent(self) -> float | None:
        return float(np.median(self.errors_percent)) if self.errors_percent else None

    @property
    def gross_percent(self) -> float | None:
        """Share of the answered that is off by more than 10 % of the height."""
        return percent(sum(e > GROSS_PERCENT for e in self.errors_percent), len(self.errors_percent))

    def within_percent(self, most: float) -> float | None:
        """Share of all filled vessels whose surface lies within `most` percent of the height."""
        return percent(sum(e <= most for e in self.errors_percent), self.filled)

    @property
    def calibration_error(self) -> float | None:
        """Expected calibration error, 0..1; None without an answer."""
        if not self.answers:
            return None
        said, right = np.array([c for c, _ in self.answers]), np.array([r for _, r in self.answers])
        bins = np.minimum((said * BINS).astype(int), BINS - 1)
        apart = [abs(said[bins == b].sum() - right[bins == b].sum()) for b in range(BINS)]
        return float(sum(apart) / len(said))

    def to_json(self) -> dict[str, float | int | None]:
        """All figures as plain values."""
        said, right = [c for c, _ in self.answers], [r for _, r in self.answers]
        return {
            "vessels": self.vessels,
            "found_percent": percent(self.found, self.vessels),
            "readings": self.readings,
            "state_accuracy_percent": percent(self.state_right, self.vessels),
            "filled": self.filled,
            "answered_percent": percent(len(self.errors_percent), self.filled),
            "median_error_percent": self.median_percent,
            "within_1_percent": self.within_percent(1.0),
            "within_2_percent": self.within_percent(2.0),
            "within_5_percent": self.within_percent(5.0),
            "gross_percent": self.gross_percent,
            "empties": self.empties,
            "false_alarms": self.false_alarms,
            "boundaries": self.boundaries,
            "boundaries_found": self.boundaries_found,
            "boundary_recall_percent": percent(self.boundaries_found, self.boundaries),
            "lines": self.lines,
            "boundary_precision_percent": percent(self.lines_right, self.lines),
            "mean_confidence": float(np.mean(said)) if said else None,
            "right": float(np.mean(right)) if right else None,
            "calibration_error": self.calibration_error,
        }


def percent(part: int, whole: int) -> float | None:
    """None of nothing."""
    return 100.0 * part / whole if whole else None


def score(truths: Sequence[Truth], predictions: Predictions) -> Score:
    """Compare readings with what a person saw in the same pictures."""
    by_number = any("vessel" in p for readings in predictions.values() for p in readings)
    pairs = [(t, _match(t, predictions.get(t.file, ()), by_number)) for t in truths]
    errors, answers, lines = [], [], [0, 0, 0, 0]
    for truth, reading in pairs:
        confidence = float(reading.get("confidence", 1.0)) if reading is not None else 0.0
        error = _error_percent(truth, reading) if truth.filled else None
        if error is not None:
            errors.append(error)
            answers.append((confidence, error <= RIGHT_PERCENT))
        elif reading is not None and reading.get("state") != "unknown":
            answers.append((confidence, truth.state in EMPTY and not _alarm(reading)))
        if truth.filled and truth.band is not None:
            lines = [a + b for a, b in zip(lines, _lines(truth, reading), strict=True)]
    empties = [(t, r) for t, r in pairs if t.state in EMPTY]
    return Score(
        vessels=len(pairs),
        found=sum(r is not None for _, r in pairs),
        readings=sum(len(readings) for readings in predictions.values()),
        state_right=sum(r is not None and r.get("state") == t.state for t, r in pairs),
        filled=sum(t.filled for t, _ in pairs),
        errors_percent=tuple(errors),
        empties=len(empties),
        false_alarms=sum(r is not None and _alarm(r) for _, r in empties),
        boundaries=lines[0],
        boundaries_found=lines[1],
        lines=lines[2],
        lines_right=lines[3],
        answers=tuple(answers),
    )


def _match(truth: Truth, readings: Sequence[Mapping[str, Any]], by_number: bool) -> Mapping[str, Any] | None:
    """The reading of this vessel, by its number or by the box that covers it best."""
    if by_number:
        return next((r for r in readings if r.get("vessel") == truth.vessel), None)
    near = [(overlap(tuple(r["bbox"]), truth.box_px), i) for i, r in enumerate(readings)]
    share, best = max(near, key=lambda pair: pair[0], default=(0.0, 0))
    return readings[best] if share > SAME_VESSEL else None


def _surface(reading: Mapping[str, Any] | None) -> float | None:
    return None if reading is None or reading.get("state") in MUTE else reading.get("surface_y")


def _alarm(reading: Mapping[str, Any]) -> bool:
    """Whether something is seen in the vessel."""
    return _surface(reading) is not None or reading.get("state") not in MUTE


def _error_percent(truth: Truth, reading: Mapping[str, Any] | None) -> float | None:
    """How far the answer is outside the band; None without one. Where only boundaries are known, the line that is
    nearest to the upper one counts."""
    row = _surface(reading)
    rows = [] if row is None else [row]
    if truth.band is not None:
        low, high = truth.band
    else:
        low, high = min(truth.boundary_rows), min(truth.boundary_rows)
        low, high = low - truth.uncertainty_px, high + truth.uncertainty_px
        rows += list((reading or {}).get("boundaries") or ())
    return min((100.0 * max(0.0, low - r, r - high) / truth.height_px for r in rows), default=None)


def _lines(truth: Truth, reading: Mapping[str, Any] | None) -> tuple[int, int, int, int]:
    """Boundaries there, those found, lines reported, those that are a boundary."""
    seen = list((reading or {}).get("boundaries") or ())
    near_px = max(RIGHT_PERCENT / 100.0 * truth.height_px, truth.uncertainty_px)
    found = sum(any(abs(s - b) <= near_px for s in seen) for b in truth.boundary_rows)
    right = sum(any(abs(s - b) <= near_px for b in truth.boundary_rows) for s in seen)
    return len(truth.boundary_rows), found, len(seen), right


def in_words(figures: Score) -> str:
    """The figures for a person, a line per question."""
    f = figures.to_json()
    lines = [f"State: {figures.state_right} of {_count(figures.vessels, 'vessel')} called rightly."]
    if figures.errors_percent:
        within = " / ".join(_number(f[f"within_{most}_percent"], 0) for most in (1, 2, 5))
        lines.append(
            f"Surface: {len(figures.errors_percent)} of {_count(figures.filled, 'filled vessel')} answered, median "
            f"error {_number(f['median_error_percent'], 1)} % of the height; within 1 / 2 / 5 %: {within} % of the "
            f"filled; off by more than 10 %: {_number(f['gross_percent'], 0)} % of the answers."
        )
    elif figures.filled:
        lines.append(f"Surface: none of {_count(figures.filled, 'filled vessel')} answered.")
    if figures.empties:
        lines.append(f"Empty: {figures.false_alarms} of {_count(figures.empties, 'empty place')} called filled.")
    if figures.boundaries or figures.lines:
        lines.append(
            f"Boundaries: {figures.boundaries_found} of {figures.boundaries} found; "
            f"{figures.lines_right} of {_count(figures.lines, 'reported line')} right."
        )
    if figures.answers:
        lines.append(
            f"Confidence: {_number(f['mean_confidence'], 2)} on average, {_number(f['right'], 2)} of the answers "
            f"are right; expected calibration error {_number(f['calibration_error'], 2)}."
        )
    return "\n".join(lines)


def _count(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
