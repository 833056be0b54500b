"""A person's correction of what the eye saw: what it must hold, and how it is told. Pure."""

import math
from collections.abc import Mapping

from campaign.events import Corrected
from campaign.state import CampaignState
from vision.words import FILLED, STATES

LEAST_PX = 8.0
"""A box that is smaller holds no vial."""
WITH_BOUNDARY = ("two_phase", "liquid+solid")
STAYS = "What was measured stays as it is"


def correction_mistakes(event: Corrected) -> tuple[str, ...]:
    """Everything that makes no sense in a correction, a clause each; empty when all is well."""
    rows = (*(() if event.surface_row is None else (event.surface_row,)), *event.boundary_rows)
    if len(event.box_px) != 4 or not all(map(math.isfinite, (*event.box_px, *rows))):
        return ("the box needs four numbers, and every row one",)
    x0, y0, x1, y1 = event.box_px
    out = [] if event.state in STATES else [f"{event.state!r} is no state of a vial"]
    if min(x1 - x0, y1 - y0) < LEAST_PX:
        out.append(f"the box is smaller than {LEAST_PX:g} pixels")
    if outside := [row for row in rows if not y0 <= row <= y1]:
        out.append(f"row {outside[0]:g} is outside the box")
    if list(rows) != sorted(rows):
        out.append("a boundary lies above the surface")
    if (event.surface_row is not None) != (event.state in FILLED):
        needs = "needs" if event.state in FILLED else "has no"
        out.append(f"{say_state(event.state)} {needs} surface")
    if event.boundary_rows and event.state not in WITH_BOUNDARY:
        out.append(f"{say_state(event.state)} has no boundary")
    return tuple(out)


def say_state(state: str) -> str:
    return next((words for known, words in STATES.items() if known == state), state)


def say_correction(event: Corrected) -> str:
    """`vial B4: liquid, surface at row 220, 3100 µL; the eye said liquid, row 250`."""
    what = [say_state(event.state)]
    if event.surface_row is not None:
        what.append(f"surface at row {event.surface_row:.0f}")
    if event.boundary_rows:
        what.append("boundary at row " + " and ".join(f"{row:.0f}" for row in event.boundary_rows))
    if event.volume_ul is not None:
        what.append(f"{event.volume_ul:.0f} µL")
    where = f"vial {event.slot}" if event.slot else "the vial"
    return f"{where}: {', '.join(what)}; {_say_eye(event.eye)}"


def _say_eye(eye: Mapping[str, object] | None) -> str:
    if eye is None:
        return "the eye said nothing"
    row = eye.get("surface_y")
    at = f", row {row:.0f}" if isinstance(row, int | float) else ""
    return f"the eye said {say_state(str(eye.get('state')))}{at}"


def said_of_question(state: CampaignState) -> str:
    """What a person's own correction means for the question that is open, in a sentence; empty without one."""
    if state.question is None or not 1 <= state.question.experiment <= len(state.experiments):
        return ""
    seen = state.experiments[state.question.experiment - 1].corrected
    if seen is None:
        return ""
    volume_ul = seen.get("volume_ul")
    holds = f", {volume_ul:.0f} µL" if isinstance(volume_ul, int | float) else ""
    return f"By your correction it is {say_state(str(seen['state']))}{holds}. {STAYS}; the answer is yours."
