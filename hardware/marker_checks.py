"""What the markers of a rig file say against each other, and against what can be printed."""

import math

from hardware.spec import MARKER_DICTIONARIES, MarkersSpec
from hardware.toml_file import Mistakes, Table, did_you_mean, shown, what_is_good

_ANY = {"ids": [0], "size_mm": 10.0, "places_mm": [[0.0, 0.0, 0.0]]}


def check_markers(table: Table, mistakes: Mistakes) -> None:
    """Add to `mistakes` what is wrong with [markers] beyond the type of each value."""
    if "markers" not in table:
        return
    spec = what_is_good(MarkersSpec, table["markers"], "markers", mistakes, _ANY)
    if spec is None:
        return
    many = MARKER_DICTIONARIES.get(spec.dictionary)
    if many is None:
        hint = did_you_mean(spec.dictionary, MARKER_DICTIONARIES)
        known = hint or f"; there are {', '.join(MARKER_DICTIONARIES)}"
        mistakes.add("markers.dictionary", f"there is no dictionary {shown(spec.dictionary)}{known}")
    if not mistakes.under("markers.ids"):
        _check_ids(spec, many, mistakes)
    if not mistakes.under("markers.ids", "markers.places_mm"):
        if len(spec.places_mm) != len(spec.ids):
            said = f"expected {len(spec.ids)} places, one for each of ids, got {len(spec.places_mm)}"
            mistakes.add("markers.places_mm", said)
        elif not mistakes.under("markers.size_mm"):
            _check_places(spec, mistakes)
    if spec.white_mm is not None and not mistakes.under("markers.white_mm"):
        left, bottom, right, top, depth = spec.white_mm
        if not (left < right and bottom < top):
            ends = f"{min(left, right):g}, {min(bottom, top):g}, {max(left, right):g}, {max(bottom, top):g}"
            meant = f"did you mean [{ends}, {depth:g}]?"
            mistakes.add("markers.white_mm", f"expected left, bottom, right, top and depth; {meant}")


def _check_ids(spec: MarkersSpec, many: int | None, mistakes: Mistakes) -> None:
    if not spec.ids:
        mistakes.add("markers.ids", "expected at least one marker")
    for i, number in enumerate(spec.ids):
        if number in spec.ids[:i]:
            mistakes.add(f"markers.ids[{i + 1}]", f"{number} is there twice; each marker needs its own id")
        elif many is not None and number >= many:
            mistakes.add(f"markers.ids[{i + 1}]", f"{number} is not in {spec.dictionary}: it has 0 to {many - 1}")


def _check_places(spec: MarkersSpec, mistakes: Mistakes) -> None:
    for i, (x, y, _) in enumerate(spec.places_mm):
        for other, (x2, y2, _) in zip(spec.ids[:i], spec.places_mm, strict=False):
            if max(abs(x - x2), abs(y - y2)) < spec.size_mm - 1e-9:
                apart = f"{math.hypot(x - x2, y - y2):.4g} mm from marker {other}"
                mistakes.add(
                    f"markers.places_mm[{i + 1}]", f"is {apart}: the two overlap, each is {spec.size_mm:g} mm"
                )
